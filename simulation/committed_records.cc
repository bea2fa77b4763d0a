#include "simulation/committed_records.h"

#include <algorithm>
#include <utility>

namespace ottla::simulation {

std::optional<std::string> CommittedRecords::promise(const PartitionKey& key, Offset offset,
                                                     const Value& value) {
  const auto [entry, is_new] = partitions_[key].try_emplace(offset, Entry{value, {}});
  if (is_new) ++promises_;
  if (entry->second.value == value) return std::nullopt;
  return "offset " + std::to_string(offset.value()) + " was promised to be " +
         entry->second.value.to_string() + " and is " + value.to_string() + " now";
}

void CommittedRecords::look(const Picture& picture) {
  for (const AssignmentChange& change : picture.assignments()) forget_moved_replicas(change);
  for (const ReplicaPicture& replica : picture.replicas()) {
    const auto partition = partitions_.find(replica.key);
    if (partition == partitions_.end()) continue;
    const Looked now{replica.records, partition->second.size()};
    if (Looked& last = looked_[{replica.broker, replica.key}]; std::exchange(last, now) == now) {
      continue;
    }
    for (auto& [offset, entry] : partition->second) {
      const LoggedRecord* const record = replica.record(offset);
      if (record != nullptr && record->value == entry.value) {
        entry.holders.insert(replica.broker);
      } else {
        entry.holders.erase(replica.broker);
      }
    }
  }
}

void CommittedRecords::look_at_absent(const Picture& picture, const PartitionKey& key) {
  const auto partition = partitions_.find(key);
  if (partition == partitions_.end()) return;
  for (const ReplicaPicture& replica : picture.absent()) {
    if (replica.key != key) continue;
    for (auto& [offset, entry] : partition->second) {
      const LoggedRecord* const record = replica.record(offset);
      if (record != nullptr && record->value == entry.value) entry.holders.insert(replica.broker);
    }
  }
}

std::size_t CommittedRecords::holders(const PartitionKey& key, Offset offset) const {
  const auto partition = partitions_.find(key);
  if (partition == partitions_.end()) return 0;
  const auto entry = partition->second.find(offset);
  if (entry == partition->second.end()) return 0;
  std::set<BrokerId> holders = entry->second.holders;
  const auto ends = ends_before_loss_.find(key);
  if (ends != ends_before_loss_.end()) {
    for (const auto& [broker, end] : ends->second) {
      if (offset < end) holders.insert(broker);
    }
  }
  return holders.size();
}

void CommittedRecords::expect_loss(const Picture& picture, const Cluster::Loss& loss) {
  // A broker that had not heard of it yet held its replica a little longer.
  for (const auto& [key, state] : picture.states()) forget_moved_replicas({key, state.replicas});
  for (const auto* replicas : {&picture.replicas(), &picture.absent()}) {
    for (const ReplicaPicture& replica : *replicas) {
      if (!loss.concerns(replica.broker, replica.name) || replica.records->empty()) continue;
      Offset& end =
          ends_before_loss_[replica.key].try_emplace(loss.broker, Offset(0)).first->second;
      end = std::max(end, replica.records->back().offset.next());
    }
  }
}

void CommittedRecords::forget_moved_replicas(const AssignmentChange& change) {
  const auto partition = partitions_.find(change.key);
  if (partition == partitions_.end()) return;
  const std::vector<BrokerId>& replicas = change.replicas;
  std::erase_if(looked_, [&](const auto& looked) { return looked.first.second == change.key; });
  for (auto& [offset, entry] : partition->second) {
    std::erase_if(entry.holders, [&](BrokerId holder) {
      return std::find(replicas.begin(), replicas.end(), holder) == replicas.end();
    });
  }
}

void CommittedRecords::lose(const Picture& picture, const Cluster::Loss& loss) {
  looked_.clear();
  for (auto& [key, partition] : partitions_) {
    if (!loss.concerns(loss.broker, {picture.topic_of(key), key.partition})) continue;
    for (auto entry = partition.begin(); entry != partition.end();) {
      entry->second.holders.erase(loss.broker);
      if (entry->second.holders.empty()) {
        hit_.insert(key);
        ++excused_;
        entry = partition.erase(entry);
      } else {
        ++entry;
      }
    }
  }
}

}  // namespace ottla::simulation
