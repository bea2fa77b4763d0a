#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "broker/quota/replication_quota.h"
#include "broker/replica/partition.h"
#include "broker/replica/replicas_config.h"
#include "common/cluster/broker.h"
#include "common/env/executor.h"
#include "common/rpc/replication.h"

namespace ottla::replica {

/// The follower's side of the stream from one leader broker: subscribes the partitions that follow
/// it, appends what comes, tells how far it got, cuts logs where they part from the leader's.
/// Reconnects for ever, with back-off. For each partition:
///
///     idle --subscribe--> streaming --divergence / out of range--> cutting (I/O pool) --> idle
///                             |------refused / bad records-------> idle, after a pause
///
/// Thread: its stream loop; `follow`, `unfollow`, `set_leader` and `stop` may be called on any.
class Fetcher final : public std::enable_shared_from_this<Fetcher> {
 public:
  Fetcher(BrokerId self, rpc::ReplicationTransport& transport,
          std::shared_ptr<const ReplicasConfig> config,
          std::shared_ptr<quota::ReplicationQuotas> quotas, env::Clock& clock, env::Executor& loop,
          env::Executor& io, std::shared_ptr<std::atomic<std::int64_t>> messages);
  ~Fetcher();

  struct Follow {
    std::shared_ptr<Partition> partition;
    LeaderEpoch epoch;
  };
  /// Takes up partitions, or newer epochs of partitions.
  void follow(std::vector<Follow> partitions);
  /// Gives partitions up, unless they were taken up again with a newer epoch.
  void unfollow(std::vector<Follow> partitions);
  /// Where the leader broker is now and who we are; nullopt while it is not registered. Another
  /// registration of either side makes a new stream.
  void set_leader(std::optional<cluster::Broker> leader, BrokerEpoch own_epoch);
  void stop();

 private:
  enum class State : std::uint8_t { Idle, Streaming, Cutting };
  struct Followed {
    std::shared_ptr<Partition> partition;
    LeaderEpoch epoch;
    State state = State::Idle;
    std::uint32_t subscription = 0;  ///< While streaming.
    bool skip_comparison = false;    ///< The leader knows no epochs to compare.
    Offset told_start;               ///< The log start offset that the leader knows of us.
    env::Duration pause{};
    env::TimerHandle retry;
  };
  using Key = const Partition*;
  /// Orders by name: no order may hang on addresses.
  struct ByName {
    bool operator()(Key a, Key b) const { return a->name() < b->name(); }
  };
  class Connection;

  void connect();
  void disconnect();
  void on_message(std::uint64_t connection, rpc::LeaderMessage message);
  void on_closed(std::uint64_t connection, const Error& cause);
  void connect_later();
  void process(rpc::PartitionPush& push);
  void append(Followed& followed, rpc::PartitionPush& push);
  /// Pauses a throttled replica of which more came than our quota allows (KIP-73).
  void count(const Followed& followed, const rpc::PartitionPush& push, Offset log_end);
  void resume_later(env::Duration delay);
  void resume();
  void cut(Followed& followed, const rpc::PartitionPush& push);
  void on_cut(Key key, LeaderEpoch epoch, Result<bool> compare_again);
  void subscribe(Followed& followed);
  void end_subscription(Followed& followed);
  void subscribe_later(Followed& followed, ErrorCode why);
  void flush();

  const BrokerId self_;
  rpc::ReplicationTransport& transport_;
  const std::shared_ptr<const ReplicasConfig> config_;
  const std::shared_ptr<quota::ReplicationQuotas> quotas_;
  env::Clock& clock_;
  env::Executor& loop_;
  env::Executor& io_;
  /// Pushes for a partition that came from this leader, for the metrics.
  const std::shared_ptr<std::atomic<std::int64_t>> messages_;

  std::optional<cluster::Broker> leader_;
  BrokerEpoch own_epoch_ = kUnknownBrokerEpoch;
  std::unique_ptr<rpc::FollowerWriter> writer_;
  std::uint64_t connection_ = 0;  ///< Counts streams: late calls of older ones are ignored.
  env::Duration reconnect_pause_{};
  env::TimerHandle reconnect_;
  bool stopped_ = false;

  std::map<Key, Followed, ByName> followed_;
  std::map<std::uint32_t, Key> streaming_;
  std::uint32_t last_subscription_ = 0;
  std::set<std::uint32_t> paused_;  ///< Subscriptions whose leader was asked to wait.
  env::TimerHandle resume_timer_;
  rpc::FollowerMessage outgoing_;
};

}  // namespace ottla::replica
