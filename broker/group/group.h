#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/group/group_state.h"
#include "broker/group/log_records.h"
#include "broker/group/offset_table.h"
#include "common/base/task.h"
#include "common/env/clock.h"
#include "common/env/timer_queue.h"

namespace ottla::protocol {
struct JoinGroupResponse;
struct SyncGroupResponse;
}  // namespace ottla::protocol

namespace ottla::group {

/// Views in the response are good during the call.
using JoinReply = Callback<const protocol::JoinGroupResponse&>;
using SyncReply = Callback<const protocol::SyncGroupResponse&>;

/// A way to assign partitions that a member knows, with what it tells the leader under it.
struct AssignmentProtocol {
  std::string name{};
  std::string metadata{};
  friend bool operator==(const AssignmentProtocol&, const AssignmentProtocol&) = default;
};

struct Member {
  std::string id{};
  std::optional<std::string> instance_id{};  ///< Static membership (KIP-345).
  std::string client_id{};
  std::string client_host{};
  std::chrono::milliseconds rebalance_timeout{};
  std::chrono::milliseconds session_timeout{};
  std::vector<AssignmentProtocol> protocols{};  ///< The member's favourite first.
  std::string assignment{};

  /// It has never got an answer to a JoinGroup: it does not know its id and cannot send heartbeats,
  /// so its session runs even while it waits.
  bool is_new = false;
  JoinReply awaiting_join{};
  SyncReply awaiting_sync{};

  /// Without a heartbeat until then it is removed. Nullopt: it waited for us when its time came.
  std::optional<env::MonotonicTime> session_end{};
  std::optional<env::TimerQueue::Key> session_timer{};

  [[nodiscard]] const std::string& metadata_for(const std::string& protocol) const;
};

/// One group: its members, what they agreed upon, and its offsets. Keeps its parts consistent;
/// when something is to happen is CoordinatorCore's business. Thread: one.
class Group {
 public:
  explicit Group(std::string id) : id_(std::move(id)) {}
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  /// As it stands in the log: Stable, or Empty without members.
  void restore(const GroupImage& image);

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] GroupState state() const { return state_; }
  [[nodiscard]] bool is(GroupState state) const { return state_ == state; }
  void transition_to(GroupState state, env::WallTimeMs now);

  [[nodiscard]] std::int32_t generation() const { return generation_; }
  /// Nullopt for a group that only ever held offsets.
  [[nodiscard]] const std::optional<std::string>& protocol_type() const { return protocol_type_; }
  [[nodiscard]] const std::optional<std::string>& protocol() const { return protocol_; }
  [[nodiscard]] const std::optional<std::string>& leader() const { return leader_; }
  [[nodiscard]] bool is_leader(const std::string& member) const { return leader_ == member; }
  [[nodiscard]] std::optional<env::WallTimeMs> state_time() const { return state_time_; }
  /// Nullopt when they cannot be known: no consumers, or a subscription that is none.
  [[nodiscard]] const std::optional<std::set<std::string>>& subscribed_topics() const {
    return subscribed_topics_;
  }

  // Members.

  [[nodiscard]] const std::map<std::string, Member>& members() const { return members_; }
  [[nodiscard]] std::map<std::string, Member>& members() { return members_; }
  /// Null when it is none.
  [[nodiscard]] Member* member(const std::string& id);
  [[nodiscard]] std::optional<std::string> static_member(const std::string& instance_id) const;
  Member& add_member(Member member, const std::string& protocol_type);
  /// A static member came back without its id: the same member goes on under a new one.
  Member& rename_member(const std::string& old_id, const std::string& new_id);
  /// Member, pending or not; the leadership goes to another one.
  void remove_member(const std::string& id);

  /// Ids that were given out (KIP-394) and not yet used, with the timers of their ends.
  [[nodiscard]] std::map<std::string, env::TimerQueue::Key>& pending_members() {
    return pending_members_;
  }
  [[nodiscard]] bool is_pending(const std::string& id) const {
    return pending_members_.contains(id);
  }
  [[nodiscard]] std::size_t awaiting_join() const;
  [[nodiscard]] bool all_have_joined() const;
  [[nodiscard]] std::chrono::milliseconds rebalance_timeout() const;

  // What they agree upon.

  /// Whether a member with these could be in the group with the others.
  [[nodiscard]] bool supports(const std::string& protocol_type,
                              const std::vector<AssignmentProtocol>& protocols) const;
  /// The protocol that all know, and for which most vote; with equal votes the first by name.
  [[nodiscard]] std::string select_protocol() const;
  /// The leader if it has joined again, else one that has; false when nobody has.
  bool elect_joined_leader();
  /// After the members have joined: CompletingRebalance, or Empty if there are none.
  void begin_generation(env::WallTimeMs now);

  /// Members that have not sent SyncGroup in this generation.
  [[nodiscard]] std::set<std::string>& pending_syncs() { return pending_syncs_; }

  // Rebalance under way: CoordinatorCore's notes.
  struct Rebalance {
    std::optional<env::WallTimeMs> began{};  ///< Until the members have their assignments.
    std::optional<env::TimerQueue::Key> join_timer{};
    std::optional<env::TimerQueue::Key> sync_timer{};
    bool initial = false;  ///< Waits for its time, however many have joined.
    std::chrono::milliseconds initial_wait_left{};
    bool member_added = false;  ///< Since the last prolongation.
  };
  Rebalance rebalance{};

  OffsetTable offsets{};
  /// The log has told that some of them end soon.
  bool is_expiry_foretold = false;

  /// What goes into the log, with these assignments.
  [[nodiscard]] GroupImage image(const std::map<std::string, std::string>& assignments) const;
  [[nodiscard]] std::map<std::string, std::string> assignments() const;

 private:
  [[nodiscard]] std::set<std::string> common_protocols() const;
  [[nodiscard]] std::optional<std::set<std::string>> find_subscribed_topics() const;

  const std::string id_;
  GroupState state_ = GroupState::Empty;
  std::optional<env::WallTimeMs> state_time_;
  std::int32_t generation_ = 0;
  std::optional<std::string> protocol_type_;
  std::optional<std::string> protocol_;
  std::optional<std::string> leader_;
  std::optional<std::set<std::string>> subscribed_topics_;
  std::map<std::string, Member> members_;
  std::map<std::string, std::string> static_members_;  ///< Instance id -> member id.
  std::map<std::string, env::TimerQueue::Key> pending_members_;
  std::set<std::string> pending_syncs_;
};

}  // namespace ottla::group
