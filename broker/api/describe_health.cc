#include "common/protocol/messages/describe_health.h"

#include <chrono>
#include <utility>
#include <vector>

#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using protocol::DescribeHealthRequest;
using protocol::DescribeHealthResponse;

std::int64_t to_ms(env::Duration age) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(age).count();
}

std::int64_t to_ms(const std::optional<env::Duration>& age) {
  return age ? to_ms(*age) : -1;
}

DescribeHealthResponse::Partition::Replica told(const replica::PartitionHealth& health) {
  DescribeHealthResponse::Partition::Replica told;
  told.role = static_cast<std::int8_t>(health.role);
  told.offline_reason = health.offline_reason;
  told.leader = health.leader;
  told.leader_epoch = health.leader_epoch;
  told.log_start_offset = health.log_start_offset;
  told.log_end_offset = health.log_end_offset;
  told.high_watermark = health.high_watermark;
  told.isr = health.isr;
  told.min_isr = health.min_isr;
  told.max_lag_ms = to_ms(health.max_lag);
  told.asks_isr = health.asks_isr;
  if (const auto& request = health.last_isr_request) {
    told.last_isr_request = {.asked = request->asked,
                             .at_ms = to_ms(health.now - request->at),
                             .answered = request->answer.has_value(),
                             .answer = request->answer.value_or(ErrorCode::None)};
  }
  for (const replica::FollowerHealth& follower : health.followers) {
    auto& one = told.followers.emplace_back();
    one.broker_id = follower.broker;
    one.in_isr = follower.in_isr;
    one.subscribed = follower.subscribed;
    one.withheld = follower.is_withheld;
    one.log_end_offset = follower.log_end_offset;
    one.caught_up_ms = to_ms(follower.caught_up_ago);
    if (const auto& removal = follower.removal) {
      one.removal = {.at_ms = to_ms(health.now - removal->at),
                     .log_end_offset = removal->log_end_offset,
                     .leader_log_end_offset = removal->leader_log_end_offset,
                     .subscribed = removal->subscribed};
    }
  }
  return told;
}

DescribeHealthResponse::Partition::Decision told(const controller::PartitionStanding& partition) {
  DescribeHealthResponse::Partition::Decision told;
  told.leader = kNoBroker;
  told.leader_epoch = kUnknownLeaderEpoch;
  if (partition.state) {
    told.leader = partition.state->leader;
    told.leader_epoch = partition.state->leader_epoch;
    told.isr = partition.state->isr;
    told.eligible_leaders = partition.state->eligible_leaders;
  }
  told.assignment = partition.assignment.replicas;
  told.adding = partition.assignment.adding;
  told.removing = partition.assignment.removing;
  told.unclean_leader_election = partition.rules.unclean_leader_election;
  told.min_insync_replicas = partition.rules.min_insync_replicas;
  told.being_deleted = partition.is_being_deleted;
  told.since_ms = to_ms(partition.since);
  for (const controller::ReplicaStanding& replica : partition.replicas) {
    told.standings.push_back({.broker_id = replica.broker,
                              .standing = static_cast<std::int8_t>(replica.standing),
                              .log_dir_failed = replica.is_offline});
  }
  if (const auto& logs = partition.logs_awaited) {
    told.logs_awaited = {
        .asked = logs->asked, .answered = logs->answered, .time_left_ms = to_ms(logs->time_left)};
  }
  return told;
}

void add(const controller::ControllerHealth& health, DescribeHealthResponse& response) {
  response.controller_id = health.controller;
  response.zookeeper_connected = health.zookeeper_connected;
  response.zookeeper_since_ms = to_ms(health.zookeeper_since);
  response.is_controller = health.active;
  response.controller_epoch = health.controller_epoch;
  for (const controller::BrokerHealth& broker : health.brokers) {
    response.brokers.push_back({.broker_id = broker.id,
                                .broker_epoch = broker.epoch,
                                .presence = static_cast<std::int8_t>(broker.presence),
                                .since_ms = to_ms(broker.since),
                                .shutting_down = broker.shutting_down,
                                .command_failed = broker.command_failed});
  }
  // In the order of the question, as the replicas are.
  for (std::size_t i = 0; i < health.partitions.size() && i < response.partitions.size(); ++i) {
    if (health.partitions[i].error == ErrorCode::None) {
      response.partitions[i].decision = told(health.partitions[i]);
    }
  }
}

}  // namespace

void handle_describe_health(Call call, Services& services) {
  const auto request = decode_or_close<DescribeHealthRequest>(call);
  if (!request) return;
  DescribeHealthResponse response;
  response.broker_id = services.broker;
  std::vector<TopicPartition> asked;
  for (const auto& topic : request->topics) {
    for (const std::int32_t partition : topic.partitions) {
      const TopicPartition& name = asked.emplace_back(TopicPartition{topic.name, partition});
      auto& row = response.partitions.emplace_back();
      row.topic = name.topic;
      row.partition = name.partition;
      if (services.replica_health == nullptr) continue;
      if (const auto health = services.replica_health->partition_health(name)) {
        row.replica = told(*health);
      }
    }
  }
  services.controller.describe_health(std::move(asked),
                                      [call = std::move(call), response = std::move(response)](
                                          const controller::ControllerHealth& health) mutable {
                                        add(health, response);
                                        answer(call, response);
                                      });
}

}  // namespace ottla::api
