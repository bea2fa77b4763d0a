#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "common/config/enums.h"
#include "common/config/key.h"

namespace ottla::config {

inline constexpr ConfigKey<std::string> kListeners{
    .name = "listeners",
    .fallback = "PLAINTEXT://:9092",
    .allowed = non_empty(),
    .dynamic = Dynamic::PerBroker,
    .importance = Importance::High,
    .doc =
        "Where clients and brokers connect: NAME://host:port, separated by commas. An empty host "
        "is all interfaces, port 0 any free one."};
inline constexpr ConfigKey<std::optional<std::string>> kAdvertisedListeners{
    .name = "advertised.listeners",
    .dynamic = Dynamic::PerBroker,
    .importance = Importance::High,
    .doc =
        "The addresses that are given to clients and other brokers, where they differ from "
        "listeners. Unset: listeners, with the host's own name for an empty host."};
inline constexpr ConfigKey<std::string> kListenerSecurityProtocolMap{
    .name = "listener.security.protocol.map",
    .fallback = "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
    .dynamic = Dynamic::PerBroker,
    .importance = Importance::Low,
    .doc = "The security protocol of each listener name: NAME:PROTOCOL, separated by commas."};
inline constexpr ConfigKey<std::optional<std::string>> kInterBrokerListenerName{
    .name = "inter.broker.listener.name",
    .doc =
        "The listener that brokers announce to each other. Unset: the one of "
        "security.inter.broker.protocol. Set only one of the two."};
inline constexpr ConfigKey<SecurityProtocol> kSecurityInterBrokerProtocol{
    .name = "security.inter.broker.protocol",
    .fallback = SecurityProtocol::Plaintext,
    .allowed = one_word_of<SecurityProtocol>(),
    .doc =
        "The security protocol between brokers; names the listener when "
        "inter.broker.listener.name is unset."};

inline constexpr ConfigKey<std::int32_t> kNumNetworkThreads{
    .name = "num.network.threads",
    .fallback = 3,
    .allowed = at_least(1),
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc =
        "Event loops that serve connections. A connection stays on one loop; those of loops that "
        "there are too many of are closed once they are answered."};
inline constexpr ConfigKey<std::int32_t> kNumIoThreads{
    .name = "num.io.threads",
    .fallback = 8,
    .allowed = at_least(1),
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc = "Threads for work that may block: cold reads, fsync, roll, delete, recovery."};
inline constexpr ConfigKey<std::int32_t> kQueuedMaxRequests{
    .name = "queued.max.requests",
    .fallback = 500,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc =
        "Accepted, without effect: no request waits for a thread of another pool; "
        "queued.max.request.bytes bounds what is in memory."};
inline constexpr ConfigKey<std::int64_t> kQueuedMaxRequestBytes{
    .name = "queued.max.request.bytes",
    .fallback = -1,
    .doc = "Bytes of requests in memory before connections are no longer read; -1 is no limit."};

inline constexpr ConfigKey<std::int32_t> kSocketListenBacklogSize{
    .name = "socket.listen.backlog.size",
    .fallback = 50,
    .allowed = at_least(1),
    .doc =
        "Connections that may wait in the kernel to be accepted (the kernel's "
        "net.core.somaxconn is an upper bound)."};
inline constexpr ConfigKey<std::int32_t> kSocketReceiveBufferBytes{
    .name = "socket.receive.buffer.bytes",
    .fallback = 102400,
    .importance = Importance::High,
    .doc = "SO_RCVBUF of accepted connections; -1 leaves it to the kernel."};
inline constexpr ConfigKey<std::int32_t> kSocketSendBufferBytes{
    .name = "socket.send.buffer.bytes",
    .fallback = 102400,
    .importance = Importance::High,
    .doc = "SO_SNDBUF of accepted connections; -1 leaves it to the kernel."};
inline constexpr ConfigKey<std::int32_t> kSocketRequestMaxBytes{
    .name = "socket.request.max.bytes",
    .fallback = 104857600,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "The largest request; a connection that announces a larger one is closed."};
inline constexpr ConfigKey<std::int64_t> kConnectionsMaxIdleMs{
    .name = "connections.max.idle.ms",
    .fallback = 600000,
    .doc = "A connection without traffic for this long is closed."};
inline constexpr ConfigKey<std::int32_t> kMaxConnections{
    .name = "max.connections",
    .fallback = std::numeric_limits<std::int32_t>::max(),
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .per_listener = true,
    .doc =
        "Connections that the broker holds open at once, over all listeners (the brokers' own "
        "is exempt if there are more). With listener.name.NAME. in front: that listener's."};
inline constexpr ConfigKey<std::int32_t> kMaxConnectionsPerIp{
    .name = "max.connections.per.ip",
    .fallback = std::numeric_limits<std::int32_t>::max(),
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .doc = "Connections from one address. 0 refuses every address without an override."};
inline constexpr ConfigKey<std::string> kMaxConnectionsPerIpOverrides{
    .name = "max.connections.per.ip.overrides",
    .fallback = "",
    .dynamic = Dynamic::ClusterWide,
    .doc = "Exceptions from max.connections.per.ip: host:count, separated by commas."};
inline constexpr ConfigKey<std::int32_t> kMaxConnectionCreationRate{
    .name = "max.connection.creation.rate",
    .fallback = std::numeric_limits<std::int32_t>::max(),
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .per_listener = true,
    .doc =
        "New connections that the broker takes in a second, over all listeners, averaged over ten; "
        "more wait (KIP-612). With listener.name.NAME. in front: that listener's."};

inline constexpr ConfigKey<std::int32_t> kRequestTimeoutMs{
    .name = "request.timeout.ms",
    .fallback = 30000,
    .importance = Importance::High,
    .doc = "How long the broker waits for the answer to a request of its own."};
inline constexpr ConfigKey<std::int32_t> kFetchMaxBytes{
    .name = "fetch.max.bytes",
    .fallback = 57671680,
    .allowed = at_least(1024),
    .doc = "The most bytes of records that one fetch answer carries, whatever the client asks."};
inline constexpr ConfigKey<std::int32_t> kMaxIncrementalFetchSessionCacheSlots{
    .name = "max.incremental.fetch.session.cache.slots",
    .fallback = 1000,
    .allowed = at_least(0),
    .doc = "Incremental fetch sessions that the broker keeps (KIP-227)."};
inline constexpr ConfigKey<std::int32_t> kMaxRequestPartitionSizeLimit{
    .name = "max.request.partition.size.limit",
    .fallback = 2000,
    .allowed = at_least(1),
    .doc = "Partitions in one answer of DescribeTopicPartitions."};

inline constexpr AnyKey kNetworkKeys[] = {
    kListeners,
    kAdvertisedListeners,
    kListenerSecurityProtocolMap,
    kInterBrokerListenerName,
    kSecurityInterBrokerProtocol,
    kNumNetworkThreads,
    kNumIoThreads,
    kQueuedMaxRequests,
    kQueuedMaxRequestBytes,
    kSocketListenBacklogSize,
    kSocketReceiveBufferBytes,
    kSocketSendBufferBytes,
    kSocketRequestMaxBytes,
    kConnectionsMaxIdleMs,
    kMaxConnections,
    kMaxConnectionsPerIp,
    kMaxConnectionsPerIpOverrides,
    kMaxConnectionCreationRate,
    kRequestTimeoutMs,
    kFetchMaxBytes,
    kMaxIncrementalFetchSessionCacheSlots,
    kMaxRequestPartitionSizeLimit,
};

}  // namespace ottla::config
