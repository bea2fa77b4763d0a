#include "broker/group/offset_table.h"

#include <algorithm>
#include <utility>

namespace ottla::group {
namespace {

/// Since when an offset is no longer used; nullopt: it is used.
std::optional<env::WallTimeMs> unused_since(const ExpiryRules& rules,
                                            const TopicPartition& partition,
                                            const CommittedOffset& committed) {
  // A consumer without a group keeps its offsets alive by committing.
  if (!rules.protocol_type) return committed.commit_time;
  if (rules.state == GroupState::Empty) {
    return rules.state_time.value_or(committed.commit_time);
  }
  if (rules.state == GroupState::Stable && *rules.protocol_type == kConsumerProtocolType &&
      rules.subscribed_topics && !rules.subscribed_topics->contains(partition.topic)) {
    return committed.commit_time;
  }
  return std::nullopt;
}

bool is_expired(const ExpiryRules& rules, const TopicPartition& partition,
                const CommittedOffset& committed) {
  const auto since = unused_since(rules, partition, committed);
  if (!since) return false;
  if (committed.expire_time) return rules.now >= *committed.expire_time;
  return rules.now - *since >= rules.retention.count();
}

}  // namespace

const StoredOffset* OffsetTable::find(const TopicPartition& partition) const {
  const auto found = committed_.find(partition);
  return found == committed_.end() ? nullptr : &found->second;
}

bool OffsetTable::is_unstable(const TopicPartition& partition) const {
  for (const auto& [producer, transaction] : transactions_) {
    if (transaction.stored.contains(partition)) return true;
    for (const auto& [ticket, on_its_way] : transaction.on_their_way) {
      if (on_its_way == partition) return true;
    }
  }
  return false;
}

OffsetTable::Ticket OffsetTable::begin(const TopicPartition& partition) {
  on_their_way_[partition].insert(++last_ticket_);
  return last_ticket_;
}

bool OffsetTable::take(const TopicPartition& partition, Ticket ticket) {
  const auto found = on_their_way_.find(partition);
  if (found == on_their_way_.end() || found->second.erase(ticket) == 0) return false;
  if (found->second.empty()) on_their_way_.erase(found);
  return true;
}

void OffsetTable::succeed(const TopicPartition& partition, Ticket ticket, StoredOffset stored) {
  if (take(partition, ticket)) commit_newer(partition, std::move(stored));
}

void OffsetTable::commit_newer(const TopicPartition& partition, StoredOffset stored) {
  const auto found = committed_.find(partition);
  if (found == committed_.end() || found->second.log_offset < stored.log_offset) {
    committed_[partition] = std::move(stored);
  }
}

OffsetTable::Ticket OffsetTable::begin_transactional(ProducerId producer,
                                                     const TopicPartition& partition) {
  transactions_[producer].on_their_way[++last_ticket_] = partition;
  return last_ticket_;
}

void OffsetTable::succeed_transactional(ProducerId producer, const TopicPartition& partition,
                                        Ticket ticket, StoredOffset stored) {
  const auto found = transactions_.find(producer);
  if (found == transactions_.end() || found->second.on_their_way.erase(ticket) == 0) return;
  Transaction& transaction = found->second;
  const auto end =
      std::find_if(transaction.ended.begin(), transaction.ended.end(),
                   [&](const Marker& marker) { return marker.at > stored.log_offset; });
  if (end == transaction.ended.end()) {
    StoredOffset& held = transaction.stored[partition];
    if (held.log_offset < stored.log_offset) held = std::move(stored);
  } else if (end->is_commit) {
    commit_newer(partition, std::move(stored));
  }
  forget_if_over(producer);
}

void OffsetTable::abandon_transactional(ProducerId producer, Ticket ticket) {
  const auto found = transactions_.find(producer);
  if (found == transactions_.end()) return;
  found->second.on_their_way.erase(ticket);
  forget_if_over(producer);
}

void OffsetTable::add_transactional(ProducerId producer, const TopicPartition& partition,
                                    StoredOffset stored) {
  transactions_[producer].stored[partition] = std::move(stored);
}

void OffsetTable::end_transaction(ProducerId producer, bool commit, Offset marker) {
  const auto found = transactions_.find(producer);
  if (found == transactions_.end()) return;
  Transaction& transaction = found->second;
  std::erase_if(transaction.stored, [&](auto& item) {
    auto& [partition, stored] = item;
    if (stored.log_offset > marker) return false;
    if (commit) commit_newer(partition, std::move(stored));
    return true;
  });
  if (!transaction.on_their_way.empty()) {
    const auto later = std::find_if(transaction.ended.begin(), transaction.ended.end(),
                                    [&](const Marker& other) { return other.at > marker; });
    transaction.ended.insert(later, {marker, commit});
  }
  forget_if_over(producer);
}

void OffsetTable::forget_if_over(ProducerId producer) {
  const auto found = transactions_.find(producer);
  if (found == transactions_.end() || !found->second.on_their_way.empty()) return;
  found->second.ended.clear();
  if (found->second.stored.empty()) transactions_.erase(found);
}

std::map<ProducerId, std::map<TopicPartition, StoredOffset>> OffsetTable::open_transactions()
    const {
  std::map<ProducerId, std::map<TopicPartition, StoredOffset>> open;
  for (const auto& [producer, transaction] : transactions_) open[producer] = transaction.stored;
  return open;
}

bool OffsetTable::remove(const TopicPartition& partition) {
  bool had = committed_.erase(partition) > 0;
  had = on_their_way_.erase(partition) > 0 || had;
  for (auto at = transactions_.begin(); at != transactions_.end();) {
    Transaction& transaction = at->second;
    had = transaction.stored.erase(partition) > 0 || had;
    had = std::erase_if(transaction.on_their_way,
                        [&](const auto& item) { return item.second == partition; }) > 0 ||
          had;
    const bool is_over = transaction.stored.empty() && transaction.on_their_way.empty();
    at = is_over ? transactions_.erase(at) : std::next(at);
  }
  return had;
}

std::set<TopicPartition> OffsetTable::partitions() const {
  std::set<TopicPartition> all;
  for (const auto& [partition, stored] : committed_) all.insert(partition);
  for (const auto& [partition, tickets] : on_their_way_) all.insert(partition);
  for (const auto& [producer, transaction] : transactions_) {
    for (const auto& [partition, stored] : transaction.stored) all.insert(partition);
    for (const auto& [ticket, partition] : transaction.on_their_way) all.insert(partition);
  }
  return all;
}

std::vector<TopicPartition> OffsetTable::expired(const ExpiryRules& rules) const {
  std::vector<TopicPartition> expired;
  for (const auto& [partition, stored] : committed_) {
    if (on_their_way_.contains(partition) || is_unstable(partition)) continue;
    if (is_expired(rules, partition, stored.committed)) expired.push_back(partition);
  }
  return expired;
}

}  // namespace ottla::group
