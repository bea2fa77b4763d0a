#include "controller/command_sender.h"

#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace ottla::controller {
namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// A live broker takes what a round tells it within a few milliseconds.
constexpr std::chrono::milliseconds kLongestRound{50};

/// What was sent and perhaps not taken is news again.
void put_back(News& news, News sent) {
  news.everything = true;
  news.urgent.clear();
  for (const auto& [tp, is_new] : sent.partitions) {
    if (is_new) news.partitions[tp] = true;
  }
  append(sent.deleted_topics, std::move(news.deleted_topics));
  news.deleted_topics = std::move(sent.deleted_topics);
  append(sent.stop_replicas, std::move(news.stop_replicas));
  news.stop_replicas = std::move(sent.stop_replicas);
}

}  // namespace

CommandSender::CommandSender(const ClusterModel& model, const ControllerConfig& config,
                             env::Executor& executor, const env::Clock& clock, rpc::Peers& peers,
                             Listener listener)
    : model_(model),
      config_(config),
      executor_(executor),
      clock_(clock),
      peers_(peers),
      listener_(std::move(listener)) {}

void CommandSender::run(const std::vector<Command>& commands) {
  follow_registrations();
  for (const Command& command : commands) {
    std::visit([this](const auto& c) { queue(c); }, command);
  }
  send_all();
  has_run_ = true;
}

void CommandSender::follow_registrations() {
  std::erase_if(channels_, [&](const auto& entry) {
    return !model_.is_registered(entry.first, entry.second->broker.epoch);
  });
  for (const auto& [id, entry] : model_.brokers) {
    std::unique_ptr<Channel>& channel = channels_[id];
    if (channel != nullptr) continue;
    channel = std::make_unique<Channel>();
    channel->broker = entry.registration;
    channel->news.everything = true;
    // Those that a new controller finds have heard of its predecessors; who has not, says so.
    channel->everything_first = has_run_;
    channel->peer = peers_.connect(entry.registration);
  }
}

void CommandSender::queue(const Announce& command) {
  ++announced_;
  for (auto& [id, channel] : channels_) {
    // Not if it has to hear everything before: that tells it.
    const bool is_urgent =
        command.is_urgent && !(channel->news.everything && channel->everything_first);
    for (const TopicPartition& tp : command.partitions) {
      bool& is_new = channel->news.partitions[tp];
      is_new |= command.is_new;
      if (is_urgent) channel->news.urgent.insert(tp);
    }
  }
}

void CommandSender::queue(const AnnounceBrokers&) {
  ++announced_;
  for (auto& [id, channel] : channels_) channel->news.brokers = true;
}

void CommandSender::queue(const AnnounceDeleted& command) {
  ++announced_;
  for (auto& [id, channel] : channels_) {
    channel->news.deleted_topics.push_back({command.topic, command.id, {}});
  }
}

void CommandSender::queue(const SendFull& command) {
  const auto found = channels_.find(command.broker);
  if (found == channels_.end()) return;
  found->second->news.everything = true;
  found->second->retry.reset();
  found->second->backoff = {};
}

void CommandSender::queue(const StopReplicas& command) {
  const auto found = channels_.find(command.broker);
  if (found != channels_.end()) append(found->second->news.stop_replicas, command.replicas);
}

void CommandSender::queue(const AskLogs& command) {
  const auto found = channels_.find(command.broker);
  if (found == channels_.end() || found->second->peer == nullptr) return;
  Channel& channel = *found->second;
  rpc::ReplicaLogQuery query{model_.controller_epoch, channel.broker.epoch, command.partitions};
  channel.peer->query_replica_logs(
      std::move(query), config_.command_timeout,
      channel.life.post(executor_, [this, &channel](Result<rpc::ReplicaLogAnswer> answer) {
        // No answer is no loss: the query is repeated in time.
        if (!answer || answer->error != ErrorCode::None) return;
        listener_.logs({channel.broker.id, channel.broker.epoch, std::move(answer->partitions)});
      }));
}

void CommandSender::send_all() {
  const bool is_under_way = std::any_of(channels_.begin(), channels_.end(), [&](const auto& each) {
    return holds_up_round(*each.second);
  });
  if (!is_under_way) begin_round();
  const env::MonotonicTime now = clock_.now();
  for (auto& [id, channel] : channels_) {
    if (!channel->news.empty() && !channel->waits_since) channel->waits_since = now;
  }
  for (auto& [id, channel] : channels_) send(*channel);
}

bool CommandSender::is_dead(const Channel& channel) const {
  const auto broker = model_.brokers.find(channel.broker.id);
  return broker == model_.brokers.end() || broker->second.liveness == rpc::Liveness::ProcessDead;
}

bool CommandSender::holds_up_round(const Channel& channel) const {
  if (channel.is_late || channel.retry != nullptr || is_dead(channel)) return false;
  return !channel.sent.urgent.empty() ||
         std::any_of(round_.begin(), round_.end(), [&](const TopicPartition& each) {
           return channel.news.urgent.contains(each);
         });
}

void CommandSender::begin_round() {
  round_.clear();
  for (const auto& [id, channel] : channels_) {
    if (channel->in_flight || channel->retry != nullptr || is_dead(*channel)) continue;
    add_to_round(round_, channel->news);
  }
  round_timer_.reset();
  if (round_.empty()) return;
  round_timer_ = executor_.post_after(kLongestRound, life_.guard([this] {
    for (auto& [id, channel] : channels_) channel->is_late |= holds_up_round(*channel);
    send_all();
  }));
}

void CommandSender::send(Channel& channel) {
  if (channel.in_flight || channel.retry != nullptr || channel.news.empty()) return;
  if (is_dead(channel)) return;  // It gets all when it is back.
  const bool is_urgent = !channel.news.urgent.empty();
  const bool is_held = channel.news.everything &&
                       (model_.states_are_told || (hold_everything_ && !channel.everything_first));
  if (!is_urgent && is_held) return;
  News next = is_urgent ? take_urgent(channel.news, round_) : take_next(channel.news);
  if (next.empty()) return;  // Its turn comes with the others'.
  const BrokerEntry& entry = model_.brokers.at(channel.broker.id);
  if (channel.peer == nullptr) channel.peer = peers_.connect(entry.registration);
  channel.sent = std::move(next);
  if (channel.peer == nullptr) return failed(channel, "its registration offers no way to it");
  channel.in_flight = true;
  const env::MonotonicTime now = clock_.now();
  listener_.sent(channel.broker.id, now - channel.waits_since.value_or(now));
  channel.waits_since.reset();
  if (!channel.news.empty()) channel.waits_since = now;
  channel.sent_number = channel.news.empty() ? announced_ : channel.known_number;
  if (!channel.last_stop_settled && !model_.states_are_told) {
    channel.last_stop_settled =
        channel.broker.last_stop != cluster::LastStop::HostCrash ||
        (!model_.incomplete && !model_.has_unwritten_doubts(channel.broker.id));
  }
  rpc::ClusterUpdate update = make_update(model_, channel.broker, channel.sent);
  update.last_stop_settled = channel.last_stop_settled;
  update.number = ++updates_sent_;
  update.is_all = channel.news.empty() && !model_.incomplete;
  channel.peer->update_cluster(
      std::move(update), config_.command_timeout,
      channel.life.post(executor_, [this, &channel](Result<rpc::ClusterUpdateReply> reply) {
        delivered(channel, std::move(reply));
      }));
}

void CommandSender::delivered(Channel& channel, Result<rpc::ClusterUpdateReply> reply) {
  channel.in_flight = false;
  if (!reply) {
    failed(channel, reply.error().describe());
    return send_all();  // Others do not wait for it.
  }
  if (reply->error == ErrorCode::StaleControllerEpoch) {
    return listener_.deposed("broker " + std::to_string(channel.broker.id.value()) +
                             " knows a newer controller");
  }
  if (reply->error != ErrorCode::None) {
    failed(channel, std::string(name_of(reply->error)));
    return send_all();
  }
  succeeded(channel, *std::move(reply));
}

void CommandSender::succeeded(Channel& channel, rpc::ClusterUpdateReply reply) {
  channel.failing = false;
  channel.is_late = false;
  channel.everything_first = false;
  channel.backoff = {};
  channel.known_number = channel.sent_number;
  CommandDone done{channel.broker.id,
                   channel.broker.epoch,
                   std::move(reply.outcomes),
                   {},
                   channel.sent.everything};
  for (rpc::StopReplica& stop : channel.sent.stop_replicas) {
    if (stop.remove) done.stopped.push_back(std::move(stop));
  }
  channel.sent = {};
  send_all();
  listener_.done(std::move(done));  // May end this channel.
}

void CommandSender::failed(Channel& channel, const std::string& why) {
  if (!std::exchange(channel.failing, true)) {
    LOG(WARNING) << "broker " << channel.broker.id << ", broker epoch " << channel.broker.epoch
                 << ": command of controller epoch " << model_.controller_epoch
                 << " failed, is repeated: " << why;
  }
  put_back(channel.news, std::exchange(channel.sent, News{}));
  channel.everything_first = true;
  channel.backoff =
      std::clamp(channel.backoff * 2, config_.command_backoff_min, config_.command_backoff_max);
  channel.retry = executor_.post_after(channel.backoff, channel.life.guard([this, &channel] {
    channel.retry.reset();
    send_all();
  }));
}

bool CommandSender::is_known(std::uint64_t number) const {
  return std::all_of(channels_.begin(), channels_.end(), [&](const auto& entry) {
    const auto broker = model_.brokers.find(entry.first);
    return broker == model_.brokers.end() || broker->second.liveness != rpc::Liveness::Alive ||
           entry.second->known_number >= number;
  });
}

std::map<BrokerId, std::size_t> CommandSender::queues() const {
  std::map<BrokerId, std::size_t> queues;
  for (const auto& [id, channel] : channels_) {
    queues[id] = (channel->in_flight ? 1U : 0U) + (channel->news.empty() ? 0U : 1U);
  }
  return queues;
}

bool CommandSender::has_urgent() const {
  return std::any_of(channels_.begin(), channels_.end(), [&](const auto& entry) {
    const Channel& channel = *entry.second;
    const auto broker = model_.brokers.find(entry.first);
    const bool is_heard =
        broker != model_.brokers.end() && broker->second.liveness == rpc::Liveness::Alive;
    return is_heard && (!channel.news.urgent.empty() || !channel.sent.urgent.empty());
  });
}

bool CommandSender::is_failing(BrokerId broker) const {
  const auto found = channels_.find(broker);
  return found != channels_.end() && found->second->failing;
}

}  // namespace ottla::controller
