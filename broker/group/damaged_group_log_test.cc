// A log of __consumer_offsets that nobody can read on from some place: another replica leads, or
// the only one shows what it has.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "broker/group/group_cluster_for_tests.h"
#include "common/metrics/group_metrics.h"

namespace ottla::group {
namespace {

using replica::Partition;
using std::chrono::seconds;

class DamagedGroupLog : public ::testing::Test {
 protected:
  /// Offsets of ten groups in the log of group g's partition.
  DamagedGroupLog() {
    EXPECT_TRUE(groups_.settles("g", seconds(20)));
    first_ = groups_.leader_of("g");
    for (int i = 0; names_.size() < 10; ++i) {
      const std::string name = "g" + std::to_string(i);
      if (GroupCluster::shard_of(name) == shard_) names_.push_back(name);
    }
    for (int i = 1; i <= 5; ++i) {
      for (const std::string& name : names_) {
        EXPECT_EQ(groups_.commit_and_wait(first_, name, i), ErrorCode::None);
      }
    }
    next_ = first_ == kThree ? kOne : kThree;
    groups_.cluster.elect(shard_, next_);
    EXPECT_TRUE(groups_.settles("g", seconds(20)));
  }

  /// The length of a batch in the middle of the first leader's log.
  void tear() {
    const std::string path =
        groups_.cluster.log(first_, static_cast<std::int32_t>(shard_))->directory() +
        "/00000000000000000000.log";
    testing::SimulatedFileSystem& disk = groups_.cluster.disk(first_);
    const std::string content = disk.content(path).value();
    std::size_t position = 0;
    for (int i = 0; i < 43; ++i) {
      const auto* raw = reinterpret_cast<const std::byte*>(content.data() + position);
      position += 12 + static_cast<std::size_t>(load_big_endian<std::int32_t>(raw + 8));
    }
    const std::array<std::byte, 4> length{std::byte{0x70}};
    const ByteView piece = length;
    const auto file = disk.open(path, env::OpenMode::ReadWrite).value();
    ASSERT_TRUE(file->write_at(std::span(&piece, 1), position + 8));
  }

  void expect_offsets(BrokerId broker, std::int64_t least) {
    for (const std::string& name : names_) {
      const FetchedOffsets fetched = groups_.fetch_and_wait(broker, name);
      ASSERT_EQ(fetched.error, ErrorCode::None) << name;
      EXPECT_GE(fetched.offsets.at(0).committed.offset, Offset(least)) << name;
    }
  }

  GroupCluster groups_{5};
  const std::size_t shard_ = GroupCluster::shard_of("g");
  std::vector<std::string> names_;
  BrokerId first_;
  BrokerId next_;
};

TEST_F(DamagedGroupLog, HandsItsLeadershipOverAndIsFetchedAnew) {
  tear();
  auto& cluster = groups_.cluster;
  cluster.elect(shard_, first_);
  ASSERT_TRUE(cluster.world.run_until_true(
      [&] { return cluster.told_of_offline_replicas[first_] == 1; }, seconds(5)));
  const auto number = static_cast<std::int32_t>(shard_);
  EXPECT_EQ(cluster.partition(first_, number)->view().role, Partition::Role::Offline);
  EXPECT_EQ(groups_.fetch_and_wait(first_, "g").error, ErrorCode::NotCoordinator);
  // The controller asks, and hears that this replica is offline.
  rpc::ClusterUpdate ask = cluster.update_for(first_, {shard_}, false);
  std::optional<rpc::ClusterUpdateReply> reply;
  cluster.replicas(first_).update_cluster(ask, [&](rpc::ClusterUpdateReply got) { reply = got; });
  ASSERT_TRUE(cluster.world.run_until_true([&] { return reply.has_value(); }, seconds(1)));
  ASSERT_EQ(reply->outcomes.size(), 1U);
  EXPECT_EQ(reply->outcomes.at(0).error, ErrorCode::KafkaStorageError);
  // So it elects another one.
  cluster.put_out(shard_, first_);
  cluster.elect(shard_, next_);
  ASSERT_TRUE(groups_.settles("g", seconds(20)));
  expect_offsets(next_, 5);
  ASSERT_TRUE(cluster.world.run_until_true(
      [&] { return cluster.told_of_offline_replicas[first_] == 2; }, seconds(5)));
  ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.state(shard_).in_isr(first_); },
                                           seconds(20)));
  // The new log has all of it.
  cluster.elect(shard_, first_);
  ASSERT_TRUE(groups_.settles("g", seconds(20)));
  expect_offsets(first_, 5);
  cluster.world.run_for(seconds(2));
  EXPECT_EQ(value_of(groups_.registry(first_), metrics::kNumPartitionsDamaged), 0);
  const auto names = cluster.disk(first_).names("/logs");
  EXPECT_TRUE(std::any_of(names.begin(), names.end(),
                          [](const std::string& name) { return name.ends_with("-stray"); }));
}

TEST_F(DamagedGroupLog, OfTheLastReplicaShowsWhatCanBeRead) {
  auto& cluster = groups_.cluster;
  tear();
  for (const BrokerId broker : {kOne, kTwo, kThree}) {
    if (broker != first_) cluster.put_out(shard_, broker);
    cluster.suspects.insert(broker);
  }
  cluster.elect(shard_, first_);
  ASSERT_TRUE(groups_.settles("g", seconds(20)));
  expect_offsets(first_, 4);
  cluster.world.run_for(seconds(2));
  EXPECT_EQ(value_of(groups_.registry(first_), metrics::kNumPartitionsDamaged), 1);
  EXPECT_EQ(cluster.told_of_offline_replicas[first_], 0);
}

}  // namespace
}  // namespace ottla::group
