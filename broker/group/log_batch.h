#pragma once

#include <optional>
#include <vector>

#include "broker/group/log_records.h"
#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/env/clock.h"
#include "common/record/format.h"

namespace ottla::group {

/// One batch of these records, byte for byte as Kafka's coordinator writes it: a batch of commits
/// has sequence 0 although it has no producer; one of groups or tombstones has none. Commits in a
/// transaction are its producer's.
struct BatchProducer {
  ProducerId id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
};
[[nodiscard]] Result<SharedBuffer> build_batch(
    const std::vector<LogRecord>& records, record::Codec codec, env::WallTimeMs now,
    const std::optional<BatchProducer>& transactional = std::nullopt);

}  // namespace ottla::group
