#include "simulation/workload.h"

#include <algorithm>
#include <utility>

#include "broker/group/log_records.h"
#include "broker/replica/log_dirs.h"
#include "broker/replica/replicas.h"
#include "broker/transaction/log_records.h"
#include "controller/controller.h"
#include "simulation/topic_catalog.h"
#include "simulation/workload_names.h"

namespace ottla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr env::Duration kAdminTimeout = seconds(3);
constexpr const char* kChurnTopic = "safe-churn";

template <class Outcome>
ErrorCode first_error(const std::vector<Outcome>& outcomes) {
  return outcomes.empty() ? ErrorCode::UnknownServerError : outcomes.front().error;
}

ErrorCode first_error(const controller::PartitionsReply& reply) {
  return reply.error != ErrorCode::None ? reply.error : first_error(reply.partitions);
}

/// An administrator asks any broker, who sends him to the controller; here: asks them in turn.
template <class Reply, class Request>
void ask_controller(Cluster& cluster, Request request,
                    void (controller::Controller::*method)(Request, Callback<Reply>),
                    Callback<std::optional<ErrorCode>> done) {
  const auto& brokers = cluster.broker_ids();
  const BrokerId any = brokers[cluster.random().below(brokers.size())];
  cluster.ask<ErrorCode>(
      any, kAdminTimeout,
      [request = std::move(request), method](SimulatedBroker& broker,
                                             Callback<ErrorCode> reply) mutable {
        controller::Controller* const controller = broker.controller();
        if (controller == nullptr) return std::move(reply)(ErrorCode::NotController);
        // The controller answers on its own loop; the request's connection is on the client loop.
        (controller->*method)(request, [loop = broker.client_loop(),
                                        reply = std::move(reply)](const Reply& outcome) mutable {
          loop->post([reply = std::move(reply), error = first_error(outcome)]() mutable {
            std::move(reply)(error);
          });
        });
      },
      std::move(done));
}

}  // namespace

Workload::Workload(Cluster& cluster, ClientEvents& events, bool transactions)
    : cluster_(cluster), events_(events), transactions_(transactions) {}

void Workload::start() {
  std::vector<Topic> topics = {{"safe-a", 2, 3}, {"safe-b", 1, 3}, {"unclean-c", 1, 2}};
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
    create(topic, [this, topic] { start_clients(topic); });
  }
  if (!transactions_) churn();
  move_replicas();
  move_logs();
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

void Workload::start_clients(const Topic& topic) {
  for (std::int32_t number = 0; number < topic.partitions; ++number) {
    const TopicPartition partition{topic.name, number};
    if (transactions_) {
      if (topic.name == kInputTopic) add_producer(partition, replica::Acks::All, true);
      continue;
    }
    add_producer(partition, replica::Acks::All, true);
    add_producer(partition, number == 0 ? replica::Acks::Leader : replica::Acks::All, false);
    consumers_.push_back(std::make_unique<Consumer>(cluster_, events_, partition));
    consumers_.back()->start();
  }
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

void Workload::move_replicas() {
  if (!churning_) return;
  env::Random& random = cluster_.random();
  cluster_.after(milliseconds(300 + random.below(4000)), [this, &random] {
    if (!churning_) return;
    const TopicPartition partition = lasting_partitions_[random.below(lasting_partitions_.size())];
    if (random.below(4) == 0) {
      ask_for_leader(partition);
      return move_replicas();
    }
    controller::AlterReassignmentsRequest request;
    request.timeout = seconds(2);
    controller::WantedReplicas wanted{partition, std::nullopt};  // give up what is under way
    if (random.below(5) != 0) {
      wanted.replicas = cluster_.broker_ids();
      while (wanted.replicas->size() > 2 && random.below(2) == 0) {
        wanted.replicas->erase(wanted.replicas->begin() +
                               static_cast<std::ptrdiff_t>(random.below(wanted.replicas->size())));
      }
      for (std::size_t i = wanted.replicas->size(); i > 1; --i) {
        std::swap((*wanted.replicas)[i - 1], (*wanted.replicas)[random.below(i)]);
      }
    }
    request.partitions.push_back(std::move(wanted));
    ask_controller<controller::PartitionsReply>(cluster_, std::move(request),
                                                &controller::Controller::alter_reassignments,
                                                [this](std::optional<ErrorCode> error) {
                                                  if (error == ErrorCode::None) ++moves_;
                                                });
    move_replicas();
  });
}

void Workload::move_logs() {
  env::Random& random = cluster_.random();
  cluster_.after(milliseconds(300 + random.below(3000)), [this, &random] {
    if (!churning_) return;
    const auto& brokers = cluster_.broker_ids();
    const replica::LogDirChange change{
        lasting_partitions_[random.below(lasting_partitions_.size())],
        kLogDirectories.at(random.below(kLogDirectories.size()))};
    cluster_.ask<ErrorCode>(
        brokers[random.below(brokers.size())], kAdminTimeout,
        [change](SimulatedBroker& broker, Callback<ErrorCode> reply) {
          replica::Replicas* const replicas = broker.replicas();
          if (replicas == nullptr) return std::move(reply)(ErrorCode::BrokerNotAvailable);
          replicas->alter_log_dirs(
              {change}, *broker.client_loop(),
              [reply = std::move(reply)](const std::vector<ErrorCode>& outcomes) mutable {
                std::move(reply)(outcomes.at(0));
              });
        },
        [this](std::optional<ErrorCode> error) {
          if (error == ErrorCode::None) ++log_moves_;
        });
    move_logs();
  });
}

void Workload::ask_for_leader(const TopicPartition& partition) {
  controller::ElectLeadersRequest request;
  request.partitions = {{partition}};
  request.timeout = seconds(2);
  // Whoever leads in the end: the rules hold.
  ask_controller<controller::PartitionsReply>(cluster_, std::move(request),
                                              &controller::Controller::elect_leaders,
                                              [](std::optional<ErrorCode>) {});
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
