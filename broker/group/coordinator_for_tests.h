#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/group/coordinator_core.h"
#include "broker/group/memory_log_for_tests.h"
#include "common/env/random.h"

namespace ottla::group {

class StoppedClock final : public env::Clock {
 public:
  [[nodiscard]] env::MonotonicTime now() const override { return time; }
  [[nodiscard]] env::WallTimeMs wall_now_ms() const override {
    return 1'700'000'000'000 +
           std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  }
  env::MonotonicTime time{};
};

/// What JoinGroup answered, on its own memory.
struct Joined {
  ErrorCode error = ErrorCode::None;
  std::int32_t generation = -1;
  std::optional<std::string> protocol{};
  std::string leader{};
  std::string member_id{};
  bool skip_assignment = false;
  std::vector<std::string> members{};
  std::vector<std::string> metadata{};
};
struct Synced {
  ErrorCode error = ErrorCode::None;
  std::string assignment{};
};
template <class T>
using Answer = std::shared_ptr<std::optional<T>>;

/// A coordinator of all groups, with a clock that the test moves.
struct TestCoordinator {
  explicit TestCoordinator(GroupConfig wanted = {}, std::int32_t partitions = 1)
      : config(wanted), core(config, clock, random, log) {
    core.set_partition_count(partitions);
    for (std::int32_t partition = 0; partition < partitions; ++partition) {
      core.begin_loading(partition, LeaderEpoch(1));
      core.finish_loading(partition, LeaderEpoch(1), {});
    }
  }

  /// Moves the clock, stopping at each timer on the way.
  void pass(std::chrono::milliseconds time) {
    const env::MonotonicTime end = clock.time + time;
    while (const auto next = core.next_deadline()) {
      if (*next > end) break;
      clock.time = std::max(clock.time, *next);
      core.run_due();
    }
    clock.time = end;
  }

  struct JoinOptions {
    std::string member_id{};
    std::optional<std::string> instance_id{};
    std::vector<std::pair<std::string, std::string>> protocols{{"range", "m"}};
    std::string protocol_type = "consumer";
    std::int32_t session_timeout_ms = 10'000;
    std::int32_t rebalance_timeout_ms = 60'000;
    JoinCaller caller{.client_id = "c", .client_host = "/h"};
  };
  Answer<Joined> join(const std::string& group, JoinOptions options) {
    protocol::JoinGroupRequest request;
    request.group_id = group;
    request.member_id = options.member_id;
    request.group_instance_id = options.instance_id;
    request.protocol_type = options.protocol_type;
    request.session_timeout_ms = options.session_timeout_ms;
    request.rebalance_timeout_ms = options.rebalance_timeout_ms;
    for (const auto& [name, metadata] : options.protocols) {
      request.protocols.push_back({name, as_bytes(metadata)});
    }
    auto answer = std::make_shared<std::optional<Joined>>();
    core.join(options.caller, request, [answer](const protocol::JoinGroupResponse& told) {
      Joined joined{told.error_code, told.generation_id, told.protocol_name,
                    told.leader,     told.member_id,     told.skip_assignment};
      for (const auto& member : told.members) {
        joined.members.push_back(member.member_id);
        joined.metadata.emplace_back(as_text(member.metadata));
      }
      *answer = std::move(joined);
    });
    return answer;
  }

  Answer<Synced> sync(const std::string& group, const std::string& member_id,
                      std::int32_t generation,
                      const std::vector<std::pair<std::string, std::string>>& assignments = {},
                      std::optional<std::string> instance_id = std::nullopt) {
    protocol::SyncGroupRequest request;
    request.group_id = group;
    request.generation_id = generation;
    request.member_id = member_id;
    request.group_instance_id = std::move(instance_id);
    for (const auto& [to, bytes] : assignments)
      request.assignments.push_back({to, as_bytes(bytes)});
    auto answer = std::make_shared<std::optional<Synced>>();
    core.sync(request, [answer](const protocol::SyncGroupResponse& told) {
      *answer = Synced{told.error_code, std::string(as_text(told.assignment))};
    });
    return answer;
  }

  ErrorCode heartbeat(const std::string& group, const std::string& member_id,
                      std::int32_t generation,
                      std::optional<std::string> instance_id = std::nullopt) {
    protocol::HeartbeatRequest request;
    request.group_id = group;
    request.member_id = member_id;
    request.generation_id = generation;
    request.group_instance_id = std::move(instance_id);
    return core.heartbeat(request);
  }

  ErrorCode leave(const std::string& group, const std::string& member_id,
                  std::optional<std::string> instance_id = std::nullopt) {
    protocol::LeaveGroupRequest::Member member;
    member.member_id = member_id;
    member.group_instance_id = std::move(instance_id);
    const auto told = core.leave(group, {member});
    return told.error_code != ErrorCode::None ? told.error_code : told.members[0].error_code;
  }

  struct CommitOptions {
    std::string member_id{};
    std::int32_t generation = -1;
    std::optional<env::WallTimeMs> expire_time{};
    std::string metadata{};
  };
  Answer<ErrorCode> commit(const std::string& group, const TopicPartition& partition,
                           std::int64_t offset, CommitOptions options) {
    CommitRequest request;
    request.group = group;
    request.member_id = options.member_id;
    request.generation = options.generation;
    request.offsets.push_back({partition,
                               {.offset = Offset(offset),
                                .metadata = options.metadata,
                                .commit_time = clock.wall_now_ms(),
                                .expire_time = options.expire_time}});
    auto answer = std::make_shared<std::optional<ErrorCode>>();
    core.commit(std::move(request),
                [answer](const std::vector<ErrorCode>& outcomes) { *answer = outcomes[0]; });
    return answer;
  }
  /// -1: none.
  std::int64_t offset(const std::string& group, const TopicPartition& partition) {
    const auto fetched = core.fetch({group, std::vector{partition}}, false);
    return fetched.error == ErrorCode::None ? fetched.offsets[0].committed.offset.value() : -2;
  }

  /// Two members that have their assignments: the leader and another one.
  std::pair<std::string, std::string> stable_pair(const std::string& group) {
    const auto first = join(group, {});
    const auto second = join(group, {});
    pass(config.initial_rebalance_delay);
    pass(config.initial_rebalance_delay);
    const std::string leader = (*first)->leader;
    const std::string other =
        (*first)->member_id == leader ? (*second)->member_id : (*first)->member_id;
    (void)sync(group, other, (*first)->generation);
    (void)sync(group, leader, (*first)->generation, {{leader, "L"}, {other, "O"}});
    return {leader, other};
  }

  GroupConfig config;
  StoppedClock clock;
  env::SeededRandom random{7};
  MemoryLog log;
  CoordinatorCore core;
};

}  // namespace ottla::group
