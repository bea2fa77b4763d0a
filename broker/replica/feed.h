#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "broker/quota/replication_quota.h"
#include "broker/replica/partition.h"
#include "broker/replica/partition_watcher.h"
#include "broker/replica/replicas_config.h"
#include "broker/storage/cold_reads.h"
#include "common/base/mutex.h"
#include "common/env/executor.h"
#include "common/rpc/replication.h"

namespace ottla::replica {

/// The leader's side of one follower's stream: sends what its subscribed partitions append,
/// gathered into one message for all of them, as far as the window of unacknowledged bytes allows;
/// takes the follower's progress to the partitions. docs/replication.md has its states.
///
///     subscribe --admitted--> waiting <--> ready (log grew) --> loading (cold read) --> ready
///         |--refused, diverged, other epoch--> gone: the follower hears why and subscribes anew
///
/// What quotas hold back (KIP-73) waits on its own, beside what others have: a throttled replica
/// that is not in sync takes nothing from those that are.
///
/// Thread: its stream loop, except `on_partition_changed` (any; dirty_mutex_, LockRank::Leaf).
class Feed final : public rpc::LeaderHandler,
                   public PartitionWatcher,
                   public std::enable_shared_from_this<Feed> {
 public:
  /// The broker's partitions, as far as a feed needs them. Thread: any.
  class Source {
   public:
    virtual ~Source() = default;
    /// Null when this broker does not hold what the subscription names.
    [[nodiscard]] virtual std::shared_ptr<Partition> find(
        const rpc::Subscription& wanted) const = 0;
    virtual void request_isr(rpc::AlterPartition request) = 0;
    virtual void feed_closed(const Feed& feed) = 0;
  };

  Feed(const rpc::StreamHello& hello, std::unique_ptr<rpc::LeaderWriter> writer,
       std::shared_ptr<Source> source, std::shared_ptr<const ReplicasConfig> config,
       std::shared_ptr<quota::ReplicationQuotas> quotas, env::Clock& clock, env::Executor& loop,
       std::shared_ptr<storage::ColdReads> cold_reads);
  ~Feed() override;

  [[nodiscard]] const rpc::StreamHello& hello() const { return hello_; }
  /// Thread: any.
  [[nodiscard]] std::uint64_t in_flight_bytes() const { return in_flight_bytes_; }
  [[nodiscard]] std::size_t partitions() const { return partitions_; }
  /// Ends the stream: replaced by a newer one, or the broker stops.
  void close();

  void on_message(rpc::FollowerMessage message) override;
  void on_closed(Error cause) override;
  void on_partition_changed(std::uint32_t token, PartitionChange change) override
      OTTLA_EXCLUDES(dirty_mutex_);

 private:
  struct Fed {
    std::shared_ptr<Partition> partition;
    LeaderEpoch epoch;
    Offset next_offset;  ///< Sent up to here.
    Offset sent_high_watermark = kUnknownOffset;
    Offset sent_log_start = kUnknownOffset;
    bool is_ready = false;         ///< Stands in ready_.
    bool is_loading = false;       ///< A cold read is under way, or waits for its turn.
    bool is_withheld = false;      ///< The partition knows that the window keeps records back.
    bool offsets_changed = false;  ///< Stands in changed_.
    std::uint64_t asked = 0;       ///< The last question that was put to the follower.
    SharedBuffer loaded;           ///< What the cold read brought.
    std::uint64_t load_bytes = 0;  ///< The most that a cold read is to bring.
    bool is_held = false;          ///< Stands in held_, until the leader's quota has room.
    bool is_paused = false;        ///< The follower's quota has no room.
    bool is_counted = false;       ///< What was read last counts for the leader's quota.
  };

  void subscribe(const rpc::Subscription& wanted);
  void drop(std::uint32_t id);
  void take_dirty() OTTLA_EXCLUDES(dirty_mutex_);
  void make_ready(std::uint32_t id, Fed& fed);
  void note_withheld();
  void pump();
  [[nodiscard]] rpc::LeaderMessage gather();
  /// Adds what `id` has to the message. False: the message is full.
  bool add(std::uint32_t id, rpc::LeaderMessage& message, std::uint64_t& bytes);
  void add_records(std::uint32_t id, Fed& fed, const Partition::ReadAccess& access,
                   SharedBuffer records, rpc::LeaderMessage& message, std::uint64_t& bytes);
  void refuse(std::uint32_t id, ErrorCode error, rpc::LeaderMessage& message);
  /// Bytes of it that quotas let pass now; nullopt: it is put aside until they do.
  [[nodiscard]] std::optional<std::uint64_t> allowance(std::uint32_t id, Fed& fed);
  void hold_back(std::uint32_t id, Fed& fed, env::Duration delay);
  void release_held();
  void set_paused(const std::vector<rpc::SubscriptionId>& ids, bool is_paused);
  void load(std::uint32_t id, Fed& fed);
  [[nodiscard]] Result<SharedBuffer> read_cold(const storage::Log& log, Offset offset,
                                               std::uint64_t most_bytes) const;
  void on_loaded(std::uint32_t id, Result<SharedBuffer> records);
  /// Puts the partition's open question, if there is a new one, to the follower.
  void ask(std::uint32_t id, Fed& fed);
  void send_offsets_soon();
  void send_offsets();
  [[nodiscard]] Partition::FollowerLink link(const Fed& fed) const {
    return {hello_.follower, this, fed.epoch};
  }

  const rpc::StreamHello hello_;
  std::unique_ptr<rpc::LeaderWriter> writer_;
  std::shared_ptr<Source> source_;
  const std::shared_ptr<const ReplicasConfig> config_;
  const std::shared_ptr<quota::ReplicationQuotas> quotas_;
  env::Clock& clock_;
  env::Executor& loop_;
  const std::shared_ptr<storage::ColdReads> cold_reads_;
  const std::string reader_;  ///< Its name among cold readers.

  std::map<std::uint32_t, std::unique_ptr<Fed>> fed_;
  std::deque<std::uint32_t> ready_;
  std::deque<std::uint32_t> waiting_to_load_;
  std::vector<std::uint32_t> changed_;
  rpc::LeaderMessage urgent_;  ///< Refusals and questions: they wait for no window.
  std::atomic<std::uint64_t> in_flight_bytes_ = 0;  ///< Changed on the loop only.
  std::atomic<std::size_t> partitions_ = 0;         ///< The size of fed_.
  int loads_ = 0;
  env::TimerHandle offsets_timer_;
  std::deque<std::uint32_t> held_;
  env::TimerHandle held_timer_;
  bool closed_ = false;

  Mutex dirty_mutex_{LockRank::Leaf};
  std::map<std::uint32_t, std::uint8_t> dirty_ OTTLA_GUARDED_BY(dirty_mutex_);
  bool wake_posted_ OTTLA_GUARDED_BY(dirty_mutex_) = false;
};

}  // namespace ottla::replica
