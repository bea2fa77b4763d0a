#include "cli/reassignment_plan.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace ottla::cli {
namespace {

TEST(ReassignmentPlan, IsWrittenAsItIsRead) {
  const std::string text =
      R"({"version":1,"partitions":[{"topic":"a","partition":0,"replicas":[2,1],)"
      R"("log_dirs":["/data","any"]}]})";
  const auto plan = parse_reassignment_plan(text);
  ASSERT_TRUE(plan) << plan.error();
  EXPECT_EQ(boost::json::serialize(to_json(*plan)), text);
}

TEST(ReassignmentPlan, NeedsNoVersionAndNoLogDirs) {
  const auto plan =
      parse_reassignment_plan(R"({"partitions":[{"topic":"a","partition":3,"replicas":[1,2]}]})");
  ASSERT_TRUE(plan) << plan.error();
  const auto& partition = plan->at({"a", 3});
  EXPECT_EQ(partition.log_dirs, (std::vector<std::string>{kAnyLogDir, kAnyLogDir}));
}

TEST(ReassignmentPlan, SaysWhatIsWrong) {
  const auto fault = [](const std::string& rows) {
    const auto plan = parse_reassignment_plan(R"({"version":1,"partitions":[)" + rows + "]}");
    return plan ? "no fault" : plan.error().message();
  };
  const std::string good = R"({"topic":"a","partition":0,"replicas":[1]})";
  EXPECT_EQ(fault(good), "no fault");
  EXPECT_EQ(fault(""), "JSON file: \"partitions\" is empty");
  EXPECT_EQ(fault(good + "," + good), "JSON file: a-0 is there twice");
  EXPECT_EQ(fault(R"({"topic":"a","partition":0,"replicas":[1,1]})"),
            "JSON file: a-0: replicas have broker 1 twice");
  EXPECT_EQ(fault(R"({"topic":"a","partition":0,"replicas":[]})"), "JSON file: a-0 needs replicas");
  EXPECT_EQ(fault(R"({"topic":"a","partition":0,"replicas":[1],"log_dirs":[]})"),
            "JSON file: a-0: needs as many log_dirs as replicas");
  EXPECT_EQ(fault(R"({"topic":"a","replicas":[1]})"),
            "JSON file: each of \"partitions\" needs a topic and a partition");
  EXPECT_FALSE(parse_reassignment_plan("{"));
  EXPECT_FALSE(parse_reassignment_plan(R"({"version":2,"partitions":[]})"));
}

TEST(ReassignmentPlan, TopicsAndPartitionsAreListsWithoutRepetition) {
  EXPECT_EQ(*parse_topics_to_move(R"({"topics":[{"topic":"b"},{"topic":"a"}],"version":1})"),
            (std::set<std::string>{"a", "b"}));
  EXPECT_FALSE(parse_topics_to_move(R"({"topics":[{"topic":"a"},{"topic":"a"}]})"));
  EXPECT_EQ(*parse_partition_list(R"({"partitions":[{"topic":"a","partition":1}]})"),
            (std::set<TopicPartition>{{"a", 1}}));
  EXPECT_FALSE(parse_partition_list(R"({"partitions":[{"topic":"a","partition":-1}]})"));
}

}  // namespace
}  // namespace ottla::cli
