#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/env/file_system.h"

namespace ottla::storage {

/// What a log dir still takes for the room that is left on its volume.
enum class SpaceState : std::uint8_t {
  Enough,  ///< Everything.
  Low,     ///< No records of clients; what is replicated and what coordinators write, yes.
  Full,    ///< No records at all: what is left is for checkpoints and for deleting.
};
[[nodiscard]] std::string_view name_of(SpaceState state);

/// ottla.log.dir.*; nullopt: a part of the volume, as the keys' documentation says.
struct SpaceLimits {
  std::optional<std::uint64_t> reserve_bytes;
  std::optional<std::uint64_t> min_free_bytes;
  double min_free_percent = 0;
};

/// The same for one volume.
struct SpaceThresholds {
  std::uint64_t reserve = 0;  ///< The reserve file's size.
  std::uint64_t low = 0;      ///< Less free than this, beside the reserve: Low.
};
[[nodiscard]] SpaceThresholds thresholds(const SpaceLimits& limits, std::uint64_t total_bytes);

/// What a look at the volume found.
struct SpaceLook {
  std::uint64_t usable_bytes = 0;
  bool has_reserve = false;  ///< The reserve file is there, as large as it should be.
  bool was_refused = false;  ///< A write was, for want of room, since the last look.
};
/// The next state; it goes back only once somewhat more is free than the limit, so that it does not
/// come and go with every segment.
[[nodiscard]] SpaceState next_state(SpaceState now, const SpaceThresholds& thresholds,
                                    const SpaceLook& look);
/// Whether the reserve file can be made without making the dir Low.
[[nodiscard]] bool has_room_for_reserve(const SpaceThresholds& thresholds, const SpaceLook& look);

}  // namespace ottla::storage
