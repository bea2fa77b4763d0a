// Quotas of replication (KIP-73): who is held back, and who is not.

#include <gtest/gtest.h>

#include "broker/replica/simulated_cluster_for_tests.h"

namespace ottla::replica {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kRate = 1'000'000;
constexpr int kValues = 50;
constexpr std::size_t kValueBytes = 100'000;

/// Broker 3 is away while five megabytes are written, five seconds' worth at kRate.
class Throttle : public ::testing::Test {
 protected:
  explicit Throttle(int partitions = 1)
      : cluster_(7, {.partitions = partitions, .stream_window_bytes = 100'000}) {}

  /// All partitions are led, and followed by the two others.
  void begin() {
    ASSERT_TRUE(cluster_.world.run_until_true(
        [&] {
          for (int p = 0; p < cluster_.partitions(); ++p) {
            for (const BrokerId broker : {kOne, BrokerId(2), kThree}) {
              const auto partition = cluster_.partition(broker, p);
              if (!partition || partition->view().role == Partition::Role::None) return false;
            }
          }
          return true;
        },
        seconds(10)));
    cluster_.world.run_for(milliseconds(100));
  }
  void fall_behind() {
    ASSERT_NO_FATAL_FAILURE(begin());
    cluster_.crash(kThree);
    for (int i = 0; i < kValues; ++i) append();
  }
  void append() {
    ASSERT_EQ(cluster_.append_and_wait(kOne, {std::string(kValueBytes, 'x')}).error,
              ErrorCode::None);
  }
  [[nodiscard]] bool in_sync(env::Duration within) {
    return cluster_.world.run_until_true([&] { return cluster_.state().isr.size() == 3; }, within);
  }
  /// How long broker 3 takes to come back into the ISR.
  [[nodiscard]] double seconds_to_catch_up() {
    const env::MonotonicTime began = cluster_.world.now();
    cluster_.start(kThree);
    EXPECT_TRUE(in_sync(seconds(60)));
    return std::chrono::duration<double>(cluster_.world.now() - began).count();
  }

  SimulatedCluster cluster_;
};

TEST_F(Throttle, ByTheLeaderAReplicaCatchesUpAtItsRate) {
  fall_behind();
  cluster_.leader_throttled_rate = kRate;
  cluster_.leader_throttled = {"0:1"};
  cluster_.replicas(kOne).topic_config_changed(kTopic);
  const double took = seconds_to_catch_up();
  EXPECT_GT(took, 4);
  EXPECT_LT(took, 6.5);
}

TEST_F(Throttle, ByTheFollowerAReplicaCatchesUpAtItsRate) {
  fall_behind();
  cluster_.follower_throttled_rate = kRate;
  cluster_.follower_throttled = {"0:3"};
  const double took = seconds_to_catch_up();
  EXPECT_GT(took, 3);  // what is in the window comes in any case
  EXPECT_LT(took, 7);
}

TEST_F(Throttle, ReplicasThatAreNotNamedAreNot) {
  fall_behind();
  cluster_.leader_throttled_rate = cluster_.follower_throttled_rate = 1;
  cluster_.leader_throttled = {"0:2", "1:1"};
  cluster_.follower_throttled = {"0:2"};
  cluster_.replicas(kOne).topic_config_changed(kTopic);
  EXPECT_LT(seconds_to_catch_up(), 2);
}

TEST_F(Throttle, WhoIsInSyncIsNeverHeldBack) {
  ASSERT_NO_FATAL_FAILURE(begin());
  cluster_.leader_throttled_rate = cluster_.follower_throttled_rate = 1;
  cluster_.throttle_everything();
  cluster_.world.run_for(milliseconds(50));
  const env::MonotonicTime began = cluster_.world.now();
  for (int i = 0; i < kValues; ++i) append();
  EXPECT_LT(cluster_.world.now() - began, seconds(5));
  EXPECT_EQ(cluster_.state().isr.size(), 3U);
}

TEST_F(Throttle, ALimitThatIsLiftedHoldsNobodyAnyLonger) {
  fall_behind();
  cluster_.leader_throttled_rate = cluster_.follower_throttled_rate = 10;
  cluster_.throttle_everything();
  cluster_.start(kThree);
  cluster_.world.run_for(seconds(5));
  EXPECT_EQ(cluster_.state().isr.size(), 2U);
  cluster_.leader_throttled_rate = cluster_.follower_throttled_rate =
      quota::ReplicationQuota::kUnlimited;
  EXPECT_TRUE(in_sync(seconds(3)));
}

TEST_F(Throttle, NothingPassesAtARateOfZeroAndTheTrickleOfASmallOneGoesOn) {
  fall_behind();
  cluster_.leader_throttled_rate = 0;
  cluster_.throttle_everything();
  cluster_.start(kThree);
  cluster_.world.run_for(seconds(5));
  ASSERT_TRUE(cluster_.log(kThree));
  const Offset end = cluster_.log(kThree)->log_end_offset();
  cluster_.world.run_for(seconds(5));
  EXPECT_EQ(cluster_.log(kThree)->log_end_offset(), end);
  cluster_.leader_throttled_rate = 50'000;  // half a record a second
  cluster_.world.run_for(seconds(20));
  EXPECT_GT(cluster_.log(kThree)->log_end_offset(), end);
  EXPECT_LT(cluster_.log(kThree)->log_end_offset(), end + 15);
}

class TwoPartitions : public Throttle {
 protected:
  TwoPartitions() : Throttle(4) {}  // 0 and 3 are led by broker 1
};

TEST_F(TwoPartitions, AThrottledOneHoldsUpNoOtherOfItsStream) {
  fall_behind();
  cluster_.leader_throttled_rate = cluster_.follower_throttled_rate = 1000;
  cluster_.leader_throttled = {"0:1"};
  cluster_.follower_throttled = {"0:3"};
  cluster_.replicas(kOne).topic_config_changed(kTopic);
  cluster_.start(kThree);
  ASSERT_TRUE(
      cluster_.world.run_until_true([&] { return cluster_.state(3).isr.size() == 3; }, seconds(5)));
  const env::MonotonicTime began = cluster_.world.now();
  for (int i = 0; i < kValues; ++i) {
    ASSERT_EQ(cluster_.append_and_wait(kOne, {std::string(kValueBytes, 'y')}, Acks::All, 3).error,
              ErrorCode::None);
  }
  EXPECT_LT(cluster_.world.now() - began, seconds(5));
  EXPECT_EQ(cluster_.state(3).isr.size(), 3U);
  EXPECT_EQ(cluster_.state(0).isr.size(), 2U);
}

}  // namespace
}  // namespace ottla::replica
