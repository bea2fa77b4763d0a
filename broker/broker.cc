#include "broker/broker.h"

#include <glog/logging.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "broker/api/api_server.h"
#include "broker/api/producer_ids.h"
#include "broker/api/replica_records.h"
#include "broker/api/zookeeper_configs.h"
#include "broker/api/zookeeper_offsets.h"
#include "broker/commands.h"
#include "broker/controller_channel.h"
#include "broker/group/group_coordinator.h"
#include "broker/hand_over.h"
#include "broker/http_status.h"
#include "broker/last_stop.h"
#include "broker/latch.h"
#include "broker/led_high_watermarks.h"
#include "broker/live_configs.h"
#include "broker/membership/cluster_entry.h"
#include "broker/membership/config_watcher.h"
#include "broker/membership/directory_id.h"
#include "broker/membership/failure_notice.h"
#include "broker/membership/membership_metrics.h"
#include "broker/membership/registration.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/network/network.h"
#include "broker/network/network_gauges.h"
#include "broker/peer_watch.h"
#include "broker/replica/replica_gauges.h"
#include "broker/replica/replicas.h"
#include "broker/replica/transaction_gauges.h"
#include "broker/settings.h"
#include "broker/slow_replicas.h"
#include "broker/status/leader_high_watermarks.h"
#include "broker/status/stall_watchdog.h"
#include "broker/storage/disk_probe.h"
#include "broker/storage/log_cleaner.h"
#include "broker/storage/log_dir_gauges.h"
#include "broker/storage/log_store.h"
#include "broker/topic_configs.h"
#include "broker/transaction/transaction_coordinator.h"
#include "common/config/broker_keys.h"
#include "common/config/broker_settings.h"
#include "common/config/log_keys.h"
#include "common/config/network_keys.h"
#include "common/config/ottla_keys.h"
#include "common/config/replication_keys.h"
#include "common/config/zookeeper_keys.h"
#include "common/env/file_system.h"
#include "common/env/random.h"
#include "common/env/resizable_pool.h"
#include "common/metrics/log_metrics.h"
#include "common/metrics/registry.h"
#include "common/metrics/server_metrics.h"
#include "common/rpc/grpc_high_watermarks.h"
#include "common/rpc/grpc_liveness.h"
#include "common/rpc/grpc_peers.h"
#include "common/rpc/grpc_replication.h"
#include "common/rpc/grpc_server.h"
#include "common/rpc/grpc_transactions.h"
#include "common/zookeeper/c_client.h"
#include "controller/controller.h"

namespace ottla::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A broker whose cluster has no controller yet opens its listeners after this long all the same.
constexpr seconds kFirstUpdateWait{10};
constexpr seconds kDrainConnections{2};
/// Of stopping a part that lives on an executor: it has no reason to take longer.
constexpr seconds kStopPart{10};

constexpr std::size_t kProbeThreads = 2;

/// A pool thread may be at work on a long file: this is for one whose disk does not answer.
constexpr seconds kPoolStall{30};
constexpr const char* kNetworkThread = "network-";

/// Waits for a callback of type Callback<Args...>.
template <class T>
class Awaited {
 public:
  [[nodiscard]] auto callback() {
    return [promise = promise_](T value) mutable { promise->set_value(std::move(value)); };
  }
  [[nodiscard]] T get() { return promise_->get_future().get(); }
  void wait() { promise_->get_future().wait(); }
  [[nodiscard]] std::optional<T> get_within(milliseconds timeout) {
    auto future = promise_->get_future();
    if (future.wait_for(timeout) != std::future_status::ready) return std::nullopt;
    return future.get();
  }

 private:
  std::shared_ptr<std::promise<T>> promise_ = std::make_shared<std::promise<T>>();
};

}  // namespace

/// In start order, so that destruction is the reverse.
struct Broker::Parts : public membership::ConfigListener, public membership::RegistrationListener {
  explicit Parts(config::BrokerConfig& broker_config)
      : config(broker_config),
        values(broker_config.values()),
        topic_configs(broker_config),
        replica_topic_configs(topic_configs),
        api_topic_configs(topic_configs) {}

  Result<> start();
  void stop();

  Result<> open_logs();
  void log_dir_returned(const std::string& directory, Callback<> take_in);
  void last_stop_settled(BrokerEpoch epoch);
  Result<membership::ClusterIdentity> enter_cluster();
  void follow_configs();
  Result<> load_logs();
  void build_replicas();
  Result<> open_sockets();
  Result<cluster::Broker> registration_node();
  Result<> add_addresses(const config::BrokerValues& now, cluster::Broker& node) const;
  void announce_listeners();
  void watch_threads();
  void watch_network_threads();
  void look_at_network();
  void watch_disks();
  void show_status();
  void hand_over_leadership();

  // membership::ConfigListener, on the membership loop.
  void topic_config(const std::string& topic, const zookeeper::ConfigMap& config) override;
  void broker_config(const std::string& broker, const zookeeper::ConfigMap& config) override;
  void configs_loaded() override { configs_read.open(); }

  // membership::RegistrationListener, on the membership loop.
  void registered(BrokerEpoch epoch) override;
  void lost(const std::string& why) override;

  config::BrokerConfig& config;
  const std::shared_ptr<const config::BrokerValues> values;  ///< As they were at start.

  metrics::Registry metrics;  ///< Of the whole broker: every part shows itself here.
  env::SystemClock clock;
  env::SystemRandom random;
  env::PosixFileSystem files;
  env::ResizablePool io_pool{"io", static_cast<std::size_t>(values->get(config::kNumIoThreads))};
  /// A proof of death does not queue behind cold reads and syncs.
  env::ThreadPool probe_pool{"probes", kProbeThreads};
  env::EventLoop control_loop{"replica-control"};
  env::EventLoop controller_loop{"controller"};
  env::EventLoop membership_loop{"membership"};
  env::EventLoop group_loop{"groups"};
  env::EventLoop transaction_loop{"transactions"};
  env::EventLoop watchdog_loop{"watchdog"};

  TopicConfigs topic_configs;
  ReplicaTopicConfigs replica_topic_configs;
  ApiTopicConfigs api_topic_configs;
  metadata::MetadataCache metadata;
  std::string start_nonce = random.uuid().to_string();
  membership::ClusterIdentity identity;

  std::unique_ptr<storage::LogStore> logs;
  std::unique_ptr<storage::LogCleaner> log_cleaner;
  std::unique_ptr<storage::LogDirGauges> log_dir_gauges;
  std::unique_ptr<storage::LogGauges> log_gauges;
  membership::SessionMetrics session_metrics{metrics, clock};
  std::unique_ptr<zookeeper::Client> zookeeper;
  std::unique_ptr<membership::ConfigWatcher> config_watcher;
  std::unique_ptr<membership::BrokerRegistration> registration;
  std::unique_ptr<membership::RegistrationGauge> registration_gauge;
  std::unique_ptr<membership::FailureNotice> failure_notice;
  std::unique_ptr<rpc::GrpcLivenessMonitor> liveness;
  rpc::GrpcPeers peers;
  rpc::GrpcReplication replication;
  rpc::GrpcTransactionPeers transaction_peers;
  rpc::GrpcHighWatermarkPeers high_watermark_peers;
  status::LeaderHighWatermarks leader_high_watermarks{high_watermark_peers, clock};
  std::unique_ptr<controller::Controller> controller;
  std::unique_ptr<ControllerChannel> controller_channel;
  std::unique_ptr<network::Network> network;
  std::unique_ptr<network::NetworkGauges> network_gauges;
  std::unique_ptr<group::GroupCoordinator> groups;
  std::unique_ptr<api::ProducerIds> transactional_ids;  ///< From blocks of their own.
  std::unique_ptr<transaction::TransactionCoordinator> transactions;
  std::unique_ptr<replica::Replicas> replicas;
  std::unique_ptr<replica::ReplicaGauges> replica_gauges;
  std::unique_ptr<replica::TransactionGauges> transaction_gauges;
  std::unique_ptr<SlowReplicas> slow_replicas;
  std::unique_ptr<storage::DiskProbe> disk_probe;
  std::unique_ptr<PeerWatch> peer_watch;
  std::unique_ptr<Commands> commands;
  std::unique_ptr<rpc::GrpcReplicationServer> replication_server;
  std::unique_ptr<LedHighWatermarks> led_high_watermarks;
  std::atomic<bool> network_stands = false;  ///< Some of its clients wait for a stuck thread.
  std::unique_ptr<rpc::GrpcServer> grpc_server;
  std::unique_ptr<api::ReplicaRecords> records;
  std::unique_ptr<api::ZooKeeperOffsets> old_offsets;
  std::unique_ptr<api::ZooKeeperConfigs> config_store;
  std::unique_ptr<api::ApiServer> api_server;
  std::int32_t grpc_port = 0;
  std::unique_ptr<status::StallWatchdog> watchdog;
  std::size_t watched_network_threads = 0;  ///< The watchdog loop's.

  /// The membership loop's: what the registration is to say.
  std::optional<cluster::Broker> registered_as;
  /// The first registration after which what was told of returned log dirs may count as settled.
  std::atomic<std::int64_t> settles_from = 0;

  HttpStatus http_status{metrics, clock};
  std::unique_ptr<LiveConfigs> live_configs;
  std::shared_ptr<const config::BrokerValues> opened_by;  ///< The listeners of the start.
  Latch configs_read;
  Latch first_registration;
};

Result<> Broker::Parts::open_logs() {
  storage::LogStoreOptions options = log_store_options(*values);
  options.space_limits = space_limits(config);
  options.producer_expiration = [expiration = config.bind(config::kProducerIdExpirationMs)] {
    return milliseconds(expiration.get());
  };
  options.flush_us = metrics.histogram(metrics::kLogFlushMs);
  OTTLA_TRY(logs, storage::LogStore::open(
                      files, clock, random, io_pool, std::move(options),
                      [this](const std::string& directory, const Error& cause) {
                        LOG(ERROR) << "[log dir " << directory << "] offline: " << cause.describe();
                        CHECK(logs->offline_directories().size() < config::log_dirs(*values).size())
                            << "all log dirs have failed";
                        if (!replicas) return;  // The first update's answer will tell.
                        replicas->log_directory_failed(directory);
                        // After the replicas: the controller asks them next.
                        control_loop.post(
                            [this] { membership_loop.post([this] { failure_notice->post(); }); });
                      }));
  return {};
}

/// The dir's replicas may lack what they had acknowledged: the broker registers anew, as after a
/// crash of the host (W1), and the dir is taken in once no command of the registration before can
/// be carried out any more. So nobody counts on these replicas before the controller has judged
/// them, and what was asked about them under the old registration is void (KIP-903).
void Broker::Parts::log_dir_returned(const std::string& directory, Callback<> take_in) {
  membership_loop.post([this, directory, take_in = std::move(take_in)]() mutable {
    if (!registered_as) return;  // it stops
    LOG(WARNING) << "[broker " << identity.broker_id << "] registers anew: log dir " << directory
                 << " is back";
    registered_as->last_stop = cluster::LastStop::HostCrash;
    const std::int32_t returned = ++registered_as->log_dirs_returned;
    settles_from = std::numeric_limits<std::int64_t>::max();
    // The registration's outcome comes to this loop, and from here to the replicas' after this.
    replicas->await_registration(returned, std::move(take_in));
    registration->update(*registered_as);
  });
}

/// From now on a crash of the process is only that, and a new controller need not ask again.
void Broker::Parts::last_stop_settled(BrokerEpoch epoch) {
  io_pool.post([this, epoch] {
    if (epoch.value() < settles_from) return;
    if (const auto confirmed = logs->confirm_boot(); !confirmed) {
      LOG(ERROR) << "[broker " << identity.broker_id
                 << "] its start cannot be noted: " << confirmed.error();
      return;
    }
    membership_loop.post([this, epoch] {
      if (!registered_as || epoch.value() < settles_from) return;
      if (registered_as->last_stop != cluster::LastStop::HostCrash) return;
      registered_as->last_stop = cluster::LastStop::ProcessCrash;
      registration->update(*registered_as);
    });
  });
}

/// With a session of its own that ends at once: the controller needs to know the broker's id before
/// the lasting session begins.
Result<membership::ClusterIdentity> Broker::Parts::enter_cluster() {
  OTTLA_TRY(const auto client, zookeeper::make_c_client(zookeeper_settings(*values)));
  const auto stored = logs->identity();
  BrokerId wanted = kNoBroker;
  if (const auto configured = config::broker_id(*values)) {
    wanted = BrokerId(*configured);
  } else if (stored.broker_id) {
    wanted = *stored.broker_id;
  }
  membership::ClusterEntry entry(
      *client, membership_loop, random,
      {.broker_id = wanted, .reserved_broker_max_id = values->get(config::kReservedBrokerMaxId)});
  LOG(INFO) << "[zookeeper] connecting to " << values->get(config::kZookeeperConnect).value_or("");
  client->start();
  Awaited<Result<membership::ClusterIdentity>> entered;
  membership_loop.post([&] { entry.enter(entered.callback()); });
  auto outcome = entered.get_within(
      std::chrono::duration_cast<milliseconds>(config::zookeeper_connection_timeout(*values)));
  client->close();
  // `entry` lives on the loop: nothing of it may run after this.
  Awaited<bool> settled;
  membership_loop.post([callback = settled.callback()]() mutable { callback(true); });
  settled.wait();
  if (!outcome) {
    return fail(ErrorCode::RequestTimedOut,
                "zookeeper.connect=" + values->get(config::kZookeeperConnect).value_or("") +
                    ": no connection within zookeeper.connection.timeout.ms: are the servers up?");
  }
  return *std::move(outcome);
}

void Broker::Parts::follow_configs() {
  Awaited<bool> started;
  membership_loop.post([this, callback = started.callback()]() mutable {
    config_watcher->start();
    callback(true);
  });
  started.wait();
  configs_read.wait();
}

Result<> Broker::Parts::load_logs() {
  // By now ZooKeeper's configs are in effect too.
  logs->set_recovery_threads(config.get(config::kNumRecoveryThreadsPerDataDir));
  Awaited<Result<std::vector<storage::DirectoryLoad>>> loaded;
  logs->load([this](const std::string& topic) { return topic_configs.of(topic).replica.log; },
             loaded.callback());
  OTTLA_TRY(const std::vector<storage::DirectoryLoad> directories, loaded.get());
  for (const storage::DirectoryLoad& directory : directories) {
    LOG(INFO) << "[log dir " << directory.directory << "] " << directory.logs << " logs after "
              << name_of(directory.shutdown) << ", " << directory.segments_scanned
              << " segments scanned, " << directory.bytes_truncated << " bytes cut";
  }
  return {};
}

void Broker::Parts::build_replicas() {
  network = std::make_unique<network::Network>(network_options(*values), io_pool);
  network_gauges = std::make_unique<network::NetworkGauges>(*network, io_pool, clock, metrics);
  controller_channel = std::make_unique<ControllerChannel>(
      identity.broker_id, milliseconds(values->get(config::kControllerSocketTimeoutMs)),
      *controller, metadata, peers);
  groups = std::make_unique<group::GroupCoordinator>(
      group_config(*values), group::GroupCoordinator::Dependencies{.clock = clock,
                                                                   .random = random,
                                                                   .loop = group_loop,
                                                                   .io_pool = io_pool,
                                                                   .metadata = metadata,
                                                                   .metrics = &metrics,
                                                                   .files = &files});
  transactional_ids = std::make_unique<api::ProducerIds>(*controller_channel);
  transactions = std::make_unique<transaction::TransactionCoordinator>(
      transaction_config(*values),
      transaction::TransactionCoordinator::Dependencies{.self = identity.broker_id,
                                                        .nonce = start_nonce,
                                                        .clock = clock,
                                                        .loop = transaction_loop,
                                                        .io_pool = io_pool,
                                                        .metadata = metadata,
                                                        .peers = transaction_peers,
                                                        .ids = *transactional_ids,
                                                        .metrics = &metrics});
  replicas = std::make_unique<replica::Replicas>(
      replicas_config(*values, identity.broker_id),
      replica::Replicas::Dependencies{
          .clock = clock,
          .executors = {.control = control_loop, .streams = network->loops(), .io = io_pool},
          .logs = *logs,
          .metadata = metadata,
          .topics = replica_topic_configs,
          .isr_changes = *controller_channel,
          .transport = replication,
          .leadership = {groups.get(), transactions.get()},
          .offline_replicas_changed =
              [this] { membership_loop.post([this] { failure_notice->post(); }); },
          .log_move_bytes_per_second =
              [limit = config.bind(config::kReplicaAlterLogDirsIoMaxBytesPerSecond)] {
                return limit.get();
              },
          .leader_throttled_rate =
              [limit = config.bind(config::kLeaderReplicationThrottledRate)] {
                return limit.get();
              },
          .follower_throttled_rate =
              [limit = config.bind(config::kFollowerReplicationThrottledRate)] {
                return limit.get();
              },
          .cold_read_rate_per_client =
              [limit = config.bind(config::kOttlaColdReadBytesPerSecondPerClient)] {
                return limit.get();
              },
          .transaction_ends = groups.get(),
          .transaction_verifier = transactions.get(),
          .verifies_transactions =
              [enabled = config.bind(config::kTransactionPartitionVerificationEnable)] {
                return enabled.get();
              }});
  peer_watch->on_silence(
      [this](BrokerId broker, bool silent) { replicas->set_silent(broker, silent); });
  peer_watch->on_cut_off(
      [this](std::set<BrokerId> brokers) { replicas->set_out_of_reach(std::move(brokers)); });
  replica_gauges = std::make_unique<replica::ReplicaGauges>(*replicas, clock, metrics);
  transaction_gauges = std::make_unique<replica::TransactionGauges>(
      *replicas, clock, transaction_config(*values).max_timeout, metrics);
  groups->start(*replicas);
  transactions->start(*replicas);
  commands = std::make_unique<Commands>(
      *replicas, *config_watcher, *peer_watch, *controller_channel, metadata, membership_loop,
      [this](BrokerEpoch epoch) { last_stop_settled(epoch); },
      [this] { http_status.metadata_changed(metadata.image()); });
  replication_server = std::make_unique<rpc::GrpcReplicationServer>(*replicas);
  led_high_watermarks = std::make_unique<LedHighWatermarks>(*replicas);
}

Result<> Broker::Parts::open_sockets() {
  opened_by = config.values();
  OTTLA_TRY(const auto listeners, listener_options(*opened_by));
  if (const auto bound = network->bind(listeners); !bound) {
    const bool is_dynamic =
        opened_by->source(config::kListeners.name) == config::Source::DynamicBroker;
    return fail(
        bound.error().code(),
        bound.error().message() +
            (is_dynamic ? "; these listeners stand in ZooKeeper, in " +
                              zookeeper::layout::ConfigEntity::broker(identity.broker_id).node()
                        : ""));
  }
  OTTLA_TRY(const config::HostPort grpc,
            config::parse_host_port(values->get(config::kOttlaGrpcListener)));
  grpc_server = std::make_unique<rpc::GrpcServer>(
      rpc::GrpcServer::Options{.host = grpc.host,
                               .port = grpc.port,
                               .start_nonce = start_nonce,
                               .serves = [this] { return !network_stands.load(); }},
      *commands, *controller, replication_server->grpc_service(), transactions.get(),
      led_high_watermarks.get());
  OTTLA_TRY(grpc_port, grpc_server->start());
  return {};
}

void Broker::Parts::watch_threads() {
  std::vector<status::StallWatchdog::Watched> watched = {
      {"replica-control", &control_loop},  {"controller", &controller_loop},
      {"membership", &membership_loop},    {"groups", &group_loop},
      {"transactions", &transaction_loop}, {"io", &io_pool, kPoolStall}};
  watchdog = std::make_unique<status::StallWatchdog>(std::move(watched), clock, watchdog_loop,
                                                     metrics, [this] { look_at_network(); });
  watch_network_threads();
  watchdog->start();
}

/// Those of the beginning, later those that num.network.threads has added.
void Broker::Parts::watch_network_threads() {
  const std::vector<env::Executor*> loops = network->loops();
  for (; watched_network_threads < loops.size(); ++watched_network_threads) {
    watchdog->watch(
        {kNetworkThread + std::to_string(watched_network_threads), loops[watched_network_threads]});
  }
}

/// Who serves some of its clients no more, for a disk that hangs, is to be silent to the other
/// brokers as well: they lead in its place, and do not wait for it as a follower.
void Broker::Parts::look_at_network() {
  watch_network_threads();
  const std::vector<std::string> standing = watchdog->standing_for({});
  const bool stands = std::ranges::any_of(
      standing, [](const std::string& thread) { return thread.starts_with(kNetworkThread); });
  if (network_stands.exchange(stands) == stands) return;
  LOG(WARNING) << "[broker " << identity.broker_id << "] "
               << (stands ? "serves clients no more: it is silent to other brokers, which lead in "
                            "its place"
                          : "serves its clients again, and answers other brokers");
}

/// W10: a leader on a slow disk hands over before its ISR has to shrink.
void Broker::Parts::watch_disks() {
  slow_replicas = std::make_unique<SlowReplicas>(*replicas, *controller_channel, membership_loop);
  disk_probe = std::make_unique<storage::DiskProbe>(
      disk_probe_options(*values), files, clock, membership_loop, *logs,
      [] { return std::make_unique<env::ThreadPool>("disk-probe", 1); },
      [this] { slow_replicas->look(); });
  membership_loop.post([this] { disk_probe->start(); });
}

Result<cluster::Broker> Broker::Parts::registration_node() {
  cluster::Broker node;
  node.id = identity.broker_id;
  node.rack = values->get(config::kBrokerRack);
  node.timestamp_ms = clock.wall_now_ms();
  node.start_nonce = start_nonce;
  node.last_stop = last_stop_of(logs->shutdown_kind());
  node.boot_id = files.boot_id();
  for (const std::string& directory : config::log_dirs(*values)) {
    const auto id = membership::directory_id(files, random, directory);
    if (id) node.directory_ids.push_back(*id);  // a failed directory has no say
  }
  OTTLA_TRY_VOID(add_addresses(*opened_by, node));
  return node;
}

/// Where others reach the listeners that stand, gRPC and HTTP. May wait for a name server.
Result<> Broker::Parts::add_addresses(const config::BrokerValues& now,
                                      cluster::Broker& node) const {
  OTTLA_TRY(const auto advertised, config::advertised_listeners(now));
  OTTLA_TRY(const std::string inter_broker, config::inter_broker_listener_name(now));
  const std::vector<network::BoundListener> standing = network->listeners();
  std::string grpc_host = now.get(config::kOttlaGrpcAdvertisedHost).value_or("");
  for (const config::Listener& listener : advertised) {
    cluster::Endpoint endpoint{
        .listener = listener.name,
        .security_protocol = std::string(words_of(
            listener.security_protocol)[static_cast<std::size_t>(listener.security_protocol)]),
        .host = listener.host,
        .port = listener.port};
    const auto at = std::ranges::find(standing, listener.name, &network::BoundListener::name);
    if (at == standing.end()) continue;  // it could not be opened
    if (endpoint.port == 0) endpoint.port = at->port;
    if (endpoint.host.empty()) endpoint.host = local_host_name();
    if (grpc_host.empty() && listener.name == inter_broker) grpc_host = endpoint.host;
    node.endpoints.push_back(std::move(endpoint));
  }
  node.grpc_endpoint = grpc_host + ":" + std::to_string(grpc_port);
  node.http_endpoint = http_status.endpoint(now, grpc_host);
  return {};
}

/// They have changed: the controller tells everybody once the registration says so.
void Broker::Parts::announce_listeners() {
  cluster::Broker now;
  if (const auto added = add_addresses(*config.values(), now); !added) {
    LOG(ERROR) << "[broker " << identity.broker_id
               << "] its addresses stay as they were: " << added.error().message();
    return;
  }
  membership_loop.post([this, now = std::move(now)]() mutable {
    if (!registered_as) return;  // it stops
    registered_as->endpoints = std::move(now.endpoints);
    registered_as->grpc_endpoint = std::move(now.grpc_endpoint);
    registered_as->http_endpoint = std::move(now.http_endpoint);
    registration->update(*registered_as);
  });
}

Result<> Broker::Parts::start() {
  const env::MonotonicTime began = clock.now();
  http_status.lifecycle().enter(status::BrokerState::Starting);
  OTTLA_TRY_VOID(http_status.start(*values));
  OTTLA_TRY_VOID(open_logs());
  OTTLA_TRY(identity, enter_cluster());
  http_status.follow_elections(identity.broker_id);
  OTTLA_TRY_VOID(logs->set_identity(identity.broker_id, identity.cluster_id));
  LOG(INFO) << "[broker " << identity.broker_id << "] of cluster " << identity.cluster_id;

  zookeeper::ClientSettings lasting = zookeeper_settings(*values);
  lasting.latency_us = metrics.histogram(metrics::kZooKeeperRequestLatencyMs);
  lasting.auth_failures = metrics.counter(metrics::kZooKeeperAuthFailures);
  OTTLA_TRY(zookeeper, zookeeper::make_c_client(std::move(lasting)));
  config_watcher = std::make_unique<membership::ConfigWatcher>(*zookeeper, membership_loop, clock,
                                                               random, *this);
  registration = std::make_unique<membership::BrokerRegistration>(*zookeeper, membership_loop,
                                                                  clock, random, *this);
  registration_gauge = std::make_unique<membership::RegistrationGauge>(*registration, metrics);
  failure_notice = std::make_unique<membership::FailureNotice>(*zookeeper, membership_loop, random,
                                                               identity.broker_id);
  liveness = std::make_unique<rpc::GrpcLivenessMonitor>(liveness_options(*values), clock,
                                                        membership_loop, probe_pool);
  peer_watch =
      std::make_unique<PeerWatch>(identity.broker_id, *liveness, metadata, clock, membership_loop);
  controller = std::make_unique<controller::Controller>(
      controller_config(config, identity.broker_id),
      controller::Controller::World{.client = *zookeeper,
                                    .executor = controller_loop,
                                    .clock = clock,
                                    .random = random,
                                    .peers = peers,
                                    .liveness = *liveness,
                                    .metrics = &metrics,
                                    .reach = peer_watch.get(),
                                    .told_states =
                                        [this](const cluster::Topic& topic) {
                                          return metadata.told_image()->states_of(topic);
                                        },
                                    .told_id =
                                        [this](const std::string& name) {
                                          const auto topic = metadata.told_image()->topic(name);
                                          return topic ? topic->id : TopicId{};
                                        }});
  build_replicas();
  watch_threads();
  zookeeper->add_listener(session_metrics);
  zookeeper->add_listener(*config_watcher);
  zookeeper->add_listener(*registration);
  zookeeper->start();
  follow_configs();
  http_status.attach_logs(*logs);
  log_dir_gauges = std::make_unique<storage::LogDirGauges>(*logs, metrics);
  http_status.lifecycle().enter(status::BrokerState::Recovering);
  OTTLA_TRY_VOID(load_logs());
  replicas->start();
  logs->start(
      [this](const TopicPartition& partition) { return replicas->high_watermark(partition); },
      [this](const std::string& directory, Callback<> take_in) {
        log_dir_returned(directory, std::move(take_in));
      });
  log_gauges = std::make_unique<storage::LogGauges>(*logs, metrics);
  watch_disks();
  if (values->get(config::kLogCleanerEnable)) {
    log_cleaner = std::make_unique<storage::LogCleaner>(
        log_cleaner_options(*config.values()),
        storage::LogCleaner::Dependencies{.files = files,
                                          .clock = clock,
                                          .random = random,
                                          .make_executor =
                                              [](std::size_t threads) {
                                                return std::make_unique<env::ThreadPool>(
                                                    "log-cleaner", threads);
                                              },
                                          .logs = *logs,
                                          .metrics = &metrics});
    log_cleaner->start();
  }
  live_configs = std::make_unique<LiveConfigs>(
      config, LiveConfigs::Parts{.io_pool = io_pool,
                                 .network = *network,
                                 .controller = *controller,
                                 .log_cleaner = log_cleaner.get(),
                                 .announce_listeners = [this] { announce_listeners(); }});
  OTTLA_TRY_VOID(open_sockets());

  records = std::make_unique<api::ReplicaRecords>(*replicas);
  old_offsets = std::make_unique<api::ZooKeeperOffsets>(*zookeeper);
  config_store = std::make_unique<api::ZooKeeperConfigs>(
      *zookeeper, membership_loop,
      [this](const zookeeper::layout::ConfigEntity& entity, Task done) {
        config_watcher->refresh(entity, std::move(done));  // comes on the membership loop
      });
  api_server =
      std::make_unique<api::ApiServer>(api::Dependencies{.broker = identity.broker_id,
                                                         .cluster_id = identity.cluster_id,
                                                         .config = config,
                                                         .metadata = metadata,
                                                         .records = *records,
                                                         .log_dirs = *records,
                                                         .controller = *controller,
                                                         .topic_configs = api_topic_configs,
                                                         .producer_id_blocks = *controller_channel,
                                                         .groups = *groups,
                                                         .transactions = *transactions,
                                                         .old_offsets = *old_offsets,
                                                         .configs = *config_store,
                                                         .clock = clock,
                                                         .random = random,
                                                         .io_pool = io_pool,
                                                         .metrics = &metrics,
                                                         .peers = peer_watch.get(),
                                                         .replica_health = records.get()});

  OTTLA_TRY(cluster::Broker node, registration_node());
  membership_loop.post([this, node = std::move(node)]() mutable {
    registered_as = node;
    registration->start(std::move(node));
  });
  first_registration.wait();
  controller->start();
  // A client that came before the controller's first word would learn of an empty cluster.
  if (!commands->first_update().wait_within(kFirstUpdateWait)) {
    LOG(WARNING) << "[broker " << identity.broker_id << "] no word from a controller yet";
  }
  network->start(*api_server);
  live_configs->follow_listeners(*opened_by);
  show_status();
  const auto took = std::chrono::duration_cast<milliseconds>(clock.now() - began);
  for (const network::BoundListener& at : network->listeners()) {
    LOG(INFO) << "[broker " << identity.broker_id << "] serves " << at.name << " on port "
              << at.port << ", " << took.count() << " ms after its start";
  }
  return {};
}

void Broker::Parts::show_status() {
  http_status.attach(
      {.broker = identity.broker_id,
       .cluster_id = identity.cluster_id,
       .config = config,
       .metadata = metadata,
       .replicas = *replicas,
       .logs = *logs,
       .groups = *groups,
       .controller = *controller,
       .high_watermarks = leader_high_watermarks,
       .is_registered =
           [this] { return registration->status() == membership::RegistrationStatus::Registered; },
       .is_zookeeper_connected = [this] { return session_metrics.connected(); }},
      *watchdog);
  http_status.lifecycle().enter(status::BrokerState::Running);
}

void Broker::Parts::hand_over_leadership() {
  if (!values->get(config::kControlledShutdownEnable)) return;
  Awaited<bool> ended;
  const auto hand_over = std::make_shared<HandOver>(
      HandOver::Surroundings{
          .self = identity.broker_id,
          .replicas = *replicas,
          .channel = *controller_channel,
          .metadata = metadata,
          .is_zookeeper_connected = [this] { return session_metrics.connected(); },
          .clock = clock,
          .loop = membership_loop},
      HandOver::Limits{
          .patience = values->get(config::kControlledShutdownMaxRetries) *
                      milliseconds(values->get(config::kControlledShutdownRetryBackoffMs)),
          .answer_within = milliseconds(values->get(config::kControllerSocketTimeoutMs))},
      ended.callback());
  membership_loop.post([hand_over] { hand_over->start(); });
  ended.wait();
}

void Broker::Parts::stop() {
  http_status.lifecycle().enter(status::BrokerState::HandingOver);
  if (controller_channel && first_registration.wait_within(milliseconds(0))) hand_over_leadership();
  http_status.lifecycle().enter(status::BrokerState::ShuttingDown);
  http_status.stop();
  high_watermark_peers.stop();
  watchdog_loop.stop();  // from here on threads end
  live_configs.reset();
  if (network) network->stop_accepting();
  if (replicas) replicas->stop();
  if (network) network->stop(kDrainConnections);
  if (groups) groups->stop();
  if (transactions) transactions->stop();
  if (controller) {
    Awaited<bool> stopped;
    controller->stop([callback = stopped.callback()]() mutable { callback(true); });
    if (!stopped.get_within(kStopPart)) LOG(ERROR) << "[controller] did not stop";
  }
  if (grpc_server) grpc_server->stop();
  if (log_cleaner) log_cleaner->stop();
  if (logs) {
    Awaited<bool> closed;
    logs->shut_down([callback = closed.callback()]() mutable { callback(true); });
    closed.wait();
  }
  if (registration) {
    Awaited<bool> stopped;
    membership_loop.post([this, callback = stopped.callback()]() mutable {
      registered_as.reset();
      registration->stop();
      config_watcher->stop();
      failure_notice->stop();
      peer_watch->stop();
      if (disk_probe) disk_probe->stop();
      callback(true);
    });
    stopped.wait();
  }
  if (zookeeper) zookeeper->close();
  // Before the loops that they post to.
  controller_loop.stop();
  group_loop.stop();
  transaction_loop.stop();
  liveness.reset();
  membership_loop.stop();
  control_loop.stop();
  probe_pool.stop();
  io_pool.stop();
}

void Broker::Parts::topic_config(const std::string& topic, const zookeeper::ConfigMap& map) {
  topic_configs.set_overrides(topic, config::Properties(map.begin(), map.end()));
  replicas->topic_config_changed(topic);
  controller->topic_config_changed(topic);
}

void Broker::Parts::broker_config(const std::string& broker, const zookeeper::ConfigMap& map) {
  const bool for_all = broker == "<default>";
  if (!for_all && broker != std::to_string(identity.broker_id.value())) return;
  const auto level = for_all ? config::Source::DynamicDefaultBroker : config::Source::DynamicBroker;
  for (const std::string& warning :
       config.set_dynamic(level, config::Properties(map.begin(), map.end()))) {
    LOG(WARNING) << "[broker " << broker << "] " << warning;
  }
  topic_configs.refresh();
  for (const auto& [name, topic] : metadata.image()->topics()) replicas->topic_config_changed(name);
}

void Broker::Parts::registered(BrokerEpoch epoch) {
  LOG(INFO) << "[broker " << identity.broker_id << "] registered, broker epoch " << epoch;
  controller_channel->set_broker_epoch(epoch);
  // The registration knows what it said before the listener hears of it.
  const std::int32_t returned = registered_as ? registered_as->log_dirs_returned : 0;
  replicas->set_broker_epoch(epoch, returned);
  if (settles_from == std::numeric_limits<std::int64_t>::max()) settles_from = epoch.value();
  first_registration.open();
}

void Broker::Parts::lost(const std::string& why) {
  LOG(WARNING) << "[broker " << identity.broker_id << "] not registered: " << why;
}

Broker::Broker(config::BrokerConfig& config) : parts_(std::make_unique<Parts>(config)) {}
Broker::~Broker() = default;

Result<> Broker::start() {
  auto started = parts_->start();
  if (!started) parts_->stop();
  return started;
}

void Broker::stop() {
  parts_->stop();
}

}  // namespace ottla::broker
