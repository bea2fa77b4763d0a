#include "cli/loss_check.h"

#include <gtest/gtest.h>

namespace ottla::cli {
namespace {

std::vector<BrokerId> ids(std::initializer_list<int> numbers) {
  std::vector<BrokerId> brokers;
  for (const int number : numbers) brokers.emplace_back(number);
  return brokers;
}

struct Case {
  const char* name;
  PartitionView partition;
  std::vector<Objection> about_1;  ///< What speaks against the loss of broker 1.
};

TEST(LossCheck, SaysWhatSpeaksAgainstIt) {
  const TopicPartition p{"orders", 0};
  const Case cases[] = {
      {"all in sync", {p, BrokerId(1), ids({1, 2, 3}), ids({1, 2, 3}), 2}, {}},
      {"the last in the ISR",
       {p, BrokerId(1), ids({1, 2, 3}), ids({1}), 1},
       {Objection::WouldBeOffline}},
      {"one replica", {p, BrokerId(1), ids({1}), ids({1}), 1}, {Objection::SingleReplica}},
      {"acks=all would be refused",
       {p, BrokerId(2), ids({1, 2, 3}), ids({1, 2}), 2},
       {Objection::WouldBlockAcksAll}},
      {"min.insync.replicas above the number of replicas",
       {p, BrokerId(1), ids({1, 2}), ids({1, 2}), 5},
       {Objection::WouldBlockAcksAll}},
      {"another is missing, two are left",
       {p, BrokerId(2), ids({1, 2, 3, 4}), ids({1, 2, 3}), 2},
       {Objection::UnderReplicated}},
      {"it is the one that is missing",
       {p, BrokerId(2), ids({1, 2, 3}), ids({2, 3}), 2},
       {Objection::UnderReplicated}},
      {"offline already", {p, kNoBroker, ids({2, 3}), ids({2}), 1}, {Objection::AlreadyOffline}},
      {"being moved",
       {p, BrokerId(1), ids({1, 2, 3}), ids({1, 2, 3}), 2, true},
       {Objection::Reassigning}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    const ClusterView view{BrokerId(2), ids({1, 2, 3}), {one.partition}};
    std::vector<Objection> found;
    for (const Objecting& objecting : objections_to_loss_of({BrokerId(1)}, view)) {
      found.push_back(objecting.objection);
    }
    EXPECT_EQ(found, one.about_1);
  }
}

/// Led by broker 1, with records 10 to `end`.
PartitionView led_by_1(std::int64_t end, std::map<BrokerId, Offset> others) {
  PartitionView partition{{"orders", 0}, BrokerId(1), ids({1, 2, 3}), ids({1}), 1};
  for (const auto& [broker, offset] : others) partition.isr.push_back(broker);
  partition.leader_start = Offset(10);
  partition.leader_end = Offset(end);
  partition.in_sync_ends = std::move(others);
  return partition;
}

std::vector<Objection> about_1(const PartitionView& partition,
                               const std::vector<BrokerId>& brokers = ids({1})) {
  std::vector<Objection> found;
  const ClusterView view{BrokerId(2), ids({1, 2, 3}), {partition}};
  for (const Objecting& one : objections_to_loss_of(brokers, view, true)) {
    found.push_back(one.objection);
  }
  return found;
}

TEST(LossCheck, FindsRecordsThatNobodyElseHas) {
  using enum Objection;
  const std::map<BrokerId, Offset> behind = {{BrokerId(2), Offset(15)}, {BrokerId(3), Offset(18)}};
  EXPECT_EQ(records_on_none_but(ids({1}), led_by_1(20, behind)), 2);
  EXPECT_EQ(about_1(led_by_1(20, behind)), std::vector{WouldLoseAcks1});
  // With broker 3 more is lost; broker 2 alone leads nothing.
  EXPECT_EQ(records_on_none_but(ids({1, 3}), led_by_1(20, behind)), 5);
  EXPECT_EQ(records_on_none_but(ids({2}), led_by_1(20, behind)), 0);
  // One in sync has them all.
  EXPECT_EQ(about_1(led_by_1(18, behind)), std::vector<Objection>{});
  // Nobody else is in sync: all of it is there only.
  EXPECT_EQ(records_on_none_but(ids({1}), led_by_1(20, {})), 10);
  EXPECT_EQ(about_1(led_by_1(20, {})), (std::vector{WouldBeOffline, WouldLoseAcks1}));
  // It comes back with its only replica, and nobody leads meanwhile.
  PartitionView alone = led_by_1(20, {});
  alone.replicas = ids({1});
  EXPECT_EQ(about_1(alone), std::vector{SingleReplica});
  // Nobody told, as of Apache Kafka's brokers.
  PartitionView unknown = led_by_1(20, behind);
  unknown.leader_end.reset();
  EXPECT_EQ(records_on_none_but(ids({1}), unknown), std::nullopt);
  EXPECT_EQ(about_1(unknown), std::vector<Objection>{});
}

TEST(LossCheck, DoesNotCountWhatIsOnItsWay) {
  const ClusterView earlier{BrokerId(2), ids({1, 2}), {led_by_1(20, {{BrokerId(2), Offset(15)}})}};
  // The leader went on, and so did the follower: it has what was there before.
  ClusterView later{BrokerId(2), ids({1, 2}), {led_by_1(40, {{BrokerId(2), Offset(30)}})}};
  keep_leader_ends(later, earlier);
  EXPECT_EQ(records_on_none_but(ids({1}), later.partitions.front()), 0);
  ClusterView stuck{BrokerId(2), ids({1, 2}), {led_by_1(40, {{BrokerId(2), Offset(15)}})}};
  keep_leader_ends(stuck, earlier);
  EXPECT_EQ(records_on_none_but(ids({1}), stuck.partitions.front()), 5);
  // Of another leader an earlier end means nothing.
  ClusterView moved = earlier;
  moved.partitions.front().leader = BrokerId(2);
  ClusterView now{BrokerId(2), ids({1, 2}), {led_by_1(40, {{BrokerId(2), Offset(15)}})}};
  keep_leader_ends(now, moved);
  EXPECT_EQ(records_on_none_but(ids({1}), now.partitions.front()), 25);
}

TEST(LossCheck, KnowsWhoElectsUncleanly) {
  PartitionView partition = led_by_1(10, {});
  partition.elects_uncleanly = true;
  EXPECT_EQ(about_1(partition), std::vector{Objection::WouldLoseRecords});
  // With all replicas gone nobody is left to be elected.
  EXPECT_EQ(about_1(partition, ids({1, 2, 3})),
            (std::vector{Objection::LastBroker, Objection::WouldBeOffline}));
}

TEST(LossCheck, AsksForThisBrokerOnly) {
  const ClusterView view{BrokerId(2),
                         ids({1, 2, 3}),
                         {{{"other", 0}, BrokerId(2), ids({2, 3}), ids({2}), 1},
                          {{"orders", 0}, BrokerId(1), ids({1, 2}), ids({1, 2}), 1}}};
  EXPECT_EQ(objections_to_loss_of({BrokerId(1)}, view).size(), 1U);
  EXPECT_TRUE(objections_to_loss_of({BrokerId(1)}, view, true).empty());
}

TEST(LossCheck, LooksAtSeveralAtOnce) {
  const TopicPartition p{"orders", 0};
  const auto about = [&](std::initializer_list<int> brokers, const PartitionView& partition) {
    std::vector<Objection> found;
    const ClusterView view{BrokerId(3), ids({1, 2, 3, 4}), {partition}};
    for (const Objecting& one : objections_to_loss_of(ids(brokers), view, true)) {
      found.push_back(one.objection);
    }
    return found;
  };
  using enum Objection;
  const PartitionView across_racks{p, BrokerId(1), ids({1, 2, 3}), ids({1, 2, 3}), 1};
  EXPECT_EQ(about({1, 2}, across_racks), std::vector<Objection>{});
  EXPECT_EQ(about({1, 2, 3}, across_racks), std::vector{WouldBeOffline});
  EXPECT_EQ(about({1, 2, 3, 4}, across_racks), (std::vector{LastBroker, WouldBeOffline}));
  EXPECT_EQ(about({1, 2}, {p, BrokerId(1), ids({1, 2, 3}), ids({1, 2, 3}), 2}),
            std::vector{WouldBlockAcksAll});
  EXPECT_EQ(about({1, 4}, {p, BrokerId(1), ids({1, 2, 3}), ids({1, 2, 3}), 2}),
            std::vector<Objection>{});
  EXPECT_EQ(about({1, 2}, {p, BrokerId(1), ids({1, 2}), ids({1}), 1}), std::vector{WouldBeOffline});
  EXPECT_EQ(about({1, 2}, {p, BrokerId(3), ids({3, 4}), ids({3}), 1}), std::vector<Objection>{});
}

TEST(LossCheck, NamesWhomItDoesNotKnow) {
  const ClusterView view{BrokerId(2), ids({1, 2}), {}};
  const auto objections = objections_to_loss_of(ids({1, 7, 8}), view);
  ASSERT_EQ(objections.size(), 1U);
  EXPECT_EQ(objections.front().brokers, ids({7, 8}));
  EXPECT_EQ(text_of(objections), "\n  broker 7 broker 8 not in the cluster");
}

TEST(LossCheck, LooksAtTheClusterToo) {
  const auto objections = [](const ClusterView& view) {
    return objections_to_loss_of({BrokerId(1)}, view).front().objection;
  };
  EXPECT_EQ(objections({BrokerId(2), ids({2}), {}}), Objection::UnknownBroker);
  EXPECT_EQ(objections({kNoBroker, ids({1, 2}), {}}), Objection::NoController);
  EXPECT_EQ(objections({BrokerId(1), ids({1}), {}}), Objection::LastBroker);
}

}  // namespace
}  // namespace ottla::cli
