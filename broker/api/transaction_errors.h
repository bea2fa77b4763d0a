#pragma once

#include <cstdint>

#include "broker/api/call.h"
#include "common/base/error.h"

namespace ottla::api {

/// The first versions whose clients know PRODUCER_FENCED (KIP-588); before, a fenced producer was
/// told INVALID_PRODUCER_EPOCH.
inline constexpr std::int16_t kInitProducerIdKnowsFenced = 4;
inline constexpr std::int16_t kAddToTxnKnowsFenced = 2;
inline constexpr std::int16_t kEndTxnKnowsFenced = 2;

[[nodiscard]] inline ErrorCode known_to(const Call& call, std::int16_t knows_fenced,
                                        ErrorCode error) {
  return error == ErrorCode::ProducerFenced && !call.version_at_least(knows_fenced)
             ? ErrorCode::InvalidProducerEpoch
             : error;
}

}  // namespace ottla::api
