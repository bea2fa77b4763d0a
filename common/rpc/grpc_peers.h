#pragma once

#include <memory>

#include "common/rpc/peer.h"

namespace ottla::rpc {

/// Peers over gRPC: one channel for each registration, apart from the replication streams', so that
/// control never queues behind data (W24). Thread: any.
class GrpcPeers final : public Peers {
 public:
  std::shared_ptr<Peer> connect(const cluster::Broker& broker) override;
};

}  // namespace ottla::rpc
