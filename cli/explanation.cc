#include "cli/explanation.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "cli/reassignment_plan.h"
#include "cli/replica_explanation.h"

namespace ottla::cli {
namespace {

// ---- Conclusions ----

std::string unclean_command(const TopicPartition& name) {
  return "ottla leader-election --election-type unclean --topic " + name.topic + " --partition " +
         std::to_string(name.partition);
}

/// Each of them has had every acknowledged record.
std::vector<BrokerId> holders_of(const PartitionFacts& partition) {
  std::vector<BrokerId> holders = partition.isr;
  for (const BrokerId eligible : partition.eligible_leaders) {
    if (!is_in(holders, eligible)) holders.push_back(eligible);
  }
  return holders;
}

/// Where the controller compares logs (W1).
void add_comparison(const PartitionFacts& partition, const DecisionTold::Logs& logs,
                    std::vector<ReasonFound>& findings) {
  std::string waits;
  if (!logs.awaited.empty()) {
    waits = "it waits for " + joined(logs.awaited) +
            ": what the others lost may be acknowledged, and there still "
            "(unclean.leader.election.enable is false)";
  } else {
    waits = "it waits " + duration_text(logs.time_left_ms) +
            " more for the others, then the longest log of those that answered leads";
  }
  ReasonFound finding{.reason = Reason::WaitsForLogs,
                      .numbers = {{"timeLeftMs", logs.time_left_ms}},
                      .text = "the controller compares logs, since no clean copy is left: asked " +
                              joined(logs.asked) + ", answered " +
                              (logs.answered.empty() ? "nobody" : joined(logs.answered)) + "; " +
                              waits,
                      .next = {}};
  if (!logs.awaited.empty()) {
    finding.next = {"bring " + joined(logs.awaited) + " back: the longest log leads then",
                    "only if they are gone for good, and losing records is better than waiting: " +
                        unclean_command(partition.name)};
  }
  findings.push_back(std::move(finding));
}

void add_offline(const PartitionFacts& partition, std::vector<ReasonFound>& findings) {
  if (partition.decision && partition.decision->logs_awaited) {
    return add_comparison(partition, *partition.decision->logs_awaited, findings);
  }
  const std::vector<BrokerId> holders = holders_of(partition);
  const bool unclean = partition.unclean_leader_election.value_or(false);
  findings.push_back(
      {.reason = Reason::NoCleanCandidate,
       .text = "only " + joined(holders) +
               " hold every acknowledged record, and none of them can "
               "lead now" +
               (unclean ? "" : "; unclean.leader.election.enable is false, so nobody else may"),
       .next = {"bring one of " + joined(holders) + " back: it leads at once, and nothing is lost",
                "only if they are gone for good, and losing records is better than waiting: " +
                    unclean_command(partition.name)}});
}

void add_below_min_isr(const PartitionFacts& partition, std::vector<ReasonFound>& findings) {
  findings.push_back(
      {.reason = Reason::BelowMinIsr,
       .numbers = {{"isr", static_cast<std::int64_t>(partition.isr.size())},
                   {"minInsyncReplicas", *partition.min_insync_replicas}},
       .text = std::to_string(partition.isr.size()) + " of at least " +
               std::to_string(*partition.min_insync_replicas) +
               " replicas are in sync (min.insync.replicas): acks=all is refused with "
               "NOT_ENOUGH_REPLICAS, and nothing is committed; acks=1 and reading go on",
       .next = {"bring the missing replicas back (above)"}});
}

void add_reassignment(const PartitionFacts& partition, std::vector<ReasonFound>& findings) {
  ReasonFound finding{.reason = Reason::Reassigning};
  finding.text = "a reassignment is under way:";
  if (!partition.adding.empty()) finding.text += " adds " + joined(partition.adding);
  if (!partition.removing.empty()) {
    finding.text +=
        (partition.adding.empty() ? " removes " : ", removes ") + joined(partition.removing);
  }
  std::vector<BrokerId> waits;
  for (const BrokerId added : partition.adding) {
    if (!is_in(partition.isr, added)) waits.push_back(added);
  }
  finding.text += waits.empty() ? "; all new replicas are in sync"
                                : "; it ends when " + joined(waits) + " have caught up";
  finding.next = {"ottla reassign-partitions --list shows all of them; --cancel gives one up"};
  findings.push_back(std::move(finding));
}

void add_not_preferred(const PartitionFacts& partition, std::vector<ReasonFound>& findings) {
  const BrokerId preferred = partition.replicas.front();
  ReasonFound finding{.reason = Reason::NotPreferredLeader,
                      .broker = preferred,
                      .text = broker_text(partition.leader) + " leads, " + broker_text(preferred) +
                              " is preferred: it takes over when ",
                      .next = {}};
  if (trouble_of_log_dir(partition, preferred)) {
    finding.text += "its log dir is well again, and the controller balances leaders";
  } else {
    finding.text += "the controller balances leaders (leader.imbalance.check.interval.seconds)";
    finding.next = {"at once: ottla leader-election --election-type preferred --topic " +
                    partition.name.topic + " --partition " +
                    std::to_string(partition.name.partition)};
  }
  findings.push_back(std::move(finding));
}

/// What an unclean election took away, as far as brokers that run since then remember (W6).
void add_cuts(const PartitionFacts& partition, std::vector<ReasonFound>& findings) {
  for (const auto& [broker, told] : partition.told) {
    if (told.cut_from == kUnknownOffset) continue;
    const std::string epoch = std::to_string(told.cut_leader_epoch.value());
    findings.push_back({.reason = Reason::RecordsCut,
                        .broker = broker,
                        .since_ms = told.cut_at_ms,
                        .numbers = {{"from", told.cut_from.value()},
                                    {"to", told.cut_to.value()},
                                    {"readable", told.cut_readable}},
                        .text = broker_text(broker) + " cut offsets " +
                                std::to_string(told.cut_from.value()) + " to " +
                                std::to_string(told.cut_to.value()) + " off its log " +
                                duration_text(told.cut_at_ms) + " ago, at least " +
                                std::to_string(told.cut_readable) +
                                " of them readable before: the leader of epoch " + epoch +
                                " did not have them (unclean election)",
                        .next = {told.cut_kept_in.empty()
                                     ? "nothing of them is kept there: its log says why"
                                     : "they are kept for a while in " + told.cut_kept_in +
                                           " on its host: ottla dump-log --files shows them"}});
  }
}

constexpr std::string_view kReasonNames[] = {
    "NO_BROKER_ANSWERS",    "NO_CONTROLLER",         "CONTROLLER_SILENT",
    "ZOOKEEPER_LOST",       "UNKNOWN_BROKER",        "BROKER_NOT_REGISTERED",
    "BROKER_PROCESS_DEAD",  "BROKER_SILENT",         "BROKER_UNREACHABLE_FROM_HERE",
    "BROKER_SHUTTING_DOWN", "COMMAND_NOT_DELIVERED", "LOG_DIR_FAILED",
    "LOG_DIR_FULL",         "LOG_DIR_SLOW",          "HOST_CRASH_DOUBT",
    "NOT_IN_LAST_ISR",      "NO_REPLICATION_STREAM", "FOLLOWER_BEHIND",
    "FOLLOWER_SLOW",        "ISR_CHANGE_PENDING",    "LEADER_SILENT",
    "REASON_UNKNOWN",       "TOPIC_BEING_DELETED",   "WAITS_FOR_LOGS",
    "NO_CLEAN_CANDIDATE",   "BELOW_MIN_ISR",         "REASSIGNING",
    "RECORDS_CUT",          "NOT_PREFERRED_LEADER",
};
static_assert(std::size(kReasonNames) == static_cast<std::size_t>(Reason::NotPreferredLeader) + 1);

}  // namespace

std::string_view name_of(Reason reason) {
  return kReasonNames[static_cast<std::size_t>(reason)];
}

std::string_view name_of(Condition condition) {
  switch (condition) {
    case Condition::Healthy:
      return "HEALTHY";
    case Condition::UnderReplicated:
      return "UNDER_REPLICATED";
    case Condition::BelowMinIsr:
      return "BELOW_MIN_ISR";
    case Condition::Offline:
      return "OFFLINE";
  }
  return "";
}

PartitionExplanation explain(const ClusterFacts& facts, const PartitionFacts& partition) {
  PartitionExplanation told;
  std::vector<ReasonFound>& findings = told.findings;
  add_control_plane(facts, findings);
  if (partition.decision && partition.decision->being_deleted) {
    findings.push_back({.reason = Reason::TopicBeingDeleted,
                        .text = "its topic is being deleted; dead brokers delete their copies when "
                                "they are back",
                        .next = {}});
  }
  const bool offline = partition.leader == kNoBroker;
  add_slow_members(facts, partition, findings);
  for (const BrokerId replica : partition.replicas) {
    if (is_in(partition.isr, replica)) continue;
    findings.push_back(why_out_of_isr(facts, partition, replica));
  }
  const bool below_min =
      partition.min_insync_replicas &&
      std::cmp_less(partition.isr.size(),
                    std::min<std::int64_t>(*partition.min_insync_replicas,
                                           static_cast<std::int64_t>(partition.replicas.size())));
  const bool reassigning = !partition.adding.empty() || !partition.removing.empty();
  if (reassigning) add_reassignment(partition, findings);
  add_cuts(partition, findings);
  if (offline) {
    told.condition = Condition::Offline;
    add_offline(partition, findings);
  } else if (below_min) {
    told.condition = Condition::BelowMinIsr;
    add_below_min_isr(partition, findings);
  } else if (partition.is_under_replicated()) {
    told.condition = Condition::UnderReplicated;
  } else if (!reassigning && !partition.replicas.empty() &&
             partition.leader != partition.replicas.front()) {
    add_not_preferred(partition, findings);
  }
  return told;
}

BrokerExplanation explain(const ClusterFacts& facts, BrokerId broker) {
  BrokerExplanation told;
  add_control_plane(facts, told.findings);
  const BrokerFacts& known = facts_of(facts, broker);
  for (const auto& [name, partition] : facts.partitions) {
    if (!is_in(partition.replicas, broker)) continue;
    ++told.replicas;
    if (partition.leader == broker) ++told.leads;
  }
  if (told.replicas == 0 && !known.in_metadata && !known.registered.value_or(false)) {
    told.findings.push_back(
        {.reason = Reason::UnknownBroker,
         .broker = broker,
         .text = broker_text(broker) + " is not registered and holds no replica: there is none",
         .next = {"ottla cluster lists the brokers"}});
    return told;
  }
  if (auto absence = absence_of(facts, broker)) told.findings.push_back(*std::move(absence));
  if (!known.failed_log_dirs.empty()) told.findings.push_back(failed_log_dir(facts, broker));
  if (known.shutting_down) {
    told.findings.push_back({.reason = Reason::BrokerShuttingDown,
                             .broker = broker,
                             .text = broker_text(broker) + " is shutting down",
                             .next = {}});
  }
  for (const auto& [name, partition] : facts.partitions) {
    if (!is_in(partition.replicas, broker)) continue;
    const bool leaderless = partition.leader == kNoBroker;
    if (is_in(partition.isr, broker) && !leaderless) continue;
    ReasonFound why =
        leaderless && is_in(partition.isr, broker)
            ? unavailability_of(facts, partition, broker)
                  .value_or(ReasonFound{.reason = Reason::ReasonUnknown,
                                        .broker = broker,
                                        .text = "the partition has no leader: ottla explain "
                                                "partition " +
                                                name.to_string()})
            : why_out_of_isr(facts, partition, broker);
    const auto same = std::ranges::find_if(
        told.missing, [&](const MissingFrom& group) { return group.finding.reason == why.reason; });
    if (same != told.missing.end()) {
      same->partitions.push_back(name);
    } else {
      told.missing.push_back({std::move(why), {name}});
    }
  }
  return told;
}

std::string duration_text(std::int64_t ms) {
  if (ms < 1000) return std::to_string(ms) + " ms";
  const std::int64_t s = ms / 1000;
  if (s < 60) {
    return std::to_string(s) + (s < 10 ? "." + std::to_string(ms % 1000 / 100) : "") + " s";
  }
  if (s < 3600) return std::to_string(s / 60) + " min " + std::to_string(s % 60) + " s";
  return std::to_string(s / 3600) + " h " + std::to_string(s % 3600 / 60) + " min";
}

}  // namespace ottla::cli
