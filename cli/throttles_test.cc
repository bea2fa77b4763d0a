#include "cli/throttles.h"

#include <gtest/gtest.h>

namespace ottla::cli {
namespace {

TEST(Throttles, OnlyWhatMovesHasADestination) {
  const auto flow = flow_of({BrokerId(1), BrokerId(2)}, {BrokerId(2), BrokerId(3)});
  EXPECT_EQ(flow.sources, (std::set<BrokerId>{BrokerId(1), BrokerId(2)}));
  EXPECT_EQ(flow.destinations, (std::set<BrokerId>{BrokerId(3)}));
}

TEST(Throttles, TopicsListTheirReplicas) {
  const auto edits = topic_throttles(
      {{{"a", 0}, flow_of({BrokerId(1)}, {BrokerId(2)})},
       {{"a", 1}, flow_of({BrokerId(2), BrokerId(1)}, {BrokerId(1), BrokerId(3)})}});
  ASSERT_EQ(edits.size(), 1U);
  const auto& of_a = edits.at("a");
  ASSERT_EQ(of_a.size(), 2U);
  EXPECT_EQ(of_a[0].name, "leader.replication.throttled.replicas");
  EXPECT_EQ(of_a[0].value, "0:1,1:1,1:2");
  EXPECT_EQ(of_a[1].value, "0:2,1:3");
}

}  // namespace
}  // namespace ottla::cli
