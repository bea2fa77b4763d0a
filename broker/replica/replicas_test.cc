#include "broker/replica/replicas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/replica/replica_gauges.h"
#include "broker/replica/simulated_cluster_for_tests.h"
#include "broker/storage/cut_records.h"
#include "common/metrics/replica_metrics.h"
#include "common/metrics/server_metrics.h"

namespace ottla::replica {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool settle(SimulatedCluster& cluster) {
  return cluster.world.run_until_true(
      [&] {
        for (int p = 0; p < cluster.partitions(); ++p) {
          if (cluster.state(static_cast<std::size_t>(p)).isr.size() != 3) return false;
          const auto leader =
              cluster.partition(cluster.state(static_cast<std::size_t>(p)).leader, p);
          if (!leader || leader->view().role != Partition::Role::Leader) return false;
          for (const BrokerId broker : {kOne, kTwo, kThree}) {
            const auto log = cluster.log(broker, p);
            if (!log || log->log_end_offset() != leader->view().log->log_end_offset()) return false;
            if (cluster.partition(broker, p)->high_watermark() != log->log_end_offset())
              return false;
          }
        }
        return true;
      },
      seconds(20));
}

std::unique_ptr<SimulatedCluster> make_cluster(std::uint64_t seed,
                                               SimulatedCluster::Options options = {}) {
  auto cluster = std::make_unique<SimulatedCluster>(seed, options);
  EXPECT_TRUE(settle(*cluster));
  return cluster;
}

/// Until the broker leads in the epoch that the controller gave.
bool takes_office(SimulatedCluster& cluster, BrokerId broker) {
  return cluster.world.run_until_true(
      [&] {
        const auto view = cluster.partition(broker)->view();
        return view.role == Partition::Role::Leader &&
               view.leader_epoch == cluster.state().leader_epoch;
      },
      seconds(5));
}

FetchResult fetch(SimulatedCluster& cluster, BrokerId broker, FetchRequest request) {
  std::optional<FetchResult> result;
  auto& process = cluster.process(broker);
  process.clients->post([&] {
    process.replicas->fetch(std::move(request), *process.clients,
                            [&](FetchResult got) { result = std::move(got); });
  });
  EXPECT_TRUE(cluster.world.run_until_true([&] { return result.has_value(); }, seconds(20)));
  return result ? *std::move(result) : FetchResult{};
}

FetchRequest fetch_from(std::int64_t offset) {
  return {.partitions = {{.partition = {kTopic, 0},
                          .fetch_offset = Offset(offset),
                          .max_bytes = 1 << 20}},
          .max_wait = milliseconds(500),
          .min_bytes = 1,
          .max_bytes = 1 << 20};
}

/// What a broker is told when it registers, or when a delivery failed.
rpc::ClusterUpdateReply tell(SimulatedCluster& cluster, BrokerId broker,
                             rpc::ClusterUpdate update) {
  std::optional<rpc::ClusterUpdateReply> reply;
  cluster.replicas(broker).update_cluster(
      std::move(update), [&](const rpc::ClusterUpdateReply& done) { reply = done; });
  EXPECT_TRUE(cluster.world.run_until_true([&] { return reply.has_value(); }, seconds(5)));
  return reply.value_or(rpc::ClusterUpdateReply{});
}

TEST(Replicas, AnAcknowledgedRecordIsOnEveryInSyncReplica) {
  const auto cluster = make_cluster(1);
  const AppendedPartition answer = cluster->append_and_wait(kOne, {"a", "b"});
  EXPECT_EQ(answer.error, ErrorCode::None);
  EXPECT_EQ(answer.base_offset, Offset(0));
  for (const BrokerId broker : {kOne, kTwo, kThree}) {
    EXPECT_EQ(cluster->log(broker)->log_end_offset(), Offset(2));
  }
  EXPECT_TRUE(settle(*cluster));  // followers learn the high watermark, too
}

TEST(Replicas, OnlyTheLeaderTakesRecords) {
  const auto cluster = make_cluster(1);
  EXPECT_EQ(cluster->append_and_wait(kTwo, {"a"}).error, ErrorCode::NotLeaderOrFollower);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}, Acks::All, 7).error,
            ErrorCode::UnknownTopicOrPartition);
}

TEST(Replicas, AcksAllNeedsMinInsyncReplicasBeforeTheAppend) {
  const auto cluster = make_cluster(2);
  cluster->crash(kTwo);
  cluster->crash(kThree);
  ASSERT_TRUE(cluster->world.run_until_true(
      [&] { return cluster->partition(kOne)->view().isr.size() == 1; }, seconds(2)));
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::NotEnoughReplicas);
  EXPECT_EQ(cluster->log(kOne)->log_end_offset(), Offset(0));
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}, Acks::Leader).error, ErrorCode::None);
  // W11, KAFKA-15583: nothing is committed below min.insync.replicas.
  cluster->world.run_for(seconds(2));
  EXPECT_EQ(cluster->partition(kOne)->high_watermark(), Offset(0));
  cluster->start(kTwo);
  EXPECT_TRUE(cluster->world.run_until_true(
      [&] { return cluster->partition(kOne)->high_watermark() == Offset(1); }, seconds(5)));
}

TEST(Replicas, AnAppendThatIsNotReplicatedTimesOut) {
  const auto cluster = make_cluster(3, {.max_lag = seconds(60)});
  cluster->streams.cut(kOne, kTwo);
  const AppendedPartition answer = cluster->append_and_wait(kOne, {"a"});
  EXPECT_EQ(answer.error, ErrorCode::RequestTimedOut);
  EXPECT_EQ(cluster->log(kThree)->log_end_offset(), Offset(1));
}

TEST(Replicas, ALaggingFollowerLeavesTheIsrAndComesBack) {
  const auto cluster = make_cluster(4);
  cluster->streams.cut(kOne, kTwo);
  std::optional<AppendedPartition> answer;
  cluster->append(
      kOne, 0, {"a"}, Acks::All, [&](AppendedPartition got) { answer = got; }, seconds(10));
  // The leader did send: the follower lags.
  ASSERT_TRUE(cluster->world.run_until_true([&] { return answer.has_value(); }, seconds(9)));
  EXPECT_EQ(answer->error, ErrorCode::None);
  EXPECT_EQ(cluster->state().isr, (std::vector{kOne, kThree}));
  cluster->streams.heal_all();
  EXPECT_TRUE(settle(*cluster));
}

// A follower that takes nothing more closes its stream's window with one partition; the others must
// not wait for it for ever either.
TEST(Replicas, AFollowerThatTakesNothingLeavesTheIsrOfAllItsPartitions) {
  const auto cluster = make_cluster(30, {.partitions = 4, .stream_window_bytes = 512});
  cluster->streams.cut(kOne, kTwo);
  cluster->append(
      kOne, 0, {std::string(1024, 'a')}, Acks::All, [](const AppendedPartition&) {}, seconds(10));
  cluster->world.run_for(milliseconds(50));
  std::optional<AppendedPartition> answer;
  cluster->append(
      kOne, 3, {"b"}, Acks::All, [&](AppendedPartition got) { answer = got; }, seconds(10));
  ASSERT_TRUE(cluster->world.run_until_true([&] { return answer.has_value(); }, seconds(11)));
  EXPECT_EQ(answer->error, ErrorCode::None);
  EXPECT_EQ(cluster->state(3).isr, (std::vector{kOne, kThree}));
  cluster->streams.heal_all();
  EXPECT_TRUE(settle(*cluster));
}

// Leader and follower do not hear each other; the controller hears both, and need not do anything.
TEST(Replicas, ASilentFollowerIsNotWaitedForUntilItLags) {
  const auto cluster = make_cluster(32, {.max_lag = seconds(60)});
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  ASSERT_TRUE(settle(*cluster));
  cluster->streams.cut(kOne, kThree);
  cluster->streams.cut(kThree, kOne);
  std::optional<AppendedPartition> answer;
  cluster->append(
      kOne, 0, {"b"}, Acks::All, [&](AppendedPartition got) { answer = got; }, seconds(10));
  cluster->world.run_for(seconds(2));
  EXPECT_FALSE(answer.has_value());
  cluster->replicas(kOne).set_silent(kThree, true);
  ASSERT_TRUE(cluster->world.run_until_true([&] { return answer.has_value(); }, seconds(1)));
  EXPECT_EQ(answer->error, ErrorCode::None);
  EXPECT_EQ(cluster->state().isr, (std::vector{kOne, kTwo}));
  EXPECT_EQ(cluster->append_and_wait(kOne, {"c"}).error, ErrorCode::None);
  cluster->replicas(kOne).set_silent(kThree, false);
  cluster->streams.heal_all();
  EXPECT_TRUE(settle(*cluster));
}

// A client that was at the leader when the cable was pulled goes to the new one at once, and not
// when its own timeout is over.
TEST(Replicas, WhoWaitsAtALeaderThatIsCutOffIsSentAway) {
  const auto cluster = make_cluster(34, {.max_lag = seconds(60)});
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  ASSERT_TRUE(settle(*cluster));
  cluster->streams.cut(kOne, kThree);
  cluster->streams.cut(kThree, kOne);
  std::optional<AppendedPartition> answer;
  cluster->append(
      kOne, 0, {"b"}, Acks::All, [&](AppendedPartition got) { answer = got; }, seconds(60));
  cluster->world.run_for(seconds(2));
  EXPECT_FALSE(answer.has_value());
  cluster->replicas(kOne).set_out_of_reach({kThree});
  ASSERT_TRUE(cluster->world.run_until_true([&] { return answer.has_value(); }, seconds(1)));
  EXPECT_EQ(answer->error, ErrorCode::NotLeaderOrFollower);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"c"}).error, ErrorCode::NotLeaderOrFollower);
  EXPECT_EQ(cluster->log(kOne)->log_end_offset(), Offset(2)) << "c would be one more to cut";

  cluster->replicas(kOne).set_out_of_reach({});
  cluster->streams.heal_all();
  EXPECT_TRUE(settle(*cluster));
  EXPECT_EQ(cluster->append_and_wait(kOne, {"d"}).error, ErrorCode::None);
  EXPECT_EQ(cluster->log(kOne)->log_end_offset(), Offset(3));
}

TEST(Replicas, WhoIsCutOffWritesWhatThoseHeCannotReachHaveNoPartIn) {
  const auto cluster = make_cluster(35);
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  ASSERT_TRUE(settle(*cluster));
  cluster->crash(kThree);
  cluster->replicas(kOne).set_out_of_reach({kThree});
  cluster->world.run_for(seconds(2));
  EXPECT_EQ(cluster->append_and_wait(kOne, {"b"}).error, ErrorCode::None);
}

// The controller takes a silent broker out of the ISR long before its stream breaks; the next
// append does not wait until it has lagged for replica.lag.time.max.ms.
TEST(Replicas, WhoWasPutOutOfTheIsrIsNotWaitedFor) {
  const auto cluster = make_cluster(31, {.max_lag = seconds(60)});
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  ASSERT_TRUE(settle(*cluster));
  cluster->streams.cut(kOne, kThree);
  cluster->streams.cut(kThree, kOne);
  cluster->suspects = {kThree};
  cluster->put_out(0, kThree);
  cluster->world.run_for(seconds(3));
  EXPECT_EQ(cluster->append_and_wait(kOne, {"b"}).error, ErrorCode::None);
  cluster->suspects.clear();
  cluster->streams.heal_all();
  EXPECT_TRUE(settle(*cluster));
}

TEST(Replicas, WaitingAppendsFailWhenTheLeaderIsReplaced) {
  const auto cluster = make_cluster(5, {.max_lag = seconds(60)});
  cluster->streams.cut(kOne, kTwo);
  cluster->streams.cut(kOne, kThree);
  std::optional<AppendedPartition> answer;
  cluster->append(
      kOne, 0, {"lost"}, Acks::All, [&](AppendedPartition got) { answer = got; }, seconds(30));
  cluster->world.run_for(milliseconds(100));
  cluster->elect(0, kTwo);
  ASSERT_TRUE(cluster->world.run_until_true([&] { return answer.has_value(); }, seconds(5)));
  EXPECT_EQ(answer->error, ErrorCode::NotLeaderOrFollower);
  // Else the record that waits on the healed link may be there before the election is.
  ASSERT_TRUE(takes_office(*cluster, kTwo));
  cluster->streams.heal_all();
  EXPECT_EQ(cluster->append_and_wait(kTwo, {"kept"}).error, ErrorCode::None);
  EXPECT_TRUE(settle(*cluster));
  // KIP-101: the old leader has cut its uncommitted record.
  EXPECT_EQ(cluster->values(*cluster->log(kOne)),
            (std::map<std::int64_t, std::string>{{0, "kept"}}));
}

// W4: the new leader's high watermark lies behind; truncating to it would lose an acknowledged
// record when the next failover comes fast (KIP-101).
TEST(Replicas, AFastDoubleFailoverLosesNothing) {
  const auto cluster = make_cluster(6);
  ASSERT_EQ(cluster->append_and_wait(kOne, {"acknowledged"}).error, ErrorCode::None);
  cluster->crash(kOne);  // before the followers hear of the high watermark
  cluster->world.run_for(milliseconds(1));
  cluster->start(kOne);
  const BrokerId second = cluster->state().leader;
  cluster->crash(second);
  cluster->start(second);
  EXPECT_TRUE(settle(*cluster));
  for (const BrokerId broker : {kOne, kTwo, kThree}) {
    EXPECT_EQ(cluster->values(*cluster->log(broker)).at(0), "acknowledged");
  }
}

// W2, KIP-903: a follower that restarted joins with its new epoch only; the controller refuses
// others.
TEST(Replicas, ARestartedFollowerJoinsWithItsNewEpoch) {
  const auto cluster = make_cluster(7);
  cluster->crash(kThree);
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  cluster->start(kThree);
  EXPECT_TRUE(settle(*cluster));
}

// A controller that does not hear a follower refuses it; the follower goes on acknowledging.
TEST(Replicas, WhoIsRefusedIsNotAskedForAtEveryAcknowledgement) {
  const auto cluster = make_cluster(10);
  cluster->suspects.insert(kThree);
  cluster->put_out(0, kThree);
  cluster->world.run_for(seconds(1));
  const int before = cluster->isr_requests_decided;
  const env::MonotonicTime start = cluster->world.clock().now();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  }
  EXPECT_LT(cluster->isr_requests_decided - before,
            3 + (cluster->world.clock().now() - start) / milliseconds(100));
  cluster->suspects.clear();
  EXPECT_TRUE(settle(*cluster));
}

// W17: the answer is lost again and again; the request is repeated, the ISR moves once.
TEST(Replicas, IsrRequestsAreRepeatedUntilTheOutcomeIsKnown) {
  const auto cluster = make_cluster(8);
  cluster->controller_is_deaf = true;
  cluster->put_out(0, kThree);
  cluster->world.run_for(seconds(1));
  EXPECT_EQ(cluster->state().isr.size(), 2U);
  cluster->controller_is_deaf = false;
  EXPECT_TRUE(settle(*cluster));
}

// W7: after a failed write the partition is offline and asks for no ISR.
TEST(Replicas, AFailedLogDirTakesItsPartitionsOffline) {
  const auto cluster = make_cluster(9);
  const PartitionEpoch before = cluster->state().partition_epoch;
  cluster->disk(kOne).set_fault([](std::string_view operation, const std::string&) {
    return operation == "write" ? EIO : 0;
  });
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::KafkaStorageError);
  cluster->world.run_for(seconds(3));
  EXPECT_EQ(cluster->partition(kOne)->view().role, Partition::Role::Offline);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"b"}).error, ErrorCode::KafkaStorageError);
  EXPECT_EQ(cluster->state().partition_epoch, before);
}

double value_of(const metrics::Metric& metric, const metrics::Registry& registry) {
  for (const auto& sample : registry.samples()) {
    if (*sample.metric == metric) return sample.value;
  }
  return -1;
}

// KIP-352: the replicas that a reassignment adds need not be in sync yet.
TEST(Replicas, AReplicaThatIsBeingAddedDoesNotMakeItsPartitionUnderReplicated) {
  const auto cluster = make_cluster(9);
  metrics::Registry registry;
  const ReplicaGauges gauges(cluster->replicas(kOne), cluster->world.clock(), registry);
  metrics::Registry registry_of_three;
  const ReplicaGauges of_three(cluster->replicas(kThree), cluster->world.clock(),
                               registry_of_three);
  cluster->suspects = {kThree};
  cluster->put_out(0, kThree);
  cluster->world.run_for(seconds(1));
  EXPECT_EQ(value_of(metrics::kUnderReplicatedPartitions, registry), 1);
  EXPECT_EQ(value_of(metrics::kPartitionReplicasCount, registry), 3);

  cluster->assign(0, {{kOne, kTwo, kThree}, {kThree}, {}});
  cluster->world.run_for(seconds(1));
  EXPECT_EQ(value_of(metrics::kUnderReplicatedPartitions, registry), 0);
  EXPECT_EQ(value_of(metrics::kPartitionUnderReplicated, registry), 0);
  EXPECT_EQ(value_of(metrics::kPartitionReplicasCount, registry), 2);
  EXPECT_EQ(value_of(metrics::kReassignmentBytesOut, registry), 0);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  cluster->world.run_for(seconds(1));
  const double moved = value_of(metrics::kReassignmentBytesOut, registry);
  EXPECT_GT(moved, 0);
  EXPECT_GT(value_of(metrics::kReplicationBytesOut, registry), moved) << "broker 2 has it too";
  EXPECT_EQ(value_of(metrics::kReassignmentBytesIn, registry_of_three), moved);

  // It ends with the same replicas, and with nothing else changed.
  cluster->assign(0, {{kOne, kTwo, kThree}, {}, {}});
  cluster->world.run_for(seconds(1));
  EXPECT_EQ(value_of(metrics::kUnderReplicatedPartitions, registry), 1);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"b"}).error, ErrorCode::None);
  cluster->world.run_for(seconds(1));
  EXPECT_EQ(value_of(metrics::kReassignmentBytesOut, registry), moved);
  EXPECT_EQ(value_of(metrics::kReassignmentBytesIn, registry_of_three), moved);
}

TEST(Replicas, CountWhatTheyRefuseAndWhoWaitedInVain) {
  const auto cluster = make_cluster(9);
  metrics::Registry registry;
  const ReplicaGauges gauges(cluster->replicas(kOne), cluster->world.clock(), registry);
  const SharedBuffer batch = cluster->batch_of({"a"});
  batch->bytes().back() ^= std::byte{1};
  SimulatedCluster::Process& target = cluster->process(kOne);
  AppendRequest append{.partitions = {{.partition = {kTopic, 0}, .records = batch->bytes()}},
                       .owner = batch,
                       .timeout = seconds(1)};
  target.replicas->append(std::move(append), *target.clients, [](const AppendResult& result) {
    EXPECT_EQ(result.at(0).error, ErrorCode::CorruptMessage);
  });
  EXPECT_EQ(value_of(metrics::kInvalidMessageCrcRecords, registry), 1);
  EXPECT_EQ(value_of(metrics::kInvalidMagicNumberRecords, registry), 0);
  EXPECT_EQ(value_of(metrics::kInvalidOffsetOrSequenceRecords, registry), 0);
  EXPECT_EQ(value_of(metrics::kNoKeyCompactedTopicRecords, registry), 0);

  const auto fetch = [&](std::int64_t offset) {
    FetchRequest request{.partitions = {{.partition = {kTopic, 0},
                                         .fetch_offset = Offset(offset),
                                         .max_bytes = 1 << 20}},
                         .max_wait = milliseconds(200),
                         .min_bytes = 1,
                         .max_bytes = 1 << 20};
    bool is_answered = false;
    target.clients->post([&] {
      target.replicas->fetch(std::move(request), *target.clients,
                             [&](const FetchResult&) { is_answered = true; });
    });
    EXPECT_TRUE(cluster->world.run_until_true([&] { return is_answered; }, seconds(2)));
  };
  fetch(0);
  EXPECT_EQ(value_of(metrics::kDelayedFetchExpires, registry), 1);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  fetch(0);
  EXPECT_EQ(value_of(metrics::kDelayedFetchExpires, registry), 1) << "that one had its records";
}

TEST(Replicas, AreCountedWhenSomebodyLooks) {
  const auto cluster = make_cluster(9);
  metrics::Registry registry;
  const ReplicaGauges gauges(cluster->replicas(kOne), cluster->world.clock(), registry);
  EXPECT_EQ(value_of(metrics::kPartitionCount, registry), 1);
  EXPECT_EQ(value_of(metrics::kLeaderCount, registry), 1);
  EXPECT_EQ(value_of(metrics::kOfflineReplicaCount, registry), 0);
  EXPECT_EQ(value_of(metrics::kUnderReplicatedPartitions, registry), 0);
  cluster->disk(kOne).set_fault([](std::string_view operation, const std::string&) {
    return operation == "write" ? EIO : 0;
  });
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::KafkaStorageError);
  cluster->world.run_for(seconds(3));
  EXPECT_EQ(value_of(metrics::kLeaderCount, registry), 0);
  EXPECT_EQ(value_of(metrics::kOfflineReplicaCount, registry), 1);
}

/// Sends every broker what it holds, once more.
void tell_all(SimulatedCluster& cluster, const std::function<void(rpc::ClusterUpdate&)>& change) {
  for (const BrokerId broker : {kOne, kTwo, kThree}) {
    rpc::ClusterUpdate update = cluster.update_for(broker, {0}, false);
    change(update);
    std::optional<rpc::ClusterUpdateReply> reply;
    cluster.replicas(broker).update_cluster(std::move(update),
                                            [&](rpc::ClusterUpdateReply got) { reply = got; });
    ASSERT_TRUE(cluster.world.run_until_true([&] { return reply.has_value(); }, seconds(1)));
    EXPECT_EQ(reply->error, ErrorCode::None);
    EXPECT_TRUE(reply->outcomes.empty());
  }
}

// Topics from before Kafka 2.8, or whose znodes an old tool rewrote (W5).
TEST(Replicas, TopicsWithoutIdsAreNotTakenForEachOther) {
  const auto cluster = make_cluster(9, {.topic_id = TopicId()});
  tell_all(*cluster, [](rpc::ClusterUpdate& update) {
    update.topics.at(0).name = "payments";
    update.topics.at(0).partitions.at(0).is_new = true;
  });
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a", "b"}).error, ErrorCode::None);
  cluster->world.run_for(seconds(2));
  for (const BrokerId broker : {kOne, kTwo, kThree}) {
    EXPECT_EQ(cluster->log(broker)->log_end_offset(), Offset(2));
    const auto other = cluster->replicas(broker).partition({"payments", 0});
    ASSERT_TRUE(other);
    EXPECT_EQ(other->view().log->log_end_offset(), Offset(0));
  }
}

TEST(Replicas, ATopicThatIsGivenItsIdIsServedOn) {
  const auto cluster = make_cluster(9, {.topic_id = TopicId()});
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a", "b"}).error, ErrorCode::None);
  ASSERT_TRUE(settle(*cluster));
  // Who waits on it is told, and does not wait for its time to be over.
  cluster->crash(kTwo);
  cluster->crash(kThree);
  std::optional<AppendedPartition> waiting;
  cluster->append(
      kOne, 0, {"c"}, Acks::All, [&](AppendedPartition got) { waiting = std::move(got); },
      seconds(30));
  cluster->world.run_for(milliseconds(20));
  ASSERT_FALSE(waiting);
  cluster->start(kTwo);
  cluster->start(kThree);
  cluster->topic_id = kTopicId;
  tell_all(*cluster, [](rpc::ClusterUpdate& update) { update.full = true; });
  EXPECT_TRUE(cluster->world.run_until_true([&] { return waiting.has_value(); }, seconds(1)));
  EXPECT_GE(cluster->partition(kOne)->high_watermark(), Offset(2));  // W4

  ASSERT_TRUE(settle(*cluster));
  EXPECT_EQ(cluster->append_and_wait(kOne, {"d"}).error, ErrorCode::None);
  for (const BrokerId broker : {kOne, kTwo, kThree}) {
    EXPECT_EQ(cluster->partition(broker)->topic_id(), kTopicId);
    EXPECT_EQ(cluster->process(broker).logs->topic_id({kTopic, 0}), kTopicId);
  }
}

// The controller doubted its copy, told it of no leader, and died before it could settle that; the
// next one has nothing to doubt, and nothing to change.
TEST(Replicas, WhoWasToldOfNoLeaderLeadsInTheSameEpochWhenItIsTold) {
  const auto cluster = make_cluster(14);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  ASSERT_TRUE(settle(*cluster));
  cluster->crash(kOne);
  cluster->crash(kTwo);
  cluster->crash(kThree);
  cluster->uninformed.insert(kTwo);
  cluster->start(kTwo);
  rpc::ClusterUpdate update = cluster->update_for(kTwo, {0}, true);
  cluster::PartitionState& state = update.topics.at(0).partitions.at(0).state;
  state.leader_epoch = state.leader_epoch.next();
  state.isr = {kTwo};
  state.leader = kNoBroker;
  (void)tell(*cluster, kTwo, update);
  EXPECT_EQ(cluster->partition(kTwo)->view().role, Partition::Role::Follower);
  state.leader = kTwo;
  update.controller_epoch = ControllerEpoch(2);
  (void)tell(*cluster, kTwo, update);
  EXPECT_EQ(cluster->partition(kTwo)->view().role, Partition::Role::Leader);
}

TEST(Replicas, WhoLeavesDoesNotComeBackToAnIsr) {
  const auto cluster = make_cluster(11);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  ASSERT_TRUE(settle(*cluster));
  cluster->replicas(kOne).leave();
  cluster->elect(0, kTwo, /*unclean=*/true);  // as a controlled shutdown does, but with nobody else
  cluster->world.run_for(seconds(2));
  EXPECT_EQ(cluster->state().isr, (std::vector{kTwo, kThree}));
}

// N13: the others do not wait for its disk until it lags.
TEST(Replicas, AFollowerWhoseDiskIsFullLeavesTheIsrAtOnce) {
  const auto cluster = make_cluster(24, {.max_lag = seconds(60)});
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  ASSERT_TRUE(settle(*cluster));
  cluster->disk(kTwo).set_free_bytes(0);
  const auto began = cluster->world.clock().now();
  EXPECT_EQ(cluster->append_and_wait(kOne, {"b"}).error, ErrorCode::None);
  EXPECT_LT(cluster->world.clock().now() - began, seconds(2));
  EXPECT_EQ(cluster->state().isr, (std::vector{kOne, kThree}));
  EXPECT_EQ(cluster->append_and_wait(kOne, {"c"}).error, ErrorCode::None);
  cluster->world.run_for(seconds(5));
  EXPECT_EQ(cluster->state().isr, (std::vector{kOne, kThree})) << "it does not come and go";
  cluster->disk(kTwo).set_free_bytes(std::nullopt);
  EXPECT_TRUE(settle(*cluster));
}

TEST(Replicas, TheLastWhoAreNeededStayInTheIsrWithAFullDisk) {
  const auto cluster = make_cluster(25, {.min_insync_replicas = 3, .max_lag = seconds(60)});
  cluster->disk(kTwo).set_free_bytes(0);
  std::optional<AppendedPartition> answer;
  cluster->append(
      kOne, 0, {"a"}, Acks::All, [&](AppendedPartition got) { answer = got; }, seconds(30));
  cluster->world.run_for(seconds(5));
  EXPECT_EQ(cluster->state().isr.size(), 3U);
  EXPECT_FALSE(answer.has_value());
  cluster->disk(kTwo).set_free_bytes(std::nullopt);
  ASSERT_TRUE(cluster->world.run_until_true([&] { return answer.has_value(); }, seconds(10)));
  EXPECT_EQ(answer->error, ErrorCode::None);
}

TEST(Replicas, ALeaderWhoseDiskIsFullSaysThatItHadBetterNotLead) {
  const auto cluster = make_cluster(26);
  EXPECT_FALSE(cluster->partition(kOne)->had_better_not_lead());
  cluster->disk(kOne).set_free_bytes(0);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::KafkaStorageError);
  EXPECT_TRUE(cluster->partition(kOne)->had_better_not_lead());
  EXPECT_TRUE(cluster->partition(kOne)->health().is_log_dir_full);
  cluster->disk(kOne).set_free_bytes(std::nullopt);
  cluster->world.run_for(seconds(3));
  EXPECT_FALSE(cluster->partition(kOne)->had_better_not_lead());
}

// A full disk is no failed disk: what it kept from its role takes it when there is room.
TEST(Replicas, AReplicaThatAFullDiskKeptFromItsRoleTriesAgain) {
  const auto cluster = make_cluster(21);
  rpc::ClusterUpdate update = cluster->update_for(kTwo, {0}, false);
  update.topics.at(0).partitions.at(0).partition = 7;
  update.topics.at(0).partitions.at(0).is_new = true;
  cluster->disk(kTwo).set_free_bytes(5);
  std::optional<rpc::ClusterUpdateReply> reply;
  cluster->replicas(kTwo).update_cluster(update, [&](rpc::ClusterUpdateReply got) { reply = got; });
  ASSERT_TRUE(cluster->world.run_until_true([&] { return reply.has_value(); }, seconds(1)));
  ASSERT_EQ(reply->outcomes.size(), 1U);
  EXPECT_EQ(reply->outcomes.at(0).error, ErrorCode::KafkaStorageError);
  cluster->world.run_for(seconds(3));
  EXPECT_EQ(cluster->partition(kTwo, 7)->view().role, Partition::Role::Offline);
  EXPECT_EQ(cluster->told_of_offline_replicas[kTwo], 0);

  cluster->disk(kTwo).set_free_bytes(std::nullopt);
  cluster->world.run_for(seconds(3));
  EXPECT_EQ(cluster->partition(kTwo, 7)->view().role, Partition::Role::Follower);
  EXPECT_EQ(cluster->process(kTwo).logs->topic_id({kTopic, 7}), kTopicId);
  EXPECT_EQ(cluster->told_of_offline_replicas[kTwo], 1);
}

TEST(Replicas, TheControllerHearsOfRoomThatACommandFinds) {
  const auto cluster = make_cluster(23);
  rpc::ClusterUpdate update = cluster->update_for(kTwo, {0}, false);
  update.topics.at(0).partitions.at(0).partition = 7;
  update.topics.at(0).partitions.at(0).is_new = true;
  cluster->disk(kTwo).set_free_bytes(5);
  EXPECT_EQ(tell(*cluster, kTwo, update).outcomes.size(), 1U);
  // Before it looks for room by itself it is told of the partition again.
  cluster->disk(kTwo).set_free_bytes(std::nullopt);
  cluster->world.run_for(std::chrono::milliseconds(400));  // its log dir is looked at
  EXPECT_TRUE(tell(*cluster, kTwo, update).outcomes.empty());
  EXPECT_EQ(cluster->told_of_offline_replicas[kTwo], 1);
}

TEST(Replicas, AReplicaThatWaitsForRoomIsForgottenWithItsTopic) {
  const auto cluster = make_cluster(22);
  rpc::ClusterUpdate update = cluster->update_for(kTwo, {0}, false);
  update.topics.at(0).partitions.at(0).partition = 7;
  update.topics.at(0).partitions.at(0).is_new = true;
  cluster->disk(kTwo).set_free_bytes(5);
  cluster->replicas(kTwo).update_cluster(update, [](const rpc::ClusterUpdateReply&) {});
  rpc::ClusterUpdate stop = cluster->update_for(kTwo, {}, false);
  stop.stop_replicas.push_back({.topic = kTopic,
                                .topic_id = kTopicId,
                                .partition = 7,
                                .leader_epoch = LeaderEpoch(5),
                                .remove = true});
  cluster->replicas(kTwo).update_cluster(stop, [](const rpc::ClusterUpdateReply&) {});
  cluster->disk(kTwo).set_free_bytes(std::nullopt);
  cluster->world.run_for(seconds(3));
  EXPECT_FALSE(cluster->partition(kTwo, 7));
  EXPECT_FALSE(cluster->process(kTwo).logs->find({kTopic, 7}));
}

TEST(Replicas, UpdatesOfAnOlderControllerOrForAnOlderRegistrationAreRefused) {
  const auto cluster = make_cluster(10);
  const auto answer = [&](rpc::ClusterUpdate update) {
    std::optional<rpc::ClusterUpdateReply> reply;
    cluster->replicas(kOne).update_cluster(std::move(update),
                                           [&](rpc::ClusterUpdateReply got) { reply = got; });
    EXPECT_TRUE(cluster->world.run_until_true([&] { return reply.has_value(); }, seconds(1)));
    return reply ? reply->error : ErrorCode::UnknownServerError;
  };
  rpc::ClusterUpdate stale = cluster->update_for(kOne, {0}, false);
  stale.controller_epoch = ControllerEpoch(0);
  EXPECT_EQ(answer(stale), ErrorCode::StaleControllerEpoch);
  stale = cluster->update_for(kOne, {0}, false);
  stale.receiver_epoch = BrokerEpoch(1);
  EXPECT_EQ(answer(stale), ErrorCode::StaleBrokerEpoch);
  EXPECT_EQ(answer(cluster->update_for(kOne, {0}, false)), ErrorCode::None);
}

// What its sender gave up may arrive after what it told next: a full update from before the topic
// was made would put its log aside.
TEST(Replicas, W13AnUpdateThatWasHeldUpUndoesNothing) {
  const auto cluster = make_cluster(27);
  rpc::ClusterUpdate newest = cluster->update_for(kOne, {0}, true);
  newest.number = 3;
  EXPECT_EQ(tell(*cluster, kOne, newest).error, ErrorCode::None);
  rpc::ClusterUpdate held_up = cluster->update_for(kOne, {}, true);
  held_up.number = 2;
  EXPECT_EQ(tell(*cluster, kOne, held_up).error, ErrorCode::InvalidUpdateVersion);
  EXPECT_EQ(cluster->partition(kOne)->view().role, Partition::Role::Leader);
  // The same update once more changes nothing either, and the next controller counts anew.
  EXPECT_EQ(tell(*cluster, kOne, newest).error, ErrorCode::None);
  rpc::ClusterUpdate successor = cluster->update_for(kOne, {0}, true);
  successor.controller_epoch = ControllerEpoch(newest.controller_epoch.value() + 1);
  successor.number = 1;
  EXPECT_EQ(tell(*cluster, kOne, successor).error, ErrorCode::None);
}

// The endpoint may still stand in the registration of a process that lost its logs' tails with its
// host: who is not registered yet must not lead in its place.
TEST(Replicas, CommandsBeforeTheFirstRegistrationAreRefused) {
  const auto cluster = make_cluster(12);
  cluster->replicas(kOne).set_broker_epoch(kUnknownBrokerEpoch);
  std::optional<ErrorCode> updated;
  cluster->replicas(kOne).update_cluster(
      cluster->update_for(kOne, {0}, true),
      [&](const rpc::ClusterUpdateReply& got) { updated = got.error; });
  std::optional<ErrorCode> asked;
  cluster->replicas(kOne).query_replica_logs(
      {ControllerEpoch(1), cluster->process(kOne).epoch, {{kTopic, kTopicId, 0}}},
      [&](const rpc::ReplicaLogAnswer& got) { asked = got.error; });
  EXPECT_TRUE(cluster->world.run_until_true([&] { return updated && asked; }, seconds(1)));
  EXPECT_EQ(updated, ErrorCode::StaleBrokerEpoch);
  EXPECT_EQ(asked, ErrorCode::StaleBrokerEpoch);
}

// A controlled shutdown stops replicas, and the next update may start them again.
TEST(Replicas, AReplicaThatWasStoppedKeepsItsHighWatermark) {
  const auto cluster = make_cluster(13);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a", "b"}).error, ErrorCode::None);
  EXPECT_TRUE(settle(*cluster));
  const Offset before = cluster->partition(kTwo)->high_watermark();
  ASSERT_GT(before, Offset(0));
  cluster->elect(0, kOne);
  rpc::ClusterUpdate stop = cluster->update_for(kTwo, {}, false);
  stop.stop_replicas.push_back({.topic = kTopic,
                                .topic_id = kTopicId,
                                .partition = 0,
                                .leader_epoch = cluster->state().leader_epoch,
                                .remove = false});
  cluster->replicas(kTwo).update_cluster(stop, [](const rpc::ClusterUpdateReply&) {});
  bool started = false;
  cluster->replicas(kTwo).update_cluster(cluster->update_for(kTwo, {0}, false),
                                         [&](const rpc::ClusterUpdateReply&) { started = true; });
  EXPECT_TRUE(cluster->world.run_until_true([&] { return started; }, seconds(1)));
  EXPECT_EQ(cluster->partition(kTwo)->high_watermark(), before);
}

// A broker that was cut off while a topic was deleted and made again.
TEST(Replicas, ATopicOfTheSameNameReplacesOneThatWasDeletedUnheard) {
  const auto cluster = make_cluster(14);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  EXPECT_TRUE(settle(*cluster));
  rpc::ClusterUpdate update = cluster->update_for(kTwo, {0}, false);
  update.topics.at(0).id = TopicId(7, 7);
  rpc::PartitionUpdate& partition = update.topics.at(0).partitions.at(0);
  partition.is_new = true;
  partition.state.leader = kTwo;
  partition.state.leader_epoch = LeaderEpoch(0);
  partition.state.partition_epoch = PartitionEpoch(0);
  std::optional<rpc::ClusterUpdateReply> reply;
  cluster->replicas(kTwo).update_cluster(update, [&](rpc::ClusterUpdateReply got) { reply = got; });
  EXPECT_TRUE(cluster->world.run_until_true([&] { return reply.has_value(); }, seconds(1)));
  EXPECT_TRUE(reply->outcomes.empty());
  const auto view = cluster->partition(kTwo)->view();
  EXPECT_EQ(cluster->partition(kTwo)->topic_id(), TopicId(7, 7));
  EXPECT_EQ(view.role, Partition::Role::Leader);
  EXPECT_EQ(view.log->log_end_offset(), Offset(0));
}

// W1: a log was moved away, or its log dir left log.dirs. An empty one must not pass for it.
TEST(Replicas, WhoseLogIsGoneTakesNoRoleBeforeItIsInDoubt) {
  const auto cluster = make_cluster(14);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a", "b"}).error, ErrorCode::None);
  ASSERT_TRUE(settle(*cluster));
  const std::string directory = cluster->process(kThree).logs->find({kTopic, 0})->directory();
  rpc::ClusterUpdate update = cluster->update_for(kThree, {0}, true);
  cluster::PartitionState& state = update.topics.at(0).partitions.at(0).state;
  // Nobody has noticed yet that its process ended.
  state = {.leader = kThree, .leader_epoch = LeaderEpoch(0), .isr = {kThree}};
  cluster->crash(kThree);
  ASSERT_TRUE(cluster->disk(kThree).remove_all(directory));
  cluster->uninformed.insert(kThree);
  cluster->start(kThree);
  update.receiver_epoch = cluster->process(kThree).epoch;
  update.topics.at(0).partitions.at(0).created_since = false;
  const auto is_lost = [&] {
    const rpc::ClusterUpdateReply reply = tell(*cluster, kThree, update);
    if (reply.outcomes.empty()) return false;
    EXPECT_EQ(reply.outcomes.at(0).error, ErrorCode::KafkaStorageError);
    EXPECT_EQ(cluster->process(kThree).logs->find({kTopic, 0}), nullptr);
    return reply.outcomes.at(0).log_is_lost;
  };
  EXPECT_TRUE(is_lost());
  EXPECT_TRUE(is_lost()) << "the first answer may have got lost";
  rpc::ClusterUpdate of_new_partition = update;
  state.leader = kOne;
  state.isr = {kOne};
  state.eligible_leaders = {kThree};
  EXPECT_TRUE(is_lost()) << "an eligible leader is trusted as well";
  state.eligible_leaders.clear();
  state.last_known_eligible_leaders = {kThree};
  EXPECT_FALSE(is_lost());
  EXPECT_NE(cluster->process(kThree).logs->find({kTopic, 0}), nullptr);

  // It was created since this process registered: the log was never there.
  rpc::PartitionUpdate& other = of_new_partition.topics.at(0).partitions.at(0);
  other.partition = 7;
  EXPECT_TRUE(tell(*cluster, kThree, of_new_partition).outcomes.at(0).log_is_lost);
  other.created_since = true;
  EXPECT_TRUE(tell(*cluster, kThree, of_new_partition).outcomes.empty());
}

// W1: the controller has heard of another min.insync.replicas than the leader. Whom it holds for
// eligible nothing is committed without.
TEST(Replicas, NothingIsCommittedWithoutThoseWhoAreEligible) {
  const auto cluster = make_cluster(14, {.min_insync_replicas = 1});
  rpc::ClusterUpdate update = cluster->update_for(kOne, {0}, false);
  cluster::PartitionState& state = update.topics.at(0).partitions.at(0).state;
  state.isr = {kOne};
  state.eligible_leaders = {kTwo, kThree};
  state.leader_epoch = state.leader_epoch.next();
  EXPECT_TRUE(tell(*cluster, kOne, update).outcomes.empty());
  EXPECT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::NotEnoughReplicas);
  EXPECT_EQ(cluster->append_and_wait(kOne, {"b"}, Acks::Leader).error, ErrorCode::None);
  EXPECT_EQ(cluster->partition(kOne)->high_watermark(), Offset(0));
  state.eligible_leaders.clear();
  state.partition_epoch = state.partition_epoch.next();
  EXPECT_TRUE(tell(*cluster, kOne, update).outcomes.empty());
  EXPECT_EQ(cluster->partition(kOne)->high_watermark(), Offset(1));
  EXPECT_EQ(cluster->append_and_wait(kOne, {"c"}).error, ErrorCode::None);
}

// W13: a stale StopReplica must not delete a newer topic's log.
TEST(Replicas, StopReplicaNeedsTheTopicIdAndTheEpoch) {
  const auto cluster = make_cluster(11);
  const auto stop = [&](TopicId id, LeaderEpoch epoch) {
    rpc::ClusterUpdate update = cluster->update_for(kTwo, {}, false);
    update.stop_replicas.push_back(
        {.topic = kTopic, .topic_id = id, .partition = 0, .leader_epoch = epoch, .remove = true});
    std::optional<rpc::ClusterUpdateReply> reply;
    cluster->replicas(kTwo).update_cluster(update,
                                           [&](rpc::ClusterUpdateReply got) { reply = got; });
    EXPECT_TRUE(cluster->world.run_until_true([&] { return reply.has_value(); }, seconds(1)));
    return reply->outcomes.at(0).error;
  };
  EXPECT_EQ(stop(TopicId(9, 9), LeaderEpoch(5)), ErrorCode::InconsistentTopicId);
  EXPECT_EQ(stop(kTopicId, LeaderEpoch(-1)), ErrorCode::FencedLeaderEpoch);
  ASSERT_TRUE(cluster->partition(kTwo));
  EXPECT_EQ(stop(kTopicId, LeaderEpoch(5)), ErrorCode::None);
  EXPECT_FALSE(cluster->partition(kTwo));
  EXPECT_FALSE(cluster->process(kTwo).logs->find({kTopic, 0}));
  EXPECT_EQ(stop(kTopicId, LeaderEpoch(5)), ErrorCode::None);  // idempotent
}

TEST(Fetch, ReturnsCommittedRecordsOnly) {
  const auto cluster = make_cluster(12, {.max_lag = seconds(60)});
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  cluster->streams.cut(kOne, kTwo);
  ASSERT_EQ(cluster->append_and_wait(kOne, {"b"}, Acks::Leader).error, ErrorCode::None);
  const FetchedPartition got = fetch(*cluster, kOne, fetch_from(0)).at(0);
  EXPECT_EQ(got.error, ErrorCode::None);
  EXPECT_EQ(got.high_watermark, Offset(1));
  EXPECT_EQ(got.records.size(), cluster->log(kOne)->size_bytes() / 2);
  EXPECT_EQ(fetch(*cluster, kOne, fetch_from(1)).at(0).records.size(), 0U);  // after max_wait
}

TEST(Fetch, WakesWhenTheHighWatermarkMoves) {
  const auto cluster = make_cluster(13);
  std::optional<FetchResult> result;
  auto& process = cluster->process(kOne);
  FetchRequest request = fetch_from(0);
  request.max_wait = seconds(60);
  process.clients->post([&] {
    process.replicas->fetch(request, *process.clients, [&](FetchResult got) { result = got; });
  });
  cluster->world.run_for(milliseconds(100));
  EXPECT_FALSE(result);
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  ASSERT_TRUE(cluster->world.run_until_true([&] { return result.has_value(); }, milliseconds(50)));
  EXPECT_GT(result->at(0).records.size(), 0U);
}

TEST(Fetch, ErrorsAreKafkas) {
  const auto cluster = make_cluster(14);
  const auto error = [&](BrokerId broker, FetchPartition partition) {
    return fetch(*cluster, broker, {.partitions = {partition}, .max_bytes = 1000}).at(0).error;
  };
  FetchPartition wanted{.partition = {kTopic, 0}, .fetch_offset = Offset(0), .max_bytes = 100};
  EXPECT_EQ(error(kTwo, wanted), ErrorCode::NotLeaderOrFollower);
  wanted.fetch_offset = Offset(5);
  EXPECT_EQ(error(kOne, wanted), ErrorCode::OffsetOutOfRange);
  wanted.fetch_offset = Offset(0);
  wanted.current_leader_epoch = LeaderEpoch(9);
  EXPECT_EQ(error(kOne, wanted), ErrorCode::UnknownLeaderEpoch);
  cluster->elect(0, kOne);
  ASSERT_TRUE(takes_office(*cluster, kOne));
  wanted.current_leader_epoch = LeaderEpoch(0);
  EXPECT_EQ(error(kOne, wanted), ErrorCode::FencedLeaderEpoch);
  wanted.partition.partition = 3;
  EXPECT_EQ(error(kOne, wanted), ErrorCode::UnknownTopicOrPartition);
  wanted.partition.partition = 0;
  wanted.current_leader_epoch = kUnknownLeaderEpoch;
  wanted.topic_id = TopicId(1, 1);
  EXPECT_EQ(error(kOne, wanted), ErrorCode::InconsistentTopicId);
}

TEST(Fetch, AColdRangeIsReadOnTheIoPool) {
  const auto cluster = make_cluster(15);
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  cluster->disk(kOne).set_cached(false);
  EXPECT_GT(fetch(*cluster, kOne, fetch_from(0)).at(0).records.size(), 0U);
}

TEST(Fetch, AClientGetsNoMoreFromTheDiskThanItsShare) {
  const auto cluster = make_cluster(20);
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(cluster->append_and_wait(kOne, {std::string(500, 'x')}).error, ErrorCode::None);
  }
  const std::uint64_t one = fetch(*cluster, kOne, fetch_from(0)).at(0).records.size() / 40;
  cluster->disk(kOne).set_cached(false);
  cluster->cold_read_rate = 10'000;
  const auto began = cluster->world.now();
  FetchRequest request = fetch_from(0);
  request.client = "backfill";
  std::uint64_t bytes = 0;
  int empty = 0;
  for (std::int64_t next = 0; next < 40;) {
    request.partitions.at(0).fetch_offset = Offset(next);
    const std::uint64_t got = fetch(*cluster, kOne, request).at(0).records.size();
    ASSERT_LE(got, 2'500U);
    bytes += got;
    if (got == 0) ++empty;
    next += static_cast<std::int64_t>(got / one);
  }
  const std::uint64_t in_debt = 2 * 2'500;  // the first one is free, the last one is still owed
  const double seconds_taken = std::chrono::duration<double>(cluster->world.now() - began).count();
  EXPECT_GE(bytes, 40 * one);
  EXPECT_NEAR(static_cast<double>(bytes - in_debt) / seconds_taken, 10'000, 2'000);
  EXPECT_EQ(empty, 0) << "its time came within max_wait";
  EXPECT_EQ(cluster->replicas(kOne).cold_read_quota().held_back(), 1);
  // Nobody else pays for it.
  const auto before = cluster->world.now();
  request.client = "other";
  request.partitions.at(0).fetch_offset = Offset(0);
  EXPECT_GT(fetch(*cluster, kOne, request).at(0).records.size(), 0U);
  EXPECT_LT(cluster->world.now() - before, milliseconds(50));
}

TEST(Fetch, AClientThatHasHadItsShareOfTheDiskGetsWhatIsInMemory) {
  const auto cluster = make_cluster(21);
  ASSERT_EQ(cluster->append_and_wait(kOne, {std::string(5'000, 'x')}).error, ErrorCode::None);
  cluster->cold_read_rate = 100;
  cluster->disk(kOne).set_cached(false);
  FetchRequest request = fetch_from(0);
  request.client = "backfill";
  // The first batch comes whatever its size; 50 s are to be waited off.
  EXPECT_GT(fetch(*cluster, kOne, request).at(0).records.size(), 5'000U);
  const auto before = cluster->world.now();
  const FetchedPartition none = fetch(*cluster, kOne, request).at(0);
  EXPECT_EQ(none.error, ErrorCode::None);
  EXPECT_EQ(none.records.size(), 0U);
  EXPECT_GE(cluster->world.now() - before, request.max_wait) << "it is answered when it is over";
  cluster->disk(kOne).set_cached(true);
  EXPECT_GT(fetch(*cluster, kOne, request).at(0).records.size(), 5'000U);
  cluster->disk(kOne).set_cached(false);
  cluster->cold_read_rate.reset();
  EXPECT_GT(fetch(*cluster, kOne, request).at(0).records.size(), 5'000U);
}

TEST(Fetch, ARackAwareConsumerIsSentToTheReplicaInItsRack) {
  const auto cluster = make_cluster(16, {.rack_aware = true});
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a"}).error, ErrorCode::None);
  ASSERT_TRUE(settle(*cluster));
  FetchRequest request = fetch_from(0);
  request.rack = "rack-2";
  request.can_follow_preferred_replica = true;
  const FetchedPartition sent_on = fetch(*cluster, kOne, request).at(0);
  EXPECT_EQ(sent_on.preferred_read_replica, kTwo);
  EXPECT_EQ(sent_on.records.size(), 0U);
  EXPECT_GT(fetch(*cluster, kTwo, request).at(0).records.size(), 0U);
}

TEST(Offsets, LatestIsTheHighWatermarkAndEarliestTheLogStart) {
  const auto cluster = make_cluster(17);
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a", "b", "c"}).error, ErrorCode::None);
  std::optional<std::vector<ListedOffset>> got;
  cluster->replicas(kOne).list_offsets(
      {{.partition = {kTopic, 0}, .timestamp = kLatestTimestamp},
       {.partition = {kTopic, 0}, .timestamp = kEarliestTimestamp},
       {.partition = {kTopic, 0}, .timestamp = 1},
       {.partition = {kTopic, 9}}},
      IsolationLevel::ReadUncommitted, *cluster->process(kOne).clients,
      [&](std::vector<ListedOffset> answers) { got = std::move(answers); });
  ASSERT_TRUE(cluster->world.run_until_true([&] { return got.has_value(); }, seconds(1)));
  EXPECT_EQ(got->at(0).offset, Offset(3));
  EXPECT_EQ(got->at(1).offset, Offset(0));
  EXPECT_EQ(got->at(2).offset, Offset(0));
  EXPECT_EQ(got->at(3).error, ErrorCode::UnknownTopicOrPartition);
}

TEST(Offsets, TheOldestVersionListsSegments) {
  const auto cluster = make_cluster(19);
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a", "b"}).error, ErrorCode::None);
  ASSERT_TRUE(cluster->log(kOne)->roll());
  ASSERT_EQ(cluster->append_and_wait(kOne, {"c"}).error, ErrorCode::None);
  std::optional<std::vector<ListedOffset>> got;
  const auto query = [](std::int64_t timestamp, std::int32_t most) {
    return OffsetQuery{.partition = {kTopic, 0}, .timestamp = timestamp, .max_segments = most};
  };
  const std::int64_t soon = cluster->world.clock().wall_now_ms() + 60'000;
  cluster->replicas(kOne).list_offsets(
      {query(kLatestTimestamp, 1), query(kLatestTimestamp, 9), query(kEarliestTimestamp, 9),
       query(1, 9), query(soon, 2), query(kLatestTimestamp, -1)},
      IsolationLevel::ReadUncommitted, *cluster->process(kOne).clients,
      [&](std::vector<ListedOffset> answers) { got = std::move(answers); });
  ASSERT_TRUE(cluster->world.run_until_true([&] { return got.has_value(); }, seconds(1)));
  using ::testing::ElementsAre;
  EXPECT_THAT(got->at(0).segments, ElementsAre(Offset(3)));
  EXPECT_THAT(got->at(1).segments, ElementsAre(Offset(3), Offset(2), Offset(0)));
  EXPECT_THAT(got->at(2).segments, ElementsAre(Offset(0)));
  // The files of this cluster were all written at 0, the end of the log is of now.
  EXPECT_THAT(got->at(3).segments, ElementsAre(Offset(2), Offset(0)));
  EXPECT_THAT(got->at(4).segments, ElementsAre(Offset(3), Offset(2)));
  EXPECT_THAT(got->at(5).segments, ElementsAre());
}

TEST(DeleteRecords, WaitsUntilAllReplicasHaveFollowed) {
  const auto cluster = make_cluster(18);
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a", "b", "c"}).error, ErrorCode::None);
  std::optional<std::vector<DeletedRecords>> got;
  cluster->replicas(kOne).delete_records(
      {{.partition = {kTopic, 0}, .offset = Offset(2)}}, seconds(5),
      *cluster->process(kOne).clients,
      [&](std::vector<DeletedRecords> answers) { got = std::move(answers); });
  ASSERT_TRUE(cluster->world.run_until_true([&] { return got.has_value(); }, seconds(6)));
  EXPECT_EQ(got->at(0).error, ErrorCode::None);
  EXPECT_EQ(got->at(0).low_watermark, Offset(2));
  for (const BrokerId broker : {kOne, kTwo, kThree}) {
    EXPECT_EQ(cluster->log(broker)->log_start_offset(), Offset(2));
  }
}

std::vector<std::string> cut_files(SimulatedCluster& cluster, BrokerId broker) {
  std::vector<std::string> names = cluster.disk(broker).names("/logs");
  std::erase_if(names, [](const std::string& name) { return !storage::is_cut_file(name); });
  return names;
}

// An unclean election: the followers cut what the new leader does not have, also below the high
// watermark, and agree again.
TEST(Replicas, AfterAnUncleanElectionTheLogsAgreeAgain) {
  const auto cluster = make_cluster(19);
  cluster->crash(kThree);
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a", "b"}).error, ErrorCode::None);
  ASSERT_TRUE(cluster->world.run_until_true(
      [&] { return cluster->partition(kTwo)->high_watermark() == Offset(2); }, seconds(2)));
  cluster->start(kThree);
  cluster->elect(0, kThree, /*unclean=*/true);
  ASSERT_TRUE(
      cluster->world.run_until_true([&] { return cluster->state().isr.size() == 3; }, seconds(10)));
  ASSERT_EQ(cluster->append_and_wait(kThree, {"c"}).error, ErrorCode::None);
  EXPECT_TRUE(settle(*cluster));
  EXPECT_EQ(cluster->values(*cluster->log(kOne)), cluster->values(*cluster->log(kThree)));
  // W6: what could be read is set aside before it is cut, and counted.
  for (const BrokerId broker : {kOne, kTwo}) {
    EXPECT_EQ(cut_files(*cluster, broker).size(), 1U);
    EXPECT_EQ(cluster->replicas(broker).readable_records_cut(), 2);
    const auto cut = cluster->partition(broker)->health().last_cut;
    ASSERT_TRUE(cut);
    EXPECT_EQ(std::pair(cut->from, cut->to), std::pair(Offset(0), Offset(2)));
    EXPECT_EQ(cut->readable, 2);
    EXPECT_NE(cut->kept_in.find("ottla-cut"), std::string::npos);
  }
  EXPECT_TRUE(cut_files(*cluster, kThree).empty());
}

// W6: no record was readable, and none is told to be lost.
TEST(Replicas, AfterACleanElectionNothingIsSetAside) {
  for (std::uint64_t seed = 100; seed < 120; ++seed) {
    const auto cluster = make_cluster(seed, {.max_lag = seconds(60)});
    ASSERT_EQ(cluster->append_and_wait(kOne, {"a", "b"}).error, ErrorCode::None);
    cluster->streams.cut(kOne, kTwo);
    cluster->streams.cut(kOne, kThree);
    ASSERT_EQ(cluster->append_and_wait(kOne, {"c"}, Acks::Leader).error, ErrorCode::None);
    cluster->elect(0, kTwo);
    // A follower that has not heard of its election takes what the old leader sends still: who is
    // to have less must be in office before that can arrive.
    ASSERT_TRUE(takes_office(*cluster, kTwo));
    ASSERT_EQ(cluster->log(kTwo)->log_end_offset(), Offset(2));
    cluster->streams.heal_all();
    ASSERT_EQ(cluster->append_and_wait(kTwo, {"d"}).error, ErrorCode::None);
    EXPECT_TRUE(settle(*cluster));
    for (const BrokerId broker : {kOne, kTwo, kThree}) {
      EXPECT_EQ(cluster->values(*cluster->log(broker)),
                (std::map<std::int64_t, std::string>{{0, "a"}, {1, "b"}, {2, "d"}}));
      EXPECT_TRUE(cut_files(*cluster, broker).empty()) << "broker " << broker << ", seed " << seed;
      EXPECT_EQ(cluster->replicas(broker).readable_records_cut(), 0);
    }
  }
}

// The same, but the old leader's last record may arrive before the new leader hears of its
// election, or behind it: all keep it, or none does.
TEST(Replicas, ARecordThatOvertakesACleanElectionIsKeptByAllOrNone) {
  for (std::uint64_t seed = 120; seed < 150; ++seed) {
    const auto cluster = make_cluster(seed, {.max_lag = seconds(60)});
    ASSERT_EQ(cluster->append_and_wait(kOne, {"a", "b"}).error, ErrorCode::None);
    cluster->streams.cut(kOne, kTwo);
    cluster->streams.cut(kOne, kThree);
    ASSERT_EQ(cluster->append_and_wait(kOne, {"c"}, Acks::Leader).error, ErrorCode::None);
    cluster->elect(0, kTwo);
    cluster->streams.heal_all();
    ASSERT_TRUE(takes_office(*cluster, kTwo));
    EXPECT_TRUE(settle(*cluster));
    const auto kept = cluster->values(*cluster->log(kTwo));
    EXPECT_GE(kept.size(), 2U);
    for (const BrokerId broker : {kOne, kTwo, kThree}) {
      EXPECT_EQ(cluster->values(*cluster->log(broker)), kept) << "seed " << seed;
      EXPECT_TRUE(cut_files(*cluster, broker).empty()) << "broker " << broker << ", seed " << seed;
    }
  }
}

/// A high watermark above the log's end would let the next records be read before they are
/// committed.
TEST(Replicas, ACutThatFailsHalfwayLeavesNoHighWatermarkAboveTheLog) {
  const auto cluster = make_cluster(19);
  cluster->crash(kThree);
  ASSERT_EQ(cluster->append_and_wait(kOne, {"a", "b"}).error, ErrorCode::None);
  cluster->start(kThree);
  cluster->disk(kOne).set_free_bytes(0);  // The cut succeeds, the new epochs cannot be written.
  cluster->elect(0, kThree, /*unclean=*/true);
  ASSERT_TRUE(cluster->world.run_until_true(
      [&] { return cluster->log(kOne)->log_end_offset() == Offset(0); }, seconds(10)));
  cluster->world.run_for(seconds(1));
  EXPECT_EQ(cluster->partition(kOne)->high_watermark(), Offset(0));
  cluster->disk(kOne).set_free_bytes(std::nullopt);
  EXPECT_TRUE(settle(*cluster));
}

TEST(Replicas, W21WhatIsNotAssignedAnyMoreIsPutAside) {
  const auto cluster = make_cluster(5, {.partitions = 2});
  (void)cluster->append_and_wait(kOne, {"a", "b"});
  // Moved to other brokers while nobody could tell this one.
  rpc::ClusterUpdate update = cluster->update_for(kThree, {0, 1}, true);
  update.topics[0].partitions[0].assignment.replicas = {kOne, kTwo};
  update.topics[0].partitions[0].state.isr = {kOne, kTwo};
  (void)tell(*cluster, kThree, update);
  storage::LogStore& logs = *cluster->process(kThree).logs;
  EXPECT_EQ(logs.find({kTopic, 0}), nullptr);
  EXPECT_NE(logs.find({kTopic, 1}), nullptr);
  const auto names = cluster->disk(kThree).list("/logs");
  ASSERT_TRUE(names);
  EXPECT_TRUE(std::any_of(names->begin(), names->end(),
                          [](const auto& entry) { return entry.name.ends_with("-stray"); }));
}

TEST(Replicas, W21WhatTheControllerCouldNotReadStays) {
  const auto cluster = make_cluster(6, {.partitions = 2});
  rpc::ClusterUpdate update = cluster->update_for(kThree, {0, 1}, true);
  // No word of a partition: its state could not be read, or is not written yet.
  update.topics[0].partitions.pop_back();
  (void)tell(*cluster, kThree, update);
  EXPECT_NE(cluster->process(kThree).logs->find({kTopic, 1}), nullptr);
  // No word of the topic, from a controller that knows that it does not know all.
  update.topics.clear();
  update.incomplete = true;
  (void)tell(*cluster, kThree, update);
  EXPECT_NE(cluster->process(kThree).logs->find({kTopic, 1}), nullptr);
  update.incomplete = false;
  (void)tell(*cluster, kThree, update);
  EXPECT_EQ(cluster->process(kThree).logs->find({kTopic, 1}), nullptr);
}

/// Looks at the image that a coordinator sees when it is called into office.
class Onlooker final : public SimulatedCluster::Tenants, public LeadershipListener {
 public:
  LeadershipListener* move_in(BrokerId broker, SimulatedCluster::Process& process) override {
    if (broker == kOne) process_ = &process;
    return this;
  }
  void start(BrokerId, SimulatedCluster::Process&) override {}
  void crash(BrokerId) override {}
  void on_leader(const TopicPartition& partition, LeaderEpoch) override {
    const auto* const known =
        process_->metadata.image()->partition(partition.topic, partition.partition);
    if (partition.partition == 0) saw_itself_ = known != nullptr && known->state.leader == kOne;
  }
  void on_not_leader(const TopicPartition&, LeaderEpoch) override {}

  SimulatedCluster::Process* process_ = nullptr;
  std::optional<bool> saw_itself_;
};

// It would take partitions that it has not heard of yet for deleted ones, and leave out their
// markers.
TEST(Replicas, ACoordinatorIsCalledOnceTheImageIsOut) {
  Onlooker onlooker;
  SimulatedCluster cluster(8, {.partitions = 3}, &onlooker);
  ASSERT_TRUE(settle(cluster));
  EXPECT_EQ(onlooker.saw_itself_, true);
}

TEST(Replicas, AnAssignmentThatEndsWithoutANewEpochIsTaken) {
  const auto cluster = make_cluster(7);
  rpc::ClusterUpdate update = cluster->update_for(kOne, {0}, false);
  auto& partition = update.topics[0].partitions[0];
  // Put out of the ISR first, as the controller does it; then out of the assignment.
  std::erase(partition.state.isr, kThree);
  partition.state.partition_epoch = partition.state.partition_epoch.next();
  (void)tell(*cluster, kOne, update);
  partition.assignment.replicas = {kOne, kTwo};
  (void)tell(*cluster, kOne, update);
  EXPECT_EQ(cluster->partition(kOne)->view().replicas, (std::vector{kOne, kTwo}));
}

}  // namespace
}  // namespace ottla::replica
