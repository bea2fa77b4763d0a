#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/flags.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/cluster/partition.h"
#include "common/protocol/messages/describe_health.h"
#include "common/protocol/messages/metadata.h"
#include "controller/health.h"

namespace ottla::cli {

/// Whether a broker answered this tool.
enum class Contact : std::uint8_t { NotTried, Answers, Silent, Unreachable };

/// What was learned about one broker, from itself, from the others, and from ZooKeeper.
struct BrokerFacts {
  bool in_metadata = false;  ///< The brokers count it among the living.
  std::string address;
  std::optional<bool> registered;  ///< By the controller, or by ZooKeeper if it was asked.
  Contact contact = Contact::NotTried;
  std::string contact_error;
  // From itself:
  std::optional<bool> zookeeper_connected;
  std::optional<std::int64_t> zookeeper_ms;  ///< For how long so.
  std::vector<std::string> failed_log_dirs;
  // From the controller:
  std::optional<controller::BrokerPresence> presence;
  std::optional<std::int64_t> presence_ms;  ///< For how long so; unset: since before its term.
  bool shutting_down = false;
  bool command_failed = false;
};

using ReplicaTold = protocol::DescribeHealthResponse::Partition::Replica;
using DecisionTold = protocol::DescribeHealthResponse::Partition::Decision;

/// What was learned about one partition.
struct PartitionFacts {
  TopicPartition name;
  BrokerId leader = kNoBroker;
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> isr;
  std::vector<BrokerId> eligible_leaders;  ///< KIP-966.
  std::vector<BrokerId> adding;
  std::vector<BrokerId> removing;
  std::optional<bool> unclean_leader_election;
  std::optional<std::int32_t> min_insync_replicas;
  std::map<BrokerId, ReplicaTold> told;  ///< What each replica's broker says of it.
  std::optional<DecisionTold> decision;  ///< What the controller says.

  [[nodiscard]] bool is_under_replicated() const {
    return isr.size() <
           cluster::replication_factor({.replicas = replicas, .adding = adding, .removing = {}});
  }
};

/// Everything that a tool could find out in one go, some of it perhaps unknown: nothing of it is an
/// error, since explanations are asked for when things are broken.
struct ClusterFacts {
  BrokerId controller = kNoBroker;
  std::optional<ControllerEpoch> controller_epoch;  ///< The controller itself told.
  bool any_broker_answers = false;
  bool tells_health = false;  ///< Ottla; Apache Kafka does not know the request.
  std::map<BrokerId, BrokerFacts> brokers;
  std::map<TopicPartition, PartitionFacts> partitions;
};

/// Whether the partition is to be looked at.
using WantedPartition =
    std::function<bool(const TopicPartition& name, const std::vector<BrokerId>& replicas)>;

/// Asks brokers (and ZooKeeper, with --zookeeper) for what there is to know of these partitions.
/// Waits --timeout for each that does not answer. Errors: InvalidRequest; BrokerNotAvailable when
/// neither a broker nor ZooKeeper answers.
[[nodiscard]] Result<ClusterFacts> gather_facts(const Arguments& arguments,
                                                const WantedPartition& wanted);

}  // namespace ottla::cli
