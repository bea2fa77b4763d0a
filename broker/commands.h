#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/controller_channel.h"
#include "broker/latch.h"
#include "broker/membership/config_watcher.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/peer_watch.h"
#include "broker/replica/replicas.h"
#include "common/base/task.h"
#include "common/env/executor.h"
#include "common/rpc/peer.h"

namespace ottla::broker {

/// The controller's commands on their way to the replicas, in order. The configs of topics that
/// are new to this broker are read first: no notification tells of them, and a log that is made
/// with the defaults would, say, not recompress its first batches. Not for long, though: a broker
/// that is cut off from ZooKeeper still takes part in failovers.
/// Thread: any; the queue belongs to `loop`, the configs' own.
class Commands final : public rpc::BrokerControl {
 public:
  /// References outlive the commands; the replicas and `configs` are stopped before.
  /// `on_settled`: the controller has acted on how the last process stopped, or on the return of a
  /// log dir, as the registration of that epoch told; called once for each, on the replicas'
  /// control loop. `on_update`: an update was carried out; there too.
  Commands(replica::Replicas& replicas, membership::ConfigWatcher& configs, PeerWatch& peer_watch,
           ControllerChannel& controller_channel, metadata::MetadataCache& metadata,
           env::Executor& loop, std::function<void(BrokerEpoch)> on_settled,
           std::function<void()> on_update)
      : replicas_(replicas),
        configs_(configs),
        peer_watch_(peer_watch),
        controller_channel_(controller_channel),
        metadata_(metadata),
        loop_(loop),
        on_settled_(std::move(on_settled)),
        on_update_(std::move(on_update)) {}

  void update_cluster(rpc::ClusterUpdate update, Callback<rpc::ClusterUpdateReply> reply) override;
  void query_replica_logs(rpc::ReplicaLogQuery query,
                          Callback<rpc::ReplicaLogAnswer> reply) override;

  /// Open once an update was carried out.
  [[nodiscard]] const Latch& first_update() const { return first_update_; }

 private:
  struct Waiting {
    std::uint64_t number;
    rpc::ClusterUpdate update;
    Callback<rpc::ClusterUpdateReply> reply;
    bool ready;
  };

  [[nodiscard]] std::vector<std::string> new_topics(const rpc::ClusterUpdate& update) const;
  void set_ready(std::uint64_t number);
  void hand_over(Waiting command);

  replica::Replicas& replicas_;
  membership::ConfigWatcher& configs_;
  PeerWatch& peer_watch_;
  ControllerChannel& controller_channel_;
  metadata::MetadataCache& metadata_;
  env::Executor& loop_;
  const std::function<void(BrokerEpoch)> on_settled_;
  const std::function<void()> on_update_;
  BrokerEpoch settled_epoch_ = kUnknownBrokerEpoch;  ///< The control loop's.
  Latch first_update_;
  std::deque<Waiting> waiting_;  ///< In order; the controller has a few under way at most.
  std::uint64_t number_ = 0;
};

}  // namespace ottla::broker
