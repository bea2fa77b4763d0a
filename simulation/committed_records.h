#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/id.h"
#include "simulation/logged_records.h"
#include "simulation/picture.h"

namespace ottla::simulation {

/// What clients were promised: records that a broker acknowledged under acks=all and
/// min.insync.replicas=2, and records that a consumer has read. Only of topics that promise
/// anything. It also knows which hosts hold each of them: what was on crashed hosts only is
/// excused.
class CommittedRecords {
 public:
  struct Entry {
    Value value;
    /// Hosts that hold it: in memory or in files that were not hit by a host crash.
    std::set<BrokerId> holders;
  };
  using Partition = std::map<Offset, Entry>;

  /// A broker answered so. Returns what is wrong with that, if anything: another record was
  /// promised at this offset.
  std::optional<std::string> promise(const PartitionKey& key, Offset offset, const Value& value);
  /// Learns who holds what.
  void look(const Picture& picture);
  /// Whose process does not run may hold on its disk what was promised just now.
  void look_at_absent(const Picture& picture, const PartitionKey& key);
  /// Notes how far the logs go of which something may be lost.
  void expect_loss(const Picture& picture, const Cluster::Loss& loss);
  /// Excuses what no other host holds.
  void lose(const Picture& picture, const Cluster::Loss& loss);
  void topic_deleted(const PartitionKey& key) {
    partitions_.erase(key);
    looked_.clear();
  }

  /// How many hosts hold what was promised at the offset, or had a log that went so far when they
  /// crashed.
  [[nodiscard]] std::size_t holders(const PartitionKey& key, Offset offset) const;

  [[nodiscard]] const std::map<PartitionKey, Partition>& partitions() const { return partitions_; }
  [[nodiscard]] std::size_t promises() const { return promises_; }
  [[nodiscard]] std::size_t excused() const { return excused_; }
  /// Whether records of the partition were excused: its producers' sequences may have gaps.
  [[nodiscard]] bool has_excuses(const PartitionKey& key) const { return hit_.contains(key); }

 private:
  /// Copies that a reassignment took away hold nothing any more.
  void forget_moved_replicas(const AssignmentChange& change);

  /// What a look has seen: the next one need not look again.
  struct Looked {
    std::shared_ptr<const std::vector<LoggedRecord>> records;
    std::size_t promised = 0;
    friend bool operator==(const Looked&, const Looked&) = default;
  };

  std::map<PartitionKey, Partition> partitions_;
  std::map<std::pair<BrokerId, PartitionKey>, Looked> looked_;
  std::set<PartitionKey> hit_;
  std::map<PartitionKey, std::map<BrokerId, Offset>> ends_before_loss_;
  std::size_t promises_ = 0;
  std::size_t excused_ = 0;
};

}  // namespace ottla::simulation
