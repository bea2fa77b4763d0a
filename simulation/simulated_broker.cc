#include "simulation/simulated_broker.h"

#include <glog/logging.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "broker/api/producer_ids.h"
#include "broker/controller_channel.h"
#include "broker/group/group_coordinator.h"
#include "broker/hand_over.h"
#include "broker/last_stop.h"
#include "broker/membership/cluster_entry.h"
#include "broker/membership/directory_id.h"
#include "broker/membership/failure_notice.h"
#include "broker/membership/membership_metrics.h"
#include "broker/membership/registration.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/peer_watch.h"
#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "broker/slow_replicas.h"
#include "broker/storage/disk_probe.h"
#include "broker/transaction/transaction_coordinator.h"
#include "common/metrics/registry.h"
#include "controller/controller.h"
#include "simulation/careless_parts.h"
#include "simulation/deliberate_bugs.h"
#include "simulation/hasty_isr_changes.h"
#include "simulation/lone_isr_changes.h"
#include "simulation/nameless_isr_changes.h"
#include "simulation/topic_catalog.h"
#include "simulation/unfenced_client.h"

namespace ottla::simulation {
namespace {

/// controlled.shutdown.max.retries x controlled.shutdown.retry.backoff.ms, as they are by default.
constexpr env::Duration kHandOverPatience = std::chrono::seconds(15);
/// A broker epoch that is never reached.
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

}  // namespace

/// One start of the broker: everything that dies with the process. Parts are declared in the order
/// in which they are built.
class SimulatedBroker::Process final : private membership::RegistrationListener,
                                       private rpc::BrokerControl {
 public:
  Process(SimulatedBroker& broker, std::string start_nonce)
      : broker_(broker),
        in_(broker.in_),
        start_nonce_(std::move(start_nonce)),
        random_(in_.world.random().next()),
        loop_(make_executor()),
        io_(make_executor()),
        replica_control_(make_executor()),
        replica_stream_(make_executor()),
        controller_loop_(make_executor()),
        group_loop_(make_executor()),
        transaction_loop_(make_executor()),
        client_(make_client()),
        entry_(*client_, loop_, random_, {.broker_id = broker.id()}),
        registration_(*client_, loop_, in_.world.clock(), random_, *this),
        failure_notice_(*client_, loop_, random_, broker.id()),
        peers_(in_.network.peers_of(endpoint())),
        transaction_peers_(in_.network.transaction_peers_of(endpoint())),
        liveness_(in_.network.liveness_of(endpoint())),
        transport_(in_.network.transport_of(endpoint())),
        on_disk_{&io_} {
    client_->add_listener(registration_);
    client_->add_listener(session_);
  }

  void start() {
    auto opened = storage::LogStore::open(
        in_.files, in_.world.clock(), random_, io_, broker_.config_.logs,
        [this](const std::string& directory, const Error&) { log_dir_failed(directory); });
    if (!opened) return fail_to_start(opened.error());
    logs_ = *std::move(opened);
    last_stop_ = broker::last_stop_of(logs_->shutdown_kind());
    if (in_.bugs.has(Bug::ForgetsHostCrashes) && last_stop_ == cluster::LastStop::HostCrash) {
      last_stop_ = cluster::LastStop::ProcessCrash;
    }
    build();
    client_->start();
    enter_cluster();
  }

  void shut_down() {
    if (std::exchange(shutting_down_, true)) return;
    if (!registered_) return stop_parts();
    hand_over();
  }

  [[nodiscard]] bool is_serving() const { return registered_ && !shutting_down_; }
  [[nodiscard]] bool is_loaded() const { return loaded_; }
  replica::Replicas* replicas() { return loaded_ ? replicas_.get() : nullptr; }
  controller::Controller* controller() { return controller_.get(); }
  group::GroupCoordinator* groups() { return loaded_ ? groups_.get() : nullptr; }
  transaction::TransactionCoordinator* transactions() {
    return loaded_ ? transactions_.get() : nullptr;
  }
  storage::LogStore* logs() { return loaded_ ? logs_.get() : nullptr; }
  std::shared_ptr<const metadata::MetadataImage> image() const { return metadata_.image(); }
  env::Executor& loop() { return loop_; }

  void topic_config_changed(const std::string& topic) {
    if (!loaded_) return;  // it reads them when it gets there
    replicas_->topic_config_changed(topic);
    controller_->topic_config_changed(topic);
  }

  void slow_down_disk(env::Duration longest) {
    for (MortalExecutor* const executor : on_disk_) executor->slow_down(longest);
  }
  void stall_disk(bool stalled) {
    for (MortalExecutor* const executor : on_disk_) executor->stall(stalled);
    replica_stream_.stall(stalled);
  }

  [[nodiscard]] std::string endpoint() const { return broker_.name() + ":9093"; }

 private:
  std::unique_ptr<zookeeper::Client> make_client() {
    auto client = in_.zookeeper.make_client(broker_.name());
    if (!in_.bugs.has(Bug::WritesUnfenced)) return client;
    return std::make_unique<UnfencedClient>(std::move(client));
  }

  MortalExecutor& make_executor() {
    broker_.executors_.push_back(std::make_unique<MortalExecutor>(in_.world, broker_.process_id()));
    return *broker_.executors_.back();
  }

  void fail_to_start(const Error& cause) {
    LOG(ERROR) << broker_.name() << " cannot start: " << cause;
    broker_.end_soon();
  }

  void build() {
    peer_watch_ = std::make_unique<broker::PeerWatch>(broker_.id(), *liveness_, metadata_,
                                                      in_.world.clock(), loop_);
    controller_ = std::make_unique<controller::Controller>(
        broker_.config_.controller,
        controller::Controller::World{*client_, controller_loop_, in_.world.clock(), random_,
                                      *peers_, *liveness_, nullptr, peer_watch_.get(),
                                      [this](const cluster::Topic& topic) {
                                        return metadata_.told_image()->states_of(topic);
                                      },
                                      [this](const std::string& name) {
                                        const auto topic = metadata_.told_image()->topic(name);
                                        return topic ? topic->id : TopicId{};
                                      }});
    channel_ = std::make_unique<broker::ControllerChannel>(
        broker_.id(), broker_.config_.request_timeout, *controller_, metadata_, *peers_);
    build_coordinators();
    replicas_ = std::make_unique<replica::Replicas>(
        broker_.config_.replicas,
        replica::Replicas::Dependencies{
            .clock = in_.world.clock(),
            .executors = {replica_control_, {&replica_stream_}, io_},
            .logs = *logs_,
            .metadata = metadata_,
            .topics = topics(),
            .isr_changes = isr_changes(),
            .transport = *transport_,
            .leadership = {groups_.get(), transaction_leadership_},
            .offline_replicas_changed = [this] { loop_.post([this] { failure_notice_.post(); }); },
            .leader_throttled_rate = [this] { return in_.topics.replication_rate(); },
            .follower_throttled_rate = [this] { return in_.topics.replication_rate(); },
            .transaction_ends = groups_.get(),
            .transaction_verifier = transaction_verifier_});
    if (in_.bugs.has(Bug::FeedsFollowersOfOtherEpochs)) blind_feeds_.emplace(*replicas_);
    groups_->start(*replicas_);
    transactions_->start(*replicas_);
  }

  void build_coordinators() {
    groups_ = std::make_unique<group::GroupCoordinator>(
        broker_.config_.groups, group::GroupCoordinator::Dependencies{.clock = in_.world.clock(),
                                                                      .random = random_,
                                                                      .loop = group_loop_,
                                                                      .io_pool = io_,
                                                                      .metadata = metadata_});
    transactional_ids_ = std::make_unique<api::ProducerIds>(*channel_);
    transactions_ = std::make_unique<transaction::TransactionCoordinator>(
        broker_.config_.transactions,
        transaction::TransactionCoordinator::Dependencies{.self = broker_.id(),
                                                          .nonce = start_nonce_,
                                                          .clock = in_.world.clock(),
                                                          .loop = transaction_loop_,
                                                          .io_pool = io_,
                                                          .metadata = metadata_,
                                                          .peers = *transaction_peers_,
                                                          .ids = *transactional_ids_});
    transaction_leadership_ = transactions_.get();
    transaction_control_ = transactions_.get();
    transaction_verifier_ = transactions_.get();
    if (in_.bugs.has(Bug::VerifiesNoTransactions)) {
      believing_verifier_ = std::make_unique<BelievingVerifier>(*transactions_);
      transaction_verifier_ = believing_verifier_.get();
    }
    if (in_.bugs.has(Bug::NeverResigns)) {
      eternal_leadership_ = std::make_unique<EternalLeadership>(*transactions_);
      transaction_leadership_ = eternal_leadership_.get();
    }
    if (in_.bugs.has(Bug::TakesLateMarkers)) {
      careless_markers_ = std::make_unique<UnnumberedMarkers>(*transactions_);
      transaction_control_ = careless_markers_.get();
    }
    if (in_.bugs.has(Bug::AcknowledgesMarkersEarly)) {
      careless_markers_ = std::make_unique<HastyMarkers>(*transactions_);
      transaction_control_ = careless_markers_.get();
    }
  }

  void watch_peers() {
    peer_watch_->on_silence(
        [this](BrokerId broker, bool silent) { replicas_->set_silent(broker, silent); });
    peer_watch_->on_cut_off(
        [this](std::set<BrokerId> brokers) { replicas_->set_out_of_reach(std::move(brokers)); });
  }

  void watch_disks() {
    slow_replicas_ = std::make_unique<broker::SlowReplicas>(*replicas_, *channel_, loop_);
    probe_ = std::make_unique<storage::DiskProbe>(
        broker_.config_.disk_probe, in_.files, in_.world.clock(), loop_, *logs_,
        [this] {
          auto executor = std::make_unique<MortalExecutor>(in_.world, broker_.process_id());
          on_disk_.push_back(executor.get());
          return executor;
        },
        [this] {
          if (!in_.bugs.has(Bug::KeepsSlowDisksSecret)) slow_replicas_->look();
        });
    probe_->start();
  }

  [[nodiscard]] replica::TopicConfigs& topics() {
    if (in_.bugs.has(Bug::CommitsBelowMinIsr)) return careless_topics_;
    return in_.topics;
  }

  [[nodiscard]] rpc::ReplicationService* replication() {
    if (blind_feeds_) return &*blind_feeds_;
    return replicas_.get();
  }

  replica::IsrChanges& isr_changes() {
    if (in_.bugs.has(Bug::ChangesIsrAlone)) return lone_isr_changes_;
    if (in_.bugs.has(Bug::AdmitsLaggards)) {
      hasty_isr_changes_.pass_to(*channel_);
      return hasty_isr_changes_;
    }
    if (!in_.bugs.has(Bug::IgnoresBrokerEpochs)) return *channel_;
    nameless_isr_changes_.pass_to(*channel_);
    return nameless_isr_changes_;
  }

  // Starting: the way into the cluster, the logs, the registration.

  void enter_cluster() {
    entry_.enter([this](Result<membership::ClusterIdentity> identity) {
      if (!identity) return fail_to_start(identity.error());
      if (const auto set = logs_->set_identity(broker_.id(), identity->cluster_id); !set) {
        return fail_to_start(set.error());
      }
      load_logs();
    });
  }

  void load_logs() {
    logs_->load([this](const std::string& topic) { return in_.topics.topic_config(topic).log; },
                [this](Result<std::vector<storage::DirectoryLoad>> loaded) {
                  loop_.post([this, loaded = std::move(loaded)] {
                    if (!loaded) return fail_to_start(loaded.error());
                    serve();
                  });
                });
  }

  void serve() {
    loaded_ = true;
    replicas_->start();
    logs_->start(
        [this](const TopicPartition& partition) { return replicas_->high_watermark(partition); },
        [this](const std::string& directory, Callback<> take_in) {
          loop_.post([this, directory, take_in = std::move(take_in)]() mutable {
            log_dir_returned(directory, std::move(take_in));
          });
        });
    watch_disks();
    watch_peers();
    in_.network.attach(endpoint(), {.broker = broker_.id(),
                                    .start_nonce = start_nonce_,
                                    .inbound = &loop_,
                                    .broker_control = this,
                                    .controller_control = controller_.get(),
                                    .replication = replication(),
                                    .transactions = transaction_control_});
    registered_as_ = registration_of_this_process();
    registration_.start(*registered_as_);
  }

  // Log dirs that fail alone, and come back.

  void log_dir_failed(const std::string& directory) {
    if (logs_ == nullptr) return broker_.end_soon();
    if (logs_->offline_directories().size() == broker_.config_.logs.directories.size()) {
      return broker_.end_soon();
    }
    LOG(WARNING) << broker_.name() << " goes on without " << directory;
    replicas_->log_directory_failed(directory);
    if (in_.bugs.has(Bug::KeepsFailedDirsSecret)) return;
    // After the replicas: the controller asks them next.
    replica_control_.post([this] { loop_.post([this] { failure_notice_.post(); }); });
  }

  void log_dir_returned(const std::string& directory, Callback<> take_in) {
    if (!registered_as_ || shutting_down_) return;
    LOG(WARNING) << broker_.name() << " registers anew: " << directory << " is back";
    registered_as_->last_stop = cluster::LastStop::HostCrash;
    const std::int32_t returned = ++registered_as_->log_dirs_returned;
    settles_from_ = kNever;
    replicas_->await_registration(returned, std::move(take_in));
    registration_.update(*registered_as_);
  }

  void last_stop_settled(BrokerEpoch epoch) {
    io_.post([this, epoch] {
      if (epoch.value() < settles_from_ || !logs_->confirm_boot()) return;
      loop_.post([this, epoch] {
        if (!registered_as_ || epoch.value() < settles_from_) return;
        if (registered_as_->last_stop != cluster::LastStop::HostCrash) return;
        registered_as_->last_stop = cluster::LastStop::ProcessCrash;
        registration_.update(*registered_as_);
      });
    });
  }

  // Registration.

  cluster::Broker registration_of_this_process() {
    cluster::Broker self{.id = broker_.id(),
                         .endpoints = {{"PLAINTEXT", "PLAINTEXT", broker_.name(), 9092}},
                         .timestamp_ms = in_.world.clock().wall_now_ms(),
                         .grpc_endpoint = endpoint(),
                         .start_nonce = start_nonce_,
                         .last_stop = last_stop_,
                         .boot_id = in_.files.boot_id()};
    for (const std::string& directory : broker_.config_.logs.directories) {
      const auto id = membership::directory_id(in_.files, random_, directory);
      if (id) self.directory_ids.push_back(*id);  // a failed directory has no say
    }
    return self;
  }

  void registered(BrokerEpoch epoch) override {
    registered_ = true;
    newest_receiver_ = epoch;
    replicas_->set_broker_epoch(epoch, registered_as_ ? registered_as_->log_dirs_returned : 0);
    channel_->set_broker_epoch(epoch);
    if (settles_from_ == kNever) settles_from_ = epoch.value();
    if (!std::exchange(controller_started_, true)) controller_->start();
  }
  void lost(const std::string& why) override {
    LOG(WARNING) << broker_.name() << " is not registered: " << why;
    registered_ = false;
  }

  // Stopping.

  void hand_over() {
    hand_over_ = std::make_shared<broker::HandOver>(
        broker::HandOver::Surroundings{
            .self = broker_.id(),
            .replicas = *replicas_,
            .channel = *channel_,
            .metadata = metadata_,
            .is_zookeeper_connected = [this] { return session_.connected(); },
            .clock = in_.world.clock(),
            .loop = loop_},
        broker::HandOver::Limits{.patience = kHandOverPatience,
                                 .answer_within = broker_.config_.request_timeout},
        [this](bool /*is_done*/) { stop_parts(); });
    hand_over_->start();
  }

  void stop_parts() {
    controller_->stop([this] { loop_.post([this] { stop_replicas(); }); });
  }

  void stop_replicas() {
    registered_as_.reset();
    registration_.stop();
    failure_notice_.stop();
    if (probe_) probe_->stop();
    if (peer_watch_) peer_watch_->stop();
    in_.network.detach(endpoint());
    if (transactions_) transactions_->stop();
    if (groups_) groups_->stop();
    if (!loaded_) return broker_.end_soon();
    replicas_->stop();
    logs_->shut_down([this] {
      loop_.post([this] {
        client_->close();
        broker_.end_soon();
      });
    });
  }

  // rpc::BrokerControl

  void update_cluster(rpc::ClusterUpdate update, Callback<rpc::ClusterUpdateReply> reply) override {
    if (in_.bugs.has(Bug::TruncatesToHighWatermark)) {
      replica_control_.post([this, update] { truncate_to_high_watermark(update); });
    }
    if (in_.bugs.has(Bug::TakesOutdatedCommands)) bring_up_to_date(update);
    if (in_.bugs.has(Bug::TrustsEmptyLogs)) begin_anew(update);
    if (in_.bugs.has(Bug::ForgetsEligibleLeaders)) forget_eligible_leaders(update);
    const bool settled = update.last_stop_settled;
    const ControllerEpoch controller = update.controller_epoch;
    const BrokerEpoch epoch = update.receiver_epoch;
    replicas_->update_cluster(std::move(update),
                              [this, settled, controller, epoch,
                               reply = std::move(reply)](rpc::ClusterUpdateReply told) mutable {
                                if (told.error == ErrorCode::None) {
                                  channel_->controller_spoke(controller);
                                  peer_watch_->metadata_changed();
                                }
                                if (told.error == ErrorCode::None && settled &&
                                    std::exchange(settled_epoch_, epoch) != epoch) {
                                  last_stop_settled(epoch);
                                }
                                std::move(reply)(std::move(told));
                              });
  }
  void query_replica_logs(rpc::ReplicaLogQuery query,
                          Callback<rpc::ReplicaLogAnswer> reply) override {
    if (in_.bugs.has(Bug::ForgetsLogEnds)) {
      reply = [reply = std::move(reply)](rpc::ReplicaLogAnswer answer) mutable {
        for (auto& partition : answer.partitions) {
          partition.log_end_offset = Offset(0);
          partition.last_epoch = kUnknownLeaderEpoch;
        }
        std::move(reply)(std::move(answer));
      };
    }
    replicas_->query_replica_logs(std::move(query), std::move(reply));
  }

  /// Bug::TakesOutdatedCommands: as if the newest controller had sent it just now, to this process.
  void bring_up_to_date(rpc::ClusterUpdate& update) {
    newest_controller_ = std::max(newest_controller_, update.controller_epoch);
    newest_update_ = std::max(newest_update_, update.number);
    newest_receiver_ = std::max(newest_receiver_, update.receiver_epoch);
    update.controller_epoch = newest_controller_;
    update.number = newest_update_;
    update.receiver_epoch = newest_receiver_;
  }

  /// Bug::TrustsEmptyLogs: as if what has no log were a new partition's.
  void begin_anew(rpc::ClusterUpdate& update) {
    if (!logs_->offline_directories().empty()) return;
    for (rpc::TopicUpdate& topic : update.topics) {
      for (rpc::PartitionUpdate& told : topic.partitions) {
        told.is_new |= logs_->find({topic.name, told.partition}) == nullptr;
      }
    }
  }

  /// Bug::ForgetsEligibleLeaders: as if the ISR always had min.insync.replicas members.
  static void forget_eligible_leaders(rpc::ClusterUpdate& update) {
    for (rpc::TopicUpdate& topic : update.topics) {
      for (rpc::PartitionUpdate& told : topic.partitions) {
        if (told.state.leader == kNoBroker) continue;
        told.state.eligible_leaders.clear();
        told.state.last_known_eligible_leaders.clear();
      }
    }
  }

  /// Bug::TruncatesToHighWatermark: what Kafka did before KIP-101.
  void truncate_to_high_watermark(const rpc::ClusterUpdate& update) {
    for (const rpc::TopicUpdate& topic : update.topics) {
      for (const rpc::PartitionUpdate& told : topic.partitions) {
        const auto partition = replicas_->partition({topic.name, told.partition});
        if (!partition || told.state.leader == broker_.id()) continue;
        const replica::Partition::View view = partition->view();
        if (!view.log || told.state.leader_epoch <= view.leader_epoch) continue;
        (void)view.log->truncate_to(view.high_watermark);  // a mistake has no errors to pass on
      }
    }
  }

  SimulatedBroker& broker_;
  const BrokerSurroundings& in_;
  const std::string start_nonce_;
  env::SeededRandom random_;
  MortalExecutor& loop_;
  MortalExecutor& io_;
  MortalExecutor& replica_control_;
  MortalExecutor& replica_stream_;
  MortalExecutor& controller_loop_;
  MortalExecutor& group_loop_;
  MortalExecutor& transaction_loop_;
  std::unique_ptr<zookeeper::Client> client_;
  metrics::Registry metrics_;
  membership::SessionMetrics session_{metrics_, in_.world.clock()};
  membership::ClusterEntry entry_;
  membership::BrokerRegistration registration_;
  membership::FailureNotice failure_notice_;
  std::unique_ptr<rpc::Peers> peers_;
  std::unique_ptr<rpc::TransactionPeers> transaction_peers_;
  std::unique_ptr<rpc::LivenessMonitor> liveness_;
  std::unique_ptr<rpc::ReplicationTransport> transport_;
  std::unique_ptr<storage::LogStore> logs_;
  metadata::MetadataCache metadata_;
  std::unique_ptr<broker::PeerWatch> peer_watch_;
  std::unique_ptr<controller::Controller> controller_;
  std::unique_ptr<broker::ControllerChannel> channel_;
  CarelessTopics careless_topics_{in_.topics};
  LoneIsrChanges lone_isr_changes_{broker_.id()};
  NamelessIsrChanges nameless_isr_changes_;
  HastyIsrChanges hasty_isr_changes_;
  std::optional<EpochBlindFeeds> blind_feeds_;
  // Of what Bug::TakesOutdatedCommands makes new.
  ControllerEpoch newest_controller_{-1};
  std::uint64_t newest_update_ = 0;
  BrokerEpoch newest_receiver_ = kUnknownBrokerEpoch;
  std::unique_ptr<group::GroupCoordinator> groups_;
  std::unique_ptr<api::ProducerIds> transactional_ids_;
  std::unique_ptr<transaction::TransactionCoordinator> transactions_;
  std::unique_ptr<EternalLeadership> eternal_leadership_;
  replica::LeadershipListener* transaction_leadership_ = nullptr;
  std::unique_ptr<BelievingVerifier> believing_verifier_;
  replica::TransactionVerifier* transaction_verifier_ = nullptr;
  std::unique_ptr<rpc::TransactionControl> careless_markers_;
  rpc::TransactionControl* transaction_control_ = nullptr;
  std::unique_ptr<replica::Replicas> replicas_;
  std::vector<MortalExecutor*> on_disk_;  ///< Those that wait for the disk.
  std::unique_ptr<broker::SlowReplicas> slow_replicas_;
  std::unique_ptr<storage::DiskProbe> probe_;
  std::shared_ptr<broker::HandOver> hand_over_;

  cluster::LastStop last_stop_ = cluster::LastStop::Clean;
  bool loaded_ = false;
  bool registered_ = false;
  bool controller_started_ = false;
  /// What it says of itself in ZooKeeper; nullopt before and after.
  std::optional<cluster::Broker> registered_as_;
  /// The first registration after which what was told of returned log dirs may count as settled.
  std::int64_t settles_from_ = 0;
  BrokerEpoch settled_epoch_ = kUnknownBrokerEpoch;
  bool shutting_down_ = false;
};

SimulatedBroker::SimulatedBroker(BrokerConfig config, BrokerSurroundings surroundings)
    : config_(std::move(config)), in_(surroundings), outside_(surroundings.world.make_executor()) {}

SimulatedBroker::~SimulatedBroker() {
  kill();
}

void SimulatedBroker::start() {
  if (process_) return;
  ++incarnation_;
  process_ = std::make_unique<Process>(
      *this, std::to_string(id().value()) + "." + std::to_string(incarnation_));
  process_->start();
}

void SimulatedBroker::kill() {
  if (!process_) return;
  resume();
  // First the disk: what destructors would still write does not get there.
  in_.files.crash_process();
  in_.network.detach(process_->endpoint());
  in_.zookeeper.crash(name());
  for (const auto& executor : executors_) executor->die();
  process_.reset();
}

void SimulatedBroker::end_soon() {
  outside_->post([this, incarnation = incarnation_] {
    if (incarnation == incarnation_) kill();
  });
}

void SimulatedBroker::pause() {
  if (!process_ || is_paused()) return;
  in_.world.pause(process_id());
  in_.zookeeper.pause(name());
}
void SimulatedBroker::resume() {
  if (!is_paused()) return;
  in_.world.resume(process_id());
  in_.zookeeper.resume(name());
}
bool SimulatedBroker::is_paused() const {
  return in_.world.is_paused(process_id());
}

void SimulatedBroker::slow_down_disk(env::Duration longest) {
  if (process_) process_->slow_down_disk(longest);
}
void SimulatedBroker::stall_disk(bool stalled) {
  if (process_) process_->stall_disk(stalled);
}
bool SimulatedBroker::is_slow() const {
  return process_ && process_->logs() != nullptr && !process_->logs()->slow_directories().empty();
}

void SimulatedBroker::shut_down() {
  if (process_) process_->loop().post([process = process_.get()] { process->shut_down(); });
}

void SimulatedBroker::topic_config_changed(const std::string& topic) {
  if (!process_) return;
  process_->loop().post(
      [process = process_.get(), topic] { process->topic_config_changed(topic); });
}

bool SimulatedBroker::is_serving() const {
  return process_ && process_->is_serving();
}
replica::Replicas* SimulatedBroker::replicas() {
  return process_ ? process_->replicas() : nullptr;
}
controller::Controller* SimulatedBroker::controller() {
  return process_ ? process_->controller() : nullptr;
}
group::GroupCoordinator* SimulatedBroker::groups() {
  return process_ ? process_->groups() : nullptr;
}
transaction::TransactionCoordinator* SimulatedBroker::transactions() {
  return process_ ? process_->transactions() : nullptr;
}
storage::LogStore* SimulatedBroker::logs() {
  return process_ ? process_->logs() : nullptr;
}
std::shared_ptr<const metadata::MetadataImage> SimulatedBroker::image() const {
  return process_ ? process_->image() : nullptr;
}
env::Executor* SimulatedBroker::client_loop() {
  return process_ ? &process_->loop() : nullptr;
}

}  // namespace ottla::simulation
