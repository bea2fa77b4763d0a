#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/base/uuid.h"
#include "common/cluster/broker.h"
#include "common/cluster/partition.h"
#include "common/env/clock.h"
#include "common/rpc/peer.h"
#include "controller/config.h"
#include "controller/election.h"
#include "controller/partition_requests.h"
#include "controller/state_machines.h"

namespace ottla::controller {

/// Names a request that waits for its answer; the shell keeps the callback under this number.
using RequestId = Id<struct RequestIdTag, std::uint64_t>;

struct BrokerEntry {
  cluster::Broker registration;
  rpc::Liveness liveness = rpc::Liveness::Alive;
  bool shutting_down = false;
  env::MonotonicTime liveness_since{};  ///< Zero: since before this term.
  std::uint64_t slow_report = 0;        ///< Number of the last that was heard.
  /// It has been told everything, and has said which of its logs it cannot use or has lost.
  bool logs_are_known = false;
};

/// How far the replicas' logs go, asked when no clean candidate for leader is left.
struct LogQuery {
  struct Asked {
    BrokerEpoch epoch;
    env::MonotonicTime wait_until{};
  };
  std::map<BrokerId, Asked> asked;
  std::map<BrokerId, LogEnd> answers;  ///< Of those who are still there.
  std::map<BrokerId, LogEnd> told;     ///< Also of those who have gone away since.
  env::MonotonicTime wait_until{};     ///< Until then who cannot be asked is waited for.
  env::MonotonicTime ask_again_at{};

  /// Of those who are still there.
  [[nodiscard]] LogEnd longest() const;
};

/// A reassignment that was asked for and does not stand in ZooKeeper yet.
struct WantedAssignment {
  std::optional<std::vector<BrokerId>> target;  ///< None: back to where it began.
  std::optional<RequestId> request;
};

struct PartitionEntry {
  cluster::Assignment assignment;
  std::optional<WantedAssignment> wanted;
  /// Replicas were added: a new leader epoch tells everybody, and fences older commands (KIP-455).
  bool epoch_due = false;
  /// An operator asked for a leader, whatever is lost.
  bool unclean_election_wanted = false;
  /// As ZooKeeper holds it; nothing is in here that was not committed or read.
  std::optional<cluster::PartitionState> state;
  PartitionPhase phase = PartitionPhase::New;
  bool writing = false;           ///< A write of the state is under way.
  bool recheck = false;           ///< Something changed meanwhile.
  bool preferred_wanted = false;  ///< Meanwhile its preferred leader was asked for.
  /// Members of the ISR whose process was started again since they joined (KIP-380).
  std::vector<BrokerId> restarted;
  /// Those for whom the write under way begins another epoch, if it is committed.
  std::vector<BrokerId> restarted_in_write;
  /// Trusted by the state, but they may have lost acknowledged records since, with their host or
  /// with a log. It ends with a state that says so too (KIP-966, W1).
  std::vector<BrokerId> doubted;
  std::optional<LogQuery> log_query;
  env::MonotonicTime state_since{};  ///< Zero: since before this term.

  /// Whether the broker may have lost acknowledged records, by what is in ZooKeeper or not yet.
  [[nodiscard]] bool is_in_doubt(BrokerId broker) const;
  /// Whether the broker's copy is not as it was, and no decision about that is in ZooKeeper yet.
  [[nodiscard]] bool is_unsettled(BrokerId broker) const;
};

struct TopicEntry {
  std::string name;
  TopicId id;
  std::int32_t version = 0;  ///< zkVersion of /brokers/topics/T
  TopicRules rules;
  std::vector<PartitionEntry> partitions;
  TopicPhase phase = TopicPhase::Live;
  /// The assignments by partition of a write of the topic's znode that is under way.
  std::map<std::int32_t, cluster::Assignment> assignments_in_write;
  bool writing = false;   ///< That write, or one of the topic's id.
  bool outdated = false;  ///< The write failed, or nobody knows: it is being read.
  /// While its replicas are being deleted: those that have not said so yet.
  std::set<std::pair<std::int32_t, BrokerId>> replicas_to_stop;
};

/// An AlterPartition request under way.
struct PendingAlter {
  rpc::AlterPartitionReply reply;
  std::size_t outstanding = 0;
};

/// An election or a reassignment that somebody waits for.
struct PendingPartitions {
  std::optional<ElectionKind> election;  ///< None: a reassignment.
  std::vector<PartitionAnswer> done;
  std::set<TopicPartition> outstanding;
  env::MonotonicTime deadline{};
};

/// A controlled shutdown whose elections are under way.
struct PendingShutdown {
  BrokerId broker;
  std::set<TopicPartition> outstanding;
};

/// What the controller knows. It is built from ZooKeeper alone in one go at election (W19), changed
/// by `decide` only, and thrown away with the office (W12).
/// Thread: controller.
struct ClusterModel {
  BrokerId self;
  ControllerEpoch controller_epoch;
  bool delete_topic_enable = true;
  /// The states have not been read yet: what is here of them was told by the last controller. It is
  /// good enough for an election, whose write is conditional on the version, and for nothing else.
  bool states_are_told = false;
  bool incomplete = false;  ///< There are topics that are not in here: their znodes are damaged.
  env::Duration host_crash_wait = std::chrono::seconds(10);
  env::Duration log_query_retry = std::chrono::seconds(1);

  std::map<BrokerId, BrokerEntry> brokers;  ///< Those registered.
  /// Since when those are not registered any more that were in this term.
  std::map<BrokerId, env::MonotonicTime> gone_since;
  std::map<std::string, TopicEntry, std::less<>> topics;
  std::map<TopicId, std::string> names;  ///< Topic by id.
  std::set<std::string> deleting;        ///< Topics whose phase is not Live.
  /// Topics that this controller deleted: an older read may still show them.
  std::set<TopicId> deleted;
  /// Replicas in failed log dirs.
  std::set<std::pair<BrokerId, TopicPartition>> offline_replicas;
  /// Replicas in log dirs that are slow, as their brokers told last.
  std::set<std::pair<BrokerId, TopicPartition>> slow_replicas;
  std::set<TopicPartition> log_queries;  ///< Partitions with a LogQuery.

  std::map<RequestId, PendingAlter> pending_alters;
  std::map<RequestId, PendingShutdown> pending_shutdowns;
  std::map<RequestId, PendingPartitions> pending_partitions;
  /// What stands in /admin/reassign_partitions and is not done.
  std::map<TopicPartition, std::vector<BrokerId>> reassignments_in_znode;
  /// Taken out of it by a request, and not known to be written yet.
  std::map<TopicPartition, std::vector<BrokerId>> reassignments_forgotten;

  [[nodiscard]] TopicEntry* find_topic(const std::string& name);
  [[nodiscard]] const TopicEntry* find_topic(const std::string& name) const;
  [[nodiscard]] PartitionEntry* find_partition(const TopicPartition& tp);
  [[nodiscard]] const PartitionEntry* find_partition(const TopicPartition& tp) const;

  /// Registered with this very epoch.
  [[nodiscard]] bool is_registered(BrokerId broker, BrokerEpoch epoch) const;
  /// Whether some copy of the broker's is in doubt, and ZooKeeper does not say so yet: only its
  /// registration does.
  [[nodiscard]] bool has_unwritten_doubts(BrokerId broker) const;
  /// Registered, and its process not known to be dead: what clients are told.
  [[nodiscard]] std::vector<cluster::Broker> live_brokers() const;
  /// Whether silence is taken as evidence: only while at least half of the registered brokers are
  /// heard (this one counts). Who hears nobody is cut off himself.
  [[nodiscard]] bool silence_counts() const;
};

/// Counts for metrics and `ottla cluster`, computed from the model (W23).
struct ModelCounts {
  std::int32_t topics = 0;
  std::int32_t partitions = 0;
  std::int32_t offline_partitions = 0;
  std::int32_t under_replicated_partitions = 0;
  std::int32_t preferred_replica_imbalance = 0;
  std::int32_t topics_to_delete = 0;
  std::int32_t replicas_to_delete = 0;
  std::int32_t topics_without_id = 0;
  std::int32_t reassigning_partitions = 0;
  std::int32_t slow_replicas = 0;
};
[[nodiscard]] ModelCounts count(const ClusterModel& model);

}  // namespace ottla::controller
