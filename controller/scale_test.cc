// W22: what the controller's decisions cost with many partitions, without ZooKeeper and brokers.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <iostream>

#include "controller/decide.h"
#include "controller/node_room.h"
#include "controller/reassignment.h"

namespace ottla::controller {
namespace {

using std::chrono::milliseconds;

constexpr std::int32_t kBrokers = 10;
/// Far above what is needed: for a build that is not optimized, on a machine that has other work.
constexpr milliseconds kGenerous{20'000};

milliseconds cpu_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return milliseconds(usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000);
}

std::int64_t peak_memory_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

/// Topics of 1000 partitions or so, three replicas each, all leaders where they belong.
ClusterRead cluster_of(std::int32_t partitions, std::int32_t of_each_topic = 1000) {
  ClusterRead read;
  for (std::int32_t id = 1; id <= kBrokers; ++id) {
    cluster::Broker broker;
    broker.id = BrokerId(id);
    broker.epoch = BrokerEpoch(id);
    read.brokers.push_back(broker);
  }
  for (std::int32_t first = 0; first < partitions; first += of_each_topic) {
    TopicRead& topic = read.topics.emplace_back();
    topic.topic.name = "topic-" + std::to_string(first / of_each_topic);
    topic.topic.id = Uuid(1, static_cast<std::uint64_t>(first + 1));
    for (std::int32_t p = 0; p < std::min(partitions - first, of_each_topic); ++p) {
      topic.topic.partitions.push_back(
          {{BrokerId(1 + p % kBrokers), BrokerId(1 + (p + 1) % kBrokers),
            BrokerId(1 + (p + 2) % kBrokers)},
           {},
           {}});
      cluster::PartitionState state;
      state.isr = topic.topic.partitions.back().replicas;
      state.leader = state.isr.front();
      topic.states.emplace_back(state);
    }
  }
  return read;
}

struct Failover {
  milliseconds load{};
  milliseconds decision{};
  milliseconds outcome{};
};

/// A controller takes office, and a broker that leads a tenth of all partitions dies.
Failover fail_over(std::int32_t partitions) {
  const auto count = static_cast<std::size_t>(partitions);
  Failover took;
  const ClusterRead read = cluster_of(partitions);
  ClusterModel model;
  milliseconds began = cpu_time();
  const Decision loaded = decide(model, read, {});
  took.load = cpu_time() - began;
  EXPECT_TRUE(loaded.writes.empty());

  began = cpu_time();
  const Decision died =
      decide(model, LivenessChanged{BrokerId(1), BrokerEpoch(1), rpc::Liveness::ProcessDead}, {});
  took.decision = cpu_time() - began;
  EXPECT_EQ(died.writes.size(), count * 3 / kBrokers) << "all that it was in the ISR of";
  // Leaderless partitions come first.
  for (std::size_t i = 0; i < count / kBrokers; ++i) {
    const Write& write = died.writes[i];
    EXPECT_EQ(write.partition % kBrokers, 0);
    if (write.partition % kBrokers != 0) break;
  }
  WritesDone done;
  for (const Write& write : died.writes) done.outcomes.push_back({write, true, {}});
  began = cpu_time();
  const Decision after = decide(model, done, {});
  took.outcome = cpu_time() - began;
  // Two words to each broker, of what has changed only: who leads now, and who left an ISR.
  EXPECT_EQ(after.commands.size(), 2U);
  const auto& leaders = std::get<Announce>(after.commands.at(0));
  EXPECT_TRUE(leaders.is_urgent);
  EXPECT_EQ(leaders.partitions.size(), count / kBrokers);
  EXPECT_EQ(leaders.partitions.size() + std::get<Announce>(after.commands.at(1)).partitions.size(),
            died.writes.size());
  std::cout << partitions << " partitions: load " << took.load.count() << " ms, death of a broker "
            << took.decision.count() << " ms, outcomes of " << died.writes.size() << " writes "
            << took.outcome.count() << " ms of CPU; peak memory " << peak_memory_mib() << " MiB\n";
  return took;
}

TEST(Scale, W22TwoHundredThousandPartitions) {
  const std::int64_t before = peak_memory_mib();
  const Failover took = fail_over(200'000);
  EXPECT_LT(took.load + took.decision + took.outcome, kGenerous);
  // What was read, the model, the decisions: some 2 KiB for each partition.
  EXPECT_LT(peak_memory_mib() - before, 1024);
}

/// Twenty times as many partitions may cost twenty times as much, not four hundred times.
TEST(Scale, W22CostIsLinearInPartitions) {
  const auto sum = [](const Failover& f) { return f.load + f.decision + f.outcome; };
  const milliseconds few = sum(fail_over(10'000));
  const milliseconds many = sum(fail_over(200'000));
  EXPECT_LT(many, 20 * 4 * few + milliseconds(500));
}

/// The part of a failover that is the controller's own thinking.
TEST(Scale, W22FiveThousandPartitionsCostMilliseconds) {
  const Failover took = fail_over(5'000);
  EXPECT_LT(took.decision + took.outcome, milliseconds(500));
}

TEST(Scale, W22OneBrokersReportAmongManyPartitions) {
  ClusterModel model;
  (void)decide(model, cluster_of(200'000), {});
  SlowReplicasReported report{{BrokerId(1), BrokerEpoch(1), {}}};
  for (std::int32_t topic = 0; topic < 200; ++topic) {
    for (std::int32_t p = 0; p < 1000; p += kBrokers) {
      report.body.replicas.push_back({"topic-" + std::to_string(topic), {}, p});
    }
  }
  const milliseconds began = cpu_time();
  const Decision decision = decide(model, report, {});
  EXPECT_EQ(decision.writes.size(), 20'000U);
  EXPECT_LT(cpu_time() - began, kGenerous);
}

/// A write that ZooKeeper does not take would end the session, again and again.
TEST(Scale, NoMoreIsReassignedAtATimeThanTheTopicsNodeTakes) {
  constexpr std::int32_t kPartitions = 40'000;
  ClusterModel model;
  (void)decide(model, cluster_of(kPartitions, kPartitions), {});
  ReassignmentRequested request{RequestId(1), {}, {}};
  for (std::int32_t p = 0; p < kPartitions; ++p) {
    std::vector<BrokerId> target;
    for (std::int32_t i = 3; i < 6; ++i) target.emplace_back(1 + (p + i) % kBrokers);
    request.partitions.push_back({{"topic-0", p}, std::move(target)});
  }
  (void)decide(model, request, {});
  const auto& refused = model.pending_partitions.at(RequestId(1)).done;
  ASSERT_FALSE(refused.empty());
  EXPECT_EQ(refused.front().error, ErrorCode::InvalidReplicaAssignment);
  EXPECT_NE(refused.front().message.find("reassign fewer"), std::string::npos);
  EXPECT_GT(kPartitions - refused.size(), 5000U);
  std::size_t bytes = 0;
  std::int32_t number = 0;
  for (const PartitionEntry& partition : model.topics.at("topic-0").partitions) {
    bytes += node_bytes(number++, partition.wanted
                                      ? reassigned(partition.assignment, *partition.wanted->target)
                                      : partition.assignment);
  }
  EXPECT_LE(bytes, kNodeBytes);
  EXPECT_GT(bytes, kNodeBytes - 1000);
}

}  // namespace
}  // namespace ottla::controller
