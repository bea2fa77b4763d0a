#include "controller/state_change_log.h"

#include <glog/logging.h>

#include <string>
#include <vector>

namespace ottla::controller {
namespace {

std::string join(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (const BrokerId broker : brokers) {
    text += (text.empty() ? "" : ",") + std::to_string(broker.value());
  }
  return text;
}

}  // namespace

/// `[orders-3] leader 1 -> 2, leader epoch 5 -> 6, isr 2,3: broker 1 lost`
void log_change(const ClusterModel& model, const WriteOutcome& outcome) {
  const Write& write = outcome.write;
  if (!outcome.committed) return;
  if (write.kind == WriteKind::DeleteTopic) {
    LOG(INFO) << '[' << write.topic << "] deleted, topic id " << write.topic_id;
    return;
  }
  if (write.kind == WriteKind::SetTopic && write.gives_id_back) {
    LOG(WARNING) << '[' << write.topic << "] topic id " << write.topic_id
                 << " is written back to its znode: " << write.cause
                 << " (kafka-topics.sh before 2.8?); use one that knows topic ids";
    return;
  }
  if (write.kind != WriteKind::SetState && write.kind != WriteKind::CreateState) return;
  const PartitionEntry* partition = model.find_partition(write.topic_partition());
  const bool known = partition != nullptr && partition->state.has_value();
  const BrokerId leader = known ? partition->state->leader : kNoBroker;
  const LeaderEpoch epoch = known ? partition->state->leader_epoch : kUnknownLeaderEpoch;
  LOG(INFO) << '[' << write.topic_partition() << "] leader " << leader << " -> "
            << write.state.leader << ", leader epoch " << epoch << " -> "
            << write.state.leader_epoch << ", isr " << join(write.state.isr)
            << ", controller epoch " << write.state.controller_epoch << ": " << write.cause;
}

}  // namespace ottla::controller
