#include "simulation/producer.h"

#include <memory>
#include <utility>

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "common/record/record_batch_builder.h"
#include "simulation/topic_catalog.h"
#include "simulation/workload_names.h"

namespace ottla::simulation {
namespace {

using std::chrono::milliseconds;

constexpr env::Duration kRequestTimeout = std::chrono::seconds(3);
constexpr env::Duration kAckTimeout = std::chrono::seconds(2);
constexpr std::uint64_t kMaxBatch = 3;

bool is_sequence_error(ErrorCode error) {
  return error == ErrorCode::OutOfOrderSequenceNumber || error == ErrorCode::UnknownProducerId ||
         error == ErrorCode::InvalidProducerEpoch;
}

}  // namespace

Producer::Producer(Cluster& cluster, ClientEvents& events, Options options)
    : cluster_(cluster),
      events_(events),
      options_(std::move(options)),
      metadata_(cluster, options_.partition) {}

void Producer::start() {
  next_batch();
}

void Producer::next_batch() {
  if (stopped_ || given_up_) return;
  base_sequence_ = static_cast<std::int32_t>(next_number_);
  batch_.clear();
  const std::uint64_t count = 1 + cluster_.random().below(kMaxBatch);
  for (std::uint64_t i = 0; i < count; ++i) batch_.push_back({options_.number, next_number_++});
  sending_ = true;
  attempt();
}

void Producer::attempt() {
  if (const auto leader = metadata_.leader()) return send(*leader);
  metadata_.refresh([this] {
    if (const auto leader = metadata_.leader()) return send(*leader);
    try_again();
  });
}

void Producer::try_again() {
  metadata_.forget_leader();
  cluster_.after(milliseconds(20 + cluster_.random().below(100)), [this] { attempt(); });
}

std::vector<std::byte> Producer::encode(const std::vector<Value>& values,
                                        std::int32_t base_sequence) const {
  record::BatchOptions batch;
  if (is_idempotent_producer(options_.number) && !cluster_.bugs().has(Bug::IgnoresSequences)) {
    batch.producer_id = ProducerId(options_.number);
    batch.producer_epoch = ProducerEpoch(0);
    batch.base_sequence = base_sequence;
  }
  return encode_records(values, batch, cluster_.world().clock().wall_now_ms());
}

void Producer::send(BrokerId leader) {
  if (topic_id_.is_zero()) topic_id_ = metadata_.topic_id();
  if (topic_id_ != metadata_.topic_id()) {
    given_up_ = true;  // another topic of the same name
    sending_ = false;
    return;
  }
  cluster_.ask<Answer>(
      leader, kRequestTimeout,
      [this, values = batch_, sequence = base_sequence_](SimulatedBroker& broker,
                                                         Callback<Answer> reply) {
        deliver(broker, values, sequence, std::move(reply));
      },
      [this](std::optional<Answer> answer) { answered(std::move(answer)); });
}

/// Runs on the broker's loop, as the handler of Produce does.
void Producer::deliver(SimulatedBroker& broker, const std::vector<Value>& values,
                       std::int32_t base_sequence, Callback<Answer> reply) {
  replica::Replicas* const replicas = broker.replicas();
  const auto partition = replicas ? replicas->partition(options_.partition) : nullptr;
  if (!partition || partition->topic_id() != topic_id_) {
    return std::move(reply)({broker.id(), {}, ErrorCode::NotLeaderOrFollower});
  }
  const PartitionKey key{partition->topic_id(), options_.partition.partition};
  auto bytes = std::make_shared<std::vector<std::byte>>(encode(values, base_sequence));
  replica::AppendRequest request;
  request.partitions.push_back({options_.partition, MutableByteView(*bytes), std::nullopt});
  request.owner = bytes;
  request.acks = cluster_.bugs().has(Bug::AcknowledgesBeforeReplication) ? replica::Acks::Leader
                                                                         : options_.acks;
  request.timeout = kAckTimeout;
  replicas->append(std::move(request), *broker.client_loop(),
                   [this, key, values, id = broker.id(), partition,
                    reply = std::move(reply)](replica::AppendResult result) mutable {
                     replica::AppendedPartition& appended = result.front();
                     // A leader that does not know yet of its successor may have missed records.
                     if (is_sequence_error(appended.error) &&
                         !cluster_.is_elected(id, partition->view().leader_epoch,
                                              options_.partition, key.topic)) {
                       appended.error = ErrorCode::NotLeaderOrFollower;
                     }
                     if (appended.error == ErrorCode::None && options_.acks == replica::Acks::All &&
                         TopicCatalog::is_safe(options_.partition.topic)) {
                       events_.on_acknowledged(id, key, appended.base_offset, values);
                     }
                     std::move(reply)({id, key, appended.error});
                   });
}

void Producer::answered(std::optional<Answer> answer) {
  if (!answer) return try_again();
  if (answer->error == ErrorCode::None || answer->error == ErrorCode::DuplicateSequenceNumber) {
    ++acknowledged_;
    sending_ = false;
    cluster_.after(env::Duration(cluster_.random().below(
                       static_cast<std::uint64_t>(2 * options_.pause.count()))),
                   [this] { next_batch(); });
    return;
  }
  if (!is_sequence_error(answer->error)) return try_again();
  if (TopicCatalog::is_safe(options_.partition.topic)) {
    events_.on_sequence_error(
        answer->broker, answer->key,
        batch_.front().to_string() + " refused with " + std::string(name_of(answer->error)));
  }
  given_up_ = true;
  sending_ = false;
}

}  // namespace ottla::simulation
