#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/error.h"

namespace ottla::network {

/// Cuts the stream of one connection into frames: int32 size, then that many bytes. Small frames
/// are copied out of a little buffer; a large one is received straight into its own, whose memory
/// grows with what has really come, so that a size field alone costs nothing.
class FrameReader {
 public:
  explicit FrameReader(std::int32_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes) {}

  /// Where the next bytes of the stream go; never empty unless a complete frame waits in `next`.
  [[nodiscard]] MutableByteView space();
  /// Tells that `count` bytes were received into `space`.
  void received(std::size_t count);
  /// The next complete frame. Errors: InvalidRequest for a negative or too large size; nothing
  /// more can be read then.
  Result<std::optional<SharedBuffer>> next();
  /// Whether a frame has begun and is not complete.
  [[nodiscard]] bool in_frame() const { return frame_ != nullptr || begin_ != end_; }

 private:
  static constexpr std::size_t kSizeBytes = 4;
  static constexpr std::size_t kSmallBytes = 512;
  static constexpr std::size_t kFirstStep = 1024 * 1024;
  static constexpr std::size_t kGrowth = 4;

  std::optional<SharedBuffer> take_small(std::size_t size);
  void begin_large(std::size_t size);
  void grow();

  std::int32_t max_frame_bytes_;
  std::array<std::byte, kSmallBytes> small_;
  std::size_t begin_ = 0;  ///< Unread bytes of `small_`.
  std::size_t end_ = 0;
  SharedBuffer frame_;  ///< The large frame under way; its size is what is allocated by now.
  std::size_t frame_size_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace ottla::network
