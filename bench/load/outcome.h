#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ottla::load {

/// Ends the process: a load that met an error measured nothing.
[[noreturn]] void die(const std::string& why);

/// CPU seconds of this process so far, or of its children that have ended.
[[nodiscard]] double own_cpu_seconds();
[[nodiscard]] double children_cpu_seconds();

/// What a load achieved; printed as one JSON object, which bench/ reads.
struct Outcome {
  std::int64_t requests = 0;
  std::int64_t bytes = 0;  ///< Of record values produced, or of record batches fetched.
  double seconds = 0;
  std::vector<std::int64_t> latencies_ns;

  void print();
};

/// The value below which `share` of the sorted values lie; 0 of none.
[[nodiscard]] double quantile(const std::vector<std::int64_t>& sorted, double share);

/// With --wait: says that all is prepared and waits for a line on standard input, so that who
/// measures can look at the brokers before the first request.
void wait_for_go(bool wanted);

}  // namespace ottla::load
