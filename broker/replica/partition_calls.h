#pragma once

#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/replica/partition.h"

// For the files of Partition only.

namespace ottla::replica {

/// "1,2,3"
[[nodiscard]] inline std::string to_text(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (const BrokerId broker : brokers) {
    if (!text.empty()) text += ',';
    text += std::to_string(broker.value());
  }
  return text;
}

struct Partition::Calls {
  struct WatcherCall {
    std::shared_ptr<PartitionWatcher> watcher;
    std::uint32_t token;
    PartitionChange change;
  };
  struct CommitCall {
    std::shared_ptr<CommitWaiter> waiter;
    std::uint32_t token;
    ErrorCode outcome;
  };
  absl::InlinedVector<WatcherCall, 4> watchers;
  absl::InlinedVector<CommitCall, 4> commits;

  void make() {
    for (CommitCall& call : commits) call.waiter->on_commit_decided(call.token, call.outcome);
    for (WatcherCall& call : watchers) call.watcher->on_partition_changed(call.token, call.change);
  }
};

}  // namespace ottla::replica
