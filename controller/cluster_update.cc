#include "controller/cluster_update.h"

#include <iterator>
#include <utility>

namespace ottla::controller {
namespace {

/// Topics whose replicas are being deleted are gone as far as brokers are concerned.
bool is_told(const TopicEntry& topic) {
  return topic.phase == TopicPhase::Live || topic.phase == TopicPhase::LeadersOff;
}

/// A leader whose copy is in doubt does not hear of its office: until a new epoch has begun it
/// would lead with what is left of its log, and its followers would cut theirs.
void add_partition(rpc::ClusterUpdate& update, const cluster::Broker& receiver,
                   const TopicEntry& topic, std::int32_t number, bool is_new) {
  const PartitionEntry& partition = topic.partitions[static_cast<std::size_t>(number)];
  if (!partition.state) return;
  if (update.topics.empty() || update.topics.back().name != topic.name) {
    update.topics.push_back({topic.name, topic.id, {}});
  }
  rpc::PartitionUpdate& told = update.topics.back().partitions.emplace_back(
      rpc::PartitionUpdate{number, partition.assignment, *partition.state, is_new});
  told.created_since = partition.state->created_zxid > receiver.epoch.value();
  if (told.state.leader == receiver.id && partition.is_unsettled(receiver.id)) {
    told.state.leader = kNoBroker;
  }
}

/// A new leader serves when its broker has taken this many roles, and its followers as many: some
/// milliseconds. Kafka tells all at once, and the first waits for the last.
constexpr std::size_t kLeadersAtOnce = 100;
/// Less urgent, yet what is urgent waits for it.
constexpr std::size_t kPartitionsAtOnce = 500;

}  // namespace

void add_to_round(std::set<TopicPartition>& round, const News& news) {
  std::size_t added = 0;
  for (auto each = news.urgent.begin(); each != news.urgent.end() && added < kLeadersAtOnce;
       ++each, ++added) {
    round.insert(*each);
  }
  while (round.size() > kLeadersAtOnce) round.erase(std::prev(round.end()));
}

News take_urgent(News& news, const std::set<TopicPartition>& round) {
  News next;
  if (news.urgent.empty()) return next;
  for (const TopicPartition& each : round) {
    auto urgent = news.urgent.extract(each);
    if (urgent.empty()) continue;
    next.urgent.insert(std::move(urgent));
    next.partitions.insert(news.partitions.extract(each));
  }
  if (!next.empty()) next.brokers = std::exchange(news.brokers, false) || news.everything;
  return next;
}

News take_next(News& news) {
  if (news.everything || news.partitions.size() <= kPartitionsAtOnce) {
    return std::exchange(news, News{});
  }
  News next;
  next.brokers = std::exchange(news.brokers, false);
  next.deleted_topics = std::exchange(news.deleted_topics, {});
  next.stop_replicas = std::exchange(news.stop_replicas, {});
  while (next.partitions.size() < kPartitionsAtOnce) {
    next.partitions.insert(news.partitions.extract(news.partitions.begin()));
  }
  return next;
}

rpc::ClusterUpdate make_update(const ClusterModel& model, const cluster::Broker& receiver,
                               const News& news) {
  rpc::ClusterUpdate update;
  update.controller = model.self;
  update.controller_epoch = model.controller_epoch;
  update.receiver_epoch = receiver.epoch;
  update.full = news.everything;
  update.deleted_topics = news.deleted_topics;
  update.stop_replicas = news.stop_replicas;
  if (news.everything || news.brokers) update.live_brokers = model.live_brokers();
  if (news.everything) {
    update.incomplete = model.incomplete;
    for (const auto& [name, topic] : model.topics) {
      if (!is_told(topic)) continue;
      // Also one whose partitions have no state yet: what is missing here is gone.
      update.topics.push_back({name, topic.id, {}});
      for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
        const auto number = static_cast<std::int32_t>(i);
        const auto news_of_it = news.partitions.find({name, number});
        add_partition(update, receiver, topic, number,
                      news_of_it != news.partitions.end() && news_of_it->second);
      }
    }
    return update;
  }
  const TopicEntry* topic = nullptr;
  for (const auto& [tp, is_new] : news.partitions) {  // In the order of topics.
    if (topic == nullptr || topic->name != tp.topic) topic = model.find_topic(tp.topic);
    if (topic == nullptr || !is_told(*topic)) continue;
    if (static_cast<std::size_t>(tp.partition) >= topic->partitions.size()) continue;
    add_partition(update, receiver, *topic, tp.partition, is_new);
  }
  return update;
}

}  // namespace ottla::controller
