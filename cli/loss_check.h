#pragma once

#include <cstdint>
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
/// A line for each, "\n  orders-0 orders-1 and 7 more are under-replicated already".
[[nodiscard]] std::string text_of(const std::vector<Objecting>& objections);
[[nodiscard]] boost::json::array json_of(const std::vector<Objecting>& objections);
[[nodiscard]] boost::json::array json_of(const std::vector<BrokerId>& brokers);

}  // namespace ottla::cli
