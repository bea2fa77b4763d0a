#include "cli/drill_topic.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "cli/rdkafka_client.h"
#include "common/protocol/messages/create_topics.h"
#include "common/protocol/messages/delete_topics.h"
#include "common/protocol/messages/elect_leaders.h"

namespace ottla::cli {
namespace {

constexpr const char* kName = "__ottla_drill";
constexpr std::size_t kReplicas = 3;
constexpr std::size_t kMostPartitions = 12;
constexpr std::chrono::seconds kPatience{30};

}  // namespace

Result<DrillTopic> DrillTopic::open(const Arguments& arguments, Console& console) {
  DrillTopic topic(arguments, console);
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  topic.name_ = arguments.value_or("topic", kName);
  if (!arguments.has("topic")) {
    if (arguments.has("partition")) {
      return fail(ErrorCode::InvalidRequest, "--partition is only for --topic");
    }
    OTTLA_TRY_VOID(topic.create(client));
  }
  OTTLA_TRY_VOID(topic.await_leaders(client));
  return topic;
}

DrillTopic::DrillTopic(DrillTopic&& other) noexcept
    : arguments_(other.arguments_),
      console_(other.console_),
      name_(std::move(other.name_)),
      partitions_(std::move(other.partitions_)),
      is_ours_(std::exchange(other.is_ours_, false)) {}

DrillTopic::~DrillTopic() {
  if (!is_ours_ || arguments_->has("keep-topic")) return;
  auto client = BrokerClient::connect(*arguments_);
  Result<protocol::DeleteTopicsResponse> deleted = fail(ErrorCode::BrokerNotAvailable);
  if (client) {
    protocol::DeleteTopicsRequest request;
    request.timeout_ms = 10'000;
    request.topic_names.push_back(name_);  // before version 6
    if (client->serves(protocol::ApiKey::DeleteTopics, 6)) {
      request.topics.push_back({.name = name_, .topic_id = {}});
    }
    deleted = client->ask_controller<protocol::DeleteTopicsResponse>(request);
  }
  if (!deleted)
    console_->err << "topic " << name_ << " is left behind: " << deleted.error() << '\n';
}

/// Partition i is led by the i-th broker and followed by the next two.
Result<> DrillTopic::create(BrokerClient& client) {
  OTTLA_TRY(const auto metadata, client.metadata(std::vector<std::string>{}));
  std::vector<BrokerId> brokers;
  for (const auto& broker : metadata.brokers) brokers.push_back(broker.node_id);
  std::ranges::sort(brokers);
  const std::size_t replicas = std::min(kReplicas, brokers.size());
  protocol::CreateTopicsRequest request;
  request.timeout_ms = 30'000;
  auto& topic = request.topics.emplace_back();
  topic.name = name_;
  topic.num_partitions = -1;
  topic.replication_factor = -1;
  for (std::size_t i = 0; i < std::min(brokers.size(), kMostPartitions); ++i) {
    auto& assignment = topic.assignments.emplace_back();
    assignment.partition_index = static_cast<std::int32_t>(i);
    for (std::size_t r = 0; r < replicas; ++r) {
      assignment.broker_ids.push_back(brokers[(i + r) % brokers.size()]);
    }
  }
  topic.configs.push_back({.name = "min.insync.replicas", .value = replicas > 1 ? "2" : "1"});
  topic.configs.push_back({.name = "retention.ms", .value = "86400000"});
  OTTLA_TRY(const auto response, client.ask_controller<protocol::CreateTopicsResponse>(request));
  for (const auto& created : response.topics) {
    if (created.error_code == ErrorCode::TopicAlreadyExists) {
      is_ours_ = true;  // A drill that was killed left it.
      return lead_by_preferred(client);
    }
    if (created.error_code != ErrorCode::None) {
      return fail(created.error_code, "topic " + name_ + ": " + created.error_message.value_or(""));
    }
  }
  is_ours_ = true;
  return {};
}

Result<> DrillTopic::lead_by_preferred(BrokerClient& client) const {
  OTTLA_TRY(const auto metadata, client.metadata({name_}));
  protocol::ElectLeadersRequest request;
  request.timeout_ms = 30'000;
  request.topic_partitions->push_back({.topic = name_, .partitions = {}});
  for (const auto& topic : metadata.topics) {
    for (const auto& partition : topic.partitions) {
      request.topic_partitions->back().partitions.push_back(partition.partition_index);
    }
  }
  OTTLA_TRY(const auto response, client.ask_controller<protocol::ElectLeadersResponse>(request));
  if (response.error_code != ErrorCode::None) return fail(response.error_code);
  return {};  // One that could not be elected shows in the drill's check.
}

Result<> DrillTopic::await_leaders(BrokerClient& client) {
  OTTLA_TRY(const auto only, arguments_->number("partition", 0));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    OTTLA_TRY(const auto metadata, client.metadata({name_}));
    partitions_.clear();
    bool ready = true;
    for (const auto& topic : metadata.topics) {
      if (topic.error_code != ErrorCode::None && !is_ours_) {
        return fail(topic.error_code, "topic " + name_);
      }
      for (const auto& partition : topic.partitions) {
        if (only && partition.partition_index != *only) continue;
        partitions_.push_back(partition.partition_index);
        ready &= partition.leader_id != kNoBroker &&
                 partition.isr_nodes.size() == partition.replica_nodes.size();
      }
    }
    if (only && partitions_.empty()) {
      return fail(ErrorCode::UnknownTopicOrPartition,
                  "there is no partition " + name_ + "-" + std::to_string(*only));
    }
    // What is not well then is for the drill's check to tell.
    if ((ready && !partitions_.empty()) || (!partitions_.empty() && !is_ours_)) break;
    if (told_to_stop() || std::chrono::steady_clock::now() > deadline) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  std::ranges::sort(partitions_);
  if (partitions_.empty()) return fail(ErrorCode::UnknownTopicOrPartition, "topic " + name_);
  return {};
}

}  // namespace ottla::cli
