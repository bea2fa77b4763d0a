#include "broker/transaction/transaction_loader.h"

#include <utility>

#include <glog/logging.h>

#include "broker/transaction/log_records.h"
#include "common/record/records.h"

namespace ottla::transaction {

void TransactionLoader::add(const record::RecordBatchView& batch) {
  if (batch.is_control()) return;
  auto reader = record::RecordReader::open(batch);
  if (!reader) return count_unreadable(batch, reader.error());
  record::Record record;
  while (true) {
    const auto more = reader->next(record);
    if (!more) return count_unreadable(batch, more.error());
    if (!*more) return;
    ++records_;
    if (const auto added = add_record(record.key, record.value); !added) {
      count_unreadable(batch, added.error());
    }
  }
}

Result<> TransactionLoader::add_record(std::optional<ByteView> key, std::optional<ByteView> value) {
  if (!key) return fail(ErrorCode::CorruptMessage, "a record without a key");
  OTTLA_TRY(auto entry, decode_entry(*key, value));
  if (!entry) return {};
  if (entry->image && entry->image->state != TransactionState::Dead) {
    loaded_[entry->transactional_id] = *std::move(entry->image);
  } else {
    loaded_.erase(entry->transactional_id);
  }
  return {};
}

void TransactionLoader::count_unreadable(const record::RecordBatchView& batch, const Error& error) {
  ++unreadable_;
  LOG_EVERY_T(ERROR, 1) << "[" << kTransactionsTopic << "] a record at offset "
                        << batch.base_offset() << " or behind it is left out: " << error;
}

}  // namespace ottla::transaction
