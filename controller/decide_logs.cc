#include <glog/logging.h>

#include <algorithm>

#include "controller/decider.h"

namespace ottla::controller {

void Decider::ask_logs(Place place, const Verdict& verdict) {
  PartitionEntry& partition = place.partition;
  if (!partition.log_query) {
    partition.log_query.emplace();
    partition.log_query->wait_until = now_ + model_.host_crash_wait;
    model_.log_queries.insert(place.name());
  }
  LogQuery& query = *partition.log_query;
  const auto still_asked = [&](BrokerId b) {
    return std::find(verdict.ask_logs.begin(), verdict.ask_logs.end(), b) != verdict.ask_logs.end();
  };
  std::erase_if(query.asked, [&](const auto& asked) {
    return !still_asked(asked.first) || !model_.is_registered(asked.first, asked.second.epoch);
  });
  std::erase_if(query.answers,
                [&](const auto& answer) { return !query.asked.contains(answer.first); });
  std::vector<BrokerId> to_ask;
  for (const BrokerId broker : verdict.ask_logs) {
    if (!query.asked.contains(broker)) to_ask.push_back(broker);
  }
  send_queries(place, to_ask);
  remember_longer_logs(place);
  try_to_choose(place, verdict);
}

/// Who told of a longer log than anybody who is there has, and went away again, is written down:
/// the next controller has to wait for it as well.
void Decider::remember_longer_logs(Place place) {
  PartitionEntry& partition = place.partition;
  if (partition.writing) return;
  const LogQuery& query = *partition.log_query;
  cluster::PartitionState next = *partition.state;
  for (const BrokerId broker : awaited_logs(place.topic, partition)) {
    if (!query.told.contains(broker) || next.may_hold_committed(broker)) continue;
    next.last_known_eligible_leaders.push_back(broker);
  }
  if (next == *partition.state) return;
  std::ranges::sort(next.last_known_eligible_leaders);
  write_state(place, std::move(next), "longer log was told of");
}

void Decider::send_queries(Place place, const std::vector<BrokerId>& brokers) {
  LogQuery& query = *place.partition.log_query;
  for (const BrokerId broker : brokers) {
    query.asked.try_emplace(broker, LogQuery::Asked{model_.brokers.at(broker).registration.epoch,
                                                    now_ + model_.host_crash_wait});
    queries_[broker].push_back({.topic = place.topic.name,
                                .topic_id = place.topic.id,
                                .partition = place.number,
                                .leader_epoch = place.partition.state->leader_epoch});
  }
  if (!brokers.empty()) query.ask_again_at = now_ + model_.log_query_retry;
}

/// Chooses once all have answered. Who is missing, or does not answer, is waited for until its
/// deadline; those who may hold what was acknowledged for ever (`awaited_logs`).
void Decider::try_to_choose(Place place, const Verdict& verdict) {
  PartitionEntry& partition = place.partition;
  const LogQuery& query = *partition.log_query;
  if (partition.writing || query.answers.empty()) return;
  const bool complete = query.answers.size() == query.asked.size() && !verdict.await_missing;
  const bool may_answer_yet = std::ranges::any_of(query.asked, [&](const auto& asked) {
    return !query.answers.contains(asked.first) && now_ < asked.second.wait_until;
  });
  if (!complete && (now_ < query.wait_until || may_answer_yet ||
                    !awaited_logs(place.topic, partition).empty())) {
    return;
  }
  const LogEnd longest = query.longest();
  BrokerId chosen = kNoBroker;
  for (const BrokerId broker : partition.assignment.replicas) {
    const auto answer = query.answers.find(broker);
    if (answer == query.answers.end() || answer->second != longest) continue;
    // Of equal logs a member's comes first.
    const bool is_better = partition.state->in_isr(broker) && !partition.state->in_isr(chosen);
    if (chosen == kNoBroker || is_better) chosen = broker;
  }
  CHECK(chosen != kNoBroker);
  end_query(place);
  write_state(place,
              recovered_state(*partition.state, chosen, candidates(place),
                              place.topic.rules.min_insync_replicas),
              "longest log");
}

void Decider::end_query(Place place) {
  if (!place.partition.log_query) return;
  place.partition.log_query.reset();
  model_.log_queries.erase(place.name());
}

void Decider::on(const LogsAnswered& event) {
  for (const rpc::ReplicaLogAnswer::Partition& answer : event.partitions) {
    const TopicPartition tp{answer.topic, answer.partition};
    PartitionEntry* partition = model_.find_partition(tp);
    if (partition == nullptr || !partition->log_query) continue;
    LogQuery& query = *partition->log_query;
    const auto asked = query.asked.find(event.broker);
    if (asked == query.asked.end() || asked->second.epoch != event.broker_epoch) continue;
    if (answer.error == ErrorCode::KafkaStorageError) {
      model_.offline_replicas.insert({event.broker, tp});
    } else if (answer.error == ErrorCode::None) {
      query.answers[event.broker] = {answer.last_epoch, answer.log_end_offset};
    } else if (answer.error == ErrorCode::UnknownTopicOrPartition ||
               (answer.error == ErrorCode::InconsistentTopicId &&
                !partition->state->in_isr(event.broker))) {
      // It has no log of this partition; what it holds under this name is of a topic that was
      // deleted. A member's may be the right one under a wrong id (W5): it stays unanswered.
      query.answers[event.broker] = {};
    }
    const auto told = query.answers.find(event.broker);
    if (told != query.answers.end()) query.told[event.broker] = told->second;
    reconcile({*model_.find_topic(tp.topic), tp.partition, *partition}, "log query");
  }
}

void Decider::on(const Tick&) {
  end_expired_requests();
  const std::vector<TopicPartition> open(model_.log_queries.begin(), model_.log_queries.end());
  for (const TopicPartition& tp : open) {
    PartitionEntry* partition = model_.find_partition(tp);
    const Place place{*model_.find_topic(tp.topic), tp.partition, *partition};
    LogQuery& query = *partition->log_query;
    if (now_ >= query.ask_again_at) {
      std::vector<BrokerId> unanswered;
      for (const auto& [broker, asked] : query.asked) {
        if (!query.answers.contains(broker) && model_.is_registered(broker, asked.epoch)) {
          unanswered.push_back(broker);
        }
      }
      query.ask_again_at = now_ + model_.log_query_retry;
      send_queries(place, unanswered);
    }
    reconcile(place, "log query");
  }
}

}  // namespace ottla::controller
