#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/record/growing_buffer.h"
#include "common/record/record_batch.h"

namespace ottla::record {

/// The newest format that a Fetch version can carry: 0 below v2, 1 below v4, then 2.
[[nodiscard]] constexpr std::int8_t magic_for_fetch(std::int16_t fetch_version) {
  return fetch_version < 2 ? kMagicV0 : fetch_version < 4 ? kMagicV1 : kMagicV2;
}

/// Rewrites batches for a client that cannot read their format (KIP-31, KIP-98), one batch at a
/// time and within a budget: memory is the budget plus one batch, whatever the range on disk. What
/// the old format has no word for is left out: control batches, headers, producer state, leader
/// epochs; in format 0 timestamps too. Batches that are old enough pass unchanged.
///
///   DownConverter converter(magic, fetch_offset, budget);
///   while (const auto batch = next from the log) {
///     OTTLA_TRY(const bool taken, converter.add(*batch));
///     if (!taken) break;
///   }
///   respond(converter.take());
///
/// Thread: one.
class DownConverter {
 public:
  DownConverter(std::int8_t target_magic, Offset fetch_offset, std::size_t byte_budget);

  /// Converts `batch` (whole). False: it was not taken, as the budget is used up or it cannot be
  /// converted; the client gets what came before, and the error when it fetches from there. The
  /// first batch that yields bytes is always taken. Errors: UnsupportedCompressionType for zstd (a
  /// client that old cannot read it), UnknownServerError, InvalidRecord.
  [[nodiscard]] Result<bool> add(const RecordBatchView& batch);

  /// Where the reading goes on: after the last batch that was taken, dropped ones too.
  [[nodiscard]] Offset next_offset() const { return next_offset_; }
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  /// The converted bytes; the converter is empty afterwards.
  [[nodiscard]] SharedBuffer take() { return out_.take(); }

 private:
  [[nodiscard]] Result<void> convert(const RecordBatchView& batch);

  std::int8_t target_magic_;
  Offset fetch_offset_;
  std::size_t byte_budget_;
  Offset next_offset_;
  GrowingBuffer out_;
};

}  // namespace ottla::record
