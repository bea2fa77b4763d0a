// What Kafka 3.9.1 wrote to ZooKeeper when topics were created, extended and deleted
// (testdata/znodes_of_kafka.tsv, from a recorded run), against what this controller writes: the
// same nodes with the same content in the same order. Four differences are meant: several
// operations share one transaction; all of ours are conditional on /controller_epoch; a topic that
// is deleted goes to leader -1 once, not once for each replica.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "controller/small_cluster_for_tests.h"

namespace ottla::controller {
namespace {

using testing::SmallCluster;

std::string join(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (const BrokerId b : brokers) text += (text.empty() ? "" : ",") + std::to_string(b.value());
  return text;
}

std::string describe(const std::string& path, const std::optional<std::string>& data) {
  if (!data || data->empty()) return "null";
  std::ostringstream out;
  if (path.ends_with("/state")) {
    const auto state = zookeeper::decode_partition_state(*data, PartitionEpoch(0));
    EXPECT_TRUE(state) << *data;
    if (state->leader == kNoBroker) return "leader -1";
    out << "leader " << state->leader << " epoch " << state->leader_epoch << " isr "
        << join(state->isr) << " controller epoch " << state->controller_epoch;
  } else if (path.starts_with("/brokers/topics/")) {
    const auto topic = zookeeper::decode_topic("t", *data);
    EXPECT_TRUE(topic && !topic->id.is_zero()) << *data;
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      out << (i == 0 ? "" : " ") << i << ':' << join(topic->partitions[i].replicas);
    }
  } else {
    EXPECT_EQ(*data, zookeeper::encode_config({})) << path;
    return "{}";
  }
  return out.str();
}

void add_op(const zookeeper::Op& op, std::vector<std::string>& lines) {
  std::string line;
  if (const auto* create = std::get_if<zookeeper::Create>(&op)) {
    line = "create " + create->path + ' ' + describe(create->path, create->data);
  } else if (const auto* set = std::get_if<zookeeper::Set>(&op)) {
    line = "set " + set->path + ' ' + describe(set->path, set->data);
  } else if (const auto* remove = std::get_if<zookeeper::Delete>(&op)) {
    line = "delete " + remove->path;
  } else {
    return;
  }
  lines.push_back(line);
}

/// Puts the folders of new partitions before their states, as Kafka's transactions come.
void folders_first(std::vector<std::string>& lines) {
  const auto is_new = [](const std::string& line) {
    return line.starts_with("create /brokers/topics/") && line.find("/partitions") != line.npos;
  };
  for (auto begin = lines.begin(); begin != lines.end();) {
    begin = std::find_if(begin, lines.end(), is_new);
    const auto end = std::find_if_not(begin, lines.end(), is_new);
    std::stable_partition(begin, end, [](const auto& l) { return l.ends_with(" null"); });
    begin = end;
  }
}

TEST(Znodes, AreWrittenAsKafkaWritesThem) {
  std::ifstream in("testdata/znodes_of_kafka.tsv");
  std::vector<std::string> expected;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(">")) expected.push_back(line);
  }
  ASSERT_FALSE(expected.empty());

  SmallCluster cluster(1, 3);
  cluster.wait_for_controller();
  cluster.world.run_for(std::chrono::seconds(2));
  const std::size_t begin = cluster.zookeeper.history().size();
  const auto create = [&](const std::string& name,
                          std::map<std::int32_t, std::vector<BrokerId>> assignments) {
    NewTopic topic;
    topic.name = name;
    topic.assignments = std::move(assignments);
    std::optional<ErrorCode> error;
    cluster.controller(cluster.in_office())
        .create_topics({{topic}, std::chrono::seconds(5), false},
                       [&](std::vector<CreatedTopic> done) { error = done.at(0).error; });
    ASSERT_TRUE(cluster.wait([&] { return error == ErrorCode::None; }));
  };
  create("a", {{0, {BrokerId(1), BrokerId(2)}}, {1, {BrokerId(2), BrokerId(3)}}});
  std::optional<ErrorCode> added;
  cluster.controller(cluster.in_office())
      .create_partitions(
          {{NewPartitions{"a", 3, std::vector<std::vector<BrokerId>>{{BrokerId(3), BrokerId(1)}}}},
           std::chrono::seconds(5),
           false},
          [&](std::vector<AddedPartitions> done) { added = done.at(0).error; });
  ASSERT_TRUE(cluster.wait([&] { return added == ErrorCode::None; }));
  create("gone", {{0, {BrokerId(1), BrokerId(3)}}});
  ASSERT_EQ(cluster.delete_topic("gone"), ErrorCode::None);

  std::vector<std::string> written;
  const auto& history = cluster.zookeeper.history();
  for (std::size_t i = begin; i < history.size(); ++i) {
    for (const zookeeper::Op& op : history[i].ops) add_op(op, written);
  }
  folders_first(written);
  EXPECT_EQ(written, expected);
}

}  // namespace
}  // namespace ottla::controller
