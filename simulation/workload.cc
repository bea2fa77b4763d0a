#include "simulation/workload.h"

#include <algorithm>
#include <utility>

#include "broker/group/log_records.h"
#include "broker/transaction/log_records.h"
#include "controller/controller.h"
#include "simulation/ask_controller.h"
#include "simulation/topic_catalog.h"
#include "simulation/workload_names.h"

namespace ottla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kChurnTopic = "safe-churn";
/// Has one partition at first.
constexpr const char* kGrowingTopic = "safe-b";
constexpr std::int32_t kMostPartitions = 3;

}  // namespace

Workload::Workload(Cluster& cluster, ClientEvents& events, bool transactions)
    : cluster_(cluster), events_(events), transactions_(transactions) {}

void Workload::start() {
  std::vector<Topic> topics = {{"safe-a", 2, 3}, {kGrowingTopic, 1, 3}, {"unclean-c", 1, 2}};
  if (transactions_) {
    topics = {{kInputTopic, kInputs, 3},
              {kOutputTopic, kOutputs, 3},
              {transaction::kTransactionsTopic, kTransactionPartitions, 3},
              {group::kOffsetsTopic, 1, 3}};
  }
  for (const Topic& topic : topics) {
    for (std::int32_t number = 0; number < topic.partitions; ++number) {
      lasting_partitions_.push_back({topic.name, number});
    }
    create(topic, [this, topic] {
      for (std::int32_t number = 0; number < topic.partitions; ++number) {
        start_clients({topic.name, number});
      }
    });
  }
  if (transactions_) return;
  churn();
  grow(2);
}

void Workload::create(const Topic& topic, Task then) {
  controller::CreateTopicsRequest request;
  request.topics.push_back({.name = topic.name,
                            .partitions = topic.partitions,
                            .replication_factor = topic.replication_factor,
                            .assignments = {},
                            .configs = TopicCatalog::overrides(topic.name)});
  request.timeout = seconds(2);
  ask_controller<std::vector<controller::CreatedTopic>>(
      cluster_, std::move(request), &controller::Controller::create_topics,
      [this, topic, then = std::move(then)](std::optional<ErrorCode> error) mutable {
        if (error == ErrorCode::None || error == ErrorCode::TopicAlreadyExists) {
          ++topics_created_;
          return std::move(then)();
        }
        cluster_.after(milliseconds(100), [this, topic, then = std::move(then)]() mutable {
          create(topic, std::move(then));
        });
      });
}

void Workload::remove(const std::string& topic, Task then) {
  controller::DeleteTopicsRequest request;
  request.topics.push_back({.name = topic, .id = {}});
  request.timeout = seconds(2);
  ask_controller<std::vector<controller::DeletedTopic>>(
      cluster_, std::move(request), &controller::Controller::delete_topics,
      [this, topic, then = std::move(then)](std::optional<ErrorCode> error) mutable {
        if (error == ErrorCode::None || error == ErrorCode::UnknownTopicOrPartition) {
          ++topics_deleted_;
          return std::move(then)();
        }
        cluster_.after(milliseconds(100), [this, topic, then = std::move(then)]() mutable {
          remove(topic, std::move(then));
        });
      });
}

void Workload::start_clients(const TopicPartition& partition) {
  if (transactions_) {
    if (partition.topic == kInputTopic) add_producer(partition, replica::Acks::All, true);
    return;
  }
  add_producer(partition, replica::Acks::All, true);
  add_producer(partition, partition.partition == 0 ? replica::Acks::Leader : replica::Acks::All,
               false);
  consumers_.push_back(std::make_unique<Consumer>(cluster_, events_, partition));
  consumers_.back()->start();
}

void Workload::churn() {
  if (!churning_) return;
  const auto pause = [this] { return milliseconds(500 + cluster_.random().below(6000)); };
  cluster_.after(pause(), [this, pause] {
    if (!churning_) return;
    create({kChurnTopic, 1, 3}, [this, pause] {
      add_producer({kChurnTopic, 0}, replica::Acks::All, true);
      cluster_.after(pause(), [this] { remove(kChurnTopic, [this] { churn(); }); });
    });
  });
}

void Workload::grow(std::int32_t count) {
  if (count > kMostPartitions) return;
  cluster_.after(milliseconds(1000 + cluster_.random().below(12'000)), [this, count] {
    if (!churning_) return;
    controller::CreatePartitionsRequest request;
    request.topics.push_back({.topic = kGrowingTopic, .count = count, .assignments = {}});
    request.timeout = seconds(2);
    ask_controller<std::vector<controller::AddedPartitions>>(
        cluster_, std::move(request), &controller::Controller::create_partitions,
        [this, count](std::optional<ErrorCode> error) {
          // The second answer: an earlier request was carried out though nobody said so.
          if (error != ErrorCode::None && error != ErrorCode::InvalidPartitions) return grow(count);
          ++partitions_added_;
          lasting_partitions_.push_back({kGrowingTopic, count - 1});
          start_clients(lasting_partitions_.back());
          grow(count + 1);
        });
  });
}

void Workload::add_producer(const TopicPartition& partition, replica::Acks acks, bool idempotent) {
  if (!producing_) return;
  ++last_producer_;
  if (is_idempotent_producer(last_producer_) != idempotent) ++last_producer_;
  producers_.push_back(std::make_unique<Producer>(
      cluster_, events_,
      Producer::Options{.number = last_producer_, .partition = partition, .acks = acks}));
  producers_.back()->start();
}

void Workload::start_probes() {
  for (const TopicPartition& partition : lasting_partitions_) {
    if (partition.topic.starts_with("__")) continue;  // clients may not write there
    producing_ = true;
    add_producer(partition, replica::Acks::All, true);
    probes_.push_back(producers_.back().get());
  }
}

bool Workload::probes_acknowledged() const {
  return std::all_of(probes_.begin(), probes_.end(),
                     [](const Producer* probe) { return probe->acknowledged() > 0; });
}

std::string Workload::unacknowledged_probes() const {
  std::string names;
  for (const Producer* probe : probes_) {
    if (probe->acknowledged() == 0) names += " " + probe->options().partition.to_string();
  }
  return names;
}

void Workload::stop_producers() {
  producing_ = false;
  for (const auto& producer : producers_) producer->stop();
}

bool Workload::producers_idle() const {
  return std::all_of(producers_.begin(), producers_.end(), [](const auto& producer) {
    return producer->is_idle() || producer->options().partition.topic == kChurnTopic;
  });
}

std::uint64_t Workload::acknowledged() const {
  std::uint64_t sum = 0;
  for (const auto& producer : producers_) sum += producer->acknowledged();
  return sum;
}

}  // namespace ottla::simulation
