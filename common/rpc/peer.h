#pragma once

#include <memory>

#include "common/base/task.h"
#include "common/env/clock.h"
#include "common/rpc/control.h"

namespace ottla::rpc {

/// How another broker is reached for control. Implementations: gRPC (Ottla), Kafka's inter-broker
/// APIs (later, mixed clusters), the simulated network. A call ends exactly once: with the reply,
/// or with NetworkException (it may or may not have been carried out) or RequestTimedOut (the
/// same). Calls to one peer are delivered in the order they were made, as long as none fails.
/// Thread: any. Callbacks come on the implementation's thread: post to the owner and return.
class Peer {
 public:
  virtual ~Peer() = default;

  virtual void update_cluster(ClusterUpdate update, env::Duration timeout,
                              Callback<Result<ClusterUpdateReply>> done) = 0;
  virtual void query_replica_logs(ReplicaLogQuery query, env::Duration timeout,
                                  Callback<Result<ReplicaLogAnswer>> done) = 0;

  virtual void alter_partition(AlterPartitionRequest request, env::Duration timeout,
                               Callback<Result<AlterPartitionReply>> done) = 0;
  virtual void controlled_shutdown(ControlledShutdownRequest request, env::Duration timeout,
                                   Callback<Result<ControlledShutdownReply>> done) = 0;
  virtual void allocate_producer_ids(AllocateProducerIdsRequest request, env::Duration timeout,
                                     Callback<Result<AllocateProducerIdsReply>> done) = 0;
  /// A Kafka controller has no such request: UnsupportedVersion.
  virtual void report_slow_replicas(SlowReplicasReport /*report*/, env::Duration /*timeout*/,
                                    Callback<Result<SlowReplicasReply>> done) {
    std::move(done)(fail(ErrorCode::UnsupportedVersion));
  }
};

/// The other side of Peer's first half: a broker that takes the controller's commands.
/// Thread: called on any; answers on any.
class BrokerControl {
 public:
  virtual ~BrokerControl() = default;
  virtual void update_cluster(ClusterUpdate update, Callback<ClusterUpdateReply> reply) = 0;
  virtual void query_replica_logs(ReplicaLogQuery query, Callback<ReplicaLogAnswer> reply) = 0;
};

/// The other side of Peer's second half: a controller that takes brokers' requests. A broker that
/// is not the controller answers NotController.
class ControllerControl {
 public:
  virtual ~ControllerControl() = default;
  virtual void alter_partition(AlterPartitionRequest request,
                               Callback<AlterPartitionReply> reply) = 0;
  virtual void controlled_shutdown(ControlledShutdownRequest request,
                                   Callback<ControlledShutdownReply> reply) = 0;
  virtual void allocate_producer_ids(AllocateProducerIdsRequest request,
                                     Callback<AllocateProducerIdsReply> reply) = 0;
  virtual void report_slow_replicas(SlowReplicasReport /*report*/,
                                    Callback<SlowReplicasReply> reply) {
    std::move(reply)({.error = ErrorCode::UnsupportedVersion});
  }
};

/// Finds the way to a broker by what its registration offers. A peer is bound to one registration
/// (broker epoch): after a restart of the broker a new one is asked for.
class Peers {
 public:
  virtual ~Peers() = default;
  /// Null when the registration offers no way that this build knows.
  [[nodiscard]] virtual std::shared_ptr<Peer> connect(const cluster::Broker& broker) = 0;
};

/// What is known of a peer's process, apart from ZooKeeper.
enum class Liveness : std::uint8_t {
  Alive,  ///< Answers pings.
  /// Its connection closed and a new one was refused: proof, on a live host. Alive may follow, if
  /// something in between had refused: the process is known by its start nonce.
  ProcessDead,
  Silent,  ///< No answer for the suspicion timeout: suspicion only (pause, cut-off, host crash).
};

/// Watches one registration of a broker until destroyed.
class LivenessWatch {
 public:
  virtual ~LivenessWatch() = default;
  /// Asks the process now: `done` runs once it has answered a question put after this call, or its
  /// death is proven (and `changed` was told). Not at all if the watch ends before. Thread: the
  /// loop on which verdicts come; a monitor that cannot ask says yes at once.
  virtual void confirm(Task done) { std::move(done)(); }
};

class LivenessMonitor {
 public:
  virtual ~LivenessMonitor() = default;
  /// `changed` is called (on any thread) with each new verdict; the first is Alive once connected.
  [[nodiscard]] virtual std::unique_ptr<LivenessWatch> watch(
      const cluster::Broker& broker, absl::AnyInvocable<void(Liveness)> changed) = 0;
};

}  // namespace ottla::rpc
