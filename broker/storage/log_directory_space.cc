// LogDirectory: the room that is left on its volume.
#include <glog/logging.h>

#include "broker/storage/log_directory.h"

namespace ottla::storage {

std::optional<LogDirectory::SpaceChange> LogDirectory::look_at_space(const SpaceLimits& limits) {
  // Who looks already sees what this look was asked for, or the next regular one does.
  if (looking_.exchange(true, std::memory_order_acq_rel)) return std::nullopt;
  std::optional<SpaceChange> change;
  const Result<> looked = look_again(limits, change);
  LOG_IF_EVERY_N(WARNING, !looked, 60)
      << "[" << path_ << "] free space not known: " << looked.error();
  looking_.store(false, std::memory_order_release);
  return change;
}

std::optional<std::uint64_t> LogDirectory::usable_bytes() const {
  const std::uint64_t bytes = usable_bytes_.load(std::memory_order_relaxed);
  return bytes == kNotLooked ? std::nullopt : std::optional(bytes);
}

Result<> LogDirectory::look_again(const SpaceLimits& limits, std::optional<SpaceChange>& change) {
  LogHealth& life = health();
  if (!life.is_online()) return {};
  const bool was_refused = life.take_refused();
  OTTLA_TRY(env::VolumeSpace space, files_.space(path_));
  const SpaceThresholds limit = thresholds(limits, space.total_bytes);
  OTTLA_TRY(std::uint64_t held, reserve_size());
  SpaceLook look{space.usable_bytes, held >= limit.reserve, was_refused};
  const SpaceState after = next_state(life.space(), limit, look);
  const bool gives_up = after == SpaceState::Full || limit.reserve == 0;
  if (held > 0 && gives_up) {
    OTTLA_TRY_VOID(files_.remove(file(kReserveFile)));
    OTTLA_TRY(space, files_.space(path_));
    LOG(WARNING) << "[" << path_ << "] reserve of " << held << " bytes is given up, "
                 << space.usable_bytes << " bytes are free now";
  } else if (held < limit.reserve && !gives_up) {
    look.usable_bytes += held;  // a part is as good as none
    look.has_reserve = false;
    if (has_room_for_reserve(limit, look)) OTTLA_TRY_VOID(make_reserve(limit.reserve));
  }
  total_bytes_.store(space.total_bytes, std::memory_order_relaxed);
  usable_bytes_.store(space.usable_bytes, std::memory_order_relaxed);
  life.set_space(after);
  if (after == told_space_) return {};
  change = SpaceChange{told_space_, after, space};
  told_space_ = after;
  return {};
}

Result<std::uint64_t> LogDirectory::reserve_size() {
  OTTLA_TRY(const bool exists, files_.exists(file(kReserveFile)));
  if (!exists) return 0;
  OTTLA_TRY(const auto reserve, files_.open(file(kReserveFile), env::OpenMode::Read));
  return reserve->size();
}

Result<> LogDirectory::make_reserve(std::uint64_t bytes) {
  const auto made = [&]() -> Result<> {
    OTTLA_TRY(const auto reserve, files_.open(file(kReserveFile), env::OpenMode::CreateOrOpen));
    return reserve->allocate(bytes);
  }();
  if (!made) (void)files_.remove(file(kReserveFile));  // the error is what counts
  return made;
}

}  // namespace ottla::storage
