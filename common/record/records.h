#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/record/record_batch.h"
#include "common/record/record_input.h"

namespace ottla::record {

class WrappedMessages;

struct Header {
  std::string_view key;
  std::optional<ByteView> value;
};

/// The headers of one record, decoded while iterating; their structure was checked by the reader.
class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(ByteView bytes, std::int32_t count) : bytes_(bytes), count_(count) {}

  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Header;
    using difference_type = std::ptrdiff_t;
    using pointer = const Header*;
    using reference = const Header&;

    iterator() = default;
    iterator(const std::byte* at, const std::byte* end, std::int32_t left)
        : at_(at), end_(end), left_(left) {
      if (left_ > 0) decode();
    }
    const Header& operator*() const { return header_; }
    const Header* operator->() const { return &header_; }
    iterator& operator++() {
      if (--left_ > 0) decode();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& a, const iterator& b) { return a.left_ == b.left_; }

   private:
    void decode();

    const std::byte* at_ = nullptr;
    const std::byte* end_ = nullptr;
    std::int32_t left_ = 0;
    Header header_;
  };

  [[nodiscard]] iterator begin() const {
    return {bytes_.data(), bytes_.data() + bytes_.size(), count_};
  }
  [[nodiscard]] iterator end() const { return {}; }
  [[nodiscard]] std::int32_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// The encoded headers without their count.
  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  ByteView bytes_;
  std::int32_t count_ = 0;
};

/// One record. Key, value and headers are views, valid until the reader's next step.
struct Record {
  Offset offset;
  std::int64_t timestamp = kNoTimestamp;
  std::int32_t sequence = kNoSequence;
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  HeaderList headers;
  /// Its encoded size in the batch, before compression.
  std::size_t size = 0;
};

/// Most bytes that a reader holds for one record, or for one compressed message set of formats 0
/// and 1; the whole of a v2 batch is never held.
inline constexpr std::size_t kDefaultBufferLimit = std::size_t{128} << 20;

/// Reads the records of one batch of any format. Uncompressed batches are read in place without an
/// allocation; compressed ones through a window that grows with the largest record only. Checks the
/// structure, not the CRC. The batch's bytes must outlive it.
///
///   OTTLA_TRY(auto reader, RecordReader::open(batch));
///   Record record;
///   while (true) {
///     OTTLA_TRY(const bool more, reader.next(record));
///     if (!more) break;
///   }
///
/// Thread: one.
class RecordReader {
 public:
  /// `batch` must be whole. Errors: CorruptMessage and InvalidRecord (formats 0 and 1 are unpacked
  /// here), UnknownServerError (codec or compressed data), MessageTooLarge (limit).
  [[nodiscard]] static Result<RecordReader> open(const RecordBatchView& batch,
                                                 std::size_t buffer_limit = kDefaultBufferLimit);

  RecordReader(RecordReader&&) noexcept;
  RecordReader& operator=(RecordReader&&) noexcept;
  ~RecordReader();

  /// Fills `record` with the next one; false after the last. Errors: UnknownServerError when the
  /// compressed data is damaged, InvalidRecord when a record's structure is, MessageTooLarge.
  [[nodiscard]] Result<bool> next(Record& record);

 private:
  RecordReader(const RecordBatchView& batch, RecordInput input);

  Result<bool> next_in_batch(Record& record);
  Result<bool> next_message(Record& record);

  RecordBatchView batch_;
  RecordInput input_;
  std::int32_t records_left_ = 0;
  std::unique_ptr<WrappedMessages> wrapped_;  ///< Formats 0 and 1, compressed.
};

}  // namespace ottla::record
