#pragma once

#include <cstdint>

namespace ottla::simulation {

/// Producers are numbered; those with even numbers are idempotent.
[[nodiscard]] constexpr bool is_idempotent_producer(std::int32_t producer) {
  return producer % 2 == 0;
}

// Of runs with transactions.
inline constexpr const char* kInputTopic = "safe-input";
inline constexpr const char* kOutputTopic = "safe-output";
inline constexpr std::int32_t kInputs = 2;   ///< A copier for each.
inline constexpr std::int32_t kOutputs = 2;  ///< Each copier writes to all.
inline constexpr std::int32_t kTransactionPartitions = 2;

}  // namespace ottla::simulation
