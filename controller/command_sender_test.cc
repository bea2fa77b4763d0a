#include "controller/command_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "common/testing/simulated_world.h"

namespace ottla::controller {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

constexpr std::int32_t kPartitions = 250;

/// Takes updates, and answers when the test says so.
class SlowPeer final : public rpc::Peer {
 public:
  void update_cluster(rpc::ClusterUpdate update, env::Duration /*timeout*/,
                      Callback<Result<rpc::ClusterUpdateReply>> done) override {
    updates.push_back(std::move(update));
    pending = std::move(done);
  }
  void query_replica_logs(rpc::ReplicaLogQuery, env::Duration,
                          Callback<Result<rpc::ReplicaLogAnswer>>) override {}
  void alter_partition(rpc::AlterPartitionRequest, env::Duration,
                       Callback<Result<rpc::AlterPartitionReply>>) override {}
  void controlled_shutdown(rpc::ControlledShutdownRequest, env::Duration,
                           Callback<Result<rpc::ControlledShutdownReply>>) override {}
  void allocate_producer_ids(rpc::AllocateProducerIdsRequest, env::Duration,
                             Callback<Result<rpc::AllocateProducerIdsReply>>) override {}

  /// How many partitions each update told of.
  [[nodiscard]] std::vector<std::size_t> told() const {
    std::vector<std::size_t> sizes;
    for (const rpc::ClusterUpdate& update : updates) {
      sizes.push_back(update.topics.empty() ? 0 : update.topics.front().partitions.size());
    }
    return sizes;
  }

  std::vector<rpc::ClusterUpdate> updates;
  Callback<Result<rpc::ClusterUpdateReply>> pending;
};

class KnownPeers final : public rpc::Peers {
 public:
  std::shared_ptr<rpc::Peer> connect(const cluster::Broker& broker) override {
    auto& peer = peers[broker.id];
    if (!peer) peer = std::make_shared<SlowPeer>();
    return peer;
  }
  std::map<BrokerId, std::shared_ptr<SlowPeer>> peers;
};

/// Three brokers that have heard of everything but that broker 3 has led all until now.
struct CommandSenderTest : ::testing::Test {
  CommandSenderTest() {
    TopicEntry& topic = model.topics["orders"];
    topic.name = "orders";
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      PartitionEntry& partition = topic.partitions.emplace_back();
      partition.assignment.replicas = {BrokerId(1), BrokerId(2), BrokerId(3)};
      partition.state.emplace();
      partition.state->leader = BrokerId(1);
      partition.state->isr = {BrokerId(1), BrokerId(2)};
      moved.partitions.push_back({"orders", p});
    }
    moved.is_urgent = true;
    for (int id = 1; id <= 3; ++id) {
      BrokerEntry& broker = model.brokers[BrokerId(id)];
      broker.registration.id = BrokerId(id);
      broker.registration.epoch = BrokerEpoch(id);
    }
    sender.run({});
    answer_all();
    for (auto& [id, peer] : peers.peers) peer->updates.clear();
  }

  void answer(int broker) {
    auto done = std::exchange(peers.peers.at(BrokerId(broker))->pending, nullptr);
    if (!done) return;
    std::move(done)(rpc::ClusterUpdateReply{});
    world.run_for(milliseconds(1));
  }
  void answer_all() {
    for (int broker = 1; broker <= 3; ++broker) answer(broker);
  }
  std::vector<std::size_t> told(int broker) { return peers.peers.at(BrokerId(broker))->told(); }

  testing::SimulatedWorld world{1};
  std::unique_ptr<env::Executor> executor = world.make_executor();
  ClusterModel model;
  ControllerConfig config;
  KnownPeers peers;
  std::map<BrokerId, std::vector<env::Duration>> waits;
  Announce moved;
  CommandSender sender{
      model,
      config,
      *executor,
      world.clock(),
      peers,
      {.sent = [this](BrokerId to, env::Duration waited) { waits[to].push_back(waited); },
       .done = [](CommandDone) {},
       .logs = [](LogsAnswered) {},
       .deposed = [](std::string) {}}};
};

TEST_F(CommandSenderTest, AllBrokersHearOfSomeNewLeadersBeforeAnyHearsOfMore) {
  sender.run({moved});
  for (int broker = 1; broker <= 3; ++broker) EXPECT_THAT(told(broker), ElementsAre(100));
  answer(1);
  answer(2);
  EXPECT_THAT(told(1), ElementsAre(100)) << "broker 3 has not heard of those yet";
  answer(3);
  for (int broker = 1; broker <= 3; ++broker) EXPECT_THAT(told(broker), ElementsAre(100, 100));
  answer_all();
  for (int broker = 1; broker <= 3; ++broker) EXPECT_THAT(told(broker), ElementsAre(100, 100, 50));
  answer_all();
  EXPECT_FALSE(sender.has_urgent());
}

TEST_F(CommandSenderTest, ACommandWaitsBehindTheOneUnderWay) {
  waits.clear();
  moved.is_urgent = false;
  moved.partitions.resize(1);
  sender.run({moved});
  EXPECT_THAT(waits[BrokerId(1)], ElementsAre(env::Duration::zero()));
  EXPECT_EQ(sender.queues().at(BrokerId(1)), 1U);
  world.run_for(milliseconds(10));
  sender.run({moved});
  EXPECT_EQ(sender.queues().at(BrokerId(1)), 2U) << "one under way, one that waits";
  world.run_for(milliseconds(30));
  answer(1);
  ASSERT_EQ(waits[BrokerId(1)].size(), 2U);
  EXPECT_GE(waits[BrokerId(1)].back(), milliseconds(30));
  EXPECT_LT(waits[BrokerId(1)].back(), milliseconds(40));
  answer(1);
  EXPECT_EQ(sender.queues().at(BrokerId(1)), 0U);
}

TEST_F(CommandSenderTest, WhoDoesNotAnswerIsWaitedForOnceAndNotForLong) {
  sender.run({moved});
  answer(1);
  answer(2);
  world.run_for(milliseconds(60));
  EXPECT_THAT(told(1), ElementsAre(100, 100));
  answer(1);
  answer(2);
  EXPECT_THAT(told(1), ElementsAre(100, 100, 50)) << "not for 50 ms again";
  answer(3);
  answer_all();
  EXPECT_THAT(told(3), ElementsAre(100, 50, 100)) << "with the others, then what it has missed";
}

TEST_F(CommandSenderTest, WhoseDeathIsKnownIsNotWaitedFor) {
  sender.run({moved});
  model.brokers.at(BrokerId(3)).liveness = rpc::Liveness::ProcessDead;
  answer(1);
  answer(2);
  EXPECT_THAT(told(1), ElementsAre(100, 100));
}

TEST_F(CommandSenderTest, AFailedDeliveryHoldsUpNobody) {
  sender.run({moved});
  answer(1);
  answer(2);
  std::exchange(peers.peers.at(BrokerId(3))->pending, nullptr)(fail(ErrorCode::NetworkException));
  world.run_for(milliseconds(1));
  EXPECT_THAT(told(1), ElementsAre(100, 100));
  world.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(peers.peers.at(BrokerId(3))->updates.back().full);
}

}  // namespace
}  // namespace ottla::controller
