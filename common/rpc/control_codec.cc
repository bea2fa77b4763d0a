#include "common/rpc/control_codec.h"

namespace ottla::rpc {
namespace {

void encode(const Uuid& from, proto::Uuid& to) {
  to.set_high(from.high());
  to.set_low(from.low());
}
Uuid decode(const proto::Uuid& from) {
  return {from.high(), from.low()};
}

int encode(ErrorCode code) {
  return static_cast<int>(code);
}
ErrorCode decode_error(int number) {
  return error_code_from(static_cast<std::int16_t>(number)).value_or(ErrorCode::UnknownServerError);
}

template <class Field>
void encode_ids(const std::vector<BrokerId>& from, Field& to) {
  to.Reserve(static_cast<int>(from.size()));
  for (const BrokerId id : from) to.Add(id.value());
}
template <class Field>
std::vector<BrokerId> decode_ids(const Field& from) {
  std::vector<BrokerId> ids;
  ids.reserve(static_cast<std::size_t>(from.size()));
  for (const std::int32_t id : from) ids.emplace_back(id);
  return ids;
}

void encode(const cluster::Broker& from, proto::Broker& to) {
  to.set_id(from.id.value());
  to.set_epoch(from.epoch.value());
  for (const cluster::Endpoint& endpoint : from.endpoints) {
    proto::Endpoint& added = *to.add_endpoints();
    added.set_listener(endpoint.listener);
    added.set_security_protocol(endpoint.security_protocol);
    added.set_host(endpoint.host);
    added.set_port(endpoint.port);
  }
  if (from.rack) to.set_rack(*from.rack);
  to.set_jmx_port(from.jmx_port);
  to.set_timestamp_ms(from.timestamp_ms);
  if (from.grpc_endpoint) to.set_grpc_endpoint(*from.grpc_endpoint);
  if (from.http_endpoint) to.set_http_endpoint(*from.http_endpoint);
  to.set_start_nonce(from.start_nonce);
  to.set_last_stop(static_cast<proto::Broker::LastStop>(from.last_stop));
}

void decode(const proto::Broker& from, cluster::Broker& to) {
  to.id = BrokerId(from.id());
  to.epoch = BrokerEpoch(from.epoch());
  for (const proto::Endpoint& endpoint : from.endpoints()) {
    to.endpoints.push_back({.listener = endpoint.listener(),
                            .security_protocol = endpoint.security_protocol(),
                            .host = endpoint.host(),
                            .port = endpoint.port()});
  }
  if (from.has_rack()) to.rack = from.rack();
  to.jmx_port = from.jmx_port();
  to.timestamp_ms = from.timestamp_ms();
  if (from.has_grpc_endpoint()) to.grpc_endpoint = from.grpc_endpoint();
  if (from.has_http_endpoint()) to.http_endpoint = from.http_endpoint();
  to.start_nonce = from.start_nonce();
  // An unknown value comes from a newer peer: take the cautious one.
  to.last_stop = from.last_stop() == proto::Broker::CLEAN ? cluster::LastStop::Clean
                 : from.last_stop() == proto::Broker::PROCESS_CRASH
                     ? cluster::LastStop::ProcessCrash
                     : cluster::LastStop::HostCrash;
}

void encode(const cluster::PartitionState& from, proto::PartitionState& to) {
  to.set_leader(from.leader.value());
  to.set_leader_epoch(from.leader_epoch.value());
  encode_ids(from.isr, *to.mutable_isr());
  to.set_controller_epoch(from.controller_epoch.value());
  to.set_recovering(from.recovering);
  encode_ids(from.eligible_leaders, *to.mutable_eligible_leaders());
  encode_ids(from.last_known_eligible_leaders, *to.mutable_last_known_eligible_leaders());
  to.set_partition_epoch(from.partition_epoch.value());
}

void decode(const proto::PartitionState& from, cluster::PartitionState& to) {
  to.leader = BrokerId(from.leader());
  to.leader_epoch = LeaderEpoch(from.leader_epoch());
  to.isr = decode_ids(from.isr());
  to.controller_epoch = ControllerEpoch(from.controller_epoch());
  to.recovering = from.recovering();
  to.eligible_leaders = decode_ids(from.eligible_leaders());
  to.last_known_eligible_leaders = decode_ids(from.last_known_eligible_leaders());
  to.partition_epoch = PartitionEpoch(from.partition_epoch());
}

void encode(const TopicUpdate& from, proto::TopicUpdate& to) {
  to.set_name(from.name);
  encode(from.id, *to.mutable_id());
  to.mutable_partitions()->Reserve(static_cast<int>(from.partitions.size()));
  for (const PartitionUpdate& partition : from.partitions) {
    proto::PartitionUpdate& added = *to.add_partitions();
    added.set_partition(partition.partition);
    encode_ids(partition.assignment.replicas, *added.mutable_replicas());
    encode_ids(partition.assignment.adding, *added.mutable_adding());
    encode_ids(partition.assignment.removing, *added.mutable_removing());
    encode(partition.state, *added.mutable_state());
    added.set_is_new(partition.is_new);
    added.set_created_since(partition.created_since);
  }
}

TopicUpdate decode(const proto::TopicUpdate& from) {
  TopicUpdate to{.name = from.name(), .id = decode(from.id()), .partitions = {}};
  to.partitions.reserve(static_cast<std::size_t>(from.partitions_size()));
  for (const proto::PartitionUpdate& partition : from.partitions()) {
    PartitionUpdate& added = to.partitions.emplace_back();
    added.partition = partition.partition();
    added.assignment = {.replicas = decode_ids(partition.replicas()),
                        .adding = decode_ids(partition.adding()),
                        .removing = decode_ids(partition.removing())};
    decode(partition.state(), added.state);
    added.is_new = partition.is_new();
    added.created_since = partition.created_since();
  }
  return to;
}

void encode(const PartitionOutcome& from, proto::PartitionOutcome& to) {
  to.set_topic(from.topic);
  encode(from.topic_id, *to.mutable_topic_id());
  to.set_partition(from.partition);
  to.set_error(encode(from.error));
  to.set_log_is_lost(from.log_is_lost);
}

PartitionOutcome decode(const proto::PartitionOutcome& from) {
  return {.topic = from.topic(),
          .topic_id = decode(from.topic_id()),
          .partition = from.partition(),
          .error = decode_error(from.error()),
          .log_is_lost = from.log_is_lost()};
}

}  // namespace

void encode(const ClusterUpdate& from, proto::ClusterUpdate& to) {
  to.set_controller(from.controller.value());
  to.set_controller_epoch(from.controller_epoch.value());
  to.set_receiver_epoch(from.receiver_epoch.value());
  to.set_full(from.full);
  to.set_last_stop_settled(from.last_stop_settled);
  to.set_number(from.number);
  to.set_incomplete(from.incomplete);
  to.set_is_all(from.is_all);
  if (from.live_brokers) {
    proto::BrokerList& list = *to.mutable_live_brokers();
    for (const cluster::Broker& broker : *from.live_brokers) encode(broker, *list.add_brokers());
  }
  for (const TopicUpdate& topic : from.topics) encode(topic, *to.add_topics());
  for (const TopicUpdate& topic : from.deleted_topics) encode(topic, *to.add_deleted_topics());
  for (const StopReplica& stop : from.stop_replicas) {
    proto::StopReplica& added = *to.add_stop_replicas();
    added.set_topic(stop.topic);
    encode(stop.topic_id, *added.mutable_topic_id());
    added.set_partition(stop.partition);
    added.set_leader_epoch(stop.leader_epoch.value());
    added.set_remove(stop.remove);
  }
}

void decode(const proto::ClusterUpdate& from, ClusterUpdate& to) {
  to.controller = BrokerId(from.controller());
  to.controller_epoch = ControllerEpoch(from.controller_epoch());
  to.receiver_epoch = BrokerEpoch(from.receiver_epoch());
  to.full = from.full();
  to.last_stop_settled = from.last_stop_settled();
  to.number = from.number();
  to.incomplete = from.incomplete();
  to.is_all = from.is_all();
  if (from.has_live_brokers()) {
    to.live_brokers.emplace();
    for (const proto::Broker& broker : from.live_brokers().brokers()) {
      decode(broker, to.live_brokers->emplace_back());
    }
  }
  for (const proto::TopicUpdate& topic : from.topics()) to.topics.push_back(decode(topic));
  for (const proto::TopicUpdate& topic : from.deleted_topics()) {
    to.deleted_topics.push_back(decode(topic));
  }
  for (const proto::StopReplica& stop : from.stop_replicas()) {
    to.stop_replicas.push_back({.topic = stop.topic(),
                                .topic_id = decode(stop.topic_id()),
                                .partition = stop.partition(),
                                .leader_epoch = LeaderEpoch(stop.leader_epoch()),
                                .remove = stop.remove()});
  }
}

void encode(const ClusterUpdateReply& from, proto::ClusterUpdateReply& to) {
  to.set_error(encode(from.error));
  for (const PartitionOutcome& outcome : from.outcomes) encode(outcome, *to.add_outcomes());
}
void decode(const proto::ClusterUpdateReply& from, ClusterUpdateReply& to) {
  to.error = decode_error(from.error());
  for (const proto::PartitionOutcome& outcome : from.outcomes()) {
    to.outcomes.push_back(decode(outcome));
  }
}

void encode(const ReplicaLogQuery& from, proto::ReplicaLogQuery& to) {
  to.set_controller_epoch(from.controller_epoch.value());
  to.set_receiver_epoch(from.receiver_epoch.value());
  for (const ReplicaLogQuery::Partition& partition : from.partitions) {
    proto::ReplicaLogQuery::Partition& added = *to.add_partitions();
    added.set_topic(partition.topic);
    encode(partition.topic_id, *added.mutable_topic_id());
    added.set_partition(partition.partition);
    added.set_leader_epoch(partition.leader_epoch.value());
  }
}
void decode(const proto::ReplicaLogQuery& from, ReplicaLogQuery& to) {
  to.controller_epoch = ControllerEpoch(from.controller_epoch());
  to.receiver_epoch = BrokerEpoch(from.receiver_epoch());
  for (const proto::ReplicaLogQuery::Partition& partition : from.partitions()) {
    to.partitions.push_back({.topic = partition.topic(),
                             .topic_id = decode(partition.topic_id()),
                             .partition = partition.partition(),
                             .leader_epoch = LeaderEpoch(partition.leader_epoch())});
  }
}

void encode(const ReplicaLogAnswer& from, proto::ReplicaLogAnswer& to) {
  to.set_error(encode(from.error));
  for (const ReplicaLogAnswer::Partition& partition : from.partitions) {
    proto::ReplicaLogAnswer::Partition& added = *to.add_partitions();
    added.set_topic(partition.topic);
    added.set_partition(partition.partition);
    added.set_error(encode(partition.error));
    added.set_last_epoch(partition.last_epoch.value());
    added.set_log_end_offset(partition.log_end_offset.value());
  }
}
void decode(const proto::ReplicaLogAnswer& from, ReplicaLogAnswer& to) {
  to.error = decode_error(from.error());
  for (const proto::ReplicaLogAnswer::Partition& partition : from.partitions()) {
    to.partitions.push_back({.topic = partition.topic(),
                             .partition = partition.partition(),
                             .error = decode_error(partition.error()),
                             .last_epoch = LeaderEpoch(partition.last_epoch()),
                             .log_end_offset = Offset(partition.log_end_offset())});
  }
}

void encode(const AlterPartitionRequest& from, proto::AlterPartitionRequest& to) {
  to.set_broker(from.broker.value());
  to.set_broker_epoch(from.broker_epoch.value());
  for (const AlterPartition& partition : from.partitions) {
    proto::AlterPartitionRequest::Partition& added = *to.add_partitions();
    added.set_topic(partition.topic);
    encode(partition.topic_id, *added.mutable_topic_id());
    added.set_partition(partition.partition);
    added.set_leader_epoch(partition.leader_epoch.value());
    added.set_partition_epoch(partition.partition_epoch.value());
    for (const IsrMember& member : partition.new_isr) {
      proto::IsrMember& added_member = *added.add_new_isr();
      added_member.set_broker(member.broker.value());
      added_member.set_broker_epoch(member.broker_epoch.value());
    }
  }
}
void decode(const proto::AlterPartitionRequest& from, AlterPartitionRequest& to) {
  to.broker = BrokerId(from.broker());
  to.broker_epoch = BrokerEpoch(from.broker_epoch());
  for (const proto::AlterPartitionRequest::Partition& partition : from.partitions()) {
    AlterPartition& added = to.partitions.emplace_back();
    added.topic = partition.topic();
    added.topic_id = decode(partition.topic_id());
    added.partition = partition.partition();
    added.leader_epoch = LeaderEpoch(partition.leader_epoch());
    added.partition_epoch = PartitionEpoch(partition.partition_epoch());
    for (const proto::IsrMember& member : partition.new_isr()) {
      added.new_isr.push_back({BrokerId(member.broker()), BrokerEpoch(member.broker_epoch())});
    }
  }
}

void encode(const AlterPartitionReply& from, proto::AlterPartitionReply& to) {
  to.set_error(encode(from.error));
  for (const AlterPartitionOutcome& partition : from.partitions) {
    proto::AlterPartitionReply::Partition& added = *to.add_partitions();
    added.set_topic(partition.topic);
    encode(partition.topic_id, *added.mutable_topic_id());
    added.set_partition(partition.partition);
    added.set_error(encode(partition.error));
    encode(partition.state, *added.mutable_state());
  }
}
void decode(const proto::AlterPartitionReply& from, AlterPartitionReply& to) {
  to.error = decode_error(from.error());
  for (const proto::AlterPartitionReply::Partition& partition : from.partitions()) {
    AlterPartitionOutcome& added = to.partitions.emplace_back();
    added.topic = partition.topic();
    added.topic_id = decode(partition.topic_id());
    added.partition = partition.partition();
    added.error = decode_error(partition.error());
    decode(partition.state(), added.state);
  }
}

void encode(const ControlledShutdownRequest& from, proto::ControlledShutdownRequest& to) {
  to.set_broker(from.broker.value());
  to.set_broker_epoch(from.broker_epoch.value());
}
void decode(const proto::ControlledShutdownRequest& from, ControlledShutdownRequest& to) {
  to = {.broker = BrokerId(from.broker()), .broker_epoch = BrokerEpoch(from.broker_epoch())};
}
void encode(const ControlledShutdownReply& from, proto::ControlledShutdownReply& to) {
  to.set_error(encode(from.error));
  for (const PartitionOutcome& partition : from.remaining) encode(partition, *to.add_remaining());
}
void decode(const proto::ControlledShutdownReply& from, ControlledShutdownReply& to) {
  to.error = decode_error(from.error());
  for (const proto::PartitionOutcome& partition : from.remaining()) {
    to.remaining.push_back(decode(partition));
  }
}

void encode(const AllocateProducerIdsRequest& from, proto::AllocateProducerIdsRequest& to) {
  to.set_broker(from.broker.value());
  to.set_broker_epoch(from.broker_epoch.value());
}
void decode(const proto::AllocateProducerIdsRequest& from, AllocateProducerIdsRequest& to) {
  to = {.broker = BrokerId(from.broker()), .broker_epoch = BrokerEpoch(from.broker_epoch())};
}
void encode(const AllocateProducerIdsReply& from, proto::AllocateProducerIdsReply& to) {
  to.set_error(encode(from.error));
  to.set_first(from.first.value());
  to.set_count(from.count);
}
void decode(const proto::AllocateProducerIdsReply& from, AllocateProducerIdsReply& to) {
  to = {.error = decode_error(from.error()),
        .first = ProducerId(from.first()),
        .count = from.count()};
}

void encode(const SlowReplicasReport& from, proto::SlowReplicasReport& to) {
  to.set_broker(from.broker.value());
  to.set_broker_epoch(from.broker_epoch.value());
  for (const SlowReplicasReport::Replica& replica : from.replicas) {
    proto::PartitionOutcome& added = *to.add_replicas();
    added.set_topic(replica.topic);
    encode(replica.topic_id, *added.mutable_topic_id());
    added.set_partition(replica.partition);
  }
  to.set_number(from.number);
}
void decode(const proto::SlowReplicasReport& from, SlowReplicasReport& to) {
  to.broker = BrokerId(from.broker());
  to.broker_epoch = BrokerEpoch(from.broker_epoch());
  for (const proto::PartitionOutcome& replica : from.replicas()) {
    to.replicas.push_back({replica.topic(), decode(replica.topic_id()), replica.partition()});
  }
  to.number = from.number();
}
void encode(const SlowReplicasReply& from, proto::SlowReplicasReply& to) {
  to.set_error(encode(from.error));
}
void decode(const proto::SlowReplicasReply& from, SlowReplicasReply& to) {
  to.error = decode_error(from.error());
}

}  // namespace ottla::rpc
