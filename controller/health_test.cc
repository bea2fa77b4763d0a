// What the controller tells of brokers and of replicas as candidates.
#include "controller/health.h"

#include <gmock/gmock.h>

#include "controller/decide.h"
#include "controller/model.h"

namespace ottla::controller {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::Field;

const TopicPartition kOrders{"orders", 0};

cluster::Broker broker(int id, cluster::LastStop last_stop = cluster::LastStop::Clean) {
  cluster::Broker broker;
  broker.id = BrokerId(id);
  broker.epoch = BrokerEpoch(100 + id);
  broker.last_stop = last_stop;
  return broker;
}

/// Partition orders-0 on brokers 1, 2, 3, all in the ISR, led by 1.
struct Office {
  ClusterModel model;
  env::MonotonicTime now = env::MonotonicTime{} + seconds(1000);

  Office() {
    model.self = BrokerId(1);
    TopicRead topic;
    topic.topic.name = "orders";
    topic.topic.id = TopicId(1, 2);
    topic.topic.partitions.resize(1);
    topic.topic.partitions[0].replicas = {BrokerId(1), BrokerId(2), BrokerId(3)};
    cluster::PartitionState state;
    state.leader = BrokerId(1);
    state.isr = topic.topic.partitions[0].replicas;
    topic.states = {state};
    topic.rules.min_insync_replicas = 2;
    ClusterRead read;
    read.brokers = {broker(1), broker(2), broker(3)};
    read.topics = {topic};
    (void)decide(model, read, now);
  }
  ControllerHealth health() const {
    ControllerHealth health;
    describe_model(model, {kOrders}, now, health);
    return health;
  }
};

TEST(ControllerHealth, DatesWhatHappenedInItsTerm) {
  Office office;
  EXPECT_FALSE(office.health().brokers[1].since.has_value()) << "found, not seen to come";
  (void)decide(office.model,
               LivenessChanged{BrokerId(2), BrokerEpoch(102), rpc::Liveness::ProcessDead},
               office.now);
  office.now += seconds(4);
  const ControllerHealth health = office.health();
  EXPECT_EQ(health.brokers[1].presence, BrokerPresence::ProcessDead);
  EXPECT_EQ(health.brokers[1].since, env::Duration(seconds(4)));
  ASSERT_EQ(health.partitions.size(), 1U);
  EXPECT_EQ(health.partitions[0].rules.min_insync_replicas, 2);
  EXPECT_EQ(health.partitions[0].replicas[1].standing, Standing::ProcessDead);
  EXPECT_FALSE(health.partitions[0].replicas[1].is_offline);
}

TEST(ControllerHealth, NamesReplicasWhoseBrokerIsGone) {
  Office office;
  (void)decide(office.model, BrokersRead{{broker(1), broker(2)}}, office.now);
  office.now += seconds(7);
  const ControllerHealth health = office.health();
  ASSERT_EQ(health.brokers.size(), 3U);
  EXPECT_EQ(health.brokers[2].presence, BrokerPresence::Unregistered);
  EXPECT_EQ(health.brokers[2].since, env::Duration(seconds(7)));
}

TEST(ControllerHealth, TellsFailedLogDirsApart) {
  Office office;
  rpc::PartitionOutcome outcome;
  outcome.topic = "orders";
  outcome.partition = 0;
  outcome.error = ErrorCode::KafkaStorageError;
  (void)decide(office.model, CommandDone{BrokerId(3), BrokerEpoch(103), {outcome}, {}}, office.now);
  const auto replicas = office.health().partitions[0].replicas;
  EXPECT_TRUE(replicas[2].is_offline);
  EXPECT_EQ(replicas[2].standing, Standing::ProcessDead);
}

TEST(ControllerHealth, TellsOfUnknownPartitions) {
  Office office;
  ControllerHealth health;
  describe_model(office.model, {{"orders", 7}}, office.now, health);
  EXPECT_THAT(health.partitions,
              ElementsAre(Field(&PartitionStanding::error, ErrorCode::UnknownTopicOrPartition)));
}

}  // namespace
}  // namespace ottla::controller
