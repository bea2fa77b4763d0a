#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "broker/controller_channel.h"
#include "broker/replica/replicas.h"
#include "common/base/id.h"
#include "common/env/executor.h"
#include "common/rpc/control.h"

namespace ottla::broker {

/// Tells the controller which replicas of this broker lie in log dirs that are slow, or have no
/// room for clients' records, so that it hands their leadership over: before their ISR shrinks or
/// the disk dies (W10, KIP-501), and to where producers are not refused (N13). Said once, and again
/// when the list has changed, to each new controller, and in each new registration, until it was
/// heard.
/// Thread: `loop`.
class SlowReplicas {
 public:
  /// References outlive it.
  SlowReplicas(const replica::Replicas& replicas, ControllerChannel& channel, env::Executor& loop)
      : replicas_(replicas), channel_(channel), loop_(loop) {}

  /// Compares what is with what the controller has heard; called after each look at the disks.
  void look();

 private:
  /// What was said, and to whom.
  struct Told {
    ControllerEpoch controller{-1};
    BrokerEpoch self = kUnknownBrokerEpoch;
    std::vector<rpc::SlowReplicasReport::Replica> replicas;

    friend bool operator==(const Told&, const Told&) = default;
  };
  [[nodiscard]] std::vector<rpc::SlowReplicasReport::Replica> slow_replicas() const;
  void answered(Told told, const Result<rpc::SlowReplicasReply>& reply);

  const replica::Replicas& replicas_;
  ControllerChannel& channel_;
  env::Executor& loop_;
  Told heard_;
  /// A report may have been heard whose answer is lost: even that all is well must be said then.
  bool is_doubtful_ = false;
  std::uint64_t reports_ = 0;
  bool is_telling_ = false;
  /// Answers may come when this is gone.
  std::shared_ptr<SlowReplicas*> self_ = std::make_shared<SlowReplicas*>(this);
};

}  // namespace ottla::broker
