#include "broker/status/stall_watchdog.h"

#include <gtest/gtest.h>

#include <map>

#include "common/metrics/server_metrics.h"
#include "common/testing/simulated_world.h"

namespace ottla::status {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr testing::SimulatedWorld::ProcessId kNetwork = 1;
constexpr testing::SimulatedWorld::ProcessId kWatchdog = 2;

/// A watched thread that can be held up, one that runs, and the watchdog's own.
struct StallWatchdogTest : ::testing::Test {
  double shown(const metrics::Metric& metric, const std::string& thread) {
    for (const auto& sample : registry.samples()) {
      if (*sample.metric == metric && sample.labels.front() == thread) return sample.value;
    }
    return -1;
  }

  testing::SimulatedWorld world{7};
  metrics::Registry registry;
  std::unique_ptr<env::Executor> network = world.make_executor(kNetwork);
  std::unique_ptr<env::Executor> controller = world.make_executor();
  std::unique_ptr<env::Executor> own = world.make_executor(kWatchdog);
  StallWatchdog watchdog{
      {{"network-0", network.get(), seconds(5)}, {"controller", controller.get(), seconds(5)}},
      world.clock(),
      *own,
      registry};
};

TEST_F(StallWatchdogTest, SaysNothingOfThreadsThatRun) {
  watchdog.start();
  world.run_for(minutes(10));
  EXPECT_EQ(shown(metrics::kThreadStalls, "network-0"), 0);
  EXPECT_EQ(shown(metrics::kThreadStalledMs, "network-0"), 0);
}

TEST_F(StallWatchdogTest, W15NamesTheThreadThatStands) {
  watchdog.start();
  world.run_for(seconds(10));
  world.pause(kNetwork);
  world.run_for(milliseconds(4500));
  EXPECT_EQ(shown(metrics::kThreadStalledMs, "network-0"), 0);
  world.run_for(seconds(15));
  EXPECT_GE(shown(metrics::kThreadStalledMs, "network-0"), 15'000);
  EXPECT_LE(shown(metrics::kThreadStalledMs, "network-0"), 20'000);
  EXPECT_EQ(shown(metrics::kThreadStalls, "network-0"), 1);
  EXPECT_EQ(shown(metrics::kThreadStalls, "controller"), 0);
}

TEST_F(StallWatchdogTest, TakesInOneMoreThread) {
  watchdog.start();
  world.run_for(seconds(10));
  const auto late = world.make_executor(3);
  watchdog.watch({"network-1", late.get(), seconds(5)});
  world.run_for(seconds(10));
  EXPECT_EQ(shown(metrics::kThreadStalledMs, "network-1"), 0);
  world.pause(3);
  world.run_for(seconds(8));
  EXPECT_EQ(watchdog.standing_for({}), std::vector<std::string>{"network-1"});
}

TEST_F(StallWatchdogTest, TellsAfterEachLookWhoStands) {
  std::vector<std::string> standing;
  StallWatchdog telling{
      {{"network-0", network.get(), seconds(5)}}, world.clock(), *own, registry, [&] {
        standing = telling.standing_for({});
      }};
  telling.start();
  world.run_for(seconds(10));
  EXPECT_TRUE(standing.empty());
  world.pause(kNetwork);
  world.run_for(seconds(8));
  EXPECT_EQ(standing, std::vector<std::string>{"network-0"});
  world.resume(kNetwork);
  world.run_for(seconds(3));
  EXPECT_TRUE(standing.empty());
}

TEST_F(StallWatchdogTest, SeesThatItIsBackAndTheNextStall) {
  watchdog.start();
  for (int stall = 1; stall <= 2; ++stall) {
    world.pause(kNetwork);
    world.run_for(seconds(30));
    EXPECT_EQ(shown(metrics::kThreadStalls, "network-0"), stall);
    world.resume(kNetwork);
    world.run_for(seconds(3));
    EXPECT_EQ(shown(metrics::kThreadStalledMs, "network-0"), 0);
  }
}

// SIGSTOP, a machine that slept: all threads stood, the watchdog too.
TEST_F(StallWatchdogTest, BlamesNobodyForATimeInWhichItStoodItself) {
  watchdog.start();
  world.run_for(seconds(10));
  world.pause(kNetwork);
  world.pause(kWatchdog);
  world.run_for(minutes(5));
  world.resume(kWatchdog);
  world.run_for(milliseconds(1500));
  world.resume(kNetwork);
  world.run_for(minutes(1));
  EXPECT_EQ(shown(metrics::kThreadStalls, "network-0"), 0);
}

TEST_F(StallWatchdogTest, AProbeMayRunWhenTheWatchdogIsGone) {
  auto short_lived = std::make_unique<StallWatchdog>(
      std::vector<StallWatchdog::Watched>{{"network-0", network.get(), seconds(5)}}, world.clock(),
      *own, registry);
  short_lived->start();
  world.pause(kNetwork);
  world.run_for(seconds(2));
  short_lived.reset();
  world.resume(kNetwork);
  world.run_for(seconds(2));
}

}  // namespace
}  // namespace ottla::status
