#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ottla::cluster {

/// The partition of a coordinator's topic (__consumer_offsets, __transaction_state) that a group or
/// a transactional id belongs to: Java's hash of the name, the real absolute value (and 0 for the
/// smallest number, which has none), modulo the partition count.
[[nodiscard]] std::int32_t coordinator_partition(std::string_view key, std::int32_t partitions);

/// String.hashCode: over the text's UTF-16 units.
[[nodiscard]] std::int32_t java_hash(std::string_view utf8);
/// The length that Java gives the text: its UTF-16 units.
[[nodiscard]] std::size_t java_length(std::string_view utf8);

}  // namespace ottla::cluster
