#include <utility>

#include <glog/logging.h>

#include "broker/transaction/coordinator_core.h"
#include "broker/transaction/transaction.h"
#include "common/cluster/coordinator_error.h"

/// CoordinatorCore: how a decision becomes a record, and an end reaches all partitions.
namespace ottla::transaction {
namespace {

/// One append of tombstones is well below any max.message.bytes.
constexpr std::size_t kTombstonesAtOnce = 100;

/// The records were refused before the log had them. After any other failure they may be there and
/// be committed yet: then the same is appended again, and nothing else before it.
bool is_certainly_not_written(ErrorCode error) {
  switch (error) {
    case ErrorCode::UnknownTopicOrPartition:
    case ErrorCode::NotEnoughReplicas:
    case ErrorCode::MessageTooLarge:
    case ErrorCode::RecordListTooLarge:
    case ErrorCode::InvalidRecord:
    case ErrorCode::InvalidRequest:
    case ErrorCode::CorruptMessage:
      return true;
    default:
      return false;
  }
}

/// What a producer is told when its transaction's state could not be stored.
ErrorCode store_error(ErrorCode error) {
  return cluster::coordinator_error(error, ErrorCode::UnknownServerError);
}

}  // namespace

void CoordinatorCore::transition(const TransactionPtr& transaction, TransactionImage next,
                                 Callback<ErrorCode> done) {
  CHECK(!transaction->pending);
  CHECK(may_follow(transaction->image.state, next.state))
      << transaction->id << ": " << name_of(transaction->image.state) << " -> "
      << name_of(next.state);
  transaction->pending = std::move(next);
  transaction->may_be_written = false;
  append_pending(transaction, std::move(done));
}

void CoordinatorCore::append_pending(const TransactionPtr& transaction, Callback<ErrorCode> done) {
  auto record = transaction_record(transaction->id, *transaction->pending);
  if (!record) return on_appended(transaction, record.error().code(), std::move(done));
  log_.append(transaction->shard, shards_.at(transaction->shard).epoch, {*std::move(record)},
              [this, transaction, done = std::move(done)](ErrorCode outcome) mutable {
                on_appended(transaction, outcome, std::move(done));
              });
}

void CoordinatorCore::on_appended(const TransactionPtr& transaction, ErrorCode outcome,
                                  Callback<ErrorCode> done) {
  // Whoever coordinates it now has read what came of it.
  if (transaction->is_forgotten) return std::move(done)(ErrorCode::NotCoordinator);
  if (outcome == ErrorCode::None) {
    transaction->image = *std::exchange(transaction->pending, std::nullopt);
    transaction->retries = 0;
    std::move(done)(ErrorCode::None);
    if (is_ending(transaction->image.state)) return begin_ending(transaction);
    return wake(*transaction);
  }
  LOG_EVERY_T(WARNING, 1) << "[" << transaction->id << "] " << name_of(transaction->pending->state)
                          << " cannot be stored, producer " << transaction->pending->producer_id
                          << ", producer epoch " << transaction->pending->producer_epoch << ": "
                          << name_of(outcome);
  if (!is_certainly_not_written(outcome)) transaction->may_be_written = true;
  if (transaction->may_be_written) {
    retry(transaction, &CoordinatorCore::append_again);
  } else if (is_ending(transaction->image.state)) {
    transaction->pending.reset();
    retry(transaction, &CoordinatorCore::complete_now);
  } else {
    transaction->pending.reset();
    // Nobody knows of it: the next one begins as if it had not been.
    if (transaction->image.producer_epoch == kNoProducerEpoch) {
      forget(*transaction);
      shards_.at(transaction->shard).transactions.erase(transaction->id);
    }
  }
  std::move(done)(store_error(outcome));
  if (!transaction->pending) wake(*transaction);
}

void CoordinatorCore::append_again(const TransactionPtr& transaction) {
  append_pending(transaction, [](ErrorCode) {});
}

void CoordinatorCore::fence(const TransactionPtr& transaction, Callback<ErrorCode> done) {
  transition(transaction, fence_and_abort(transaction->image, clock_.wall_now_ms()),
             std::move(done));
}

void CoordinatorCore::begin_ending(const TransactionPtr& transaction) {
  transaction->unmarked = transaction->image.partitions;
  if (transaction->unmarked.empty()) return complete_now(transaction);
  send_markers(transaction);
}

void CoordinatorCore::send_markers(const TransactionPtr& transaction) {
  replica::TransactionMarker marker;
  marker.producer_id = transaction->image.producer_id;
  marker.producer_epoch = transaction->image.producer_epoch;
  marker.coordinator_epoch = shards_.at(transaction->shard).epoch.value();
  marker.is_commit = transaction->image.state == TransactionState::PrepareCommit;
  marker.partitions.assign(transaction->unmarked.begin(), transaction->unmarked.end());
  std::vector<TopicPartition> partitions = marker.partitions;
  markers_.write(std::move(marker), [this, transaction, partitions = std::move(partitions)](
                                        const std::vector<MarkerOutcome>& outcomes) {
    on_markers(transaction, partitions, outcomes);
  });
}

void CoordinatorCore::on_markers(const TransactionPtr& transaction,
                                 const std::vector<TopicPartition>& partitions,
                                 const std::vector<MarkerOutcome>& outcomes) {
  if (transaction->is_forgotten) return;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    switch (outcomes.at(i)) {
      case MarkerOutcome::NotWritten:
        continue;
      case MarkerOutcome::Superseded:
        LOG(WARNING) << "[" << partitions[i] << "] has seen a newer epoch of producer "
                     << transaction->image.producer_id << " than "
                     << transaction->image.producer_epoch << ", in which its transaction ends ("
                     << transaction->id << "): no marker is written";
        break;
      case MarkerOutcome::Gone:
        LOG(INFO) << "[" << partitions[i] << "] is gone: the transaction of " << transaction->id
                  << " ends without it";
        break;
      case MarkerOutcome::Written:
        break;
    }
    transaction->unmarked.erase(partitions[i]);
    transaction->retries = 0;
  }
  if (!transaction->unmarked.empty()) return retry(transaction, &CoordinatorCore::send_markers);
  complete_now(transaction);
}

void CoordinatorCore::complete_now(const TransactionPtr& transaction) {
  transition(transaction, complete(transaction->image, clock_.wall_now_ms()), [](ErrorCode) {});
}

void CoordinatorCore::retry(const TransactionPtr& transaction,
                            void (CoordinatorCore::*step)(const TransactionPtr&)) {
  transaction->retry_timer =
      timers_.add(clock_.now() + transaction->next_back_off(), [this, transaction, step] {
        transaction->retry_timer.reset();
        (this->*step)(transaction);
      });
}

void CoordinatorCore::abort_timed_out() {
  const env::WallTimeMs now = clock_.wall_now_ms();
  for (const TransactionPtr& transaction : all()) {
    const TransactionImage& image = transaction->image;
    if (image.state != TransactionState::Ongoing || transaction->pending) continue;
    if (image.start_time + image.timeout_ms >= now) continue;
    LOG(INFO) << "[" << transaction->id << "] its transaction is open for "
              << now - image.start_time << " ms and may be for " << image.timeout_ms
              << ": it is aborted, producer " << image.producer_id << " fenced at epoch "
              << image.producer_epoch;
    fence(transaction, [this](ErrorCode outcome) {
      if (outcome == ErrorCode::None) ++timeouts_;
    });
  }
}

void CoordinatorCore::expire_ids() {
  const env::WallTimeMs oldest = clock_.wall_now_ms() - config_.id_expiration.count();
  std::map<std::int32_t, std::vector<TransactionPtr>> expired;
  for (const TransactionPtr& transaction : all()) {
    const TransactionImage& image = transaction->image;
    if (!is_at_rest(image.state) || transaction->pending || image.last_update > oldest) continue;
    auto& of_shard = expired[transaction->shard];
    of_shard.push_back(transaction);
    if (of_shard.size() < kTombstonesAtOnce) continue;
    append_tombstones(transaction->shard, std::exchange(of_shard, {}));
  }
  for (auto& [partition, transactions] : expired) {
    if (!transactions.empty()) append_tombstones(partition, std::move(transactions));
  }
}

void CoordinatorCore::append_tombstones(std::int32_t partition,
                                        std::vector<TransactionPtr> expired) {
  std::vector<LogRecord> records;
  for (const TransactionPtr& transaction : expired) {
    transaction->pending = transaction->image;
    transaction->pending->state = TransactionState::Dead;
    if (auto record = transaction_tombstone(transaction->id)) records.push_back(*std::move(record));
  }
  log_.append(partition, shards_.at(partition).epoch, std::move(records),
              [this, partition, expired = std::move(expired)](ErrorCode outcome) {
                for (const TransactionPtr& transaction : expired) {
                  if (transaction->is_forgotten) continue;
                  transaction->pending.reset();
                  // Kept when unsure: whatever its producer does next is a newer record.
                  if (outcome == ErrorCode::None) {
                    LOG(INFO) << "[" << transaction->id << "] expired: not used since "
                              << transaction->image.last_update;
                    forget(*transaction);
                    shards_.at(partition).transactions.erase(transaction->id);
                  }
                  wake(*transaction);
                }
              });
}

}  // namespace ottla::transaction
