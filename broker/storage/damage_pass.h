#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "broker/storage/batch_scanner.h"
#include "broker/storage/damaged_batch.h"
#include "common/base/error.h"
#include "common/env/file_system.h"

namespace ottla::storage {

/// Steps a scanner of one segment over the batches that cannot be read, as far as their framing can
/// be believed (`measure_damaged_batch`): one bad batch must not hide those behind it. CRCs are not
/// looked at.
/// Thread: one.
class DamagePass {
 public:
  /// `end` is the scanner's. No batch has an offset below `least`, the segment's base.
  DamagePass(const env::File& file, std::uint64_t end, Offset least);

  /// The scanner's next batch that can be read; nullopt at the end, or where nobody can tell where
  /// the next batch begins: `torn_at`. Errors: KafkaStorageError.
  template <class Scanner>
  Result<std::optional<BatchAt>> next(Scanner& scanner) {
    passed_.clear();
    while (true) {
      const std::uint64_t position = scanner.position();
      auto at = scanner.next();
      if (!at && at.error().code() != ErrorCode::CorruptMessage) return at;
      if (at && *at) {
        least_ = std::max(least_, (*at)->batch.next_offset());
        return at;
      }
      if (position >= end_) return std::nullopt;
      OTTLA_TRY(const bool is_passed, pass(position));
      if (!is_passed) return std::nullopt;
      scanner.go_to(passed_.back().position + passed_.back().bytes);
    }
  }

  /// Batches that the last step passed.
  [[nodiscard]] std::span<const DamagedBatch> passed() const { return passed_; }
  /// Where the walk ended before the end.
  [[nodiscard]] std::optional<std::uint64_t> torn_at() const { return torn_at_; }
  /// Smallest offset that the next batch may have.
  [[nodiscard]] Offset least() const { return least_; }
  /// Goes on at a place where a batch is known to begin.
  template <class Scanner>
  void resume_at(std::uint64_t position, Scanner& scanner) {
    torn_at_.reset();
    scanner.go_to(position);
  }

 private:
  Result<bool> pass(std::uint64_t position);

  const env::File& file_;
  const std::uint64_t end_;
  const Offset limit_;
  Offset least_;
  std::uint64_t vouched_to_ = 0;
  std::optional<std::uint64_t> torn_at_;
  std::vector<DamagedBatch> passed_;
};

}  // namespace ottla::storage
