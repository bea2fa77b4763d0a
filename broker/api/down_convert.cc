#include "broker/api/down_convert.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "common/record/down_conversion.h"
#include "common/record/format.h"
#include "common/record/record_batch.h"

namespace ottla::api {
namespace {

/// Reads one piece of a payload from its beginning on, whether it is memory or a file.
class PieceReader {
 public:
  explicit PieceReader(const PayloadPiece& piece) : piece_(piece) {}

  /// The next `size` bytes, without going on; fewer at the end of the piece.
  Result<ByteView> peek(std::size_t size) {
    if (const auto* const memory = std::get_if<MemoryRange>(&piece_)) {
      const ByteView rest = memory->bytes.subspan(position_);
      return rest.first(std::min(size, rest.size()));
    }
    const auto& file = std::get<FileRange>(piece_);
    buffer_.resize(
        static_cast<std::size_t>(std::min<std::uint64_t>(size, file.length - position_)));
    for (std::size_t have = 0; have < buffer_.size();) {
      const ssize_t got = ::pread(file.fd, buffer_.data() + have, buffer_.size() - have,
                                  static_cast<off_t>(file.position + position_ + have));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return fail(ErrorCode::KafkaStorageError, "cannot read a segment");
      have += static_cast<std::size_t>(got);
    }
    return ByteView(buffer_);
  }
  void skip(std::size_t size) { position_ += size; }

 private:
  const PayloadPiece& piece_;
  std::size_t position_ = 0;
  std::vector<std::byte> buffer_;
};

/// False: no more is to be converted.
Result<bool> convert_piece(const PayloadPiece& piece, record::DownConverter& converter) {
  PieceReader reader(piece);
  for (;;) {
    OTTLA_TRY(const ByteView head, reader.peek(record::kHeaderScanSize));
    if (head.size() < record::kHeaderScanSize) return head.empty();
    OTTLA_TRY(const auto header, record::RecordBatchView::parse_header(head));
    const std::size_t size = header.size();
    OTTLA_TRY(const ByteView bytes, reader.peek(size));
    if (bytes.size() < size) return false;
    OTTLA_TRY(const auto batch, record::RecordBatchView::parse(bytes));
    OTTLA_TRY(const bool taken, converter.add(batch));
    if (!taken) return false;
    reader.skip(size);
  }
}

SharedBuffer cut_message(Offset fetch_offset) {
  auto message = std::make_shared<Buffer>(12);
  store_big_endian(message->data(), fetch_offset.value());
  store_big_endian(message->data() + 8, std::numeric_limits<std::int32_t>::max());
  return message;
}

}  // namespace

Result<Payload> down_convert(const Payload& records, std::int8_t target_magic, Offset fetch_offset,
                             std::size_t byte_budget) {
  record::DownConverter converter(target_magic, fetch_offset, byte_budget);
  for (const PayloadPiece& piece : records.pieces()) {
    OTTLA_TRY(const bool more, convert_piece(piece, converter));
    if (!more) break;
  }
  const bool nothing_whole = converter.next_offset() <= fetch_offset && converter.size() == 0;
  SharedBuffer converted =
      nothing_whole && !records.empty() ? cut_message(fetch_offset) : converter.take();
  Payload payload;
  if (converted) payload.append(MemoryRange{converted, converted->bytes()});
  return payload;
}

}  // namespace ottla::api
