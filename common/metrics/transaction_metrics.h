#pragma once

#include "common/metrics/metric.h"

namespace ottla::metrics {

inline constexpr Metric kTransactionLoadMs{
    .domain = "kafka.server",
    .type = "transaction-coordinator-metrics",
    .name = "partition-load-time",
    .kind = Kind::Histogram,
    .doc = "Milliseconds from the election to serving, for each partition of __transaction_state."};
inline constexpr Metric kTransactionLoadAverageMs{
    .domain = "kafka.server",
    .type = "transaction-coordinator-metrics",
    .name = "partition-load-time-avg",
    .kind = Kind::Gauge,
    .doc = "The average of the last minute; NaN: nothing was loaded."};
inline constexpr Metric kTransactionLoadLongestMs{
    .domain = "kafka.server",
    .type = "transaction-coordinator-metrics",
    .name = "partition-load-time-max",
    .kind = Kind::Gauge,
    .doc = "The longest of the last minute; NaN: nothing was loaded."};
// Attributes of Confluent's server, which its dashboard of the coordinator asks for.
inline constexpr Metric kTransactionTimeouts{
    .domain = "kafka.server",
    .type = "transaction-coordinator-metrics",
    .name = "transaction-timeout-count",
    .kind = Kind::Gauge,
    .doc =
        "Transactions aborted because they were open for longer than they may, since the start."};
inline constexpr Metric kTransactionTimeoutRate{.domain = "kafka.server",
                                                .type = "transaction-coordinator-metrics",
                                                .name = "transaction-timeout-rate",
                                                .kind = Kind::Gauge,
                                                .doc = "The same for each second, lately."};
inline constexpr Metric kTransactionalIds{.domain = "kafka.server",
                                          .type = "transaction-coordinator-metrics",
                                          .name = "transactional-id-count",
                                          .kind = Kind::Gauge,
                                          .doc = "Transactional ids of this coordinator."};
inline constexpr Metric kActiveTransactionLongestMs{
    .domain = "kafka.server",
    .type = "transaction-coordinator-metrics",
    .name = "active-transaction-total-time-max",
    .kind = Kind::Gauge,
    .doc = "How long the oldest open transaction of this coordinator has been open."};
inline constexpr Metric kLogAppendRetryQueueSize{
    .domain = "kafka.coordinator.transaction",
    .type = "TransactionMarkerChannelManager",
    .name = "LogAppendRetryQueueSize",
    .kind = Kind::Gauge,
    .doc = "Appends to __transaction_state that are not known to be written and tried again."};
inline constexpr Metric kUnknownDestinationQueueSize{
    .domain = "kafka.coordinator.transaction",
    .type = "TransactionMarkerChannelManager",
    .name = "UnknownDestinationQueueSize",
    .kind = Kind::Gauge,
    .doc = "Markers that some partition has not taken yet and that are sent again."};
inline constexpr Metric kOpenTransactions{
    .domain = "kafka.coordinator.transaction",
    .type = "TransactionCoordinator",
    .name = "OpenTransactions",
    .kind = Kind::Gauge,
    .doc =
        "Transactions of this coordinator that are ongoing or not ended everywhere. Ottla only."};
inline constexpr Metric kOldestOpenTransactionMs{
    .domain = "kafka.coordinator.transaction",
    .type = "TransactionCoordinator",
    .name = "OldestOpenTransactionMs",
    .kind = Kind::Gauge,
    .doc = "How long the oldest open transaction of this coordinator has been open. Ottla only."};
inline constexpr Metric kTransactionPartitionsLoading{
    .domain = "kafka.coordinator.transaction",
    .type = "TransactionCoordinator",
    .name = "NumPartitionsLoading",
    .kind = Kind::Gauge,
    .doc = "Partitions of __transaction_state that are being loaded. Ottla only."};

inline constexpr Metric kVerificationTimeMs{
    .domain = "kafka.server",
    .type = "AddPartitionsToTxnManager",
    .name = "VerificationTimeMs",
    .kind = Kind::Histogram,
    .doc =
        "From a leader's question about a transaction to the coordinator's answer, or until none "
        "came (KIP-890).",
    .scale = 1000};
inline constexpr Metric kVerificationFailureRate{
    .domain = "kafka.server",
    .type = "AddPartitionsToTxnManager",
    .name = "VerificationFailureRate",
    .kind = Kind::Counter,
    .doc =
        "Partitions about which a leader asked the coordinator of a transaction and was told an "
        "error, or nothing (KIP-890)."};

inline constexpr const Metric* kTransactionMetrics[] = {
    &kTransactionLoadMs,          &kTransactionLoadAverageMs, &kTransactionLoadLongestMs,
    &kTransactionTimeouts,        &kTransactionTimeoutRate,   &kTransactionalIds,
    &kActiveTransactionLongestMs, &kLogAppendRetryQueueSize,  &kUnknownDestinationQueueSize,
    &kOpenTransactions,           &kOldestOpenTransactionMs,  &kTransactionPartitionsLoading,
    &kVerificationTimeMs,         &kVerificationFailureRate,
};

}  // namespace ottla::metrics
