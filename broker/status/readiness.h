#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "broker/metadata/metadata_image.h"
#include "broker/status/lifecycle.h"
#include "broker/status/sources.h"
#include "common/base/topic_partition.h"

namespace ottla::status {

/// One reason why a broker is not ready, and the first partitions that it is about.
struct Reason {
  std::string what;  ///< For programs: "not_registered".
  std::string text;  ///< For people.
  std::vector<TopicPartition> partitions{};
};

/// What readiness is judged by.
struct ReadinessFacts {
  BrokerState state = BrokerState::NotRunning;
  bool is_registered = false;
  bool knows_controller = false;
  std::vector<TopicPartition> leaderless{};       ///< With a replica here.
  std::vector<TopicPartition> offline_here{};     ///< In failed log dirs.
  std::vector<TopicPartition> not_caught_up{};    ///< Replicas here that are not in the ISR.
  std::vector<TopicPartition> without_replica{};  ///< Assigned to this broker, which has none yet.
};

[[nodiscard]] ReadinessFacts gather_readiness(const Sources& sources, BrokerState state);

/// Ready is a broker that may be counted on: registered, caught up, and none of its own partitions
/// offline. A replica that is being added by a reassignment does not count: its broker gives up
/// nothing by not having it yet. Empty: ready.
[[nodiscard]] std::vector<Reason> why_not_ready(const ReadinessFacts& facts);

}  // namespace ottla::status
