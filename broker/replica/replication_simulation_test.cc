#include <gtest/gtest.h>

#include "broker/replica/simulated_cluster_for_tests.h"

namespace ottla::replica {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kBrokers = 3;

/// Clients and faults by seed over a SimulatedCluster, and what must hold after every step.
class Chaos {
 public:
  Chaos(std::uint64_t seed, SimulatedCluster::Options options)
      : cluster_(seed, options), random_(seed * 77 + 1) {}

  void run(env::Duration duration) {
    const env::MonotonicTime end = cluster_.world.now() + duration;
    while (cluster_.world.now() < end && !::testing::Test::HasFailure()) {
      cluster_.world.run_for(milliseconds(1 + random_.below(10)));
      append_somewhere();
      if (random_.below(30) == 0) break_something();
      check_high_watermarks();
    }
  }

  /// Faults heal; then all replicas must be in sync and every acknowledged record must be there.
  void heal_and_check() {
    cluster_.calm();
    cluster_.streams.heal_all();
    for (int b = 1; b <= kBrokers; ++b) {
      if (!cluster_.is_up(BrokerId(b))) cluster_.start(BrokerId(b));
    }
    ASSERT_TRUE(cluster_.world.run_until_true([&] { return in_sync(); }, seconds(30)))
        << "a live replica does not come back into the ISR";
    for (int p = 0; p < cluster_.partitions(); ++p) {
      const auto reference = cluster_.values(*cluster_.log(BrokerId(1), p));
      for (int b = 2; b <= kBrokers; ++b) {
        ASSERT_EQ(cluster_.values(*cluster_.log(BrokerId(b), p)), reference) << "logs differ";
      }
      for (const auto& [offset, value] : acknowledged_[p]) {
        const auto found = reference.find(offset);
        ASSERT_NE(found, reference.end()) << "acknowledged record lost at " << offset;
        ASSERT_EQ(found->second, value) << "at offset " << offset;
      }
    }
  }
  [[nodiscard]] std::size_t acknowledged() const {
    std::size_t count = 0;
    for (const auto& [partition, records] : acknowledged_) count += records.size();
    return count;
  }

 private:
  void append_somewhere() {
    const auto p =
        static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(cluster_.partitions())));
    // Mostly the leader, sometimes anyone: old leaders must refuse, or time out.
    BrokerId target = cluster_.state(static_cast<std::size_t>(p)).leader;
    if (random_.below(4) == 0) target = any_broker();
    if (!cluster_.is_up(target)) return;
    std::vector<std::string> values;
    for (std::uint64_t n = 1 + random_.below(3); n > 0; --n) {
      values.push_back("value-" + std::to_string(++last_value_));
    }
    cluster_.append(target, p, values, Acks::All, [this, p, values](const AppendedPartition& got) {
      if (got.error != ErrorCode::None) return;
      for (std::size_t i = 0; i < values.size(); ++i) {
        const std::int64_t offset = got.base_offset.value() + static_cast<std::int64_t>(i);
        const auto [at, added] = acknowledged_[p].emplace(offset, values[i]);
        EXPECT_TRUE(added) << "offset " << offset << " acknowledged twice: " << at->second
                           << " and " << values[i];
      }
    });
  }

  void break_something() {
    switch (random_.below(8)) {
      case 0:
      case 1: {
        const BrokerId victim = any_broker();
        if (cluster_.is_up(victim)) {
          cluster_.crash(victim);
          for (auto& [key, watermark] : high_watermarks_) {
            if (key.first == victim) watermark = Offset(0);
          }
        } else {
          cluster_.start(victim);
        }
        break;
      }
      case 2: {
        // Another leader out of the ISR: an ordinary election, the old leader lives.
        const std::size_t p = random_.below(static_cast<std::uint64_t>(cluster_.partitions()));
        const auto& isr = cluster_.state(p).isr;
        const BrokerId next = isr[random_.below(isr.size())];
        if (cluster_.is_up(next)) cluster_.elect(p, next);
        break;
      }
      case 3:
        cluster_.streams.break_all();
        break;
      case 4:
        cluster_.streams.cut(any_broker(), any_broker());
        break;
      case 5: {
        // A suspect leaves the ISR, but lives.
        const std::size_t p = random_.below(static_cast<std::uint64_t>(cluster_.partitions()));
        const BrokerId suspect = any_broker();
        if (suspect != cluster_.state(p).leader && cluster_.state(p).in_isr(suspect) &&
            cluster_.state(p).isr.size() > 1) {
          cluster_.put_out(p, suspect);
        }
        break;
      }
      default:
        cluster_.streams.heal_all();
        break;
    }
  }

  /// In one process a replica's high watermark never moves back: all elections here are clean.
  void check_high_watermarks() {
    for (int b = 1; b <= kBrokers; ++b) {
      for (int p = 0; p < cluster_.partitions(); ++p) {
        const auto partition = cluster_.partition(BrokerId(b), p);
        if (!partition) continue;
        Offset& last = high_watermarks_[{BrokerId(b), p}];
        ASSERT_GE(partition->high_watermark(), last) << "broker " << b << ", partition " << p;
        last = partition->high_watermark();
      }
    }
  }

  [[nodiscard]] bool in_sync() {
    for (int p = 0; p < cluster_.partitions(); ++p) {
      const cluster::PartitionState& state = cluster_.state(static_cast<std::size_t>(p));
      if (state.isr.size() != kBrokers) return false;
      const auto leader = cluster_.log(state.leader, p);
      for (int b = 1; b <= kBrokers; ++b) {
        const auto log = cluster_.log(BrokerId(b), p);
        if (!log || !leader || log->log_end_offset() != leader->log_end_offset()) return false;
        if (cluster_.partition(BrokerId(b), p)->high_watermark() != log->log_end_offset()) {
          return false;
        }
      }
    }
    return true;
  }
  [[nodiscard]] BrokerId any_broker() {
    return BrokerId(1 + static_cast<std::int32_t>(random_.below(kBrokers)));
  }

  std::map<int, std::map<std::int64_t, std::string>> acknowledged_;
  std::map<std::pair<BrokerId, int>, Offset> high_watermarks_;
  SimulatedCluster cluster_;
  env::SeededRandom random_;
  int last_value_ = 0;
};

void run_seed(std::uint64_t seed, SimulatedCluster::Options options) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Chaos chaos(seed, options);
  chaos.run(seconds(4));
  chaos.heal_and_check();
  if (::testing::Test::HasFailure()) return;
  EXPECT_GT(chaos.acknowledged(), 20U) << "the run shows nothing";
}

TEST(ReplicationSimulation, AcknowledgedRecordsSurviveCrashesCutsAndElections) {
  for (std::uint64_t seed = 1; seed <= 15 && !::testing::Test::HasFailure(); ++seed) {
    run_seed(seed, {.partitions = 2, .lossy_controller = true});
  }
}

TEST(ReplicationSimulation, AlsoWithOneReplicaEnough) {
  for (std::uint64_t seed = 100; seed <= 110 && !::testing::Test::HasFailure(); ++seed) {
    run_seed(seed, {.min_insync_replicas = 1, .lossy_controller = true});
  }
}

TEST(ReplicationSimulation, ASeedRepeatsExactly) {
  const auto run = [] {
    Chaos chaos(5, {.partitions = 2, .lossy_controller = true});
    chaos.run(seconds(2));
    return chaos.acknowledged();
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace ottla::replica
