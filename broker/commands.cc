#include "broker/commands.h"

#include <algorithm>
#include <utility>

namespace ottla::broker {

void Commands::update_cluster(rpc::ClusterUpdate update, Callback<rpc::ClusterUpdateReply> reply) {
  loop_.post([this, update = std::move(update), reply = std::move(reply)]() mutable {
    const std::uint64_t number = ++number_;
    const std::vector<std::string> topics = new_topics(update);
    waiting_.push_back({number, std::move(update), std::move(reply), false});
    configs_.refresh_topics(topics, [this, number] { set_ready(number); });
  });
}

void Commands::query_replica_logs(rpc::ReplicaLogQuery query,
                                  Callback<rpc::ReplicaLogAnswer> reply) {
  loop_.post([this, query = std::move(query), reply = std::move(reply)]() mutable {
    replicas_.query_replica_logs(std::move(query), std::move(reply));
  });
}

/// The first update brings all topics, whose configs the start has read; of those only what was
/// created meanwhile is new.
std::vector<std::string> Commands::new_topics(const rpc::ClusterUpdate& update) const {
  const auto image = metadata_.image();
  std::vector<std::string> names;
  for (const rpc::TopicUpdate& topic : update.topics) {
    const auto known = image->topic(topic.name);
    const bool is_unheard = first_update_.is_open() && (!known || known->id != topic.id);
    const bool is_new =
        std::any_of(topic.partitions.begin(), topic.partitions.end(),
                    [](const rpc::PartitionUpdate& partition) { return partition.is_new; });
    if (is_unheard || is_new) names.push_back(topic.name);
  }
  return names;
}

void Commands::set_ready(std::uint64_t number) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Waiting& each) { return each.number == number; });
  if (found != waiting_.end()) found->ready = true;
  while (!waiting_.empty() && waiting_.front().ready) {
    Waiting command = std::move(waiting_.front());
    waiting_.pop_front();
    hand_over(std::move(command));
  }
}

void Commands::hand_over(Waiting command) {
  const bool settled = command.update.last_stop_settled;
  const BrokerEpoch epoch = command.update.receiver_epoch;
  const ControllerEpoch controller_epoch = command.update.controller_epoch;
  replicas_.update_cluster(std::move(command.update), [this, settled, epoch, controller_epoch,
                                                       reply = std::move(command.reply)](
                                                          rpc::ClusterUpdateReply outcome) mutable {
    const bool carried_out = outcome.error == ErrorCode::None;
    std::move(reply)(std::move(outcome));
    if (!carried_out) return;
    controller_channel_.controller_spoke(controller_epoch);
    if (settled && std::exchange(settled_epoch_, epoch) != epoch) {
      on_settled_(epoch);
    }
    first_update_.open();
    peer_watch_.metadata_changed();
    on_update_();
  });
}

}  // namespace ottla::broker
