#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/transaction/transaction_image.h"
#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/cluster/topic_name.h"
#include "common/env/clock.h"

/// The records of __transaction_state, in Kafka's formats (proto/kafka/transaction_log.schema).
namespace ottla::transaction {

using cluster::kTransactionsTopic;

/// Bytes of a record; no value is a tombstone.
struct LogRecord {
  std::string key{};
  std::optional<std::string> value{};

  friend bool operator==(const LogRecord&, const LogRecord&) = default;
};

/// Value of version 0; of version 1 where version 0 cannot say all (transaction version 2).
/// Errors of both: InvalidRequest for an id above 32767 bytes.
[[nodiscard]] Result<LogRecord> transaction_record(const std::string& transactional_id,
                                                   const TransactionImage& image);
[[nodiscard]] Result<LogRecord> transaction_tombstone(const std::string& transactional_id);

struct LogEntry {
  std::string transactional_id{};
  std::optional<TransactionImage> image{};  ///< Nullopt: expired.
};

/// Nullopt for the keys of a newer Kafka, which it can do without. Errors: CorruptMessage.
[[nodiscard]] Result<std::optional<LogEntry>> decode_entry(ByteView key,
                                                           std::optional<ByteView> value);

/// One uncompressed batch of these records, as Kafka's coordinator writes it.
[[nodiscard]] Result<SharedBuffer> build_batch(const std::vector<LogRecord>& records,
                                               env::WallTimeMs now);

}  // namespace ottla::transaction
