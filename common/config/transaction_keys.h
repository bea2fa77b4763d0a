#pragma once

#include <cstdint>

#include "common/config/key.h"

namespace ottla::config {

inline constexpr ConfigKey<std::int32_t> kTransactionMaxTimeoutMs{
    .name = "transaction.max.timeout.ms",
    .fallback = 900000,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "The longest transaction.timeout.ms that a producer may ask for."};
inline constexpr ConfigKey<std::int32_t> kTransactionalIdExpirationMs{
    .name = "transactional.id.expiration.ms",
    .fallback = 604800000,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "How long a transactional id is remembered after its last transaction has ended."};
inline constexpr ConfigKey<std::int32_t> kTransactionAbortTimedOutTransactionCleanupIntervalMs{
    .name = "transaction.abort.timed.out.transaction.cleanup.interval.ms",
    .fallback = 10000,
    .allowed = at_least(1),
    .importance = Importance::Low,
    .doc = "How often transactions that have been open for too long are looked for and aborted."};
inline constexpr ConfigKey<std::int32_t> kTransactionRemoveExpiredTransactionCleanupIntervalMs{
    .name = "transaction.remove.expired.transaction.cleanup.interval.ms",
    .fallback = 3600000,
    .allowed = at_least(1),
    .importance = Importance::Low,
    .doc = "How often expired transactional ids are looked for."};
inline constexpr ConfigKey<std::int32_t> kTransactionStateLogLoadBufferSize{
    .name = "transaction.state.log.load.buffer.size",
    .fallback = 5242880,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc =
        "Bytes that are read at once when transactions are loaded; a larger batch still passes."};
inline constexpr ConfigKey<std::int32_t> kTransactionStateLogMinIsr{
    .name = "transaction.state.log.min.isr",
    .fallback = 2,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "min.insync.replicas of __transaction_state when it is created."};
inline constexpr ConfigKey<std::int32_t> kTransactionStateLogNumPartitions{
    .name = "transaction.state.log.num.partitions",
    .fallback = 50,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "Partitions of __transaction_state when it is created; never to be changed afterwards."};
inline constexpr ConfigKey<std::int16_t> kTransactionStateLogReplicationFactor{
    .name = "transaction.state.log.replication.factor",
    .fallback = 3,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc =
        "Replicas of __transaction_state when it is created, which fails as long as fewer brokers "
        "live."};
inline constexpr ConfigKey<std::int32_t> kTransactionStateLogSegmentBytes{
    .name = "transaction.state.log.segment.bytes",
    .fallback = 104857600,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "Segment size of __transaction_state when it is created; small ones load faster."};

inline constexpr AnyKey kTransactionKeys[] = {
    kTransactionMaxTimeoutMs,
    kTransactionalIdExpirationMs,
    kTransactionAbortTimedOutTransactionCleanupIntervalMs,
    kTransactionRemoveExpiredTransactionCleanupIntervalMs,
    kTransactionStateLogLoadBufferSize,
    kTransactionStateLogMinIsr,
    kTransactionStateLogNumPartitions,
    kTransactionStateLogReplicationFactor,
    kTransactionStateLogSegmentBytes,
};

}  // namespace ottla::config
