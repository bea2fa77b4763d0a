#pragma once

#include <absl/container/inlined_vector.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "broker/metadata/metadata_cache.h"
#include "broker/replica/append.h"
#include "broker/replica/isr.h"
#include "broker/replica/leadership_questions.h"
#include "broker/replica/partition_health.h"
#include "broker/replica/partition_watcher.h"
#include "broker/replica/preferred_replica.h"
#include "broker/replica/surroundings.h"
#include "broker/storage/log.h"
#include "common/base/mutex.h"
#include "common/cluster/partition.h"
#include "common/env/clock.h"
#include "common/rpc/control.h"
#include "common/rpc/replication.h"

namespace ottla::replica {

/// What replication counts since the start, for the metrics. Thread: any.
struct ReplicationTotals {
  std::atomic<std::int64_t> bytes_in{0};                ///< From leaders.
  std::atomic<std::int64_t> bytes_out{0};               ///< To followers.
  std::atomic<std::int64_t> reassignment_bytes_in{0};   ///< Of these, by replicas being added.
  std::atomic<std::int64_t> reassignment_bytes_out{0};  ///< To replicas being added.
  // Records that were refused; of the first three, a set of records counts once.
  std::atomic<std::int64_t> refused_magic{0};
  std::atomic<std::int64_t> refused_checksum{0};
  std::atomic<std::int64_t> refused_offset_or_sequence{0};
  std::atomic<std::int64_t> refused_without_key{0};
  std::atomic<std::int64_t> fetches_expired{0};  ///< Answered because max_wait was over.
  std::atomic<std::int64_t> isr_expands{0};
  std::atomic<std::int64_t> isr_shrinks{0};
  std::atomic<std::int64_t> failed_isr_updates{0};
  // Requests that are being carried out or wait, and the partitions that they wait for.
  std::atomic<std::int64_t> appends{0};
  std::atomic<std::int64_t> fetches{0};
  std::atomic<std::int64_t> deletions{0};
  std::atomic<std::int64_t> append_watches{0};
  std::atomic<std::int64_t> fetch_watches{0};
  std::atomic<std::int64_t> deletion_watches{0};
};

/// What all partitions of a broker share.
struct PartitionContext {
  BrokerId self;
  env::Clock& clock;
  metadata::MetadataCache& metadata;
  env::Duration max_lag;
  std::atomic<std::int64_t> broker_epoch = kUnknownBrokerEpoch.value();
  /// Records that were readable, and were cut since (W6).
  std::atomic<std::int64_t> readable_records_cut = 0;
  ReplicationTotals totals{};
};

/// What the controller says about a partition that this broker holds.
struct RoleChange {
  cluster::Assignment assignment;
  cluster::PartitionState state;
  std::shared_ptr<storage::Log> log;
  TopicConfig config;
  Offset checkpointed_high_watermark{0};  ///< Used when the partition takes up this log.
};

/// One partition as this broker holds it: as leader, as follower, or offline. It decides who may do
/// what in which leader epoch; the log does the I/O.
///
/// Two locks. `append_mutex_` covers an append with the check that its epoch still holds, and
/// changes of role: no record of an old epoch lands after the change. `state_mutex_` covers the few
/// lines that look at or change the state; readers take only that. Watchers are called after both
/// are released.
///
/// Thread: any (append_mutex_, LockRank::Partition; state_mutex_, LockRank::PartitionState).
class Partition : public std::enable_shared_from_this<Partition> {
 public:
  using Role = PartitionRole;

  Partition(std::shared_ptr<PartitionContext> context, TopicPartition name, TopicId topic_id);
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  [[nodiscard]] const TopicPartition& name() const { return name_; }
  [[nodiscard]] const TopicId& topic_id() const { return topic_id_; }

  // Roles. Called on the replica control loop only.

  /// Before its first role: what is known to be committed, beyond the checkpoint.
  void start_from(Offset high_watermark) OTTLA_EXCLUDES(state_mutex_);

  /// Takes up leadership, or a newer ISR in the same epoch. Writes the epoch's start to the log;
  /// may block. False: nothing new. Errors: KafkaStorageError.
  Result<bool> become_leader(RoleChange change) OTTLA_EXCLUDES(append_mutex_, state_mutex_);
  /// Follows `change.state.leader` (nobody if that is -1). False: nothing new.
  Result<bool> become_follower(RoleChange change) OTTLA_EXCLUDES(append_mutex_, state_mutex_);
  /// The log dir failed, or the replica is given up: nothing is served and no ISR is asked for
  /// (W7).
  void go_offline(ErrorCode reason) OTTLA_EXCLUDES(append_mutex_, state_mutex_);
  void set_config(TopicConfig config) OTTLA_EXCLUDES(state_mutex_);

  // Looking in.

  struct View {
    Role role = Role::None;
    BrokerId leader = kNoBroker;
    LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
    Offset epoch_start_offset;
    Offset high_watermark;
    std::shared_ptr<storage::Log> log;  ///< Null when offline or not yet told.
    std::vector<BrokerId> isr;          ///< Committed; empty unless leader.
    std::vector<BrokerId> replicas;
    std::vector<BrokerId> adding;  ///< Of these, those that a reassignment adds.

    /// Replicas that are to be in sync: those that a reassignment adds need not be yet (KIP-352).
    [[nodiscard]] std::size_t replication_factor() const;
  };
  [[nodiscard]] View view() const OTTLA_EXCLUDES(state_mutex_);
  /// What `ottla explain` is told: docs/failover.md.
  [[nodiscard]] PartitionHealth health() const OTTLA_EXCLUDES(state_mutex_);
  /// Its log dir is slow (W10), or takes no records of clients for want of room (N13): whoever
  /// leads had better be another.
  [[nodiscard]] bool had_better_not_lead() const OTTLA_EXCLUDES(state_mutex_);
  [[nodiscard]] Offset high_watermark() const {
    return Offset(high_watermark_.load(std::memory_order_acquire));
  }

  /// What a reader needs, after its epoch was checked (KIP-320). Errors: FencedLeaderEpoch,
  /// UnknownLeaderEpoch, NotLeaderOrFollower, KafkaStorageError.
  struct ReadAccess {
    std::shared_ptr<storage::Log> log;
    Offset high_watermark;
    LeaderEpoch leader_epoch;
    Offset epoch_start_offset;
    bool is_leader = false;
  };
  Result<ReadAccess> read_access(LeaderEpoch current_leader_epoch, bool leader_only) const
      OTTLA_EXCLUDES(state_mutex_);

  /// Live replicas for consumers to read from (KIP-392); empty unless leader.
  [[nodiscard]] std::vector<ReadCandidate> read_candidates() const OTTLA_EXCLUDES(state_mutex_);

  // As leader: appending.

  /// Whether an append would be taken now, before any work is put into it. Errors as
  /// `append_as_leader`.
  Result<> check_append(Acks acks, std::optional<LeaderEpoch> expected) const
      OTTLA_EXCLUDES(state_mutex_);

  struct Appended {
    storage::AppendInfo info;
    LeaderEpoch leader_epoch;
  };
  /// Errors: NotLeaderOrFollower, FencedLeaderEpoch (`expected`), NotEnoughReplicas (acks=all),
  /// KafkaStorageError, and the log's.
  Result<Appended> append_as_leader(
      MutableByteView validated, Acks acks, std::optional<LeaderEpoch> expected,
      storage::AppendOrigin origin,
      std::optional<storage::VerificationToken> verified = std::nullopt)
      OTTLA_EXCLUDES(append_mutex_, state_mutex_);
  /// Calls `waiter` once the high watermark has reached `required_end`, or can't any more in the
  /// epoch of the append; possibly inside this call.
  void await_commit(Offset required_end, LeaderEpoch appended_in,
                    std::shared_ptr<CommitWaiter> waiter, std::uint32_t token)
      OTTLA_EXCLUDES(state_mutex_);
  /// After a timeout: forgets the waiter.
  void forget_commit(Offset required_end, const CommitWaiter* waiter) OTTLA_EXCLUDES(state_mutex_);

  // As leader: whether it still is one (LeadershipQuestions).

  /// Calls `waiter` once all who may be in the ISR have confirmed that they follow this leader, or
  /// can't any more; possibly inside this call. Its token is 0.
  void confirm_leadership(LeadershipQuestions::Asker asker) OTTLA_EXCLUDES(state_mutex_);
  /// After a timeout.
  void forget_question(const CommitWaiter* waiter) OTTLA_EXCLUDES(state_mutex_);
  /// What followers are to confirm; 0: nothing.
  [[nodiscard]] std::uint64_t open_question() const OTTLA_EXCLUDES(state_mutex_);

  void watch(std::shared_ptr<PartitionWatcher> watcher, std::uint32_t token, std::uint8_t changes)
      OTTLA_EXCLUDES(state_mutex_);
  void unwatch(const PartitionWatcher* watcher, std::uint32_t token) OTTLA_EXCLUDES(state_mutex_);
  /// Lets go of all that watches or waits, without a word: the end of the process.
  void forget_watchers() OTTLA_EXCLUDES(state_mutex_);

  // As leader: followers. All fenced by the leader epoch of the subscription.

  /// A follower wants the log from an offset on. Nullopt: it fits, and the follower is known from
  /// now on. Errors: those of PartitionPush.
  struct Refusal {
    ErrorCode error = ErrorCode::None;
    std::optional<rpc::PartitionPush::Divergence> divergence;
    Offset log_start_offset = kUnknownOffset;
    Offset log_end_offset = kUnknownOffset;
  };
  [[nodiscard]] std::optional<Refusal> admit_follower(const rpc::StreamHello& hello,
                                                      const void* stream,
                                                      const rpc::Subscription& wanted)
      OTTLA_EXCLUDES(state_mutex_);
  /// A follower on the stream that it was admitted from: a newer stream of the same broker makes
  /// the older one's calls void.
  struct FollowerLink {
    BrokerId follower;
    const void* stream = nullptr;
    LeaderEpoch epoch;
  };
  /// What limits the records of a follower: nothing while it is (or may be) in the ISR.
  struct Throttling {
    bool in_sync = false;
    bool by_leader = false;  ///< leader.replication.throttled.replicas names us.
  };
  [[nodiscard]] Throttling throttling(BrokerId follower) const OTTLA_EXCLUDES(state_mutex_);
  void follower_left(FollowerLink link) OTTLA_EXCLUDES(state_mutex_);
  /// Records up to `end` were put on its stream.
  void note_sent(FollowerLink link, Offset end) OTTLA_EXCLUDES(state_mutex_);
  /// Records wait because its stream's window is closed.
  void note_withheld(FollowerLink link) OTTLA_EXCLUDES(state_mutex_);
  /// Records of this partition that `follower` (another, or this broker) was sent.
  void count_replicated(BrokerId follower, std::size_t bytes) OTTLA_EXCLUDES(state_mutex_);
  /// Moves the high watermark; returns the ISR request that the follower's progress calls for.
  [[nodiscard]] std::optional<rpc::AlterPartition> on_follower_progress(FollowerLink link,
                                                                        Offset log_end,
                                                                        Offset log_start)
      OTTLA_EXCLUDES(state_mutex_);

  void on_follower_confirmed(FollowerLink link, std::uint64_t question)
      OTTLA_EXCLUDES(state_mutex_);

  /// It cannot write what it was sent, for want of room, and leaves the ISR if enough others are in
  /// it: whoever waits for acknowledgements should not wait for its disk.
  [[nodiscard]] std::optional<rpc::AlterPartition> on_follower_without_room(FollowerLink link)
      OTTLA_EXCLUDES(state_mutex_);

  // As leader: the ISR.

  /// The periodic look: who lags, who may join. `silent`: brokers that do not answer.
  [[nodiscard]] std::optional<rpc::AlterPartition> check_isr(const std::set<BrokerId>& silent)
      OTTLA_EXCLUDES(state_mutex_);
  /// Brokers that are not heard, while this one is cut off from most. With one of them in the ISR
  /// nothing is committed: acks=all appends are NotLeaderOrFollower, those that wait too.
  void set_out_of_reach(const std::set<BrokerId>& brokers) OTTLA_EXCLUDES(state_mutex_);
  /// The answer to a request. True: send it again after a pause (`pending_isr_request`).
  [[nodiscard]] bool on_isr_refused(const rpc::AlterPartition& request, ErrorCode error)
      OTTLA_EXCLUDES(state_mutex_);
  void on_isr_answered(const cluster::PartitionState& state) OTTLA_EXCLUDES(state_mutex_);
  [[nodiscard]] std::optional<rpc::AlterPartition> pending_isr_request() const
      OTTLA_EXCLUDES(state_mutex_);

  // As follower. All fenced by the leader epoch: NotLeaderOrFollower when it is another one now.

  struct FetchStart {
    Offset fetch_offset;
    LeaderEpoch last_fetched_epoch = kUnknownLeaderEpoch;
    Offset log_start_offset;
  };
  /// How far the leader's log reaches, by its last word.
  void note_leader_end(Offset end) { leader_end_.store(end.value(), std::memory_order_relaxed); }
  /// Records that its log is behind the leader's; nullopt unless follower.
  [[nodiscard]] std::optional<std::int64_t> behind_leader() const OTTLA_EXCLUDES(state_mutex_);
  Result<FetchStart> fetch_start(LeaderEpoch epoch) const OTTLA_EXCLUDES(state_mutex_);
  /// follower.replication.throttled.replicas names us.
  [[nodiscard]] bool is_throttled_follower() const OTTLA_EXCLUDES(state_mutex_);
  struct Extent {
    Offset log_start_offset;
    Offset log_end_offset;
  };
  /// Appends what the leader sent (possibly nothing) and takes over its offsets. Errors:
  /// CorruptMessage, OffsetOutOfRange, KafkaStorageError.
  Result<Extent> append_as_follower(LeaderEpoch epoch, std::span<const ByteView> batches,
                                    Offset leader_high_watermark, Offset leader_log_start)
      OTTLA_EXCLUDES(append_mutex_, state_mutex_);
  /// Cuts the log where it parts from the leader's. Returns whether epochs are to be compared
  /// again; false: go on without (`last_fetched_epoch` -1). Blocks.
  Result<bool> truncate_to_leader(LeaderEpoch epoch, rpc::PartitionPush::Divergence divergence)
      OTTLA_EXCLUDES(append_mutex_, state_mutex_);
  /// The fetch offset was outside the leader's log. Blocks.
  Result<> leave_out_of_range(LeaderEpoch epoch, Offset leader_log_start, Offset leader_log_end)
      OTTLA_EXCLUDES(append_mutex_, state_mutex_);

  // Moving between log dirs.

  /// Goes on with another log that holds the same: `switch_over` makes it so while nobody appends
  /// or cuts, and says whether it could. False also when this is not its log any more.
  Result<bool> replace_log(const storage::Log* current, std::shared_ptr<storage::Log> replacement,
                           const std::function<Result<bool>()>& switch_over)
      OTTLA_EXCLUDES(append_mutex_, state_mutex_);

  // DeleteRecords.

  /// Errors: OffsetOutOfRange, NotLeaderOrFollower, PolicyViolation (cleanup.policy without
  /// delete).
  Result<Offset> raise_log_start_offset(Offset offset) OTTLA_EXCLUDES(state_mutex_);
  /// The smallest log start offset of the live replicas. Errors: NotLeaderOrFollower.
  Result<Offset> low_watermark() const OTTLA_EXCLUDES(state_mutex_);

 private:
  struct Watch {
    std::shared_ptr<PartitionWatcher> watcher;
    std::uint32_t token;
    std::uint8_t changes;
  };
  struct Commit {
    std::shared_ptr<CommitWaiter> waiter;
    std::uint32_t token;
  };
  /// Calls to be made once no lock is held.
  struct Calls;

  void collect(PartitionChange change, Calls& calls) const OTTLA_REQUIRES(state_mutex_);
  void advance_high_watermark(Calls& calls) OTTLA_REQUIRES(state_mutex_);
  void settle_commits(Calls& calls) OTTLA_REQUIRES(state_mutex_);
  void settle_questions(Calls& calls) OTTLA_REQUIRES(state_mutex_);
  /// Commits and questions: neither can be decided here any more.
  void dismiss_waiting(ErrorCode outcome, Calls& calls) OTTLA_REQUIRES(state_mutex_);
  void begin_followers() OTTLA_REQUIRES(state_mutex_);
  void match_followers_to_isr() OTTLA_REQUIRES(state_mutex_);
  void take_up(const RoleChange& change) OTTLA_REQUIRES(state_mutex_);
  [[nodiscard]] FollowerState* linked(FollowerLink link) OTTLA_REQUIRES(state_mutex_);
  [[nodiscard]] bool leads(LeaderEpoch epoch) const OTTLA_REQUIRES(state_mutex_);
  /// How many members of the ISR it takes to commit a record.
  [[nodiscard]] std::int32_t min_isr() const OTTLA_REQUIRES(state_mutex_);
  void note_eligible(const cluster::PartitionState& state) OTTLA_REQUIRES(state_mutex_);
  Result<> check_append_locked(Acks acks, std::optional<LeaderEpoch> expected) const
      OTTLA_REQUIRES(state_mutex_);
  Result<> check_epoch(LeaderEpoch current) const OTTLA_REQUIRES(state_mutex_);
  Result<std::shared_ptr<storage::Log>> followers_log(LeaderEpoch epoch) const
      OTTLA_EXCLUDES(state_mutex_);
  [[nodiscard]] bool is_eligible(const FollowerState& follower) const;
  void note_removed(const FollowerState& follower) OTTLA_REQUIRES(state_mutex_);
  [[nodiscard]] std::optional<rpc::AlterPartition> propose_joiners() OTTLA_REQUIRES(state_mutex_);
  [[nodiscard]] rpc::AlterPartition propose(const std::vector<BrokerId>& members)
      OTTLA_REQUIRES(state_mutex_);
  [[nodiscard]] rpc::AlterPartition isr_request() const OTTLA_REQUIRES(state_mutex_);
  void keep_what_counts(const storage::Log& log, Offset cut, LeaderEpoch epoch)
      OTTLA_EXCLUDES(state_mutex_);
  void lower_high_watermark(Offset cut) OTTLA_EXCLUDES(state_mutex_);
  void set_high_watermark(Offset offset) OTTLA_REQUIRES(state_mutex_) {
    high_watermark_.store(offset.value(), std::memory_order_release);
  }
  /// Tells the log too, which keeps ended transactions until their markers are committed, also
  /// where nobody reads.
  void raise_high_watermark(Offset offset, storage::Log& log) OTTLA_REQUIRES(state_mutex_);

  const std::shared_ptr<PartitionContext> context_;
  const TopicPartition name_;
  const TopicId topic_id_;

  mutable Mutex append_mutex_{LockRank::Partition};
  mutable Mutex state_mutex_{LockRank::PartitionState};
  Role role_ OTTLA_GUARDED_BY(state_mutex_) = Role::None;
  ErrorCode offline_reason_ OTTLA_GUARDED_BY(state_mutex_) = ErrorCode::None;
  BrokerId leader_ OTTLA_GUARDED_BY(state_mutex_) = kNoBroker;
  LeaderEpoch leader_epoch_ OTTLA_GUARDED_BY(state_mutex_) = kUnknownLeaderEpoch;
  PartitionEpoch partition_epoch_ OTTLA_GUARDED_BY(state_mutex_){-1};
  Offset epoch_start_offset_ OTTLA_GUARDED_BY(state_mutex_);
  /// The epoch in which this broker became leader, from follower or anew: it has led ever since.
  LeaderEpoch leads_since_ OTTLA_GUARDED_BY(state_mutex_) = kUnknownLeaderEpoch;
  /// The leader was elected uncleanly, and not all have followed it yet (KIP-704).
  bool is_recovering_ OTTLA_GUARDED_BY(state_mutex_) = false;
  std::vector<BrokerId> replicas_ OTTLA_GUARDED_BY(state_mutex_);
  std::vector<BrokerId> adding_ OTTLA_GUARDED_BY(state_mutex_);
  TopicConfig config_ OTTLA_GUARDED_BY(state_mutex_);
  std::shared_ptr<storage::Log> log_ OTTLA_GUARDED_BY(state_mutex_);
  Isr isr_ OTTLA_GUARDED_BY(state_mutex_);
  bool is_cut_off_ OTTLA_GUARDED_BY(state_mutex_) = false;  ///< From a member of the ISR.
  /// The controller counts on replicas outside the ISR to have all that is committed.
  bool others_are_eligible_ OTTLA_GUARDED_BY(state_mutex_) = false;
  std::vector<FollowerState> followers_ OTTLA_GUARDED_BY(state_mutex_);
  IsrHistory isr_history_ OTTLA_GUARDED_BY(state_mutex_);
  std::unique_ptr<const CutNote> last_cut_ OTTLA_GUARDED_BY(state_mutex_);
  std::vector<Watch> watches_ OTTLA_GUARDED_BY(state_mutex_);
  std::multimap<Offset, Commit> commits_ OTTLA_GUARDED_BY(state_mutex_);
  LeadershipQuestions questions_ OTTLA_GUARDED_BY(state_mutex_);
  std::atomic<std::int64_t> high_watermark_ = 0;
  std::atomic<std::int64_t> leader_end_ = 0;
};

}  // namespace ottla::replica
