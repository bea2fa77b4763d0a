#include <algorithm>
#include <utility>

#include "controller/decider.h"
#include "controller/reassignment.h"

namespace ottla::controller {
namespace {

/// The state as it stands once the write is committed: a set moves the zkVersion by one.
cluster::PartitionState committed_state(const Write& write) {
  cluster::PartitionState state = write.state;
  state.partition_epoch = write.kind == WriteKind::CreateState
                              ? PartitionEpoch(0)
                              : PartitionEpoch(state.partition_epoch.value() + 1);
  return state;
}

}  // namespace

void Decider::on(const WritesDone& event) {
  for (const WriteOutcome& outcome : event.outcomes) {
    switch (outcome.write.kind) {
      case WriteKind::SetState:
      case WriteKind::CreateState:
        state_written(outcome);
        break;
      case WriteKind::SetTopic:
      case WriteKind::DeleteTopic:
        topic_written(outcome);
        break;
      case WriteKind::SetReassignments:
        reassignments_written(outcome);
        break;
      case WriteKind::DeleteRequest:
        break;
    }
  }
  continue_deletions();
}

void Decider::state_written(const WriteOutcome& outcome) {
  const Write& write = outcome.write;
  const TopicPartition tp = write.topic_partition();
  TopicEntry* topic = model_.find_topic(write.topic);
  PartitionEntry* partition = model_.find_partition(tp);
  rpc::AlterPartitionOutcome answer{
      write.topic, write.topic_id, write.partition, ErrorCode::None, {}};
  if (partition == nullptr || topic->id != write.topic_id) {
    answer.error = ErrorCode::UnknownTopicOrPartition;
    if (write.request) answer_alter(*write.request, std::move(answer));
    shutdown_progress(tp);
    return;
  }
  const Place place{*topic, write.partition, *partition};
  const cluster::PartitionState wanted = committed_state(write);
  // The answer was lost, but it was carried out.
  const bool committed = outcome.committed || (outcome.truth && *outcome.truth == wanted);
  partition->writing = false;
  const std::vector<BrokerId> restarted = std::exchange(partition->restarted_in_write, {});
  if (!committed || wanted.leader == kNoBroker) {
    partition->restarted.insert(partition->restarted.end(), restarted.begin(), restarted.end());
  }

  if (committed) {
    adopt_state(place, wanted, write.kind == WriteKind::CreateState);
    answer.state = wanted;
  } else {
    answer.error = ErrorCode::InvalidUpdateVersion;
    if (outcome.truth) {
      adopt_state(place, *outcome.truth, false);
    } else if (partition->state) {
      // Somebody deleted the znode. It is created again; the epochs go on from what we know.
      partition->state->partition_epoch = PartitionEpoch(-1);
      partition->state->leader = kNoBroker;
    }
  }
  if (write.request) answer_alter(*write.request, std::move(answer));
  const bool recheck = std::exchange(partition->recheck, false);
  const bool is_moving = partition->wanted || is_reassigning(partition->assignment);
  // Somebody who joined the ISR may lead better than one who is slow.
  const bool leads_slowly = partition->state && is_slow(place, partition->state->leader);
  if (!committed || recheck || partition->log_query || is_moving || leads_slowly) {
    reconcile(place, write.cause);
  }
  if (!partition->writing && std::exchange(partition->preferred_wanted, false)) {
    prefer_leader(place);
  }
  shutdown_progress(tp);
  election_progress(tp);
}

void Decider::topic_written(const WriteOutcome& outcome) {
  const Write& write = outcome.write;
  TopicEntry* topic = model_.find_topic(write.topic);
  if (topic == nullptr || topic->id != write.topic_id) return;
  if (write.kind == WriteKind::SetTopic) {
    topic->writing = false;
    if (outcome.committed) {
      topic->version = std::max(topic->version, write.version + 1);
      assignments_written(*topic, write);
    } else {
      // Somebody else wrote the node, or nobody knows what became of it: a read tells.
      topic->outdated = true;
      out_.topics_to_read.push_back(topic->name);
    }
    return;
  }
  if (!topic->id.is_zero()) model_.deleted.insert(topic->id);
  advance(topic->phase, TopicPhase::Gone);
  drop_topic(write.topic);
}

}  // namespace ottla::controller
