#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "simulation/checker.h"

namespace ottla::simulation {

/// In ZooKeeper and in the brokers' memory.
class OneLeaderPerEpoch final : public Checker {
 public:
  [[nodiscard]] const char* name() const override { return "one_leader_per_epoch"; }
  [[nodiscard]] std::string check(const Picture& picture, const CommittedRecords&) override;

 private:
  std::string note(const Picture& picture, const PartitionKey& key, LeaderEpoch epoch,
                   BrokerId broker);
  std::map<std::pair<PartitionKey, LeaderEpoch>, BrokerId> leaders_;
};

/// Leader and controller epochs of each partition in ZooKeeper; leader epochs in each process.
class EpochsNeverGoBack final : public Checker {
 public:
  [[nodiscard]] const char* name() const override { return "epochs_never_go_back"; }
  [[nodiscard]] std::string check(const Picture& picture, const CommittedRecords&) override;

 private:
  struct Epochs {
    LeaderEpoch leader = kUnknownLeaderEpoch;
    ControllerEpoch controller{-1};
  };
  std::map<PartitionKey, Epochs> in_zookeeper_;
  std::map<std::pair<BrokerId, PartitionKey>, std::pair<std::uint64_t, LeaderEpoch>> in_memory_;
};

/// The leader is in the ISR, the ISR within the replicas.
class LeaderInIsr final : public Checker {
 public:
  [[nodiscard]] const char* name() const override { return "leader_in_isr"; }
  [[nodiscard]] std::string check(const Picture& picture, const CommittedRecords&) override;
};

/// No broker leads that was not elected: commands follow the commit in ZooKeeper.
class LeadersAreElected final : public Checker {
 public:
  [[nodiscard]] const char* name() const override { return "leaders_are_elected"; }
  [[nodiscard]] std::string check(const Picture& picture, const CommittedRecords&) override;

 private:
  std::set<std::tuple<PartitionKey, LeaderEpoch, BrokerId>> elected_;
};

}  // namespace ottla::simulation
