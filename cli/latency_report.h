#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace ottla::cli {

/// What a stream of records took, as kafka-producer-perf-test tells it: since the last report, and
/// over all.
class LatencyReport {
 public:
  using Clock = std::chrono::steady_clock;

  /// `expected` records: of more than half a million only every so-manieth latency is kept.
  LatencyReport(std::uint64_t expected, Clock::time_point start);

  void record(std::chrono::milliseconds latency, std::size_t bytes);
  /// Records so far.
  [[nodiscard]] std::uint64_t count() const { return all_.records; }
  /// A line about the time since the last one. Nothing if that was less than `interval` ago.
  [[nodiscard]] std::string line_when_due(Clock::time_point now,
                                          std::chrono::milliseconds interval);
  /// The last line, with quantiles.
  [[nodiscard]] std::string summary(Clock::time_point now);
  /// The same as a JSON object.
  [[nodiscard]] std::string json(Clock::time_point now);

 private:
  struct Window {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::int64_t latency_ms = 0;
    std::int64_t most_ms = 0;
    Clock::time_point began;

    void add(std::int64_t latency, std::size_t size);
    [[nodiscard]] std::string text(Clock::time_point now, int rate_digits,
                                   int latency_digits) const;
  };

  [[nodiscard]] std::int64_t quantile(double part);

  Window window_;
  Window all_;
  const std::uint64_t sampled_;  ///< Every so-manieth.
  std::vector<std::int64_t> latencies_;
};

}  // namespace ottla::cli
