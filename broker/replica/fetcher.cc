#include "broker/replica/fetcher.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/replica/batch_pieces.h"
#include "common/env/file_system.h"

namespace ottla::replica {
namespace {

/// A leader that does not know its epoch yet hears of it in the next moment.
constexpr env::Duration kShortestPause = std::chrono::milliseconds(5);
constexpr env::Duration kLongestPause = std::chrono::milliseconds(500);

env::Duration longer(env::Duration pause, env::Duration least, env::Duration most) {
  return std::clamp(pause * 2, least, most);
}

}  // namespace

/// The handler of one stream; older ones may still be called.
class Fetcher::Connection final : public rpc::FollowerHandler {
 public:
  Connection(std::weak_ptr<Fetcher> fetcher, std::uint64_t number)
      : fetcher_(std::move(fetcher)), number_(number) {}

  void on_message(rpc::LeaderMessage message) override {
    if (const auto fetcher = fetcher_.lock()) fetcher->on_message(number_, std::move(message));
  }
  void on_closed(Error cause) override {
    if (const auto fetcher = fetcher_.lock()) fetcher->on_closed(number_, cause);
  }

 private:
  std::weak_ptr<Fetcher> fetcher_;
  std::uint64_t number_;
};

Fetcher::Fetcher(BrokerId self, rpc::ReplicationTransport& transport,
                 std::shared_ptr<const ReplicasConfig> config,
                 std::shared_ptr<quota::ReplicationQuotas> quotas, env::Clock& clock,
                 env::Executor& loop, env::Executor& io,
                 std::shared_ptr<std::atomic<std::int64_t>> messages)
    : self_(self),
      transport_(transport),
      config_(std::move(config)),
      quotas_(std::move(quotas)),
      clock_(clock),
      loop_(loop),
      io_(io),
      messages_(std::move(messages)) {}

Fetcher::~Fetcher() = default;

// What the control loop asks for.

void Fetcher::follow(std::vector<Follow> partitions) {
  loop_.post([self = shared_from_this(), partitions = std::move(partitions)] {
    if (self->stopped_) return;
    for (const Follow& wanted : partitions) {
      Followed& followed = self->followed_[wanted.partition.get()];
      if (followed.partition && followed.epoch >= wanted.epoch) continue;
      if (followed.partition) self->end_subscription(followed);
      followed = {};
      followed.partition = wanted.partition;
      followed.epoch = wanted.epoch;
      self->subscribe(followed);
    }
    if (!self->writer_ && !self->reconnect_) self->connect();
    self->flush();
  });
}

void Fetcher::unfollow(std::vector<Follow> partitions) {
  loop_.post([self = shared_from_this(), partitions = std::move(partitions)] {
    for (const Follow& unwanted : partitions) {
      const auto found = self->followed_.find(unwanted.partition.get());
      if (found == self->followed_.end() || found->second.epoch > unwanted.epoch) continue;
      self->end_subscription(found->second);
      self->followed_.erase(found);
    }
    self->flush();
    if (self->followed_.empty()) self->disconnect();
  });
}

void Fetcher::set_leader(std::optional<cluster::Broker> leader, BrokerEpoch own_epoch) {
  loop_.post([self = shared_from_this(), leader = std::move(leader), own_epoch]() mutable {
    if (self->stopped_) return;
    const bool same = self->own_epoch_ == own_epoch && self->leader_.has_value() == !!leader &&
                      (!leader || (self->leader_->epoch == leader->epoch &&
                                   self->leader_->grpc_endpoint == leader->grpc_endpoint));
    if (same) return;
    self->leader_ = std::move(leader);
    self->own_epoch_ = own_epoch;
    self->disconnect();
    self->reconnect_pause_ = {};
    self->connect();
  });
}

void Fetcher::stop() {
  loop_.post([self = shared_from_this()] {
    self->stopped_ = true;
    self->disconnect();
    self->followed_.clear();
  });
}

// The stream.

void Fetcher::connect() {
  if (stopped_ || writer_ || followed_.empty() || !leader_) return;
  const rpc::StreamHello hello{.follower = self_,
                               .follower_epoch = own_epoch_,
                               .leader = leader_->id,
                               .leader_epoch = leader_->epoch};
  writer_ = transport_.open(*leader_, hello, loop_,
                            std::make_shared<Connection>(weak_from_this(), ++connection_));
  if (!writer_) {
    connect_later();
    return;
  }
  for (auto& [key, followed] : followed_) {
    if (followed.state == State::Idle && !followed.retry) subscribe(followed);
  }
  flush();
}

void Fetcher::disconnect() {
  ++connection_;
  reconnect_.reset();
  writer_.reset();
  outgoing_ = {};
  paused_.clear();
  resume_timer_.reset();
  streaming_.clear();
  for (auto& [key, followed] : followed_) {
    if (followed.state == State::Streaming) followed.state = State::Idle;
  }
}

void Fetcher::connect_later() {
  reconnect_pause_ =
      longer(reconnect_pause_, config_->reconnect_backoff, config_->reconnect_backoff_max);
  reconnect_ = loop_.post_after(reconnect_pause_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->reconnect_.reset();
    self->connect();
  });
}

void Fetcher::on_closed(std::uint64_t connection, const Error& cause) {
  if (stopped_ || connection != connection_) return;
  LOG_IF(INFO, reconnect_pause_ == env::Duration{})
      << "Stream to leader " << leader_->id << " (epoch " << leader_->epoch << ") ended: " << cause;
  disconnect();
  connect_later();
}

void Fetcher::on_message(std::uint64_t connection, rpc::LeaderMessage message) {
  if (stopped_ || connection != connection_) return;
  reconnect_pause_ = {};
  for (rpc::PartitionPush& push : message.partitions) {
    outgoing_.consumed_bytes += record_bytes(push);
    process(push);
  }
  flush();
}

void Fetcher::flush() {
  if (!writer_) {
    outgoing_ = {};
    return;
  }
  if (outgoing_.subscribe.empty() && outgoing_.unsubscribe.empty() && outgoing_.progress.empty() &&
      outgoing_.consumed_bytes == 0 && outgoing_.pause.empty() && outgoing_.resume.empty() &&
      outgoing_.confirmed.empty()) {
    return;
  }
  writer_->send(std::exchange(outgoing_, {}));
}

// Subscriptions.

void Fetcher::subscribe(Followed& followed) {
  if (!writer_) return;  // `connect` subscribes all that are idle
  const auto start = followed.partition->fetch_start(followed.epoch);
  if (!start) return;  // another epoch or offline: the control loop will say what is wanted
  followed.state = State::Streaming;
  followed.told_start = start->log_start_offset;
  followed.subscription = ++last_subscription_;
  streaming_[followed.subscription] = followed.partition.get();
  outgoing_.subscribe.push_back(
      {.id = rpc::SubscriptionId(followed.subscription),
       .topic_id = followed.partition->topic_id(),
       .topic = followed.partition->topic_id().is_zero() ? followed.partition->name().topic
                                                         : std::string(),
       .partition = followed.partition->name().partition,
       .current_leader_epoch = followed.epoch,
       .fetch_offset = start->fetch_offset,
       .last_fetched_epoch =
           followed.skip_comparison ? kUnknownLeaderEpoch : start->last_fetched_epoch,
       .log_start_offset = start->log_start_offset});
}

void Fetcher::end_subscription(Followed& followed) {
  followed.retry.reset();
  if (followed.state != State::Streaming) return;
  followed.state = State::Idle;
  streaming_.erase(followed.subscription);
  paused_.erase(followed.subscription);
  outgoing_.unsubscribe.push_back(rpc::SubscriptionId(followed.subscription));
}

void Fetcher::subscribe_later(Followed& followed, ErrorCode why) {
  followed.state = State::Idle;
  followed.pause = longer(followed.pause, kShortestPause, kLongestPause);
  VLOG(1) << '[' << followed.partition->name() << "] subscribes again in "
          << followed.pause / std::chrono::milliseconds(1) << " ms: " << why;
  followed.retry =
      loop_.post_after(followed.pause, [weak = weak_from_this(), key = followed.partition.get()] {
        const auto self = weak.lock();
        if (!self) return;
        const auto found = self->followed_.find(key);
        if (found == self->followed_.end() || found->second.state != State::Idle) return;
        found->second.retry.reset();
        self->subscribe(found->second);
        self->flush();
      });
}

void Fetcher::process(rpc::PartitionPush& push) {
  const auto streaming = streaming_.find(push.id.value());
  if (streaming == streaming_.end()) return;  // meant for an older subscription
  Followed& followed = followed_.at(streaming->second);
  if (push.error == ErrorCode::None && !push.divergence) {
    append(followed, push);
    return;
  }
  streaming_.erase(streaming);
  paused_.erase(push.id.value());
  if (push.divergence || push.error == ErrorCode::OffsetOutOfRange) {
    cut(followed, push);
  } else {
    subscribe_later(followed, push.error);
  }
}

void Fetcher::append(Followed& followed, rpc::PartitionPush& push) {
  followed.partition->note_leader_end(push.log_end_offset);
  messages_->fetch_add(1, std::memory_order_relaxed);
  followed.partition->count_replicated(self_, record_bytes(push));
  const auto appended = [&]() -> Result<Partition::Extent> {
    OTTLA_TRY(const BatchPieces batches, whole_batches(push.records));
    return followed.partition->append_as_follower(followed.epoch, batches.pieces,
                                                  push.high_watermark, push.log_start_offset);
  }();
  if (appended) {
    followed.pause = {};
    count(followed, push, appended->log_end_offset);
    if (push.confirm != 0) outgoing_.confirmed.push_back({push.id, push.confirm});
    const bool is_news = !push.records.empty() || appended->log_start_offset != followed.told_start;
    if (!is_news) return;
    followed.told_start = appended->log_start_offset;
    outgoing_.progress.push_back({.id = push.id,
                                  .log_end_offset = appended->log_end_offset,
                                  .log_start_offset = appended->log_start_offset});
    return;
  }
  const ErrorCode error = appended.error().code();
  LOG_IF(WARNING, error != ErrorCode::NotLeaderOrFollower)
      << '[' << followed.partition->name() << "] cannot append what leader " << leader_->id
      << " sent: " << appended.error();
  if (env::io_error_kind(appended.error()) == env::IoErrorKind::DiskFull) {
    outgoing_.no_room.push_back(push.id);
  }
  end_subscription(followed);
  subscribe_later(followed, error);
}

void Fetcher::count(const Followed& followed, const rpc::PartitionPush& push, Offset log_end) {
  if (push.records.empty() || !quotas_->follower.is_limited()) return;
  // Whoever holds all of the leader's log is in sync, or about to be.
  if (push.log_end_offset <= log_end || !followed.partition->is_throttled_follower()) return;
  const env::MonotonicTime now = clock_.now();
  quotas_->follower.record(record_bytes(push), now);
  const env::Duration delay = quotas_->follower.delay(now);
  if (delay == env::Duration::zero() || !paused_.insert(push.id.value()).second) return;
  outgoing_.pause.push_back(push.id);
  resume_later(delay);
}

void Fetcher::resume_later(env::Duration delay) {
  if (resume_timer_) return;
  // Not much later than now, whatever the debt: limits change.
  resume_timer_ =
      loop_.post_after(std::clamp(delay, kShortestPause, kLongestPause), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->resume_timer_.reset();
        self->resume();
        self->flush();
      });
}

void Fetcher::resume() {
  const env::Duration delay = quotas_->follower.delay(clock_.now());
  for (const std::uint32_t id : std::exchange(paused_, {})) {
    const Followed& followed = followed_.at(streaming_.at(id));
    if (delay > env::Duration::zero() && followed.partition->is_throttled_follower()) {
      paused_.insert(id);
    } else {
      outgoing_.resume.push_back(rpc::SubscriptionId(id));
    }
  }
  if (!paused_.empty()) resume_later(delay);
}

void Fetcher::cut(Followed& followed, const rpc::PartitionPush& push) {
  followed.state = State::Cutting;
  followed.skip_comparison = false;
  io_.post([self = shared_from_this(), partition = followed.partition, epoch = followed.epoch,
            divergence = push.divergence, log_start = push.log_start_offset,
            log_end = push.log_end_offset] {
    const auto work = [&]() -> Result<bool> {
      if (divergence) return partition->truncate_to_leader(epoch, *divergence);
      OTTLA_TRY_VOID(partition->leave_out_of_range(epoch, log_start, log_end));
      return true;
    };
    self->loop_.post(
        [self, partition, epoch, done = work()] { self->on_cut(partition.get(), epoch, done); });
  });
}

void Fetcher::on_cut(Key key, LeaderEpoch epoch, Result<bool> compare_again) {
  const auto found = followed_.find(key);
  if (found == followed_.end() || found->second.epoch != epoch ||
      found->second.state != State::Cutting) {
    return;
  }
  Followed& followed = found->second;
  followed.state = State::Idle;
  if (!compare_again) {
    LOG(WARNING) << '[' << key->name() << "] cannot cut its log: " << compare_again.error();
    subscribe_later(followed, compare_again.error().code());
    return;
  }
  followed.skip_comparison = !*compare_again;
  subscribe(followed);
  flush();
}

}  // namespace ottla::replica
