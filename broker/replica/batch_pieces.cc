#include "broker/replica/batch_pieces.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/record/format.h"

namespace ottla::replica {
namespace {

/// Walks bytes that lie in several pieces.
class Cursor {
 public:
  explicit Cursor(std::span<const MemoryRange> pieces) : pieces_(pieces) {
    for (const MemoryRange& piece : pieces_) left_ += piece.bytes.size();
    skip_empty();
  }

  [[nodiscard]] std::size_t left() const { return left_; }
  /// What lies in one piece from here on.
  [[nodiscard]] ByteView here() const { return pieces_[index_].bytes.subspan(offset_); }

  void advance(std::size_t count) {
    left_ -= count;
    while (count > 0) {
      const std::size_t step = std::min(count, here().size());
      offset_ += step;
      count -= step;
      skip_empty();
    }
  }
  /// Copies without moving; there must be as much.
  void peek(MutableByteView into) const {
    Cursor copy = *this;
    std::size_t filled = 0;
    while (filled < into.size()) {
      const ByteView from = copy.here();
      const std::size_t step = std::min(from.size(), into.size() - filled);
      std::memcpy(into.data() + filled, from.data(), step);
      filled += step;
      copy.advance(step);
    }
  }

 private:
  void skip_empty() {
    while (index_ < pieces_.size() && offset_ == pieces_[index_].bytes.size()) {
      ++index_;
      offset_ = 0;
    }
  }

  std::span<const MemoryRange> pieces_;
  std::size_t index_ = 0;
  std::size_t offset_ = 0;
  std::size_t left_ = 0;
};

}  // namespace

Result<BatchPieces> whole_batches(std::span<const MemoryRange> received) {
  BatchPieces result;
  Cursor cursor(received);
  while (cursor.left() > 0) {
    if (cursor.left() < record::kLogOverhead) return fail(ErrorCode::CorruptMessage);
    std::array<std::byte, record::kLogOverhead> overhead;
    cursor.peek(overhead);
    const auto length = load_big_endian<std::int32_t>(overhead.data() + sizeof(std::int64_t));
    if (length <= 0) return fail(ErrorCode::CorruptMessage);
    const std::size_t size = record::kLogOverhead + static_cast<std::size_t>(length);
    if (size > cursor.left()) return fail(ErrorCode::CorruptMessage);

    const ByteView here = cursor.here();
    if (size <= here.size()) {
      const bool goes_on = !result.pieces.empty() &&
                           result.pieces.back().data() + result.pieces.back().size() == here.data();
      if (goes_on) {
        result.pieces.back() = {result.pieces.back().data(), result.pieces.back().size() + size};
      } else {
        result.pieces.push_back(here.first(size));
      }
    } else {
      auto copy = std::make_shared<Buffer>(size);
      cursor.peek(copy->bytes());
      result.pieces.push_back(copy->bytes());
      result.copies.push_back(std::move(copy));
    }
    cursor.advance(size);
  }
  return result;
}

}  // namespace ottla::replica
