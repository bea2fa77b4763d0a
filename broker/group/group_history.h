#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/env/clock.h"

namespace ottla::group {

/// What happened to a group, for whoever asks why it rebalances (N22). Numbers on the wire.
enum class GroupEventKind : std::int8_t {
  Joined = 0,
  Left = 1,
  Refused = 2,
  RebalanceBegan = 3,
  RebalanceEnded = 4,
  Resigned = 5,  ///< Another broker coordinates it from here on.
  OffsetsEnded = 6,
};

struct GroupEvent {
  env::WallTimeMs at = 0;
  GroupEventKind kind = GroupEventKind::Joined;
  std::string member{};  ///< Empty: the group as a whole.
  std::string client{};  ///< "client id, host" of the member.
  std::string why{};
  std::int32_t generation = 0;  ///< When it happened; of a rebalance that ended, the new one.
  std::int32_t members = 0;     ///< Of the group, afterwards.
  std::int64_t took_ms = -1;    ///< Of a rebalance that ended.
  std::int32_t times = 1;       ///< So often, the last time at `at`.
};

/// The last events of the groups that had any lately: kEventsOfAGroup of each of kGroups groups, so
/// that memory is bounded whatever clients do; texts are cut. It does not survive the process and
/// stays here when a group moves: who wants all of it asks all brokers. Thread: one.
class GroupHistory {
 public:
  static constexpr std::size_t kEventsOfAGroup = 64;
  static constexpr std::size_t kGroups = 2'000;
  static constexpr std::size_t kLongestText = 300;

  /// The same as the last one again is counted, not kept twice.
  void note(const std::string& group, GroupEvent event);
  /// The oldest first.
  [[nodiscard]] std::vector<GroupEvent> of(const std::string& group) const;
  [[nodiscard]] bool knows(const std::string& group) const { return groups_.contains(group); }

 private:
  struct Events {
    std::deque<GroupEvent> events;
    std::list<std::string>::iterator place;  ///< In by_age_.
  };

  std::list<std::string> by_age_;  ///< Whose last event is longest ago first.
  std::map<std::string, Events> groups_;
};

}  // namespace ottla::group
