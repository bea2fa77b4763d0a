#pragma once

#include <cstdint>

namespace ottla::simulation {

/// Producers are numbered; those with even numbers are idempotent.
[[nodiscard]] constexpr bool is_idempotent_producer(std::int32_t producer) {
  return producer % 2 == 0;
}

}  // namespace ottla::simulation
