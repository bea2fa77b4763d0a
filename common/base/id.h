#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>

namespace ottla {

/// A number with a meaning of its own, so that an offset cannot be passed for an epoch.
/// Explicit in both directions; ordered and hashable; `next()` where the field counts upwards.
template <class Tag, class Rep>
class Id {
 public:
  using rep = Rep;

  constexpr Id() = default;
  constexpr explicit Id(Rep value) : value_(value) {}

  [[nodiscard]] constexpr Rep value() const { return value_; }
  [[nodiscard]] constexpr Id next() const { return Id(static_cast<Rep>(value_ + 1)); }

  friend constexpr auto operator<=>(Id, Id) = default;
  friend std::ostream& operator<<(std::ostream& out, Id id) { return out << +id.value_; }

 private:
  Rep value_{};
};

/// Position of a record in a partition. An offset called *end* is exclusive.
using Offset = Id<struct OffsetTag, std::int64_t>;
/// Counts the leaders of one partition; -1 is "unknown" on the wire (KIP-101, KIP-320).
using LeaderEpoch = Id<struct LeaderEpochTag, std::int32_t>;
/// Counts the controllers of the cluster, kept in /controller_epoch.
using ControllerEpoch = Id<struct ControllerEpochTag, std::int32_t>;
/// czxid of a broker's registration, so each registration has another (KIP-380).
using BrokerEpoch = Id<struct BrokerEpochTag, std::int64_t>;
/// zkVersion of a partition's state znode: one step for each change of leader or ISR.
using PartitionEpoch = Id<struct PartitionEpochTag, std::int32_t>;
using BrokerId = Id<struct BrokerIdTag, std::int32_t>;
using ProducerId = Id<struct ProducerIdTag, std::int64_t>;
using ProducerEpoch = Id<struct ProducerEpochTag, std::int16_t>;

/// An offset plus a count of records.
constexpr Offset operator+(Offset offset, std::int64_t records) {
  return Offset(offset.value() + records);
}
/// Records between two offsets.
constexpr std::int64_t operator-(Offset end, Offset begin) {
  return end.value() - begin.value();
}

inline constexpr Offset kUnknownOffset{-1};
inline constexpr LeaderEpoch kUnknownLeaderEpoch{-1};
inline constexpr BrokerId kNoBroker{-1};
inline constexpr BrokerEpoch kUnknownBrokerEpoch{-1};
inline constexpr ProducerId kNoProducerId{-1};
inline constexpr ProducerEpoch kNoProducerEpoch{-1};

}  // namespace ottla

template <class Tag, class Rep>
struct std::hash<ottla::Id<Tag, Rep>> {
  std::size_t operator()(ottla::Id<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
