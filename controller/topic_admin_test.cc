#include "controller/topic_admin.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <sstream>

#include "controller/placement.h"
#include "controller/topic_name.h"

namespace ottla::controller {
namespace {

std::vector<PlacementBroker> brokers(int count, const std::string& racks) {
  std::vector<PlacementBroker> result;
  for (int i = count; i >= 1; --i) {  // In no order.
    PlacementBroker broker{BrokerId(i), {}};
    if (racks != "-") broker.rack = std::string(1, racks.at(static_cast<std::size_t>(i - 1)));
    result.push_back(broker);
  }
  return result;
}

// Each line is a call of Kafka 3.9.1's own code with a fixed start, and its result:
// "brokers racks replication-factor start first-partition: replicas ...".
TEST(Placement, IsThatOfKafka) {
  std::ifstream in("testdata/placement_of_kafka.tsv");
  int cases = 0;
  for (std::string line; std::getline(in, line); ++cases) {
    SCOPED_TRACE(line);
    std::istringstream words(line);
    int count = 0;
    std::string racks;
    PlacementRequest request;
    std::size_t start = 0;
    char colon = 0;
    words >> count >> racks >> request.replication_factor >> start >> request.first_partition >>
        colon;
    request.partitions = 13;
    request.start_index = start;
    env::SeededRandom random(1);
    const auto placed = place_replicas(brokers(count, racks), request, random);
    ASSERT_TRUE(placed);
    for (const auto& replicas : *placed) {
      std::string text;
      for (const BrokerId b : replicas) {
        text += (text.empty() ? "" : ",") + std::to_string(b.value());
      }
      std::string expected;
      words >> expected;
      ASSERT_EQ(text, expected);
    }
  }
  EXPECT_GT(cases, 100);
}

TEST(Placement, StartsAnywhere) {
  std::set<BrokerId> leaders;
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    env::SeededRandom random(seed);
    leaders.insert(place_replicas(brokers(5, "-"), {1, 3, 0, {}}, random)->at(0).at(0));
  }
  EXPECT_EQ(leaders.size(), 5U);
}

class TopicAdmin : public testing::Test {
 protected:
  ErrorCode create(const NewTopic& topic) {
    const auto planned = plan_topic(topic, around_, config_, random_);
    return planned ? ErrorCode::None : planned.error().code();
  }
  static NewTopic named(const std::string& name, int partitions = 1, int factor = 1) {
    NewTopic topic;
    topic.name = name;
    topic.partitions = partitions;
    topic.replication_factor = factor;
    return topic;
  }
  static NewTopic assigned(std::map<std::int32_t, std::vector<BrokerId>> assignments) {
    NewTopic topic;
    topic.name = "n1";
    topic.assignments = std::move(assignments);
    return topic;
  }
  ErrorCode extend(int count) { return extend(NewPartitions{"a_b", count, std::nullopt}); }
  ErrorCode extend(int count, std::vector<std::vector<BrokerId>> assignments) {
    return extend(NewPartitions{"a_b", count, std::move(assignments)});
  }
  ErrorCode extend(const NewPartitions& wanted) {
    cluster::Topic topic{"a_b", {}, {{{BrokerId(0)}, {}, {}}, {{BrokerId(1)}, {}, {}}}};
    const auto planned = plan_partitions(wanted, topic, around_.live_brokers, random_);
    if (planned) {
      EXPECT_EQ(planned->partitions.size(), static_cast<std::size_t>(wanted.count));
    }
    return planned ? ErrorCode::None : planned.error().code();
  }

  TopicSurroundings around_{{"a_b"}, {{BrokerId(0), {}}, {BrokerId(1), {}}}};
  ControllerConfig config_;
  env::SeededRandom random_{1};
};

// Every expectation was seen on Kafka 3.9.1 with two brokers and a topic a_b.
TEST_F(TopicAdmin, CreationIsRefusedWithKafkasCodes) {
  EXPECT_EQ(create(named("n1", 2, 2)), ErrorCode::None);
  EXPECT_EQ(create(named("n1", -1, -1)), ErrorCode::None);
  EXPECT_EQ(create(named("a_b")), ErrorCode::TopicAlreadyExists);
  EXPECT_EQ(create(named("a_b", 1, 9)), ErrorCode::TopicAlreadyExists);
  EXPECT_EQ(create(named("a.b")), ErrorCode::InvalidTopicException);
  EXPECT_EQ(create(named("a.b", 1, 9)), ErrorCode::InvalidReplicationFactor);
  EXPECT_EQ(create(named(".")), ErrorCode::InvalidTopicException);
  EXPECT_EQ(create(named("..")), ErrorCode::InvalidTopicException);
  EXPECT_EQ(create(named("a b")), ErrorCode::InvalidTopicException);
  EXPECT_EQ(create(named(std::string(250, 'x'))), ErrorCode::InvalidTopicException);
  EXPECT_EQ(create(named(std::string(249, 'x'))), ErrorCode::None);
  EXPECT_EQ(create(named("__cluster_metadata")), ErrorCode::InvalidRequest);
  EXPECT_EQ(create(named("n1", 0)), ErrorCode::InvalidPartitions);
  EXPECT_EQ(create(named("n1", -5)), ErrorCode::InvalidPartitions);
  EXPECT_EQ(create(named("n1", 1, 0)), ErrorCode::InvalidReplicationFactor);
  EXPECT_EQ(create(named("n1", 1, 3)), ErrorCode::InvalidReplicationFactor);
  EXPECT_EQ(create(named("n 1", 0)), ErrorCode::InvalidPartitions);
  config_.check_topic_config = [](const auto&) -> Result<> {
    return fail(ErrorCode::InvalidConfig);
  };
  EXPECT_EQ(create(named("n1")), ErrorCode::InvalidConfig);
  EXPECT_EQ(create(named("n 1")), ErrorCode::InvalidTopicException);
}

TEST_F(TopicAdmin, AssignmentsAreChecked) {
  EXPECT_EQ(create(assigned({{0, {BrokerId(0), BrokerId(0)}}})),
            ErrorCode::InvalidReplicaAssignment);
  EXPECT_EQ(create(assigned({{1, {BrokerId(0)}}})), ErrorCode::InvalidReplicaAssignment);
  EXPECT_EQ(create(assigned({{0, {BrokerId(0)}}, {1, {BrokerId(0), BrokerId(1)}}})),
            ErrorCode::InvalidReplicaAssignment);
  // Kafka takes this one, and the partition never gets a leader.
  EXPECT_EQ(create(assigned({{0, {}}})), ErrorCode::InvalidReplicaAssignment);
  // Brokers may be unknown: they may come.
  EXPECT_EQ(create(assigned({{0, {BrokerId(9)}}})), ErrorCode::None);
  NewTopic both = assigned({{0, {BrokerId(0)}}});
  both.partitions = 1;
  EXPECT_EQ(create(both), ErrorCode::InvalidRequest);
}

TEST_F(TopicAdmin, MorePartitionsAreRefusedWithKafkasCodes) {
  EXPECT_EQ(extend(3), ErrorCode::None);
  EXPECT_EQ(extend(1), ErrorCode::InvalidPartitions);
  EXPECT_EQ(extend(2), ErrorCode::InvalidPartitions);
  EXPECT_EQ(extend(0), ErrorCode::InvalidPartitions);
  EXPECT_EQ(extend(4, {{BrokerId(0)}}), ErrorCode::InvalidReplicaAssignment);
  EXPECT_EQ(extend(3, {{BrokerId(9)}}), ErrorCode::InvalidReplicaAssignment);
  EXPECT_EQ(extend(3, {{BrokerId(0), BrokerId(0)}}), ErrorCode::InvalidReplicaAssignment);
  EXPECT_EQ(extend(3, {{BrokerId(0), BrokerId(1)}}), ErrorCode::InvalidReplicaAssignment);
  EXPECT_EQ(extend(3, std::vector<std::vector<BrokerId>>{}), ErrorCode::InvalidReplicaAssignment);
  EXPECT_EQ(extend(3, {{}}), ErrorCode::InvalidReplicaAssignment);
  EXPECT_EQ(extend(3, {{BrokerId(1)}}), ErrorCode::None);
}

// A count of partitions is four bytes on the wire, and may not cost more than that.
TEST_F(TopicAdmin, ATopicMustFitIntoItsZooKeeperNode) {
  constexpr int kMost = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(create(named("n1", 60'000, 2)), ErrorCode::None);
  EXPECT_EQ(create(named("n1", 80'000, 2)), ErrorCode::InvalidPartitions);
  EXPECT_EQ(create(named("n1", kMost, 2)), ErrorCode::InvalidPartitions);
  EXPECT_EQ(extend(60'000), ErrorCode::None);
  EXPECT_EQ(extend(120'000), ErrorCode::InvalidPartitions);
  EXPECT_EQ(extend(kMost), ErrorCode::InvalidPartitions);
  config_.default_partitions = kMost;
  EXPECT_EQ(create(named("n1", -1, 1)), ErrorCode::InvalidPartitions);
}

TEST(TopicName, DotsAndUnderscoresCollide) {
  EXPECT_EQ(folded_topic_name("a.b_c"), "a_b_c");
  EXPECT_TRUE(may_collide("a.b"));
  EXPECT_FALSE(may_collide("a-b"));
  EXPECT_TRUE(check_topic_name("A-z_0.9"));
}

}  // namespace
}  // namespace ottla::controller
