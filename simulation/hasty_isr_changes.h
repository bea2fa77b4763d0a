#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "broker/replica/surroundings.h"

namespace ottla::simulation {

/// Who was in an ISR joins again with whoever does, wherever its log ends:
/// Bug::AdmitsLaggards.
class HastyIsrChanges final : public replica::IsrChanges {
 public:
  void pass_to(replica::IsrChanges& inner) { inner_ = &inner; }

  void alter(std::vector<rpc::AlterPartition> partitions,
             Callback<Result<rpc::AlterPartitionReply>> done) override {
    for (rpc::AlterPartition& wanted : partitions) {
      auto& seen = seen_[{wanted.topic, wanted.partition}];
      std::set<BrokerId> missing = seen;
      for (const rpc::IsrMember& member : wanted.new_isr) {
        seen.insert(member.broker);
        missing.erase(member.broker);
      }
      if (wanted.new_isr.size() < 2) continue;  // so that somebody leaves at all
      for (const BrokerId broker : missing) wanted.new_isr.push_back({.broker = broker});
    }
    inner_->alter(std::move(partitions), std::move(done));
  }

 private:
  replica::IsrChanges* inner_ = nullptr;
  std::map<TopicPartition, std::set<BrokerId>> seen_;
};

}  // namespace ottla::simulation
