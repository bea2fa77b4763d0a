#pragma once

#include "common/metrics/metric.h"

namespace ottla::metrics {

inline constexpr Metric kRequests{.domain = "kafka.network",
                                  .type = "RequestMetrics",
                                  .name = "RequestsPerSec",
                                  .kind = Kind::Counter,
                                  .labels = {"request", "version"},
                                  .doc = "Requests."};
inline constexpr Metric kRequestErrors{.domain = "kafka.network",
                                       .type = "RequestMetrics",
                                       .name = "ErrorsPerSec",
                                       .kind = Kind::Counter,
                                       .labels = {"request", "error"},
                                       .doc = "Answers by error code; NONE is success."};
inline constexpr Metric kTotalTimeMs{
    .domain = "kafka.network",
    .type = "RequestMetrics",
    .name = "TotalTimeMs",
    .kind = Kind::Histogram,
    .labels = {"request"},
    .doc = "From the last byte of a request to the last of its answer."};
inline constexpr Metric kLocalTimeMs{.domain = "kafka.network",
                                     .type = "RequestMetrics",
                                     .name = "LocalTimeMs",
                                     .kind = Kind::Histogram,
                                     .labels = {"request"},
                                     .doc = "At work on this broker."};
inline constexpr Metric kRemoteTimeMs{.domain = "kafka.network",
                                      .type = "RequestMetrics",
                                      .name = "RemoteTimeMs",
                                      .kind = Kind::Histogram,
                                      .labels = {"request"},
                                      .doc = "Waiting for others: followers, or records to come."};
inline constexpr Metric kRequestQueueTimeMs{.domain = "kafka.network",
                                            .type = "RequestMetrics",
                                            .name = "RequestQueueTimeMs",
                                            .kind = Kind::Histogram,
                                            .labels = {"request"},
                                            .doc = "Waiting for a thread."};
inline constexpr Metric kResponseQueueTimeMs{.domain = "kafka.network",
                                             .type = "RequestMetrics",
                                             .name = "ResponseQueueTimeMs",
                                             .kind = Kind::Histogram,
                                             .labels = {"request"},
                                             .doc = "Waiting for its turn on the connection."};
inline constexpr Metric kResponseSendTimeMs{.domain = "kafka.network",
                                            .type = "RequestMetrics",
                                            .name = "ResponseSendTimeMs",
                                            .kind = Kind::Histogram,
                                            .labels = {"request"},
                                            .doc = "Sending the answer."};
inline constexpr Metric kThrottleTimeMs{.domain = "kafka.network",
                                        .type = "RequestMetrics",
                                        .name = "ThrottleTimeMs",
                                        .kind = Kind::Histogram,
                                        .labels = {"request"},
                                        .doc = "Held back by a quota."};
inline constexpr Metric kRequestBytes{.domain = "kafka.network",
                                      .type = "RequestMetrics",
                                      .name = "RequestBytes",
                                      .kind = Kind::Histogram,
                                      .labels = {"request"},
                                      .doc = "Size of requests."};
inline constexpr Metric kMessageConversionsTimeMs{.domain = "kafka.network",
                                                  .type = "RequestMetrics",
                                                  .name = "MessageConversionsTimeMs",
                                                  .kind = Kind::Histogram,
                                                  .labels = {"request"},
                                                  .doc = "Converting records for old clients."};
inline constexpr Metric kTemporaryMemoryBytes{.domain = "kafka.network",
                                              .type = "RequestMetrics",
                                              .name = "TemporaryMemoryBytes",
                                              .kind = Kind::Histogram,
                                              .labels = {"request"},
                                              .doc = "Memory for conversion and decompression."};
inline constexpr Metric kRequestQueueSize{.domain = "kafka.network",
                                          .type = "RequestChannel",
                                          .name = "RequestQueueSize",
                                          .kind = Kind::Gauge,
                                          .doc = "Requests that wait for a thread."};
inline constexpr Metric kResponseQueueSize{.domain = "kafka.network",
                                           .type = "RequestChannel",
                                           .name = "ResponseQueueSize",
                                           .kind = Kind::Gauge,
                                           .doc = "Answers that wait to be sent."};
inline constexpr Metric kNetworkIdlePercent{.domain = "kafka.network",
                                            .type = "SocketServer",
                                            .name = "NetworkProcessorAvgIdlePercent",
                                            .kind = Kind::Gauge,
                                            .doc = "0 to 1: how idle the event loops are."};
inline constexpr Metric kExpiredConnectionsKilled{.domain = "kafka.network",
                                                  .type = "SocketServer",
                                                  .name = "ExpiredConnectionsKilledCount",
                                                  .kind = Kind::Gauge,
                                                  .doc = "Connections closed for being idle."};
inline constexpr Metric kRequestHandlerIdlePercent{
    .domain = "kafka.server",
    .type = "KafkaRequestHandlerPool",
    .name = "RequestHandlerAvgIdlePercent",
    .kind = Kind::Gauge,
    .doc = "0 to 1: how idle the threads are that may block."};
inline constexpr Metric kConnectionCount{.domain = "kafka.server",
                                         .type = "socket-server-metrics",
                                         .name = "connection-count",
                                         .kind = Kind::Gauge,
                                         .labels = {"listener", "networkProcessor"},
                                         .doc = "Open connections."};

inline constexpr const Metric* kNetworkMetrics[] = {
    &kRequests,
    &kRequestErrors,
    &kTotalTimeMs,
    &kLocalTimeMs,
    &kRemoteTimeMs,
    &kRequestQueueTimeMs,
    &kResponseQueueTimeMs,
    &kResponseSendTimeMs,
    &kThrottleTimeMs,
    &kRequestBytes,
    &kMessageConversionsTimeMs,
    &kTemporaryMemoryBytes,
    &kRequestQueueSize,
    &kResponseQueueSize,
    &kNetworkIdlePercent,
    &kExpiredConnectionsKilled,
    &kRequestHandlerIdlePercent,
    &kConnectionCount,
};

}  // namespace ottla::metrics
