#include "controller/state_writer.h"

#include <glog/logging.h>

#include <utility>

namespace ottla::controller {
namespace {

/// Outcomes come back for so many states at once: brokers hear of the first while the last are
/// being written.
constexpr std::size_t kStatesPerCall = 500;

}  // namespace

StateWriter::StateWriter(const ControllerConfig& config, zookeeper::Store& store,
                         env::Executor& executor, zookeeper::ControllerFence fence,
                         Listener listener)
    : config_(config),
      store_(store),
      executor_(executor),
      fence_(fence),
      listener_(std::move(listener)) {}

void StateWriter::write(std::vector<Write> writes) {
  under_way_ += writes.size();
  std::vector<Write> states;
  const auto flush = [&] {
    if (!states.empty()) write_states(std::exchange(states, {}));
  };
  for (Write& write : writes) {
    if (write.is_urgent) ++urgent_under_way_;
    const bool is_state = write.kind == WriteKind::SetState || write.kind == WriteKind::CreateState;
    if (!is_state || states.size() == kStatesPerCall ||
        (!states.empty() && states.front().kind != write.kind)) {
      flush();
    }
    switch (write.kind) {
      case WriteKind::SetState:
      case WriteKind::CreateState:
        states.push_back(std::move(write));
        break;
      case WriteKind::SetTopic:
        write_topic(std::move(write));
        break;
      case WriteKind::DeleteTopic:
        delete_topic(std::move(write));
        break;
      case WriteKind::DeleteRequest:
        delete_request(std::move(write));
        break;
      case WriteKind::SetReassignments:
        write_reassignments(std::move(write));
        break;
    }
  }
  flush();
}

void StateWriter::write_states(std::vector<Write> writes) {
  std::vector<zookeeper::PartitionStateWrite> items;
  items.reserve(writes.size());
  for (const Write& write : writes) items.push_back({write.topic_partition(), write.state});
  const bool create = writes.front().kind == WriteKind::CreateState;
  auto finish = life_.guard(
      [this, writes = std::move(writes)](zookeeper::PartitionOutcomes outcomes) mutable {
        states_written(std::move(writes), std::move(outcomes));
      });
  if (create) {
    store_.create_partition_states(fence_, std::move(items), std::move(finish));
  } else {
    store_.write_partition_states(fence_, std::move(items), std::move(finish));
  }
}

void StateWriter::states_written(std::vector<Write> writes, zookeeper::PartitionOutcomes outcomes) {
  CHECK_EQ(writes.size(), outcomes.size());
  std::vector<WriteOutcome> committed;
  std::vector<Write> unclear;
  bool wait = false;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    if (outcomes[i]) {
      committed.push_back({std::move(writes[i]), true, {}});
      continue;
    }
    if (is_over(outcomes[i].error())) return;
    wait |= outcomes[i].error() == zookeeper::StoreError::Other;
    unclear.push_back(std::move(writes[i]));
  }
  if (!unclear.empty() && wait) {
    read_truth_later(std::move(unclear));
  } else if (!unclear.empty()) {
    read_truth(std::move(unclear));
  }
  if (!committed.empty()) done(std::move(committed));
}

void StateWriter::read_truth_later(std::vector<Write> writes) {
  retry([this, writes = std::move(writes)]() mutable { read_truth(std::move(writes)); });
}

void StateWriter::read_truth(std::vector<Write> writes) {
  std::vector<TopicPartition> partitions;
  for (const Write& write : writes) partitions.push_back(write.topic_partition());
  using Read = zookeeper::StoreResult<std::vector<zookeeper::StoreResult<cluster::PartitionState>>>;
  store_.read_partition_states(std::move(partitions),
                               life_.guard([this, writes = std::move(writes)](Read read) mutable {
                                 if (!read) {
                                   if (!is_over(read.error())) read_truth_later(std::move(writes));
                                   return;
                                 }
                                 std::vector<WriteOutcome> outcomes;
                                 std::vector<Write> again;
                                 for (std::size_t i = 0; i < writes.size(); ++i) {
                                   const auto& state = (*read)[i];
                                   if (state) {
                                     outcomes.push_back({std::move(writes[i]), false, *state});
                                   } else if (state.error() == zookeeper::StoreError::NoNode) {
                                     outcomes.push_back({std::move(writes[i]), false, {}});
                                   } else {
                                     again.push_back(std::move(writes[i]));
                                   }
                                 }
                                 if (!again.empty()) read_truth_later(std::move(again));
                                 if (!outcomes.empty()) done(std::move(outcomes));
                               }));
}

void StateWriter::write_topic(Write write) {
  cluster::Topic topic = *write.content;
  const std::int32_t version = write.version;
  store_.write_topic(fence_, std::move(topic), version,
                     life_.guard([this, write = std::move(write)](
                                     zookeeper::StoreResult<std::int32_t> result) mutable {
                       if (!result && is_over(result.error())) return;
                       done({{std::move(write), result.has_value(), {}}});
                     }));
}

void StateWriter::delete_topic(Write write) {
  std::string name = write.topic;
  store_.delete_topic(
      fence_, std::move(name),
      life_.guard([this, write = std::move(write)](zookeeper::StoreResult<> result) mutable {
        if (result) return done({{std::move(write), true, {}}});
        if (is_over(result.error())) return;
        retry([this, write = std::move(write)]() mutable { check_deleted(std::move(write)); });
      }));
}

/// Deleted or not? A topic of that name but of another id was created since by somebody else.
void StateWriter::check_deleted(Write write) {
  std::vector<std::string> names{write.topic};
  using Read = zookeeper::StoreResult<std::vector<std::optional<zookeeper::TopicNodes>>>;
  store_.load_topics(std::move(names), zookeeper::Watch::No,
                     life_.guard([this, write = std::move(write)](Read read) mutable {
                       if (!read) {
                         if (is_over(read.error())) return;
                         return retry([this, write = std::move(write)]() mutable {
                           check_deleted(std::move(write));
                         });
                       }
                       const auto& found = read->front();
                       if (found && found->topic.id == write.topic_id) {
                         return delete_topic(std::move(write));
                       }
                       delete_request(std::move(write));
                     }));
}

void StateWriter::delete_request(Write write) {
  std::string name = write.topic;
  store_.delete_deletion_request(
      fence_, std::move(name),
      life_.guard([this, write = std::move(write)](zookeeper::StoreResult<> result) mutable {
        if (result || result.error() == zookeeper::StoreError::NoNode) {
          return done({{std::move(write), true, {}}});
        }
        if (is_over(result.error())) return;
        retry([this, write = std::move(write)]() mutable { delete_request(std::move(write)); });
      }));
}

/// Later ones overtake it: a repetition would bring back what they took out. After a failure the
/// content of then is written.
void StateWriter::write_reassignments(Write write) {
  std::vector<zookeeper::Reassignment> left;
  for (const WantedReplicas& wanted : write.reassignments) {
    left.push_back({wanted.partition, *wanted.replicas});
  }
  store_.write_reassignments(
      fence_, left,
      life_.guard([this, write = std::move(write)](zookeeper::StoreResult<> result) mutable {
        if (result) return done({{std::move(write), true, {}}});
        if (is_over(result.error())) return;
        retry([this, write = std::move(write)]() mutable {
          done({{std::move(write), false, {}}});
        });
      }));
}

bool StateWriter::is_over(zookeeper::StoreError error) {
  if (error == zookeeper::StoreError::ControllerMoved) {
    listener_.deposed("/controller_epoch has moved on");
    return true;
  }
  return error == zookeeper::StoreError::SessionExpired;  // Its event ends the term.
}

void StateWriter::done(std::vector<WriteOutcome> outcomes) {
  under_way_ -= outcomes.size();
  for (const WriteOutcome& outcome : outcomes) {
    if (outcome.write.is_urgent) --urgent_under_way_;
  }
  listener_.done({std::move(outcomes)});
}

void StateWriter::retry(Task task) {
  const std::uint64_t number = ++last_timer_;
  timers_[number] = executor_.post_after(
      config_.zookeeper_retry, life_.guard([this, number, task = std::move(task)]() mutable {
        const env::TimerHandle mine = std::move(timers_.extract(number).mapped());
        std::move(task)();
      }));
}

}  // namespace ottla::controller
