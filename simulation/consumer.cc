#include "simulation/consumer.h"

#include <glog/logging.h>

#include <utility>

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "simulation/topic_catalog.h"

namespace ottla::simulation {
namespace {

using std::chrono::milliseconds;

}  // namespace

Consumer::Consumer(Cluster& cluster, ClientEvents& events, TopicPartition partition)
    : cluster_(cluster),
      events_(events),
      partition_(std::move(partition)),
      metadata_(cluster, partition_) {}

void Consumer::later() {
  cluster_.after(milliseconds(50 + cluster_.random().below(200)), [this] { attempt(); });
}

void Consumer::attempt() {
  if (stopped_) return;
  if (const auto leader = metadata_.leader()) return send(*leader);
  metadata_.refresh([this] {
    if (const auto leader = metadata_.leader()) return send(*leader);
    later();
  });
}

void Consumer::send(BrokerId leader) {
  if (topic_id_ != metadata_.topic_id()) {
    topic_id_ = metadata_.topic_id();
    position_ = Offset(0);
  }
  cluster_.ask<Answer>(
      leader, std::chrono::seconds(2),
      [this, from = position_](SimulatedBroker& broker, Callback<Answer> reply) {
        deliver(broker, from, std::move(reply));
      },
      [this](std::optional<Answer> answer) { answered(std::move(answer)); });
}

/// Runs on the broker's loop, as the handler of Fetch does.
void Consumer::deliver(SimulatedBroker& broker, Offset from, Callback<Answer> reply) {
  replica::Replicas* const replicas = broker.replicas();
  if (replicas == nullptr) return std::move(reply)({ErrorCode::NotLeaderOrFollower, {}});
  if (cluster_.bugs().has(Bug::ServesBeyondHighWatermark)) {
    return serve_all(broker, from, std::move(reply));
  }
  replica::FetchRequest request;
  request.partitions.push_back(
      {.partition = partition_, .topic_id = topic_id_, .fetch_offset = from, .max_bytes = 1 << 16});
  request.max_wait = milliseconds(200);
  request.min_bytes = 1;
  request.max_bytes = 1 << 16;
  const PartitionKey key{topic_id_, partition_.partition};
  replicas->fetch(std::move(request), *broker.client_loop(),
                  [this, key, from, id = broker.id(),
                   reply = std::move(reply)](replica::FetchResult result) mutable {
                    const replica::FetchedPartition& fetched = result.front();
                    Answer answer{fetched.error, {}};
                    if (fetched.error == ErrorCode::None) {
                      const auto bytes = bytes_of(fetched.records);
                      auto records = decode_records(bytes);
                      CHECK(records.has_value()) << partition_ << ": " << records.error();
                      for (const LoggedRecord& record : *records) {
                        if (record.offset >= from) answer.records.push_back(record);
                      }
                      if (TopicCatalog::is_safe(partition_.topic))
                        events_.on_read(id, key, answer.records);
                    }
                    std::move(reply)(std::move(answer));
                  });
}

/// Bug::ServesBeyondHighWatermark.
void Consumer::serve_all(SimulatedBroker& broker, Offset from, Callback<Answer> reply) {
  const auto partition = broker.replicas()->partition(partition_);
  const auto view = partition ? partition->view() : replica::Partition::View{};
  if (view.role != replica::Partition::Role::Leader || partition->topic_id() != topic_id_) {
    return std::move(reply)({ErrorCode::NotLeaderOrFollower, {}});
  }
  auto records = read_records(*view.log, from);
  if (!records) return std::move(reply)({records.error().code(), {}});
  if (TopicCatalog::is_safe(partition_.topic)) {
    events_.on_read(broker.id(), {topic_id_, partition_.partition}, *records);
  }
  std::move(reply)({ErrorCode::None, *std::move(records)});
}

void Consumer::answered(std::optional<Answer> answer) {
  if (!answer || answer->error != ErrorCode::None) {
    if (answer && answer->error == ErrorCode::OffsetOutOfRange) position_ = Offset(0);
    metadata_.forget_leader();
    return later();
  }
  if (!answer->records.empty()) position_ = answer->records.back().offset.next();
  later();
}

}  // namespace ottla::simulation
