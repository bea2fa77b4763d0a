#pragma once

#include <utility>
#include <vector>

#include "broker/replica/surroundings.h"

namespace ottla::simulation {

/// Does not tell the controller which life of a broker is to join: Bug::IgnoresBrokerEpochs.
class NamelessIsrChanges final : public replica::IsrChanges {
 public:
  void pass_to(replica::IsrChanges& inner) { inner_ = &inner; }

  void alter(std::vector<rpc::AlterPartition> partitions,
             Callback<Result<rpc::AlterPartitionReply>> done) override {
    for (rpc::AlterPartition& wanted : partitions) {
      for (rpc::IsrMember& member : wanted.new_isr) member.broker_epoch = kUnknownBrokerEpoch;
    }
    inner_->alter(std::move(partitions), std::move(done));
  }

 private:
  replica::IsrChanges* inner_ = nullptr;
};

}  // namespace ottla::simulation
