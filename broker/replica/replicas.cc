#include "broker/replica/replicas.h"

#include <glog/logging.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "broker/replica/delayed_append.h"
#include "broker/replica/delayed_delete.h"
#include "broker/replica/delayed_fetch.h"
#include "broker/replica/feed.h"
#include "broker/replica/fetcher.h"
#include "broker/replica/isr_requests.h"
#include "broker/replica/leadership_inquiry.h"
#include "broker/replica/log_moves.h"
#include "broker/replica/offset_lookup.h"
#include "broker/replica/partition.h"
#include "broker/replica/partition_lookup.h"
#include "broker/replica/replica_logs.h"
#include "broker/replica/transaction_verification.h"
#include "broker/storage/log.h"
#include "broker/storage/log_store.h"
#include "common/base/mutex.h"
#include "common/cluster/topic_name.h"
#include "common/env/file_system.h"
#include "common/record/validation.h"

namespace ottla::replica {
namespace {

constexpr std::chrono::milliseconds kLongestIsrCheck{1'000};
/// How often replicas that a full disk keeps from their role try again.
constexpr std::chrono::milliseconds kBetweenTriesOnAFullDisk{1'000};

storage::AppendOrigin storage_origin(record::AppendOrigin origin) {
  return origin == record::AppendOrigin::Client ? storage::AppendOrigin::Client
                                                : storage::AppendOrigin::Coordinator;
}

record::ValidationOptions validation_options(const storage::LogConfig& config,
                                             record::AppendOrigin origin, std::int64_t now_ms) {
  std::optional<int> level;
  if (config.compression == record::Codec::Gzip) level = config.gzip_level;
  if (config.compression == record::Codec::Lz4) level = config.lz4_level;
  if (config.compression == record::Codec::Zstd) level = config.zstd_level;
  return {.origin = origin,
          .target_codec = config.compression,
          .compression_level = level,
          .timestamp_type = config.timestamp_type,
          .now_ms = now_ms,
          .timestamp_before_max_ms = config.timestamp_before_max_ms,
          .timestamp_after_max_ms = config.timestamp_after_max_ms,
          .compacted = config.cleanup_compact,
          .max_message_bytes = config.max_message_bytes};
}

}  // namespace

/// Everything behind Replicas; kept alive by what is under way.
/// Thread: any (mutex_, LockRank::Leaf: only around the tables); what is marked so is the control
/// loop's.
class Replicas::Core final : public Feed::Source,
                             public PartitionLookup,
                             public std::enable_shared_from_this<Core> {
 public:
  Core(ReplicasConfig config, Dependencies dependencies)
      : config_(std::make_shared<const ReplicasConfig>(std::move(config))),
        with_(std::move(dependencies)),
        context_(std::make_shared<PartitionContext>(config_->broker, with_.clock, with_.metadata,
                                                    config_->replica_lag_time_max)),
        quotas_(std::make_shared<quota::ReplicationQuotas>(with_.leader_throttled_rate,
                                                           with_.follower_throttled_rate)),
        cold_reads_(std::make_shared<storage::ColdReads>(with_.executors.io)),
        cold_quota_(
            std::make_shared<quota::ColdReadQuota>(with_.clock, with_.cold_read_rate_per_client)) {}

  [[nodiscard]] double leader_throttled_byte_rate() const {
    return quotas_->leader.byte_rate(with_.clock.now());
  }
  [[nodiscard]] double follower_throttled_byte_rate() const {
    return quotas_->follower.byte_rate(with_.clock.now());
  }
  void start();
  void stop();
  /// Streams and waiting appends hold partitions and this object, and are held by them. After a
  /// stop there are none; after the stand-in for a crash there are. No executor runs any more.
  void forget_all() OTTLA_EXCLUDES(mutex_);
  /// On the control loop.
  void leave() { leaving_ = true; }
  void set_out_of_reach(std::set<BrokerId> brokers);
  void set_silent(BrokerId broker, bool silent);
  void set_broker_epoch(BrokerEpoch epoch, std::int32_t log_dirs_returned);
  void await_registration(std::int32_t log_dirs_returned) { awaited_returns_ = log_dirs_returned; }
  [[nodiscard]] bool is_stopped() const OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return stopped_;
  }

  void update_cluster(const rpc::ClusterUpdate& update, Callback<rpc::ClusterUpdateReply> reply);
  void query_logs(const rpc::ReplicaLogQuery& query, Callback<rpc::ReplicaLogAnswer> reply);
  void topic_config_changed(const std::string& topic);
  void give_up_log(const TopicPartition& name, LeaderEpoch epoch, const Error& why);
  void log_directory_failed(const std::string& directory);
  [[nodiscard]] std::vector<LogDirDescription> describe_log_dirs() const;
  std::vector<ErrorCode> alter_log_dirs(const std::vector<LogDirChange>& changes);

  AppendedPartition append_one(AppendRequest::Partition& wanted, const AppendRequest& request,
                               std::vector<DelayedAppend::Waiting>& waiting);

  // PartitionLookup
  [[nodiscard]] Result<std::shared_ptr<Partition>> lookup(
      const TopicPartition& name) const override;
  // Feed::Source
  [[nodiscard]] std::shared_ptr<Partition> find(const rpc::Subscription& wanted) const override;
  void request_isr(rpc::AlterPartition request) override { isr_->request(std::move(request)); }
  void feed_closed(const Feed& feed) override;

  Result<Accepted> accept(const rpc::StreamHello& hello, std::unique_ptr<rpc::LeaderWriter> writer);

  [[nodiscard]] std::shared_ptr<Partition> hosted(const TopicPartition& name) const
      OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<std::shared_ptr<Partition>> all() const OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] env::Executor& stream_loop(BrokerId peer) const {
    const auto& loops = with_.executors.streams;
    return *loops[static_cast<std::size_t>(peer.value()) % loops.size()];
  }
  [[nodiscard]] std::int64_t readable_records_cut() const {
    return context_->readable_records_cut.load();
  }
  [[nodiscard]] const std::shared_ptr<storage::ColdReads>& cold_reads() const {
    return cold_reads_;
  }
  [[nodiscard]] const std::shared_ptr<quota::ColdReadQuota>& cold_quota() const {
    return cold_quota_;
  }
  [[nodiscard]] const LogMoveCounts& log_move_counts() const { return *move_counts_; }
  [[nodiscard]] std::int64_t log_move_lag() const;
  [[nodiscard]] ReplicationTotals& totals() const { return context_->totals; }
  /// Counts a request in `count`, and what it waits for in `watches`, for as long as it lives.
  [[nodiscard]] std::shared_ptr<void> counted(std::atomic<std::int64_t>& count,
                                              std::atomic<std::int64_t>& watches,
                                              std::size_t partitions) const {
    ++count;
    watches += static_cast<std::int64_t>(partitions);
    return {nullptr, [context = context_, &count, &watches, partitions](void*) {
              --count;
              watches -= static_cast<std::int64_t>(partitions);
            }};
  }
  [[nodiscard]] std::vector<Stream> streams() const OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::vector<Stream> result;
    for (const auto& [follower, feed] : feeds_) {
      result.push_back({follower, feed->in_flight_bytes(), feed->partitions()});
    }
    return result;
  }
  [[nodiscard]] std::map<BrokerId, std::int64_t> messages_from_leaders() const
      OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::map<BrokerId, std::int64_t> result;
    for (const auto& [leader, count] : messages_from_) result[leader] = *count;
    return result;
  }
  [[nodiscard]] const Dependencies& with() const { return with_; }
  [[nodiscard]] const std::shared_ptr<const ReplicasConfig>& config() const { return config_; }

 private:
  [[nodiscard]] std::shared_ptr<std::atomic<std::int64_t>> messages_from(BrokerId leader)
      OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    auto& count = messages_from_[leader];
    if (!count) count = std::make_shared<std::atomic<std::int64_t>>(0);
    return count;
  }

  struct IdHash {
    std::size_t operator()(const std::pair<TopicId, std::int32_t>& key) const {
      return std::hash<TopicId>{}(key.first) * 31 + static_cast<std::size_t>(key.second);
    }
  };
  /// What is done once all of an update is applied: one message for each leader that is followed
  /// or no more; coordinators that begin to serve see the image that made them so.
  struct RoleChanges {
    std::map<BrokerId, std::vector<Fetcher::Follow>> follow;
    std::map<BrokerId, std::vector<Fetcher::Follow>> unfollow;
    std::vector<std::pair<TopicPartition, LeaderEpoch>> elected;
  };

  // On the control loop.
  void apply(const rpc::ClusterUpdate& update, rpc::ClusterUpdateReply& reply);
  void apply_partition(const rpc::TopicUpdate& topic, const rpc::PartitionUpdate& update,
                       RoleChanges& changes, rpc::ClusterUpdateReply& reply);
  Result<> take_role(const rpc::TopicUpdate& topic, const rpc::PartitionUpdate& update,
                     RoleChanges& changes);
  Result<> replace_given_up(const TopicPartition& name, const rpc::PartitionUpdate& update,
                            RoleChanges& changes);
  void forget(Partition& partition);
  void wait_for_room(const rpc::TopicUpdate& topic, const rpc::PartitionUpdate& update);
  void look_for_room();
  Result<std::shared_ptr<Partition>> hold(const rpc::TopicUpdate& topic,
                                          const rpc::PartitionUpdate& update, RoleChanges& changes);
  ErrorCode stop_replica(const rpc::StopReplica& command, RoleChanges& changes);
  void drop_missing(const rpc::ClusterUpdate& update, RoleChanges& changes);
  void release(const std::shared_ptr<Partition>& partition, ErrorCode reason, RoleChanges& changes);
  void tell_not_leader(const TopicPartition& partition, LeaderEpoch epoch);
  void stop_following(const std::shared_ptr<Partition>& partition, RoleChanges& changes);
  void carry_out(RoleChanges changes);
  Result<> alter_log_dir(const LogDirChange& change);
  void move_on(const TopicPartition& name);
  void tell_fetchers(const metadata::MetadataImage& image);
  void check_isr();
  [[nodiscard]] BrokerEpoch own_epoch() const {
    return BrokerEpoch(context_->broker_epoch.load(std::memory_order_acquire));
  }
  /// Before the first registration whatever comes is meant for the process that had this endpoint
  /// before, and whose logs may have been longer. A newer epoch than ours is one that we are about
  /// to learn.
  [[nodiscard]] bool is_for_this_process(BrokerEpoch receiver) const {
    return own_epoch() != kUnknownBrokerEpoch && receiver >= own_epoch() &&
           registered_returns_ >= awaited_returns_;
  }

  const std::shared_ptr<const ReplicasConfig> config_;
  const Dependencies with_;
  const std::shared_ptr<PartitionContext> context_;
  const std::shared_ptr<quota::ReplicationQuotas> quotas_;
  const std::shared_ptr<storage::ColdReads> cold_reads_;
  const std::shared_ptr<quota::ColdReadQuota> cold_quota_;
  const std::shared_ptr<LogMoveCounts> move_counts_ = std::make_shared<LogMoveCounts>();
  std::shared_ptr<IsrRequests> isr_;
  std::shared_ptr<LogMoves> moves_;

  // The control loop's.
  ReplicaLogs logs_{config_->broker, with_.logs};
  ControllerEpoch controller_epoch_{-1};
  std::uint64_t newest_update_ = 0;  ///< In that epoch.
  std::int32_t registered_returns_ = 0;
  std::int32_t awaited_returns_ = 0;
  std::map<BrokerId, std::shared_ptr<Fetcher>> fetchers_;
  std::map<TopicPartition, BrokerId> following_;
  std::set<TopicPartition> leading_;
  std::set<BrokerId> silent_;
  std::set<BrokerId> out_of_reach_;
  bool leaving_ = false;
  env::TimerHandle isr_timer_;
  /// Replicas whose log cannot be made on a full disk, with the last word on their role.
  struct WaitingForRoom {
    rpc::TopicUpdate topic;
    rpc::PartitionUpdate update;
  };
  std::map<TopicPartition, WaitingForRoom> waiting_for_room_;
  env::TimerHandle room_timer_;
  /// Wishes that came while the move before was about to end.
  std::map<TopicPartition, std::string> next_directories_;

  mutable Mutex mutex_{LockRank::Leaf};
  std::unordered_map<TopicPartition, std::shared_ptr<Partition>> partitions_
      OTTLA_GUARDED_BY(mutex_);
  std::unordered_map<std::pair<TopicId, std::int32_t>, std::shared_ptr<Partition>, IdHash> by_id_
      OTTLA_GUARDED_BY(mutex_);
  std::map<BrokerId, std::shared_ptr<Feed>> feeds_ OTTLA_GUARDED_BY(mutex_);
  std::map<BrokerId, std::shared_ptr<std::atomic<std::int64_t>>> messages_from_
      OTTLA_GUARDED_BY(mutex_);
  bool stopped_ OTTLA_GUARDED_BY(mutex_) = false;
};

// Start and stop.

void Replicas::Core::start() {
  isr_ = std::make_shared<IsrRequests>(
      with_.isr_changes, with_.executors.control,
      [weak = weak_from_this()](const TopicPartition& name) -> std::shared_ptr<Partition> {
        const auto self = weak.lock();
        return self ? self->hosted(name) : nullptr;
      });
  moves_ = std::make_shared<LogMoves>(
      with_.logs, with_.clock, with_.executors.control, with_.executors.io,
      LogMoves::Options{.at_once = config_->log_moves_at_once,
                        .bytes_per_second = with_.log_move_bytes_per_second,
                        .counts = move_counts_},
      [weak = weak_from_this()](const TopicPartition& name) {
        if (const auto self = weak.lock()) self->move_on(name);
      });
  with_.executors.control.post([self = shared_from_this()] { self->check_isr(); });
}

void Replicas::Core::stop() {
  std::map<BrokerId, std::shared_ptr<Feed>> feeds;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    feeds = feeds_;
  }
  for (const auto& [follower, feed] : feeds) {
    stream_loop(follower).post([feed = feed] { feed->close(); });
  }
  with_.executors.control.post([self = shared_from_this()] {
    self->isr_timer_.reset();
    self->room_timer_.reset();
    for (const auto& [leader, fetcher] : self->fetchers_) fetcher->stop();
    self->fetchers_.clear();
    if (self->moves_) self->moves_->stop();
  });
  cold_reads_->stop();
  if (isr_) isr_->stop();  // not there if the broker's start failed before that of the replicas
}

void Replicas::Core::forget_all() {
  for (const std::shared_ptr<Partition>& partition : all()) partition->forget_watchers();
  std::map<BrokerId, std::shared_ptr<Feed>> feeds;
  {
    MutexLock lock(mutex_);
    feeds.swap(feeds_);
  }
  fetchers_.clear();
  cold_reads_->stop();
}

void Replicas::Core::set_broker_epoch(BrokerEpoch epoch, std::int32_t log_dirs_returned) {
  context_->broker_epoch.store(epoch.value(), std::memory_order_release);
  with_.executors.control.post([self = shared_from_this(), log_dirs_returned] {
    self->registered_returns_ = log_dirs_returned;
    self->tell_fetchers(*self->with_.metadata.image());
  });
}

// Finding.

std::shared_ptr<Partition> Replicas::Core::hosted(const TopicPartition& name) const {
  MutexLock lock(mutex_);
  const auto found = partitions_.find(name);
  return found == partitions_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Partition>> Replicas::Core::all() const {
  std::vector<std::shared_ptr<Partition>> result;
  {
    MutexLock lock(mutex_);
    result.reserve(partitions_.size());
    for (const auto& [name, partition] : partitions_) result.push_back(partition);
  }
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a->name() < b->name(); });
  return result;
}

Result<std::shared_ptr<Partition>> Replicas::Core::lookup(const TopicPartition& name) const {
  if (auto partition = hosted(name)) return partition;
  const auto image = with_.metadata.image();
  return fail(image->partition(name.topic, name.partition) != nullptr
                  ? ErrorCode::NotLeaderOrFollower
                  : ErrorCode::UnknownTopicOrPartition);
}

std::shared_ptr<Partition> Replicas::Core::find(const rpc::Subscription& wanted) const {
  if (wanted.topic_id.is_zero()) return hosted({wanted.topic, wanted.partition});
  MutexLock lock(mutex_);
  const auto found = by_id_.find({wanted.topic_id, wanted.partition});
  return found == by_id_.end() ? nullptr : found->second;
}

// The controller's commands.

void Replicas::Core::update_cluster(const rpc::ClusterUpdate& update,
                                    Callback<rpc::ClusterUpdateReply> reply) {
  rpc::ClusterUpdateReply answer;
  if (update.controller_epoch < controller_epoch_) {
    LOG(WARNING) << "Update of an older controller " << update.controller << " refused: epoch "
                 << update.controller_epoch << ", the newest is " << controller_epoch_;
    answer.error = ErrorCode::StaleControllerEpoch;
  } else if (!is_for_this_process(update.receiver_epoch)) {
    LOG(WARNING) << "Update for an older registration refused: broker epoch "
                 << update.receiver_epoch << ", ours is " << own_epoch();
    answer.error = ErrorCode::StaleBrokerEpoch;
  } else if (controller_epoch_ < ControllerEpoch(0) && !update.full) {
    // Of a controller that takes this broker for one that its predecessor told everything.
    answer.error = ErrorCode::InvalidUpdateVersion;
  } else if (update.controller_epoch == controller_epoch_ && update.number < newest_update_) {
    // Its sender has given it up, and has told us all of it again.
    LOG(WARNING) << "Update " << update.number << " refused: it comes after update "
                 << newest_update_ << " of the same controller";
    answer.error = ErrorCode::InvalidUpdateVersion;
  } else {
    controller_epoch_ = update.controller_epoch;
    newest_update_ = update.number;
    apply(update, answer);
  }
  std::move(reply)(std::move(answer));
}

void Replicas::Core::apply(const rpc::ClusterUpdate& update, rpc::ClusterUpdateReply& reply) {
  RoleChanges changes;
  for (const rpc::StopReplica& command : update.stop_replicas) {
    reply.outcomes.push_back({.topic = command.topic,
                              .topic_id = command.topic_id,
                              .partition = command.partition,
                              .error = stop_replica(command, changes)});
  }
  if (update.full) drop_missing(update, changes);
  for (const rpc::TopicUpdate& topic : update.topics) {
    for (const rpc::PartitionUpdate& partition : topic.partitions) {
      apply_partition(topic, partition, changes, reply);
    }
  }
  // Clients hear of a new leader once it serves.
  const auto image = with_.metadata.told_image()->apply(update);
  with_.metadata.publish(image);
  carry_out(std::move(changes));
  if (update.live_brokers) tell_fetchers(*image);
}

void Replicas::Core::apply_partition(const rpc::TopicUpdate& topic,
                                     const rpc::PartitionUpdate& update, RoleChanges& changes,
                                     rpc::ClusterUpdateReply& reply) {
  const auto& replicas = update.assignment.replicas;
  if (!cluster::contains(replicas, config_->broker)) return;
  const bool waited = waiting_for_room_.erase({topic.name, update.partition}) > 0;
  if (const Result<> done = take_role(topic, update, changes); !done) {
    const bool is_full = env::io_error_kind(done.error()) == env::IoErrorKind::DiskFull;
    if (is_full) wait_for_room(topic, update);
    LOG_IF(ERROR, !is_full || !waited)
        << '[' << topic.name << '-' << update.partition << "] cannot take its role"
        << (is_full ? ", tries again until there is room: " : ": ") << done.error();
    reply.outcomes.push_back(
        {.topic = topic.name,
         .topic_id = topic.id,
         .partition = update.partition,
         .error = done.error().code(),
         .log_is_lost = logs_.is_lost({{topic.name, update.partition}, topic.id, update})});
    return;
  }
  if (waited && with_.offline_replicas_changed) with_.offline_replicas_changed();
  moves_->start(hosted({topic.name, update.partition}));
}

Result<> Replicas::Core::take_role(const rpc::TopicUpdate& topic,
                                   const rpc::PartitionUpdate& update, RoleChanges& changes) {
  const ReplicaLogs::Wanted wanted{{topic.name, update.partition}, topic.id, update};
  const TopicPartition& name = wanted.name;
  OTTLA_TRY_VOID(replace_given_up(name, update, changes));
  // Where a failed log dir has come back with it, it is not in use: that takes what was not synced,
  // as a crash does.
  const std::shared_ptr<Partition> known = hosted(name);
  const bool is_in_use = known && known->view().log;
  if (!is_in_use) {
    OTTLA_TRY_VOID(logs_.put_aside_unnamed(wanted));
  }
  OTTLA_TRY(const std::shared_ptr<Partition> partition, hold(topic, update, changes));
  RoleChange change{.assignment = update.assignment,
                    .state = update.state,
                    .log = partition->view().log,
                    .config = with_.topics.topic_config(topic.name)};
  if (!change.log) {
    auto log = logs_.open(wanted, change.config.log);
    if (!log) {
      release(partition, log.error().code(), changes);
      return fail(std::move(log).error());
    }
    change.log = *std::move(log);
    change.checkpointed_high_watermark =
        with_.logs.checkpointed_high_watermark(name).value_or(Offset(0));
  }
  if (update.state.leader == config_->broker) {
    stop_following(partition, changes);
    OTTLA_TRY(const bool is_new, partition->become_leader(std::move(change)));
    if (is_new && !with_.leadership.empty()) {
      leading_.insert(name);
      changes.elected.emplace_back(name, update.state.leader_epoch);
    }
    return {};
  }
  OTTLA_TRY(const bool is_new, partition->become_follower(std::move(change)));
  if (!is_new) return {};
  tell_not_leader(name, update.state.leader_epoch);
  stop_following(partition, changes);
  const bool is_wanted = !leaving_ || update.state.in_isr(config_->broker);
  if (update.state.leader != kNoBroker && is_wanted) {
    following_[name] = update.state.leader;
    changes.follow[update.state.leader].push_back({partition, update.state.leader_epoch});
  }
  return {};
}

/// A full disk is no failed one: it may have room again.
void Replicas::Core::wait_for_room(const rpc::TopicUpdate& topic,
                                   const rpc::PartitionUpdate& update) {
  waiting_for_room_[{topic.name, update.partition}] = {{.name = topic.name, .id = topic.id},
                                                       update};
  if (room_timer_) return;
  room_timer_ =
      with_.executors.control.post_after(kBetweenTriesOnAFullDisk, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->look_for_room();
      });
}

void Replicas::Core::look_for_room() {
  room_timer_.reset();
  if (is_stopped()) return;
  RoleChanges changes;
  bool is_back = false;
  for (const auto& [name, waiting] : std::exchange(waiting_for_room_, {})) {
    const Result<> done = take_role(waiting.topic, waiting.update, changes);
    if (done) {
      LOG(INFO) << '[' << name << "] has room again and takes its role";
      moves_->start(hosted(name));
      is_back = true;
    } else if (env::io_error_kind(done.error()) == env::IoErrorKind::DiskFull) {
      wait_for_room(waiting.topic, waiting.update);
    } else {
      LOG(ERROR) << '[' << name << "] cannot take its role: " << done.error();
    }
  }
  carry_out(std::move(changes));
  if (is_back && with_.offline_replicas_changed) with_.offline_replicas_changed();
}

Result<std::shared_ptr<Partition>> Replicas::Core::hold(const rpc::TopicUpdate& topic,
                                                        const rpc::PartitionUpdate& update,
                                                        RoleChanges& changes) {
  const TopicPartition name{topic.name, update.partition};
  const std::shared_ptr<Partition> known = hosted(name);
  if (known && (known->topic_id() == topic.id || topic.id.is_zero())) return known;
  auto partition = std::make_shared<Partition>(context_, name, topic.id);
  if (known && known->topic_id().is_zero()) {
    // The same topic has got an id: all who wait or follow come again, under it.
    release(known, ErrorCode::NotLeaderOrFollower, changes);
    partition->start_from(known->high_watermark());  // It never moves back (W4).
  } else if (known) {
    // The topic was deleted and another one of its name created, and we heard of neither.
    if (!logs_.is_leftover(update)) return fail(ErrorCode::InconsistentTopicId);
    release(known, ErrorCode::UnknownTopicId, changes);
    MutexLock lock(mutex_);
    by_id_.erase({known->topic_id(), name.partition});
  }
  MutexLock lock(mutex_);
  partitions_[name] = partition;
  if (!topic.id.is_zero()) by_id_[{topic.id, name.partition}] = partition;
  return partition;
}

ErrorCode Replicas::Core::stop_replica(const rpc::StopReplica& command, RoleChanges& changes) {
  const TopicPartition name{command.topic, command.partition};
  const std::shared_ptr<Partition> partition = hosted(name);
  if (partition) {
    // W13: a stale command never touches a newer topic or a newer role.
    if (!partition->topic_id().is_zero() && partition->topic_id() != command.topic_id) {
      return ErrorCode::InconsistentTopicId;
    }
    if (command.leader_epoch < partition->view().leader_epoch) return ErrorCode::FencedLeaderEpoch;
    waiting_for_room_.erase(name);
    release(partition, ErrorCode::NotLeaderOrFollower, changes);
    if (command.remove) forget(*partition);
  }
  return command.remove ? logs_.remove(command) : ErrorCode::None;
}

/// Replicas that are not assigned to this broker any more: the topic was deleted, or the partition
/// was moved away, while nobody could tell it.
void Replicas::Core::drop_missing(const rpc::ClusterUpdate& update, RoleChanges& changes) {
  std::set<TopicPartition> assigned;
  for (const rpc::TopicUpdate& topic : update.topics) {
    for (const rpc::PartitionUpdate& partition : topic.partitions) {
      if (!cluster::contains(partition.assignment.replicas, config_->broker)) continue;
      assigned.insert({topic.name, partition.partition});
    }
  }
  for (const std::shared_ptr<Partition>& partition : all()) {
    if (assigned.contains(partition->name())) continue;
    waiting_for_room_.erase(partition->name());
    release(partition, ErrorCode::NotLeaderOrFollower, changes);
    forget(*partition);
  }
  logs_.put_aside_unassigned(update);
}

void Replicas::Core::release(const std::shared_ptr<Partition>& partition, ErrorCode reason,
                             RoleChanges& changes) {
  stop_following(partition, changes);
  moves_->stop(partition->name());
  const LeaderEpoch epoch = partition->view().leader_epoch;
  partition->go_offline(reason);
  tell_not_leader(partition->name(), epoch);
}

void Replicas::Core::tell_not_leader(const TopicPartition& partition, LeaderEpoch epoch) {
  if (leading_.erase(partition) == 0) return;
  for (LeadershipListener* const listener : with_.leadership) {
    listener->on_not_leader(partition, epoch);
  }
}

/// After `release`: this broker holds no such replica any more. Its watchers have heard that; each
/// ends its watch in a task of its own, which a loop that stops may not run any more.
void Replicas::Core::forget(Partition& partition) {
  partition.forget_watchers();
  MutexLock lock(mutex_);
  partitions_.erase(partition.name());
  by_id_.erase({partition.topic_id(), partition.name().partition});
}

void Replicas::Core::stop_following(const std::shared_ptr<Partition>& partition,
                                    RoleChanges& changes) {
  const auto found = following_.find(partition->name());
  if (found == following_.end()) return;
  changes.unfollow[found->second].push_back({partition, partition->view().leader_epoch});
  following_.erase(found);
}

void Replicas::Core::carry_out(RoleChanges changes) {
  for (const auto& [name, epoch] : changes.elected) {
    if (!leading_.contains(name)) continue;
    for (LeadershipListener* const listener : with_.leadership) listener->on_leader(name, epoch);
  }
  for (auto& [leader, partitions] : changes.unfollow) {
    // The same leader in a newer epoch: `follow` replaces the older one by itself.
    const auto follow = changes.follow.find(leader);
    if (follow != changes.follow.end()) {
      std::erase_if(partitions, [&](const Fetcher::Follow& unwanted) {
        return std::any_of(
            follow->second.begin(), follow->second.end(),
            [&](const Fetcher::Follow& wanted) { return wanted.partition == unwanted.partition; });
      });
    }
    const auto fetcher = fetchers_.find(leader);
    if (fetcher != fetchers_.end() && !partitions.empty()) {
      fetcher->second->unfollow(std::move(partitions));
    }
  }
  const auto image = with_.metadata.image();
  for (auto& [leader, partitions] : changes.follow) {
    std::shared_ptr<Fetcher>& fetcher = fetchers_[leader];
    if (!fetcher) {
      fetcher =
          std::make_shared<Fetcher>(config_->broker, with_.transport, config_, quotas_, with_.clock,
                                    stream_loop(leader), with_.executors.io, messages_from(leader));
      const cluster::Broker* broker = image->broker(leader);
      fetcher->set_leader(broker ? std::optional(*broker) : std::nullopt, own_epoch());
    }
    fetcher->follow(std::move(partitions));
  }
}

void Replicas::Core::tell_fetchers(const metadata::MetadataImage& image) {
  for (const auto& [leader, fetcher] : fetchers_) {
    const cluster::Broker* broker = image.broker(leader);
    fetcher->set_leader(broker ? std::optional(*broker) : std::nullopt, own_epoch());
  }
}

void Replicas::Core::set_silent(BrokerId broker, bool silent) {
  if (silent ? !silent_.insert(broker).second : silent_.erase(broker) == 0) return;
  LOG_IF(INFO, silent) << "Broker " << broker << " is silent: it is not waited for";
  check_isr();
}

void Replicas::Core::set_out_of_reach(std::set<BrokerId> brokers) {
  LOG_IF(WARNING, out_of_reach_.empty() && !brokers.empty())
      << "Broker " << config_->broker << " is cut off from most others: what they are in sync with "
      << "is not written to here";
  out_of_reach_ = std::move(brokers);
  for (const std::shared_ptr<Partition>& partition : all()) {
    partition->set_out_of_reach(out_of_reach_);
  }
}

void Replicas::Core::check_isr() {
  if (is_stopped()) return;
  if (!out_of_reach_.empty()) set_out_of_reach(out_of_reach_);  // ISRs have changed, perhaps
  for (const std::shared_ptr<Partition>& partition : all()) {
    if (auto request = partition->check_isr(silent_)) isr_->request(std::move(*request));
  }
  const auto interval =
      std::min<env::Duration>(config_->replica_lag_time_max / 2, kLongestIsrCheck);
  isr_timer_ = with_.executors.control.post_after(interval, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->check_isr();
  });
}

void Replicas::Core::query_logs(const rpc::ReplicaLogQuery& query,
                                Callback<rpc::ReplicaLogAnswer> reply) {
  rpc::ReplicaLogAnswer answer;
  if (query.controller_epoch < controller_epoch_) {
    answer.error = ErrorCode::StaleControllerEpoch;
  } else if (!is_for_this_process(query.receiver_epoch)) {
    answer.error = ErrorCode::StaleBrokerEpoch;
  } else {
    for (const rpc::ReplicaLogQuery::Partition& wanted : query.partitions) {
      const auto partition = hosted({wanted.topic, wanted.partition});
      answer.partitions.push_back(
          logs_.tell(wanted, partition ? partition->view().leader_epoch : kUnknownLeaderEpoch));
    }
  }
  std::move(reply)(std::move(answer));
}

void Replicas::Core::topic_config_changed(const std::string& topic) {
  const TopicConfig config = with_.topics.topic_config(topic);
  for (const std::shared_ptr<Partition>& partition : all()) {
    if (partition->name().topic != topic) continue;
    partition->set_config(config);
    if (const auto log = partition->view().log) log->set_config(config.log);
    if (const auto future = with_.logs.find_future(partition->name())) {
      future->set_config(config.log);
    }
  }
}

void Replicas::Core::give_up_log(const TopicPartition& name, LeaderEpoch epoch, const Error& why) {
  const std::shared_ptr<Partition> partition = hosted(name);
  if (is_stopped() || !partition) return;
  const Partition::View view = partition->view();
  if (view.role != Partition::Role::Leader || view.leader_epoch != epoch) return;
  LOG(ERROR) << '[' << name << "] gives up its leadership, leader epoch " << epoch
             << ": its log is damaged and others in the ISR have all of it: " << why;
  logs_.give_up(name, view.log);
  RoleChanges changes;
  release(partition, ErrorCode::KafkaStorageError, changes);
  carry_out(std::move(changes));
  if (with_.offline_replicas_changed) with_.offline_replicas_changed();
}

/// What becomes of a log that was given up, now that the controller names a leader.
Result<> Replicas::Core::replace_given_up(const TopicPartition& name,
                                          const rpc::PartitionUpdate& update,
                                          RoleChanges& changes) {
  switch (logs_.judge_given_up(name, update.state)) {
    case ReplicaLogs::GivenUp::No:
      return {};
    case ReplicaLogs::GivenUp::Waits:
      return fail(ErrorCode::KafkaStorageError, "its log is damaged and was given up");
    case ReplicaLogs::GivenUp::IsReplaced:
      break;
  }
  LOG(WARNING) << '[' << name << "] its damaged log is put aside as stray, and fetched anew from "
               << "broker " << update.state.leader;
  if (const auto partition = hosted(name)) {
    release(partition, ErrorCode::NotLeaderOrFollower, changes);
    forget(*partition);
  }
  OTTLA_TRY_VOID(logs_.put_aside_given_up(name));
  if (with_.offline_replicas_changed) with_.offline_replicas_changed();
  return {};
}

void Replicas::Core::log_directory_failed(const std::string& directory) {
  RoleChanges changes;
  for (const std::shared_ptr<Partition>& partition : all()) {
    if (with_.logs.future_directory_of(partition->name()) == directory) {
      LOG(WARNING) << '[' << partition->name() << "] does not move any more: log dir " << directory
                   << " failed";
      moves_->stop(partition->name());
      with_.logs.forget_future(partition->name());
    }
    if (with_.logs.directory_of(partition->name()) != directory) continue;
    LOG(ERROR) << '[' << partition->name() << "] offline: log dir " << directory << " failed";
    release(partition, ErrorCode::KafkaStorageError, changes);
  }
  carry_out(std::move(changes));
}

// Log dirs.

std::vector<LogDirDescription> Replicas::Core::describe_log_dirs() const {
  std::vector<LogDirDescription> all;
  for (storage::DirectoryUsage& usage : with_.logs.usage()) {
    LogDirDescription& told = all.emplace_back();
    told.directory = std::move(usage.directory);
    told.is_online = usage.is_online;
    told.space_state = usage.space_state;
    told.space = usage.space;
    for (const auto& log : usage.logs) {
      LogDirDescription::Replica& replica = told.replicas.emplace_back();
      replica.partition = log.partition;
      replica.bytes = log.bytes;
      replica.is_future = log.is_future;
      const std::shared_ptr<Partition> partition = hosted(log.partition);
      const std::shared_ptr<storage::Log> current = partition ? partition->view().log : nullptr;
      if (!current) continue;
      const Offset goal = log.is_future ? current->log_end_offset() : partition->high_watermark();
      replica.offset_lag = std::max<std::int64_t>(goal - log.log_end_offset, 0);
    }
  }
  return all;
}

std::int64_t Replicas::Core::log_move_lag() const {
  std::int64_t most = 0;
  if (move_counts_->under_way == 0) return most;
  for (const std::shared_ptr<Partition>& each : all()) {
    const std::shared_ptr<storage::Log> future = with_.logs.find_future(each->name());
    const std::shared_ptr<storage::Log> log = future ? each->view().log : nullptr;
    if (!log) continue;
    most = std::max(most, log->log_end_offset().value() - future->log_end_offset().value());
  }
  return most;
}

std::vector<ErrorCode> Replicas::Core::alter_log_dirs(const std::vector<LogDirChange>& changes) {
  std::vector<ErrorCode> outcomes;
  outcomes.reserve(changes.size());
  for (const LogDirChange& change : changes) {
    const Result<> done = alter_log_dir(change);
    LOG_IF(WARNING, !done) << '[' << change.partition << "] is not moved to " << change.directory
                           << ": " << done.error();
    outcomes.push_back(done ? ErrorCode::None : done.error().code());
  }
  return outcomes;
}

/// In the order of Kafka's checks.
Result<> Replicas::Core::alter_log_dir(const LogDirChange& change) {
  const TopicPartition& name = change.partition;
  OTTLA_TRY_VOID(storage::future_directory_name(name, Uuid()));
  OTTLA_TRY_VOID(with_.logs.check_directory(change.directory));
  const std::shared_ptr<Partition> partition = hosted(name);
  if (partition) {
    const auto access = partition->read_access(kUnknownLeaderEpoch, /*leader_only=*/false);
    if (!access && access.error().code() == ErrorCode::KafkaStorageError) {
      return fail(ErrorCode::KafkaStorageError, "the partition is offline");
    }
    if (moves_->is_ending(name)) {
      next_directories_[name] = change.directory;
      return {};
    }
    if (with_.logs.find_future(name) && !with_.logs.is_in(name, change.directory, true)) {
      moves_->stop(name);
      OTTLA_TRY_VOID(with_.logs.remove_future(name));
    }
  }
  with_.logs.prefer_directory(name, change.directory);
  if (!partition) {
    OTTLA_TRY_VOID(lookup(name).map_error([&](Error error) {
      return error.code() == ErrorCode::NotLeaderOrFollower
                 ? Error(ErrorCode::ReplicaNotAvailable, "the log is to be made there")
                 : error;
    }));
  }
  if (!partition || !partition->view().log) return fail(ErrorCode::ReplicaNotAvailable);
  if (with_.logs.is_in(name, change.directory, /*future=*/false)) return {};
  if (!with_.logs.find_future(name)) {
    OTTLA_TRY_VOID(with_.logs.create_future(name, change.directory));
  }
  moves_->start(partition);
  return {};
}

void Replicas::Core::move_on(const TopicPartition& name) {
  const auto next = next_directories_.extract(name);
  if (next.empty()) return;
  (void)alter_log_dirs({{name, next.mapped()}});  // the one who asked was answered; it was logged
}

// Followers' streams.

Result<rpc::ReplicationService::Accepted> Replicas::Core::accept(
    const rpc::StreamHello& hello, std::unique_ptr<rpc::LeaderWriter> writer) {
  if (hello.leader != config_->broker || hello.leader_epoch != own_epoch()) {
    return fail(ErrorCode::StaleBrokerEpoch);
  }
  env::Executor& loop = stream_loop(hello.follower);
  std::shared_ptr<Feed> replaced;
  std::shared_ptr<Feed> feed;
  {
    MutexLock lock(mutex_);
    if (stopped_) return fail(ErrorCode::BrokerNotAvailable);
    std::shared_ptr<Feed>& current = feeds_[hello.follower];
    if (current && hello.follower_epoch < current->hello().follower_epoch) {
      return fail(ErrorCode::StaleBrokerEpoch);
    }
    feed = std::make_shared<Feed>(hello, std::move(writer), shared_from_this(), config_, quotas_,
                                  with_.clock, loop, cold_reads_);
    replaced = std::exchange(current, feed);
  }
  if (replaced) loop.post([replaced] { replaced->close(); });
  return Accepted{&loop, feed};
}

void Replicas::Core::feed_closed(const Feed& feed) {
  std::shared_ptr<Feed> closed;  // freed outside the lock
  MutexLock lock(mutex_);
  const auto found = feeds_.find(feed.hello().follower);
  if (found == feeds_.end() || found->second.get() != &feed) return;
  closed = std::move(found->second);
  feeds_.erase(found);
  lock.unlock();
  closed.reset();
  lock.lock();
}

// Appending.

namespace {

void count(const record::ValidationFailure& refused, ReplicationTotals& totals) {
  switch (refused.fault) {
    case record::RecordFault::Magic:
      ++totals.refused_magic;
      break;
    case record::RecordFault::Checksum:
      ++totals.refused_checksum;
      break;
    case record::RecordFault::OffsetOrSequence:
      ++totals.refused_offset_or_sequence;
      break;
    case record::RecordFault::Other:
      break;
  }
  totals.refused_without_key += refused.records_without_key;
}

/// Observed of 3.9: which refusals of records come with the log's start.
bool tells_log_start(ErrorCode error) {
  return error != ErrorCode::CorruptMessage && error != ErrorCode::MessageTooLarge &&
         error != ErrorCode::RecordListTooLarge;
}

}  // namespace

AppendedPartition Replicas::Core::append_one(AppendRequest::Partition& wanted,
                                             const AppendRequest& request,
                                             std::vector<DelayedAppend::Waiting>& waiting) {
  AppendedPartition answer;
  answer.partition = wanted.partition;
  const auto failed = [&](const Error& error) {
    answer.error = error.code();
    answer.message = error.message();
    return answer;
  };
  if (cluster::is_internal_topic(wanted.partition.topic) && !request.internal_topics_allowed &&
      request.origin == record::AppendOrigin::Client) {
    return failed(Error(ErrorCode::InvalidTopicException,
                        "Cannot append to internal topic " + wanted.partition.topic));
  }
  const auto partition = lookup(wanted.partition);
  if (!partition) return failed(partition.error());
  if (const Result<> taken = (*partition)->check_append(request.acks, wanted.expected_epoch);
      !taken) {
    return failed(taken.error());
  }
  const std::shared_ptr<storage::Log> log = (*partition)->view().log;
  if (!log) return failed(Error(ErrorCode::KafkaStorageError));

  auto validated = record::validate_records(
      wanted.records,
      validation_options(*log->config(), request.origin, with_.clock.wall_now_ms()));
  if (!validated) {
    count(validated.error(), totals());
    answer.error = validated.error().code;
    answer.message = std::move(validated.error().message);
    answer.record_errors = std::move(validated.error().record_errors);
    if (tells_log_start(answer.error)) answer.log_start_offset = log->log_start_offset();
    return answer;
  }
  answer.log_start_offset = log->log_start_offset();
  if (validated->record_count == 0) return answer;

  const auto appended =
      (*partition)
          ->append_as_leader(validated->bytes, request.acks, wanted.expected_epoch,
                             storage_origin(request.origin), wanted.verified);
  if (!appended) return failed(appended.error());
  answer.base_offset = appended->info.base_offset;
  answer.log_append_time =
      appended->info.is_duplicate ? appended->info.max_timestamp : validated->log_append_time;
  answer.log_start_offset = appended->info.log_start_offset;
  if (request.acks == Acks::All) {
    waiting.push_back({.slot = 0,
                       .partition = *partition,
                       .required_end = appended->info.last_offset.next(),
                       .appended_in = appended->leader_epoch});
  }
  return answer;
}

// Replicas: the face.

Replicas::Replicas(ReplicasConfig config, Dependencies dependencies)
    : core_(std::make_shared<Core>(std::move(config), std::move(dependencies))) {}

Replicas::~Replicas() {
  core_->forget_all();
}

void Replicas::start() {
  core_->start();
}

void Replicas::stop() {
  core_->stop();
}

void Replicas::set_broker_epoch(BrokerEpoch epoch, std::int32_t log_dirs_returned) {
  core_->set_broker_epoch(epoch, log_dirs_returned);
}

void Replicas::await_registration(std::int32_t log_dirs_returned, Callback<> done) {
  core_->with().executors.control.post(
      [core = core_, log_dirs_returned, done = std::move(done)]() mutable {
        core->await_registration(log_dirs_returned);
        std::move(done)();
      });
}

void Replicas::set_silent(BrokerId broker, bool silent) {
  core_->with().executors.control.post(
      [core = core_, broker, silent] { core->set_silent(broker, silent); });
}

void Replicas::set_out_of_reach(std::set<BrokerId> brokers) {
  core_->with().executors.control.post([core = core_, brokers = std::move(brokers)]() mutable {
    core->set_out_of_reach(std::move(brokers));
  });
}

void Replicas::leave() {
  core_->with().executors.control.post([core = core_] { core->leave(); });
}

void Replicas::update_cluster(rpc::ClusterUpdate update, Callback<rpc::ClusterUpdateReply> reply) {
  core_->with().executors.control.post(
      [core = core_, update = std::move(update), reply = std::move(reply)]() mutable {
        core->update_cluster(update, std::move(reply));
      });
}

void Replicas::query_replica_logs(rpc::ReplicaLogQuery query,
                                  Callback<rpc::ReplicaLogAnswer> reply) {
  core_->with().executors.control.post(
      [core = core_, query = std::move(query), reply = std::move(reply)]() mutable {
        core->query_logs(query, std::move(reply));
      });
}

void Replicas::append(AppendRequest request, env::Executor& on, Callback<AppendResult> done) {
  AppendResult result;
  result.reserve(request.partitions.size());
  std::vector<DelayedAppend::Waiting> waiting;
  for (std::size_t slot = 0; slot < request.partitions.size(); ++slot) {
    const std::size_t before = waiting.size();
    result.push_back(core_->append_one(request.partitions[slot], request, waiting));
    if (waiting.size() > before) waiting.back().slot = slot;
  }
  if (waiting.empty()) {
    std::move(done)(std::move(result));
    return;
  }
  auto& totals = core_->totals();
  auto counted = core_->counted(totals.appends, totals.append_watches, waiting.size());
  std::make_shared<DelayedAppend>(
      std::move(result), std::move(waiting), on,
      [counted = std::move(counted), done = std::move(done)](AppendResult outcome) mutable {
        counted.reset();
        std::move(done)(std::move(outcome));
      })
      ->start(request.timeout);
}

void Replicas::confirm_leadership(const TopicPartition& partition, bool must_be_certain,
                                  env::Duration timeout, env::Executor& on,
                                  Callback<ErrorCode> done) {
  const std::shared_ptr<Partition> held = Replicas::partition(partition);
  if (!held) {
    on.post([done = std::move(done)]() mutable {
      std::move(done)(ErrorCode::UnknownTopicOrPartition);
    });
    return;
  }
  std::make_shared<LeadershipInquiry>(held, on, std::move(done))->start(must_be_certain, timeout);
}

void Replicas::verify_transaction(TransactionCheck check, env::Executor& on,
                                  Callback<std::vector<VerifiedPartition>> done) {
  const Dependencies& with = core_->with();
  const bool is_switched_off = with.verifies_transactions && !with.verifies_transactions();
  // A client of transaction version 2 relies on us to add its partitions.
  if (with.transaction_verifier == nullptr || (is_switched_off && !check.adds)) {
    return std::move(done)(std::vector<VerifiedPartition>(check.partitions.size()));
  }
  replica::verify_transaction(std::move(check), *core_, *with.transaction_verifier, on,
                              std::move(done));
}

void Replicas::append_markers(TransactionMarker marker, env::Duration timeout, env::Executor& on,
                              Callback<std::vector<ErrorCode>> done) {
  AppendRequest request = marker_append(marker, core_->with().clock.wall_now_ms(), timeout);
  append(std::move(request), on,
         [core = core_, marker = std::move(marker),
          done = std::move(done)](const AppendResult& appended) mutable {
           TransactionEndListener* const listener = core->with().transaction_ends;
           std::vector<ErrorCode> outcomes;
           for (const AppendedPartition& partition : appended) {
             outcomes.push_back(partition.error);
             if (partition.error != ErrorCode::None || listener == nullptr) continue;
             listener->on_transaction_ended(partition.partition, marker.producer_id,
                                            marker.is_commit, partition.base_offset);
           }
           std::move(done)(std::move(outcomes));
         });
}

void Replicas::fetch(FetchRequest request, env::Executor& on, Callback<FetchResult> done) {
  auto& totals = core_->totals();
  auto counted = core_->counted(totals.fetches, totals.fetch_watches, request.partitions.size());
  std::make_shared<DelayedFetch>(
      std::move(request), core_, core_->config(), on, core_->cold_reads(), core_->cold_quota(),
      totals.fetches_expired,
      [counted = std::move(counted), done = std::move(done)](FetchResult outcome) mutable {
        counted.reset();
        std::move(done)(std::move(outcome));
      })
      ->start();
}

void Replicas::list_offsets(std::vector<OffsetQuery> queries, IsolationLevel isolation,
                            env::Executor& on, Callback<std::vector<ListedOffset>> done) {
  look_up_offsets(std::move(queries), isolation, core_, on, core_->with().executors.io,
                  std::move(done));
}

std::vector<EpochAnswer> Replicas::offsets_for_leader_epochs(
    const std::vector<EpochQuery>& queries) const {
  std::vector<EpochAnswer> answers;
  answers.reserve(queries.size());
  for (const EpochQuery& query : queries) answers.push_back(look_up_epoch(query, *core_));
  return answers;
}

void Replicas::delete_records(std::vector<DeleteRecordsQuery> queries, env::Duration timeout,
                              env::Executor& on, Callback<std::vector<DeletedRecords>> done) {
  auto& totals = core_->totals();
  auto counted = core_->counted(totals.deletions, totals.deletion_watches, queries.size());
  std::make_shared<DelayedDelete>(std::move(queries), core_, on,
                                  [counted = std::move(counted), done = std::move(done)](
                                      std::vector<DeletedRecords> outcome) mutable {
                                    counted.reset();
                                    std::move(done)(std::move(outcome));
                                  })
      ->start(timeout);
}

Result<std::vector<storage::ActiveProducer>> Replicas::active_producers(
    const TopicPartition& partition) const {
  OTTLA_TRY(const std::shared_ptr<Partition> found, core_->lookup(partition));
  OTTLA_TRY(const Partition::ReadAccess access,
            found->read_access(kUnknownLeaderEpoch, /*leader_only=*/false));
  return access.log->active_producers();
}

void Replicas::describe_log_dirs(env::Executor& on, Callback<std::vector<LogDirDescription>> done) {
  core_->with().executors.io.post([core = core_, &on, done = std::move(done)]() mutable {
    on.post([described = core->describe_log_dirs(), done = std::move(done)]() mutable {
      std::move(done)(std::move(described));
    });
  });
}

void Replicas::alter_log_dirs(std::vector<LogDirChange> changes, env::Executor& on,
                              Callback<std::vector<ErrorCode>> done) {
  core_->with().executors.control.post(
      [core = core_, changes = std::move(changes), &on, done = std::move(done)]() mutable {
        on.post([outcomes = core->alter_log_dirs(changes), done = std::move(done)]() mutable {
          std::move(done)(std::move(outcomes));
        });
      });
}

std::shared_ptr<Partition> Replicas::partition(const TopicPartition& partition) const {
  return core_->hosted(partition);
}

std::vector<std::shared_ptr<Partition>> Replicas::partitions() const {
  return core_->all();
}

double Replicas::leader_throttled_byte_rate() const {
  return core_->leader_throttled_byte_rate();
}

double Replicas::follower_throttled_byte_rate() const {
  return core_->follower_throttled_byte_rate();
}

Result<std::shared_ptr<storage::Log>> Replicas::leader_log(const TopicPartition& partition) const {
  OTTLA_TRY(const std::shared_ptr<Partition> found, core_->lookup(partition));
  OTTLA_TRY(const Partition::ReadAccess access,
            found->read_access(kUnknownLeaderEpoch, /*leader_only=*/true));
  return access.log;
}

std::optional<Offset> Replicas::high_watermark(const TopicPartition& partition) const {
  const std::shared_ptr<Partition> found = core_->hosted(partition);
  if (!found) return std::nullopt;
  return found->high_watermark();
}

std::int64_t Replicas::readable_records_cut() const {
  return core_->readable_records_cut();
}

const storage::ColdReads& Replicas::cold_reads() const {
  return *core_->cold_reads();
}

const quota::ColdReadQuota& Replicas::cold_read_quota() const {
  return *core_->cold_quota();
}

std::int64_t Replicas::log_move_lag() const {
  return core_->log_move_lag();
}

const LogMoveCounts& Replicas::log_move_counts() const {
  return core_->log_move_counts();
}

void Replicas::topic_config_changed(const std::string& topic) {
  core_->with().executors.control.post(
      [core = core_, topic] { core->topic_config_changed(topic); });
}

void Replicas::give_up_log(const TopicPartition& partition, LeaderEpoch epoch, const Error& why) {
  core_->with().executors.control.post(
      [core = core_, partition, epoch, why] { core->give_up_log(partition, epoch, why); });
}

void Replicas::log_directory_failed(const std::string& directory) {
  core_->with().executors.control.post(
      [core = core_, directory] { core->log_directory_failed(directory); });
}

Result<rpc::ReplicationService::Accepted> Replicas::accept(
    const rpc::StreamHello& hello, std::unique_ptr<rpc::LeaderWriter> writer) {
  return core_->accept(hello, std::move(writer));
}

const ReplicationTotals& Replicas::totals() const {
  return core_->totals();
}

std::vector<Replicas::Stream> Replicas::streams() const {
  return core_->streams();
}

std::map<BrokerId, std::int64_t> Replicas::messages_from_leaders() const {
  return core_->messages_from_leaders();
}

}  // namespace ottla::replica
