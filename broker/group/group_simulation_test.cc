// Members that join, commit, leave, crash and come back, and coordinators that crash, from a seed.
// Checked after every answer: each generation's assignment belongs to exactly its members, comes
// from one leader, and no committed offset goes backwards. When the faults end the group is stable
// within a bounded time.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <sstream>

#include "broker/group/coordinator_for_tests.h"
#include "broker/group/group_loader.h"
#include "broker/group/log_batch.h"

namespace ottla::group {
namespace {

using std::chrono::milliseconds;

constexpr int kMembers = 6;
constexpr int kPartitions = 9;
constexpr const char* kGroup = "g";

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed) {
    config_.initial_rebalance_delay = milliseconds(100);
    start_coordinator();
    for (int i = 0; i < kMembers; ++i) {
      members_[static_cast<std::size_t>(i)].index = i;
      members_[static_cast<std::size_t>(i)].is_static = i % 3 == 0;
      after(random_time(5'000), [this, i] { start(member(i)); });
    }
    plan_faults();
  }

  void run(milliseconds time) {
    const env::MonotonicTime end = clock_.time + time;
    while (true) {
      auto next = world_.next();
      if (core_) {
        const auto timer = core_->next_deadline();
        if (timer && (!next || *timer < *next)) next = timer;
      }
      if (!next || *next > end) break;
      clock_.time = std::max(clock_.time, *next);
      if (core_) core_->run_due();
      world_.run_due(clock_.time);
      check_generations();
    }
    clock_.time = end;
  }

  /// No more faults: everybody comes back.
  void heal() {
    faults_ = false;
    if (!core_) start_coordinator();
    for (Member& m : members_) {
      if (!m.runs) start(m);
    }
  }

  void check_settled() {
    ASSERT_TRUE(core_);
    const auto described = core_->describe(kGroup);
    EXPECT_EQ(described.state, "Stable");
    EXPECT_EQ(described.members.size(), static_cast<std::size_t>(kMembers));
    std::multiset<int> owned;
    for (const Member& m : members_) {
      EXPECT_TRUE(m.owns_assignment) << m.index;
      owned.insert(m.partitions.begin(), m.partitions.end());
    }
    for (int p = 0; p < kPartitions; ++p) EXPECT_EQ(owned.count(p), 1u) << p;
  }

  int commits() const { return commits_; }
  int rebalances() const { return static_cast<int>(assigned_by_.size()); }
  int failovers() const { return incarnation_; }

 private:
  struct Member {
    int index = 0;
    bool is_static = false;
    bool runs = false;
    int life = 0;  ///< Answers to an earlier life are lost.
    std::string id;
    std::int32_t generation = -1;
    bool owns_assignment = false;
    bool commit_on_its_way = false;
    bool wants_to_join = false;
    std::vector<int> partitions;
    std::map<int, std::int64_t> positions;
  };

  class Log final : public OffsetsLog {
   public:
    Log(Simulation& simulation, LeaderEpoch epoch) : simulation_(simulation), epoch_(epoch) {}
    void append(std::int32_t, LeaderEpoch epoch, std::vector<LogRecord> records,
                const std::optional<CommittingTransaction>&, Callback<Outcome> done) override {
      EXPECT_EQ(epoch, epoch_);
      const auto base = static_cast<std::int64_t>(simulation_.log_.size());
      for (LogRecord& record : records) simulation_.log_.push_back(std::move(record));
      const auto end = simulation_.log_.size();
      // Outcomes in order: the high watermark moves over all that stands before.
      simulation_.commit_at_ = std::max(simulation_.commit_at_ + milliseconds(1),
                                        simulation_.clock_.time + simulation_.random_time(20));
      simulation_.world_.add(simulation_.commit_at_, [this, alive = std::weak_ptr(alive_), base,
                                                      end, done = std::move(done)]() mutable {
        if (alive.expired()) return;
        simulation_.committed_ = std::max(simulation_.committed_, end);
        std::move(done)({.base_offset = Offset(base)});
      });
    }

   private:
    Simulation& simulation_;
    const LeaderEpoch epoch_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  };

  Member& member(int index) { return members_[static_cast<std::size_t>(index)]; }
  milliseconds random_time(int most) {
    return milliseconds(1 + static_cast<int>(random_.below(static_cast<std::uint64_t>(most))));
  }
  bool chance(int percent) { return static_cast<int>(random_.below(100)) < percent; }
  void after(milliseconds time, Task task) { world_.add(clock_.time + time, std::move(task)); }
  /// Runs `work` unless the member has crashed or left meanwhile.
  void later(Member& m, milliseconds time, std::function<void(Member&)> work) {
    after(time, [this, index = m.index, life = m.life, work = std::move(work)] {
      Member& again = member(index);
      if (again.runs && again.life == life) work(again);
    });
  }

  // The coordinator.

  void start_coordinator() {
    const LeaderEpoch epoch(++incarnation_);
    log_of_core_ = std::make_unique<Log>(*this, epoch);
    core_ = std::make_unique<CoordinatorCore>(config_, clock_, random_, *log_of_core_);
    core_->set_partition_count(1);
    core_->begin_loading(0, epoch);
    const int incarnation = incarnation_;
    after(random_time(300), [this, epoch, incarnation] {
      if (!core_ || incarnation != incarnation_) return;
      committed_ = log_.size();
      GroupLoader loader;
      std::int64_t offset = 0;
      for (const LogRecord& record : log_) {
        const auto batch = build_batch({record}, record::Codec::None, 1);
        record::MutableRecordBatch::parse((*batch)->bytes())->set_base_offset(Offset(offset++));
        EXPECT_TRUE(loader.add((*batch)->bytes()));
      }
      EXPECT_EQ(loader.unreadable(), 0u);
      core_->finish_loading(0, epoch, loader.finish());
    });
  }

  void crash_coordinator() {
    core_.reset();
    log_of_core_.reset();
    // What was not committed may or may not be on the next leader.
    log_.resize(committed_ + random_.below(log_.size() - committed_ + 1));
    // Who waits learns that the connection is gone.
    for (Member& m : members_) {
      if (m.runs && !m.owns_assignment) {
        later(m, random_time(200), [this](Member& again) { join(again); });
      }
      m.commit_on_its_way = false;
    }
    after(random_time(2'000), [this] {
      if (!core_) start_coordinator();
    });
  }

  void plan_faults() {
    after(random_time(20'000), [this] {
      if (!faults_) return;
      if (chance(25) && core_) {
        crash_coordinator();
      } else {
        Member& m = member(static_cast<int>(random_.below(kMembers)));
        if (!m.runs) {
          start(m);
        } else if (chance(40)) {
          leave(m);
        } else {
          crash(m);
        }
      }
      plan_faults();
    });
  }

  // Members.

  void start(Member& m) {
    if (m.runs) return;
    m.runs = true;
    ++m.life;
    m.id.clear();
    m.generation = -1;
    m.commit_on_its_way = false;
    m.wants_to_join = false;
    join(m);
  }
  void crash(Member& m) {
    m.runs = false;
    m.owns_assignment = false;
    const int life = ++m.life;
    after(random_time(30'000), [this, index = m.index, life] {
      if (member(index).life == life) start(member(index));
    });
  }
  void leave(Member& m) {
    if (core_ && !m.is_static && !m.id.empty() && !m.commit_on_its_way) {
      protocol::LeaveGroupRequest::Member leaving;
      leaving.member_id = m.id;
      (void)core_->leave(kGroup, {leaving});
    }
    crash(m);
  }

  std::optional<std::string> instance_of(const Member& m) const {
    if (!m.is_static) return std::nullopt;
    return "static-" + std::to_string(m.index);
  }

  void join(Member& m) {
    m.owns_assignment = false;
    if (m.commit_on_its_way) {  // Clients end their commit first.
      m.wants_to_join = true;
      return;
    }
    if (!core_) return later(m, random_time(500), [this](Member& again) { join(again); });
    protocol::JoinGroupRequest request;
    request.group_id = kGroup;
    request.member_id = m.id;
    request.group_instance_id = instance_of(m);
    request.protocol_type = "consumer";
    request.session_timeout_ms = 6'000;
    request.rebalance_timeout_ms = 8'000;
    request.protocols.push_back({"range", as_bytes("x")});
    const JoinCaller caller{.client_id = "c" + std::to_string(m.index),
                            .client_host = "/h",
                            .takes_member_id_first = m.index % 2 == 0,
                            .takes_skip_assignment = m.index % 4 == 0};
    core_->join(caller, request,
                [this, index = m.index, life = m.life](const protocol::JoinGroupResponse& told) {
                  joined(index, life, told);
                });
  }

  void joined(int index, int life, const protocol::JoinGroupResponse& told) {
    if (told.error_code == ErrorCode::None) {
      owner_of_[told.member_id] = index;
      Generation& generation = generations_[{incarnation_, told.generation_id}];
      generation.receivers.insert(told.member_id);
      if (told.leader == told.member_id && !told.skip_assignment && !told.members.empty()) {
        generation.members.clear();
        for (const auto& each : told.members) {
          generation.members.insert(each.member_id);
          if (each.group_instance_id) generation.statics.insert(each.member_id);
        }
        generation.fresh = true;
      }
    }
    Member& m = member(index);
    if (!m.runs || m.life != life) return;
    if (told.error_code != ErrorCode::None) {
      if (told.error_code == ErrorCode::MemberIdRequired) {
        m.id = told.member_id;
      } else if (told.error_code == ErrorCode::UnknownMemberId ||
                 told.error_code == ErrorCode::FencedInstanceId) {
        m.id.clear();
      } else {
        EXPECT_TRUE(told.error_code == ErrorCode::NotCoordinator ||
                    told.error_code == ErrorCode::CoordinatorLoadInProgress)
            << told.error_code;
      }
      return later(m, random_time(200), [this](Member& again) { join(again); });
    }
    m.id = told.member_id;
    m.generation = told.generation_id;
    std::vector<std::string> ids;
    if (told.leader == told.member_id && !told.skip_assignment) {
      for (const auto& each : told.members) ids.push_back(each.member_id);
    }
    later(m, random_time(100), [this, ids](Member& again) { sync(again, ids); });
  }

  void sync(Member& m, const std::vector<std::string>& ids) {
    if (!core_) return join(m);
    protocol::SyncGroupRequest request;
    request.group_id = kGroup;
    request.generation_id = m.generation;
    request.member_id = m.id;
    request.group_instance_id = instance_of(m);
    std::vector<std::string> texts;
    const int number = ++last_sync_;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::ostringstream text;
      text << number << ' ' << owner_of_.at(ids[i]);
      for (int p = static_cast<int>(i); p < kPartitions; p += static_cast<int>(ids.size())) {
        text << ' ' << p;
      }
      texts.push_back(text.str());
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      request.assignments.push_back({ids[i], as_bytes(texts[i])});
    }
    core_->sync(request, [this, index = m.index, life = m.life,
                          generation = m.generation](const protocol::SyncGroupResponse& told) {
      synced(index, life, generation, told.error_code, std::string(as_text(told.assignment)));
    });
  }

  void synced(int index, int life, std::int32_t generation, ErrorCode error,
              const std::string& assignment) {
    int number = 0;
    int addressee = -1;
    std::vector<int> partitions;
    if (error == ErrorCode::None && !assignment.empty()) {
      std::istringstream text(assignment);
      text >> number >> addressee;
      for (int p = 0; text >> p;) partitions.push_back(p);
      EXPECT_EQ(addressee, index) << "generation " << generation;
      const auto [first, is_new] = assigned_by_.emplace(generation, number);
      EXPECT_EQ(first->second, number) << "two assignments in generation " << generation;
    }
    Member& m = member(index);
    if (!m.runs || m.life != life) return;
    if (error != ErrorCode::None) {
      if (error == ErrorCode::UnknownMemberId || error == ErrorCode::FencedInstanceId) m.id.clear();
      return later(m, random_time(200), [this](Member& again) { join(again); });
    }
    if (assignment.empty()) {  // The leader did not know us: ask for a new round.
      return later(m, random_time(200), [this](Member& again) {
        again.id.clear();
        join(again);
      });
    }
    m.owns_assignment = true;
    m.partitions = partitions;
    fetch_positions(m);
    heartbeat_later(m);
    commit_later(m);
  }

  void fetch_positions(Member& m) {
    m.positions.clear();
    for (const int p : m.partitions) {
      const auto fetched = core_->fetch({kGroup, std::vector<TopicPartition>{{"t", p}}}, false);
      ASSERT_EQ(fetched.error, ErrorCode::None);
      const std::int64_t offset = fetched.offsets[0].committed.offset.value();
      EXPECT_GE(std::max<std::int64_t>(offset, 0), acknowledged_[p])
          << "partition " << p << " went backwards";
      m.positions[p] = std::max<std::int64_t>(offset, 0);
    }
  }

  void heartbeat_later(Member& m) {
    later(m, milliseconds(1'000) + random_time(500), [this](Member& again) {
      if (!again.owns_assignment) return;
      if (!core_) return heartbeat_later(again);
      protocol::HeartbeatRequest request;
      request.group_id = kGroup;
      request.member_id = again.id;
      request.generation_id = again.generation;
      request.group_instance_id = instance_of(again);
      react(again, core_->heartbeat(request));
      if (again.owns_assignment) heartbeat_later(again);
    });
  }

  void react(Member& m, ErrorCode error) {
    switch (error) {
      case ErrorCode::None:
      case ErrorCode::NotCoordinator:
      case ErrorCode::CoordinatorLoadInProgress:
      case ErrorCode::CoordinatorNotAvailable:
        return;
      case ErrorCode::UnknownMemberId:
      case ErrorCode::FencedInstanceId:
        m.id.clear();
        return join(m);
      case ErrorCode::IllegalGeneration:
      case ErrorCode::RebalanceInProgress:
        return join(m);
      default:
        ADD_FAILURE() << error;
    }
  }

  void commit_later(Member& m) {
    later(m, random_time(3'000), [this](Member& again) {
      if (!again.owns_assignment) return;
      if (core_ && !again.commit_on_its_way && !again.positions.empty()) commit(again);
      commit_later(again);
    });
  }

  void commit(Member& m) {
    CommitRequest request;
    request.group = kGroup;
    request.generation = m.generation;
    request.member_id = m.id;
    request.instance_id = instance_of(m);
    std::vector<std::pair<int, std::int64_t>> moved;
    for (auto& [p, position] : m.positions) {
      position += 1 + static_cast<std::int64_t>(random_.below(5));
      moved.emplace_back(p, position);
      request.offsets.push_back({{"t", p}, {.offset = Offset(position)}});
    }
    m.commit_on_its_way = true;
    core_->commit(std::move(request), [this, index = m.index, life = m.life,
                                       moved](const std::vector<ErrorCode>& outcomes) {
      if (outcomes[0] == ErrorCode::None) {
        ++commits_;
        for (const auto& [p, offset] : moved) {
          EXPECT_GT(offset, acknowledged_[p]) << "partition " << p << " went backwards";
          acknowledged_[p] = std::max(acknowledged_[p], offset);
        }
      }
      Member& again = member(index);
      if (!again.runs || again.life != life) return;
      again.commit_on_its_way = false;
      if (std::exchange(again.wants_to_join, false)) return join(again);
      react(again, outcomes[0]);
    });
  }

  // Invariants of generations: announced in one go to exactly those whom the leader is told.
  struct Generation {
    std::set<std::string> members;
    std::set<std::string> statics;
    std::set<std::string> receivers;
    bool fresh = false;
  };
  void check_generations() {
    for (auto& [key, generation] : generations_) {
      if (!generation.fresh) continue;
      generation.fresh = false;
      for (const std::string& id : generation.receivers) {
        EXPECT_TRUE(generation.members.contains(id)) << id << " in generation " << key.second;
      }
      for (const std::string& id : generation.members) {
        EXPECT_TRUE(generation.receivers.contains(id) || generation.statics.contains(id))
            << id << " was not told of generation " << key.second;
      }
    }
  }

  GroupConfig config_;
  StoppedClock clock_;
  env::SeededRandom random_;
  env::TimerQueue world_;
  bool faults_ = true;

  std::vector<LogRecord> log_;
  std::size_t committed_ = 0;
  env::MonotonicTime commit_at_{};
  int incarnation_ = 0;
  std::unique_ptr<Log> log_of_core_;
  std::unique_ptr<CoordinatorCore> core_;

  std::array<Member, kMembers> members_;
  std::map<std::string, int> owner_of_;
  std::map<std::pair<int, std::int32_t>, Generation> generations_;
  std::map<std::int32_t, int> assigned_by_;
  std::map<int, std::int64_t> acknowledged_;
  int last_sync_ = 0;
  int commits_ = 0;
};

TEST(GroupSimulation, HoldsItsInvariantsForManySeeds) {
  int commits = 0;
  int rebalances = 0;
  int failovers = 0;
  for (std::uint64_t seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(seed);
    simulation.run(std::chrono::minutes(10));
    simulation.heal();
    simulation.run(std::chrono::minutes(1));
    simulation.check_settled();
    if (::testing::Test::HasFailure()) return;
    commits += simulation.commits();
    rebalances += simulation.rebalances();
    failovers += simulation.failovers();
  }
  // It must be about something.
  EXPECT_GT(commits, 10'000);
  EXPECT_GT(rebalances, 1'000);
  EXPECT_GT(failovers, 300);
  RecordProperty("commits", commits);
  RecordProperty("rebalances", rebalances);
}

}  // namespace
}  // namespace ottla::group
