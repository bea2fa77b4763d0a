#include "cli/latency_report.h"

#include <gtest/gtest.h>

namespace ottla::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LatencyReport, IsWrittenAsKafkaWritesIt) {
  const LatencyReport::Clock::time_point start{};
  LatencyReport report(100, start);
  for (int i = 1; i <= 100; ++i) report.record(milliseconds(i), 1024 * 1024);
  EXPECT_EQ(report.line_when_due(start + seconds(4), seconds(5)), "");
  EXPECT_EQ(report.line_when_due(start + seconds(5), seconds(5)),
            "100 records sent, 20.0 records/sec (20.00 MB/sec), 50.5 ms avg latency, 100.0 ms max "
            "latency.\n");
  EXPECT_EQ(report.line_when_due(start + seconds(6), seconds(5)), "");
  EXPECT_EQ(
      report.summary(start + seconds(10)),
      "100 records sent, 10.000000 records/sec (10.00 MB/sec), 50.50 ms avg latency, 100.00 ms max "
      "latency, 51 ms 50th, 96 ms 95th, 100 ms 99th, 100 ms 99.9th.\n");
}

TEST(LatencyReport, OfNothingIsNotANumberOfNothing) {
  LatencyReport report(1, LatencyReport::Clock::time_point{});
  EXPECT_NE(
      report.summary(LatencyReport::Clock::time_point{} + seconds(1)).find("0 records sent, 0.0"),
      std::string::npos);
}

}  // namespace
}  // namespace ottla::cli
