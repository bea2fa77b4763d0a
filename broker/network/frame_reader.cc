#include "broker/network/frame_reader.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace ottla::network {

MutableByteView FrameReader::space() {
  if (frame_) return frame_->bytes().subspan(filled_);
  if (begin_ > 0) {
    std::memmove(small_.data(), small_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return MutableByteView(small_).subspan(end_);
}

void FrameReader::received(std::size_t count) {
  if (!frame_) {
    end_ += count;
    return;
  }
  filled_ += count;
  if (filled_ == frame_->size() && filled_ < frame_size_) grow();
}

Result<std::optional<SharedBuffer>> FrameReader::next() {
  if (frame_) {
    if (filled_ < frame_size_) return std::nullopt;
    return std::exchange(frame_, nullptr);
  }
  if (end_ - begin_ < kSizeBytes) return std::nullopt;
  const auto size = load_big_endian<std::int32_t>(small_.data() + begin_);
  if (size < 0 || size > max_frame_bytes_) {
    return fail(ErrorCode::InvalidRequest, "frame of " + std::to_string(size) +
                                               " bytes; socket.request.max.bytes is " +
                                               std::to_string(max_frame_bytes_));
  }
  const auto wanted = static_cast<std::size_t>(size);
  if (wanted + kSizeBytes <= end_ - begin_) return take_small(wanted);
  if (wanted + kSizeBytes > kSmallBytes) begin_large(wanted);
  return std::nullopt;
}

std::optional<SharedBuffer> FrameReader::take_small(std::size_t size) {
  SharedBuffer frame = Buffer::copy_of(ByteView(small_).subspan(begin_ + kSizeBytes, size));
  begin_ += kSizeBytes + size;
  return frame;
}

void FrameReader::begin_large(std::size_t size) {
  frame_size_ = size;
  frame_ = std::make_shared<Buffer>(std::min(size, kFirstStep));
  filled_ = end_ - begin_ - kSizeBytes;
  std::memcpy(frame_->data(), small_.data() + begin_ + kSizeBytes, filled_);
  begin_ = end_ = 0;
}

void FrameReader::grow() {
  auto larger = std::make_shared<Buffer>(std::min(frame_size_, frame_->size() * kGrowth));
  std::memcpy(larger->data(), frame_->data(), filled_);
  frame_ = std::move(larger);
}

}  // namespace ottla::network
