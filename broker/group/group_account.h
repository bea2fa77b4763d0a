#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/group/group_history.h"
#include "broker/group/log_records.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"

namespace ottla::group {

/// What `ottla explain group` says (N22). Times are -1 when there is none.
struct GroupAccount {
  struct Member {
    std::string id{};
    std::optional<std::string> instance_id{};
    std::string client_id{};
    std::string client_host{};
    std::int32_t session_timeout_ms = 0;
    std::int32_t rebalance_timeout_ms = 0;
    std::int64_t silent_ms = -1;  ///< Since its last sign of life; -1: it waits for us.
    bool waits_to_join = false;
    bool waits_to_sync = false;
  };
  /// An offset that has ended and can be brought back (N23).
  struct Ended {
    TopicPartition partition{};
    EndedOffset offset{};
    env::WallTimeMs kept_until = 0;
  };
  /// As DescribeGroups has it: not ours, or loading. The events are told all the same.
  ErrorCode error = ErrorCode::None;
  env::WallTimeMs now = 0;
  env::WallTimeMs coordinator_since = -1;  ///< When its partition was loaded here.
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  std::string state{};
  std::int32_t generation = -1;
  std::string protocol_type{};
  std::string protocol{};
  std::string leader{};
  env::WallTimeMs rebalance_began = -1;
  std::vector<Member> members{};
  std::vector<GroupEvent> events{};
  std::vector<Ended> ended_offsets{};
};

}  // namespace ottla::group
