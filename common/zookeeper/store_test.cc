#include "common/zookeeper/store.h"

#include <gtest/gtest.h>

#include <optional>

#include "common/testing/simulated_world.h"
#include "common/testing/simulated_zookeeper.h"

namespace ottla::zookeeper {
namespace {

using std::chrono::seconds;
using testing::SimulatedWorld;
using testing::SimulatedZooKeeper;

/// One broker's store on a simulated ensemble.
struct Member {
  Member(SimulatedWorld& world, SimulatedZooKeeper& ensemble, const std::string& name)
      : client(ensemble.make_client(name)), loop(world.make_executor()), store(*client, *loop) {
    client->start();
  }

  std::unique_ptr<Client> client;
  std::unique_ptr<env::Executor> loop;
  Store store;
};

class StoreTest : public ::testing::Test {
 protected:
  /// Calls and runs the world until the completion came.
  template <class T, class Call>
  T wait(Call call) {
    std::optional<T> result;
    call([&](T value) { result = std::move(value); });
    EXPECT_FALSE(result.has_value()) << "completions are posted";
    EXPECT_TRUE(world.run_until_true([&] { return result.has_value(); }, seconds(60)));
    return *std::move(result);
  }

  ControllerFence win(Member& member, std::int32_t id) {
    const auto office = wait<StoreResult<ControllerOffice>>(
        [&](auto done) { member.store.read_office(Watch::No, std::move(done)); });
    const auto fence = wait<StoreResult<ControllerFence>>(
        [&](auto done) { member.store.elect({.broker = BrokerId(id)}, *office, std::move(done)); });
    EXPECT_TRUE(fence.has_value());
    return *fence;
  }

  static cluster::Topic topic(const std::string& name, int partitions) {
    cluster::Topic topic;
    topic.name = name;
    topic.id = Uuid(7, 9);
    for (int i = 0; i < partitions; ++i) {
      topic.partitions.push_back({.replicas = {BrokerId(1), BrokerId(2)}});
    }
    return topic;
  }

  static std::vector<PartitionStateWrite> first_states(const std::string& name, int partitions) {
    std::vector<PartitionStateWrite> writes;
    for (int i = 0; i < partitions; ++i) {
      PartitionStateWrite write{.partition = {name, i}, .state = {}};
      write.state.leader = BrokerId(1);
      write.state.isr = {BrokerId(1), BrokerId(2)};
      write.state.controller_epoch = ControllerEpoch(1);
      writes.push_back(write);
    }
    return writes;
  }

  void create(Member& member, const ControllerFence& fence, const std::string& name,
              int partitions) {
    const auto created = wait<StoreResult<>>([&](auto done) {
      member.store.create_topic(fence, topic(name, partitions), {{"retention.ms", "5"}},
                                std::move(done));
    });
    ASSERT_TRUE(created.has_value()) << name_of(created.error());
    const auto outcomes = wait<PartitionOutcomes>([&](auto done) {
      member.store.create_partition_states(fence, first_states(name, partitions), std::move(done));
    });
    for (const auto& outcome : outcomes) EXPECT_EQ(outcome, PartitionEpoch(0));
  }

  SimulatedWorld world{1};
  SimulatedZooKeeper ensemble{world};
  Member one{world, ensemble, "one"};

  void SetUp() override {
    const auto created =
        wait<StoreResult<>>([&](auto done) { one.store.create_persistent_paths(std::move(done)); });
    ASSERT_TRUE(created.has_value());
  }
};

TEST_F(StoreTest, LoadsWhatItWrote) {
  const ControllerFence fence = win(one, 1);
  EXPECT_EQ(fence, (ControllerFence{ControllerEpoch(1), 1}));
  create(one, fence, "orders", 150);
  cluster::Broker broker{.id = BrokerId(1)};
  broker.endpoints = {{"PLAINTEXT", "PLAINTEXT", "host", 9092}};
  const auto epoch = wait<StoreResult<BrokerEpoch>>(
      [&](auto done) { one.store.register_broker(broker, std::nullopt, std::move(done)); });
  ASSERT_TRUE(epoch.has_value());
  (void)wait<StoreResult<>>([&](auto done) {
    one.store.write_config(layout::ConfigEntity::default_broker(), {{"a", "b"}}, std::move(done));
  });
  (void)wait<StoreResult<>>(
      [&](auto done) { one.store.request_topic_deletion("orders", std::move(done)); });

  const auto nodes = wait<StoreResult<ClusterNodes>>(
      [&](auto done) { one.store.load_cluster(Watch::Yes, std::move(done)); });
  ASSERT_TRUE(nodes.has_value());
  EXPECT_EQ(nodes->brokers.at(BrokerId(1)).epoch, *epoch);
  EXPECT_EQ(nodes->topics.at("orders").topic, topic("orders", 150));
  ASSERT_EQ(nodes->topics.at("orders").states.size(), 150U);
  EXPECT_EQ(nodes->topics.at("orders").states[149]->leader, BrokerId(1));
  EXPECT_EQ(nodes->topic_configs.at("orders").at("retention.ms"), "5");
  EXPECT_EQ(nodes->broker_configs.at("<default>").at("a"), "b");
  EXPECT_EQ(nodes->topics_to_delete, std::vector<std::string>{"orders"});
  EXPECT_TRUE(nodes->malformed.empty());
  EXPECT_EQ(ensemble.children("/config/changes").size(), 1U);
  EXPECT_EQ(ensemble.node("/brokers/ids/1")->stat.version, 1);
}

TEST_F(StoreTest, NamesWhatItCannotUnderstandAndLoadsTheRest) {
  create(one, win(one, 1), "good", 1);
  ASSERT_TRUE(ensemble.apply({Create{"/brokers/topics/bad", "{]"}}).has_value());
  const auto nodes = wait<StoreResult<ClusterNodes>>(
      [&](auto done) { one.store.load_cluster(Watch::No, std::move(done)); });
  ASSERT_TRUE(nodes.has_value());
  EXPECT_EQ(nodes->topics.size(), 1U);
  EXPECT_EQ(nodes->malformed, std::vector<std::string>{"/brokers/topics/bad"});
}

TEST_F(StoreTest, OneBadVersionSpoilsNoOtherPartition) {
  const ControllerFence fence = win(one, 1);
  create(one, fence, "orders", 100);
  auto writes = first_states("orders", 100);
  for (auto& write : writes) write.state.leader_epoch = LeaderEpoch(1);
  writes[3].state.partition_epoch = PartitionEpoch(17);
  writes[70].state.partition_epoch = PartitionEpoch(18);
  const auto outcomes = wait<PartitionOutcomes>(
      [&](auto done) { one.store.write_partition_states(fence, writes, std::move(done)); });
  ASSERT_EQ(outcomes.size(), 100U);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (i == 3 || i == 70) {
      EXPECT_EQ(outcomes[i].error(), StoreError::BadVersion);
    } else {
      EXPECT_EQ(outcomes[i], PartitionEpoch(1)) << i;
    }
  }
}

TEST_F(StoreTest, CreatingStatesAgainSaysThatTheyExist) {
  const ControllerFence fence = win(one, 1);
  create(one, fence, "orders", 2);
  auto writes = first_states("orders", 4);
  const auto outcomes = wait<PartitionOutcomes>(
      [&](auto done) { one.store.create_partition_states(fence, writes, std::move(done)); });
  EXPECT_EQ(outcomes[0].error(), StoreError::NodeExists);
  EXPECT_EQ(outcomes[1].error(), StoreError::NodeExists);
  EXPECT_EQ(outcomes[2], PartitionEpoch(0));
  EXPECT_EQ(outcomes[3], PartitionEpoch(0));
}

TEST_F(StoreTest, AStaleControllerWritesNothing) {
  const ControllerFence stale = win(one, 1);
  create(one, stale, "orders", 3);
  Member two(world, ensemble, "two");
  // `two` knows that the process of 1 is dead (it is not) and takes the office.
  const auto office = wait<StoreResult<ControllerOffice>>(
      [&](auto done) { two.store.read_office(Watch::Yes, std::move(done)); });
  ASSERT_TRUE(office->holder.has_value());
  EXPECT_EQ(office->holder->value.broker, BrokerId(1));
  const auto fence = wait<StoreResult<ControllerFence>>(
      [&](auto done) { two.store.elect({.broker = BrokerId(2)}, *office, std::move(done)); });
  EXPECT_EQ(fence, (ControllerFence{ControllerEpoch(2), 2}));

  const auto outcomes = wait<PartitionOutcomes>([&](auto done) {
    one.store.write_partition_states(stale, first_states("orders", 3), std::move(done));
  });
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome.error(), StoreError::ControllerMoved);
  const auto created = wait<StoreResult<>>(
      [&](auto done) { one.store.create_topic(stale, topic("late", 1), {}, std::move(done)); });
  EXPECT_EQ(created.error(), StoreError::ControllerMoved);
  const auto deleted = wait<StoreResult<>>(
      [&](auto done) { one.store.delete_topic(stale, "orders", std::move(done)); });
  EXPECT_EQ(deleted.error(), StoreError::ControllerMoved);
  const auto resigned =
      wait<StoreResult<>>([&](auto done) { one.store.resign(stale, std::move(done)); });
  EXPECT_EQ(resigned.error(), StoreError::ControllerMoved);
  EXPECT_TRUE(ensemble.node("/controller").has_value());
  EXPECT_EQ(testing::check_controller_fencing(ensemble), "");
}

TEST_F(StoreTest, OfTwoThatTakeTheOfficeOneWins) {
  Member two(world, ensemble, "two");
  const auto read = [&](Member& member) {
    return *wait<StoreResult<ControllerOffice>>(
        [&](auto done) { member.store.read_office(Watch::No, std::move(done)); });
  };
  win(one, 1);
  Member three(world, ensemble, "three");
  const ControllerOffice seen_by_two = read(two);
  const ControllerOffice seen_by_three = read(three);
  const auto second = wait<StoreResult<ControllerFence>>(
      [&](auto done) { two.store.elect({.broker = BrokerId(2)}, seen_by_two, std::move(done)); });
  EXPECT_TRUE(second.has_value());
  const auto third = wait<StoreResult<ControllerFence>>([&](auto done) {
    three.store.elect({.broker = BrokerId(3)}, seen_by_three, std::move(done));
  });
  EXPECT_EQ(third.error(), StoreError::BadVersion);
  EXPECT_EQ(testing::check_controller_fencing(ensemble), "");
}

TEST_F(StoreTest, DeletesATopicBottomUpWithItsRequest) {
  const ControllerFence fence = win(one, 1);
  create(one, fence, "gone", 300);
  (void)wait<StoreResult<>>(
      [&](auto done) { one.store.request_topic_deletion("gone", std::move(done)); });
  // A half deleted one: somebody began before us.
  ASSERT_TRUE(ensemble.apply({Delete{"/brokers/topics/gone/partitions/5/state"}}).has_value());
  const auto deleted = wait<StoreResult<>>(
      [&](auto done) { one.store.delete_topic(fence, "gone", std::move(done)); });
  EXPECT_TRUE(deleted.has_value());
  EXPECT_FALSE(ensemble.node("/brokers/topics/gone").has_value());
  EXPECT_FALSE(ensemble.node("/config/topics/gone").has_value());
  EXPECT_FALSE(ensemble.node("/admin/delete_topics/gone").has_value());
}

TEST_F(StoreTest, ProducerIdBlocksNeverOverlapUnderContention) {
  Member two(world, ensemble, "two");
  std::vector<ProducerIdBlock> blocks;
  for (int i = 0; i < 10; ++i) {
    for (Member* member : {&one, &two}) {
      member->store.allocate_producer_ids(BrokerId(i), [&](StoreResult<ProducerIdBlock> block) {
        ASSERT_TRUE(block.has_value());
        blocks.push_back(*block);
      });
    }
  }
  ASSERT_TRUE(world.run_until_true([&] { return blocks.size() == 20; }, seconds(60)));
  std::sort(blocks.begin(), blocks.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(blocks[i].first, ProducerId(static_cast<std::int64_t>(i) * 1000));
    EXPECT_EQ(blocks[i].last, ProducerId(static_cast<std::int64_t>(i) * 1000 + 999));
  }
}

TEST_F(StoreTest, ClusterIdIsTheFirstOnes) {
  Member two(world, ensemble, "two");
  const auto a = wait<StoreResult<std::string>>(
      [&](auto done) { one.store.get_or_create_cluster_id("first", std::move(done)); });
  const auto b = wait<StoreResult<std::string>>(
      [&](auto done) { two.store.get_or_create_cluster_id("second", std::move(done)); });
  EXPECT_EQ(a, "first");
  EXPECT_EQ(b, "first");
}

TEST_F(StoreTest, BrokerSequenceCounts) {
  for (std::int32_t expected = 1; expected <= 3; ++expected) {
    EXPECT_EQ(wait<StoreResult<std::int32_t>>(
                  [&](auto done) { one.store.next_broker_sequence(std::move(done)); }),
              expected);
  }
}

TEST_F(StoreTest, TakesLogDirEventsOnce) {
  const ControllerFence fence = win(one, 1);
  for (const std::int32_t id : {4, 2, 4}) {
    (void)wait<StoreResult<>>(
        [&](auto done) { one.store.notify_log_dir_failure(BrokerId(id), std::move(done)); });
  }
  const auto take = [&] {
    return *wait<StoreResult<std::vector<BrokerId>>>(
        [&](auto done) { one.store.take_log_dir_events(fence, Watch::Yes, std::move(done)); });
  };
  EXPECT_EQ(take(), (std::vector<BrokerId>{BrokerId(2), BrokerId(4)}));
  EXPECT_EQ(take(), std::vector<BrokerId>{});
}

// W7: who wrote the event thinks that it has told. Events are deleted when they have been read; the
// connection breaks at any moment of that.
TEST_F(StoreTest, W7ALogDirEventIsToldThoughTheConnectionBreaks) {
  const ControllerFence fence = win(one, 1);
  int broken = 0;
  for (int us = 0; us < 20'000; us += 100) {
    (void)wait<StoreResult<>>(
        [&](auto done) { one.store.notify_log_dir_failure(BrokerId(4), std::move(done)); });
    std::optional<StoreResult<std::vector<BrokerId>>> first;
    one.store.take_log_dir_events(fence, Watch::Yes, [&](auto taken) { first = std::move(taken); });
    world.run_for(std::chrono::microseconds(us));
    if (!first) {
      ++broken;
      ensemble.drop_connection("one");
    }
    ASSERT_TRUE(world.run_until_true([&] { return first.has_value(); }, seconds(60)));
    StoreResult<std::vector<BrokerId>> second;
    do {
      second = wait<StoreResult<std::vector<BrokerId>>>(
          [&](auto done) { one.store.take_log_dir_events(fence, Watch::Yes, std::move(done)); });
    } while (!second);
    EXPECT_TRUE((*first && !(*first)->empty()) || !second->empty())
        << "broken after " << us << " us";
  }
  EXPECT_GT(broken, 10);
}

TEST_F(StoreTest, WritesConfigBelowParentsThatDoNotExistYet) {
  const auto written = wait<StoreResult<>>([&](auto done) {
    one.store.write_config({"users/u1/clients/c%201"}, {{"producer_byte_rate", "1"}},
                           std::move(done));
  });
  EXPECT_TRUE(written.has_value());
  const auto read = wait<StoreResult<ConfigMap>>(
      [&](auto done) { one.store.read_config({"users/u1/clients/c%201"}, std::move(done)); });
  EXPECT_EQ(read->at("producer_byte_rate"), "1");
  EXPECT_EQ(wait<StoreResult<ConfigMap>>(
                [&](auto done) { one.store.read_config({"users/u1"}, std::move(done)); }),
            ConfigMap());
}

TEST_F(StoreTest, AConfigIsReplacedOnlyAsItWasRead) {
  create(one, win(one, 1), "orders", 1);
  const auto replace = [&](const layout::ConfigEntity& entity, const ConfigMap& config,
                           std::optional<std::int32_t> expected) {
    return wait<StoreResult<>>(
        [&](auto done) { one.store.replace_config(entity, config, expected, std::move(done)); });
  };
  const auto read = [&](const layout::ConfigEntity& entity) {
    return *wait<StoreResult<ReadConfig>>(
        [&](auto done) { one.store.read_config_node(entity, std::move(done)); });
  };
  const auto orders = layout::ConfigEntity::topic("orders");
  const ReadConfig first = read(orders);
  ASSERT_TRUE(first.version.has_value());
  EXPECT_TRUE(replace(orders, {{"retention.ms", "7"}}, first.version));
  EXPECT_EQ(replace(orders, {{"retention.ms", "8"}}, first.version).error(),
            StoreError::BadVersion);
  EXPECT_EQ(read(orders).config, (ConfigMap{{"retention.ms", "7"}}));

  const auto broker = layout::ConfigEntity::broker(BrokerId(1));
  EXPECT_EQ(read(broker).version, std::nullopt);
  const auto created = replace(broker, {{"a", "b"}}, std::nullopt);
  // The folder may have been missing.
  EXPECT_TRUE(created || replace(broker, {{"a", "b"}}, std::nullopt));
  EXPECT_EQ(replace(broker, {}, std::nullopt).error(), StoreError::BadVersion);
  EXPECT_EQ(replace(layout::ConfigEntity::topic("gone"), {}, std::nullopt).error(),
            StoreError::NoNode);
  EXPECT_EQ(ensemble.children("/config/changes").size(), 2U);
}

TEST_F(StoreTest, RegistrationReplacesAStaleNodeInOneTransaction) {
  Member two(world, ensemble, "two");
  const cluster::Broker broker{.id = BrokerId(1)};
  const auto registered = [&](Member& member, std::optional<std::int32_t> replaces) {
    return wait<StoreResult<BrokerEpoch>>(
        [&](auto done) { member.store.register_broker(broker, replaces, std::move(done)); });
  };
  const auto first = registered(one, std::nullopt);
  EXPECT_EQ(registered(two, std::nullopt).error(), StoreError::NodeExists);
  EXPECT_EQ(registered(two, 0).error(), StoreError::BadVersion);
  const auto second = registered(two, 1);
  ASSERT_TRUE(second.has_value());
  EXPECT_GT(*second, *first);
  EXPECT_EQ(ensemble.node("/brokers/ids/1")->stat.ephemeral_owner, ensemble.session_of("two"));
}

TEST_F(StoreTest, W15NoCompletionComesAfterItsDestruction) {
  auto loop = world.make_executor();
  auto store = std::make_unique<Store>(*one.client, *loop);
  bool called = false;
  store->list_topics(Watch::No, [&](const auto&) { called = true; });
  store.reset();
  world.run_for(seconds(5));
  EXPECT_FALSE(called);
}

/// Writes under lost connections: what was not certain is read again, and nothing is lost or done
/// twice.
TEST(StoreFaults, EveryOutcomeIsTrueToWhatStandsInZooKeeper) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SimulatedWorld world(seed);
    SimulatedZooKeeper ensemble(world, {.connection_losses_per_million = 100'000});
    ASSERT_TRUE(
        ensemble
            .apply({Create{"/controller_epoch", "5"}, Create{"/s", std::nullopt},
                    Create{"/brokers", std::nullopt}, Create{"/brokers/topics", std::nullopt},
                    Create{"/brokers/topics/t", "{}"}})
            .has_value());
    Member member(world, ensemble, "one");
    const ControllerFence fence{ControllerEpoch(5), 0};
    std::vector<PartitionStateWrite> writes;
    for (int i = 0; i < 5; ++i) {
      writes.push_back({.partition = {"t", i}, .state = {}});
      writes.back().state.leader = BrokerId(1);
      writes.back().state.isr = {BrokerId(1)};
    }
    std::optional<PartitionOutcomes> outcomes;
    member.store.create_partition_states(fence, writes,
                                         [&](PartitionOutcomes o) { outcomes = std::move(o); });
    ASSERT_TRUE(world.run_until_true([&] { return outcomes.has_value(); }, seconds(60)));
    for (int i = 0; i < 5; ++i) {
      const bool exists = ensemble.node(layout::partition_state("t", i)).has_value();
      const auto& outcome = (*outcomes)[static_cast<std::size_t>(i)];
      if (outcome) {
        EXPECT_TRUE(exists) << "seed " << seed;
      } else {
        EXPECT_EQ(outcome.error(), StoreError::Unknown) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace ottla::zookeeper
