#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/id.h"
#include "common/base/payload.h"

namespace ottla::load {

struct Address {
  std::string host;
  std::uint16_t port = 0;

  friend auto operator<=>(const Address&, const Address&) = default;
};

struct Partition {
  std::int32_t number = 0;
  Address leader;
};

/// A connected socket. Dies when there is none.
[[nodiscard]] int connect_to(const Address& address);

/// The bytes of a payload that lies in memory.
[[nodiscard]] std::vector<std::byte> flat(const Payload& payload);

/// Every partition of the topic with its leader. Dies when one has none.
[[nodiscard]] std::vector<Partition> partitions_of(const std::string& bootstrap,
                                                   const std::string& topic);

/// [log start offset, log end offset) of every partition.
struct Range {
  Offset begin;
  Offset end;
};
[[nodiscard]] std::map<std::int32_t, Range> ranges_of(const std::string& topic,
                                                      const std::vector<Partition>& partitions);

/// The broker that coordinates the group, once there is one that has loaded it.
[[nodiscard]] Address coordinator_of(const std::string& bootstrap, const std::string& group);

}  // namespace ottla::load
