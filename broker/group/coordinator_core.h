#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/group/group.h"
#include "broker/group/group_account.h"
#include "broker/group/group_config.h"
#include "broker/group/group_history.h"
#include "broker/group/log_records.h"
#include "broker/group/producer_connections.h"
#include "broker/storage/log_types.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"
#include "common/env/random.h"
#include "common/env/timer_queue.h"
#include "common/metrics/counter.h"
#include "common/protocol/messages/heartbeat.h"
#include "common/protocol/messages/join_group.h"
#include "common/protocol/messages/leave_group.h"
#include "common/protocol/messages/sync_group.h"

namespace ottla::group {

/// The transaction that offsets are committed in (KIP-98).
struct CommittingTransaction {
  std::string transactional_id{};
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  bool knows_abortable = false;  ///< TxnOffsetCommit v4.
  bool adds = false;             ///< v5: transaction version 2.
  /// When the connection was accepted that the request came on; zero: the epoch tells what is late.
  env::MonotonicTime connection{};
  /// What the transaction's coordinator said (KIP-890), and the token of the question.
  ErrorCode verification = ErrorCode::None;
  std::optional<storage::VerificationToken> verified{};
};

/// The way into a partition of __consumer_offsets. The records are appended in one batch, in the
/// order of calls, only in this leader epoch; `done` comes once, possibly inside the call, when the
/// in-sync replicas have them. Several calls' outcomes come in the order of the calls.
class OffsetsLog {
 public:
  struct Outcome {
    ErrorCode error = ErrorCode::None;
    Offset base_offset = kUnknownOffset;
  };
  virtual ~OffsetsLog() = default;
  /// `transaction`: whose transaction the records belong to.
  virtual void append(std::int32_t partition, LeaderEpoch epoch, std::vector<LogRecord> records,
                      const std::optional<CommittingTransaction>& transaction,
                      Callback<Outcome> done) = 0;
};

/// Who sends JoinGroup, and what its version lets it understand.
struct JoinCaller {
  std::string client_id{};
  std::string client_host{};
  bool takes_member_id_first = false;  ///< v4+: MemberIdRequired (KIP-394).
  bool takes_skip_assignment = false;  ///< v9+: a static leader that comes back (KIP-814).
};

struct CommitRequest {
  struct Item {
    TopicPartition partition{};
    CommittedOffset committed{};
  };
  std::string group{};
  std::int32_t generation = -1;
  std::string member_id{};
  std::optional<std::string> instance_id{};
  std::vector<Item> offsets{};
  std::optional<CommittingTransaction> transaction{};
};

struct FetchQuery {
  std::string group{};
  std::optional<std::vector<TopicPartition>> partitions{};  ///< Nullopt: all that it has.
};

struct FetchedOffset {
  TopicPartition partition{};
  CommittedOffset committed{};  ///< kUnknownOffset: none.
  ErrorCode error = ErrorCode::None;
};
struct FetchedOffsets {
  ErrorCode error = ErrorCode::None;  ///< Of the group; no offsets then.
  std::vector<FetchedOffset> offsets{};
};

struct GroupDescription {
  struct Member {
    std::string id{};
    std::optional<std::string> instance_id{};
    std::string client_id{};
    std::string client_host{};
    std::string metadata{};  ///< In state Stable only, and so the assignment.
    std::string assignment{};
  };
  ErrorCode error = ErrorCode::None;
  std::string state{};
  std::string protocol_type{};
  std::string protocol{};
  std::vector<Member> members{};
};

struct ListedGroup {
  std::string group{};
  std::string protocol_type{};
  GroupState state = GroupState::Empty;
};
struct GroupList {
  ErrorCode error = ErrorCode::None;  ///< CoordinatorLoadInProgress: some may be missing.
  std::vector<ListedGroup> groups{};
};

/// In the order of the partitions asked for, unless `error`.
struct DeletedOffsets {
  ErrorCode error = ErrorCode::None;
  std::vector<ErrorCode> outcomes{};
};

using LoadedGroups = std::map<std::string, std::shared_ptr<Group>>;

/// What the core counts; never null.
struct GroupCounters {
  std::shared_ptr<metrics::Counter> commits = std::make_shared<metrics::Counter>();
  std::shared_ptr<metrics::Counter> expirations = std::make_shared<metrics::Counter>();
  std::shared_ptr<metrics::Counter> deletions = std::make_shared<metrics::Counter>();
  std::shared_ptr<metrics::Counter> completed_rebalances = std::make_shared<metrics::Counter>();
};

/// Kafka's group coordinator without the world around it: all groups of the partitions of
/// __consumer_offsets that this broker leads, and what each request does to them. Requests are
/// answered inside the call, or later from `run_due` or from an append's outcome.
///
/// Order of checks and error codes are those of Kafka 3.9 (docs/groups.md).
///
/// Thread: one.
class CoordinatorCore {
 public:
  CoordinatorCore(const GroupConfig& config, env::Clock& clock, env::Random& random,
                  OffsetsLog& log, GroupCounters counters = {});
  CoordinatorCore(const CoordinatorCore&) = delete;
  CoordinatorCore& operator=(const CoordinatorCore&) = delete;

  // Which groups are ours.

  /// Partitions of __consumer_offsets; decides where a group belongs.
  void set_partition_count(std::int32_t count) { partition_count_ = count; }
  /// We lead the partition from `epoch` on, and its groups must be read. False: nothing to read,
  /// since we have led it ever since the last time; commits go on in the new epoch.
  bool begin_loading(std::int32_t partition, LeaderEpoch epoch);
  void finish_loading(std::int32_t partition, LeaderEpoch epoch, LoadedGroups groups,
                      EndedOffsets ended = {});
  /// Another broker leads it, or nobody: its groups are forgotten, and who waits is sent on.
  void resign(std::int32_t partition);

  // Time.

  [[nodiscard]] std::optional<env::MonotonicTime> next_deadline() const { return timers_.next(); }
  void run_due();

  // Members.

  void join(const JoinCaller& caller, const protocol::JoinGroupRequest& request, JoinReply reply);
  void sync(const protocol::SyncGroupRequest& request, SyncReply reply);
  [[nodiscard]] ErrorCode heartbeat(const protocol::HeartbeatRequest& request);
  [[nodiscard]] protocol::LeaveGroupResponse leave(
      const std::string& group, const std::vector<protocol::LeaveGroupRequest::Member>& members);

  // Offsets.

  enum class Naming : bool { NotEmpty, Any };
  /// Where a group's offsets stand, for questions to others before they are told or changed.
  /// Errors: why there is no use in asking.
  [[nodiscard]] Result<std::int32_t> served_partition(const std::string& group,
                                                      Naming naming) const;
  /// A marker stands at `marker` in the partition: the offsets of the producer's transaction count,
  /// or are dropped.
  void end_transaction(std::int32_t partition, ProducerId producer, bool is_commit, Offset marker);
  /// One code for each offset, in order. None at all: the request is older than what its producer
  /// has done since on a newer connection (W25): its own is to be closed unanswered.
  void commit(CommitRequest request, Callback<std::vector<ErrorCode>> done);
  [[nodiscard]] FetchedOffsets fetch(const FetchQuery& query, bool require_stable) const;
  void delete_offsets(const std::string& group, std::vector<TopicPartition> partitions,
                      Callback<DeletedOffsets> done);
  /// The topics are gone: so are their offsets.
  void forget_topics(const std::set<std::string>& topics);
  /// Removes what nobody uses any more (KIP-211), and in the end what was kept of it; called every
  /// retention_check_interval.
  void expire();

  // Operators.

  [[nodiscard]] GroupDescription describe(const std::string& group) const;
  /// What it looks like from inside, and what happened to it while we coordinated it (N22).
  [[nodiscard]] GroupAccount explain(const std::string& group) const;
  /// Groups in these states, in upper or lower case; none: in any.
  [[nodiscard]] GroupList list(const std::vector<std::string>& states) const;
  void delete_group(const std::string& group, Callback<ErrorCode> done);

  struct Sizes {
    std::map<GroupState, std::size_t> groups;
    std::size_t offsets = 0;
    std::size_t partitions_loading = 0;
    std::size_t groups_expiring_soon = 0;  ///< At the last `expire`.
  };
  [[nodiscard]] Sizes sizes() const;

 private:
  using GroupPtr = std::shared_ptr<Group>;

  /// The groups of one partition of __consumer_offsets.
  struct Shard {
    LeaderEpoch epoch;
    bool loading = true;
    env::WallTimeMs since = -1;  ///< When it was loaded.
    LoadedGroups groups{};
    EndedOffsets ended{};
    /// The groups that a producer's open transaction commits offsets of.
    std::map<ProducerId, std::set<std::string>> transactions{};
    env::MonotonicTime elected{};
    ProducerConnections connections{};
    struct Marker {
      ProducerId producer{};
      bool is_commit = false;
      Offset at{};
    };
    std::vector<Marker> markers_while_loading{};
  };
  // coordinator_core.cc
  /// Whether this load is still wanted.
  [[nodiscard]] bool is_loading(std::int32_t partition, LeaderEpoch epoch) const;
  [[nodiscard]] std::int32_t shard_of(const std::string& group) const {
    return partition_of(group, partition_count_);
  }
  /// InvalidGroupId, CoordinatorLoadInProgress, NotCoordinator.
  [[nodiscard]] ErrorCode check(const std::string& group, Naming naming) const;
  [[nodiscard]] GroupPtr find(const std::string& group) const;
  GroupPtr find_or_create(const std::string& group);
  /// For the group's history; of a member that leaves, before it is removed.
  void note(const Group& group, GroupEventKind kind, const Member* member, std::string why);
  void note_rebalance_end(Group& group);
  void forget(const Group& group);
  void append(const std::string& group, std::vector<LogRecord> records,
              Callback<OffsetsLog::Outcome> done,
              const std::optional<CommittingTransaction>& transaction = std::nullopt);
  void store_group(const GroupPtr& group, const std::map<std::string, std::string>& assignments,
                   Callback<ErrorCode> done);

  // membership.cc
  void join_as_new(const GroupPtr& group, const JoinCaller& caller,
                   const protocol::JoinGroupRequest& request, JoinReply reply);
  void join_again(const GroupPtr& group, const JoinCaller& caller,
                  const protocol::JoinGroupRequest& request, JoinReply reply);
  void replace_static(const GroupPtr& group, const std::string& old_id, const std::string& new_id,
                      const JoinCaller& caller, const protocol::JoinGroupRequest& request,
                      JoinReply reply);
  void store_replaced_static(const GroupPtr& group, const std::string& old_id, Member before,
                             const std::string& new_id, const std::string& leader_before,
                             bool may_skip_assignment);
  void give_member_id(const GroupPtr& group, const std::string& id,
                      const protocol::JoinGroupRequest& request, JoinReply reply);
  void add_member(const GroupPtr& group, const std::string& id, const JoinCaller& caller,
                  const protocol::JoinGroupRequest& request, JoinReply reply);
  void update_member(const GroupPtr& group, Member& member,
                     const protocol::JoinGroupRequest& request, JoinReply reply,
                     std::string_view why);
  [[nodiscard]] bool accepts(const Group& group, const std::string& member_id) const;
  void sync_member(const GroupPtr& group, Member& member, const protocol::SyncGroupRequest& request,
                   SyncReply reply);
  void finish_sync(const GroupPtr& group, std::int32_t generation,
                   std::map<std::string, std::string> assignments, ErrorCode error);
  [[nodiscard]] static ErrorCode check_member(Group& group, const std::string& member_id,
                                              const std::optional<std::string>& instance_id);
  void remove_member(const GroupPtr& group, const std::string& id, std::string_view why);
  void remove_pending(const GroupPtr& group, const std::string& id);

  // rebalance.cc
  void rebalance_if_possible(const GroupPtr& group, std::string_view why);
  void begin_rebalance(const GroupPtr& group, std::string_view why);
  void wait_for_joins(const GroupPtr& group, std::chrono::milliseconds timeout);
  void complete_join_if_all(const GroupPtr& group);
  void on_join_time(const GroupPtr& group);
  void complete_join(const GroupPtr& group);
  void drop_those_who_did_not_join(const GroupPtr& group);
  void announce_generation(const GroupPtr& group);
  void on_sync_time(const GroupPtr& group, std::int32_t generation);
  void note_synced(const GroupPtr& group, const std::string& member_id);
  void hand_out_assignments(const GroupPtr& group, ErrorCode error);
  void cancel(std::optional<env::TimerQueue::Key>& timer);
  void keep_alive(const GroupPtr& group, Member& member);
  void expect_sign_of_life(const GroupPtr& group, Member& member, env::Duration within);
  void on_session_time(const GroupPtr& group, const std::string& member_id);

  // offsets.cc
  [[nodiscard]] bool is_late(const CommitRequest& request);
  [[nodiscard]] ErrorCode check_commit(const GroupPtr& group, const CommitRequest& request);
  void store_offsets(const GroupPtr& group, CommitRequest request,
                     Callback<std::vector<ErrorCode>> done);
  [[nodiscard]] OffsetTable::Ticket begin_commit(const GroupPtr& group,
                                                 const CommitRequest& request,
                                                 const TopicPartition& partition);
  static void finish_commit(Group& group, const CommitRequest& request, CommitRequest::Item& item,
                            OffsetTable::Ticket ticket, std::optional<Offset> log_offset);
  void remove_offsets(const GroupPtr& group, const std::vector<TopicPartition>& partitions,
                      std::optional<OffsetEnd> why, Callback<ErrorCode> done);
  [[nodiscard]] ExpiryRules expiry_rules(const Group& group) const;
  void foretell_expiry(Group& group) const;
  [[nodiscard]] std::vector<GroupPtr> all_groups() const;

  // ended_offsets.cc
  [[nodiscard]] std::optional<LogRecord> keep_ended_offset(const Group& group,
                                                           const TopicPartition& partition,
                                                           OffsetEnd why);
  /// Those for which `is_over` holds, with tombstones.
  void drop_ended_offsets(
      const std::function<bool(const TopicPartition&, const EndedOffset&)>& is_over);
  [[nodiscard]] std::vector<GroupAccount::Ended> kept_offsets(const std::string& group) const;
  /// In as many batches as their bytes need, each record with a value in one with the tombstone
  /// behind it; `done` hears the last error, if any.
  void append_tombstones(const std::string& group, std::vector<LogRecord> records,
                         Callback<ErrorCode> done);

  const GroupConfig& config_;
  env::Clock& clock_;
  env::Random& random_;
  OffsetsLog& log_;
  const GroupCounters counters_;
  std::int32_t partition_count_;
  std::map<std::int32_t, Shard> shards_;
  env::TimerQueue timers_;
  GroupHistory history_;
};

}  // namespace ottla::group
