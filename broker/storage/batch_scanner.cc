#include "broker/storage/batch_scanner.h"

#include <algorithm>

namespace ottla::storage {

Result<ByteView> HeaderScanner::header_bytes() {
  const std::size_t wanted =
      static_cast<std::size_t>(std::min<std::uint64_t>(record::kHeaderScanSize, end_ - position_));
  if (position_ < window_from_ || position_ + wanted > window_from_ + window_size_) {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(window_.size(), end_ - position_));
    OTTLA_TRY(window_size_, file_.read_at(MutableByteView(window_.data(), size), position_));
    window_from_ = position_;
  }
  const auto at = static_cast<std::size_t>(position_ - window_from_);
  return ByteView(window_.data() + at, window_size_ - at);
}

Result<std::optional<BatchAt>> HeaderScanner::next() {
  if (position_ + record::kMinMessageSizeV0 > end_) return std::nullopt;
  OTTLA_TRY(const ByteView bytes, header_bytes());
  if (bytes.size() < record::kMinMessageSizeV0) return std::nullopt;
  OTTLA_TRY(const auto batch, record::RecordBatchView::parse_header(bytes));
  if (position_ + batch.size() > end_) return std::nullopt;
  const BatchAt found{batch, position_};
  position_ += batch.size();
  return found;
}

Result<ByteView> BatchScanner::bytes(std::size_t wanted) {
  const std::size_t available =
      window_from_ <= position_ && position_ <= window_from_ + window_size_
          ? static_cast<std::size_t>(window_from_ + window_size_ - position_)
          : 0;
  const std::uint64_t left = end_ - position_;
  if (available < std::min<std::uint64_t>(wanted, left)) {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(std::max(wanted, least_window_), left));
    if (window_.size() < size) window_.resize(size);
    OTTLA_TRY(window_size_, file_.read_at(MutableByteView(window_.data(), size), position_));
    window_from_ = position_;
    return ByteView(window_.data(), window_size_);
  }
  return ByteView(window_.data() + (position_ - window_from_), available);
}

Result<std::optional<BatchAt>> BatchScanner::next() {
  if (position_ + record::kMinMessageSizeV0 > end_) return std::nullopt;
  OTTLA_TRY(ByteView available, bytes(record::kHeaderScanSize));
  if (available.size() < record::kMinMessageSizeV0) return std::nullopt;
  OTTLA_TRY(const auto header, record::RecordBatchView::parse_header(available));
  if (position_ + header.size() > end_) return std::nullopt;
  const std::size_t size = header.size();
  if (available.size() < size) {
    OTTLA_TRY(available, bytes(size));
    if (available.size() < size) return std::nullopt;
  }
  OTTLA_TRY(const auto batch, record::RecordBatchView::parse(available));
  const BatchAt found{batch, position_};
  position_ += size;
  return found;
}

namespace {

/// After so many batches it is decided how to read the rest.
constexpr std::uint64_t kSample = 256;
/// Smaller batches are read faster as a whole than one header after the other.
constexpr std::uint64_t kSmallBatch = 8192;

}  // namespace

Result<std::optional<BatchAt>> BatchWalk::next() {
  if (whole_) {
    auto at = whole_->next();
    if (at && *at && (*at)->batch.is_legacy()) return std::nullopt;
    return at;
  }
  OTTLA_TRY(auto at, headers_.next());
  if (!at || at->batch.is_legacy()) return std::nullopt;
  if (++walked_ == kSample && at->end() < kSample * kSmallBatch) {
    whole_.emplace(file_, at->end(), end_);
  }
  if (!at->batch.is_control()) return at;
  control_.emplace(file_, at->position, end_, static_cast<std::size_t>(at->batch.size()));
  return control_->next();
}

}  // namespace ottla::storage
