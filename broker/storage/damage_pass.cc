#include "broker/storage/damage_pass.h"

#include <limits>

namespace ottla::storage {

DamagePass::DamagePass(const env::File& file, std::uint64_t end, Offset least)
    : file_(file),
      end_(end),
      limit_(least + (std::int64_t{std::numeric_limits<std::int32_t>::max()} + 1)),
      least_(least) {}

Result<bool> DamagePass::pass(std::uint64_t position) {
  OTTLA_TRY(const auto damaged,
            measure_damaged_batch(file_, position, end_, least_, limit_, vouched_to_));
  if (!damaged) {
    torn_at_ = position;
    return false;
  }
  least_ = damaged->offset.next();
  passed_.push_back(*damaged);
  return true;
}

}  // namespace ottla::storage
