#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include "cli/cluster_facts.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"

namespace ottla::cli {

/// A partition as far as the question needs it.
struct PartitionView {
  TopicPartition name;
  BrokerId leader = kNoBroker;
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> isr;
  std::int32_t min_insync_replicas = 1;
  bool is_reassigning = false;
  bool elects_uncleanly = false;  ///< unclean.leader.election.enable
  /// How far the leader is, and the others in the ISR as it knows them; unset: nobody told.
  std::optional<Offset> leader_end{};
  std::optional<Offset> leader_start{};
  std::map<BrokerId, Offset> in_sync_ends{};
};

/// The cluster when somebody asks whether a broker may go.
struct ClusterView {
  BrokerId controller = kNoBroker;
  std::vector<BrokerId> live;
  std::vector<PartitionView> partitions;
};

/// How many of the list are among `some`.
[[nodiscard]] std::int64_t count_in(const std::vector<BrokerId>& list,
                                    const std::vector<BrokerId>& some);

/// What speaks against taking brokers down now (N10, N11).
enum class Objection : std::uint8_t {
  UnknownBroker,      ///< Not in the cluster.
  NoController,       ///< Nobody would elect new leaders.
  LastBroker,         ///< Nobody else is there.
  AlreadyOffline,     ///< Partitions without a leader.
  SingleReplica,      ///< Partitions with one replica, there: nothing can take over.
  WouldBeOffline,     ///< Nobody else is in the ISR.
  WouldLoseRecords,   ///< Nobody else is in the ISR, and one outside of it would be elected.
  WouldLoseAcks1,     ///< The leader has records that nobody else in sync has.
  WouldBlockAcksAll,  ///< Fewer than min.insync.replicas would be left.
  UnderReplicated,    ///< Replicas are missing in ISRs already.
  Reassigning,        ///< Replicas are being moved.
};
[[nodiscard]] std::string_view name_of(Objection objection);
/// For people: "would be offline: nobody else is in their ISR".
[[nodiscard]] std::string_view text_of(Objection objection);

struct Objecting {
  Objection objection = Objection::UnknownBroker;
  std::vector<TopicPartition> partitions;  ///< Empty where it is about the cluster.
  std::vector<BrokerId> brokers;           ///< Those it is about, where it is about some of them.
};

/// All that speaks against the loss of these brokers at the same time, the worst first; nothing:
/// they may go. With `these_only` partitions that none of them has a replica of do not count (N11).
[[nodiscard]] std::vector<Objecting> objections_to_loss_of(const std::vector<BrokerId>& brokers,
                                                           const ClusterView& view,
                                                           bool these_only = false);

/// The view that these facts give. A broker that does not answer counts as not live.
[[nodiscard]] ClusterView view_of(const ClusterFacts& facts);

/// Adds how far leaders and followers are, as the leaders told: so that records on a leader alone
/// are an objection. Under load there are always some, for a moment: see `keep_leader_ends`.
void add_log_ends(ClusterView& view, const ClusterFacts& facts);
/// Puts into a later view how far leaders were in an earlier one: what followers have reached since
/// then was only on its way. `later` has the followers' newer ends.
void keep_leader_ends(ClusterView& later, const ClusterView& earlier);
/// Records that would be gone with these brokers: those of the leader, if it is one of them, that
/// no other member of the ISR has; all of its records where it has none. Nullopt: nobody told.
[[nodiscard]] std::optional<std::int64_t> records_on_none_but(const std::vector<BrokerId>& brokers,
                                                              const PartitionView& partition);
/// A line for each, "\n  orders-0 orders-1 and 7 more are under-replicated already".
[[nodiscard]] std::string text_of(const std::vector<Objecting>& objections);
[[nodiscard]] boost::json::array json_of(const std::vector<Objecting>& objections);
[[nodiscard]] boost::json::array json_of(const std::vector<BrokerId>& brokers);

}  // namespace ottla::cli
