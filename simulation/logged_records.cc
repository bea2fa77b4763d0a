#include "simulation/logged_records.h"

#include <glog/logging.h>

#include <charconv>
#include <utility>

#include "broker/storage/log.h"
#include "common/record/control_record.h"
#include "common/record/record_batch.h"
#include "common/record/record_batch_builder.h"
#include "common/record/records.h"

namespace ottla::simulation {
namespace {

Result<Value> decode_value(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  Value value;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return fail(ErrorCode::CorruptMessage);
  const auto whole = [](std::string_view digits, auto& into) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), into);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (!whole(text.substr(0, colon), value.producer) ||
      !whole(text.substr(colon + 1), value.number)) {
    return fail(ErrorCode::CorruptMessage);
  }
  return value;
}

/// Coordinators' records, which have keys: all that matters is whether two are the same.
Value fingerprint(const record::Record& record) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  for (const auto& part : {record.key, record.value}) {
    for (const std::byte byte : part.value_or(ByteView())) {
      hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 1099511628211ULL;
    }
  }
  return {kCoordinatorsRecord, static_cast<std::int64_t>(hash >> 1)};
}

Result<Value> value_of(const record::RecordBatchView& batch, const record::Record& record) {
  if (batch.is_control()) {
    OTTLA_TRY(const record::ControlType type, record::control_type(batch));
    return Value{type == record::ControlType::Commit ? kCommitMarker : kAbortMarker,
                 batch.producer_id().value() * 100'000 + batch.producer_epoch().value()};
  }
  if (record.key) return fingerprint(record);
  if (!record.value) return fail(ErrorCode::CorruptMessage, "record without value");
  return decode_value(*record.value);
}

}  // namespace

std::vector<std::byte> encode_records(const std::vector<Value>& values,
                                      const record::BatchOptions& options,
                                      env::WallTimeMs timestamp) {
  record::RecordBatchBuilder builder(options);
  for (const Value& value : values) {
    const std::string text = std::to_string(value.producer) + ":" + std::to_string(value.number);
    builder.append(timestamp, std::nullopt, as_bytes(text));
  }
  const auto built = builder.build();
  CHECK(built.has_value());
  const ByteView bytes = std::as_const(**built).bytes();
  return {bytes.begin(), bytes.end()};
}

namespace {

/// Adds the records of whole batches, up to the first that is none.
Result<> decode_into(std::vector<LoggedRecord>& records, ByteView bytes) {
  record::BatchIterator batches(bytes);
  while (true) {
    OTTLA_TRY(const auto batch, batches.next());
    if (!batch) return {};
    if (!batch->validate_crc()) return fail(ErrorCode::CorruptMessage, "wrong crc");
    OTTLA_TRY(auto reader, record::RecordReader::open(*batch));
    record::Record record;
    while (true) {
      OTTLA_TRY(const bool more, reader.next(record));
      if (!more) break;
      OTTLA_TRY(const Value value, value_of(*batch, record));
      records.push_back({record.offset, batch->leader_epoch(), value});
    }
  }
}

}  // namespace

Result<std::vector<LoggedRecord>> decode_records(ByteView bytes) {
  std::vector<LoggedRecord> records;
  OTTLA_TRY_VOID(decode_into(records, bytes));
  return records;
}

std::vector<LoggedRecord> decode_segments(const std::vector<std::string>& segments) {
  std::vector<LoggedRecord> records;
  for (const std::string& segment : segments) {
    if (!decode_into(records, as_bytes(segment))) break;
  }
  return records;
}

Result<std::vector<LoggedRecord>> read_records(const storage::Log& log, Offset from) {
  std::vector<LoggedRecord> records;
  Offset next = std::max(from, log.log_start_offset());
  while (next < log.log_end_offset()) {
    OTTLA_TRY(const storage::FetchData data, log.read(next, {.whole_batches = true}));
    if (data.records.length == 0) break;
    OTTLA_TRY(const SharedBuffer bytes, storage::read_slice(data.records));
    OTTLA_TRY(const std::vector<LoggedRecord> read, decode_records(bytes->bytes()));
    for (const LoggedRecord& record : read) {
      if (record.offset >= next) records.push_back(record);
    }
    if (read.empty()) break;
    next = std::max(next, read.back().offset.next());
  }
  return records;
}

std::vector<std::byte> bytes_of(const Payload& payload) {
  std::vector<std::byte> bytes;
  for (const PayloadPiece& piece : payload.pieces()) {
    if (const auto* memory = std::get_if<MemoryRange>(&piece)) {
      bytes.insert(bytes.end(), memory->bytes.begin(), memory->bytes.end());
    }
  }
  return bytes;
}

}  // namespace ottla::simulation
