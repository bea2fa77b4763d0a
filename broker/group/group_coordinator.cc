#include "broker/group/group_coordinator.h"

#include <glog/logging.h>

#include <array>
#include <atomic>
#include <map>
#include <set>
#include <utility>

#include "broker/group/deleted_topics.h"
#include "broker/group/log_batch.h"
#include "broker/group/partition_load.h"
#include "broker/group/snapshot_keeper.h"
#include "broker/replica/coordinator_load.h"
#include "broker/replica/replicas.h"
#include "broker/storage/log_walk.h"
#include "common/env/deadline_timer.h"
#include "common/metrics/group_metrics.h"
#include "common/metrics/recent.h"

namespace ottla::group {
namespace {

using std::chrono::milliseconds;

/// Between two looks at what is not told to us: deleted topics, sizes for the gauges.
constexpr milliseconds kLookAround{1'000};

TopicPartition offsets_partition(std::int32_t partition) {
  return {kOffsetsTopic, partition};
}

}  // namespace

class GroupCoordinator::Inner final : public OffsetsLog,
                                      public std::enable_shared_from_this<Inner> {
 public:
  Inner(GroupConfig config, Dependencies with)
      : config_(config),
        with_(with),
        own_registry_(with.metrics == nullptr ? std::make_unique<metrics::Registry>() : nullptr),
        registry_(own_registry_ ? *own_registry_ : *with.metrics),
        load_ms_(registry_.histogram(metrics::kGroupLoadMs)),
        recent_load_ms_(
            registry_, metrics::kGroupLoadAverageMs, metrics::kGroupLoadLongestMs,
            [&clock = with_.clock] {
              return std::chrono::duration<double>(clock.now().time_since_epoch()).count();
            }),
        core_(config_, with.clock, with.random, *this,
              {.commits = registry_.counter(metrics::kOffsetCommits),
               .expirations = registry_.counter(metrics::kOffsetExpirations),
               .deletions = registry_.counter(metrics::kOffsetDeletions),
               .completed_rebalances = registry_.counter(metrics::kGroupCompletedRebalances)}),
        timer_(with_.clock, with_.loop) {}

  void start(replica::Replicas& replicas) {
    replicas_ = &replicas;
    register_gauges();
    with_.loop.post([self = shared_from_this()] {
      self->look_around();
      self->expire_later();
      self->keep_snapshots();
    });
  }

  void stop() {
    stopped_ = true;
    gauges_.clear();
    with_.loop.post([self = shared_from_this()] {
      self->timer_.cancel();
      self->look_timer_.reset();
      self->expiry_timer_.reset();
      self->loads_.clear();
      if (self->snapshots_) self->snapshots_->stop();
    });
  }

  template <class F>
  void run(F work) {
    with_.loop.post([self = shared_from_this(), work = std::move(work)]() mutable {
      if (self->stopped_) return;
      self->core_.set_partition_count(self->partition_count());
      work(self->core_);
      self->arm_timer();
    });
  }

  void elected(std::int32_t partition, LeaderEpoch epoch) {
    if (stopped_ || !core_.begin_loading(partition, epoch)) return;
    LOG(INFO) << "[" << offsets_partition(partition) << "] its groups are loaded, leader epoch "
              << epoch;
    load(partition, epoch);
  }

  void resigned(std::int32_t partition, LeaderEpoch epoch) {
    LOG(INFO) << "[" << offsets_partition(partition) << "] its groups are unloaded, leader epoch "
              << epoch;
    loads_.erase(partition);
    damaged_.erase(partition);
    core_.resign(partition);
  }

  // OffsetsLog, on the loop.
  void append(std::int32_t partition, LeaderEpoch epoch, std::vector<LogRecord> records,
              const std::optional<CommittingTransaction>& transaction,
              Callback<Outcome> done) override {
    std::optional<BatchProducer> producer;
    if (transaction) producer = {transaction->producer_id, transaction->producer_epoch};
    auto batch = build_batch(records, config_.codec, with_.clock.wall_now_ms(), producer);
    if (!batch) return std::move(done)({.error = batch.error().code()});
    replica::AppendRequest request;
    request.partitions.push_back({offsets_partition(partition), (*batch)->bytes(), epoch});
    if (transaction) request.partitions.back().verified = transaction->verified;
    request.owner = *batch;
    request.acks = config_.commit_acks;
    request.timeout = config_.commit_timeout;
    request.origin = record::AppendOrigin::Coordinator;
    request.internal_topics_allowed = true;
    replicas_->append(
        std::move(request), with_.loop,
        [self = shared_from_this(),
         done = std::move(done)](const replica::AppendResult& result) mutable {
          std::move(done)({.error = result[0].error, .base_offset = result[0].base_offset});
          self->arm_timer();
        });
  }

  /// Offsets of a transaction, once its coordinator knows that it reaches here (KIP-890).
  void verify_and_commit(CommitRequest request, Callback<std::vector<ErrorCode>> done) {
    const auto partition = core_.served_partition(request.group, CoordinatorCore::Naming::NotEmpty);
    if (!partition) {
      return std::move(done)(
          std::vector<ErrorCode>(request.offsets.size(), partition.error().code()));
    }
    const CommittingTransaction& transaction = *request.transaction;
    replica::TransactionCheck check{.transactional_id = transaction.transactional_id,
                                    .producer_id = transaction.producer_id,
                                    .producer_epoch = transaction.producer_epoch,
                                    .knows_abortable = transaction.knows_abortable,
                                    .adds = transaction.adds,
                                    .partitions = {{offsets_partition(*partition)}}};
    replicas_->verify_transaction(
        std::move(check), with_.loop,
        [self = shared_from_this(), request = std::move(request),
         done = std::move(done)](const std::vector<replica::VerifiedPartition>& verified) mutable {
          request.transaction->verification = verified[0].error;
          request.transaction->verified = verified[0].token;
          self->core_.commit(std::move(request), std::move(done));
          self->arm_timer();
        });
  }

  /// Tells what is remembered, once it is known that no successor has changed it by now. Readers
  /// of transactions (`require_stable`) must be certain; without enough in-sync replicas they could
  /// commit nothing anyway.
  void fetch(std::vector<FetchQuery> queries, bool require_stable,
             Callback<std::vector<FetchedOffsets>> done) {
    std::set<std::int32_t> partitions;
    for (const FetchQuery& query : queries) {
      const auto partition = core_.served_partition(query.group, CoordinatorCore::Naming::Any);
      if (partition) partitions.insert(*partition);
    }
    const auto fetch = std::make_shared<Fetch>(std::move(queries), require_stable, std::move(done),
                                               partitions.size());
    if (partitions.empty()) return answer(*fetch);
    for (const std::int32_t partition : partitions) {
      replicas_->confirm_leadership(
          offsets_partition(partition), require_stable, config_.commit_timeout, with_.loop,
          [self = shared_from_this(), fetch, partition](ErrorCode outcome) {
            if (outcome != ErrorCode::None) fetch->unconfirmed.insert(partition);
            if (--fetch->open_questions == 0 && !self->stopped_) self->answer(*fetch);
          });
    }
  }

  /// Topics that were deleted since the last look take their offsets with them. Looked for before
  /// a commit, so that none for a new topic of the same name is taken for an old one.
  void notice_deleted_topics() {
    const auto image = with_.metadata.image();
    if (image == seen_) return;
    const auto before = std::exchange(seen_, image);
    if (!before) return;
    const std::set<std::string> deleted = deleted_topics(*before, *image);
    if (!deleted.empty()) core_.forget_topics(deleted);
  }

 private:
  /// An OffsetFetch that waits.
  struct Fetch {
    Fetch(std::vector<FetchQuery> asked, bool stable, Callback<std::vector<FetchedOffsets>> reply,
          std::size_t questions)
        : queries(std::move(asked)),
          require_stable(stable),
          done(std::move(reply)),
          open_questions(questions) {}

    std::vector<FetchQuery> queries;
    bool require_stable;
    Callback<std::vector<FetchedOffsets>> done;
    std::size_t open_questions;
    std::set<std::int32_t> unconfirmed{};
  };

  void answer(Fetch& fetch) {
    std::vector<FetchedOffsets> fetched;
    for (const FetchQuery& query : fetch.queries) {
      fetched.push_back(core_.fetch(query, fetch.require_stable));
      const auto partition = core_.served_partition(query.group, CoordinatorCore::Naming::Any);
      // Clients look for the coordinator again, and go on with it; of other errors some give up.
      if (partition && fetch.unconfirmed.contains(*partition)) {
        fetched.back() = {.error = ErrorCode::NotCoordinator};
      }
    }
    std::move(fetch.done)(std::move(fetched));
  }

  /// The load is ours: it holds no reference to us.
  void load(std::int32_t partition, LeaderEpoch epoch) {
    const auto read = std::make_shared<PartitionLoad::Outcome>();
    loads_[partition] = std::make_unique<replica::CoordinatorLoad>(
        offsets_partition(partition), epoch,
        replica::CoordinatorLoad::Dependencies{
            .replicas = *replicas_, .clock = with_.clock, .loop = with_.loop},
        [weak = weak_from_this(), read](std::shared_ptr<storage::Log> log,
                                        storage::LogWalk::Torn torn,
                                        Callback<Result<storage::Walked>> done) {
          const auto self = weak.lock();
          if (!self) return;
          std::make_shared<PartitionLoad>(
              std::move(log),
              PartitionLoad::Options{.buffer_bytes = self->config_.load_buffer_bytes,
                                     .torn = torn,
                                     .files = self->with_.files},
              self->with_.io_pool)
              ->start(
                  [read, done = std::move(done)](Result<PartitionLoad::Outcome> outcome) mutable {
                    if (!outcome) return std::move(done)(fail(outcome.error()));
                    *read = *std::move(outcome);
                    std::move(done)(read->walked);
                  });
        },
        [weak = weak_from_this(), partition, epoch,
         read](const replica::CoordinatorLoad::Loaded& loaded) {
          const auto self = weak.lock();
          if (self) self->serve(partition, epoch, std::move(*read), loaded);
        });
  }

  void serve(std::int32_t partition, LeaderEpoch epoch, PartitionLoad::Outcome read,
             const replica::CoordinatorLoad::Loaded& loaded) {
    loads_.erase(partition);
    load_ms_->record(loaded.took.count());
    recent_load_ms_.record(static_cast<double>(loaded.took.count()));
    LOG(INFO) << "[" << offsets_partition(partition) << "] " << read.groups.size()
              << " groups from " << read.records << " records"
              << (read.snapshot_end == kUnknownOffset
                      ? std::string()
                      : " behind a snapshot up to offset " +
                            std::to_string(read.snapshot_end.value()))
              << " in " << loaded.took.count() << " ms, leader epoch " << epoch;
    if (read.unreadable > 0) {
      LOG(ERROR) << "[" << offsets_partition(partition) << "] " << read.unreadable
                 << " records could not be read and were left out";
    }
    if (read.unreadable > 0 || !loaded.is_whole) damaged_.insert(partition);
    core_.finish_loading(partition, epoch, std::move(read.groups), std::move(read.ended));
    arm_timer();
  }

  [[nodiscard]] std::int32_t partition_count() const {
    return with_.metadata.image()->partition_count(kOffsetsTopic, config_.topic_partitions);
  }

  void arm_timer() {
    if (stopped_) return;
    timer_.arm(core_.next_deadline(), [self = shared_from_this()] {
      self->core_.run_due();
      self->arm_timer();
    });
  }

  void look_around() {
    if (stopped_) return;
    notice_deleted_topics();
    const CoordinatorCore::Sizes sizes = core_.sizes();
    std::size_t groups = 0;
    for (const GroupState state : kGroupStates) {
      const auto found = sizes.groups.find(state);
      const std::size_t count = found == sizes.groups.end() ? 0 : found->second;
      groups += count;
      groups_[static_cast<std::size_t>(state)] = count;
    }
    all_groups_ = groups;
    offsets_ = sizes.offsets;
    partitions_loading_ = sizes.partitions_loading;
    groups_expiring_soon_ = sizes.groups_expiring_soon;
    partitions_damaged_ = damaged_.size();
    look_timer_ =
        with_.loop.post_after(kLookAround, [self = shared_from_this()] { self->look_around(); });
  }

  void keep_snapshots() {
    if (stopped_ || with_.files == nullptr) return;
    snapshots_ = std::make_shared<SnapshotKeeper>(
        config_.snapshots,
        SnapshotKeeper::Dependencies{.files = *with_.files,
                                     .clock = with_.clock,
                                     .loop = with_.loop,
                                     .io_pool = with_.io_pool,
                                     .partition_count = [weak = weak_from_this()] {
                                       const auto self = weak.lock();
                                       return self ? self->partition_count() : 0;
                                     }});
    snapshots_->start(*replicas_);
  }

  void expire_later() {
    if (stopped_) return;
    expiry_timer_ =
        with_.loop.post_after(config_.retention_check_interval, [self = shared_from_this()] {
          self->core_.expire();
          self->expire_later();
        });
  }

  void register_gauges() {
    const auto gauge = [&](const metrics::Metric& metric, const std::atomic<std::size_t>& value) {
      gauges_.push_back(
          registry_.gauge(metric, [&value] { return static_cast<double>(value.load()); }));
    };
    const auto of = [&](GroupState state) -> const std::atomic<std::size_t>& {
      return groups_[static_cast<std::size_t>(state)];
    };
    gauge(metrics::kNumGroups, all_groups_);
    gauge(metrics::kNumOffsets, offsets_);
    gauge(metrics::kNumGroupsEmpty, of(GroupState::Empty));
    gauge(metrics::kNumGroupsPreparingRebalance, of(GroupState::PreparingRebalance));
    gauge(metrics::kNumGroupsCompletingRebalance, of(GroupState::CompletingRebalance));
    gauge(metrics::kNumGroupsStable, of(GroupState::Stable));
    gauge(metrics::kNumGroupsDead, of(GroupState::Dead));
    gauge(metrics::kNumPartitionsLoading, partitions_loading_);
    gauge(metrics::kNumGroupsExpiringSoon, groups_expiring_soon_);
    gauge(metrics::kNumPartitionsDamaged, partitions_damaged_);
  }

  const GroupConfig config_;
  const Dependencies with_;
  replica::Replicas* replicas_ = nullptr;
  const std::unique_ptr<metrics::Registry> own_registry_;
  metrics::Registry& registry_;
  const std::shared_ptr<metrics::Histogram> load_ms_;
  metrics::Recent recent_load_ms_;
  std::atomic<bool> stopped_ = false;

  // On the loop.
  CoordinatorCore core_;
  env::DeadlineTimer timer_;
  env::TimerHandle look_timer_;
  env::TimerHandle expiry_timer_;
  std::map<std::int32_t, std::unique_ptr<replica::CoordinatorLoad>> loads_;
  std::set<std::int32_t> damaged_;  ///< Partitions that were not loaded as a whole.
  std::shared_ptr<const metadata::MetadataImage> seen_;
  std::shared_ptr<SnapshotKeeper> snapshots_;

  // What the gauges show: the model as it was at the last look.
  std::array<std::atomic<std::size_t>, kGroupStates.size()> groups_{};
  std::atomic<std::size_t> all_groups_ = 0;
  std::atomic<std::size_t> offsets_ = 0;
  std::atomic<std::size_t> partitions_loading_ = 0;
  std::atomic<std::size_t> groups_expiring_soon_ = 0;
  std::atomic<std::size_t> partitions_damaged_ = 0;
  std::vector<metrics::Registry::Registration> gauges_;
};

GroupCoordinator::GroupCoordinator(GroupConfig config, Dependencies dependencies)
    : inner_(std::make_shared<Inner>(config, dependencies)) {}

GroupCoordinator::~GroupCoordinator() {
  stop();
}

void GroupCoordinator::start(replica::Replicas& replicas) {
  inner_->start(replicas);
}

void GroupCoordinator::stop() {
  inner_->stop();
}

template <class F>
void GroupCoordinator::on_loop(F work) {
  inner_->run(std::move(work));
}

void GroupCoordinator::on_leader(const TopicPartition& partition, LeaderEpoch epoch) {
  if (partition.topic != kOffsetsTopic) return;
  on_loop([inner = inner_, number = partition.partition, epoch](CoordinatorCore&) {
    inner->elected(number, epoch);
  });
}

void GroupCoordinator::on_not_leader(const TopicPartition& partition, LeaderEpoch epoch) {
  if (partition.topic != kOffsetsTopic) return;
  on_loop([inner = inner_, number = partition.partition, epoch](CoordinatorCore&) {
    inner->resigned(number, epoch);
  });
}

void GroupCoordinator::on_transaction_ended(const TopicPartition& partition, ProducerId producer,
                                            bool is_commit, Offset marker_offset) {
  if (partition.topic != kOffsetsTopic) return;
  on_loop(
      [number = partition.partition, producer, is_commit, marker_offset](CoordinatorCore& core) {
        core.end_transaction(number, producer, is_commit, marker_offset);
      });
}

void GroupCoordinator::join(JoinCaller caller, protocol::JoinGroupRequest request,
                            JoinReply reply) {
  on_loop([caller = std::move(caller), request = std::move(request), reply = std::move(reply)](
              CoordinatorCore& core) mutable { core.join(caller, request, std::move(reply)); });
}

void GroupCoordinator::sync(protocol::SyncGroupRequest request, SyncReply reply) {
  on_loop([request = std::move(request), reply = std::move(reply)](CoordinatorCore& core) mutable {
    core.sync(request, std::move(reply));
  });
}

void GroupCoordinator::heartbeat(protocol::HeartbeatRequest request, Callback<ErrorCode> done) {
  on_loop([request = std::move(request), done = std::move(done)](CoordinatorCore& core) mutable {
    std::move(done)(core.heartbeat(request));
  });
}

void GroupCoordinator::leave(std::string group,
                             std::vector<protocol::LeaveGroupRequest::Member> members,
                             Callback<protocol::LeaveGroupResponse> done) {
  on_loop([group = std::move(group), members = std::move(members), done = std::move(done)](
              CoordinatorCore& core) mutable { std::move(done)(core.leave(group, members)); });
}

void GroupCoordinator::commit(CommitRequest request, Callback<std::vector<ErrorCode>> done) {
  on_loop([inner = inner_, request = std::move(request),
           done = std::move(done)](CoordinatorCore& core) mutable {
    inner->notice_deleted_topics();
    if (request.transaction) return inner->verify_and_commit(std::move(request), std::move(done));
    core.commit(std::move(request), std::move(done));
  });
}

void GroupCoordinator::fetch(std::vector<FetchQuery> queries, bool require_stable,
                             Callback<std::vector<FetchedOffsets>> done) {
  on_loop([inner = inner_, queries = std::move(queries), require_stable,
           done = std::move(done)](CoordinatorCore&) mutable {
    inner->fetch(std::move(queries), require_stable, std::move(done));
  });
}

void GroupCoordinator::delete_offsets(std::string group, std::vector<TopicPartition> partitions,
                                      Callback<DeletedOffsets> done) {
  on_loop([group = std::move(group), partitions = std::move(partitions),
           done = std::move(done)](CoordinatorCore& core) mutable {
    core.delete_offsets(group, std::move(partitions), std::move(done));
  });
}

void GroupCoordinator::explain(std::string group, Callback<const GroupAccount&> done) {
  on_loop([group = std::move(group), done = std::move(done)](CoordinatorCore& core) mutable {
    std::move(done)(core.explain(group));
  });
}

void GroupCoordinator::describe(std::vector<std::string> groups,
                                Callback<std::vector<GroupDescription>> done) {
  on_loop([groups = std::move(groups), done = std::move(done)](CoordinatorCore& core) mutable {
    std::vector<GroupDescription> descriptions;
    for (const std::string& group : groups) descriptions.push_back(core.describe(group));
    std::move(done)(std::move(descriptions));
  });
}

void GroupCoordinator::list(std::vector<std::string> states, Callback<GroupList> done) {
  on_loop([states = std::move(states), done = std::move(done)](CoordinatorCore& core) mutable {
    std::move(done)(core.list(states));
  });
}

namespace {

/// Gathers the outcomes of several deletions.
struct Deletions {
  std::vector<ErrorCode> outcomes;
  std::size_t left = 0;
  Callback<std::vector<ErrorCode>> done;

  void settle(std::size_t index, ErrorCode outcome) {
    outcomes[index] = outcome;
    if (--left == 0) std::move(done)(std::move(outcomes));
  }
};

}  // namespace

void GroupCoordinator::delete_groups(std::vector<std::string> groups,
                                     Callback<std::vector<ErrorCode>> done) {
  on_loop([groups = std::move(groups), done = std::move(done)](CoordinatorCore& core) mutable {
    if (groups.empty()) return std::move(done)({});
    const auto deletions = std::make_shared<Deletions>();
    deletions->outcomes.resize(groups.size(), ErrorCode::None);
    deletions->left = groups.size();
    deletions->done = std::move(done);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      core.delete_group(groups[i],
                        [deletions, i](ErrorCode outcome) { deletions->settle(i, outcome); });
    }
  });
}

}  // namespace ottla::group
