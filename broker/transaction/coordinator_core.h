#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/replica/transaction_markers.h"
#include "broker/transaction/log_records.h"
#include "broker/transaction/transaction_config.h"
#include "broker/transaction/transitions.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/base/topic_partition.h"
#include "common/cluster/coordinator_partition.h"
#include "common/env/clock.h"
#include "common/env/timer_queue.h"

namespace ottla::transaction {

/// The way into a partition of __transaction_state. The records are appended in one batch, in the
/// order of calls, only in this leader epoch; `done` comes once, possibly inside the call, when the
/// in-sync replicas have them.
class TransactionLog {
 public:
  virtual ~TransactionLog() = default;
  virtual void append(std::int32_t partition, LeaderEpoch epoch, std::vector<LogRecord> records,
                      Callback<ErrorCode> done) = 0;
};

/// What became of one marker.
enum class MarkerOutcome : std::uint8_t {
  Written,     ///< The in-sync replicas have it.
  NotWritten,  ///< Not known to be written: to be tried again.
  Superseded,  ///< The partition has seen a newer epoch of the producer: nothing is open there.
  Gone,        ///< The partition does not exist any more.
};

/// The way to the partitions of a transaction, wherever they are led. `done` comes once, possibly
/// inside the call, with one outcome for each partition, in order.
class MarkerChannel {
 public:
  virtual ~MarkerChannel() = default;
  virtual void write(replica::TransactionMarker marker,
                     Callback<std::vector<MarkerOutcome>> done) = 0;
};

/// Gives out producer ids, each once in the life of the cluster. `done` possibly inside the call.
class ProducerIdSource {
 public:
  virtual ~ProducerIdSource() = default;
  virtual void next(Callback<Result<ProducerId>> done) = 0;
};

/// When the connection was accepted that a request came on.
using ConnectionTime = env::MonotonicTime;
/// A request that is not a client's own.
inline constexpr ConnectionTime kNoConnection{};

struct InitProducerRequest {
  std::string transactional_id{};
  std::int32_t timeout_ms = 0;
  std::optional<Producer> expected{};  ///< KIP-360
  ConnectionTime connection = kNoConnection;
};
struct InitializedProducer {
  ErrorCode error = ErrorCode::None;
  Producer producer{};
};

struct AddPartitionsRequest {
  std::string transactional_id{};
  Producer producer{};
  std::set<TopicPartition> partitions{};
  ConnectionTime connection = kNoConnection;
  /// Until when it waits for what its transactional id is busy with (the markers of the last
  /// transaction), before it is told to come again. Set on arrival.
  std::optional<env::MonotonicTime> patience{};
};

struct EndRequest {
  std::string transactional_id{};
  Producer producer{};
  bool commit = false;
  EndProtocol protocol = EndProtocol::KeepsEpoch;
  ConnectionTime connection = kNoConnection;
};

struct Answer {
  ErrorCode error = ErrorCode::None;
  /// The request is older than what its producer has done since on a newer connection (W25): its
  /// own is to be closed unanswered.
  bool is_late = false;
  /// Nothing had to be written: it is true only if this broker is still the coordinator.
  bool is_remembered = false;
  /// Who the producer is from now on; differs after an end that raises the epoch.
  Producer producer{};
};

struct TransactionDescription {
  ErrorCode error = ErrorCode::None;
  std::string transactional_id{};
  TransactionImage image{};
};

struct ListFilter {
  std::vector<std::string> states{};  ///< None: any.
  std::vector<ProducerId> producers{};
  std::int64_t longer_than_ms = -1;  ///< KIP-994
};
struct TransactionList {
  ErrorCode error = ErrorCode::None;
  std::vector<std::string> unknown_states{};
  std::vector<TransactionDescription> transactions{};
};

using LoadedTransactions = std::map<std::string, TransactionImage>;

/// Kafka's transaction coordinator without the world around it: the transactional ids of the
/// partitions of __transaction_state that this broker leads, and what each request does to them.
/// Requests are answered inside the call, or later from `run_due` or from an outcome.
///
/// A decided end is written before anybody hears of it, and carried on until every partition has
/// its marker, by whichever broker is the coordinator then. Order of checks and error codes are
/// those of Kafka 3.9 (docs/transactions.md).
///
/// Thread: one.
class CoordinatorCore {
 public:
  CoordinatorCore(const TransactionConfig& config, env::Clock& clock, TransactionLog& log,
                  MarkerChannel& markers, ProducerIdSource& ids);
  CoordinatorCore(const CoordinatorCore&) = delete;
  CoordinatorCore& operator=(const CoordinatorCore&) = delete;
  ~CoordinatorCore();

  // Which transactional ids are ours.

  /// Partitions of __transaction_state; decides where an id belongs.
  void set_partition_count(std::int32_t count) { partition_count_ = count; }
  /// We lead the partition from `epoch` on, and its log must be read. False: nothing to read, since
  /// we have led it ever since the last time; its transactions go on in the new epoch.
  bool begin_loading(std::int32_t partition, LeaderEpoch epoch);
  /// Transactions whose end was decided are carried on.
  void finish_loading(std::int32_t partition, LeaderEpoch epoch, LoadedTransactions loaded);
  /// Another broker leads it, or nobody: its transactions are forgotten.
  void resign(std::int32_t partition);

  // Time.

  [[nodiscard]] std::optional<env::MonotonicTime> next_deadline() const { return timers_.next(); }
  void run_due();
  /// Aborts transactions that have been open for longer than they may, and fences their producers.
  void abort_timed_out();
  /// Forgets ids that nobody has used for transactional.id.expiration.ms.
  void expire_ids();

  // Producers.

  void init_producer(InitProducerRequest request, Callback<InitializedProducer> done);
  void add_partitions(AddPartitionsRequest request, Callback<Answer> done);
  void end(EndRequest request, Callback<Answer> done);
  /// Whether each of the partitions is in the producer's ongoing transaction (KIP-890): one code
  /// for each, in order.
  [[nodiscard]] std::vector<ErrorCode> verify(const std::string& transactional_id,
                                              const Producer& producer,
                                              const std::vector<TopicPartition>& partitions) const;

  // Operators (KIP-664).

  [[nodiscard]] TransactionDescription describe(const std::string& transactional_id) const;
  [[nodiscard]] TransactionList list(const ListFilter& filter) const;

  struct Sizes {
    std::map<TransactionState, std::size_t> transactions;
    std::size_t partitions_loading = 0;
    /// Markers that some partition has not taken for a while.
    std::size_t markers_retried = 0;
    std::size_t appends_retried = 0;
    std::int64_t oldest_open_ms = 0;  ///< How long the oldest transaction has been open.
    std::int64_t timeouts = 0;        ///< Aborted for that, since the start.
  };
  [[nodiscard]] Sizes sizes() const;

 private:
  struct Transaction;
  using TransactionPtr = std::shared_ptr<Transaction>;
  /// A request that waits for its transactional id.
  struct Waiting {
    AddPartitionsRequest request;
    Callback<Answer> done;
    env::TimerQueue::Key timer;
  };
  /// The transactional ids of one partition of __transaction_state.
  struct Shard {
    LeaderEpoch epoch{};
    env::MonotonicTime since{};  ///< When we were elected.
    bool loading = true;
    std::map<std::string, TransactionPtr> transactions{};
  };

  // coordinator_core.cc
  /// Whether this load is still wanted.
  [[nodiscard]] bool is_loading(std::int32_t partition, LeaderEpoch epoch) const;
  /// InvalidRequest, CoordinatorLoadInProgress, NotCoordinator.
  [[nodiscard]] ErrorCode check(const std::string& transactional_id) const;
  [[nodiscard]] TransactionPtr find(const std::string& transactional_id) const;
  TransactionPtr create(const std::string& transactional_id, ProducerId id,
                        std::int32_t timeout_ms);
  [[nodiscard]] std::vector<TransactionPtr> all() const;

  // requests.cc
  void init_with(InitProducerRequest request, std::optional<ProducerId> fresh,
                 Callback<InitializedProducer> done);
  void init_known(const TransactionPtr& transaction, InitProducerRequest request,
                  std::optional<ProducerId> fresh, Callback<InitializedProducer> done);
  void end_with(EndRequest request, std::optional<ProducerId> fresh, Callback<Answer> done);
  [[nodiscard]] static bool is_late(Transaction& transaction, ConnectionTime accepted);
  void await_turn(const TransactionPtr& transaction, AddPartitionsRequest request,
                  Callback<Answer> done);
  void wake(Transaction& transaction);
  void ask_again(Waiting waiting);

  // steps.cc
  /// Writes `next`, and takes it over once it is written.
  void transition(const TransactionPtr& transaction, TransactionImage next,
                  Callback<ErrorCode> done);
  void append_pending(const TransactionPtr& transaction, Callback<ErrorCode> done);
  void on_appended(const TransactionPtr& transaction, ErrorCode outcome, Callback<ErrorCode> done);
  void fence(const TransactionPtr& transaction, Callback<ErrorCode> done);
  void begin_ending(const TransactionPtr& transaction);
  void send_markers(const TransactionPtr& transaction);
  void on_markers(const TransactionPtr& transaction, const std::vector<TopicPartition>& partitions,
                  const std::vector<MarkerOutcome>& outcomes);
  void complete_now(const TransactionPtr& transaction);
  void append_tombstones(std::int32_t partition, std::vector<TransactionPtr> expired);
  /// Later by the transaction's back-off, if it is ours then.
  void retry(const TransactionPtr& transaction,
             void (CoordinatorCore::*step)(const TransactionPtr&));
  void append_again(const TransactionPtr& transaction);
  void forget(Transaction& transaction);

  const TransactionConfig& config_;
  env::Clock& clock_;
  TransactionLog& log_;
  MarkerChannel& markers_;
  ProducerIdSource& ids_;
  std::int32_t partition_count_;
  std::map<std::int32_t, Shard> shards_;
  std::int64_t timeouts_ = 0;
  env::TimerQueue timers_;
};

}  // namespace ottla::transaction
