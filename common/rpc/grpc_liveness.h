#pragma once

#include <memory>

#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/rpc/peer.h"

namespace ottla::rpc {

/// Watches processes by a ping stream over a connection of its own. When the stream breaks, a plain
/// TCP connect tells a dead process (refused) from a lost connection; a pong with another start
/// nonce proves that the watched process is gone, too. Silence for `suspicion_timeout` is Silent.
/// Thread: any; verdicts come on `loop`.
class GrpcLivenessMonitor final : public LivenessMonitor {
 public:
  struct Options {
    env::Duration ping_interval = std::chrono::milliseconds(300);
    env::Duration suspicion_timeout = std::chrono::milliseconds(1500);
  };

  /// `loop` runs verdicts and timers, `blocking` the TCP connects; both run until after the monitor
  /// is destroyed.
  GrpcLivenessMonitor(Options options, const env::Clock& clock, env::Executor& loop,
                      env::Executor& blocking);
  /// After all its watches are destroyed. Waits until no stream and no connect is under way.
  ~GrpcLivenessMonitor() override;

  [[nodiscard]] std::unique_ptr<LivenessWatch> watch(
      const cluster::Broker& broker, absl::AnyInvocable<void(Liveness)> changed) override;

 private:
  class InFlight;

  Options options_;
  const env::Clock& clock_;
  env::Executor& loop_;
  env::Executor& blocking_;
  std::shared_ptr<InFlight> in_flight_;
};

}  // namespace ottla::rpc
