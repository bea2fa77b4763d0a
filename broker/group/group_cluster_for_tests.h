#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/replica/simulated_cluster_for_tests.h"

namespace ottla::group {

using replica::SimulatedCluster;
using std::chrono::milliseconds;
using std::chrono::seconds;

using replica::kOne;
using replica::kThree;
using replica::kTwo;
inline constexpr BrokerId kBrokers[] = {kOne, kTwo, kThree};
inline constexpr int kShards = 3;
inline const TopicPartition kOrders{"orders", 0};

/// Three brokers with a coordinator each, over replicated logs of __consumer_offsets.
class GroupCluster final : private SimulatedCluster::Tenants {
 public:
  explicit GroupCluster(std::uint64_t seed)
      : cluster(seed, {.partitions = kShards, .topic = kOffsetsTopic}, this) {}
  ~GroupCluster() override {
    for (const BrokerId broker : kBrokers) {
      if (cluster.is_up(broker)) cluster.crash(broker);
    }
    loops_.clear();  // before their world
  }

  [[nodiscard]] GroupCoordinator& at(BrokerId broker) { return *coordinators_.at(broker); }
  [[nodiscard]] metrics::Registry& registry(BrokerId broker) { return *registries_.at(broker); }
  [[nodiscard]] BrokerId leader_of(const std::string& group) const {
    return cluster.state(shard_of(group)).leader;
  }
  [[nodiscard]] static std::size_t shard_of(const std::string& group) {
    return static_cast<std::size_t>(partition_of(group, kShards));
  }
  void commit(BrokerId broker, const std::string& group, std::int64_t offset,
              Callback<ErrorCode> done) {
    CommitRequest request{.group = group, .offsets = {{kOrders, {.offset = Offset(offset)}}}};
    at(broker).commit(std::move(request),
                      [done = std::move(done)](const std::vector<ErrorCode>& outcomes) mutable {
                        std::move(done)(outcomes.at(0));
                      });
  }
  void fetch(BrokerId broker, const std::string& group, Callback<FetchedOffsets> done,
             bool require_stable = false) {
    at(broker).fetch({{.group = group, .partitions = {{kOrders}}}}, require_stable,
                     [done = std::move(done)](std::vector<FetchedOffsets> fetched) mutable {
                       std::move(done)(std::move(fetched.at(0)));
                     });
  }
  ErrorCode commit_and_wait(BrokerId broker, const std::string& group, std::int64_t offset) {
    std::optional<ErrorCode> outcome;
    commit(broker, group, offset, [&](ErrorCode told) { outcome = told; });
    EXPECT_TRUE(cluster.world.run_until_true([&] { return outcome.has_value(); }, seconds(20)));
    return outcome.value_or(ErrorCode::UnknownServerError);
  }
  FetchedOffsets fetch_and_wait(BrokerId broker, const std::string& group) {
    std::optional<FetchedOffsets> outcome;
    fetch(broker, group, [&](FetchedOffsets told) { outcome = std::move(told); });
    EXPECT_TRUE(cluster.world.run_until_true([&] { return outcome.has_value(); }, seconds(20)));
    return outcome.value_or(FetchedOffsets{});
  }
  /// Until the group's coordinator serves, and nobody else says that it does.
  [[nodiscard]] bool settles(const std::string& group, env::Duration within) {
    const env::MonotonicTime deadline = cluster.world.now() + within;
    while (cluster.world.now() < deadline) {
      bool settled = leader_of(group) != kNoBroker;
      for (const BrokerId broker : kBrokers) {
        if (!cluster.is_up(broker)) continue;
        const ErrorCode error = fetch_and_wait(broker, group).error;
        settled = settled && error == (broker == leader_of(group) ? ErrorCode::None
                                                                  : ErrorCode::NotCoordinator);
      }
      if (settled) return true;
      cluster.world.run_for(milliseconds(20));
    }
    return false;
  }

 private:
  replica::LeadershipListener* move_in(BrokerId broker,
                                       SimulatedCluster::Process& process) override {
    loops_[broker].push_back(cluster.world.make_executor());
    registries_[broker] = std::make_unique<metrics::Registry>();
    coordinators_[broker] = std::make_unique<GroupCoordinator>(
        GroupConfig{.load_buffer_bytes = 300,
                    .snapshots = {.many_records = 30, .few_records = 5},
                    .topic_partitions = kShards},
        GroupCoordinator::Dependencies{.clock = cluster.world.clock(),
                                       .random = cluster.world.random(),
                                       .loop = *loops_[broker].back(),
                                       .io_pool = *process.io,
                                       .metadata = process.metadata,
                                       .metrics = registries_[broker].get(),
                                       .files = &cluster.disk(broker)});
    return coordinators_[broker].get();
  }
  void start(BrokerId broker, SimulatedCluster::Process& process) override {
    coordinators_.at(broker)->start(*process.replicas);
  }
  void crash(BrokerId broker) override {
    coordinators_.at(broker)->stop();
    coordinators_.erase(broker);
  }

  // Of all lives: what a dead one has still under way ends up on its loop.
  std::map<BrokerId, std::vector<std::unique_ptr<env::Executor>>> loops_;
  std::map<BrokerId, std::unique_ptr<metrics::Registry>> registries_;
  std::map<BrokerId, std::unique_ptr<GroupCoordinator>> coordinators_;

 public:
  SimulatedCluster cluster;
};

/// -1 if there is no such metric.
inline double value_of(metrics::Registry& registry, const metrics::Metric& metric) {
  for (const auto& sample : registry.samples()) {
    if (std::string_view(sample.metric->name) == metric.name) return sample.value;
  }
  return -1;
}

}  // namespace ottla::group
