#pragma once

#include <memory>
#include <string>
#include <vector>

#include "simulation/committed_records.h"
#include "simulation/picture.h"

namespace ottla::simulation {

/// A rule that must hold at every moment of a run. Named after what holds.
class Checker {
 public:
  virtual ~Checker() = default;
  [[nodiscard]] virtual const char* name() const = 0;
  /// An empty string, or what is wrong.
  [[nodiscard]] virtual std::string check(const Picture& picture,
                                          const CommittedRecords& committed) = 0;
};

/// All of them.
[[nodiscard]] std::vector<std::unique_ptr<Checker>> make_checkers();

}  // namespace ottla::simulation
