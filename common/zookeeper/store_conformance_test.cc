#include <gtest/gtest.h>

#include <mutex>
#include <optional>

#include "common/testing/zookeeper_harness.h"
#include "common/zookeeper/store.h"

/// A controller's life in short, on the simulated ensemble and on a real server.
namespace ottla::zookeeper {
namespace {

class StoreConformance : public ::testing::TestWithParam<std::string> {
 protected:
  struct Member {
    Member(testing::ZooKeeperHarness& harness, const std::string& name)
        : client(harness.make_client(name)), loop(harness.make_loop()), store(*client, *loop) {
      client->start();
    }
    ~Member() {
      client->close();
      loop.reset();
    }
    std::unique_ptr<Client> client;
    std::unique_ptr<env::Executor> loop;
    Store store;
  };

  template <class T, class Call>
  T wait(Call call) {
    struct Shared {
      std::mutex mutex;
      std::optional<T> result;
    };
    const auto shared = std::make_shared<Shared>();
    call([shared](T value) {
      const std::lock_guard lock(shared->mutex);
      shared->result = std::move(value);
    });
    EXPECT_TRUE(harness->wait([&] {
      const std::lock_guard lock(shared->mutex);
      return shared->result.has_value();
    }));
    const std::lock_guard lock(shared->mutex);
    return *std::move(shared->result);
  }
  ControllerFence win(Member& member, std::int32_t id) {
    const auto office = wait<StoreResult<ControllerOffice>>(
        [&](auto done) { member.store.read_office(Watch::Yes, std::move(done)); });
    const auto fence = wait<StoreResult<ControllerFence>>(
        [&](auto done) { member.store.elect({.broker = BrokerId(id)}, *office, std::move(done)); });
    EXPECT_TRUE(fence.has_value());
    return *fence;
  }

  std::unique_ptr<testing::ZooKeeperHarness> harness;
};

TEST_P(StoreConformance, TwoControllersAndATopicsLife) {
  harness = GetParam() == "Real" ? testing::real_zookeeper_harness()
                                 : testing::simulated_zookeeper_harness(3);
  if (!harness) GTEST_SKIP() << "needs integration-tests/with_zookeeper.py";
  Member one(*harness, "one");
  ASSERT_TRUE(wait<StoreResult<>>([&](auto done) {
                one.store.create_persistent_paths(std::move(done));
              }).has_value());
  const ControllerFence first = win(one, 1);
  EXPECT_EQ(first, (ControllerFence{ControllerEpoch(1), 1}));

  cluster::Topic topic{.name = "t", .id = Uuid(1, 2)};
  std::vector<PartitionStateWrite> writes;
  for (int i = 0; i < 100; ++i) {
    topic.partitions.push_back({.replicas = {BrokerId(1), BrokerId(2)}});
    writes.push_back({.partition = {"t", i}, .state = {}});
    writes.back().state.leader = BrokerId(1);
    writes.back().state.isr = {BrokerId(1)};
  }
  ASSERT_TRUE(wait<StoreResult<>>([&](auto done) {
                one.store.create_topic(first, topic, {{"a", "b"}}, std::move(done));
              }).has_value());
  EXPECT_EQ(wait<StoreResult<>>([&](auto done) {
              one.store.create_topic(first, topic, {}, std::move(done));
            }).error(),
            StoreError::NodeExists);
  for (const auto& outcome : wait<PartitionOutcomes>(
           [&](auto done) { one.store.create_partition_states(first, writes, std::move(done)); })) {
    EXPECT_EQ(outcome, PartitionEpoch(0));
  }
  writes[5].state.partition_epoch = PartitionEpoch(9);
  const auto outcomes = wait<PartitionOutcomes>(
      [&](auto done) { one.store.write_partition_states(first, writes, std::move(done)); });
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (i == 5) {
      EXPECT_EQ(outcomes[i].error(), StoreError::BadVersion);
    } else {
      EXPECT_EQ(outcomes[i], PartitionEpoch(1));
    }
  }

  Member two(*harness, "two");
  const ControllerFence second = win(two, 2);
  EXPECT_EQ(second, (ControllerFence{ControllerEpoch(2), 2}));
  for (const auto& outcome : wait<PartitionOutcomes>(
           [&](auto done) { one.store.write_partition_states(first, writes, std::move(done)); })) {
    EXPECT_EQ(outcome.error(), StoreError::ControllerMoved);
  }
  const auto loaded = wait<StoreResult<ClusterNodes>>(
      [&](auto done) { two.store.load_cluster(Watch::Yes, std::move(done)); });
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->topics.at("t").topic, topic);
  EXPECT_EQ(loaded->topics.at("t").states[0]->partition_epoch, PartitionEpoch(1));
  EXPECT_EQ(loaded->topics.at("t").states[5]->partition_epoch, PartitionEpoch(0));
  EXPECT_EQ(loaded->topic_configs.at("t").at("a"), "b");

  EXPECT_EQ(wait<StoreResult<>>([&](auto done) {
              one.store.delete_topic(first, "t", std::move(done));
            }).error(),
            StoreError::ControllerMoved);
  EXPECT_TRUE(wait<StoreResult<>>([&](auto done) {
                two.store.delete_topic(second, "t", std::move(done));
              }).has_value());
  const auto after = wait<StoreResult<ClusterNodes>>(
      [&](auto done) { two.store.load_cluster(Watch::No, std::move(done)); });
  EXPECT_TRUE(after->topics.empty());
  EXPECT_TRUE(after->topic_configs.empty());
  EXPECT_TRUE(wait<StoreResult<>>([&](auto done) {
                two.store.resign(second, std::move(done));
              }).has_value());
}

INSTANTIATE_TEST_SUITE_P(Simulated, StoreConformance, ::testing::Values("Simulated"));
INSTANTIATE_TEST_SUITE_P(Real, StoreConformance, ::testing::Values("Real"));

}  // namespace
}  // namespace ottla::zookeeper
