#pragma once

#include <cstdint>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/record/records.h"

namespace ottla::record {

/// The kinds of control record. Others exist in KRaft only and are read as Unknown.
enum class ControlType : std::int16_t { Abort = 0, Commit = 1, LeaderChange = 2, Unknown = -1 };

/// The end of a transaction in one partition (KIP-98).
struct EndTransactionMarker {
  ControlType type = ControlType::Abort;
  std::int32_t coordinator_epoch = 0;
};

/// The kind of the first record of a control batch. Errors: InvalidRecord.
[[nodiscard]] Result<ControlType> control_type(const RecordBatchView& batch);
/// Reads a marker. Errors: InvalidRecord, also for control records that end no transaction.
[[nodiscard]] Result<EndTransactionMarker> end_transaction_marker(const RecordBatchView& batch);
/// The 78-byte control batch that ends a producer's transaction; base offset 0, to be assigned.
[[nodiscard]] SharedBuffer build_end_transaction_marker(ProducerId producer_id,
                                                        ProducerEpoch producer_epoch,
                                                        EndTransactionMarker marker,
                                                        std::int64_t timestamp);

}  // namespace ottla::record
