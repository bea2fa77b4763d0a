#pragma once

#include <functional>
#include <vector>

#include "broker/replica/fetch.h"
#include "simulation/client_events.h"
#include "simulation/client_metadata.h"
#include "simulation/cluster.h"
#include "simulation/transaction_ledger.h"

namespace ottla::simulation {

/// A client that reads one partition with isolation.level=read_committed, and leaves out what the
/// answer's list of aborted transactions tells it to, as clients do.
class CommittedReader {
 public:
  CommittedReader(Cluster& cluster, ClientEvents& events, TransactionLedger& ledger,
                  std::function<void(const Complaint&)> complain, TopicPartition partition);

  void start() { attempt(); }
  [[nodiscard]] Offset position() const { return position_; }
  [[nodiscard]] const TopicPartition& partition() const { return partition_; }

 private:
  struct Answer {
    ErrorCode error = ErrorCode::None;
    std::vector<LoggedRecord> records{};
    Offset next{0};
  };
  void attempt();
  void send(BrokerId leader);
  void deliver(SimulatedBroker& broker, Offset from, Callback<Answer> reply);
  [[nodiscard]] static Answer committed_of(const replica::FetchedPartition& fetched, Offset from);
  void answered(std::optional<Answer> answer);
  void later();

  Cluster& cluster_;
  ClientEvents& events_;
  TransactionLedger& ledger_;
  const std::function<void(const Complaint&)> complain_;
  const TopicPartition partition_;
  ClientMetadata metadata_;
  Offset position_{0};
};

}  // namespace ottla::simulation
