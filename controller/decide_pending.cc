#include <utility>

#include "controller/decider.h"

namespace ottla::controller {

PendingPartitions& Decider::begin_pending(RequestId request, std::optional<ElectionKind> election,
                                          env::MonotonicTime deadline) {
  PendingPartitions& pending = model_.pending_partitions[request];
  pending.election = election;
  pending.deadline = deadline;
  return pending;
}

void Decider::answer_partition(RequestId request, PartitionAnswer answer) {
  const auto found = model_.pending_partitions.find(request);
  if (found == model_.pending_partitions.end()) return;
  found->second.outstanding.erase(answer.partition);
  found->second.done.push_back(std::move(answer));
  answer_if_complete(request);
}

void Decider::answer_if_complete(RequestId request) {
  const auto found = model_.pending_partitions.find(request);
  if (found == model_.pending_partitions.end() || !found->second.outstanding.empty()) return;
  out_.answers.push_back(PartitionsAnswer{request, std::move(found->second.done)});
  model_.pending_partitions.erase(found);
}

/// The topic is going, or gone.
void Decider::end_requests_of(Place place) {
  end_wanted(place, ErrorCode::UnknownTopicOrPartition, "The topic is being deleted.");
  forget_reassignment(place.name());
  std::vector<RequestId> waiting;
  for (const auto& [request, pending] : model_.pending_partitions) {
    if (pending.outstanding.contains(place.name())) waiting.push_back(request);
  }
  for (const RequestId request : waiting) {
    answer_partition(
        request, {place.name(), ErrorCode::UnknownTopicOrPartition, "The topic is being deleted."});
  }
}

/// What is not done by now goes on all the same; only nobody waits for it any more.
void Decider::end_expired_requests() {
  std::vector<RequestId> expired;
  for (auto& [request, pending] : model_.pending_partitions) {
    if (now_ < pending.deadline) continue;
    for (const TopicPartition& tp : std::exchange(pending.outstanding, {})) {
      pending.done.push_back({tp, ErrorCode::RequestTimedOut, "It goes on."});
    }
    expired.push_back(request);
  }
  for (const RequestId request : expired) answer_if_complete(request);
}

}  // namespace ottla::controller
