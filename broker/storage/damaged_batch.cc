#include "broker/storage/damaged_batch.h"

#include <array>
#include <vector>

#include "broker/storage/batch_scanner.h"
#include "common/base/bytes.h"
#include "common/record/format.h"

namespace ottla::storage {
namespace {

constexpr std::size_t kWindow = 16 << 10;

struct Frame {
  Offset offset;
  std::uint64_t bytes = 0;
};

/// What stands where a batch should begin; nullopt if it cannot be one's.
Result<std::optional<Frame>> read_frame(const env::File& file, std::uint64_t position,
                                        std::uint64_t end, Offset least, Offset limit) {
  if (position + record::kMinMessageSizeV0 > end) return std::nullopt;
  std::array<std::byte, record::kLogOverhead> raw;
  OTTLA_TRY(const std::size_t size, file.read_at(raw, position));
  if (size < raw.size()) return std::nullopt;
  const Frame frame{Offset(load_big_endian<std::int64_t>(raw.data())),
                    record::kLogOverhead +
                        static_cast<std::uint32_t>(load_big_endian<std::int32_t>(raw.data() + 8))};
  if (frame.offset < least || frame.offset >= limit) return std::nullopt;
  if (frame.bytes < record::kMinMessageSizeV0 || position + frame.bytes > end) return std::nullopt;
  return frame;
}

Result<bool> is_sound_batch(const env::File& file, std::uint64_t position, std::uint64_t end) {
  BatchScanner scanner(file, position, end, kWindow);
  const auto batch = scanner.next();
  if (batch) return *batch && (*batch)->batch.validate_crc();
  if (batch.error().code() == ErrorCode::KafkaStorageError) return fail(batch.error());
  return false;
}

}  // namespace

Result<std::optional<DamagedBatch>> measure_damaged_batch(const env::File& file,
                                                          std::uint64_t position, std::uint64_t end,
                                                          Offset least, Offset limit,
                                                          std::uint64_t& vouched_to) {
  OTTLA_TRY(const auto damaged, read_frame(file, position, end, least, limit));
  if (!damaged) return std::nullopt;
  const DamagedBatch measured{
      .offset = damaged->offset, .position = position, .bytes = damaged->bytes};
  if (position < vouched_to) return measured;
  Frame last = *damaged;
  std::uint64_t at = position + last.bytes;
  for (; at < end; at += last.bytes) {
    OTTLA_TRY(const auto next, read_frame(file, at, end, last.offset.next(), limit));
    if (!next) return std::nullopt;
    OTTLA_TRY(const bool is_sound, is_sound_batch(file, at, end));
    if (is_sound) break;
    last = *next;
  }
  vouched_to = at;
  return measured;
}

}  // namespace ottla::storage
