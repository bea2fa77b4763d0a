#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/env/file_system.h"
#include "common/record/record_batch.h"

namespace ottla::cli {

/// Reads the batches of a .log file one after another.
class SegmentFile {
 public:
  [[nodiscard]] static Result<SegmentFile> open(env::FileSystem& files, const std::string& path);

  struct Batch {
    std::uint64_t position = 0;
    record::RecordBatchView view;
  };
  /// The next whole batch, valid until the next call; nothing at the end of what is readable.
  [[nodiscard]] Result<std::optional<Batch>> next();
  /// The header of the batch at this position: nothing if there is none.
  [[nodiscard]] Result<std::optional<record::RecordBatchView>> header_at(std::uint64_t position);

  /// Where the next batch would begin.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  SegmentFile(std::shared_ptr<env::File> file, std::uint64_t size)
      : file_(std::move(file)), size_(size) {}
  /// Fewer bytes only at the end of the file.
  [[nodiscard]] Result<ByteView> read(std::uint64_t position, std::size_t size);

  std::shared_ptr<env::File> file_;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;
  std::unique_ptr<Buffer> buffer_;
};

/// The base offset that a segment's files have as name: 42 for `.../00000000000000000042.log`.
/// Errors: InvalidRequest.
[[nodiscard]] Result<Offset> base_offset_of(std::string_view path);

}  // namespace ottla::cli
