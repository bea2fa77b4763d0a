#include "broker/storage/disk_space.h"

#include <algorithm>

namespace ottla::storage {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kUsualReserve = 32 * kMiB;
constexpr std::uint64_t kUsualMinFree = 128 * kMiB;
/// Of the volume; the usual sizes are no larger than these.
constexpr std::uint64_t kReservePart = 100;
constexpr std::uint64_t kMinFreePart = 50;
/// Whatever the limits: with less than this no record is tried.
constexpr std::uint64_t kLeastRoom = 64 * 1024;

/// What is free beside the reserve, held or owed; negative if the reserve does not fit.
std::int64_t room(const SpaceThresholds& thresholds, const SpaceLook& look) {
  const auto usable = static_cast<std::int64_t>(look.usable_bytes);
  return look.has_reserve ? usable : usable - static_cast<std::int64_t>(thresholds.reserve);
}

}  // namespace

std::string_view name_of(SpaceState state) {
  switch (state) {
    case SpaceState::Enough:
      return "enough";
    case SpaceState::Low:
      return "low";
    case SpaceState::Full:
      return "full";
  }
  return "?";
}

SpaceThresholds thresholds(const SpaceLimits& limits, std::uint64_t total_bytes) {
  const auto percent = static_cast<std::uint64_t>(
      static_cast<double>(total_bytes) * std::clamp(limits.min_free_percent, 0.0, 100.0) / 100.0);
  const std::uint64_t bytes =
      limits.min_free_bytes.value_or(std::min(kUsualMinFree, total_bytes / kMinFreePart));
  return {
      .reserve = limits.reserve_bytes.value_or(std::min(kUsualReserve, total_bytes / kReservePart)),
      .low = std::max(bytes, percent)};
}

SpaceState next_state(SpaceState now, const SpaceThresholds& thresholds, const SpaceLook& look) {
  if (look.was_refused) return SpaceState::Full;
  const std::int64_t free = room(thresholds, look);
  const auto low = static_cast<std::int64_t>(thresholds.low);
  const auto least = static_cast<std::int64_t>(kLeastRoom);
  if (look.usable_bytes < kLeastRoom || free < 0) return SpaceState::Full;
  if (now == SpaceState::Full && free < least) return SpaceState::Full;
  const std::int64_t wanted = now == SpaceState::Enough ? low : low + low / 8;
  return free < wanted ? SpaceState::Low : SpaceState::Enough;
}

bool has_room_for_reserve(const SpaceThresholds& thresholds, const SpaceLook& look) {
  return !look.has_reserve && thresholds.reserve > 0 &&
         room(thresholds, look) >= static_cast<std::int64_t>(thresholds.low);
}

}  // namespace ottla::storage
