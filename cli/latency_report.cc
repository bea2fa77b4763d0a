#include "cli/latency_report.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <boost/json.hpp>

namespace ottla::cli {
namespace {

constexpr std::uint64_t kMostSamples = 500'000;
constexpr double kMiB = 1024.0 * 1024.0;

}  // namespace

LatencyReport::LatencyReport(std::uint64_t expected, Clock::time_point start)
    : sampled_(expected / kMostSamples + 1) {
  window_.began = start;
  all_.began = start;
}

void LatencyReport::Window::add(std::int64_t latency, std::size_t size) {
  ++records;
  bytes += size;
  latency_ms += latency;
  most_ms = std::max(most_ms, latency);
}

/// Kafka writes two digits behind the point of the sum's latencies, one in between.
std::string LatencyReport::Window::text(Clock::time_point now, int rate_digits,
                                        int latency_digits) const {
  const double seconds = std::max(std::chrono::duration<double>(now - began).count(), 1e-9);
  const double average =
      records == 0 ? 0 : static_cast<double>(latency_ms) / static_cast<double>(records);
  std::array<char, 256> line{};
  const int length = std::snprintf(
      line.data(), line.size(),
      "%llu records sent, %.*f records/sec (%.2f MB/sec), %.*f ms avg latency, %.*f ms max latency",
      static_cast<unsigned long long>(records), rate_digits, static_cast<double>(records) / seconds,
      static_cast<double>(bytes) / seconds / kMiB, latency_digits, average, latency_digits,
      static_cast<double>(most_ms));
  return {line.data(), static_cast<std::size_t>(length)};
}

void LatencyReport::record(std::chrono::milliseconds latency, std::size_t bytes) {
  if (all_.records % sampled_ == 0) latencies_.push_back(latency.count());
  window_.add(latency.count(), bytes);
  all_.add(latency.count(), bytes);
}

std::string LatencyReport::line_when_due(Clock::time_point now,
                                         std::chrono::milliseconds interval) {
  if (now - window_.began < interval) return "";
  std::string line = window_.text(now, 1, 1) + ".\n";
  window_ = {};
  window_.began = now;
  return line;
}

std::int64_t LatencyReport::quantile(double part) {
  if (latencies_.empty()) return 0;
  std::sort(latencies_.begin(), latencies_.end());
  return latencies_[static_cast<std::size_t>(part * static_cast<double>(latencies_.size()))];
}

std::string LatencyReport::summary(Clock::time_point now) {
  std::string line = all_.text(now, 6, 2);
  for (const auto& [part, name] : {std::pair(0.5, "50th"), std::pair(0.95, "95th"),
                                   std::pair(0.99, "99th"), std::pair(0.999, "99.9th")}) {
    line += ", " + std::to_string(quantile(part)) + " ms " + name;
  }
  return line + ".\n";
}

std::string LatencyReport::json(Clock::time_point now) {
  const double seconds = std::max(std::chrono::duration<double>(now - all_.began).count(), 1e-9);
  const double records = static_cast<double>(all_.records);
  return boost::json::serialize(boost::json::object{
             {"records", all_.records},
             {"recordsPerSecond", records / seconds},
             {"mbPerSecond", static_cast<double>(all_.bytes) / seconds / kMiB},
             {"averageLatencyMs",
              all_.records == 0 ? 0 : static_cast<double>(all_.latency_ms) / records},
             {"maxLatencyMs", all_.most_ms},
             {"p50Ms", quantile(0.5)},
             {"p95Ms", quantile(0.95)},
             {"p99Ms", quantile(0.99)},
             {"p999Ms", quantile(0.999)}}) +
         '\n';
}

}  // namespace ottla::cli
