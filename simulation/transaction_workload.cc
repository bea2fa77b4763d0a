#include "simulation/transaction_workload.h"

#include <utility>

#include "broker/group/log_records.h"
#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "broker/storage/log.h"
#include "broker/transaction/log_records.h"
#include "common/cluster/coordinator_partition.h"
#include "simulation/workload_names.h"

namespace ottla::simulation {
namespace {

using std::chrono::milliseconds;

}  // namespace

TransactionWorkload::TransactionWorkload(Cluster& cluster, ClientEvents& events,
                                         std::function<void(const Complaint&)> complain)
    : cluster_(cluster), events_(events), complain_(std::move(complain)) {
  for (std::int32_t number = 0; number < kOutputs; ++number) {
    outputs_.push_back({kOutputTopic, number});
  }
  for (std::int32_t number = 0; number < kInputs; ++number) {
    auto copier = std::make_unique<Copier>();
    CopierOptions& options = copier->options;
    options.number = number;
    options.transactional_id = "copier-" + std::to_string(number);
    options.group = "copiers-" + std::to_string(number);
    options.input = {kInputTopic, number};
    options.outputs = outputs_;
    options.coordinator = {
        transaction::kTransactionsTopic,
        cluster::coordinator_partition(options.transactional_id, kTransactionPartitions)};
    options.group_coordinator = {group::kOffsetsTopic, 0};
    options.raises_epoch = number % 2 == 1;
    copiers_.push_back(std::move(copier));
  }
}

void TransactionWorkload::start() {
  for (const TopicPartition& output : outputs_) {
    readers_.push_back(
        std::make_unique<CommittedReader>(cluster_, events_, ledger_, complain_, output));
    readers_.back()->start();
  }
  for (const auto& copier : copiers_) {
    start_process(*copier);
    disturb(*copier);
  }
}

void TransactionWorkload::start_process(Copier& copier) {
  copier.processes.push_back(std::make_unique<CopierProcess>(
      cluster_, events_, ledger_, copier.options,
      [this, &copier, number = copier.processes.size()] {
        cluster_.after(milliseconds(50 + cluster_.random().below(300)), [this, &copier, number] {
          if (number + 1 == copier.processes.size()) start_process(copier);
        });
      }));
  if (stopped_) copier.processes.back()->stop();
  copier.processes.back()->start();
}

/// It dies, or sleeps and is replaced by another one, whom it does not know of when it wakes.
void TransactionWorkload::disturb(Copier& copier) {
  cluster_.after(milliseconds(1000 + cluster_.random().below(6000)), [this, &copier] {
    if (calm_) return;
    CopierProcess& process = *copier.processes.back();
    if (cluster_.random().below(2) == 0) {
      process.kill();
    } else {
      process.pause(milliseconds(cluster_.random().below(5000)));
    }
    start_process(copier);
    disturb(copier);
  });
}

void TransactionWorkload::calm() {
  calm_ = true;
  for (const auto& copier : copiers_) copier->options.is_calm = true;
}

void TransactionWorkload::stop() {
  stopped_ = true;
  for (const auto& copier : copiers_) {
    for (const auto& process : copier->processes) process->stop();
  }
}

std::string TransactionWorkload::missing(const std::map<TopicPartition, Offset>& input_ends) const {
  std::string missing;
  for (const auto& copier : copiers_) {
    const auto end = input_ends.find(copier->options.input);
    for (const TopicPartition& output : outputs_) {
      const std::int64_t shown = ledger_.shown(copier->options.number, output);
      if (end != input_ends.end() && shown == end->second.value()) continue;
      missing += " " + output.to_string() + " shows " + std::to_string(shown) +
                 " inputs of copier " + std::to_string(copier->options.number) +
                 (end == input_ends.end() ? "" : " of " + std::to_string(end->second.value())) +
                 ";";
    }
  }
  return missing;
}

std::string TransactionWorkload::unsettled() {
  std::string unsettled;
  for (const auto& copier : copiers_) {
    if (!copier->processes.back()->is_idle()) {
      unsettled += " copier " + std::to_string(copier->options.number) + " is at work;";
    }
  }
  std::vector<TopicPartition> partitions = outputs_;
  partitions.push_back(copiers_.front()->options.group_coordinator);
  for (const BrokerId id : cluster_.broker_ids()) {
    replica::Replicas* const replicas = cluster_.broker(id).replicas();
    if (replicas == nullptr) continue;
    for (const TopicPartition& name : partitions) {
      const auto partition = replicas->partition(name);
      const auto view = partition ? partition->view() : replica::Partition::View{};
      if (view.role != replica::Partition::Role::Leader || !view.log) continue;
      const Offset end = view.log->log_end_offset();
      const Offset stable = view.log->last_stable_offset(view.high_watermark);
      if (stable != end) {
        unsettled += " " + name.to_string() + " ends at " + std::to_string(end.value()) +
                     ", last stable offset " + std::to_string(stable.value()) + ";";
      }
      for (const auto& reader : readers_) {
        if (reader->partition() == name && reader->position() < end) {
          unsettled += " a reader of " + name.to_string() + " is at " +
                       std::to_string(reader->position().value()) + " of " +
                       std::to_string(end.value()) + ";";
        }
      }
    }
  }
  return unsettled;
}

}  // namespace ottla::simulation
