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
    .doc = "From the last byte of a request to the last of its answer.",
    .scale = 1000};
inline constexpr Metric kLocalTimeMs{.domain = "kafka.network",
                                     .type = "RequestMetrics",
                                     .name = "LocalTimeMs",
                                     .kind = Kind::Histogram,
                                     .labels = {"request"},
                                     .doc = "At work on this broker.",
                                     .scale = 1000};
inline constexpr Metric kRemoteTimeMs{.domain = "kafka.network",
                                      .type = "RequestMetrics",
                                      .name = "RemoteTimeMs",
                                      .kind = Kind::Histogram,
                                      .labels = {"request"},
                                      .doc = "Waiting for others: followers, or records to come.",
                                      .scale = 1000};
inline constexpr Metric kRequestQueueTimeMs{.domain = "kafka.network",
                                            .type = "RequestMetrics",
                                            .name = "RequestQueueTimeMs",
                                            .kind = Kind::Histogram,
                                            .labels = {"request"},
                                            .doc = "Waiting for a thread.",
                                            .scale = 1000};
inline constexpr Metric kResponseQueueTimeMs{.domain = "kafka.network",
                                             .type = "RequestMetrics",
                                             .name = "ResponseQueueTimeMs",
                                             .kind = Kind::Histogram,
                                             .labels = {"request"},
                                             .doc = "Waiting for its turn on the connection.",
                                             .scale = 1000};
inline constexpr Metric kResponseSendTimeMs{.domain = "kafka.network",
                                            .type = "RequestMetrics",
                                            .name = "ResponseSendTimeMs",
                                            .kind = Kind::Histogram,
                                            .labels = {"request"},
                                            .doc = "Sending the answer.",
                                            .scale = 1000};
inline constexpr Metric kThrottleTimeMs{.domain = "kafka.network",
                                        .type = "RequestMetrics",
                                        .name = "ThrottleTimeMs",
                                        .kind = Kind::Histogram,
                                        .labels = {"request"},
                                        .doc = "Held back by a quota.",
                                        .scale = 1000};
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
                                                  .doc = "Converting records for old clients.",
                                                  .scale = 1000};
inline constexpr Metric kTemporaryMemoryBytes{.domain = "kafka.network",
                                              .type = "RequestMetrics",
                                              .name = "TemporaryMemoryBytes",
                                              .kind = Kind::Histogram,
                                              .labels = {"request"},
                                              .doc = "Memory for conversion and decompression."};
inline constexpr Metric kRequestQueueSize{
    .domain = "kafka.network",
    .type = "RequestChannel",
    .name = "RequestQueueSize",
    .kind = Kind::Gauge,
    .doc =
        "What waits for a thread that may block. (Event loops have no queue: what they have not "
        "read waits in the kernel.)"};
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
                                         .labels = {"listener"},
                                         .doc = "Open connections."};

inline constexpr Metric kProcessorIdlePercent{.domain = "kafka.network",
                                              .type = "Processor",
                                              .name = "IdlePercent",
                                              .kind = Kind::Gauge,
                                              .labels = {"networkProcessor"},
                                              .doc = "0 to 1: how idle an event loop is."};
inline constexpr Metric kAcceptorBlockedPercent{
    .domain = "kafka.network",
    .type = "Acceptor",
    .name = "AcceptorBlockedPercent",
    .kind = Kind::Gauge,
    .labels = {"listener"},
    .doc =
        "0 to 1: the part of the time for which a listener took nobody in, for max.connections."};
inline constexpr Metric kConnectionCreations{.domain = "kafka.server",
                                             .type = "socket-server-metrics",
                                             .name = "connection-creation-total",
                                             .kind = Kind::Counter,
                                             .labels = {"listener"},
                                             .doc = "Connections taken in."};
inline constexpr Metric kConnectionCreationRate{.domain = "kafka.server",
                                                .type = "socket-server-metrics",
                                                .name = "connection-creation-rate",
                                                .kind = Kind::Gauge,
                                                .labels = {"listener"},
                                                .doc = "Connections taken in a second, lately."};
inline constexpr Metric kConnectionCloses{.domain = "kafka.server",
                                          .type = "socket-server-metrics",
                                          .name = "connection-close-total",
                                          .kind = Kind::Counter,
                                          .labels = {"listener"},
                                          .doc = "Connections that ended."};
inline constexpr Metric kConnectionCloseRate{.domain = "kafka.server",
                                             .type = "socket-server-metrics",
                                             .name = "connection-close-rate",
                                             .kind = Kind::Gauge,
                                             .labels = {"listener"},
                                             .doc = "Connections that ended a second, lately."};
inline constexpr Metric kClientConnections{
    .domain = "kafka.server",
    .type = "socket-server-metrics",
    .name = "connections",
    .kind = Kind::Gauge,
    .labels = {"clientSoftwareName", "clientSoftwareVersion", "listener"},
    .doc = "Open connections by what the client says it is (KIP-511)."};
inline constexpr Metric kDeprecatedRequests{
    .domain = "kafka.network",
    .type = "RequestMetrics",
    .name = "DeprecatedRequestsPerSec",
    .kind = Kind::Counter,
    .labels = {"request", "version", "clientSoftwareName", "clientSoftwareVersion"},
    .doc = "Requests in versions that Kafka 4 no longer serves (KIP-896)."};

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
    &kProcessorIdlePercent,
    &kAcceptorBlockedPercent,
    &kConnectionCreations,
    &kConnectionCreationRate,
    &kConnectionCloses,
    &kConnectionCloseRate,
    &kClientConnections,
    &kDeprecatedRequests,
};

}  // namespace ottla::metrics
