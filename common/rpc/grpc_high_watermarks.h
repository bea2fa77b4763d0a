#pragma once

#include <memory>
#include <vector>

#include "common/rpc/high_watermarks.h"

namespace grpc {
class Service;
}

namespace ottla::rpc {

/// HighWatermarkPeers over gRPC, with one channel for each broker's endpoint. Thread: any.
class GrpcHighWatermarkPeers final : public HighWatermarkPeers {
 public:
  GrpcHighWatermarkPeers();
  /// Stops.
  ~GrpcHighWatermarkPeers() override;

  void ask(const cluster::Broker& to, std::vector<TopicPartition> partitions, env::Duration timeout,
           Callback<Result<HighWatermarks>> done) override;

  /// Cancels what is under way and waits for its callbacks; later calls fail at once. Idempotent.
  void stop();

 private:
  class Calls;
  std::shared_ptr<Calls> calls_;
};

/// Hands questions of other brokers' GrpcHighWatermarkPeers to `source`, which outlives it.
[[nodiscard]] std::unique_ptr<grpc::Service> make_high_watermark_service(
    const HighWatermarkSource& source);

}  // namespace ottla::rpc
