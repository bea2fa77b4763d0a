#pragma once

#include <optional>
#include <vector>

#include "cli/explanation.h"

/// The reasons that lie with one broker or one replica; explanation.cc puts them together.
namespace ottla::cli {

[[nodiscard]] bool is_in(const std::vector<BrokerId>& list, BrokerId broker);
/// "broker 3".
[[nodiscard]] std::string broker_text(BrokerId broker);
/// Empty facts for a broker that nothing is known of.
[[nodiscard]] const BrokerFacts& facts_of(const ClusterFacts& facts, BrokerId broker);

/// Adds what is wrong with the controller and with ZooKeeper.
void add_control_plane(const ClusterFacts& facts, std::vector<ReasonFound>& findings);
/// What is wrong with the broker as a whole, if anything: the strongest evidence alone.
[[nodiscard]] std::optional<ReasonFound> absence_of(const ClusterFacts& facts, BrokerId id);
[[nodiscard]] ReasonFound failed_log_dir(const ClusterFacts& facts, BrokerId broker);
/// What its own broker says of the log dir that holds a replica, if others had better lead.
[[nodiscard]] std::optional<ReasonFound> trouble_of_log_dir(const PartitionFacts& partition,
                                                            BrokerId broker);
/// Why the replica cannot lead or follow at all, if it cannot.
[[nodiscard]] std::optional<ReasonFound> unavailability_of(const ClusterFacts& facts,
                                                           const PartitionFacts& partition,
                                                           BrokerId broker);
[[nodiscard]] ReasonFound why_out_of_isr(const ClusterFacts& facts, const PartitionFacts& partition,
                                         BrokerId broker);
/// Adds members of the ISR that are about to lose their place.
void add_slow_members(const ClusterFacts& facts, const PartitionFacts& partition,
                      std::vector<ReasonFound>& findings);

}  // namespace ottla::cli
