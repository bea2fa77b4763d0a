#pragma once

#include <array>
#include <optional>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/env/file_system.h"
#include "common/record/record_batch.h"

namespace ottla::storage {

/// A batch in a file.
struct BatchAt {
  record::RecordBatchView batch;  ///< Valid until the scanner's next step.
  std::uint64_t position = 0;

  [[nodiscard]] std::uint64_t end() const { return position + batch.size(); }
};

/// Walks the batch headers of [position, end) of a file, reading little more than the headers.
/// Thread: one.
class HeaderScanner {
 public:
  HeaderScanner(const env::File& file, std::uint64_t position, std::uint64_t end)
      : file_(file), position_(position), end_(end) {}

  /// The next batch that lies in the range as a whole, header only; nullopt at the end. Errors:
  /// CorruptMessage, KafkaStorageError.
  Result<std::optional<BatchAt>> next();
  [[nodiscard]] std::uint64_t position() const { return position_; }
  /// Goes on there: behind a batch that `next` cannot pass.
  void go_to(std::uint64_t position) { position_ = position; }

 private:
  Result<ByteView> header_bytes();

  const env::File& file_;
  std::uint64_t position_;
  const std::uint64_t end_;
  std::array<std::byte, 4096> window_;
  std::uint64_t window_from_ = 0;
  std::size_t window_size_ = 0;
};

/// Walks whole batches of [position, end) of a file in large reads; one batch larger than the
/// window makes it grow.
/// Thread: one.
class BatchScanner {
 public:
  static constexpr std::size_t kWindow = 1 << 20;

  BatchScanner(const env::File& file, std::uint64_t position, std::uint64_t end,
               std::size_t window = kWindow)
      : file_(file), position_(position), end_(end), least_window_(window) {}

  /// The next whole batch; nullopt at the end or where a batch is cut off. Errors: CorruptMessage
  /// (impossible header), KafkaStorageError. CRCs are the caller's.
  Result<std::optional<BatchAt>> next();
  /// Where the next batch would begin.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  /// Goes on there: behind a batch that `next` cannot pass.
  void go_to(std::uint64_t position) { position_ = position; }

 private:
  /// Bytes from position_ on, at least `wanted` unless the range ends before.
  Result<ByteView> bytes(std::size_t wanted);

  const env::File& file_;
  std::uint64_t position_;
  const std::uint64_t end_;
  const std::size_t least_window_;
  std::vector<std::byte> window_;
  std::uint64_t window_from_ = 0;
  std::size_t window_size_ = 0;
};

/// Walks the batches of [0, end) as fast as may be: of large batches only the headers are read,
/// small ones and control batches whole. Ends at the first batch of an older format.
/// Thread: one.
class BatchWalk {
 public:
  BatchWalk(const env::File& file, std::uint64_t end)
      : file_(file), end_(end), headers_(file, 0, end) {}

  /// The next batch; of a control batch all of it, of others at least the header. nullopt at the
  /// end. Errors: CorruptMessage, KafkaStorageError.
  Result<std::optional<BatchAt>> next();

 private:
  const env::File& file_;
  const std::uint64_t end_;
  HeaderScanner headers_;
  std::optional<BatchScanner> whole_;  ///< Once batches have turned out to be small.
  std::optional<BatchScanner> control_;
  std::uint64_t walked_ = 0;
};

}  // namespace ottla::storage
