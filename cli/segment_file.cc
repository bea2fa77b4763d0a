#include "cli/segment_file.h"

#include <algorithm>
#include <charconv>

#include "broker/storage/cut_records.h"

namespace ottla::cli {

Result<SegmentFile> SegmentFile::open(env::FileSystem& files, const std::string& path) {
  OTTLA_TRY(auto file, files.open(path, env::OpenMode::Read));
  OTTLA_TRY(const auto size, file->size());
  return SegmentFile(std::move(file), size);
}

Result<ByteView> SegmentFile::read(std::uint64_t position, std::size_t size) {
  if (!buffer_ || buffer_->size() < size) {
    buffer_ = std::make_unique<Buffer>(std::max(size, std::size_t{1} << 20));
  }
  OTTLA_TRY(const auto got, file_->read_at(buffer_->bytes().first(size), position));
  return ByteView(buffer_->bytes().first(got));
}

Result<std::optional<record::RecordBatchView>> SegmentFile::header_at(std::uint64_t position) {
  OTTLA_TRY(const ByteView head, read(position, record::kHeaderScanSize));
  const auto header = record::RecordBatchView::parse_header(head);
  if (!header) return std::nullopt;
  return *header;
}

Result<std::optional<SegmentFile::Batch>> SegmentFile::next() {
  OTTLA_TRY(const auto header, header_at(position_));
  if (!header || header->size() > size_ - position_) return std::nullopt;
  OTTLA_TRY(const ByteView bytes, read(position_, header->size()));
  const auto batch = record::RecordBatchView::parse(bytes);
  if (!batch) return std::nullopt;
  const std::uint64_t at = position_;
  position_ += batch->size();
  return Batch{at, *batch};
}

Result<Offset> base_offset_of(std::string_view path) {
  const auto slash = path.rfind('/');
  std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (const auto cut = storage::parse_cut_file_name(name)) return *cut;
  name = name.substr(0, name.find('.'));
  std::int64_t offset = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), offset);
  if (error != std::errc() || end != name.data() + name.size() || offset < 0) {
    return fail(ErrorCode::InvalidRequest,
                std::string(path) + ": the name must begin with the segment's base offset");
  }
  return Offset(offset);
}

}  // namespace ottla::cli
