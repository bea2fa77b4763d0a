#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include <glog/logging.h>

#include "broker/transaction/coordinator_core.h"
#include "broker/transaction/transaction.h"

/// CoordinatorCore: what producers ask.
namespace ottla::transaction {
namespace {

/// How long a request waits for its transactional id. Markers take milliseconds; a client that is
/// told to come again waits for longer than that (20 to 100 ms).
constexpr std::chrono::milliseconds kPatience{100};

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

void CoordinatorCore::init_producer(InitProducerRequest request,
                                    Callback<InitializedProducer> done) {
  init_with(std::move(request), std::nullopt, std::move(done));
}

/// `fresh` is there when an earlier look has shown that one is needed.
void CoordinatorCore::init_with(InitProducerRequest request, std::optional<ProducerId> fresh,
                                Callback<InitializedProducer> done) {
  if (request.transactional_id.empty()) {
    return std::move(done)({.error = ErrorCode::InvalidRequest});
  }
  if (request.timeout_ms <= 0 || request.timeout_ms > config_.max_timeout.count()) {
    return std::move(done)({.error = ErrorCode::InvalidTransactionTimeout});
  }
  if (const ErrorCode refused = check(request.transactional_id); refused != ErrorCode::None) {
    return std::move(done)({.error = refused});
  }
  TransactionPtr transaction = find(request.transactional_id);
  if (!transaction && fresh) {
    transaction =
        create(request.transactional_id, *std::exchange(fresh, std::nullopt), request.timeout_ms);
  }
  if (transaction) return init_known(transaction, std::move(request), fresh, std::move(done));
  ids_.next(
      [this, request = std::move(request), done = std::move(done)](Result<ProducerId> id) mutable {
        if (!id) return std::move(done)({.error = id.error().code()});
        init_with(std::move(request), *id, std::move(done));
      });
}

void CoordinatorCore::init_known(const TransactionPtr& transaction, InitProducerRequest request,
                                 std::optional<ProducerId> fresh,
                                 Callback<InitializedProducer> done) {
  if (transaction->pending) {
    return std::move(done)({.error = ErrorCode::ConcurrentTransactions});
  }
  auto step = transaction::init_producer(transaction->image, request.expected, fresh,
                                         request.timeout_ms, clock_.wall_now_ms());
  if (!step) return std::move(done)({.error = step.error().code()});
  // Requests of older epochs are fenced then: where they come from does not matter any more.
  const auto begin_anew = [transaction, accepted = request.connection] {
    transaction->newest_connection = accepted;
  };
  std::visit(Overloaded{[&](TransactionImage& next) {
                          const Producer producer{next.producer_id, next.producer_epoch};
                          const bool is_another = !check_producer(transaction->image, producer);
                          transition(
                              transaction, std::move(next),
                              [=, done = std::move(done)](ErrorCode error) mutable {
                                if (error != ErrorCode::None)
                                  return std::move(done)({.error = error});
                                if (is_another) begin_anew();
                                std::move(done)({.error = ErrorCode::None, .producer = producer});
                              });
                        },
                        [&](NeedsProducerId) {
                          ids_.next([this, request = std::move(request),
                                     done = std::move(done)](Result<ProducerId> id) mutable {
                            if (!id) return std::move(done)({.error = id.error().code()});
                            init_with(std::move(request), *id, std::move(done));
                          });
                        },
                        [&](Fence) {
                          fence(transaction, [=, done = std::move(done)](ErrorCode error) mutable {
                            if (error == ErrorCode::None) begin_anew();
                            std::move(done)({.error = error == ErrorCode::None
                                                          ? ErrorCode::ConcurrentTransactions
                                                          : error});
                          });
                        }},
             *step);
}

/// Connections of one producer follow one another: what comes on an older one, after a newer one
/// has been used, was sent before that (W25; docs/transactions.md says what this rests on).
bool CoordinatorCore::is_late(Transaction& transaction, ConnectionTime accepted) {
  if (accepted == kNoConnection) return false;
  if (accepted < transaction.newest_connection) return true;
  transaction.newest_connection = accepted;
  return false;
}

void CoordinatorCore::add_partitions(AddPartitionsRequest request, Callback<Answer> done) {
  const auto refuse = [&](ErrorCode error) { std::move(done)({.error = error}); };
  if (const ErrorCode refused = check(request.transactional_id); refused != ErrorCode::None) {
    return refuse(refused);
  }
  const TransactionPtr transaction = find(request.transactional_id);
  if (!transaction) return refuse(ErrorCode::InvalidProducerIdMapping);
  if (is_next_producer(transaction->image, request.producer)) {
    return await_turn(transaction, std::move(request), std::move(done));
  }
  if (const auto is_it = check_producer(transaction->image, request.producer); !is_it) {
    return refuse(is_it.error().code());
  }
  if (is_late(*transaction, request.connection)) return std::move(done)({.is_late = true});
  if (transaction->pending) {
    return await_turn(transaction, std::move(request), std::move(done));
  }
  auto step =
      transaction::add_partitions(transaction->image, request.partitions, clock_.wall_now_ms());
  if (!step && step.error().code() == ErrorCode::ConcurrentTransactions) {
    return await_turn(transaction, std::move(request), std::move(done));
  }
  if (!step) return refuse(step.error().code());
  if (std::holds_alternative<Unchanged>(*step)) return std::move(done)({.is_remembered = true});
  transition(
      transaction, std::get<TransactionImage>(*std::move(step)),
      [done = std::move(done)](ErrorCode error) mutable { std::move(done)({.error = error}); });
}

/// Asks again when the transaction's records are written, or its end is through.
void CoordinatorCore::await_turn(const TransactionPtr& transaction, AddPartitionsRequest request,
                                 Callback<Answer> done) {
  const env::MonotonicTime now = clock_.now();
  if (!request.patience) request.patience = now + kPatience;
  const env::MonotonicTime until = *request.patience;
  if (until <= now) return std::move(done)({.error = ErrorCode::ConcurrentTransactions});
  const std::uint64_t turn = ++transaction->last_turn;
  const env::TimerQueue::Key timer = timers_.add(until, [this, transaction, turn] {
    auto waiting = transaction->waiting.extract(turn);
    if (!waiting.empty()) ask_again(std::move(waiting.mapped()));
  });
  transaction->waiting.emplace(turn, Waiting{std::move(request), std::move(done), timer});
}

void CoordinatorCore::ask_again(Waiting waiting) {
  timers_.remove(waiting.timer);
  add_partitions(std::move(waiting.request), std::move(waiting.done));
}

void CoordinatorCore::wake(Transaction& transaction) {
  for (auto& [turn, waiting] : std::exchange(transaction.waiting, {})) {
    ask_again(std::move(waiting));
  }
}

void CoordinatorCore::end(EndRequest request, Callback<Answer> done) {
  end_with(std::move(request), std::nullopt, std::move(done));
}

void CoordinatorCore::end_with(EndRequest request, std::optional<ProducerId> fresh,
                               Callback<Answer> done) {
  const auto refuse = [&](ErrorCode error) { std::move(done)({.error = error}); };
  if (const ErrorCode refused = check(request.transactional_id); refused != ErrorCode::None) {
    return refuse(refused);
  }
  const TransactionPtr transaction = find(request.transactional_id);
  if (!transaction) return refuse(ErrorCode::InvalidProducerIdMapping);
  const TransactionImage& image = transaction->image;
  const bool is_repeated = repeats_end(image, request.producer, request.protocol);
  if (!is_repeated) {
    if (const auto is_it = check_producer(image, request.producer); !is_it) {
      return refuse(is_it.error().code());
    }
    if (is_late(*transaction, request.connection)) return std::move(done)({.is_late = true});
  }
  if (transaction->pending) return refuse(ErrorCode::ConcurrentTransactions);
  auto step = end_transaction(image, request.commit, request.protocol, is_repeated, fresh,
                              clock_.wall_now_ms());
  if (!step) return refuse(step.error().code());
  std::visit(Overloaded{[&](TransactionImage& next) {
                          const Producer producer =
                              next.next_producer_id == kNoProducerId
                                  ? Producer{next.producer_id, next.producer_epoch}
                                  : Producer{next.next_producer_id, ProducerEpoch(0)};
                          transition(transaction, std::move(next),
                                     [producer, done = std::move(done)](ErrorCode error) mutable {
                                       std::move(done)({.error = error, .producer = producer});
                                     });
                        },
                        [&](Unchanged) {
                          std::move(done)({.error = ErrorCode::None,
                                           .is_remembered = true,
                                           .producer = {image.producer_id, image.producer_epoch}});
                        },
                        [&](NeedsProducerId) {
                          ids_.next([this, request = std::move(request),
                                     done = std::move(done)](Result<ProducerId> id) mutable {
                            if (!id) return std::move(done)({.error = id.error().code()});
                            end_with(std::move(request), *id, std::move(done));
                          });
                        }},
             *step);
}

std::vector<ErrorCode> CoordinatorCore::verify(
    const std::string& transactional_id, const Producer& producer,
    const std::vector<TopicPartition>& partitions) const {
  const auto all_of = [&](ErrorCode error) {
    return std::vector<ErrorCode>(partitions.size(), error);
  };
  if (const ErrorCode refused = check(transactional_id); refused != ErrorCode::None) {
    return all_of(refused);
  }
  const TransactionPtr transaction = find(transactional_id);
  if (!transaction) return all_of(ErrorCode::InvalidProducerIdMapping);
  const TransactionImage& image = transaction->image;
  if (const auto is_it = check_producer(image, producer); !is_it) {
    return all_of(is_it.error().code());
  }
  // Its end may be decided already, or about to be.
  const bool will_end = transaction->pending && is_ending(transaction->pending->state);
  if (is_ending(image.state) || will_end) return all_of(ErrorCode::ConcurrentTransactions);
  std::vector<ErrorCode> codes;
  codes.reserve(partitions.size());
  for (const TopicPartition& partition : partitions) {
    codes.push_back(image.partitions.contains(partition) ? ErrorCode::None
                                                         : ErrorCode::TransactionAbortable);
  }
  return codes;
}

}  // namespace ottla::transaction
