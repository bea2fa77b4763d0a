#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

namespace ottla {

/// A partition by its topic's name, printed as in Kafka's logs and directories: `orders-3`.
struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;

  [[nodiscard]] std::string to_string() const { return topic + "-" + std::to_string(partition); }

  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
  friend std::ostream& operator<<(std::ostream& out, const TopicPartition& tp) {
    return out << tp.topic << '-' << tp.partition;
  }
};

}  // namespace ottla

template <>
struct std::hash<ottla::TopicPartition> {
  std::size_t operator()(const ottla::TopicPartition& tp) const noexcept {
    return std::hash<std::string>{}(tp.topic) * 31 + static_cast<std::size_t>(tp.partition);
  }
};
