#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include "cli/cluster_facts.h"
#include "cli/page.h"

namespace ottla::cli {

/// Why a partition or a broker is as it is. Names in JSON are stable: `name_of`.
enum class Reason : std::uint8_t {
  // The control plane.
  NoBrokerAnswers,
  NoController,
  ControllerSilent,
  ZookeeperLost,
  // A broker.
  UnknownBroker,
  BrokerNotRegistered,
  BrokerProcessDead,
  BrokerSilent,
  BrokerUnreachableFromHere,
  BrokerShuttingDown,
  CommandNotDelivered,
  // A replica.
  LogDirFailed,
  LogDirFull,
  LogDirSlow,
  HostCrashDoubt,
  NotInLastIsr,
  NoReplicationStream,
  FollowerBehind,
  FollowerSlow,
  IsrChangePending,
  LeaderSilent,
  ReasonUnknown,
  // A partition.
  TopicBeingDeleted,
  WaitsForLogs,
  NoCleanCandidate,
  BelowMinIsr,
  Reassigning,
  RecordsCut,
  NotPreferredLeader,
};
[[nodiscard]] std::string_view name_of(Reason reason);

/// One reason, with what it is about and what to do.
struct ReasonFound {
  Reason reason = Reason::ReasonUnknown;
  BrokerId broker = kNoBroker;
  std::optional<std::int64_t> since_ms;         ///< For how long so.
  std::map<std::string, std::int64_t> numbers;  ///< Lag and the like, for programs.
  std::string text;                             ///< What is, and why.
  std::vector<std::string> next;                ///< What to do: commands where there are some.
};

enum class Condition : std::uint8_t { Healthy, UnderReplicated, BelowMinIsr, Offline };
[[nodiscard]] std::string_view name_of(Condition condition);

struct PartitionExplanation {
  Condition condition = Condition::Healthy;
  std::vector<ReasonFound> findings;
};
/// Why the partition is as it is: the control plane first, then its replicas, then the conclusion.
/// `partition` is one of `facts`.
[[nodiscard]] PartitionExplanation explain(const ClusterFacts& facts,
                                           const PartitionFacts& partition);

/// Partitions whose ISR lacks a broker for the same reason.
struct MissingFrom {
  ReasonFound finding;  ///< Of the first of them.
  std::vector<TopicPartition> partitions;
};
struct BrokerExplanation {
  std::vector<ReasonFound> findings;  ///< Of the control plane and of the broker itself.
  std::vector<MissingFrom> missing;
  std::size_t replicas = 0;
  std::size_t leads = 0;
};
/// How the broker is, and of which partitions' ISR it is no member and why.
[[nodiscard]] BrokerExplanation explain(const ClusterFacts& facts, BrokerId broker);

/// "2 min 5 s", "340 ms".
[[nodiscard]] std::string duration_text(std::int64_t ms);

void print(const Page& page, const PartitionFacts& partition,
           const PartitionExplanation& explanation);
void print(const Page& page, const ClusterFacts& facts, BrokerId broker,
           const BrokerExplanation& explanation);
[[nodiscard]] boost::json::object to_json(const PartitionFacts& partition,
                                          const PartitionExplanation& explanation);
[[nodiscard]] boost::json::object to_json(const ClusterFacts& facts, BrokerId broker,
                                          const BrokerExplanation& explanation);

}  // namespace ottla::cli
