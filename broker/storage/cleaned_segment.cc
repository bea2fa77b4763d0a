#include "broker/storage/cleaned_segment.h"

#include <span>
#include <utility>

#include "broker/storage/file_names.h"

namespace ottla::storage {
namespace {

template <class T>
void append_big_endian(std::vector<std::byte>& out, T value) {
  out.resize(out.size() + sizeof value);
  store_big_endian(out.data() + out.size() - sizeof value, value);
}

}  // namespace

CleanedSegment::CleanedSegment(env::FileSystem& files, std::string directory, Offset base_offset,
                               std::int32_t index_interval_bytes, std::size_t buffer_bytes)
    : files_(files),
      directory_(std::move(directory)),
      base_offset_(base_offset),
      index_interval_bytes_(static_cast<std::uint64_t>(index_interval_bytes)),
      buffer_bytes_(buffer_bytes),
      offset_of_largest_(base_offset) {}

Result<std::unique_ptr<CleanedSegment>> CleanedSegment::create(env::FileSystem& files,
                                                               std::string directory,
                                                               Offset base_offset,
                                                               std::int32_t index_interval_bytes,
                                                               std::size_t buffer_bytes) {
  std::unique_ptr<CleanedSegment> segment(new CleanedSegment(
      files, std::move(directory), base_offset, index_interval_bytes, buffer_bytes));
  segment->discard();
  OTTLA_TRY(segment->file_, files.open(segment->path(kLogSuffix), env::OpenMode::CreateNew));
  return segment;
}

std::string CleanedSegment::path(std::string_view suffix) const {
  return segment_path(directory_, base_offset_, suffix) + std::string(kCleanedSuffix);
}

Result<> CleanedSegment::append(const record::RecordBatchView& batch) {
  const ByteView bytes = batch.bytes();
  if (batch.max_timestamp() > largest_timestamp_) {
    largest_timestamp_ = batch.max_timestamp();
    offset_of_largest_ = batch.last_offset();
  }
  if (since_entry_ > index_interval_bytes_) {
    append_big_endian(offset_index_, static_cast<std::int32_t>(batch.last_offset() - base_offset_));
    append_big_endian(offset_index_, static_cast<std::int32_t>(position_));
    add_time_entry();
    since_entry_ = 0;
  }
  since_entry_ += bytes.size();
  position_ += bytes.size();
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return buffer_.size() < buffer_bytes_ ? Result<>{} : write_out();
}

Result<> CleanedSegment::append_damaged(const env::File& source, const DamagedBatch& batch,
                                        std::int64_t timestamp) {
  const std::size_t before = buffer_.size();
  buffer_.resize(before + static_cast<std::size_t>(batch.bytes));
  OTTLA_TRY(const std::size_t size,
            source.read_at(MutableByteView(buffer_).subspan(before), batch.position));
  if (before + size != buffer_.size()) {
    return fail(ErrorCode::KafkaStorageError, batch.file + " is shorter than it was");
  }
  damaged_entry_ = {timestamp, batch.offset};
  since_entry_ += batch.bytes;
  position_ += batch.bytes;
  return buffer_.size() < buffer_bytes_ ? Result<>{} : write_out();
}

void CleanedSegment::add_time_entry() {
  if (largest_timestamp_ <= last_time_entry_) return;
  last_time_entry_ = largest_timestamp_;
  append_big_endian(time_index_, largest_timestamp_);
  append_big_endian(time_index_, static_cast<std::int32_t>(offset_of_largest_ - base_offset_));
}

void CleanedSegment::add_aborted(const AbortedRange& aborted) {
  const auto entry = TransactionIndex::encode(aborted);
  transaction_index_.insert(transaction_index_.end(), entry.begin(), entry.end());
}

Result<> CleanedSegment::write_out() {
  const ByteView piece = buffer_;
  OTTLA_TRY_VOID(file_->write_at(std::span(&piece, 1), written_));
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<> CleanedSegment::write_index(std::string_view suffix, const std::vector<std::byte>& bytes) {
  OTTLA_TRY(const auto file, files_.open(path(suffix), env::OpenMode::CreateNew));
  const ByteView piece = bytes;
  if (!bytes.empty()) OTTLA_TRY_VOID(file->write_at(std::span(&piece, 1), 0));
  return file->sync();
}

Result<> CleanedSegment::finish(env::WallTimeMs modified) {
  OTTLA_TRY_VOID(write_out());
  if (largest_timestamp_ < 0 && damaged_entry_) {
    largest_timestamp_ = damaged_entry_->first < 0 ? modified : damaged_entry_->first;
    offset_of_largest_ = damaged_entry_->second;
  }
  add_time_entry();
  OTTLA_TRY_VOID(file_->sync());
  OTTLA_TRY_VOID(write_index(kIndexSuffix, offset_index_));
  OTTLA_TRY_VOID(write_index(kTimeIndexSuffix, time_index_));
  if (!transaction_index_.empty()) {
    OTTLA_TRY_VOID(write_index(kTransactionIndexSuffix, transaction_index_));
  }
  return files_.set_modified_ms(path(kLogSuffix), modified);
}

void CleanedSegment::discard() {
  // What stays behind is removed by the next attempt or the next start.
  for (const std::string_view suffix :
       {kLogSuffix, kIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix}) {
    (void)files_.remove(path(suffix));
  }
}

}  // namespace ottla::storage
