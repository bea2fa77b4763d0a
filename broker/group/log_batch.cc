#include "broker/group/log_batch.h"

#include <optional>

#include "common/record/record_batch_builder.h"

namespace ottla::group {
namespace {

bool is_commit(const LogRecord& record) {
  constexpr std::int16_t kGroupKey = 2;
  return record.value && load_big_endian<std::int16_t>(as_bytes(record.key).data()) < kGroupKey;
}

}  // namespace

Result<SharedBuffer> build_batch(const std::vector<LogRecord>& records, record::Codec codec,
                                 env::WallTimeMs now,
                                 const std::optional<BatchProducer>& transactional) {
  const bool commits = !records.empty() && is_commit(records.front());
  record::BatchOptions options{.codec = codec, .base_sequence = commits ? 0 : record::kNoSequence};
  if (transactional) {
    options.producer_id = transactional->id;
    options.producer_epoch = transactional->epoch;
    options.transactional = true;
  }
  record::RecordBatchBuilder builder(options);
  for (const LogRecord& record : records) {
    std::optional<ByteView> value;
    if (record.value) value = as_bytes(*record.value);
    builder.append(now, as_bytes(record.key), value);
  }
  return builder.build();
}

}  // namespace ottla::group
