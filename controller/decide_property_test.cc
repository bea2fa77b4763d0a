// Random events against the decisions: brokers come, go, crash and fall silent, leaders ask for
// other ISRs, writes fail or are carried out without an answer, controllers change. ZooKeeper is a
// map of states with versions. After every step the invariants of docs/controller.md hold; when all
// faults have healed every partition gets a leader.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <set>

#include "common/env/random.h"
#include "controller/decide.h"
#include "controller/election.h"
#include "controller/reassignment.h"

namespace ottla::controller {
namespace {

constexpr std::int32_t kBrokers = 5;
constexpr std::int32_t kPartitions = 6;

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    for (std::int32_t id = 1; id <= kBrokers; ++id) start_broker(BrokerId(id));
    rules_.min_insync_replicas = 1 + static_cast<std::int32_t>(random_.below(2));
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      cluster::Assignment assignment;
      for (std::int32_t r = 0; r < 3; ++r) {
        assignment.replicas.emplace_back(1 + (p + r) % kBrokers);
      }
      assignments_.push_back(assignment);
    }
    states_.resize(kPartitions);
    new_controller();
  }

  void step() {
    told_.resize(kPartitions);
    const std::size_t heard_of = random_.below(kPartitions);
    if (random_.below(2) == 0) told_[heard_of] = states_[heard_of];
    switch (random_.below(18)) {
      case 0:
        return stop_broker(any_broker());
      case 1:
      case 2:
        return start_broker(any_broker());
      case 3:
        return liveness(any_broker(), rpc::Liveness::ProcessDead);
      case 4:
        return liveness(any_broker(), rpc::Liveness::Silent);
      case 5:
        return liveness(any_broker(), rpc::Liveness::Alive);
      case 6:
      case 7:
        return alter();
      case 8:
        return answer_logs();
      case 9:
        return random_.below(8) == 0 ? new_controller() : shutdown();
      case 10:
        now_ += std::chrono::seconds(random_.below(5));
        return event(Tick{});
      case 11:
        return reassign();
      case 12:
        return report_slow();
      case 13:
        return lose_log(any_broker(), random_.below(kPartitions));
      case 14:
        return settle(any_broker());
      case 15:
        return take_everything(any_broker());
      default:
        return resolve_write();
    }
  }

  void heal() {
    for (std::int32_t id = 1; id <= kBrokers; ++id) {
      start_broker(BrokerId(id));  // Even if it was shutting down.
      liveness(BrokerId(id), rpc::Liveness::Alive);
    }
    for (int i = 0; i < 50; ++i) {
      while (!writes_.empty()) resolve_write(true);
      while (!queries_.empty()) answer_logs();
      for (std::int32_t id = 1; id <= kBrokers; ++id) take_everything(BrokerId(id));
      for (std::int32_t p = 0; p < kPartitions; ++p) all_join(p);
      now_ += std::chrono::seconds(2);
      event(Tick{});
    }
    for (const auto& state : states_) {
      ASSERT_TRUE(state.has_value());
      EXPECT_NE(state->leader, kNoBroker);
    }
    for (const cluster::Assignment& assignment : assignments_) {
      EXPECT_FALSE(is_reassigning(assignment));
    }
    EXPECT_TRUE(model_.pending_partitions.empty());
    EXPECT_TRUE(model_.pending_alters.empty());
    EXPECT_TRUE(model_.pending_shutdowns.empty());
    EXPECT_EQ(open_requests_, 0);
  }

 private:
  BrokerId any_broker() { return BrokerId(1 + static_cast<std::int32_t>(random_.below(kBrokers))); }

  BrokersRead registrations() {
    BrokersRead read;
    for (const auto& [id, broker] : registered_) read.brokers.push_back(broker);
    return read;
  }

  void start_broker(BrokerId id) {
    cluster::Broker broker;
    broker.id = id;
    broker.epoch = BrokerEpoch(++last_zxid_);
    broker.last_stop = static_cast<cluster::LastStop>(random_.below(3));
    if (broker.last_stop == cluster::LastStop::HostCrash) lose_records(id);
    // It says so until it is told that it need not.
    if (unsettled_.contains(id)) broker.last_stop = cluster::LastStop::HostCrash;
    registered_[id] = broker;
    event(registrations());
  }

  /// W1: its host crashed. Where ZooKeeper trusts it, or a write under way will, it must not lead
  /// unasked.
  void lose_records(BrokerId id) {
    unsettled_.insert(id);
    for (std::size_t p = 0; p < states_.size(); ++p) {
      const bool will_be_trusted = std::ranges::any_of(writes_, [&](const Write& write) {
        return write.partition == static_cast<std::int32_t>(p) && write.state.is_trusted(id);
      });
      if (will_be_trusted || (states_[p] && states_[p]->is_trusted(id))) lost_[p].insert(id);
    }
  }

  /// What it was told last, if that was everything, arrives.
  void take_everything(BrokerId id) {
    if (told_everything_.erase(id) == 0 || !registered_.contains(id)) return;
    event(CommandDone{id, registered_[id].epoch, {}, {}, true});
  }

  void settle(BrokerId id) {
    const auto found = registered_.find(id);
    if (found == registered_.end() || !unsettled_.contains(id)) return;
    if (model_.states_are_told || model_.has_unwritten_doubts(id)) return;
    unsettled_.erase(id);
    found->second.last_stop = cluster::LastStop::ProcessCrash;
    event(registrations());
  }

  /// W1: a broker is told of a role, and the log that it is trusted for is gone.
  void lose_log(BrokerId id, std::size_t p) {
    const PartitionEntry* const partition = model_.find_partition({"t", static_cast<int>(p)});
    if (!registered_.contains(id) || partition == nullptr || !partition->state) return;
    if (!partition->state->is_trusted(id) || !states_[p]->is_trusted(id)) return;
    lost_[p].insert(id);
    lost_logs_.insert({id, p});
    CommandDone done{id, registered_[id].epoch, {}, {}};
    done.outcomes.push_back({.topic = "t",
                             .topic_id = id_,
                             .partition = static_cast<std::int32_t>(p),
                             .error = ErrorCode::KafkaStorageError,
                             .log_is_lost = true});
    event(done);
  }

  /// Who is neither in the ISR nor eligible joins by what its leader has seen of it.
  void forget_lost(std::size_t p) {
    std::erase_if(lost_[p], [&](BrokerId id) {
      return !states_[p] || (!states_[p]->in_isr(id) && !states_[p]->is_eligible(id));
    });
    std::erase_if(lost_logs_, [&](const auto& lost) {
      return lost.second == p && !lost_[p].contains(lost.first);
    });
  }

  void check_leader(const Write& write) {
    if (write.kind != WriteKind::SetState || write.state.leader == kNoBroker) return;
    const auto p = static_cast<std::size_t>(write.partition);
    if (!states_[p] || write.state.leader_epoch <= states_[p]->leader_epoch) return;
    if (!lost_[p].contains(write.state.leader)) return;
    ASSERT_EQ(std::string(write.cause), "longest log") << "broker " << write.state.leader;
  }

  void stop_broker(BrokerId id) {
    registered_.erase(id);
    event(registrations());
  }

  void liveness(BrokerId id, rpc::Liveness liveness) {
    if (!registered_.contains(id)) return;
    event(LivenessChanged{id, registered_[id].epoch, liveness});
  }

  void report_slow() {
    const BrokerId id = any_broker();
    if (!registered_.contains(id)) return;
    rpc::SlowReplicasReport report{id, registered_[id].epoch, {}};
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      if (random_.below(2) == 0) report.replicas.push_back({"t", id_, p});
    }
    event(SlowReplicasReported{report});
  }

  void shutdown() {
    const BrokerId id = any_broker();
    if (!registered_.contains(id)) return;
    ++open_requests_;
    event(ShutdownRequested{RequestId(++last_request_), {id, registered_[id].epoch}});
  }

  /// A leader asks for some ISR, often a stale or a forbidden one.
  void alter() {
    const auto p = static_cast<std::int32_t>(random_.below(kPartitions));
    const auto& state = states_[static_cast<std::size_t>(p)];
    if (!state || state->leader == kNoBroker || !registered_.contains(state->leader)) return;
    rpc::AlterPartition request{"t", id_, p, state->leader_epoch, state->partition_epoch, {}};
    if (random_.below(5) == 0) request.partition_epoch = PartitionEpoch(0);
    for (const BrokerId b : assignments_[static_cast<std::size_t>(p)].replicas) {
      if (b != state->leader && random_.below(3) == 0) continue;
      const auto found = registered_.find(b);
      const bool stale = random_.below(6) == 0 || found == registered_.end();
      request.new_isr.push_back({b, stale ? BrokerEpoch(0) : found->second.epoch});
    }
    ++open_requests_;
    event(AlterPartitionRequested{RequestId(++last_request_),
                                  {state->leader, registered_[state->leader].epoch, {request}}});
  }

  /// Every replica is in sync: what the leader says when all is well.
  void all_join(std::int32_t p) {
    const auto& state = states_[static_cast<std::size_t>(p)];
    if (!state || state->leader == kNoBroker || !writes_.empty()) return;
    const auto& replicas = assignments_[static_cast<std::size_t>(p)].replicas;
    if (std::ranges::all_of(replicas, [&](BrokerId b) { return state->in_isr(b); })) return;
    rpc::AlterPartition request{"t", id_, p, state->leader_epoch, state->partition_epoch, {}};
    for (const BrokerId b : replicas) {
      request.new_isr.push_back({b, registered_[b].epoch});
    }
    ++open_requests_;
    event(AlterPartitionRequested{RequestId(++last_request_),
                                  {state->leader, registered_[state->leader].epoch, {request}}});
  }

  void reassign() {
    ReassignmentRequested request{RequestId(++last_request_), {}, now_ + std::chrono::seconds(20)};
    const auto p = static_cast<std::int32_t>(random_.below(kPartitions));
    WantedReplicas& wanted = request.partitions.emplace_back(WantedReplicas{{"t", p}, {}});
    if (random_.below(4) != 0) {
      wanted.replicas.emplace();
      for (std::int32_t id = 1; id <= kBrokers; ++id) {
        if (random_.below(2) == 0) wanted.replicas->emplace_back(id);
      }
    }
    ++open_requests_;
    event(request);
  }

  /// The topic's own node; then the controller hears of it, or has to read it.
  void resolve_topic_write(const Write& write, bool carried_out, bool answered) {
    const bool fits = write.version == topic_version_;
    if (carried_out && fits) {
      for (std::size_t p = 0; p < kPartitions; ++p) {
        if (!states_[p]) continue;
        const auto& next = write.content->partitions[p].replicas;
        for (const BrokerId member : states_[p]->isr) {
          ASSERT_TRUE(std::find(next.begin(), next.end(), member) != next.end())
              << "in the ISR, and dropped";
        }
      }
      assignments_ = write.content->partitions;
      ++topic_version_;
    }
    event(WritesDone{{{write, carried_out && answered && fits, {}}}});
  }

  [[nodiscard]] TopicRead topic_read() const {
    TopicRead topic;
    topic.topic = {"t", id_, assignments_};
    topic.version = topic_version_;
    topic.rules = rules_;
    topic.states = states_;
    return topic;
  }

  void answer_logs() {
    if (queries_.empty()) return;
    const auto [broker, partition] = queries_.front();
    queries_.pop_front();
    if (!registered_.contains(broker)) return;
    rpc::ReplicaLogAnswer::Partition answer;
    answer.topic = "t";
    answer.partition = partition;
    answer.last_epoch = LeaderEpoch(static_cast<std::int32_t>(random_.below(3)));
    answer.log_end_offset = Offset(static_cast<std::int64_t>(random_.below(10)));
    event(LogsAnswered{broker, registered_[broker].epoch, {answer}});
  }

  /// The oldest write is carried out, or not, and the controller hears of it, or reads the truth.
  void resolve_write(bool healthy = false) {
    if (writes_.empty()) return;
    const Write write = writes_.front();
    writes_.pop_front();
    if (write.kind == WriteKind::SetTopic) {
      const bool done = healthy || random_.below(5) != 0;
      return resolve_topic_write(write, done, healthy || random_.below(5) != 0);
    }
    auto& state = states_[static_cast<std::size_t>(write.partition)];
    const bool carried_out = healthy || random_.below(10) != 0;
    const bool answered = healthy || random_.below(10) != 0;
    const bool fits = write.kind == WriteKind::CreateState
                          ? !state
                          : state && state->partition_epoch == write.state.partition_epoch;
    WriteOutcome outcome{write, carried_out && answered && fits, {}};
    if (carried_out && fits) commit(write);
    if (carried_out && fits && std::string(write.cause) == "longest log") {
      lost_[static_cast<std::size_t>(write.partition)].erase(write.state.leader);
    }
    forget_lost(static_cast<std::size_t>(write.partition));
    if (!outcome.committed) outcome.truth = state;
    event(WritesDone{{outcome}});
  }

  void commit(const Write& write) {
    auto& state = states_[static_cast<std::size_t>(write.partition)];
    cluster::PartitionState next = write.state;
    next.partition_epoch = PartitionEpoch(state ? state->partition_epoch.value() + 1 : 0);
    check(write, state, next);
    state = next;
  }

  void check(const Write& write, const std::optional<cluster::PartitionState>& before,
             const cluster::PartitionState& after) {
    const auto& replicas = assignments_[static_cast<std::size_t>(write.partition)].replicas;
    const auto is_replica = [&](BrokerId b) {
      return std::find(replicas.begin(), replicas.end(), b) != replicas.end();
    };
    ASSERT_FALSE(after.isr.empty());
    for (const BrokerId member : after.isr) ASSERT_TRUE(is_replica(member));
    for (const BrokerId member : after.eligible_leaders) {
      ASSERT_TRUE(is_replica(member));
      ASSERT_FALSE(after.in_isr(member));
    }
    for (const BrokerId member : after.last_known_eligible_leaders) {
      ASSERT_TRUE(is_replica(member));
      ASSERT_TRUE(!after.in_isr(member) || after.leader == kNoBroker);
      ASSERT_EQ(std::ranges::count(after.eligible_leaders, member), 0);
    }
    ASSERT_TRUE(after.leader == kNoBroker || after.in_isr(after.leader));
    ASSERT_EQ(after.controller_epoch, model_.controller_epoch);
    if (!before) return;
    ASSERT_GE(after.leader_epoch, before->leader_epoch);
    if (after.leader != before->leader) {
      ASSERT_GT(after.leader_epoch, before->leader_epoch);
    }
    // Only the members of the ISR, or after KIP-966 the eligible ones, lead without being asked
    // for their logs.
    const auto& elr = before->eligible_leaders;
    const bool clean = after.leader == kNoBroker || before->in_isr(after.leader) ||
                       std::find(elr.begin(), elr.end(), after.leader) != elr.end();
    ASSERT_TRUE(clean || std::string(write.cause) == "longest log") << write.cause;
  }

  /// The next controller starts from ZooKeeper alone, but for elections that cannot wait: these
  /// start from what it was told. What the old one had on its way is fenced.
  void new_controller() {
    writes_.clear();
    queries_.clear();
    open_requests_ = 0;
    // Whose log is lost says so again when it is told of its role again.
    const auto lost_logs = std::exchange(lost_logs_, {});
    for (const auto& [id, p] : lost_logs) lost_[p].erase(id);
    for (std::size_t p = 0; p < kPartitions; ++p) forget_lost(p);
    const ControllerEpoch epoch = model_.controller_epoch.next();
    model_ = {};
    model_.controller_epoch = epoch;
    ClusterOutlined outline;
    outline.brokers = registrations().brokers;
    outline.topics.push_back(topic_read());
    outline.topics.back().states = told_;
    const auto predecessor = registered_.find(any_broker());
    if (predecessor != registered_.end()) {
      outline.judged.push_back(
          {predecessor->first, predecessor->second.epoch, rpc::Liveness::ProcessDead});
    }
    event(outline);
    // Its own writes go on while it reads.
    TopicRead topic = topic_read();
    for (std::uint64_t i = random_.below(8); i > 0; --i) {
      random_.below(3) == 0 ? liveness(any_broker(), static_cast<rpc::Liveness>(random_.below(3)))
                            : resolve_write();
      if (random_.below(4) == 0) topic = topic_read();
    }
    ClusterRead read;
    read.brokers = registrations().brokers;
    read.topics.push_back(std::move(topic));
    event(read);
    for (const auto& [id, p] : lost_logs) lose_log(id, p);
  }

  void event(const Event& e) {
    if (states_.empty()) return;  // Still being set up.
    Decision decision = decide(model_, e, now_);
    for (const Write& write : decision.writes) {
      ASSERT_TRUE(!model_.states_are_told || (write.is_urgent && write.state.leader != kNoBroker));
      check_leader(write);
    }
    writes_.insert(writes_.end(), decision.writes.begin(), decision.writes.end());
    for (const Command& command : decision.commands) {
      if (const auto* announce = std::get_if<Announce>(&command)) check_announced(*announce);
      ASSERT_FALSE(model_.states_are_told && (std::holds_alternative<StopReplicas>(command) ||
                                              std::holds_alternative<AskLogs>(command)));
      if (const auto* stop = std::get_if<StopReplicas>(&command)) check_stopped(*stop);
      if (const auto* full = std::get_if<SendFull>(&command)) told_everything_.insert(full->broker);
      if (const auto* ask = std::get_if<AskLogs>(&command)) {
        for (const auto& p : ask->partitions) queries_.emplace_back(ask->broker, p.partition);
      }
    }
    open_requests_ -= static_cast<int>(decision.answers.size());
    check_one_write_for_each_partition();
    if (!decision.topics_to_read.empty()) {
      return event(TopicsRead{{topic_read()}, std::nullopt});
    }
    check_counts();
  }

  /// No broker hears what ZooKeeper does not hold.
  void check_announced(const Announce& announce) {
    for (const TopicPartition& tp : announce.partitions) {
      const auto& known = model_.find_partition(tp)->state;
      const auto& truth = states_[static_cast<std::size_t>(tp.partition)];
      ASSERT_TRUE(known && truth);
      ASSERT_LE(known->partition_epoch, truth->partition_epoch);
    }
  }

  /// Nobody deletes a log that ZooKeeper counts on.
  void check_stopped(const StopReplicas& stop) {
    for (const rpc::StopReplica& replica : stop.replicas) {
      if (!replica.remove) continue;
      const auto p = static_cast<std::size_t>(replica.partition);
      const auto& replicas = assignments_[p].replicas;
      ASSERT_TRUE(std::find(replicas.begin(), replicas.end(), stop.broker) == replicas.end());
      ASSERT_FALSE(states_[p] && states_[p]->in_isr(stop.broker));
    }
  }

  /// W23: metrics are counted from the model, and the model lags behind ZooKeeper by the writes
  /// under way only.
  void check_counts() {
    if (!writes_.empty() || model_.states_are_told) return;
    ModelCounts expected{.topics = 1, .partitions = kPartitions};
    for (std::size_t p = 0; p < kPartitions; ++p) {
      const auto& state = states_[p];
      const auto& replicas = assignments_[p].replicas;
      if (!state || state->leader == kNoBroker) ++expected.offline_partitions;
      if (!state || state->isr.size() < cluster::replication_factor(assignments_[p])) {
        ++expected.under_replicated_partitions;
      }
      if (state && state->leader != replicas.front()) ++expected.preferred_replica_imbalance;
      if (is_reassigning(assignments_[p])) ++expected.reassigning_partitions;
    }
    const ModelCounts counts = count(model_);
    ASSERT_EQ(counts.topics, expected.topics);
    ASSERT_EQ(counts.partitions, expected.partitions);
    ASSERT_EQ(counts.offline_partitions, expected.offline_partitions);
    ASSERT_EQ(counts.under_replicated_partitions, expected.under_replicated_partitions);
    ASSERT_EQ(counts.preferred_replica_imbalance, expected.preferred_replica_imbalance);
    ASSERT_EQ(counts.reassigning_partitions, expected.reassigning_partitions);
  }

  void check_one_write_for_each_partition() {
    std::vector<int> count(kPartitions, 0);
    const auto is_state = [](const Write& write) { return write.kind != WriteKind::SetTopic; };
    ASSERT_LE(std::count_if(writes_.begin(), writes_.end(), std::not_fn(is_state)), 1);
    for (const Write& write : writes_) {
      if (is_state(write)) ++count[static_cast<std::size_t>(write.partition)];
    }
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      const PartitionEntry* partition = model_.find_partition({"t", p});
      const bool writing = partition != nullptr && partition->writing;
      ASSERT_EQ(count[static_cast<std::size_t>(p)], writing ? 1 : 0);
    }
  }

  env::SeededRandom random_;
  ClusterModel model_;
  env::MonotonicTime now_{};
  TopicId id_{1, 2};
  TopicRules rules_;
  std::vector<cluster::Assignment> assignments_;  ///< ZooKeeper's
  std::int32_t topic_version_ = 0;
  std::vector<std::optional<cluster::PartitionState>> states_;  ///< ZooKeeper's
  std::vector<std::optional<cluster::PartitionState>> told_;    ///< To whom is elected next.
  std::map<BrokerId, cluster::Broker> registered_;
  std::set<BrokerId> told_everything_;
  std::set<BrokerId> unsettled_;  ///< Whose host crashed, and who still says so.
  /// By partition: who is trusted, and may have lost records since.
  std::array<std::set<BrokerId>, kPartitions> lost_;
  std::set<std::pair<BrokerId, std::size_t>> lost_logs_;
  std::deque<Write> writes_;
  std::deque<std::pair<BrokerId, std::int32_t>> queries_;
  std::int64_t last_zxid_ = 0;
  std::uint64_t last_request_ = 0;
  int open_requests_ = 0;
};

TEST(Decisions, InvariantsHoldUnderRandomEvents) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    for (int i = 0; i < 400 && !testing::Test::HasFatalFailure(); ++i) world.step();
    world.heal();
    if (testing::Test::HasFailure()) return;
  }
}

TEST(StateMachines, FollowTheirTables) {
  EXPECT_TRUE(is_legal(PartitionPhase::New, PartitionPhase::Online));
  EXPECT_FALSE(is_legal(PartitionPhase::NonExistent, PartitionPhase::Online));
  EXPECT_FALSE(is_legal(PartitionPhase::Online, PartitionPhase::New));
  EXPECT_FALSE(is_legal(TopicPhase::Live, TopicPhase::Erasing));
  EXPECT_FALSE(is_legal(TopicPhase::Erasing, TopicPhase::Live));
  EXPECT_TRUE(is_legal(ReplicaPhase::Offline, ReplicaPhase::Deleted));
  EXPECT_FALSE(is_legal(ReplicaPhase::Deleted, ReplicaPhase::Online));
}

TEST(Election, LongestLogIsTheOneOfTheNewestEpoch) {
  EXPECT_LT((LogEnd{LeaderEpoch(3), Offset(100)}), (LogEnd{LeaderEpoch(4), Offset(50)}));
  EXPECT_LT((LogEnd{LeaderEpoch(4), Offset(50)}), (LogEnd{LeaderEpoch(4), Offset(60)}));
  EXPECT_LT(LogEnd{}, (LogEnd{LeaderEpoch(0), Offset(0)}));
}

}  // namespace
}  // namespace ottla::controller
