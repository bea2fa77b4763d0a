#include "broker/storage/disk_pace.h"

#include <algorithm>

namespace ottla::storage {

void DiskPace::on_slow(env::Duration passed) {
  quick_for_ = {};
  level_ = std::min(level_ + passed, limits_.patience);
  if (level_ == limits_.patience) is_slow_ = true;
}

void DiskPace::on_quick(env::Duration passed) {
  level_ = std::max(level_ - passed, env::Duration::zero());
  quick_for_ += passed;
  if (!is_slow_ || quick_for_ < limits_.recovery) return;
  is_slow_ = false;
  level_ = {};
}

}  // namespace ottla::storage
