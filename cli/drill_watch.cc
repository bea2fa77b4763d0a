#include "cli/drill_watch.h"

#include <utility>

#include "common/protocol/messages/describe_health.h"

namespace ottla::cli {
namespace {

constexpr std::chrono::milliseconds kInterval{10};
/// How often a controller is asked for its epoch, kInterval apart: Kafka's never tell.
constexpr int kEpochQuestions = 100;
constexpr std::chrono::milliseconds kPatience{1000};

}  // namespace

DrillWatch::DrillWatch(std::map<BrokerId, std::string> addresses, std::string topic,
                       std::function<DrillTime()> now)
    : addresses_(std::move(addresses)), topic_(std::move(topic)), now_(std::move(now)) {
  thread_ = std::thread([this] { watch(); });
}

DrillWatch::~DrillWatch() {
  stopped_ = true;
  if (thread_.joinable()) thread_.join();
}

DrillWatch::View DrillWatch::view() const {
  MutexLock lock(mutex_);
  return view_;
}

void DrillWatch::finish(Recording& recording) {
  stopped_ = true;
  if (thread_.joinable()) thread_.join();
  MutexLock lock(mutex_);
  recording.leaders = leaders_;
  recording.controllers = controllers_;
}

std::string DrillWatch::servers() const {
  std::string text;
  for (const auto& [id, address] : addresses_) {
    if (id.value() == avoided_ && addresses_.size() > 1) continue;
    text += (text.empty() ? "" : ",") + address;
  }
  return text;
}

void DrillWatch::watch() {
  std::optional<BrokerClient> client;
  std::string asked;
  while (!stopped_) {
    const std::string now_to_ask = servers();
    bool same_source = client.has_value();
    if (!client || asked != now_to_ask) {
      asked = now_to_ask;
      same_source = false;
      client.reset();
      if (auto connected = BrokerClient::connect(asked, kPatience)) {
        client = *std::move(connected);
      }
    }
    if (client) {
      if (const auto metadata = client->metadata({topic_})) {
        take(*metadata, same_source);
        look_at_controller(*client, metadata->controller_id);
      } else {
        client.reset();
      }
    }
    std::this_thread::sleep_for(kInterval);
  }
}

void DrillWatch::take(const protocol::MetadataResponse& metadata, bool same_source) {
  const DrillTime at = now_();
  MutexLock lock(mutex_);
  view_.controller = metadata.controller_id;
  view_.live.clear();
  for (const auto& broker : metadata.brokers) view_.live.insert(broker.node_id);
  for (const auto& topic : metadata.topics) {
    for (const auto& partition : topic.partitions) {
      PartitionNow seen{partition.leader_id.value(), partition.leader_epoch.value(),
                        partition.replica_nodes.size(), partition.isr_nodes};
      const auto known = view_.partitions.find(partition.partition_index);
      if (known != view_.partitions.end()) {
        const bool older = seen.leader_epoch < known->second.leader_epoch;
        if (older && !same_source) continue;
        const bool same =
            seen.leader == known->second.leader && seen.leader_epoch == known->second.leader_epoch;
        known->second = seen;
        if (same) continue;
      } else {
        view_.partitions[partition.partition_index] = seen;
      }
      leaders_.push_back({at, partition.partition_index, seen.leader, seen.leader_epoch});
    }
  }
}

/// Notes another controller, with its epoch where the broker tells it: perhaps only a moment later,
/// as who has just won the office loads the cluster first.
void DrillWatch::look_at_controller(BrokerClient& client, BrokerId controller) {
  if (controller_seen_ != controller) {
    controller_seen_ = controller;
    epoch_questions_ = controller == kNoBroker ? 0 : kEpochQuestions;
    const ControllerSeen seen{now_(), controller.value(), std::nullopt};
    MutexLock lock(mutex_);
    controllers_.push_back(seen);
  }
  if (epoch_questions_ == 0) return;
  --epoch_questions_;
  const auto told =
      client.ask<protocol::DescribeHealthResponse>(controller, protocol::DescribeHealthRequest{});
  if (!told || !told->is_controller) return;
  epoch_questions_ = 0;
  MutexLock lock(mutex_);
  controllers_.back().controller_epoch = told->controller_epoch.value();
}

}  // namespace ottla::cli
