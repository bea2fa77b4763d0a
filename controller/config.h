#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/env/clock.h"

namespace ottla::controller {

/// The configs of one topic that the controller acts on.
struct TopicRules {
  bool unclean_leader_election = false;  ///< unclean.leader.election.enable
  std::int32_t min_insync_replicas = 1;  ///< min.insync.replicas

  friend bool operator==(const TopicRules&, const TopicRules&) = default;
};

/// What the controller is told at start; the broker fills it from its configuration.
struct ControllerConfig {
  BrokerId broker_id;
  TopicRules topic_defaults;                    ///< The broker's values of the topic configs.
  bool delete_topic_enable = true;              ///< delete.topic.enable
  std::int32_t default_partitions = 1;          ///< num.partitions
  std::int32_t default_replication_factor = 1;  ///< default.replication.factor

  bool auto_leader_rebalance = true;  ///< auto.leader.rebalance.enable
  /// leader.imbalance.check.interval.seconds
  env::Duration leader_imbalance_check_interval = std::chrono::minutes(5);
  std::int32_t leader_imbalance_percentage = 10;  ///< leader.imbalance.per.broker.percentage

  /// How long a command to a broker may take before it is taken as failed.
  env::Duration command_timeout = std::chrono::seconds(5);
  /// The pause before a failed command is sent again: doubles from the first to the second.
  env::Duration command_backoff_min = std::chrono::milliseconds(20);
  env::Duration command_backoff_max = std::chrono::seconds(1);
  /// After a host crash without a clean candidate: how long to wait for the logs of replicas that
  /// are neither members of the ISR nor eligible leaders, before the longest of those that answered
  /// is chosen (W1). Members are waited for as long, too, where unclean elections are allowed; else
  /// for ever.
  env::Duration host_crash_wait = std::chrono::seconds(10);
  /// A log query that failed or was not answered is sent again after this time.
  env::Duration log_query_retry = std::chrono::seconds(1);
  /// Everything is read again from ZooKeeper and compared this often (W18).
  env::Duration audit_interval = std::chrono::minutes(5);
  /// The office of a dead controller is taken after a random part of this time.
  env::Duration takeover_backoff = std::chrono::milliseconds(50);
  /// The office of a silent controller is taken after a random part of this time ...
  env::Duration silent_takeover_backoff = std::chrono::milliseconds(500);
  /// ... and, if it had taken it over itself, only after this long in it ...
  env::Duration silent_takeover_quiet = std::chrono::seconds(3);
  /// ... or after this long, if it had taken it from this broker: two brokers that do not hear each
  /// other must not take it in turns.
  env::Duration silent_retake_quiet = std::chrono::seconds(10);
  /// The pause before an operation on ZooKeeper that failed is tried again.
  env::Duration zookeeper_retry = std::chrono::milliseconds(100);

  /// Checks a topic's configs; the error is InvalidConfig with a text for people.
  std::function<Result<>(const std::map<std::string, std::string>&)> check_topic_config;
};

}  // namespace ottla::controller
