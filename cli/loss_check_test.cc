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
