#include "common/protocol/messages/describe_health.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "broker/api/handlers.h"
#include "broker/group/group_service.h"

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
  told.log_dir_full = health.is_log_dir_full;
  told.log_dir_slow = health.is_log_dir_slow;
  if (const auto& cut = health.last_cut) {
    told.cut_from = cut->from;
    told.cut_to = cut->to;
    told.cut_readable = cut->readable;
    told.cut_leader_epoch = cut->leader_epoch;
    told.cut_at_ms = to_ms(health.now - cut->at);
    told.cut_kept_in = cut->kept_in;
  }
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
    told.logs_awaited = {.asked = logs->asked,
                         .answered = logs->answered,
                         .awaited = logs->awaited,
                         .time_left_ms = to_ms(logs->time_left)};
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

DescribeHealthResponse::Group told(const group::GroupAccount& account) {
  DescribeHealthResponse::Group told;
  told.error_code = account.error;
  told.now_ms = account.now;
  told.coordinator_since_ms = account.coordinator_since;
  told.leader_epoch = account.leader_epoch;
  told.state = account.state;
  told.generation = account.generation;
  told.protocol_type = account.protocol_type;
  told.protocol = account.protocol;
  told.leader = account.leader;
  told.rebalance_began_ms = account.rebalance_began;
  for (const group::GroupAccount::Member& member : account.members) {
    auto& one = told.members.emplace_back();
    one.member_id = member.id;
    one.group_instance_id = member.instance_id;
    one.client_id = member.client_id;
    one.client_host = member.client_host;
    one.session_timeout_ms = member.session_timeout_ms;
    one.rebalance_timeout_ms = member.rebalance_timeout_ms;
    one.silent_ms = member.silent_ms;
    one.waits_to_join = member.waits_to_join;
    one.waits_to_sync = member.waits_to_sync;
  }
  for (const group::GroupEvent& event : account.events) {
    auto& one = told.events.emplace_back();
    one.at_ms = event.at;
    one.kind = static_cast<std::int8_t>(event.kind);
    one.member_id = event.member;
    one.client = event.client;
    one.why = event.why;
    one.generation = event.generation;
    one.members = event.members;
    one.took_ms = event.took_ms;
    one.times = event.times;
  }
  for (const group::GroupAccount::Ended& ended : account.ended_offsets) {
    auto& one = told.ended_offsets.emplace_back();
    one.topic = ended.partition.topic;
    one.partition = ended.partition.partition;
    one.offset = ended.offset.committed.offset;
    one.leader_epoch = ended.offset.committed.leader_epoch;
    one.metadata = ended.offset.committed.metadata;
    one.commit_ms = ended.offset.committed.commit_time;
    one.ended_ms = ended.offset.ended;
    one.kept_until_ms = ended.kept_until;
    one.why = static_cast<std::int8_t>(ended.offset.why);
  }
  return told;
}

struct Asking {
  Call call;
  Services& services;
  std::vector<std::string> groups;
  std::vector<TopicPartition> partitions;
  DescribeHealthResponse response;
};

/// One group after the other, then what the controller knows.
void go_on(std::shared_ptr<Asking> asking) {
  const std::size_t next = asking->response.groups.size();
  if (next < asking->groups.size()) {
    Services& services = asking->services;
    return services.groups.explain(asking->groups[next],
                                   [asking](const group::GroupAccount& account) {
                                     asking->response.groups.push_back(told(account));
                                     go_on(asking);
                                   });
  }
  asking->services.controller.describe_health(std::move(asking->partitions),
                                              [asking](const controller::ControllerHealth& health) {
                                                add(health, asking->response);
                                                answer(asking->call, asking->response);
                                              });
}

}  // namespace

void handle_describe_health(Call call, Services& services) {
  auto request = decode_or_close<DescribeHealthRequest>(call);
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
  go_on(std::make_shared<Asking>(Asking{.call = std::move(call),
                                        .services = services,
                                        .groups = std::move(request->groups),
                                        .partitions = std::move(asked),
                                        .response = std::move(response)}));
}

}  // namespace ottla::api
