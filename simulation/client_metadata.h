#pragma once

#include <functional>
#include <optional>

#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/base/uuid.h"
#include "simulation/cluster.h"

namespace ottla::simulation {

/// What a client knows of one partition: some broker told it some time ago.
class ClientMetadata {
 public:
  ClientMetadata(Cluster& cluster, TopicPartition partition)
      : cluster_(cluster), partition_(std::move(partition)) {}

  [[nodiscard]] std::optional<BrokerId> leader() const { return leader_; }
  /// Zero before the topic is known.
  [[nodiscard]] const TopicId& topic_id() const { return topic_id_; }
  /// The leader is to be asked for again before the next request.
  void forget_leader() { leader_.reset(); }

  /// Asks any broker and calls `then`, whatever came of it.
  void refresh(Task then);

 private:
  struct Answer {
    TopicId topic_id;
    std::optional<BrokerId> leader;
  };
  Cluster& cluster_;
  const TopicPartition partition_;
  std::optional<BrokerId> leader_;
  TopicId topic_id_;
};

}  // namespace ottla::simulation
