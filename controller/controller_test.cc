// The shell on a simulated ZooKeeper: elections, lost sessions, paused controllers, unknown
// outcomes, and topics from request to znodes to brokers.
#include "controller/controller.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <set>

#include "common/metrics/controller_metrics.h"
#include "controller/small_cluster_for_tests.h"

namespace ottla::controller {
namespace {

using ::ottla::testing::SimulatedZooKeeperOptions;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::SmallCluster;

void expect_fenced(SmallCluster& cluster) {
  EXPECT_EQ(::ottla::testing::check_controller_fencing(cluster.zookeeper), "");
  EXPECT_EQ(::ottla::testing::check_leader_epochs(cluster.zookeeper), "");
}

int epoch_in_zookeeper(SmallCluster& cluster) {
  return std::stoi(cluster.zookeeper.node("/controller_epoch")->data);
}

bool is_led_by_other_than(SmallCluster& cluster, const std::string& topic, int broker) {
  const auto state = cluster.state(topic, 0);
  return state && state->leader != kNoBroker && state->leader != BrokerId(broker) &&
         !state->in_isr(BrokerId(broker));
}

TEST(Controller, OneOfThreeIsElected) {
  SmallCluster cluster(1, 3);
  const int first = cluster.wait_for_controller();
  cluster.world.run_for(seconds(5));
  EXPECT_EQ(cluster.in_office(), first);
  EXPECT_EQ(epoch_in_zookeeper(cluster), 1);
  for (int id = 1; id <= 3; ++id) {
    EXPECT_EQ(cluster.controller(id).active_controller(), BrokerId(first));
    EXPECT_EQ(cluster.controller(id).is_controller(), id == first);
  }
  expect_fenced(cluster);
}

TEST(Controller, CreatesAndDeletesTopics) {
  SmallCluster cluster(2, 3);
  EXPECT_EQ(cluster.create_topic("orders", 6, 3), ErrorCode::None);
  // Whoever got the answer may go to any broker.
  for (int id = 1; id <= 3; ++id) {
    EXPECT_EQ(cluster.broker(id).receiver.partitions.size(), 6U);
    for (const auto& [tp, known] : cluster.broker(id).receiver.partitions) {
      EXPECT_TRUE(known.was_new);
      EXPECT_NE(known.state.leader, kNoBroker);
    }
  }
  EXPECT_EQ(cluster.create_topic("orders", 1, 1), ErrorCode::TopicAlreadyExists);
  EXPECT_EQ(cluster.delete_topic("orders"), ErrorCode::None);
  EXPECT_FALSE(cluster.zookeeper.node("/brokers/topics/orders"));
  EXPECT_FALSE(cluster.zookeeper.node("/config/topics/orders"));
  EXPECT_FALSE(cluster.zookeeper.node("/admin/delete_topics/orders"));
  for (int id = 1; id <= 3; ++id) {
    EXPECT_TRUE(cluster.broker(id).receiver.partitions.empty());
    EXPECT_EQ(cluster.broker(id).receiver.removed.size(), 6U);
  }
  EXPECT_EQ(cluster.delete_topic("orders"), ErrorCode::UnknownTopicOrPartition);
  EXPECT_EQ(cluster.create_topic("orders", 1, 1), ErrorCode::None);
  expect_fenced(cluster);
}

TEST(Controller, ATopicThatIsBeingCreatedDoesNotExistYet) {
  SmallCluster cluster(27, 3);
  const int first = cluster.wait_for_controller();
  cluster.zookeeper.cut(cluster.broker(first).name);
  std::vector<ErrorCode> answers;
  const auto create = [&] {
    CreateTopicsRequest request;
    request.topics.push_back({.name = "orders", .partitions = 1, .replication_factor = 1});
    request.timeout = seconds(1);
    cluster.controller(first).create_topics(
        std::move(request),
        [&](std::vector<CreatedTopic> topics) { answers.push_back(topics.at(0).error); });
    cluster.world.run_for(seconds(1));
  };
  create();
  create();  // Were it told that the topic exists, it would wait for it for ever.
  EXPECT_TRUE(answers.empty());
  cluster.world.run_for(seconds(60));  // Its session ends meanwhile.
  cluster.zookeeper.heal_all();
  ASSERT_TRUE(cluster.wait([&] { return answers.size() == 2; }));
  EXPECT_EQ(answers, std::vector(2, ErrorCode::NotController));
  EXPECT_FALSE(cluster.state("orders", 0));
}

TEST(Controller, AddsPartitions) {
  SmallCluster cluster(3, 3);
  ASSERT_EQ(cluster.create_topic("orders", 2, 2), ErrorCode::None);
  std::vector<AddedPartitions> added;
  cluster.controller(cluster.in_office())
      .create_partitions({{{"orders", 5, {}}, {"orders2", 5, {}}}, seconds(10), false},
                         [&](std::vector<AddedPartitions> done) { added = std::move(done); });
  ASSERT_TRUE(cluster.wait([&] { return !added.empty(); }));
  EXPECT_EQ(added[0].error, ErrorCode::None);
  EXPECT_EQ(added[1].error, ErrorCode::UnknownTopicOrPartition);
  EXPECT_TRUE(cluster.state("orders", 4).has_value());
  EXPECT_EQ(cluster.broker(1).receiver.partitions.size(), 5U);
}

TEST(Controller, DeletesTopicsAskedForInZooKeeper) {
  SmallCluster cluster(4, 2);
  ASSERT_EQ(cluster.create_topic("orders", 2, 2), ErrorCode::None);
  ASSERT_TRUE(cluster.zookeeper.apply({zookeeper::Create{"/admin/delete_topics/orders", ""},
                                       zookeeper::Create{"/admin/delete_topics/none", ""}}));
  EXPECT_TRUE(
      cluster.wait([&] { return cluster.zookeeper.children("/admin/delete_topics").empty(); }));
  EXPECT_FALSE(cluster.zookeeper.node("/brokers/topics/orders"));
}

TEST(Controller, AnyBrokerCreatesTopicsAutomatically) {
  SmallCluster cluster(5, 3);
  const int in_office = cluster.wait_for_controller();
  const int other = in_office % 3 + 1;
  std::vector<cluster::Broker> live;
  for (int id = 1; id <= 3; ++id) live.push_back(cluster.broker(id).registration);
  std::vector<CreatedTopic> created;
  NewTopic topic;
  topic.name = "auto";
  cluster.controller(other).auto_create_topics(
      {topic}, live, [&](std::vector<CreatedTopic> done) { created = std::move(done); });
  ASSERT_TRUE(cluster.wait([&] { return cluster.state("auto", 0).has_value(); }));
  EXPECT_EQ(created.at(0).error, ErrorCode::None);
}

TEST(Controller, MovesLeadersOfADeadProcessLongBeforeItsSessionEnds) {
  SmallCluster cluster(6, 3);
  ASSERT_EQ(cluster.create_topic("orders", 1, 3), ErrorCode::None);
  const int leader = cluster.state("orders", 0)->leader.value();
  int in_office = cluster.in_office();
  if (leader == in_office) {  // The next test is about that.
    cluster.zookeeper.apply({zookeeper::Delete{"/controller"}});
    ASSERT_TRUE(cluster.wait([&] { return cluster.in_office() != 0; }));
  }
  cluster.kill(leader);
  EXPECT_TRUE(cluster.wait([&] { return is_led_by_other_than(cluster, "orders", leader); },
                           milliseconds(300)));
  expect_fenced(cluster);
}

TEST(Controller, TakesTheOfficeOfADeadProcessLongBeforeItsSessionEnds) {
  SmallCluster cluster(7, 3);
  ASSERT_EQ(cluster.create_topic("orders", 1, 3), ErrorCode::None);
  const int first = cluster.in_office();
  // The worst case: leader and controller die together.
  while (cluster.state("orders", 0)->leader != BrokerId(first)) {
    ASSERT_EQ(cluster.delete_topic("orders"), ErrorCode::None);
    ASSERT_EQ(cluster.create_topic("orders", 1, 3), ErrorCode::None);
  }
  cluster.kill(first);
  EXPECT_TRUE(cluster.wait([&] { return is_led_by_other_than(cluster, "orders", first); },
                           milliseconds(400)));
  EXPECT_EQ(epoch_in_zookeeper(cluster), 2);
  expect_fenced(cluster);
}

bool is_succeeded_when_silent(SmallCluster& cluster, int holder, env::Duration within) {
  cluster.set_liveness(holder, rpc::Liveness::Silent);
  return cluster.wait([&] { return cluster.in_office() != holder && cluster.in_office() != 0; },
                      within);
}

/// When it has ended it serves nobody: until the new leaders know that they lead, it must.
TEST(Controller, ABrokerMayEndWhenAllOthersKnowWhoLeadsInstead) {
  SmallCluster cluster(21, 3);
  const int controller = cluster.wait_for_controller();
  ASSERT_EQ(cluster.create_topic("orders", 6, 3), ErrorCode::None);
  const int leaving = controller == 1 ? 2 : 1;
  const int other = 6 - controller - leaving;
  std::optional<rpc::ControlledShutdownReply> answer;
  const auto shut_down = [&] {
    answer.reset();
    cluster.controller(controller)
        .controlled_shutdown(
            {.broker = BrokerId(leaving),
             .broker_epoch = cluster.broker(leaving).registration.epoch},
            [&](rpc::ControlledShutdownReply reply) { answer = std::move(reply); });
  };
  cluster.set_reachable(other, false);
  shut_down();
  cluster.world.run_for(milliseconds(500));
  EXPECT_FALSE(answer) << "broker " << other << " has not heard of it";
  ASSERT_TRUE(cluster.wait([&] { return answer.has_value(); }, seconds(3)))
      << "nobody is waited for without end";
  EXPECT_EQ(answer->error, ErrorCode::None);
  EXPECT_EQ(answer->remaining.size(), 0U);
  cluster.set_reachable(other, true);
  ASSERT_TRUE(cluster.wait([&] {
    return cluster.broker(other).receiver.partitions[{"orders", 0}].state.leader_epoch ==
           cluster.state("orders", 0)->leader_epoch;
  }));
  shut_down();
  EXPECT_TRUE(cluster.wait([&] { return answer.has_value(); }, milliseconds(100)));
}

TEST(Controller, TakesTheOfficeOfASilentHostOnlyAfterAQuietTime) {
  SmallCluster cluster(8, 2);
  const int first = cluster.wait_for_controller();
  cluster.world.run_for(seconds(20));
  ASSERT_TRUE(is_succeeded_when_silent(cluster, first, seconds(2)));
  const int second = cluster.in_office();
  // The two do not hear each other: they must not take the office in turns.
  cluster.set_liveness(second, rpc::Liveness::Silent);
  cluster.world.run_for(seconds(5));
  EXPECT_EQ(cluster.in_office(), second);
  expect_fenced(cluster);
}

/// A third broker need not wait for so long: a cable that comes and goes may have made the holder.
TEST(Controller, AThirdBrokerTakesTheOfficeOfASilentHostAfterAShortQuietTime) {
  SmallCluster cluster(8, 3);
  const int first = cluster.wait_for_controller();
  cluster.world.run_for(seconds(20));
  ASSERT_TRUE(is_succeeded_when_silent(cluster, first, seconds(2)));
  const int second = cluster.in_office();
  cluster.set_liveness(first, rpc::Liveness::Alive);
  EXPECT_TRUE(is_succeeded_when_silent(cluster, second, seconds(4)));
  EXPECT_NE(cluster.in_office(), first);
  expect_fenced(cluster);
}

TEST(Controller, TakesTheOfficeOfASilentHostThatWasElectedJustNow) {
  SmallCluster cluster(8, 3);
  const int first = cluster.wait_for_controller();
  ASSERT_TRUE(is_succeeded_when_silent(cluster, first, seconds(2)));
  expect_fenced(cluster);
}

/// One peer's silence is noticed first; with the others still to be noticed it looks as if that one
/// alone were away.
TEST(Controller, WhoIsCutOffMovesNobodysLeaders) {
  SmallCluster cluster(8, 3);
  ASSERT_EQ(cluster.create_topic("orders", 6, 3), ErrorCode::None);
  const int first = cluster.in_office();
  const int other = first % 3 + 1;
  cluster.set_in_reach(first, false);
  const auto before = cluster.zookeeper.history().size();
  // Only the controller does not hear it: the others do not run for the office.
  cluster.set_liveness(other, rpc::Liveness::Silent);
  cluster.world.run_for(seconds(3));
  EXPECT_EQ(cluster.zookeeper.history().size(), before);
  cluster.set_in_reach(first, true);
  EXPECT_TRUE(
      cluster.wait([&] { return is_led_by_other_than(cluster, "orders", other); }, seconds(2)));
}

TEST(Controller, WhoIsCutOffDoesNotTakeTheOffice) {
  SmallCluster cluster(8, 3);
  const int first = cluster.wait_for_controller();
  for (int id = 1; id <= 3; ++id) cluster.set_in_reach(id, id == first);
  cluster.world.run_for(seconds(20));
  cluster.set_liveness(first, rpc::Liveness::Silent);
  cluster.world.run_for(seconds(5));
  EXPECT_EQ(cluster.in_office(), first);
  const int second = first % 3 + 1;
  cluster.set_in_reach(second, true);
  EXPECT_TRUE(cluster.wait([&] { return cluster.in_office() == second; }, seconds(2)));
  expect_fenced(cluster);
}

/// A silent predecessor is not waited for once more.
TEST(Controller, TakesOverWhatWasKnownOfASilentPredecessor) {
  SmallCluster cluster(8, 3);
  ASSERT_EQ(cluster.create_topic("orders", 6, 3), ErrorCode::None);
  const int first = cluster.in_office();
  cluster.set_watches_answer(false);
  cluster.set_liveness(first, rpc::Liveness::Silent);
  EXPECT_TRUE(
      cluster.wait([&] { return is_led_by_other_than(cluster, "orders", first); }, seconds(2)));
}

TEST(Controller, W12PausedControllerThatResumesWritesNothing) {
  for (const auto pause : {seconds(3), seconds(30)}) {  // Shorter and longer than its session.
    SmallCluster cluster(9, 3);
    ASSERT_EQ(cluster.create_topic("orders", 4, 3), ErrorCode::None);
    const int first = cluster.in_office();
    cluster.world.run_for(seconds(20));
    cluster.pause(first);
    cluster.set_liveness(first, rpc::Liveness::Silent);
    ASSERT_TRUE(cluster.wait([&] { return cluster.in_office() != 0; }));
    ASSERT_TRUE(cluster.wait([&] { return is_led_by_other_than(cluster, "orders", first); }));
    cluster.world.run_for(pause);
    // It wakes up with work to do.
    std::optional<ErrorCode> late;
    NewTopic topic;
    topic.name = "late";
    topic.partitions = 1;
    topic.replication_factor = 1;
    cluster.controller(first).create_topics(
        {{topic}, seconds(5), false},
        [&](std::vector<CreatedTopic> done) { late = done.at(0).error; });
    cluster.resume(first);
    cluster.set_liveness(first, rpc::Liveness::Alive);
    ASSERT_TRUE(cluster.wait([&] { return !cluster.controller(first).is_controller(); }));
    cluster.world.run_for(seconds(10));
    EXPECT_NE(cluster.in_office(), first);
    EXPECT_EQ(late, ErrorCode::NotController);
    EXPECT_FALSE(cluster.zookeeper.node("/brokers/topics/late"));
    expect_fenced(cluster);
  }
}

TEST(Controller, W12LostSessionForgetsTheModel) {
  SmallCluster cluster(10, 3);
  ASSERT_EQ(cluster.create_topic("orders", 4, 3), ErrorCode::None);
  const int first = cluster.in_office();
  // With a write under way, of whose outcome nobody hears any more.
  std::optional<ErrorCode> late;
  NewTopic topic;
  topic.name = "late";
  topic.partitions = 1;
  topic.replication_factor = 1;
  cluster.zookeeper.cut(cluster.broker(first).name);
  cluster.controller(first).create_topics(
      {{topic}, seconds(60), false},
      [&](std::vector<CreatedTopic> done) { late = done.at(0).error; });
  cluster.world.run_for(milliseconds(10));
  cluster.zookeeper.expire(cluster.broker(first).name);
  cluster.zookeeper.heal(cluster.broker(first).name);
  ASSERT_TRUE(cluster.wait([&] { return epoch_in_zookeeper(cluster) == 2; }));
  cluster.wait_for_controller();
  cluster.register_again(first);
  cluster.world.run_for(seconds(10));
  EXPECT_EQ(epoch_in_zookeeper(cluster), 2);
  EXPECT_TRUE(late.has_value() && *late != ErrorCode::None);
  EXPECT_FALSE(cluster.zookeeper.node("/brokers/topics/late"));
  expect_fenced(cluster);
}

TEST(Controller, RunsAgainWhenTheNodeIsDeletedByHand) {
  SmallCluster cluster(11, 3);
  cluster.wait_for_controller();
  ASSERT_TRUE(cluster.zookeeper.apply({zookeeper::Delete{"/controller"}}));
  ASSERT_TRUE(cluster.wait([&] { return epoch_in_zookeeper(cluster) == 2; }));
  ASSERT_TRUE(cluster.wait([&] { return cluster.in_office() != 0; }));
  EXPECT_EQ(cluster.create_topic("orders", 4, 3), ErrorCode::None);
  expect_fenced(cluster);
}

TEST(Controller, GivesTheOfficeUpWhenItStops) {
  SmallCluster cluster(12, 2);
  const int first = cluster.wait_for_controller();
  bool stopped = false;
  cluster.controller(first).stop([&] { stopped = true; });
  EXPECT_TRUE(cluster.wait([&] { return stopped; }));
  EXPECT_TRUE(cluster.wait([&] { return cluster.in_office() == 3 - first; }, seconds(1)));
}

TEST(Controller, W13CommandsAreForOneRegistrationOnly) {
  SmallCluster cluster(13, 3);
  ASSERT_EQ(cluster.create_topic("orders", 3, 3), ErrorCode::None);
  const int other = cluster.in_office() % 3 + 1;
  cluster.kill(other);
  cluster.start(other, cluster::LastStop::ProcessCrash);
  // The receiver takes nothing for its former self, and hears everything anew.
  EXPECT_TRUE(cluster.wait([&] {
    return cluster.broker(other).receiver.partitions.size() == 3 &&
           cluster.broker(other).receiver.full_updates > 0;
  }));
  const auto state = cluster.state("orders", 0);
  EXPECT_FALSE(state->in_isr(BrokerId(other)));
}

TEST(Controller, W18MissedWatchesAreMadeUpFor) {
  SmallCluster cluster(14, 3);
  ASSERT_EQ(cluster.create_topic("orders", 1, 3), ErrorCode::None);
  const int in_office = cluster.in_office();
  const int other = in_office % 3 + 1;
  // While the controller's connection is away, a topic is created and a broker goes.
  cluster.zookeeper.cut(cluster.broker(in_office).name);
  const std::string topic =
      zookeeper::encode_topic({"late", Uuid(5, 5), {{{BrokerId(in_office)}, {}, {}}}});
  ASSERT_TRUE(
      cluster.zookeeper.apply({zookeeper::Create{"/brokers/topics/late", topic},
                               zookeeper::Delete{"/brokers/ids/" + std::to_string(other)}}));
  cluster.world.run_for(seconds(2));
  cluster.zookeeper.heal(cluster.broker(in_office).name);
  EXPECT_TRUE(cluster.wait([&] {
    const auto orders = cluster.state("orders", 0);
    return cluster.state("late", 0).has_value() && !orders->in_isr(BrokerId(other));
  }));
}

// Not even a new connection says that something was missed: the audit finds it.
TEST(Controller, W18TheAuditFindsWhatNoWatchTold) {
  SmallCluster cluster(16, 3);
  ASSERT_EQ(cluster.create_topic("orders", 1, 3), ErrorCode::None);
  const int in_office = cluster.in_office();
  const int other = in_office % 3 + 1;
  cluster.zookeeper.forget_watches(cluster.broker(in_office).name);
  const std::string topic =
      zookeeper::encode_topic({"late", Uuid(5, 5), {{{BrokerId(in_office)}, {}, {}}}});
  ASSERT_TRUE(
      cluster.zookeeper.apply({zookeeper::Create{"/brokers/topics/late", topic},
                               zookeeper::Delete{"/brokers/ids/" + std::to_string(other)}}));
  cluster.world.run_for(seconds(30));
  EXPECT_FALSE(cluster.state("late", 0).has_value()) << "somebody has told it, then this shows "
                                                        "nothing";
  EXPECT_TRUE(cluster.wait(
      [&] {
        const auto orders = cluster.state("orders", 0);
        return cluster.state("late", 0).has_value() && !orders->in_isr(BrokerId(other));
      },
      cluster.config.audit_interval));
}

TEST(Controller, W18TheAuditReadsWhatOldToolsAskFor) {
  SmallCluster cluster(17, 3);
  ASSERT_EQ(cluster.create_topic("orders", 3, 3), ErrorCode::None);
  cluster.zookeeper.forget_watches(cluster.broker(cluster.in_office()).name);
  const std::vector<std::string> nodes = {"/admin/preferred_replica_election",
                                          "/admin/reassign_partitions"};
  ASSERT_TRUE(cluster.zookeeper.apply(
      {zookeeper::Create{nodes[0], zookeeper::encode_partition_list({{"orders", 0}})},
       zookeeper::Create{nodes[1], R"({"version":1,"partitions":[]})"}}));
  cluster.world.run_for(seconds(30));
  for (const std::string& node : nodes) EXPECT_TRUE(cluster.zookeeper.node(node)) << node;
  EXPECT_TRUE(cluster.wait(
      [&] {
        return std::none_of(nodes.begin(), nodes.end(),
                            [&](const auto& node) { return cluster.zookeeper.node(node); });
      },
      cluster.config.audit_interval));
}

// Nobody hears that the office is free.
TEST(Controller, W18AFreeOfficeIsFoundWithoutAWatch) {
  SmallCluster cluster(18, 3);
  cluster.wait_for_controller();
  cluster.world.run_for(seconds(1));
  for (int id = 1; id <= 3; ++id) cluster.zookeeper.forget_watches(cluster.broker(id).name);
  ASSERT_TRUE(cluster.zookeeper.apply({zookeeper::Delete{"/controller"}}));
  cluster.world.run_for(seconds(30));
  EXPECT_FALSE(cluster.zookeeper.node("/controller"));
  EXPECT_TRUE(cluster.wait([&] { return epoch_in_zookeeper(cluster) == 2; },
                           cluster.config.audit_interval));
  cluster.world.run_for(cluster.config.audit_interval);  // also the former one looks
  EXPECT_EQ(cluster.create_topic("orders", 1, 3), ErrorCode::None);
  expect_fenced(cluster);
}

// While a write of its partition is under way the wish is in the controller's memory, and in the
// znode.
TEST(Controller, APreferredElectionThatWaitsOutlivesTheController) {
  const std::string node = "/admin/preferred_replica_election";
  int tried = 0;
  for (int seed = 0; seed < 1000; ++seed) {
    SmallCluster cluster(1000 + seed, 4);
    ASSERT_EQ(cluster.create_topic("orders", 1, 3), ErrorCode::None);
    const int in_office = cluster.in_office();
    const cluster::PartitionState before = *cluster.state("orders", 0);
    if (before.in_isr(BrokerId(in_office))) continue;
    ++tried;
    const BrokerId preferred = before.leader;
    rpc::SlowReplicasReport slow{
        .broker = preferred,
        .broker_epoch = cluster.broker(preferred.value()).registration.epoch,
        .replicas = {{"orders", {}, 0}}};
    cluster.controller(in_office).report_slow_replicas(slow, [](auto) {});
    ASSERT_TRUE(cluster.wait([&] { return cluster.state("orders", 0)->leader != preferred; }));
    slow.replicas.clear();
    cluster.controller(in_office).report_slow_replicas(slow, [](auto) {});
    cluster.world.run_for(seconds(1));
    const BrokerId leader = cluster.state("orders", 0)->leader;
    const BrokerId third = *std::ranges::find_if(
        before.isr, [&](BrokerId broker) { return broker != preferred && broker != leader; });

    // The write begins while the znode is read, and the controller dies in the middle of it.
    ASSERT_TRUE(cluster.zookeeper.apply(
        {zookeeper::Create{node, zookeeper::encode_partition_list({{"orders", 0}})}}));
    cluster.world.run_for(std::chrono::microseconds(100 * (seed % 80)));
    cluster.set_liveness(third.value(), rpc::Liveness::ProcessDead);  // it leaves the ISR
    cluster.world.run_for(std::chrono::microseconds(100 * (seed * 7 % 100)));
    cluster.kill(in_office);
    ASSERT_TRUE(cluster.wait([&] { return cluster.in_office() != 0; }));
    EXPECT_TRUE(
        cluster.wait([&] { return cluster.state("orders", 0)->leader == preferred; }, seconds(20)))
        << "seed " << seed;
  }
  EXPECT_GT(tried, 200);
}

// What is left there keeps the older tools from asking again.
TEST(Controller, PreferredReplicaElectionIsTakenAwayThoughTheConnectionBreaks) {
  const std::string node = "/admin/preferred_replica_election";
  SmallCluster cluster(17, 3);
  ASSERT_EQ(cluster.create_topic("orders", 1, 3), ErrorCode::None);
  for (int moment = 0; moment < 1000; ++moment) {
    const std::string in_office = cluster.broker(cluster.wait_for_controller()).name;
    ASSERT_TRUE(cluster.zookeeper.apply(
        {zookeeper::Create{node, zookeeper::encode_partition_list({{"orders", 0}})}}));
    cluster.world.run_for(std::chrono::microseconds(10 * moment));
    cluster.zookeeper.drop_connection(in_office);
    ASSERT_TRUE(cluster.wait([&] { return !cluster.zookeeper.node(node); }, seconds(10)))
        << "when it broke " << moment << " x 10 us after the request";
  }
}

TEST(Controller, RepeatsWhatABrokerDidNotTake) {
  SmallCluster cluster(15, 3);
  const int in_office = cluster.wait_for_controller();
  const int other = in_office % 3 + 1;
  cluster.set_reachable(other, false);
  std::optional<ErrorCode> error;
  NewTopic topic;
  topic.name = "orders";
  topic.partitions = 2;
  topic.replication_factor = 1;
  cluster.controller(in_office).create_topics(
      {{topic}, seconds(5), false},
      [&](std::vector<CreatedTopic> done) { error = done.at(0).error; });
  cluster.world.run_for(seconds(3));
  EXPECT_TRUE(cluster.broker(other).receiver.partitions.empty());
  cluster.set_reachable(other, true);
  EXPECT_TRUE(cluster.wait([&] { return cluster.broker(other).receiver.partitions.size() == 2; },
                           seconds(3)));
  EXPECT_TRUE(cluster.wait([&] { return error == ErrorCode::None; }));
}

TEST(Controller, AsksForLogsAfterAHostCrash) {
  SmallCluster cluster(16, 3);
  const int in_office = cluster.wait_for_controller();
  const int a = in_office % 3 + 1;
  const int b = a % 3 + 1;
  std::optional<ErrorCode> error;
  NewTopic topic;
  topic.name = "orders";
  topic.assignments[0] = {BrokerId(a), BrokerId(b)};
  cluster.controller(in_office).create_topics(
      {{topic}, seconds(5), false},
      [&](std::vector<CreatedTopic> done) { error = done.at(0).error; });
  ASSERT_TRUE(cluster.wait([&] { return error == ErrorCode::None; }));
  // b falls out of the ISR, then a loses power and comes back with a shorter log.
  cluster.kill(b);
  ASSERT_TRUE(cluster.wait([&] { return !cluster.state("orders", 0)->in_isr(BrokerId(b)); }));
  cluster.start(b);
  cluster.power_off(a);
  cluster.start(a, cluster::LastStop::HostCrash);
  cluster.broker(a).receiver.logs[{"orders", 0}] = {"orders", 0, ErrorCode::None, LeaderEpoch(0),
                                                    Offset(10)};
  cluster.broker(b).receiver.logs[{"orders", 0}] = {"orders", 0, ErrorCode::None, LeaderEpoch(0),
                                                    Offset(20)};
  EXPECT_TRUE(cluster.wait([&] {
    const auto state = cluster.state("orders", 0);
    return state->leader == BrokerId(b);
  }));
}

TEST(Controller, HearsOfFailedLogDirs) {
  SmallCluster cluster(17, 3);
  ASSERT_EQ(cluster.create_topic("orders", 1, 3), ErrorCode::None);
  const BrokerId leader = cluster.state("orders", 0)->leader;
  cluster.broker(leader.value()).receiver.failed.insert({"orders", 0});
  cluster.broker(leader.value())
      .store->notify_log_dir_failure(leader, [](zookeeper::StoreResult<>) {});
  EXPECT_TRUE(
      cluster.wait([&] { return is_led_by_other_than(cluster, "orders", leader.value()); }));
  EXPECT_TRUE(cluster.zookeeper.children("/log_dir_event_notification").empty());
}

TEST(Controller, AllocatesProducerIds) {
  SmallCluster cluster(18, 2);
  const int in_office = cluster.wait_for_controller();
  std::vector<rpc::AllocateProducerIdsReply> replies;
  cluster.world.run_for(seconds(1));
  const BrokerEpoch epoch = cluster.broker(1).registration.epoch;
  for (const BrokerEpoch e : {epoch, epoch, BrokerEpoch(1)}) {
    cluster.controller(in_office).allocate_producer_ids(
        {BrokerId(1), e}, [&](rpc::AllocateProducerIdsReply r) { replies.push_back(r); });
  }
  ASSERT_TRUE(cluster.wait([&] { return replies.size() == 3; }));
  std::sort(replies.begin(), replies.end(), [](const auto& a, const auto& b) {
    return a.error < b.error || (a.error == b.error && a.first < b.first);
  });
  EXPECT_EQ(replies[0].first, ProducerId(0));
  EXPECT_EQ(replies[0].count, 1000);
  EXPECT_EQ(replies[1].first, ProducerId(1000));
  EXPECT_EQ(replies[2].error, ErrorCode::StaleBrokerEpoch);
}

TEST(Controller, W23DescribesWhatTheModelSays) {
  SmallCluster cluster(19, 3);
  ASSERT_EQ(cluster.create_topic("orders", 3, 3), ErrorCode::None);
  const int in_office = cluster.in_office();
  cluster.kill(in_office % 3 + 1);
  cluster.world.run_for(seconds(1));
  std::optional<ControllerDescription> described;
  cluster.controller(in_office).describe(
      [&](ControllerDescription d) { described = std::move(d); });
  ASSERT_TRUE(cluster.wait([&] { return described.has_value(); }));
  EXPECT_TRUE(described->active);
  EXPECT_EQ(described->brokers.size(), 3U);
  EXPECT_EQ(described->partitions, 3);
  EXPECT_EQ(described->under_replicated_partitions, 3);
  EXPECT_EQ(described->offline_partitions, 0);
}

TopicId id_in_zookeeper(SmallCluster& cluster, const std::string& topic) {
  const auto read =
      zookeeper::decode_topic(topic, cluster.zookeeper.node("/brokers/topics/" + topic)->data);
  return read ? read->id : TopicId{};
}

/// As a tool from before topic ids writes it.
void rewrite_without_id(SmallCluster& cluster, const std::string& topic) {
  const std::string path = "/brokers/topics/" + topic;
  auto read = zookeeper::decode_topic(topic, cluster.zookeeper.node(path)->data);
  ASSERT_TRUE(read);
  read->id = {};
  ASSERT_TRUE(cluster.zookeeper.apply({zookeeper::Set{path, zookeeper::encode_topic(*read)}}));
}

TEST(Controller, W5AnIdThatWasDroppedBetweenTwoControllersIsGivenBack) {
  SmallCluster cluster(21, 3);
  ASSERT_EQ(cluster.create_topic("orders", 3, 3), ErrorCode::None);
  cluster.world.run_for(seconds(1));
  const TopicId id = id_in_zookeeper(cluster, "orders");
  ASSERT_FALSE(id.is_zero());
  cluster.kill(cluster.in_office());
  rewrite_without_id(cluster, "orders");
  EXPECT_TRUE(cluster.wait([&] { return id_in_zookeeper(cluster, "orders") == id; }));
  expect_fenced(cluster);
}

// Another topic of the same name, made by an old tool while nobody looked.
TEST(Controller, W5AnIdIsNotGivenToTheNextTopicOfThatName) {
  SmallCluster cluster(22, 3);
  ASSERT_EQ(cluster.create_topic("orders", 1, 3), ErrorCode::None);
  cluster.world.run_for(seconds(1));
  const TopicId id = id_in_zookeeper(cluster, "orders");
  cluster.kill(cluster.in_office());
  const std::string path = "/brokers/topics/orders";
  auto topic = zookeeper::decode_topic("orders", cluster.zookeeper.node(path)->data);
  topic->id = {};
  using zookeeper::Create;
  using zookeeper::Delete;
  ASSERT_TRUE(cluster.zookeeper
                  .apply({Delete{path + "/partitions/0/state"}, Delete{path + "/partitions/0"},
                          Delete{path + "/partitions"}, Delete{path},
                          Create{path, zookeeper::encode_topic(*topic)},
                          Create{path + "/partitions", std::nullopt},
                          Create{path + "/partitions/0", std::nullopt},
                          Create{path + "/partitions/0/state",
                                 R"({"controller_epoch":1,"leader":-1,"version":1,)"
                                 R"("leader_epoch":7,"isr":[1]})"}})
                  .has_value());
  ASSERT_TRUE(cluster.wait([&] { return cluster.in_office() != 0; }));
  cluster.world.run_for(seconds(10));
  EXPECT_NE(id_in_zookeeper(cluster, "orders"), id);
}

// Kafka's controllers from 2.8 on give ids to topics that have none; so may an operator.
TEST(Controller, AnIdThatATopicIsGivenIsTold) {
  SmallCluster cluster(19, 3);
  cluster.wait_for_controller();
  const std::string path = "/brokers/topics/old";
  using zookeeper::Create;
  ASSERT_TRUE(cluster.zookeeper
                  .apply({Create{path, R"({"version":1,"partitions":{"0":[1,2,3]}})"},
                          Create{path + "/partitions", std::nullopt},
                          Create{path + "/partitions/0", std::nullopt},
                          Create{path + "/partitions/0/state",
                                 R"({"controller_epoch":1,"leader":1,"version":1,)"
                                 R"("leader_epoch":0,"isr":[1,2,3]})"}})
                  .has_value());
  const auto all_know = [&](const TopicId& id) {
    for (int broker = 1; broker <= 3; ++broker) {
      const auto& told = cluster.broker(broker).receiver.partitions;
      const auto found = told.find({"old", 0});
      if (found == told.end() || found->second.id != id) return false;
    }
    return true;
  };
  ASSERT_TRUE(cluster.wait([&] { return all_know(TopicId()); }));
  ASSERT_TRUE(
      cluster.zookeeper
          .apply({zookeeper::Set{
              path, R"({"version":3,"partitions":{"0":[1,2,3]},"topic_id":)"
                    R"("AAAAAAAAAAcAAAAAAAAAAQ","adding_replicas":{},"removing_replicas":{}})"}})
          .has_value());
  EXPECT_TRUE(cluster.wait([&] { return all_know(TopicId(7, 1)); }));
}

TEST(Controller, OneBrokerShowsThatItIsTheController) {
  SmallCluster cluster(19, 3);
  const int in_office = cluster.wait_for_controller();
  for (int id = 1; id <= 3; ++id) {
    double shown = -1;
    for (const auto& sample : cluster.broker(id).metrics.samples()) {
      if (*sample.metric == metrics::kActiveControllerCount) shown = sample.value;
    }
    EXPECT_EQ(shown, id == in_office ? 1 : 0);
  }
}

TEST(Controller, W22FiveThousandPartitionsInASecond) {
  SmallCluster cluster(20, 3);
  ASSERT_EQ(cluster.create_topic("big", 5000, 3), ErrorCode::None);
  const int victim = cluster.in_office() % 3 + 1;
  cluster.kill(victim);
  const auto before = cluster.world.now();
  const auto all_moved = [&] {
    for (int p = 4999; p >= 0; --p) {
      if (cluster.state("big", p)->in_isr(BrokerId(victim))) return false;
    }
    return true;
  };
  EXPECT_TRUE(cluster.wait(all_moved, seconds(5)));
  // Simulated time: it counts round trips to ZooKeeper, not the processor.
  EXPECT_LT(cluster.world.now() - before, seconds(1));
}

// All states are read while the partitions of the dead controller have leaders already.
TEST(Controller, W22ANewControllerReplacesDeadLeadersBeforeItHasReadAllStates) {
  SmallCluster cluster(20, 3);
  ASSERT_EQ(cluster.create_topic("big", 5000, 3), ErrorCode::None);
  const BrokerId victim(cluster.in_office());
  std::vector<int> led;
  for (int p = 0; p < 5000; ++p) {
    if (cluster.state("big", p)->leader == victim) led.push_back(p);
  }
  ASSERT_GT(led.size(), 1000U);
  cluster.kill(victim.value());
  const auto is_told = [&](int broker, int partition) {
    const auto& known = cluster.broker(broker).receiver.partitions.at({"big", partition});
    return known.state.leader != victim && known.state.leader != kNoBroker;
  };
  const int one = victim.value() % 3 + 1;
  const int other = one % 3 + 1;
  ASSERT_TRUE(cluster.wait(
      [&] {
        return std::all_of(led.begin(), led.end(),
                           [&](int p) { return is_told(one, p) && is_told(other, p); });
      },
      seconds(5)));
  EXPECT_EQ(cluster.in_office(), 0) << "it serves only when all is read";
  EXPECT_TRUE(cluster.wait([&] { return cluster.in_office() != 0; }));
  EXPECT_TRUE(cluster.wait([&] {
    for (int p = 4999; p >= 0; --p) {
      if (cluster.state("big", p)->in_isr(victim)) return false;
    }
    return true;
  }));
  expect_fenced(cluster);
}

// A failover of 5,000 partitions: a few dozen transactions and updates, of what has changed only,
// and those that nobody leads before those that just lost a follower.
TEST(Controller, W22ManyPartitionsMoveInBatchesTheLeaderlessFirst) {
  SmallCluster cluster(20, 3);
  ASSERT_EQ(cluster.create_topic("big", 5000, 3), ErrorCode::None);
  const int victim = cluster.in_office() % 3 + 1;
  std::vector<bool> was_led(5000);
  for (int p = 0; p < 5000; ++p)
    was_led[static_cast<std::size_t>(p)] = cluster.state("big", p)->leader == BrokerId(victim);
  std::map<int, std::pair<int, int>> before;  // updates, full updates
  for (int id = 1; id <= 3; ++id) {
    before[id] = {cluster.broker(id).receiver.updates, cluster.broker(id).receiver.full_updates};
  }
  cluster.kill(victim);
  ASSERT_TRUE(cluster.wait(
      [&] {
        for (int p = 4999; p >= 0; --p) {
          if (cluster.state("big", p)->in_isr(BrokerId(victim))) return false;
        }
        return true;
      },
      seconds(5)));
  cluster.world.run_for(seconds(1));

  std::set<std::int64_t> transactions;
  std::int64_t last_leaderless = 0;
  std::int64_t first_other = std::numeric_limits<std::int64_t>::max();
  for (int p = 0; p < 5000; ++p) {
    const std::string path = "/brokers/topics/big/partitions/" + std::to_string(p) + "/state";
    const std::int64_t written = cluster.zookeeper.node(path)->stat.mzxid;
    transactions.insert(written);
    if (was_led[static_cast<std::size_t>(p)]) last_leaderless = std::max(last_leaderless, written);
    if (!was_led[static_cast<std::size_t>(p)]) first_other = std::min(first_other, written);
  }
  EXPECT_LE(last_leaderless, first_other);  // they may share one transaction
  EXPECT_LE(transactions.size(), 100U);
  for (int id = 1; id <= 3; ++id) {
    if (id == victim) continue;
    EXPECT_LE(cluster.broker(id).receiver.updates - before[id].first, 100);
    EXPECT_EQ(cluster.broker(id).receiver.full_updates, before[id].second);
    EXPECT_GT(cluster.broker(id).receiver.updates_with_more_to_come, 0);
    EXPECT_TRUE(cluster.broker(id).receiver.knows_all);
  }
}

/// Everything at once: connections break around operations, sessions expire, processes are killed,
/// paused and started, hosts fall silent. In the end all is well, and history shows one writer.
TEST(Controller, SurvivesChaos) {
  for (std::uint64_t seed = 100; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    SimulatedZooKeeperOptions options;
    options.connection_losses_per_million = 3000;
    SmallCluster cluster(seed, 3, options);
    std::vector<bool> killed(4, false);
    std::vector<bool> paused(4, false);
    env::SeededRandom random(seed);
    cluster.wait_for_controller();
    NewTopic topic;
    for (int i = 0; i < 60; ++i) {
      const int id = 1 + static_cast<int>(random.below(3));
      const auto at = static_cast<std::size_t>(id);
      switch (random.below(8)) {
        case 0:
          if (!killed[at] && !paused[at]) {
            cluster.kill(id);
            killed[at] = true;
          }
          break;
        case 1:
          if (killed[at]) {
            cluster.start(id, static_cast<cluster::LastStop>(random.below(3)));
            killed[at] = false;
          }
          break;
        case 2:
          if (!killed[at] && !paused[at]) {
            cluster.pause(id);
            paused[at] = true;
            cluster.set_liveness(id, rpc::Liveness::Silent);
          }
          break;
        case 3:
          if (paused[at]) {
            cluster.resume(id);
            paused[at] = false;
            cluster.set_liveness(id, rpc::Liveness::Alive);
          }
          break;
        case 4:
          if (!killed[at]) cluster.zookeeper.expire(cluster.broker(id).name);
          break;
        case 5:
          topic.name = "t" + std::to_string(random.below(5));
          topic.partitions = 3;
          topic.replication_factor = 2;
          if (const int c = cluster.in_office(); c != 0) {
            cluster.controller(c).create_topics({{topic}, seconds(1), false},
                                                [](std::vector<CreatedTopic>) {});
          }
          break;
        case 6:
          if (const int c = cluster.in_office(); c != 0) {
            cluster.controller(c).delete_topics(
                {{{"t" + std::to_string(random.below(5)), {}}}, seconds(1)},
                [](std::vector<DeletedTopic>) {});
          }
          break;
        default:
          if (!killed[at]) cluster.zookeeper.drop_connection(cluster.broker(id).name);
      }
      cluster.world.run_for(milliseconds(random.below(1500)));
      for (int b = 1; b <= 3; ++b) {  // As the real broker does when its session is new.
        const auto n = static_cast<std::size_t>(b);
        if (!killed[n] && !paused[n]) cluster.register_again(b);
      }
    }
    for (int id = 1; id <= 3; ++id) {
      const auto at = static_cast<std::size_t>(id);
      if (paused[at]) cluster.resume(id);
      if (killed[at]) cluster.start(id);
      cluster.set_liveness(id, rpc::Liveness::Alive);
    }
    for (int i = 0; i < 30; ++i) {
      cluster.world.run_for(seconds(2));
      for (int b = 1; b <= 3; ++b) cluster.register_again(b);
    }
    ASSERT_NE(cluster.in_office(), 0);
    EXPECT_EQ(cluster.create_topic("last", 3, 3), ErrorCode::None);
    for (const std::string& name : cluster.zookeeper.children("/brokers/topics")) {
      for (const std::string& p :
           cluster.zookeeper.children("/brokers/topics/" + name + "/partitions")) {
        const auto state = cluster.state(name, std::stoi(p));
        ASSERT_TRUE(state.has_value()) << name << '-' << p;
        EXPECT_NE(state->leader, kNoBroker) << name << '-' << p;
        // What brokers know is what ZooKeeper holds.
        for (int b = 1; b <= 3; ++b) {
          const auto& known = cluster.broker(b).receiver.partitions;
          const auto found = known.find({name, std::stoi(p)});
          ASSERT_TRUE(found != known.end()) << name << '-' << p << " at " << b;
          EXPECT_EQ(found->second.state.leader, state->leader);
          EXPECT_EQ(found->second.state.leader_epoch, state->leader_epoch);
        }
      }
    }
    expect_fenced(cluster);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace ottla::controller
