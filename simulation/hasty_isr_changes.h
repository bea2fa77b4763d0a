#pragma once

#include <algorithm>
#include <map>
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
      const std::size_t joining = wanted.new_isr.size();
      for (const rpc::IsrMember& member : wanted.new_isr) seen[member.broker] = member;
      if (joining < 2) continue;  // so that somebody leaves at all
      for (const auto& [broker, member] : seen) {
        const bool is_in = std::any_of(
            wanted.new_isr.begin(), wanted.new_isr.end(),
            [broker = broker](const rpc::IsrMember& known) { return known.broker == broker; });
        if (!is_in) wanted.new_isr.push_back({.broker = broker});
      }
    }
    inner_->alter(std::move(partitions), std::move(done));
  }

 private:
  replica::IsrChanges* inner_ = nullptr;
  std::map<TopicPartition, std::map<BrokerId, rpc::IsrMember>> seen_;
};

}  // namespace ottla::simulation
