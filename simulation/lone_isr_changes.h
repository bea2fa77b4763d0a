#pragma once

#include <utility>
#include <vector>

#include "broker/replica/surroundings.h"

namespace ottla::simulation {

/// Answers as if the controller had agreed, without asking it: Bug::ChangesIsrAlone.
class LoneIsrChanges final : public replica::IsrChanges {
 public:
  explicit LoneIsrChanges(BrokerId leader) : leader_(leader) {}

  void alter(std::vector<rpc::AlterPartition> partitions,
             Callback<Result<rpc::AlterPartitionReply>> done) override {
    rpc::AlterPartitionReply reply;
    for (const rpc::AlterPartition& wanted : partitions) {
      rpc::AlterPartitionOutcome& outcome = reply.partitions.emplace_back();
      outcome.topic = wanted.topic;
      outcome.topic_id = wanted.topic_id;
      outcome.partition = wanted.partition;
      outcome.state.leader = leader_;
      outcome.state.leader_epoch = wanted.leader_epoch;
      outcome.state.partition_epoch = wanted.partition_epoch;
      for (const rpc::IsrMember& member : wanted.new_isr) {
        outcome.state.isr.push_back(member.broker);
      }
    }
    std::move(done)(std::move(reply));
  }

 private:
  const BrokerId leader_;
};

}  // namespace ottla::simulation
