#include "bench/load/outcome.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace ottla::load {
namespace {

double cpu_seconds_of(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

}  // namespace

void die(const std::string& why) {
  std::cerr << "ottla-load: " << why << std::endl;
  std::_Exit(1);
}

double own_cpu_seconds() {
  return cpu_seconds_of(RUSAGE_SELF);
}
double children_cpu_seconds() {
  return cpu_seconds_of(RUSAGE_CHILDREN);
}

double quantile(const std::vector<std::int64_t>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(static_cast<double>(sorted.size()) * share);
  return static_cast<double>(sorted[std::min(at, sorted.size() - 1)]);
}

void Outcome::print() {
  std::ranges::sort(latencies_ns);
  std::printf("{\"requests\":%lld,\"bytes\":%lld,\"seconds\":%.4f,\"client_cpu_seconds\":%.3f",
              static_cast<long long>(requests), static_cast<long long>(bytes), seconds,
              own_cpu_seconds());
  for (const auto& [name, share] :
       {std::pair{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1.0}}) {
    std::printf(",\"%s_ms\":%.4f", name, quantile(latencies_ns, share) / 1e6);
  }
  std::printf("}\n");
}

void wait_for_go(bool wanted) {
  if (!wanted) return;
  std::cout << "ready" << std::endl;
  std::string line;
  std::getline(std::cin, line);
}

}  // namespace ottla::load
