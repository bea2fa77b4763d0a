#include "common/testing/simulated_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ottla::testing {
namespace {

using std::chrono::milliseconds;

std::string run(std::uint64_t seed) {
  SimulatedWorld world(seed);
  const auto a = world.make_executor();
  const auto b = world.make_executor();
  std::string seen;
  for (int i = 0; i < 8; ++i) {
    a->post([&] { seen += 'a'; });
    b->post([&] { seen += 'b'; });
  }
  while (world.step()) {
  }
  return seen;
}

TEST(SimulatedWorld, RepeatsWithTheSameSeedAndInterleavesByIt) {
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(SimulatedWorld, KeepsTheOrderWithinAnExecutor) {
  SimulatedWorld world(3);
  const auto executor = world.make_executor();
  std::vector<int> seen;
  for (int i = 0; i < 100; ++i) executor->post([&, i] { seen.push_back(i); });
  world.run_for(milliseconds(1));
  ASSERT_EQ(seen.size(), 100U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(SimulatedWorld, TimersFireAtTheirTimeUnlessCancelled) {
  SimulatedWorld world(3);
  const auto executor = world.make_executor();
  int fired = 0;
  const auto kept = executor->post_after(milliseconds(10), [&] { ++fired; });
  const auto cancelled = executor->post_after(milliseconds(5), [&] { fired += 100; });
  cancelled->cancel();
  world.run_for(milliseconds(9));
  EXPECT_EQ(fired, 0);
  world.run_for(milliseconds(1));
  EXPECT_EQ(fired, 1);
}

TEST(SimulatedWorld, APausedProcessCatchesUpWhenItResumes) {
  SimulatedWorld world(3);
  const auto executor = world.make_executor(1);
  std::vector<int> seen;
  const auto timer = executor->post_after(milliseconds(5), [&] { seen.push_back(2); });
  const auto cancelled = executor->post_after(milliseconds(6), [&] { seen.push_back(3); });
  executor->post([&] { seen.push_back(1); });
  world.pause(1);
  world.run_for(milliseconds(10));
  EXPECT_TRUE(seen.empty());
  cancelled->cancel();
  world.resume(1);
  world.run_for(milliseconds(1));
  EXPECT_EQ(seen, (std::vector<int>{1, 2}));
}

TEST(SimulatedWorld, ADestroyedExecutorRunsNothing) {
  SimulatedWorld world(3);
  auto executor = world.make_executor();
  bool ran = false;
  executor->post([&] { ran = true; });
  executor.reset();
  world.run_for(milliseconds(1));
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace ottla::testing
