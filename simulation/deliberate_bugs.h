#pragma once

#include <cstdint>
#include <set>

namespace ottla::simulation {

/// Known mistakes that can be built into the layer between a simulated broker's parts, so that
/// tests show which checker finds them. The parts themselves stay as they are.
enum class Bug : std::uint8_t {
  AcknowledgesBeforeReplication,
};

class DeliberateBugs {
 public:
  void add(Bug bug) { bugs_.insert(bug); }
  [[nodiscard]] bool has(Bug bug) const { return bugs_.contains(bug); }
  [[nodiscard]] bool none() const { return bugs_.empty(); }

 private:
  std::set<Bug> bugs_;
};

}  // namespace ottla::simulation
