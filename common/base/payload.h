#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "common/base/bytes.h"

namespace ottla {

/// Bytes in memory on their way out; `owner` keeps them alive.
struct MemoryRange {
  std::shared_ptr<const void> owner;
  ByteView bytes;
};

/// A range of an open file on its way out, for sendfile; `owner` keeps the descriptor open, so a
/// segment that is deleted while a slow consumer reads it stays readable.
struct FileRange {
  std::shared_ptr<const void> owner;
  int fd = -1;
  std::uint64_t position = 0;
  std::uint64_t length = 0;
};

using PayloadPiece = std::variant<MemoryRange, FileRange>;

/// A sequence of pieces that stand one after another on the wire. Nothing is copied into it.
class Payload {
 public:
  void append(MemoryRange range) {
    size_ += range.bytes.size();
    if (!range.bytes.empty()) pieces_.emplace_back(std::move(range));
  }
  void append(FileRange range) {
    size_ += range.length;
    if (range.length > 0) pieces_.emplace_back(std::move(range));
  }
  void append(Payload other) {
    for (PayloadPiece& piece : other.pieces_) pieces_.push_back(std::move(piece));
    size_ += other.size_;
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const std::vector<PayloadPiece>& pieces() const { return pieces_; }

 private:
  std::vector<PayloadPiece> pieces_;
  std::uint64_t size_ = 0;
};

}  // namespace ottla
