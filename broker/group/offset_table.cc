#include "broker/group/offset_table.h"

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
    if (transaction.contains(partition)) return true;
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
  if (!take(partition, ticket)) return;
  const auto found = committed_.find(partition);
  if (found == committed_.end() || found->second.log_offset < stored.log_offset) {
    committed_[partition] = std::move(stored);
  }
}

void OffsetTable::add_transactional(ProducerId producer, const TopicPartition& partition,
                                    StoredOffset stored) {
  transactions_[producer][partition] = std::move(stored);
}

void OffsetTable::end_transaction(ProducerId producer, bool commit) {
  auto node = transactions_.extract(producer);
  if (node.empty() || !commit) return;
  for (auto& [partition, stored] : node.mapped()) {
    const auto found = committed_.find(partition);
    if (found == committed_.end() || found->second.log_offset < stored.log_offset) {
      committed_[partition] = std::move(stored);
    }
  }
}

bool OffsetTable::remove(const TopicPartition& partition) {
  bool had = committed_.erase(partition) > 0;
  had = on_their_way_.erase(partition) > 0 || had;
  for (auto at = transactions_.begin(); at != transactions_.end();) {
    had = at->second.erase(partition) > 0 || had;
    at = at->second.empty() ? transactions_.erase(at) : std::next(at);
  }
  return had;
}

std::set<TopicPartition> OffsetTable::partitions() const {
  std::set<TopicPartition> all;
  for (const auto& [partition, stored] : committed_) all.insert(partition);
  for (const auto& [partition, tickets] : on_their_way_) all.insert(partition);
  for (const auto& [producer, transaction] : transactions_) {
    for (const auto& [partition, stored] : transaction) all.insert(partition);
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
