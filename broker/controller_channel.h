#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "broker/api/services.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/surroundings.h"
#include "common/base/mutex.h"
#include "common/env/executor.h"
#include "common/rpc/peer.h"
#include "controller/service.h"

namespace ottla::broker {

/// This broker's way to the controller in office: to itself by a call, to another by a peer. Who is
/// in office is what /controller last said; a request that meets the wrong broker ends with
/// NotController and its caller asks again.
/// Thread: any (mutex_). Callbacks come on any thread.
class ControllerChannel final : public replica::IsrChanges, public api::ProducerIdBlocks {
 public:
  /// References outlive the channel.
  ControllerChannel(BrokerId self, env::Duration request_timeout,
                    controller::ControllerService& local, metadata::MetadataCache& metadata,
                    rpc::Peers& peers)
      : self_(self),
        request_timeout_(request_timeout),
        local_(local),
        metadata_(metadata),
        peers_(peers) {}

  /// Under which registration requests are made.
  void set_broker_epoch(BrokerEpoch epoch) OTTLA_EXCLUDES(mutex_);

  /// A controller of this epoch has spoken. ISR requests that older ones have not answered end as
  /// unknown, so that their partitions ask this one at once, and not after the request's timeout: a
  /// controller that sleeps answers nothing.
  void controller_spoke(ControllerEpoch epoch) OTTLA_EXCLUDES(mutex_);

  void alter(std::vector<rpc::AlterPartition> partitions,
             Callback<Result<rpc::AlterPartitionReply>> done) override;
  void allocate(Callback<Result<rpc::AllocateProducerIdsReply>> done) override;
  void controlled_shutdown(Callback<Result<rpc::ControlledShutdownReply>> done);
  void report_slow_replicas(std::vector<rpc::SlowReplicasReport::Replica> replicas,
                            std::uint64_t number,
                            Callback<Result<rpc::SlowReplicasReply>> done);

  /// The newest controller epoch that has spoken.
  [[nodiscard]] ControllerEpoch last_heard() const OTTLA_EXCLUDES(mutex_);
  /// The registration under which requests are made.
  [[nodiscard]] BrokerEpoch broker_epoch() const OTTLA_EXCLUDES(mutex_);

 private:
  /// An ISR request that a controller has: its answer counts once.
  class Asked;
  /// A connection to one registration of one broker.
  struct Connection {
    BrokerId broker = kNoBroker;
    BrokerEpoch epoch = kUnknownBrokerEpoch;
    std::shared_ptr<rpc::Peer> peer;
  };

  /// Whether this broker itself is in office.
  [[nodiscard]] bool is_local() const { return local_.is_controller(); }
  /// Null when nobody is known to be in office.
  [[nodiscard]] std::shared_ptr<rpc::Peer> remote() OTTLA_EXCLUDES(mutex_);

  const BrokerId self_;
  const env::Duration request_timeout_;
  controller::ControllerService& local_;
  metadata::MetadataCache& metadata_;
  rpc::Peers& peers_;
  mutable Mutex mutex_{LockRank::Leaf};
  BrokerEpoch broker_epoch_ OTTLA_GUARDED_BY(mutex_) = kUnknownBrokerEpoch;
  ControllerEpoch last_heard_ OTTLA_GUARDED_BY(mutex_){-1};
  std::vector<std::weak_ptr<Asked>> asked_ OTTLA_GUARDED_BY(mutex_);
  Connection connection_ OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::broker
