#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/replica/transaction_check.h"
#include "broker/transaction/coordinator_core.h"
#include "common/base/topic_partition.h"
#include "simulation/client_events.h"
#include "simulation/client_metadata.h"
#include "simulation/cluster.h"
#include "simulation/transaction_ledger.h"

namespace ottla::simulation {

/// Who copies what, and how it speaks to the brokers.
struct CopierOptions {
  std::int32_t number = 0;
  std::string transactional_id;
  std::string group;
  TopicPartition input;
  std::vector<TopicPartition> outputs;
  TopicPartition coordinator;        ///< Of __transaction_state.
  TopicPartition group_coordinator;  ///< Of __consumer_offsets.
  /// Transaction version 2; otherwise it adds partitions itself and keeps its epoch (3.9).
  bool raises_epoch = false;
  /// From now on no requests are late.
  bool is_calm = false;
};

/// One process of a client that reads, writes, and commits what it has read in the same
/// transaction, one transaction after another, as Kafka's clients do: it repeats requests that were
/// not answered, aborts some transactions, and begins each from the group's committed offset
/// after anything went wrong. Requests that it gave up may arrive seconds later, on the connection
/// of then.
///
/// It stays in memory after its end: its requests may be under way.
class CopierProcess {
 public:
  CopierProcess(Cluster& cluster, ClientEvents& events, TransactionLedger& ledger,
                const CopierOptions& options, Task ended);

  void start() { init(); }
  /// SIGKILL: what it has sent is still on its way.
  void kill() { dead_ = true; }
  /// SIGSTOP for so long: it goes on as if nothing had been.
  void pause(env::Duration duration) { paused_until_ = cluster_.world().now() + duration; }
  /// It begins no more transactions.
  void stop() { stopped_ = true; }
  [[nodiscard]] bool is_idle() const { return dead_ || idle_; }

 private:
  template <class Reply>
  using Deliver =
      std::function<void(SimulatedBroker&, transaction::ConnectionTime, Callback<Reply>)>;
  /// A request to whoever leads a partition; nullopt when no answer came in time.
  template <class Reply>
  void ask(ClientMetadata& to, Deliver<Reply> deliver,
           std::function<void(std::optional<Reply>)> done);
  template <class Reply>
  void send(BrokerId to, Deliver<Reply> deliver, std::function<void(std::optional<Reply>)> done);
  /// Runs `step` if the process lives, and when it is not paused any more.
  void go_on(std::function<void()> step);
  void again(void (CopierProcess::*step)());
  void end();

  // The way of a transaction.
  void init();
  void restore_position();
  void read();
  void begin(std::int64_t count);
  void add_outputs();
  void produce();
  void produce_to(std::size_t output);
  void produced(std::size_t output, std::optional<ErrorCode> error);
  void add_offsets();
  void commit_offsets();
  void end_transaction();
  void ended(std::optional<transaction::Answer> answer);
  /// Aborts what cannot be finished, under a new epoch.
  void give_up();

  void add(std::set<TopicPartition> partitions, void (CopierProcess::*self)(),
           void (CopierProcess::*then)());
  void deliver_produce(SimulatedBroker& broker, std::size_t output,
                       const std::vector<Value>& values, const replica::TransactionCheck& check,
                       Callback<ErrorCode> reply);
  /// Whether brokers are to tell late requests by the connections that they come on.
  [[nodiscard]] bool tells_connections() const {
    return !options_.raises_epoch && !cluster_.bugs().has(Bug::TakesLateRequests);
  }

  Cluster& cluster_;
  ClientEvents& events_;
  TransactionLedger& ledger_;
  const CopierOptions& options_;
  Task ended_;
  ClientMetadata coordinator_;
  ClientMetadata group_;
  ClientMetadata input_;
  std::vector<ClientMetadata> outputs_;
  /// When each broker's present connection was opened.
  std::map<BrokerId, transaction::ConnectionTime> connections_;

  transaction::Producer producer_;
  std::optional<transaction::Producer> expected_;
  std::int64_t position_ = 0;
  TransactionLedger::Attempt attempt_ = 0;
  std::int64_t count_ = 0;     ///< Inputs of the transaction.
  std::int64_t produced_ = 0;  ///< Of those, in all outputs.
  std::int64_t batch_ = 0;     ///< Under way.
  std::size_t unacknowledged_ = 0;
  std::map<std::size_t, std::int32_t> sequences_;  ///< The next of each output.
  bool will_commit_ = false;
  bool recovers_ = false;
  bool idle_ = false;
  bool stopped_ = false;
  bool dead_ = false;
  std::uint64_t turn_ = 0;  ///< Answers to an earlier one do not count.
  env::MonotonicTime paused_until_;
};

}  // namespace ottla::simulation
