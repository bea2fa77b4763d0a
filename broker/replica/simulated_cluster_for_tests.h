#pragma once

#include <glog/logging.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/metadata/metadata_cache.h"
#include "broker/quota/replication_quota.h"
#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "broker/replica/simulated_streams_for_tests.h"
#include "broker/storage/log.h"
#include "broker/storage/log_store.h"
#include "common/record/record_batch_builder.h"
#include "common/record/records.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

/// Real replicas over real logs on simulated disks, with a small controller that keeps the truth as
/// ZooKeeper would. For tests only.
namespace ottla::replica {

inline const std::string kTopic = "orders";
inline const TopicId kTopicId{17, 4};
inline constexpr BrokerId kOne{1};
inline constexpr BrokerId kTwo{2};
inline constexpr BrokerId kThree{3};

class SimulatedCluster {
 public:
  struct Options {
    int brokers = 3;
    int partitions = 1;
    std::int32_t min_insync_replicas = 2;
    std::chrono::milliseconds max_lag{500};
    bool lossy_controller = false;  ///< ISR requests and their answers get lost.
    bool rack_aware = false;
    TopicId topic_id = kTopicId;
    std::uint64_t stream_window_bytes = 8 << 20;
    std::string topic = kTopic;
    TransactionEndListener* transaction_ends = nullptr;   ///< Of all brokers.
    TransactionVerifier* transaction_verifier = nullptr;  ///< Of all brokers.
    std::function<bool()> verifies_transactions{};
  };
  struct Process;
  /// What runs on the replicas of a broker: a coordinator.
  class Tenants {
   public:
    virtual ~Tenants() = default;
    /// Null: nobody listens.
    virtual LeadershipListener* move_in(BrokerId broker, Process& process) = 0;
    virtual void start(BrokerId broker, Process& process) = 0;
    /// The process is gone at once.
    virtual void crash(BrokerId broker) = 0;
  };

  SimulatedCluster(std::uint64_t seed, Options options, Tenants* tenants = nullptr)
      : world(seed),
        streams(world),
        topic_id(options.topic_id),
        options_(options),
        tenants_(tenants),
        controller_(world.make_executor()) {
    for (std::int32_t p = 0; p < options_.partitions; ++p) {
      cluster::PartitionState state{.leader = BrokerId(1 + p % options_.brokers),
                                    .leader_epoch = LeaderEpoch(0)};
      cluster::Assignment assignment;
      for (int b = 1; b <= options_.brokers; ++b) assignment.replicas.push_back(BrokerId(b));
      state.isr = assignment.replicas;
      states_.push_back(state);
      assignments_.push_back(assignment);
    }
    for (int b = 1; b <= options_.brokers; ++b) {
      disks_[BrokerId(b)] =
          std::make_unique<testing::SimulatedFileSystem>(seed + 1000U * static_cast<unsigned>(b));
    }
    for (int b = 1; b <= options_.brokers; ++b) start(BrokerId(b));
  }
  ~SimulatedCluster() {
    for (int b = 1; b <= options_.brokers; ++b) {
      if (is_up(BrokerId(b))) drop_process(BrokerId(b));
    }
  }

  class IsrClient final : public IsrChanges {
   public:
    IsrClient(SimulatedCluster& cluster, BrokerId broker) : cluster_(cluster), broker_(broker) {}
    void alter(std::vector<rpc::AlterPartition> partitions,
               Callback<Result<rpc::AlterPartitionReply>> done) override {
      cluster_.alter(broker_, std::move(partitions), std::move(done));
    }

   private:
    SimulatedCluster& cluster_;
    BrokerId broker_;
  };
  class Configs final : public TopicConfigs {
   public:
    Configs(std::int32_t min_isr, const SimulatedCluster& cluster)
        : min_isr_(min_isr), cluster_(cluster) {}
    TopicConfig topic_config(const std::string&) const override {
      return {.log = std::make_shared<storage::LogConfig>(),
              .min_insync_replicas = min_isr_,
              .leader_throttled = quota::ThrottledReplicas::parse(cluster_.leader_throttled),
              .follower_throttled = quota::ThrottledReplicas::parse(cluster_.follower_throttled)};
    }

   private:
    std::int32_t min_isr_;
    const SimulatedCluster& cluster_;
  };

  /// One broker's process.
  struct Process {
    BrokerEpoch epoch;
    std::unique_ptr<env::Executor> control;
    std::unique_ptr<env::Executor> stream;
    std::unique_ptr<env::Executor> io;
    std::unique_ptr<env::Executor> clients;
    std::unique_ptr<rpc::ReplicationTransport> transport;
    std::unique_ptr<IsrClient> isr;
    std::unique_ptr<Configs> configs;
    metadata::MetadataCache metadata;
    std::unique_ptr<storage::LogStore> logs;
    std::unique_ptr<Replicas> replicas;
  };

  // Brokers.

  void start(BrokerId broker) {
    auto process = std::make_unique<Process>();
    process->epoch = BrokerEpoch(++last_epoch_);
    process->control = world.make_executor();
    process->stream = world.make_executor();
    process->io = world.make_executor();
    process->clients = world.make_executor();
    process->transport = streams.transport();
    process->isr = std::make_unique<IsrClient>(*this, broker);
    process->configs = std::make_unique<Configs>(options_.min_insync_replicas, *this);
    auto logs = storage::LogStore::open(
        *disks_.at(broker), world.clock(), world.random(), *process->io,
        {.directories = {"/logs"},
         .high_watermark_checkpoint_interval = std::chrono::milliseconds(200),
         .directory_check_interval = std::chrono::milliseconds(200)},
        [this, broker](const std::string& directory, const Error&) {
          if (is_up(broker)) processes_.at(broker)->replicas->log_directory_failed(directory);
        });
    CHECK(logs) << logs.error();
    process->logs = *std::move(logs);
    bool loaded = false;
    process->logs->load(
        [](const std::string&) { return std::make_shared<const storage::LogConfig>(); },
        [&](const Result<std::vector<storage::DirectoryLoad>>& result) {
          CHECK(result) << result.error();
          loaded = true;
        });
    CHECK(world.run_until_true([&] { return loaded; }, std::chrono::seconds(10)));
    process->replicas = std::make_unique<Replicas>(
        ReplicasConfig{.broker = broker,
                       .replica_lag_time_max = options_.max_lag,
                       .stream_window_bytes = options_.stream_window_bytes,
                       .rack_aware_fetch = options_.rack_aware},
        Replicas::Dependencies{
            .clock = world.clock(),
            .executors = {*process->control, {process->stream.get()}, *process->io},
            .logs = *process->logs,
            .metadata = process->metadata,
            .topics = *process->configs,
            .isr_changes = *process->isr,
            .transport = *process->transport,
            .leadership = tenants_ == nullptr ? std::vector<LeadershipListener*>{}
                                              : std::vector{tenants_->move_in(broker, *process)},
            .offline_replicas_changed = [this, broker] { ++told_of_offline_replicas[broker]; },
            .leader_throttled_rate = [this] { return leader_throttled_rate; },
            .follower_throttled_rate = [this] { return follower_throttled_rate; },
            .cold_read_rate_per_client = [this] { return cold_read_rate; },
            .transaction_ends = options_.transaction_ends,
            .transaction_verifier = options_.transaction_verifier,
            .verifies_transactions = options_.verifies_transactions});
    if (tenants_ != nullptr) tenants_->start(broker, *process);
    process->replicas->set_broker_epoch(process->epoch);
    process->replicas->start();
    process->logs->start([replicas = process->replicas.get()](const TopicPartition& name) {
      return replicas->high_watermark(name);
    });
    streams.attach(broker, *process->replicas);
    processes_[broker] = std::move(process);
    for (std::size_t p = 0; p < states_.size(); ++p) {
      if (states_[p].leader == kNoBroker && states_[p].in_isr(broker)) elect(p, broker);
    }
    broadcast(broker);
  }

  /// kill -9. The controller hears of it at once.
  void crash(BrokerId broker) {
    drop_process(broker);
    disks_.at(broker)->crash_process();
    for (std::size_t p = 0; p < states_.size(); ++p) remove_dead(p, broker);
    broadcast();
  }

  [[nodiscard]] bool is_up(BrokerId broker) const { return processes_.contains(broker); }
  [[nodiscard]] Process& process(BrokerId broker) { return *processes_.at(broker); }
  [[nodiscard]] Replicas& replicas(BrokerId broker) { return *processes_.at(broker)->replicas; }
  [[nodiscard]] testing::SimulatedFileSystem& disk(BrokerId broker) { return *disks_.at(broker); }
  [[nodiscard]] std::shared_ptr<Partition> partition(BrokerId broker, std::int32_t number = 0) {
    return is_up(broker) ? replicas(broker).partition({options_.topic, number}) : nullptr;
  }
  [[nodiscard]] std::shared_ptr<storage::Log> log(BrokerId broker, std::int32_t number = 0) {
    const auto found = partition(broker, number);
    return found ? found->view().log : nullptr;
  }

  // The controller.

  [[nodiscard]] const cluster::PartitionState& state(std::size_t p = 0) const { return states_[p]; }
  [[nodiscard]] int partitions() const { return options_.partitions; }

  /// Another leader; `broker` must be live. In the ISR: clean.
  void elect(std::size_t p, BrokerId broker, bool unclean = false) {
    cluster::PartitionState& state = states_[p];
    state.leader = broker;
    state.leader_epoch = state.leader_epoch.next();
    state.partition_epoch = state.partition_epoch.next();
    if (unclean) state.isr = {broker};
    broadcast_partition(p);
  }
  /// A reassignment begins or ends: nothing changes but the assignment.
  void assign(std::size_t p, cluster::Assignment assignment) {
    assignments_[p] = std::move(assignment);
    broadcast_partition(p);
  }
  /// Takes a live broker out of the ISR, as the controller does with a suspect.
  void put_out(std::size_t p, BrokerId broker) {
    std::erase(states_[p].isr, broker);
    states_[p].partition_epoch = states_[p].partition_epoch.next();
    broadcast_partition(p);
  }
  /// Quotas of replication, of all brokers; the lists as in the topic's config.
  std::optional<std::int64_t> cold_read_rate;
  std::int64_t leader_throttled_rate = quota::ReplicationQuota::kUnlimited;
  std::int64_t follower_throttled_rate = quota::ReplicationQuota::kUnlimited;
  std::vector<std::string> leader_throttled;
  std::vector<std::string> follower_throttled;
  void throttle_everything() {
    leader_throttled = follower_throttled = {"*"};
    for (const auto& [id, process] : processes_) {
      process->replicas->topic_config_changed(options_.topic);
    }
  }
  void calm() { options_.lossy_controller = false; }
  /// Brokers that the controller lets join no ISR.
  std::set<BrokerId> suspects;
  int isr_requests_decided = 0;
  /// Brokers that hear nothing from the controller.
  std::set<BrokerId> uninformed;
  /// They hear everything again.
  void inform_all() {
    for (const BrokerId broker : std::exchange(uninformed, {})) {
      if (is_up(broker)) send_update(broker, all_partitions(), /*full=*/true);
    }
  }
  /// How often each broker told that replicas have taken their role late.
  std::map<BrokerId, int> told_of_offline_replicas;
  /// ISR requests get no answer while this is set.
  bool controller_is_deaf = false;

  [[nodiscard]] std::vector<cluster::Broker> live_brokers() const {
    std::vector<cluster::Broker> brokers;
    for (const auto& [id, process] : processes_) {
      brokers.push_back({.id = id,
                         .epoch = process->epoch,
                         .rack = "rack-" + std::to_string(id.value()),
                         .grpc_endpoint = "broker-" + std::to_string(id.value())});
    }
    return brokers;
  }
  void broadcast(BrokerId full_to = kNoBroker) {
    for (const auto& [id, process] : processes_) send_update(id, all_partitions(), id == full_to);
  }
  [[nodiscard]] rpc::ClusterUpdate update_for(BrokerId broker,
                                              const std::vector<std::size_t>& which,
                                              bool full) const {
    rpc::ClusterUpdate update{.controller = BrokerId(1),
                              .controller_epoch = ControllerEpoch(1),
                              .receiver_epoch = processes_.at(broker)->epoch,
                              .full = full,
                              .live_brokers = live_brokers()};
    rpc::TopicUpdate topic{.name = options_.topic, .id = topic_id, .partitions = {}};
    for (const std::size_t p : which) {
      topic.partitions.push_back({.partition = static_cast<std::int32_t>(p),
                                  .assignment = assignments_[p],
                                  .state = states_[p],
                                  // When the first process of each broker was registered.
                                  .created_since = update.receiver_epoch.value() <=
                                                   kBeforeTheFirstEpoch + options_.brokers});
    }
    update.topics.push_back(topic);
    return update;
  }

  // Clients.

  [[nodiscard]] SharedBuffer batch_of(const std::vector<std::string>& values) {
    record::RecordBatchBuilder builder({});
    for (const std::string& value : values) {
      builder.append(world.clock().wall_now_ms(), std::nullopt, as_bytes(value));
    }
    return builder.build().value();
  }
  /// Appends on the broker's client loop; `done` may never be called if the broker crashes.
  void append(BrokerId broker, std::int32_t number, const std::vector<std::string>& values,
              Acks acks, Callback<AppendedPartition> done,
              std::chrono::milliseconds timeout = std::chrono::seconds(1)) {
    Process& target = process(broker);
    target.clients->post(
        [&target, this, number, values, acks, timeout, done = std::move(done)]() mutable {
          const SharedBuffer batch = batch_of(values);
          AppendRequest request{
              .partitions = {{.partition = {options_.topic, number}, .records = batch->bytes()}},
              .owner = batch,
              .acks = acks,
              .timeout = timeout};
          target.replicas->append(std::move(request), *target.clients,
                                  [done = std::move(done)](AppendResult result) mutable {
                                    std::move(done)(std::move(result.at(0)));
                                  });
        });
  }
  /// Appends and runs the world until the answer.
  AppendedPartition append_and_wait(BrokerId broker, const std::vector<std::string>& values,
                                    Acks acks = Acks::All, std::int32_t number = 0) {
    std::optional<AppendedPartition> answer;
    append(broker, number, values, acks,
           [&](AppendedPartition result) { answer = std::move(result); });
    CHECK(world.run_until_true([&] { return answer.has_value(); }, std::chrono::seconds(5)));
    return *answer;
  }

  /// The values in a log, by offset.
  [[nodiscard]] std::map<std::int64_t, std::string> values(const storage::Log& log) const {
    std::map<std::int64_t, std::string> result;
    Offset at = log.log_start_offset();
    while (at < log.log_end_offset()) {
      const auto data = log.read(at, {.whole_batches = true});
      CHECK(data) << data.error();
      const SharedBuffer bytes = storage::read_slice(data->records).value();
      record::BatchIterator batches(bytes->bytes());
      while (const auto batch = batches.next().value()) {
        auto reader = record::RecordReader::open(*batch).value();
        record::Record record;
        while (reader.next(record).value()) {
          result[record.offset.value()] = std::string(as_text(record.value.value()));
        }
        at = batch->next_offset();
      }
    }
    return result;
  }

  testing::SimulatedWorld world;
  SimulatedStreams streams;
  TopicId topic_id;  ///< As the next updates tell it.

 private:
  void drop_process(BrokerId broker) {
    streams.detach(broker);
    if (tenants_ != nullptr) tenants_->crash(broker);
    const std::unique_ptr<Process> process = std::move(processes_.at(broker));
    processes_.erase(broker);
    // A crash: nothing of it runs any more.
    process->control.reset();
    process->stream.reset();
    process->io.reset();
    process->clients.reset();
  }
  void remove_dead(std::size_t p, BrokerId broker) {
    cluster::PartitionState& state = states_[p];
    if (state.in_isr(broker) && state.isr.size() > 1) std::erase(state.isr, broker);
    state.partition_epoch = state.partition_epoch.next();
    if (state.leader != broker) return;
    state.leader_epoch = state.leader_epoch.next();
    state.leader = kNoBroker;
    for (const BrokerId candidate : state.isr) {
      if (is_up(candidate)) {
        state.leader = candidate;
        break;
      }
    }
  }
  [[nodiscard]] std::vector<std::size_t> all_partitions() const {
    std::vector<std::size_t> all(states_.size());
    for (std::size_t p = 0; p < all.size(); ++p) all[p] = p;
    return all;
  }
  void broadcast_partition(std::size_t p) {
    for (const auto& [id, process] : processes_) send_update(id, {p}, false);
  }
  void later(env::Duration delay, Task task) {
    const std::uint64_t id = ++last_timer_;
    timers_[id] = controller_->post_after(delay, [this, id, task = std::move(task)]() mutable {
      const env::TimerHandle done = std::move(timers_[id]);
      timers_.erase(id);
      std::move(task)();
    });
  }
  [[nodiscard]] env::Duration draw_delay() {
    return std::chrono::microseconds(100 + world.random().below(3000)) +
           (world.random().below(20) == 0 ? std::chrono::milliseconds(30) : env::Duration{});
  }
  /// In order for each broker.
  void send_update(BrokerId broker, const std::vector<std::size_t>& which, bool full) {
    env::MonotonicTime& last = last_update_[broker];
    last = std::max(last, world.now() + draw_delay());
    later(last - world.now(), [this, broker, epoch = processes_.at(broker)->epoch,
                               update = update_for(broker, which, full)]() mutable {
      if (!is_up(broker) || process(broker).epoch != epoch) return;
      if (uninformed.contains(broker)) return;
      replicas(broker).update_cluster(std::move(update), [](const rpc::ClusterUpdateReply&) {});
    });
  }

  void alter(BrokerId broker, std::vector<rpc::AlterPartition> wanted,
             Callback<Result<rpc::AlterPartitionReply>> done) {
    auto answer = [this, broker, epoch = process(broker).epoch,
                   done = std::move(done)](Result<rpc::AlterPartitionReply> reply) mutable {
      const bool still_there = is_up(broker) && process(broker).epoch == epoch;
      if (still_there) std::move(done)(std::move(reply));
    };
    const auto shared = std::make_shared<std::decay_t<decltype(answer)>>(std::move(answer));
    const auto lost = [this] { return options_.lossy_controller && world.random().below(5) == 0; };
    if (controller_is_deaf || lost()) {
      return later(std::chrono::milliseconds(50),
                   [shared] { (*shared)(fail(ErrorCode::NetworkException)); });
    }
    later(draw_delay(), [this, broker, wanted = std::move(wanted), shared, lost] {
      rpc::AlterPartitionReply reply = decide(broker, wanted);
      later(draw_delay(), [reply = std::move(reply), shared, is_lost = lost()] {
        if (is_lost) {
          (*shared)(fail(ErrorCode::NetworkException));
        } else {
          (*shared)(reply);
        }
      });
    });
  }
  rpc::AlterPartitionReply decide(BrokerId broker, const std::vector<rpc::AlterPartition>& wanted) {
    rpc::AlterPartitionReply reply;
    for (const rpc::AlterPartition& request : wanted) {
      ++isr_requests_decided;
      const auto p = static_cast<std::size_t>(request.partition);
      cluster::PartitionState& state = states_.at(p);
      std::vector<BrokerId> isr;
      bool eligible = true;
      for (const rpc::IsrMember& member : request.new_isr) {
        isr.push_back(member.broker);
        if (state.in_isr(member.broker)) continue;
        eligible = eligible && is_up(member.broker) && !suspects.contains(member.broker) &&
                   process(member.broker).epoch == member.broker_epoch;
      }
      rpc::AlterPartitionOutcome outcome{
          .topic = request.topic, .topic_id = request.topic_id, .partition = request.partition};
      if (state.leader != broker || request.leader_epoch != state.leader_epoch) {
        outcome.error = ErrorCode::FencedLeaderEpoch;
      } else if (isr == state.isr && request.partition_epoch < state.partition_epoch) {
        // Already so: a repeated request.
      } else if (request.partition_epoch != state.partition_epoch) {
        outcome.error = ErrorCode::InvalidUpdateVersion;
      } else if (!eligible) {
        outcome.error = ErrorCode::IneligibleReplica;
      } else {
        state.isr = isr;
        state.partition_epoch = state.partition_epoch.next();
        broadcast_partition(p);
      }
      outcome.state = state;
      reply.partitions.push_back(outcome);
    }
    return reply;
  }

  Options options_;
  Tenants* const tenants_;
  std::unique_ptr<env::Executor> controller_;
  std::map<std::uint64_t, env::TimerHandle> timers_;
  std::uint64_t last_timer_ = 0;
  static constexpr std::int64_t kBeforeTheFirstEpoch = 100;
  std::int64_t last_epoch_ = kBeforeTheFirstEpoch;
  std::map<BrokerId, env::MonotonicTime> last_update_;
  std::vector<cluster::PartitionState> states_;
  std::vector<cluster::Assignment> assignments_;
  std::map<BrokerId, std::unique_ptr<testing::SimulatedFileSystem>> disks_;
  std::map<BrokerId, std::unique_ptr<Process>> processes_;
};

}  // namespace ottla::replica
