#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "broker/status/documents.h"
#include "broker/status/elections.h"
#include "broker/status/readiness.h"
#include "common/env/clock.h"
#include "common/metrics/ottla_metrics.h"

namespace ottla::status {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

ReadinessFacts well() {
  return {.state = BrokerState::Running, .is_registered = true, .knows_controller = true};
}

TEST(Readiness, ABrokerWithAllItsReplicasInSyncIsReady) {
  EXPECT_THAT(why_not_ready(well()), IsEmpty());
}

TEST(Readiness, SaysEachReasonWithItsPartitions) {
  ReadinessFacts facts = well();
  facts.state = BrokerState::HandingOver;
  facts.is_registered = false;
  facts.not_caught_up = {{"orders", 3}};
  facts.leaderless = {{"orders", 1}, {"orders", 2}};
  EXPECT_THAT(
      why_not_ready(facts),
      ElementsAre(Field(&Reason::what, "not_running"), Field(&Reason::what, "not_registered"),
                  Field(&Reason::text, "2 partitions with a replica here without a leader"),
                  Field(&Reason::partitions, ElementsAre(TopicPartition{"orders", 3}))));
}

TEST(Readiness, ItsDocumentNamesTwentyPartitionsAtMost) {
  Reason reason{"not_caught_up", "30 partitions", {}};
  for (int i = 0; i < 30; ++i) reason.partitions.push_back({"t", i});
  const std::string document = health_document("ready", false, BrokerState::Running, {reason});
  EXPECT_THAT(document, HasSubstr(R"("ready":false,"state":"running")"));
  EXPECT_THAT(document, HasSubstr(R"("t-19"])"));
}

/// Images as the controller's updates make them.
class ElectionsTest : public testing::Test {
 protected:
  void tell(BrokerId leader, int epoch, std::vector<BrokerId> isr, bool recovering = false) {
    rpc::ClusterUpdate update;
    update.controller = BrokerId(1);
    update.controller_epoch = ControllerEpoch(controller_epoch_);
    rpc::TopicUpdate topic;
    topic.name = "orders";
    topic.id = Uuid(1, 2);
    rpc::PartitionUpdate partition;
    partition.partition = 0;
    partition.assignment.replicas = {BrokerId(1), BrokerId(2)};
    partition.state.leader = leader;
    partition.state.leader_epoch = LeaderEpoch(epoch);
    partition.state.isr = std::move(isr);
    partition.state.recovering = recovering;
    topic.partitions = {partition};
    update.topics = {topic};
    image_ = image_->apply(update);
    elections_.observe(image_);
  }

  env::SystemClock clock_;
  metrics::Registry registry_;
  int controller_epoch_ = 1;
  Elections elections_{BrokerId(2), clock_, registry_};
  std::shared_ptr<const metadata::MetadataImage> image_ =
      std::make_shared<metadata::MetadataImage>();
};

TEST_F(ElectionsTest, RemembersWhoTookOverFromWhom) {
  tell(BrokerId(1), 0, {BrokerId(1), BrokerId(2)});
  EXPECT_THAT(elections_.recent(), IsEmpty());  // when that was is not known

  tell(BrokerId(2), 1, {BrokerId(2)});
  ASSERT_EQ(elections_.recent().size(), 1U);
  const Election election = elections_.recent().front();
  EXPECT_EQ(election.partition, (TopicPartition{"orders", 0}));
  EXPECT_EQ(election.from, BrokerId(1));
  EXPECT_EQ(election.to, BrokerId(2));
  EXPECT_EQ(election.epoch, 1);
  EXPECT_FALSE(election.is_unclean);
  EXPECT_EQ(registry_.counter_value(metrics::kLeaderChanges), 1);
}

TEST_F(ElectionsTest, AChangeOfTheIsrOrOfTheEpochAloneIsNoElection) {
  tell(BrokerId(1), 0, {BrokerId(1), BrokerId(2)});
  tell(BrokerId(1), 0, {BrokerId(1)});
  tell(BrokerId(1), 1, {BrokerId(1)});
  EXPECT_THAT(elections_.recent(), IsEmpty());
}

TEST_F(ElectionsTest, ANewControllerIsAnElectionToo) {
  tell(BrokerId(1), 0, {BrokerId(1)});
  controller_epoch_ = 2;
  tell(BrokerId(1), 0, {BrokerId(1)});
  ASSERT_EQ(elections_.recent().size(), 1U);
  EXPECT_EQ(elections_.recent().front().partition.topic, "");
  EXPECT_EQ(elections_.recent().front().epoch, 2);
  EXPECT_EQ(elections_.controller_epoch(), ControllerEpoch(2));
}

}  // namespace
}  // namespace ottla::status
