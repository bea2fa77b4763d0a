#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ottla::group {

/// Where a group stands (docs/groups.md has the picture).
enum class GroupState : std::uint8_t {
  Empty,                ///< No members; may hold offsets.
  PreparingRebalance,   ///< Waits until the members have joined (again).
  CompletingRebalance,  ///< Waits for the leader's assignment.
  Stable,               ///< Members have their assignments.
  Dead,                 ///< Removed, or held by another coordinator now.
};

inline constexpr std::array kGroupStates{GroupState::Empty, GroupState::PreparingRebalance,
                                         GroupState::CompletingRebalance, GroupState::Stable,
                                         GroupState::Dead};

/// As DescribeGroups and ListGroups write it.
[[nodiscard]] constexpr std::string_view name_of(GroupState state) {
  switch (state) {
    case GroupState::Empty:
      return "Empty";
    case GroupState::PreparingRebalance:
      return "PreparingRebalance";
    case GroupState::CompletingRebalance:
      return "CompletingRebalance";
    case GroupState::Stable:
      return "Stable";
    case GroupState::Dead:
      return "Dead";
  }
  return "";
}

/// The table of legal transitions. Every state may end in Dead, and Dead ends there.
[[nodiscard]] constexpr bool may_follow(GroupState from, GroupState to) {
  switch (to) {
    case GroupState::Empty:
    case GroupState::CompletingRebalance:
      return from == GroupState::PreparingRebalance;
    case GroupState::PreparingRebalance:
      return from == GroupState::Empty || from == GroupState::CompletingRebalance ||
             from == GroupState::Stable;
    case GroupState::Stable:
      return from == GroupState::CompletingRebalance;
    case GroupState::Dead:
      return true;
  }
  return false;
}

}  // namespace ottla::group
