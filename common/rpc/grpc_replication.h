#pragma once

#include <memory>

#include "common/rpc/replication.h"

namespace grpc {
class CallbackGenericService;
}

namespace ottla::rpc {

/// Opens replication streams over gRPC, each on a connection of its own: record bytes travel as
/// slices of a byte buffer, with no protobuf around them and no copy. gRPC's threads decode headers
/// and post to the executor of the stream; `send` starts a write or queues behind the one under
/// way. Thread: any.
class GrpcReplication final : public ReplicationTransport {
 public:
  GrpcReplication();
  /// Ends all streams and waits for gRPC to let go of them: a channel must not die on gRPC's own
  /// threads.
  ~GrpcReplication() override;

  std::unique_ptr<FollowerWriter> open(const cluster::Broker& leader, const StreamHello& hello,
                                       env::Executor& executor,
                                       std::shared_ptr<FollowerHandler> handler) override;

 private:
  class Streams;
  std::shared_ptr<Streams> streams_;
};

/// The other end: takes followers' streams to a ReplicationService. GrpcServer registers it.
/// Thread: any.
class GrpcReplicationServer {
 public:
  /// `service` outlives the GrpcServer that this is given to.
  explicit GrpcReplicationServer(ReplicationService& service);
  ~GrpcReplicationServer();
  [[nodiscard]] grpc::CallbackGenericService* grpc_service();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ottla::rpc
