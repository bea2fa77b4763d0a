#include "broker/transaction/coordinator_core.h"

#include <algorithm>
#include <utility>

#include <glog/logging.h>

#include "broker/transaction/transaction.h"

namespace ottla::transaction {

CoordinatorCore::CoordinatorCore(const TransactionConfig& config, env::Clock& clock,
                                 TransactionLog& log, MarkerChannel& markers, ProducerIdSource& ids)
    : config_(config),
      clock_(clock),
      log_(log),
      markers_(markers),
      ids_(ids),
      partition_count_(config.topic_partitions) {}

CoordinatorCore::~CoordinatorCore() = default;

bool CoordinatorCore::begin_loading(std::int32_t partition, LeaderEpoch epoch) {
  const auto found = shards_.find(partition);
  if (found == shards_.end()) {
    shards_[partition] = {.epoch = epoch, .since = clock_.now()};
    return true;
  }
  Shard& shard = found->second;
  if (epoch <= shard.epoch) return false;
  shard.epoch = epoch;
  return shard.loading;
}

bool CoordinatorCore::is_loading(std::int32_t partition, LeaderEpoch epoch) const {
  const auto found = shards_.find(partition);
  return found != shards_.end() && found->second.loading && found->second.epoch == epoch;
}

void CoordinatorCore::finish_loading(std::int32_t partition, LeaderEpoch epoch,
                                     LoadedTransactions loaded) {
  if (!is_loading(partition, epoch)) return;
  Shard& shard = shards_.at(partition);
  shard.loading = false;
  std::vector<TransactionPtr> ending;
  for (auto& [id, image] : loaded) {
    const auto transaction = std::make_shared<Transaction>();
    transaction->id = id;
    transaction->shard = partition;
    transaction->image = std::move(image);
    // It was begun before our time. A request for an earlier one may have been sent to us before
    // that, too, and lie somewhere; those of now may ask for a newer connection.
    if (transaction->image.state == TransactionState::Ongoing) {
      transaction->newest_connection = shard.since;
    }
    shard.transactions[id] = transaction;
    if (is_ending(transaction->image.state)) ending.push_back(transaction);
  }
  for (const TransactionPtr& transaction : ending) begin_ending(transaction);
}

void CoordinatorCore::resign(std::int32_t partition) {
  const auto node = shards_.extract(partition);
  if (node.empty()) return;
  for (const auto& [id, transaction] : node.mapped().transactions) {
    forget(*transaction);
    wake(*transaction);
  }
}

void CoordinatorCore::forget(Transaction& transaction) {
  transaction.is_forgotten = true;
  if (const auto timer = std::exchange(transaction.retry_timer, std::nullopt)) {
    timers_.remove(*timer);
  }
}

void CoordinatorCore::run_due() {
  timers_.run_due(clock_.now());
}

ErrorCode CoordinatorCore::check(const std::string& transactional_id) const {
  if (transactional_id.empty()) return ErrorCode::InvalidRequest;
  const auto found =
      shards_.find(cluster::coordinator_partition(transactional_id, partition_count_));
  if (found == shards_.end()) return ErrorCode::NotCoordinator;
  return found->second.loading ? ErrorCode::CoordinatorLoadInProgress : ErrorCode::None;
}

CoordinatorCore::TransactionPtr CoordinatorCore::find(const std::string& transactional_id) const {
  const auto shard =
      shards_.find(cluster::coordinator_partition(transactional_id, partition_count_));
  if (shard == shards_.end()) return nullptr;
  const auto found = shard->second.transactions.find(transactional_id);
  return found == shard->second.transactions.end() ? nullptr : found->second;
}

CoordinatorCore::TransactionPtr CoordinatorCore::create(const std::string& transactional_id,
                                                        ProducerId id, std::int32_t timeout_ms) {
  const auto transaction = std::make_shared<Transaction>();
  transaction->id = transactional_id;
  transaction->shard = cluster::coordinator_partition(transactional_id, partition_count_);
  transaction->image.producer_id = id;
  transaction->image.timeout_ms = timeout_ms;
  transaction->image.last_update = clock_.wall_now_ms();
  shards_.at(transaction->shard).transactions[transactional_id] = transaction;
  return transaction;
}

std::vector<CoordinatorCore::TransactionPtr> CoordinatorCore::all() const {
  std::vector<TransactionPtr> transactions;
  for (const auto& [partition, shard] : shards_) {
    for (const auto& [id, transaction] : shard.transactions) transactions.push_back(transaction);
  }
  return transactions;
}

TransactionDescription CoordinatorCore::describe(const std::string& transactional_id) const {
  TransactionDescription description{.error = check(transactional_id),
                                     .transactional_id = transactional_id};
  if (description.error != ErrorCode::None) return description;
  const TransactionPtr transaction = find(transactional_id);
  if (!transaction) {
    description.error = ErrorCode::TransactionalIdNotFound;
  } else {
    description.image = transaction->image;
  }
  return description;
}

TransactionList CoordinatorCore::list(const ListFilter& filter) const {
  TransactionList list;
  std::set<TransactionState> states;
  for (const std::string& name : filter.states) {
    if (const auto state = transaction_state_named(name)) {
      states.insert(*state);
    } else if (std::ranges::find(list.unknown_states, name) == list.unknown_states.end()) {
      list.unknown_states.push_back(name);
    }
  }
  const bool is_loading =
      std::ranges::any_of(shards_, [](const auto& shard) { return shard.second.loading; });
  if (is_loading) {
    list.error = ErrorCode::CoordinatorLoadInProgress;
    list.unknown_states.clear();
    return list;
  }
  const env::WallTimeMs now = clock_.wall_now_ms();
  for (const TransactionPtr& transaction : all()) {
    const TransactionImage& image = transaction->image;
    if (!filter.states.empty() && !states.contains(image.state)) continue;
    if (!filter.producers.empty() &&
        std::ranges::find(filter.producers, image.producer_id) == filter.producers.end()) {
      continue;
    }
    if (filter.longer_than_ms >= 0 && now - image.start_time <= filter.longer_than_ms) continue;
    list.transactions.push_back(
        {.error = ErrorCode::None, .transactional_id = transaction->id, .image = image});
  }
  return list;
}

CoordinatorCore::Sizes CoordinatorCore::sizes() const {
  Sizes sizes;
  sizes.timeouts = timeouts_;
  const env::WallTimeMs now = clock_.wall_now_ms();
  for (const auto& [partition, shard] : shards_) {
    if (shard.loading) ++sizes.partitions_loading;
    for (const auto& [id, transaction] : shard.transactions) {
      const TransactionImage& image = transaction->image;
      ++sizes.transactions[image.state];
      if (!is_at_rest(image.state)) {
        sizes.oldest_open_ms = std::max(sizes.oldest_open_ms, now - image.start_time);
      }
      if (transaction->retries == 0) continue;
      sizes.markers_retried += transaction->unmarked.size();
      if (transaction->pending) ++sizes.appends_retried;
    }
  }
  return sizes;
}

}  // namespace ottla::transaction
