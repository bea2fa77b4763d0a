#include "broker/network/connection_limits.h"

#include <gtest/gtest.h>

#include <chrono>

#include "common/testing/manual_clock.h"

namespace ottla::network {
namespace {

using namespace std::chrono_literals;

class ConnectionLimitsTest : public ::testing::Test {
 protected:
  /// How many connections get in at this moment, of as many as want to.
  int take_in(const std::string& listener, int most = 1000) {
    int taken = 0;
    while (taken < most && limits.has_room(listener)) {
      EXPECT_TRUE(limits.admit(listener, "10.0.0.1"));
      ++taken;
    }
    return taken;
  }

  testing::ManualClock clock;
  ConnectionLimits limits{{}, clock};
  const std::string clients = "CLIENTS";
  const std::string others = "OTHERS";
  const std::string brokers = "BROKERS";
};

TEST_F(ConnectionLimitsTest, OpenConnectionsAreCountedOverAllListenersAndForEach) {
  limits.set({.all = {.most = 5},
              .by_listener = {{"CLIENTS", {.most = 3}}},
              .protected_listener = brokers});
  EXPECT_EQ(take_in(clients), 3);
  EXPECT_EQ(take_in(others), 2);
  limits.release("CLIENTS", "10.0.0.1");
  EXPECT_EQ(take_in(others), 1);
  EXPECT_EQ(take_in(clients), 0) << "the broker has no room, though the listener has";
  EXPECT_EQ(take_in(brokers, 7), 7) << "the limit of all does not hold brokers up";
  EXPECT_EQ(limits.open(), 12);

  limits.set({.by_listener = {{"BROKERS", {.most = 8}}}});
  EXPECT_EQ(take_in(brokers), 1) << "a limit of its own does";
}

TEST_F(ConnectionLimitsTest, NewConnectionsComeAtTheRateAveragedOverTenSeconds) {
  limits.set({.all = {.new_per_second = 5}, .protected_listener = brokers});
  EXPECT_EQ(take_in(clients), 51);
  clock.advance(100ms);
  EXPECT_EQ(take_in(clients), 0);
  clock.advance(100ms);
  EXPECT_EQ(take_in(others), 1);
  clock.advance(1s);
  EXPECT_EQ(take_in(clients), 5);
  EXPECT_EQ(take_in(brokers, 7), 7);
  clock.advance(1min);
  EXPECT_EQ(take_in(clients), 51) << "what was not used does not add up";
}

TEST_F(ConnectionLimitsTest, ARateOfOneListenerLeavesOthersAlone) {
  limits.set({.by_listener = {{"CLIENTS", {.new_per_second = 1}}}});
  EXPECT_EQ(take_in(clients), 11);
  EXPECT_EQ(take_in(others), 1000);
  limits.set({.by_listener = {{"CLIENTS", {.new_per_second = 0}}}});
  clock.advance(1h);
  EXPECT_EQ(take_in(clients), 0);
  limits.set({});
  EXPECT_EQ(take_in(clients), 1000);
}

TEST_F(ConnectionLimitsTest, WhoIsRefusedForItsAddressCountsAgainstTheRate) {
  limits.set({.all = {.new_per_second = 1}, .most_per_ip = 1});
  ASSERT_EQ(take_in(clients, 1), 1);
  int refused = 0;
  for (; limits.has_room(clients); ++refused) EXPECT_FALSE(limits.admit(clients, "10.0.0.1"));
  EXPECT_EQ(refused, 10);
  EXPECT_EQ(limits.open(), 1);
}

}  // namespace
}  // namespace ottla::network
