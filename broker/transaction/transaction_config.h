#pragma once

#include <chrono>
#include <cstdint>

namespace ottla::transaction {

/// What server.properties says to the transaction coordinator.
struct TransactionConfig {
  std::chrono::milliseconds max_timeout{900'000};
  std::chrono::milliseconds id_expiration{std::chrono::hours(24 * 7)};
  /// Between two looks for transactions that have taken too long, and for ids that nobody uses.
  std::chrono::milliseconds timeout_check_interval{10'000};
  std::chrono::milliseconds expiration_check_interval{std::chrono::hours(1)};
  /// How long an append to __transaction_state, or a marker, waits for the replicas.
  std::chrono::milliseconds append_timeout{5'000};
  std::uint64_t load_buffer_bytes = 5'242'880;
  /// Of __transaction_state as long as it does not exist.
  std::int32_t topic_partitions = 50;
};

}  // namespace ottla::transaction
