#include "broker/slow_replicas.h"

#include <utility>

#include "broker/replica/partition.h"

namespace ottla::broker {

void SlowReplicas::look() {
  Told now{channel_.last_heard(), channel_.broker_epoch(), slow_replicas()};
  const bool says_nothing_new = now == heard_ || (now.replicas.empty() && heard_.replicas.empty());
  if (is_telling_ || (says_nothing_new && !is_doubtful_)) return;
  is_telling_ = true;
  channel_.report_slow_replicas(now.replicas, ++reports_,
                                [weak = std::weak_ptr(self_), &loop = loop_,
                                 now](const Result<rpc::SlowReplicasReply>& reply) mutable {
                                  loop.post([weak, now = std::move(now), reply]() mutable {
                                    if (const auto self = weak.lock())
                                      (*self)->answered(std::move(now), reply);
                                  });
                                });
}

std::vector<rpc::SlowReplicasReport::Replica> SlowReplicas::slow_replicas() const {
  std::vector<rpc::SlowReplicasReport::Replica> slow;
  for (const std::shared_ptr<replica::Partition>& partition : replicas_.partitions()) {
    if (!partition->had_better_not_lead()) continue;
    const TopicPartition& name = partition->name();
    slow.push_back({name.topic, partition->topic_id(), name.partition});
  }
  return slow;
}

/// An error means that the outcome is not known: the next look says it again. A controller that
/// does not know the question will not learn it.
void SlowReplicas::answered(Told told, const Result<rpc::SlowReplicasReply>& reply) {
  is_telling_ = false;
  const ErrorCode error = reply ? reply->error : reply.error().code();
  is_doubtful_ = error != ErrorCode::None && error != ErrorCode::UnsupportedVersion;
  if (!is_doubtful_) heard_ = std::move(told);
}

}  // namespace ottla::broker
