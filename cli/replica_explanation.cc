#include "cli/replica_explanation.h"

#include <algorithm>

#include "broker/replica/partition_health.h"
#include "controller/election.h"

namespace ottla::cli {
namespace {

using controller::BrokerPresence;
using controller::Standing;

std::string for_text(const std::optional<std::int64_t>& ms) {
  return ms ? " for " + duration_text(*ms) : "";
}

std::string start_it(BrokerId broker) {
  return "start " + broker_text(broker) +
         " (systemctl start ottla-broker on its host); its log says why it ended";
}

ReasonFound not_registered(const BrokerFacts& broker, BrokerId id) {
  return {.reason = Reason::BrokerNotRegistered,
          .broker = id,
          .since_ms = broker.presence_ms,
          .numbers = {},
          .text = broker_text(id) + " is not registered in ZooKeeper" +
                  for_text(broker.presence_ms) +
                  ": it is stopped, its session has ended, or it was never started",
          .next = {start_it(id),
                   "if it runs: look for the ZooKeeper session in its log, and whether it reaches "
                   "ZooKeeper"}};
}

ReasonFound process_dead(const BrokerFacts& broker, BrokerId id) {
  return {.reason = Reason::BrokerProcessDead,
          .broker = id,
          .since_ms = broker.presence_ms,
          .numbers = {},
          .text = "the process of " + broker_text(id) + " is dead" + for_text(broker.presence_ms) +
                  ": its host refuses connections to its port",
          .next = {start_it(id)}};
}

ReasonFound silent(const BrokerFacts& broker, BrokerId id) {
  const bool controller_too = broker.presence == BrokerPresence::Silent;
  std::string text = broker_text(id) + " does not answer";
  if (controller_too) {
    text += ", nor does the controller hear it" + for_text(broker.presence_ms);
  } else if (broker.presence == BrokerPresence::Alive) {
    text += " this tool, though the controller has not given it up (yet)";
  }
  text += ": its process is paused or overloaded, its host is gone, or the network is cut";
  return {.reason = Reason::BrokerSilent,
          .broker = id,
          .since_ms = controller_too ? broker.presence_ms : std::nullopt,
          .numbers = {},
          .text = std::move(text),
          .next = {"on its host: is the process stopped (state T in ps), is the disk stalled (D), "
                   "is the host reachable from the other brokers?"}};
}

const DecisionTold::Standing* standing_of(const PartitionFacts& partition, BrokerId broker) {
  if (!partition.decision) return nullptr;
  const auto& all = partition.decision->standings;
  const auto found = std::ranges::find(all, broker, &DecisionTold::Standing::broker_id);
  return found == all.end() ? nullptr : &*found;
}

bool log_dir_failed(const PartitionFacts& partition, BrokerId broker) {
  const auto* const standing = standing_of(partition, broker);
  if (standing != nullptr && standing->log_dir_failed) return true;
  const auto told = partition.told.find(broker);
  return told != partition.told.end() &&
         told->second.role == static_cast<std::int8_t>(replica::PartitionRole::Offline) &&
         told->second.offline_reason == ErrorCode::KafkaStorageError;
}

/// The leader's word on a follower that is well, as far as one can see.
ReasonFound follower_progress(const PartitionFacts& partition, const ReplicaTold& leader,
                              const ReplicaTold::Follower& follower) {
  const BrokerId broker = follower.broker_id;
  const std::int64_t lag = follower.log_end_offset == kUnknownOffset
                               ? -1
                               : leader.log_end_offset.value() - follower.log_end_offset.value();
  ReasonFound finding{.broker = broker, .numbers = {{"lag", lag}}};
  std::string removed;
  if (follower.removal) {
    const auto& removal = *follower.removal;
    finding.since_ms = removal.at_ms;
    removed = ". The leader put it out of the ISR " + duration_text(removal.at_ms) +
              " ago, when it was at offset " + std::to_string(removal.log_end_offset.value()) +
              " of " + std::to_string(removal.leader_log_end_offset.value()) +
              (removal.subscribed ? "" : " and had no stream open") + " (replica.lag.time.max.ms " +
              std::to_string(leader.max_lag_ms) + ")";
  }
  if (!follower.subscribed) {
    finding.reason = Reason::NoReplicationStream;
    finding.text = broker_text(broker) +
                   " is alive, but has no replication stream open to the "
                   "leader, " +
                   broker_text(partition.leader) + removed;
    finding.next = {
        "its log says why the stream ends or is refused; can it reach the leader's "
        "ottla.grpc.listener?"};
  } else if (leader.asks_isr && is_in(*leader.asks_isr, broker)) {
    const auto& request = leader.last_isr_request;
    finding.reason = Reason::IsrChangePending;
    if (request) finding.since_ms = request->at_ms;
    finding.text = broker_text(broker) +
                   " has caught up, and the leader has asked the controller "
                   "to take it into the ISR" +
                   (request ? " " + duration_text(request->at_ms) + " ago" : "") + ": " +
                   (request && request->answered
                        ? "answered with " + std::string(ottla::name_of(request->answer)) +
                              "; it is asked again"
                        : "not answered yet");
    finding.next = {"is there a controller that can write to ZooKeeper? ottla cluster"};
  } else {
    const bool slow = follower.withheld;
    finding.reason = slow ? Reason::FollowerSlow : Reason::FollowerBehind;
    finding.text =
        broker_text(broker) + " is " +
        (lag < 0 ? "at an unknown offset" : std::to_string(lag) + " records behind the leader") +
        (slow ? ", and its stream takes no more: its disk or the network is slow, or it "
                "sleeps"
              : ", catching up") +
        removed;
    finding.next = {slow ? "look at its disk (iostat) and at the network between it and the leader"
                         : "wait; ask again: the lag must shrink"};
  }
  return finding;
}

}  // namespace

bool is_in(const std::vector<BrokerId>& list, BrokerId broker) {
  return std::ranges::find(list, broker) != list.end();
}

std::string broker_text(BrokerId broker) {
  return "broker " + std::to_string(broker.value());
}

const BrokerFacts& facts_of(const ClusterFacts& facts, BrokerId broker) {
  static const BrokerFacts kNothing;
  const auto found = facts.brokers.find(broker);
  return found == facts.brokers.end() ? kNothing : found->second;
}

void add_control_plane(const ClusterFacts& facts, std::vector<ReasonFound>& findings) {
  if (!facts.any_broker_answers) {
    findings.push_back(
        {.reason = Reason::NoBrokerAnswers,
         .text = "no broker answers; what follows is what ZooKeeper holds",
         .next = {"start the brokers, the last ones to have been in the ISR first"}});
  }
  if (facts.controller == kNoBroker) {
    findings.push_back(
        {.reason = Reason::NoController,
         .text = "nobody is controller: no leader is elected and no ISR is changed until one is",
         .next = {"does ZooKeeper serve, and do the brokers reach it? ottla cluster --zookeeper "
                  "HOSTS/CHROOT"}});
  } else if (const BrokerFacts& broker = facts_of(facts, facts.controller);
             facts.any_broker_answers && broker.contact != Contact::Answers) {
    findings.push_back(
        {.reason = Reason::ControllerSilent,
         .broker = facts.controller,
         .text = "the controller, " + broker_text(facts.controller) +
                 ", does not answer: another broker takes the office within seconds if it is dead "
                 "or silent to them too",
         .next = {"ask again; if it stays so: ottla explain broker " +
                  std::to_string(facts.controller.value())}});
  }
  for (const auto& [id, broker] : facts.brokers) {
    if (broker.zookeeper_connected != false) continue;
    findings.push_back(
        {.reason = Reason::ZookeeperLost,
         .broker = id,
         .since_ms = broker.zookeeper_ms,
         .text = broker_text(id) + " has no connection to ZooKeeper" +
                 for_text(broker.zookeeper_ms) +
                 (id == facts.controller
                      ? ": as controller it can elect nobody and change no ISR until it is back"
                      : ": it serves on, and its registration ends with its session"),
         .next = {"does ZooKeeper have a quorum (echo srvr | nc HOST 2181), and does this broker "
                  "reach it?"}});
  }
}

std::optional<ReasonFound> absence_of(const ClusterFacts& facts, BrokerId id) {
  const BrokerFacts& broker = facts_of(facts, id);
  if (broker.presence == BrokerPresence::Unregistered) return not_registered(broker, id);
  if (broker.presence == BrokerPresence::ProcessDead) return process_dead(broker, id);
  if (broker.presence == BrokerPresence::Silent || broker.contact == Contact::Silent) {
    return silent(broker, id);
  }
  if (broker.contact == Contact::Answers) return std::nullopt;
  if (broker.registered == false) return not_registered(broker, id);
  if (!broker.presence && !broker.in_metadata && facts.any_broker_answers) {
    ReasonFound finding = not_registered(broker, id);
    finding.text = broker_text(id) + " is not counted among the living by the other brokers";
    if (broker.registered == true) {
      finding.reason = Reason::BrokerProcessDead;
      finding.text += ", and its session in ZooKeeper has not ended yet";
    }
    return finding;
  }
  if (broker.contact == Contact::Unreachable) {
    return ReasonFound{
        .reason = Reason::BrokerUnreachableFromHere,
        .broker = id,
        .since_ms = std::nullopt,
        .numbers = {},
        .text = "this tool cannot connect to " + broker_text(id) + " at " + broker.address + ": " +
                broker.contact_error,
        .next = {"does its listener's address resolve and route from here? If the other "
                 "brokers reach it, nothing is wrong with the cluster"}};
  }
  return std::nullopt;
}

ReasonFound failed_log_dir(const ClusterFacts& facts, BrokerId broker) {
  std::string dirs;
  for (const std::string& dir : facts_of(facts, broker).failed_log_dirs) {
    dirs += (dirs.empty() ? ": " : ", ") + dir;
  }
  return {.reason = Reason::LogDirFailed,
          .broker = broker,
          .text = "the log dir of " + broker_text(broker) + " that holds it has failed" + dirs,
          .next = {"dmesg and the broker's log say what failed; ottla log-dirs --describe --table",
                   "mend or replace the disk and restart " + broker_text(broker) +
                       "; what was lost is copied from the leader"}};
}

std::optional<ReasonFound> trouble_of_log_dir(const PartitionFacts& partition, BrokerId broker) {
  const auto told = partition.told.find(broker);
  if (told == partition.told.end()) return std::nullopt;
  if (told->second.log_dir_full) {
    return ReasonFound{
        .reason = Reason::LogDirFull,
        .broker = broker,
        .text = "the log dir of " + broker_text(broker) +
                " that holds it has too little room: records of clients are refused "
                "(ottla.log.dir.min.free.bytes), and those of a leader when there is none left",
        .next = {"make room there, or move replicas away: ottla log-dirs --describe --table, ottla "
                 "reassign-partitions; it goes on by itself then"}};
  }
  if (told->second.log_dir_slow) {
    return ReasonFound{.reason = Reason::LogDirSlow,
                       .broker = broker,
                       .text = "the log dir of " + broker_text(broker) +
                               " that holds it is slow: others lead, where they can",
                       .next = {"look at that disk: iostat -x, dmesg, smartctl"}};
  }
  return std::nullopt;
}

std::optional<ReasonFound> unavailability_of(const ClusterFacts& facts,
                                             const PartitionFacts& partition, BrokerId broker) {
  if (auto absence = absence_of(facts, broker)) return absence;
  if (log_dir_failed(partition, broker)) return failed_log_dir(facts, broker);
  const auto* const standing = standing_of(partition, broker);
  if (standing == nullptr) return std::nullopt;
  if (standing->standing == static_cast<std::int8_t>(Standing::InDoubt)) {
    return ReasonFound{
        .reason = Reason::HostCrashDoubt,
        .broker = broker,
        .text = "the host of " + broker_text(broker) +
                " went down without a clean stop since it was in the ISR, or this log of it was "
                "lost: its log may lack acknowledged records, so it leads only if no better copy "
                "can be had",
        .next = {"bring back the other members of the last ISR; the longest log is then chosen"}};
  }
  if (standing->standing == static_cast<std::int8_t>(Standing::ShuttingDown)) {
    return ReasonFound{.reason = Reason::BrokerShuttingDown,
                       .broker = broker,
                       .text = broker_text(broker) + " is shutting down (controlled shutdown)",
                       .next = {"wait for it to be back"}};
  }
  return std::nullopt;
}

ReasonFound why_out_of_isr(const ClusterFacts& facts, const PartitionFacts& partition,
                           BrokerId broker) {
  if (auto unavailable = unavailability_of(facts, partition, broker)) return *unavailable;
  if (facts_of(facts, broker).command_failed) {
    return {.reason = Reason::CommandNotDelivered,
            .broker = broker,
            .text = "the controller's last command to " + broker_text(broker) +
                    " did not arrive; it is being repeated",
            .next = {"can the controller reach its ottla.grpc.listener?"}};
  }
  if (auto trouble = trouble_of_log_dir(partition, broker)) return *trouble;
  if (partition.leader == kNoBroker) {
    return {.reason = Reason::NotInLastIsr,
            .broker = broker,
            .text = broker_text(broker) +
                    " is alive, but was not in the last ISR: it may lack acknowledged records",
            .next = {}};
  }
  const auto leader = partition.told.find(partition.leader);
  if (leader == partition.told.end()) {
    const bool answers = facts_of(facts, partition.leader).contact == Contact::Answers;
    return {.reason = answers ? Reason::ReasonUnknown : Reason::LeaderSilent,
            .broker = broker,
            .text = answers ? "the leader does not say how far " + broker_text(broker) + " is"
                            : "the leader, " + broker_text(partition.leader) +
                                  ", does not answer: it alone knows how far " +
                                  broker_text(broker) + " is",
            .next = {"ottla log-dirs --describe --table shows how far each replica is"}};
  }
  const auto& followers = leader->second.followers;
  const auto follower = std::ranges::find(followers, broker, &ReplicaTold::Follower::broker_id);
  if (follower == followers.end()) {
    return {.reason = Reason::ReasonUnknown,
            .broker = broker,
            .text = "the leader does not know " + broker_text(broker) + " as a follower yet",
            .next = {"ask again in a moment"}};
  }
  return follower_progress(partition, leader->second, *follower);
}

void add_slow_members(const ClusterFacts& facts, const PartitionFacts& partition,
                      std::vector<ReasonFound>& findings) {
  const auto leader = partition.told.find(partition.leader);
  for (const BrokerId member : partition.isr) {
    if (auto unavailable = unavailability_of(facts, partition, member)) {
      findings.push_back(*std::move(unavailable));
      continue;
    }
    if (auto trouble = trouble_of_log_dir(partition, member)) {
      findings.push_back(*std::move(trouble));
      continue;
    }
    if (leader == partition.told.end()) continue;
    for (const auto& follower : leader->second.followers) {
      const bool slow =
          follower.broker_id == member && follower.caught_up_ms > leader->second.max_lag_ms / 2;
      if (!slow) continue;
      findings.push_back(follower_progress(partition, leader->second, follower));
      findings.back().reason = Reason::FollowerSlow;
      findings.back().text +=
          "; it had all of the log " + duration_text(follower.caught_up_ms) + " ago";
    }
  }
}

}  // namespace ottla::cli
