#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulation/client_events.h"
#include "simulation/cluster.h"
#include "simulation/committed_reader.h"
#include "simulation/copier_process.h"
#include "simulation/transaction_ledger.h"

namespace ottla::simulation {

/// The clients of a run with transactions, beside those of `Workload`, which fill the inputs:
/// copiers of both transaction versions, which die, are stopped for a while as zombies, and start
/// again, and readers of what they have committed.
class TransactionWorkload {
 public:
  TransactionWorkload(Cluster& cluster, ClientEvents& events,
                      std::function<void(const Complaint&)> complain);

  void start();
  /// From now on the copiers are left in peace.
  void calm();
  /// No more transactions; those under way go on.
  void stop();

  /// What of the inputs, which end there, was not read in the outputs; empty: nothing.
  [[nodiscard]] std::string missing(const std::map<TopicPartition, Offset>& input_ends) const;
  /// Copiers that have not come to rest, partitions whose last stable offset stays behind their
  /// ends, readers that are not there yet; empty: none.
  [[nodiscard]] std::string unsettled();
  /// When all that is empty.
  [[nodiscard]] std::optional<Complaint> check_whole() const {
    return ledger_.check_whole(outputs_);
  }
  [[nodiscard]] TransactionLedger::Counts counts() const { return ledger_.counts(); }

 private:
  struct Copier {
    CopierOptions options;
    /// All of them: the last one is the present one.
    std::vector<std::unique_ptr<CopierProcess>> processes{};
  };
  void start_process(Copier& copier);
  void disturb(Copier& copier);

  Cluster& cluster_;
  ClientEvents& events_;
  std::function<void(const Complaint&)> complain_;
  TransactionLedger ledger_;
  std::vector<TopicPartition> outputs_;
  std::vector<std::unique_ptr<Copier>> copiers_;
  std::vector<std::unique_ptr<CommittedReader>> readers_;
  bool calm_ = false;
  bool stopped_ = false;
};

}  // namespace ottla::simulation
