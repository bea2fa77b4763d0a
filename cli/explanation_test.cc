// Facts in, reasons out.
#include "cli/explanation.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include <sstream>

#include "broker/replica/partition_health.h"
#include "cli/explain.h"

namespace ottla::cli {
namespace {

using controller::BrokerPresence;
using controller::Standing;
using testing::ElementsAre;
using testing::HasSubstr;

const TopicPartition kOrders{"orders", 0};

/// Three brokers, 1 leads and is controller, all is well.
struct World {
  ClusterFacts facts;
  PartitionFacts& partition = facts.partitions[kOrders];

  World() {
    facts.controller = BrokerId(1);
    facts.any_broker_answers = facts.tells_health = true;
    for (const int id : {1, 2, 3}) {
      BrokerFacts& broker = facts.brokers[BrokerId(id)];
      broker.in_metadata = true;
      broker.contact = Contact::Answers;
      broker.presence = BrokerPresence::Alive;
      broker.zookeeper_connected = true;
    }
    partition.name = kOrders;
    partition.leader = BrokerId(1);
    partition.leader_epoch = LeaderEpoch(5);
    partition.replicas = partition.isr = {BrokerId(1), BrokerId(2), BrokerId(3)};
    partition.min_insync_replicas = 2;
    partition.unclean_leader_election = false;
    partition.decision.emplace();
    for (const int id : {1, 2, 3}) {
      partition.decision->standings.push_back({.broker_id = BrokerId(id), .standing = 0});
    }
    ReplicaTold& leader = partition.told[BrokerId(1)];
    leader.role = static_cast<std::int8_t>(replica::PartitionRole::Leader);
    leader.log_end_offset = Offset(100);
    leader.max_lag_ms = 30'000;
    for (const int id : {2, 3}) {
      leader.followers.push_back({.broker_id = BrokerId(id),
                                  .in_isr = true,
                                  .subscribed = true,
                                  .log_end_offset = Offset(100)});
    }
  }
  BrokerFacts& broker(int id) { return facts.brokers[BrokerId(id)]; }
  DecisionTold::Standing& standing(int id) {
    return partition.decision->standings[static_cast<std::size_t>(id - 1)];
  }
  ReplicaTold& leader() { return partition.told[BrokerId(1)]; }
  ReplicaTold::Follower& follower(int id) {
    return leader().followers[static_cast<std::size_t>(id - 2)];
  }
  void drop(int id) { std::erase(partition.isr, BrokerId(id)); }
  void kill(int id, std::int64_t ms) {
    broker(id).presence = BrokerPresence::ProcessDead;
    broker(id).presence_ms = ms;
    broker(id).in_metadata = false;
    broker(id).contact = Contact::NotTried;
    partition.told.erase(BrokerId(id));
  }
  void no_leader() { partition.leader = kNoBroker; }
  /// Broker 2, the last member of the ISR, is back after a host crash; broker 3 is dead.
  void lose_power_of_last_member() {
    partition.isr = {BrokerId(2)};
    no_leader();
    standing(2).standing = static_cast<std::int8_t>(Standing::InDoubt);
    kill(3, 1000);
    partition.replicas = {BrokerId(2), BrokerId(3)};
  }

  PartitionExplanation explained() const { return explain(facts, partition); }
};

std::vector<std::string> reasons(const PartitionExplanation& explanation) {
  std::vector<std::string> names;
  for (const ReasonFound& finding : explanation.findings) {
    names.emplace_back(
        std::string(name_of(finding.reason)) +
        (finding.broker == kNoBroker ? "" : " " + std::to_string(finding.broker.value())));
  }
  return names;
}

std::string text_of(const PartitionExplanation& explanation) {
  std::string text;
  for (const ReasonFound& finding : explanation.findings) text += finding.text + "\n";
  return text;
}

struct Case {
  const char* name;
  void (*change)(World&);
  Condition condition;
  std::vector<std::string> reasons;
  const char* says;
};

const Case kCases[] = {
    {"all is well", [](World&) {}, Condition::Healthy, {}, ""},
    {"a follower's process is dead",
     [](World& w) {
       w.kill(3, 4200);
       w.drop(3);
     },
     Condition::UnderReplicated,
     {"BROKER_PROCESS_DEAD 3"},
     "the process of broker 3 is dead for 4.2 s"},
    {"a follower's session has ended",
     [](World& w) {
       w.kill(3, 4200);
       w.broker(3).presence = BrokerPresence::Unregistered;
       w.drop(3);
     },
     Condition::UnderReplicated,
     {"BROKER_NOT_REGISTERED 3"},
     "not registered in ZooKeeper for 4.2 s"},
    {"all of the last ISR are dead, unclean election is off",
     [](World& w) {
       w.partition.isr = {BrokerId(1)};
       w.partition.eligible_leaders = {BrokerId(2)};
       w.no_leader();
       w.kill(1, 61'000);
       w.kill(2, 61'000);
       w.partition.told.clear();
       w.facts.controller = BrokerId(3);
     },
     Condition::Offline,
     {"BROKER_PROCESS_DEAD 1", "BROKER_PROCESS_DEAD 2", "NOT_IN_LAST_ISR 3", "NO_CLEAN_CANDIDATE"},
     "only 1,2 hold every acknowledged record"},
    {"the only member's log dir has failed",
     [](World& w) {
       w.partition.replicas = w.partition.isr = {BrokerId(1)};
       w.partition.decision->standings.resize(1);
       w.standing(1).standing = static_cast<std::int8_t>(Standing::ProcessDead);
       w.standing(1).log_dir_failed = true;
       w.broker(1).failed_log_dirs = {"/data/2"};
       w.no_leader();
     },
     Condition::Offline,
     {"LOG_DIR_FAILED 1", "NO_CLEAN_CANDIDATE"},
     "has failed: /data/2"},
    {"after a host crash the logs are compared",
     [](World& w) {
       w.lose_power_of_last_member();
       w.partition.decision->logs_awaited = {
           .asked = {BrokerId(2)}, .answered = {BrokerId(2)}, .time_left_ms = 7000};
     },
     Condition::Offline,
     {"HOST_CRASH_DOUBT 2", "BROKER_PROCESS_DEAD 3", "WAITS_FOR_LOGS"},
     "asked 2, answered 2; it waits 7.0 s more"},
    {"after a host crash somebody is waited for who may hold what others lost",
     [](World& w) {
       w.lose_power_of_last_member();
       w.partition.decision->logs_awaited = {
           .asked = {BrokerId(2)}, .answered = {BrokerId(2)}, .awaited = {BrokerId(3)}};
     },
     Condition::Offline,
     {"HOST_CRASH_DOUBT 2", "BROKER_PROCESS_DEAD 3", "WAITS_FOR_LOGS"},
     "answered 2; it waits for 3: what the others lost may be acknowledged"},
    {"a paused follower that is in the ISR still",
     [](World& w) { w.broker(2).contact = Contact::Silent; },
     Condition::Healthy,
     {"BROKER_SILENT 2"},
     "though the controller has not given it up (yet)"},
    {"a paused follower that is out of the ISR",
     [](World& w) {
       w.broker(2).contact = Contact::Silent;
       w.broker(2).presence = BrokerPresence::Silent;
       w.broker(2).presence_ms = 3000;
       w.drop(2);
     },
     Condition::UnderReplicated,
     {"BROKER_SILENT 2"},
     "nor does the controller hear it for 3.0 s"},
    {"a follower that was put out because it lagged",
     [](World& w) {
       w.drop(2);
       w.follower(2).log_end_offset = Offset(60);
       w.follower(2).removal = {.at_ms = 9000,
                                .log_end_offset = Offset(10),
                                .leader_log_end_offset = Offset(90),
                                .subscribed = true};
     },
     Condition::UnderReplicated,
     {"FOLLOWER_BEHIND 2"},
     "40 records behind the leader, catching up. The leader put it out of the ISR 9.0 s ago, when "
     "it was at offset 10 of 90 (replica.lag.time.max.ms 30000)"},
    {"a follower whose stream takes nothing",
     [](World& w) {
       w.drop(2);
       w.follower(2).log_end_offset = Offset(60);
       w.follower(2).withheld = true;
     },
     Condition::UnderReplicated,
     {"FOLLOWER_SLOW 2"},
     "its disk or the network is slow"},
    {"a member that will lag out soon",
     [](World& w) {
       w.follower(2).log_end_offset = Offset(60);
       w.follower(2).caught_up_ms = 20'000;
     },
     Condition::Healthy,
     {"FOLLOWER_SLOW 2"},
     "it had all of the log 20 s ago"},
    {"a follower without a stream",
     [](World& w) {
       w.drop(2);
       w.follower(2).subscribed = false;
     },
     Condition::UnderReplicated,
     {"NO_REPLICATION_STREAM 2"},
     "no replication stream"},
    {"a follower that has caught up, but the ISR cannot be changed",
     [](World& w) {
       w.drop(2);
       w.leader().asks_isr = {BrokerId(1), BrokerId(2), BrokerId(3)};
       w.leader().last_isr_request = {
           .at_ms = 2500, .answered = true, .answer = ErrorCode::NetworkException};
     },
     Condition::UnderReplicated,
     {"ISR_CHANGE_PENDING 2"},
     "answered with NETWORK_EXCEPTION"},
    {"a command of the controller does not arrive",
     [](World& w) {
       w.drop(2);
       w.broker(2).command_failed = true;
     },
     Condition::UnderReplicated,
     {"COMMAND_NOT_DELIVERED 2"},
     "did not arrive"},
    {"below min.insync.replicas",
     [](World& w) {
       w.kill(2, 100);
       w.kill(3, 100);
       w.drop(2);
       w.drop(3);
     },
     Condition::BelowMinIsr,
     {"BROKER_PROCESS_DEAD 2", "BROKER_PROCESS_DEAD 3", "BELOW_MIN_ISR"},
     "1 of at least 2 replicas are in sync"},
    {"a follower without room on its disk",
     [](World& w) {
       w.drop(3);
       w.follower(3).subscribed = false;
       w.partition.told[BrokerId(3)].log_dir_full = true;
     },
     Condition::UnderReplicated,
     {"LOG_DIR_FULL 3"},
     "has too little room"},
    {"a leader without room on its disk, and nobody else",
     [](World& w) { w.leader().log_dir_full = true; },
     Condition::Healthy,
     {"LOG_DIR_FULL 1"},
     "records of clients are refused"},
    {"the preferred leader's disk is slow",
     [](World& w) {
       w.partition.leader = BrokerId(2);
       w.partition.told[BrokerId(2)] = w.leader();
       w.partition.told[BrokerId(1)] = {};
       w.partition.told[BrokerId(1)].log_dir_slow = true;
     },
     Condition::Healthy,
     {"LOG_DIR_SLOW 1", "NOT_PREFERRED_LEADER 1"},
     "when its log dir is well again"},
    {"a reassignment is under way",
     [](World& w) {
       w.partition.adding = {BrokerId(3)};
       w.partition.removing = {BrokerId(1)};
       w.drop(3);
       w.follower(3).log_end_offset = Offset(0);
     },
     Condition::Healthy,
     {"FOLLOWER_BEHIND 3", "REASSIGNING"},
     "adds 3, removes 1; it ends when 3 have caught up"},
    {"no controller",
     [](World& w) {
       w.facts.controller = kNoBroker;
       w.partition.decision.reset();
     },
     Condition::Healthy,
     {"NO_CONTROLLER"},
     "nobody is controller"},
    {"the controller is paused",
     [](World& w) {
       w.facts.controller = BrokerId(3);
       w.broker(3).contact = Contact::Silent;
       for (const int id : {1, 2, 3}) w.broker(id).presence.reset();
       w.partition.decision.reset();
     },
     Condition::Healthy,
     {"CONTROLLER_SILENT 3", "BROKER_SILENT 3"},
     "another broker takes the office"},
    {"the controller has lost ZooKeeper",
     [](World& w) {
       w.broker(1).zookeeper_connected = false;
       w.broker(1).zookeeper_ms = 12'000;
     },
     Condition::Healthy,
     {"ZOOKEEPER_LOST 1"},
     "for 12 s: as controller it can elect nobody"},
    {"no broker answers, ZooKeeper does",
     [](World& w) {
       w.facts.any_broker_answers = w.facts.tells_health = false;
       w.facts.controller = kNoBroker;
       w.partition.decision.reset();
       w.partition.told.clear();
       w.no_leader();
       for (const int id : {1, 2, 3}) {
         w.broker(id) = BrokerFacts{};
         w.broker(id).registered = false;
       }
     },
     Condition::Offline,
     {"NO_BROKER_ANSWERS", "NO_CONTROLLER", "BROKER_NOT_REGISTERED 1", "BROKER_NOT_REGISTERED 2",
      "BROKER_NOT_REGISTERED 3", "NO_CLEAN_CANDIDATE"},
     "what follows is what ZooKeeper holds"},
    {"a broker that the others reach, and this tool does not",
     [](World& w) {
       w.broker(3).contact = Contact::Unreachable;
       w.broker(3).presence.reset();
       w.broker(3).address = "inside:9092";
       w.broker(3).contact_error = "no such host";
     },
     Condition::Healthy,
     {"BROKER_UNREACHABLE_FROM_HERE 3"},
     "cannot connect to broker 3 at inside:9092: no such host"},
    {"a follower that is being stopped",
     [](World& w) {
       w.drop(3);
       w.standing(3).standing = static_cast<std::int8_t>(Standing::ShuttingDown);
     },
     Condition::UnderReplicated,
     {"BROKER_SHUTTING_DOWN 3"},
     "controlled shutdown"},
    {"a follower is missing, and the leader does not answer",
     [](World& w) {
       w.drop(3);
       w.broker(1).contact = Contact::Silent;
       w.facts.controller = BrokerId(2);
       w.partition.told.erase(BrokerId(1));
     },
     Condition::UnderReplicated,
     {"BROKER_SILENT 1", "LEADER_SILENT 3"},
     "the leader, broker 1, does not answer: it alone knows how far broker 3 is"},
    {"the leader answers, and does not say how far a follower is",
     [](World& w) {
       w.drop(3);
       w.partition.told.clear();
     },
     Condition::UnderReplicated,
     {"REASON_UNKNOWN 3"},
     "the leader does not say how far broker 3 is"},
    {"a follower that the leader has not heard of",
     [](World& w) {
       w.drop(3);
       w.leader().followers.pop_back();
     },
     Condition::UnderReplicated,
     {"REASON_UNKNOWN 3"},
     "does not know broker 3 as a follower yet"},
    {"its topic is being deleted",
     [](World& w) {
       w.partition.decision->being_deleted = true;
       w.no_leader();
       w.partition.decision->standings.clear();
       w.partition.isr.clear();
     },
     Condition::Offline,
     {"TOPIC_BEING_DELETED", "NOT_IN_LAST_ISR 1", "NOT_IN_LAST_ISR 2", "NOT_IN_LAST_ISR 3",
      "NO_CLEAN_CANDIDATE"},
     "dead brokers delete their copies when they are back"},
    {"an unclean election took records away",
     [](World& w) {
       ReplicaTold& told = w.partition.told[BrokerId(2)];
       told.cut_from = Offset(90);
       told.cut_to = Offset(120);
       told.cut_readable = 25;
       told.cut_leader_epoch = LeaderEpoch(5);
       told.cut_at_ms = 65'000;
       told.cut_kept_in = "/data/ottla-cut.orders-0";
     },
     Condition::Healthy,
     {"RECORDS_CUT 2"},
     "broker 2 cut offsets 90 to 120 off its log 1 min 5 s ago, at least 25 of them readable "
     "before"},
    {"another than the preferred leader",
     [](World& w) { w.partition.replicas = {BrokerId(2), BrokerId(1), BrokerId(3)}; },
     Condition::Healthy,
     {"NOT_PREFERRED_LEADER 2"},
     "broker 1 leads, broker 2 is preferred"},
};

TEST(ExplainPartition, SaysWhatTheFactsSay) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    World world;
    one.change(world);
    const PartitionExplanation explanation = world.explained();
    EXPECT_EQ(name_of(explanation.condition), name_of(one.condition));
    EXPECT_EQ(reasons(explanation), one.reasons);
    EXPECT_THAT(text_of(explanation), HasSubstr(one.says));
  }
}

TEST(ExplainPartition, WorksWithWhatApacheKafkaTells) {
  World world;
  world.facts.tells_health = false;
  world.partition.decision.reset();
  world.partition.told.clear();
  for (auto& [id, broker] : world.facts.brokers) {
    broker.presence.reset();
    broker.zookeeper_connected.reset();
  }
  world.broker(3).in_metadata = false;
  world.broker(3).contact = Contact::NotTried;
  world.drop(3);
  EXPECT_THAT(reasons(world.explained()), ElementsAre("BROKER_NOT_REGISTERED 3"));
  world.broker(3).registered = true;  // ZooKeeper was asked too.
  EXPECT_THAT(reasons(world.explained()), ElementsAre("BROKER_PROCESS_DEAD 3"));
}

TEST(ExplainBroker, GroupsPartitionsByReason) {
  World world;
  world.kill(3, 5000);
  world.drop(3);
  PartitionFacts second = world.partition;
  second.name.partition = 1;
  world.facts.partitions[second.name] = second;
  const BrokerExplanation told = explain(world.facts, BrokerId(3));
  EXPECT_EQ(told.replicas, 2U);
  ASSERT_EQ(told.missing.size(), 1U);
  EXPECT_EQ(told.missing[0].partitions.size(), 2U);
  ASSERT_EQ(told.findings.size(), 1U);
  EXPECT_EQ(told.findings[0].reason, Reason::BrokerProcessDead);
  EXPECT_TRUE(explain(world.facts, BrokerId(1)).missing.empty());
}

TEST(ExplainBroker, SaysThatItIsBeingStopped) {
  World world;
  world.broker(3).shutting_down = true;
  const BrokerExplanation told = explain(world.facts, BrokerId(3));
  ASSERT_EQ(told.findings.size(), 1U);
  EXPECT_EQ(told.findings[0].reason, Reason::BrokerShuttingDown);
}

TEST(ExplainBroker, KnowsWhenThereIsNone) {
  const World world;
  const BrokerExplanation told = explain(world.facts, BrokerId(9));
  ASSERT_EQ(told.findings.size(), 1U);
  EXPECT_EQ(told.findings[0].reason, Reason::UnknownBroker);
}

/// So that no reason is added without a case.
TEST(ExplainPartition, EachReasonHasACase) {
  std::string told;
  for (const Case& one : kCases) {
    for (const std::string& reason : one.reasons) told += reason + "\n";
  }
  for (int number = 0; number <= static_cast<int>(Reason::NotPreferredLeader); ++number) {
    const auto reason = static_cast<Reason>(number);
    if (reason == Reason::UnknownBroker) continue;  // of a broker only
    EXPECT_THAT(told, HasSubstr(std::string(name_of(reason)))) << "no case with it";
  }
}

TEST(ExplainText, FitsATerminal) {
  World world;
  world.kill(3, 5000);
  world.drop(3);
  world.drop(2);
  std::ostringstream out;
  print({out}, world.partition, world.explained());
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
}

TEST(ExplainTarget, IsFoundByItsWords) {
  const auto target = [](std::vector<std::string> words) -> std::string {
    const auto found = explain_target(words);
    return found ? std::string(found->subject->name) + " " + found->object : "error";
  };
  EXPECT_EQ(target({"partition", "orders-3"}), "partition orders-3");
  EXPECT_EQ(target({"orders-3"}), "partition orders-3");
  EXPECT_EQ(target({"broker", "1"}), "broker 1");
  EXPECT_EQ(target({"1"}), "broker 1");
  EXPECT_EQ(target({"what"}), "error");
  EXPECT_EQ(target({}), "error");
}

TEST(DurationText, IsShort) {
  EXPECT_EQ(duration_text(340), "340 ms");
  EXPECT_EQ(duration_text(4210), "4.2 s");
  EXPECT_EQ(duration_text(59'999), "59 s");
  EXPECT_EQ(duration_text(125'000), "2 min 5 s");
  EXPECT_EQ(duration_text(7'260'000), "2 h 1 min");
}

}  // namespace
}  // namespace ottla::cli
