#pragma once

namespace ottla::api {

/// The one feature of KIP-584 that these brokers have: the client may leave it to leaders to add
/// partitions to a transaction, and has its epoch raised by each end (KIP-890). Its level is the
/// config ottla.transaction.version.
inline constexpr const char* kTransactionVersion = "transaction.version";

}  // namespace ottla::api
