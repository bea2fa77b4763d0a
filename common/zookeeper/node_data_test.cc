#include "common/zookeeper/node_data.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

namespace ottla::zookeeper {
namespace {

using layout::Place;

std::string encoded_again(const std::string& path, const std::string& data) {
  const auto give = [](auto decoded, auto encode) {
    return decoded ? encode(*decoded) : "cannot decode: " + decoded.error().describe();
  };
  const layout::Location location = layout::locate(path);
  switch (location.place) {
    case Place::Broker:
      return give(decode_broker(location.broker, data, BrokerEpoch(5)), encode_broker);
    case Place::Topic:
      return give(decode_topic(location.topic, data), encode_topic);
    case Place::PartitionState:
      return give(decode_partition_state(data, PartitionEpoch(0)), encode_partition_state);
    case Place::Controller:
      return give(decode_controller(data), encode_controller);
    case Place::ControllerEpoch:
      return give(decode_controller_epoch(data), encode_controller_epoch);
    case Place::Feature:
      return is_current_feature(data) ? encode_feature() : "not current";
    case Place::ReassignPartitions:
      return give(decode_reassignments(data), encode_reassignments);
    case Place::PreferredReplicaElection:
      return give(decode_partition_list(data), encode_partition_list);
    default:
      break;
  }
  if (path == layout::kClusterId) return give(decode_cluster_id(data), encode_cluster_id);
  if (path == layout::kProducerIdBlock) {
    return give(decode_producer_id_block(data), encode_producer_id_block);
  }
  if (path.starts_with(layout::config_change_prefix())) {
    return give(decode_config_change(data), encode_config_change);
  }
  if (path.starts_with(layout::isr_change_prefix())) {
    return give(decode_partition_list(data), encode_partition_list);
  }
  if (path.starts_with(layout::log_dir_event_prefix())) {
    return give(decode_log_dir_event(data), encode_log_dir_event);
  }
  if (path.starts_with(layout::kConfig)) return give(decode_config(data), encode_config);
  return "no such place";
}

/// Path and data of each line; a dump has more columns in between.
void check_golden(const std::string& file, std::size_t at_least) {
  std::ifstream lines(file);
  ASSERT_TRUE(lines) << file;
  std::size_t checked = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string path = line.substr(0, line.find('\t'));
    const std::string data = line.substr(line.rfind('\t') + 1);
    if (data.empty() || data == "null" || path == "/") continue;
    boost::json::value expected = boost::json::parse(data);
    // Older forms are read, and written in the newest.
    if (layout::locate(path).place == Place::Broker && expected.at("version") == 4) {
      expected.at("version") = 5;
      expected.as_object()["features"] = boost::json::object();
    }
    const std::string again = encoded_again(path, data);
    boost::system::error_code error;
    EXPECT_EQ(boost::json::parse(again, error), expected) << path << "\n" << again;
    ++checked;
  }
  EXPECT_GE(checked, at_least);
}

TEST(NodeData, IsWhatKafkaWroteInATestRun) {
  check_golden("testdata/kafka_3_9_1_znodes.tsv", 70);
}

TEST(NodeData, IsWhatStandsBesideTheSampleLogDirectories) {
  check_golden("../../integration-tests/samples/znodes.tsv", 50);
}

TEST(NodeData, ReadsEveryVersionOfABroker) {
  const auto decode = [](const std::string& data) {
    return *decode_broker(BrokerId(3), data, BrokerEpoch(77));
  };
  const cluster::Broker v1 =
      decode(R"({"version":1,"host":"h","port":9092,"jmx_port":9999,"timestamp":"123"})");
  ASSERT_EQ(v1.endpoints.size(), 1U);
  EXPECT_EQ(v1.endpoints[0], (cluster::Endpoint{"PLAINTEXT", "PLAINTEXT", "h", 9092}));
  EXPECT_EQ(v1.jmx_port, 9999);
  EXPECT_EQ(v1.timestamp_ms, 123);
  EXPECT_EQ(v1.epoch, BrokerEpoch(77));
  EXPECT_FALSE(v1.grpc_endpoint.has_value());

  const cluster::Broker v2 = decode(
      R"({"version":2,"host":null,"port":-1,"jmx_port":-1,"timestamp":"1",
          "endpoints":["SSL://[::1]:9093"]})");
  EXPECT_EQ(v2.endpoints[0], (cluster::Endpoint{"SSL", "SSL", "::1", 9093}));

  const cluster::Broker v4 = decode(
      R"({"version":4,"host":"h","port":1,"jmx_port":-1,"timestamp":"1","rack":"r",
          "endpoints":["INTERNAL://h:1"],"listener_security_protocol_map":{"INTERNAL":"SASL_SSL"}})");
  EXPECT_EQ(v4.endpoints[0], (cluster::Endpoint{"INTERNAL", "SASL_SSL", "h", 1}));
  EXPECT_EQ(v4.rack, "r");
}

TEST(NodeData, KeepsOttlasPartOfABroker) {
  cluster::Broker broker{.id = BrokerId(1)};
  broker.epoch = BrokerEpoch(9);
  broker.endpoints = {{"TLS", "SSL", "::1", 9093}, {"PLAIN", "PLAINTEXT", "h", 9092}};
  broker.rack = "r1";
  broker.timestamp_ms = 5;
  broker.grpc_endpoint = "h:9192";
  broker.http_endpoint = "h:9404";
  broker.start_nonce = "n";
  broker.last_stop = cluster::LastStop::ProcessCrash;
  broker.log_dirs_returned = 2;
  broker.directory_ids = {Uuid(1, 2), Uuid(3, 4)};
  broker.boot_id = "b";
  const std::string data = encode_broker(broker);
  EXPECT_EQ(decode_broker(BrokerId(1), data, BrokerEpoch(9)), broker);
  EXPECT_NE(data.find(R"("host":"h","port":9092)"), std::string::npos) << data;
  EXPECT_NE(data.find("TLS://[::1]:9093"), std::string::npos) << data;
}

TEST(NodeData, ABrokerWithoutPlaintextHasNoHost) {
  cluster::Broker broker{.id = BrokerId(1)};
  broker.endpoints = {{"TLS", "SSL", "h", 9093}};
  const std::string data = encode_broker(broker);
  EXPECT_NE(data.find(R"("host":null,"port":-1)"), std::string::npos) << data;
  EXPECT_EQ(data.find("ottla"), std::string::npos) << data;
}

TEST(NodeData, ReadsEveryVersionOfATopic) {
  const auto v1 = decode_topic("t", R"({"version":1,"partitions":{"1":[2,3],"0":[1,2]}})");
  ASSERT_TRUE(v1.has_value());
  EXPECT_TRUE(v1->id.is_zero());
  ASSERT_EQ(v1->partitions.size(), 2U);
  EXPECT_EQ(v1->partitions[1].replicas, (std::vector<BrokerId>{BrokerId(2), BrokerId(3)}));
  const auto v2 = decode_topic("t", R"({"version":2,"partitions":{"0":[1,2]},
      "adding_replicas":{"0":[2],"9":[4]},"removing_replicas":{"0":[1]}})");
  ASSERT_TRUE(v2.has_value());
  EXPECT_EQ(v2->partitions[0].adding, std::vector<BrokerId>{BrokerId(2)});
  EXPECT_EQ(v2->partitions[0].removing, std::vector<BrokerId>{BrokerId(1)});
}

TEST(NodeData, RefusesTopicsWithGapsOrNonsense) {
  for (const char* data :
       {"", "null", "[]", "{", R"({"version":3})", R"({"version":3,"partitions":[]})",
        R"({"version":3,"partitions":{"0":[1],"2":[1]}})",
        R"({"version":3,"partitions":{"0":["x"]}})", R"({"version":3,"partitions":{"-1":[1]}})",
        R"({"version":3,"partitions":{"00":[1],"0":[1]}})",
        R"({"version":3,"partitions":{"0":[99999999999]}})",
        R"({"version":3,"topic_id":"short","partitions":{"0":[1]}})"}) {
    EXPECT_FALSE(decode_topic("t", data).has_value()) << data;
  }
}

TEST(NodeData, PartitionStateKeepsRecoveryAndEligibleLeaders) {
  cluster::PartitionState state;
  state.leader = BrokerId(2);
  state.leader_epoch = LeaderEpoch(4);
  state.isr = {BrokerId(2)};
  state.controller_epoch = ControllerEpoch(3);
  state.recovering = true;
  state.eligible_leaders = {BrokerId(1), BrokerId(5)};
  state.last_known_eligible_leaders = {BrokerId(4)};
  state.partition_epoch = PartitionEpoch(8);
  EXPECT_EQ(decode_partition_state(encode_partition_state(state), PartitionEpoch(8)), state);
  state.recovering = false;
  state.eligible_leaders.clear();
  EXPECT_EQ(decode_partition_state(encode_partition_state(state), PartitionEpoch(8)), state);
  state.last_known_eligible_leaders.clear();
  EXPECT_EQ(encode_partition_state(state),
            R"({"version":1,"leader":2,"leader_epoch":4,"isr":[2],"controller_epoch":3})");
}

TEST(NodeData, ToleratesNumbersInStringsAndUnknownKeys) {
  const auto controller = decode_controller(R"({"x":[],"brokerid":"4","version":1,"timestamp":7})");
  ASSERT_TRUE(controller.has_value());
  EXPECT_EQ(*controller, (ControllerNode{BrokerId(4), 7, -1}));
  EXPECT_EQ(decode_config(R"({"config":{"a":5,"b":true,"c":"d"},"version":1})"),
            (ConfigMap{{"a", "5"}, {"b", "true"}, {"c", "d"}}));
  EXPECT_EQ(decode_config(""), ConfigMap());
  EXPECT_EQ(decode_config_change(R"({"version":1,"entity_type":"topics","entity_name":"t"})")->path,
            "topics/t");
}

TEST(NodeData, ErrorsShowTheText) {
  const auto result = decode_controller_epoch("12x");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().describe(), "/controller_epoch: cannot be understood: 12x");
}

}  // namespace
}  // namespace ottla::zookeeper
