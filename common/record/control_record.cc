#include "common/record/control_record.h"

#include <array>

#include <glog/logging.h>

#include "common/record/record_batch_builder.h"

namespace ottla::record {
namespace {

constexpr std::size_t kKeySize = 4;    // int16 version, int16 type
constexpr std::size_t kValueSize = 6;  // int16 version, int32 coordinator epoch

Result<ControlType> type_of(const Record& record) {
  if (!record.key || record.key->size() < kKeySize) return fail(ErrorCode::InvalidRecord);
  const auto type = load_big_endian<std::int16_t>(record.key->data() + 2);
  switch (static_cast<ControlType>(type)) {
    case ControlType::Abort:
    case ControlType::Commit:
    case ControlType::LeaderChange:
      return static_cast<ControlType>(type);
    case ControlType::Unknown:
      break;
  }
  return ControlType::Unknown;
}

Result<Record> first_record(RecordReader& reader) {
  Record record;
  OTTLA_TRY(const bool found, reader.next(record));
  if (!found) return fail(ErrorCode::InvalidRecord, "control batch without a record");
  return record;
}

}  // namespace

Result<ControlType> control_type(const RecordBatchView& batch) {
  OTTLA_TRY(auto reader, RecordReader::open(batch));
  OTTLA_TRY(const Record record, first_record(reader));
  return type_of(record);
}

Result<EndTransactionMarker> end_transaction_marker(const RecordBatchView& batch) {
  OTTLA_TRY(auto reader, RecordReader::open(batch));
  OTTLA_TRY(const Record record, first_record(reader));
  OTTLA_TRY(const ControlType type, type_of(record));
  if (type != ControlType::Abort && type != ControlType::Commit) {
    return fail(ErrorCode::InvalidRecord, "control record that ends no transaction");
  }
  if (!record.value || record.value->size() < kValueSize) return fail(ErrorCode::InvalidRecord);
  return EndTransactionMarker{
      .type = type, .coordinator_epoch = load_big_endian<std::int32_t>(record.value->data() + 2)};
}

SharedBuffer build_end_transaction_marker(ProducerId producer_id, ProducerEpoch producer_epoch,
                                          EndTransactionMarker marker, std::int64_t timestamp) {
  std::array<std::byte, kKeySize> key{};
  store_big_endian(key.data() + 2, static_cast<std::int16_t>(marker.type));
  std::array<std::byte, kValueSize> value{};
  store_big_endian(value.data() + 2, marker.coordinator_epoch);
  BatchOptions options;
  options.producer_id = producer_id;
  options.producer_epoch = producer_epoch;
  options.transactional = true;
  options.control = true;
  RecordBatchBuilder builder(options);
  builder.append(timestamp, ByteView(key), ByteView(value));
  auto batch = builder.build();
  CHECK(batch.has_value()) << "an uncompressed batch cannot fail";
  return *std::move(batch);
}

}  // namespace ottla::record
