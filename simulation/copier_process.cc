#include "simulation/copier_process.h"

#include <glog/logging.h>

#include <memory>
#include <utility>

#include "broker/group/group_coordinator.h"
#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "broker/transaction/transaction_coordinator.h"
#include "common/record/record_batch_builder.h"

namespace ottla::simulation {
namespace {

using std::chrono::milliseconds;
using transaction::Answer;
using transaction::ConnectionTime;
using transaction::InitializedProducer;

constexpr milliseconds kRequestTimeout{1'000};
constexpr milliseconds kAckTimeout{800};
constexpr std::int32_t kTransactionTimeoutMs = 4'000;
/// Requests that a client gives up may arrive so much later.
constexpr std::uint64_t kLatestMs = 4'000;
constexpr std::uint64_t kLatePerMille = 20;
constexpr std::uint64_t kAbortedPercent = 20;
constexpr std::int64_t kMostInputs = 5;

/// What has to be done again, as it was.
bool is_passing(ErrorCode error) {
  switch (error) {
    case ErrorCode::NotLeaderOrFollower:
    case ErrorCode::LeaderNotAvailable:
    case ErrorCode::UnknownTopicOrPartition:
    case ErrorCode::NotEnoughReplicas:
    case ErrorCode::NotEnoughReplicasAfterAppend:
    case ErrorCode::RequestTimedOut:
    case ErrorCode::KafkaStorageError:
    case ErrorCode::NetworkException:
    case ErrorCode::NotCoordinator:
    case ErrorCode::CoordinatorNotAvailable:
    case ErrorCode::CoordinatorLoadInProgress:
    case ErrorCode::ConcurrentTransactions:
    case ErrorCode::UnstableOffsetCommit:
    case ErrorCode::InconsistentTopicId:
      return true;
    default:
      return false;
  }
}

bool is_fencing(ErrorCode error) {
  return error == ErrorCode::ProducerFenced || error == ErrorCode::InvalidProducerEpoch;
}

struct Position {
  ErrorCode error = ErrorCode::None;
  std::int64_t offset = 0;
};

struct Inputs {
  ErrorCode error = ErrorCode::None;
  std::int64_t count = 0;
};

/// A late answer is a closed connection: there is none.
Callback<const Answer&> unless_late(Callback<Answer> reply) {
  return [reply = std::move(reply)](const Answer& answer) mutable {
    if (!answer.is_late) std::move(reply)(answer);
  };
}

}  // namespace

CopierProcess::CopierProcess(Cluster& cluster, ClientEvents& events, TransactionLedger& ledger,
                             const CopierOptions& options, Task ended)
    : cluster_(cluster),
      events_(events),
      ledger_(ledger),
      options_(options),
      ended_(std::move(ended)),
      coordinator_(cluster, options.coordinator),
      group_(cluster, options.group_coordinator),
      input_(cluster, options.input) {
  for (const TopicPartition& output : options.outputs) outputs_.emplace_back(cluster, output);
}

void CopierProcess::go_on(std::function<void()> step) {
  if (dead_) return;
  const env::MonotonicTime now = cluster_.world().now();
  if (now >= paused_until_) return step();
  cluster_.after(paused_until_ - now, [this, step = std::move(step)] { go_on(step); });
}

void CopierProcess::again(void (CopierProcess::*step)()) {
  cluster_.after(milliseconds(20 + cluster_.random().below(80)), [this, step, turn = turn_] {
    go_on([this, step, turn] {
      if (turn == turn_) (this->*step)();
    });
  });
}

void CopierProcess::end() {
  if (std::exchange(dead_, true)) return;
  std::move(ended_)();
}

template <class Reply>
void CopierProcess::ask(ClientMetadata& to, Deliver<Reply> deliver,
                        std::function<void(std::optional<Reply>)> done) {
  if (const auto leader = to.leader()) {
    return send<Reply>(*leader, std::move(deliver),
                       [&to, done = std::move(done)](std::optional<Reply> reply) {
                         if (!reply) to.forget_leader();
                         done(std::move(reply));
                       });
  }
  to.refresh([this, &to, deliver = std::move(deliver), done = std::move(done)]() mutable {
    go_on([this, &to, deliver = std::move(deliver), done = std::move(done)] {
      if (to.leader()) return ask<Reply>(to, deliver, done);
      done(std::nullopt);
    });
  });
}

template <class Reply>
void CopierProcess::send(BrokerId to, Deliver<Reply> deliver,
                         std::function<void(std::optional<Reply>)> done) {
  const auto open = [this] { return cluster_.world().now(); };
  const ConnectionTime connection = connections_.try_emplace(to, open()).first->second;
  const auto is_over = std::make_shared<bool>(false);
  auto heard = [this, to, is_over, connection,
                done = std::move(done)](const std::optional<Reply>& reply) {
    if (std::exchange(*is_over, true)) return;
    go_on([this, to, connection, done, reply] {
      // Its next request goes over another connection.
      if (!reply && connections_[to] == connection) connections_.erase(to);
      done(reply);
    });
  };
  const bool is_late = !options_.is_calm && cluster_.random().below(1000) < kLatePerMille;
  const milliseconds lateness(is_late ? cluster_.random().below(kLatestMs) : 0);
  cluster_.after(kRequestTimeout, [heard] { heard(std::nullopt); });
  cluster_.after(lateness, [this, to, connection, deliver = std::move(deliver), heard] {
    cluster_.ask<Reply>(
        to, 2 * kRequestTimeout,
        [deliver, connection](SimulatedBroker& broker, Callback<Reply> reply) {
          deliver(broker, connection, std::move(reply));
        },
        [heard](std::optional<Reply> reply) { heard(reply); });
  });
}

void CopierProcess::init() {
  ++turn_;
  ask<InitializedProducer>(
      coordinator_,
      [this, expected = expected_](SimulatedBroker& broker, ConnectionTime connection,
                                   Callback<InitializedProducer> reply) {
        auto* const transactions = broker.transactions();
        if (transactions == nullptr) {
          return std::move(reply)({.error = ErrorCode::NotCoordinator});
        }
        transactions->init_producer({.transactional_id = options_.transactional_id,
                                     .timeout_ms = kTransactionTimeoutMs,
                                     .expected = expected,
                                     .connection = connection},
                                    std::move(reply));
      },
      [this](std::optional<InitializedProducer> answer) {
        if (!answer || is_passing(answer->error)) {
          coordinator_.forget_leader();
          return again(&CopierProcess::init);
        }
        if (answer->error != ErrorCode::None) return end();
        producer_ = answer->producer;
        sequences_.clear();
        restore_position();
      });
}

void CopierProcess::restore_position() {
  ++turn_;
  ask<Position>(
      group_,
      [this](SimulatedBroker& broker, ConnectionTime, Callback<Position> reply) {
        auto* const groups = broker.groups();
        if (groups == nullptr) return std::move(reply)({.error = ErrorCode::NotCoordinator});
        groups->fetch(
            {{.group = options_.group, .partitions = {{options_.input}}}},
            /*require_stable=*/true,
            [reply = std::move(reply)](const std::vector<group::FetchedOffsets>& fetched) mutable {
              const group::FetchedOffsets& told = fetched.front();
              if (told.error != ErrorCode::None) {
                return std::move(reply)({.error = told.error});
              }
              const group::FetchedOffset& offset = told.offsets.front();
              std::move(reply)(
                  {offset.error, std::max<std::int64_t>(offset.committed.offset.value(), 0)});
            });
      },
      [this](std::optional<Position> answer) {
        if (!answer || answer->error != ErrorCode::None) {
          group_.forget_leader();
          return again(&CopierProcess::restore_position);
        }
        position_ = answer->offset;
        LOG(INFO) << options_.transactional_id << " begins at input " << position_ << ", producer "
                  << producer_.id << ", producer epoch " << producer_.epoch;
        read();
      });
}

void CopierProcess::read() {
  ++turn_;
  idle_ = true;
  if (stopped_) return again(&CopierProcess::read);
  ask<Inputs>(
      input_,
      [this, from = position_](SimulatedBroker& broker, ConnectionTime, Callback<Inputs> reply) {
        replica::Replicas* const replicas = broker.replicas();
        if (replicas == nullptr) return std::move(reply)({ErrorCode::NotLeaderOrFollower, 0});
        replica::FetchRequest request;
        request.partitions.push_back({.partition = options_.input,
                                      .topic_id = input_.topic_id(),
                                      .fetch_offset = Offset(from),
                                      .max_bytes = 1 << 12});
        request.max_bytes = 1 << 12;
        replicas->fetch(
            std::move(request), *broker.client_loop(),
            [from, reply = std::move(reply)](const replica::FetchResult& result) mutable {
              Inputs inputs{result.front().error, 0};
              if (inputs.error == ErrorCode::None) {
                const auto records = decode_records(bytes_of(result.front().records));
                CHECK(records.has_value()) << records.error();
                if (!records->empty()) inputs.count = records->back().offset.value() + 1 - from;
              }
              std::move(reply)(inputs);
            });
      },
      [this](std::optional<Inputs> inputs) {
        if (!inputs || inputs->error != ErrorCode::None) input_.forget_leader();
        if (stopped_ || !inputs || inputs->error != ErrorCode::None || inputs->count <= 0) {
          return again(&CopierProcess::read);
        }
        const std::int64_t most =
            1 + static_cast<std::int64_t>(cluster_.random().below(kMostInputs));
        begin(std::min(inputs->count, most));
      });
}

void CopierProcess::begin(std::int64_t count) {
  ++turn_;
  idle_ = false;
  recovers_ = false;
  count_ = count;
  produced_ = 0;
  will_commit_ = cluster_.random().below(100) >= kAbortedPercent;
  attempt_ = ledger_.begin(options_.number, position_, position_ + count);
  if (options_.raises_epoch) return produce();
  add_outputs();
}

void CopierProcess::add_outputs() {
  add({options_.outputs.begin(), options_.outputs.end()}, &CopierProcess::add_outputs,
      &CopierProcess::produce);
}

void CopierProcess::add_offsets() {
  add({options_.group_coordinator}, &CopierProcess::add_offsets, &CopierProcess::commit_offsets);
}

/// AddPartitionsToTxn and AddOffsetsToTxn.
void CopierProcess::add(std::set<TopicPartition> partitions, void (CopierProcess::*self)(),
                        void (CopierProcess::*then)()) {
  ask<Answer>(
      coordinator_,
      [this, producer = producer_, partitions = std::move(partitions)](
          SimulatedBroker& broker, ConnectionTime connection, Callback<Answer> reply) {
        auto* const transactions = broker.transactions();
        if (transactions == nullptr) {
          return std::move(reply)({.error = ErrorCode::NotCoordinator});
        }
        if (!tells_connections()) connection = transaction::kNoConnection;
        transactions->add_partitions({.transactional_id = options_.transactional_id,
                                      .producer = producer,
                                      .partitions = partitions,
                                      .connection = connection},
                                     unless_late(std::move(reply)));
      },
      [this, self, then](std::optional<Answer> answer) {
        if (!answer || is_passing(answer->error)) {
          coordinator_.forget_leader();
          return again(self);
        }
        if (is_fencing(answer->error)) return end();
        if (answer->error != ErrorCode::None) return give_up();
        (this->*then)();
      });
}

void CopierProcess::produce() {
  if (produced_ == count_) {
    if (!will_commit_ && cluster_.random().below(2) == 0) return end_transaction();
    return options_.raises_epoch ? commit_offsets() : add_offsets();
  }
  ++turn_;
  batch_ = 1 + static_cast<std::int64_t>(
                   cluster_.random().below(static_cast<std::uint64_t>(count_ - produced_)));
  unacknowledged_ = options_.outputs.size();
  for (std::size_t output = 0; output < options_.outputs.size(); ++output) produce_to(output);
}

void CopierProcess::produce_to(std::size_t output) {
  std::vector<Value> values;
  for (std::int64_t i = 0; i < batch_; ++i) {
    values.push_back(ledger_.record(attempt_, position_ + produced_ + i));
  }
  replica::TransactionCheck check{.transactional_id = options_.transactional_id,
                                  .producer_id = producer_.id,
                                  .producer_epoch = producer_.epoch,
                                  .knows_abortable = true,
                                  .adds = options_.raises_epoch,
                                  .partitions = {{options_.outputs[output], sequences_[output]}}};
  ask<ErrorCode>(
      outputs_[output],
      [this, output, values = std::move(values), check = std::move(check)](
          SimulatedBroker& broker, ConnectionTime, Callback<ErrorCode> reply) {
        deliver_produce(broker, output, values, check, std::move(reply));
      },
      [this, output, turn = turn_](std::optional<ErrorCode> error) {
        if (turn == turn_) produced(output, error);
      });
}

void CopierProcess::produced(std::size_t output, std::optional<ErrorCode> error) {
  if (!error || is_passing(*error)) {
    outputs_[output].forget_leader();
    // delivery.timeout.ms, at any moment.
    if (!error && cluster_.random().below(3) == 0) return give_up();
    return cluster_.after(milliseconds(20 + cluster_.random().below(80)),
                          [this, output, turn = turn_] {
                            go_on([this, output, turn] {
                              if (turn == turn_) produce_to(output);
                            });
                          });
  }
  if (is_fencing(*error)) return end();
  if (*error != ErrorCode::None && *error != ErrorCode::DuplicateSequenceNumber) return give_up();
  sequences_[output] += static_cast<std::int32_t>(batch_);
  if (--unacknowledged_ > 0) return;
  produced_ += batch_;
  produce();
}

/// Runs on the broker's loop, as the handler of Produce does.
void CopierProcess::deliver_produce(SimulatedBroker& broker, std::size_t output,
                                    const std::vector<Value>& values,
                                    const replica::TransactionCheck& check,
                                    Callback<ErrorCode> reply) {
  replica::Replicas* const replicas = broker.replicas();
  const TopicPartition& name = options_.outputs[output];
  const auto partition = replicas != nullptr ? replicas->partition(name) : nullptr;
  if (!partition) return std::move(reply)(ErrorCode::NotLeaderOrFollower);
  const PartitionKey key{partition->topic_id(), name.partition};
  auto bytes = std::make_shared<std::vector<std::byte>>(
      encode_records(values,
                     {.producer_id = check.producer_id,
                      .producer_epoch = check.producer_epoch,
                      .base_sequence = check.partitions.front().base_sequence,
                      .transactional = true},
                     cluster_.world().clock().wall_now_ms()));
  env::Executor& loop = *broker.client_loop();
  replicas->verify_transaction(
      check, loop,
      [this, replicas, &loop, key, name, values, bytes, adds = check.adds, id = broker.id(),
       reply = std::move(reply)](const std::vector<replica::VerifiedPartition>& verified) mutable {
        if (const ErrorCode error = verified.front().error; error != ErrorCode::None) {
          return std::move(reply)(replica::produce_error(error, adds));
        }
        replica::AppendRequest request;
        request.partitions.push_back(
            {name, MutableByteView(*bytes), std::nullopt, verified.front().token});
        request.owner = bytes;
        request.acks = replica::Acks::All;
        request.timeout = kAckTimeout;
        replicas->append(std::move(request), loop,
                         [this, id, key, values,
                          reply = std::move(reply)](const replica::AppendResult& result) mutable {
                           const replica::AppendedPartition& appended = result.front();
                           if (appended.error == ErrorCode::None) {
                             events_.on_acknowledged(id, key, appended.base_offset, values);
                           }
                           std::move(reply)(appended.error);
                         });
      });
}

void CopierProcess::commit_offsets() {
  ++turn_;
  group::CommitRequest request{.group = options_.group};
  request.offsets.push_back(
      {.partition = options_.input, .committed = {.offset = Offset(position_ + count_)}});
  if (!cluster_.bugs().has(Bug::CommitsOffsetsAlone)) {
    request.transaction = {.transactional_id = options_.transactional_id,
                           .producer_id = producer_.id,
                           .producer_epoch = producer_.epoch,
                           .knows_abortable = true,
                           .adds = options_.raises_epoch};
  }
  ask<ErrorCode>(
      group_,
      [this, request](SimulatedBroker& broker, ConnectionTime connection,
                      Callback<ErrorCode> reply) mutable {
        auto* const groups = broker.groups();
        if (groups == nullptr) return std::move(reply)(ErrorCode::NotCoordinator);
        if (request.transaction && tells_connections()) {
          request.transaction->connection = connection;
        }
        groups->commit(request,
                       [reply = std::move(reply)](const std::vector<ErrorCode>& outcomes) mutable {
                         if (!outcomes.empty()) std::move(reply)(outcomes.front());
                       });
      },
      [this](std::optional<ErrorCode> error) {
        if (!error || is_passing(*error)) {
          group_.forget_leader();
          return again(&CopierProcess::commit_offsets);
        }
        if (is_fencing(*error)) return end();
        if (*error != ErrorCode::None) return give_up();
        end_transaction();
      });
}

void CopierProcess::end_transaction() {
  ++turn_;
  if (will_commit_) ledger_.asks_for_commit(attempt_);
  ask<Answer>(
      coordinator_,
      [this, producer = producer_, commit = will_commit_, attempt = attempt_](
          SimulatedBroker& broker, ConnectionTime connection, Callback<Answer> reply) {
        auto* const transactions = broker.transactions();
        if (transactions == nullptr) {
          return std::move(reply)({.error = ErrorCode::NotCoordinator});
        }
        if (!tells_connections()) connection = transaction::kNoConnection;
        Callback<Answer> told = [this, commit, attempt,
                                 reply = std::move(reply)](const Answer& answer) mutable {
          if (answer.error == ErrorCode::None && commit) ledger_.is_committed(attempt);
          std::move(reply)(answer);
        };
        if (cluster_.bugs().has(Bug::AnswersEndsEarly) && !options_.raises_epoch) {
          std::move(told)({.error = ErrorCode::None, .producer = producer});
          told = [](const Answer&) {};
        }
        transactions->end({.transactional_id = options_.transactional_id,
                           .producer = producer,
                           .commit = commit,
                           .protocol = options_.raises_epoch ? transaction::EndProtocol::RaisesEpoch
                                                             : transaction::EndProtocol::KeepsEpoch,
                           .connection = connection},
                          unless_late(std::move(told)));
      },
      [this](std::optional<Answer> answer) { ended(std::move(answer)); });
}

void CopierProcess::ended(std::optional<Answer> answer) {
  LOG(INFO) << options_.transactional_id << " hears of the " << (will_commit_ ? "commit" : "abort")
            << " of transaction " << attempt_ << " (inputs " << position_ << " to "
            << position_ + count_ << ", producer epoch " << producer_.epoch
            << "): " << (answer ? name_of(answer->error) : "nothing");
  if (!answer || is_passing(answer->error)) {
    coordinator_.forget_leader();
    return again(&CopierProcess::end_transaction);
  }
  if (is_fencing(answer->error)) return end();
  // There was nothing to abort.
  const bool was_empty = !will_commit_ && answer->error == ErrorCode::InvalidTxnState;
  if (answer->error != ErrorCode::None && !was_empty) return end();
  if (options_.raises_epoch && !was_empty) {
    producer_ = answer->producer;
    sequences_.clear();
  } else if (recovers_) {
    expected_ = producer_;
    return init();
  }
  if (!will_commit_) return restore_position();
  position_ += count_;
  read();
}

void CopierProcess::give_up() {
  will_commit_ = false;
  recovers_ = true;
  end_transaction();
}

}  // namespace ottla::simulation
