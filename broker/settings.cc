#include "broker/settings.h"

#include <glog/logging.h>
#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "common/config/broker_keys.h"
#include "common/config/broker_settings.h"
#include "common/config/group_keys.h"
#include "common/config/log_keys.h"
#include "common/config/network_keys.h"
#include "common/config/ottla_keys.h"
#include "common/config/replication_keys.h"
#include "common/config/topic_config.h"
#include "common/config/transaction_keys.h"
#include "common/config/zookeeper_keys.h"

namespace ottla::broker {
namespace {

using std::chrono::milliseconds;

/// From here on log.cleaner.io.max.bytes.per.second limits nothing.
constexpr double kLogCleanerUnthrottled = 1e15;

/// The addresses of a host, in the form in which those of connections are written.
std::vector<std::string> addresses_of(const std::string& host) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (!error) return {address.to_string()};
  boost::asio::io_context context;
  boost::asio::ip::tcp::resolver resolver(context);
  std::vector<std::string> addresses;
  for (const auto& found : resolver.resolve(host, "", error)) {
    addresses.push_back(found.endpoint().address().to_string());
  }
  if (addresses.empty()) {
    LOG(WARNING) << "max.connections.per.ip.overrides: " << host
                 << " cannot be resolved, and has no limit of its own: " << error.message();
  }
  return addresses;
}

/// "host1:5,host2:9" of max.connections.per.ip.overrides, which has been validated: by address.
/// Names are looked up, as Kafka does, when they are set.
std::map<std::string, std::int32_t> connection_overrides(const std::string& text) {
  std::map<std::string, std::int32_t> overrides;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const std::size_t colon = part.rfind(':');
    if (colon != std::string::npos) {
      const auto most =
          static_cast<std::int32_t>(std::strtol(part.c_str() + colon + 1, nullptr, 10));
      for (std::string& address : addresses_of(part.substr(0, colon))) {
        overrides[std::move(address)] = most;
      }
    }
    begin = end + 1;
  }
  return overrides;
}

network::ConnectionLimitOptions connection_limits(const config::BrokerValues& values) {
  network::ConnectionLimitOptions limits;
  limits.all = {.most = values.get(config::kMaxConnections),
                .new_per_second = values.get(config::kMaxConnectionCreationRate)};
  const auto listeners = config::listeners(values);
  CHECK(listeners.has_value()) << "not validated";
  for (const config::Listener& listener : *listeners) {
    network::ConnectionLimit own;
    own.most = values.get_of_listener(listener.name, config::kMaxConnections).value_or(own.most);
    own.new_per_second = values.get_of_listener(listener.name, config::kMaxConnectionCreationRate)
                             .value_or(own.new_per_second);
    if (own != network::ConnectionLimit{}) limits.by_listener[listener.name] = own;
  }
  const auto inter_broker = config::inter_broker_listener_name(values);
  if (listeners->size() > 1 && inter_broker) limits.protected_listener = *inter_broker;
  limits.most_per_ip = values.get(config::kMaxConnectionsPerIp);
  limits.per_ip_overrides = connection_overrides(values.get(config::kMaxConnectionsPerIpOverrides));
  return limits;
}

/// -1 in the configuration is for ever.
std::optional<milliseconds> retention(std::int64_t ms) {
  return ms < 0 ? std::nullopt : std::optional(milliseconds(ms));
}

std::string security_protocol_name(const config::Listener& listener) {
  return std::string(
      words_of(listener.security_protocol)[static_cast<std::size_t>(listener.security_protocol)]);
}

}  // namespace

std::function<storage::SpaceLimits()> space_limits(config::BrokerConfig& config) {
  return [reserve = config.bind(config::kOttlaLogDirReserveBytes),
          bytes = config.bind(config::kOttlaLogDirMinFreeBytes),
          percent = config.bind(config::kOttlaLogDirMinFreePercent)] {
    storage::SpaceLimits limits;
    if (const auto value = reserve.get()) {
      limits.reserve_bytes = static_cast<std::uint64_t>(*value);
    }
    if (const auto value = bytes.get()) {
      limits.min_free_bytes = static_cast<std::uint64_t>(*value);
    }
    limits.min_free_percent = percent.get();
    return limits;
  };
}

storage::LogStoreOptions log_store_options(const config::BrokerValues& values) {
  storage::LogStoreOptions options;
  options.directories = config::log_dirs(values);
  options.recovery_threads_per_directory = values.get(config::kNumRecoveryThreadsPerDataDir);
  options.producer_expiration_check_interval =
      milliseconds(values.get(config::kProducerIdExpirationCheckIntervalMs));
  options.recovery_checkpoint_interval =
      milliseconds(values.get(config::kLogFlushOffsetCheckpointIntervalMs));
  options.log_start_checkpoint_interval =
      milliseconds(values.get(config::kLogFlushStartOffsetCheckpointIntervalMs));
  options.high_watermark_checkpoint_interval =
      milliseconds(values.get(config::kReplicaHighWatermarkCheckpointIntervalMs));
  options.retention_check_interval = milliseconds(values.get(config::kLogRetentionCheckIntervalMs));
  options.stray_retention = retention(values.get(config::kOttlaStrayRetentionMs));
  options.cut_records_retention = retention(values.get(config::kOttlaCutRecordsRetentionMs));
  options.cut_records_max_bytes =
      static_cast<std::uint64_t>(values.get(config::kOttlaCutRecordsMaxBytes));
  const std::int64_t flush_check = values.get(config::kLogFlushSchedulerIntervalMs);
  if (flush_check != config::kLogFlushSchedulerIntervalMs.fallback) {
    options.flush_check_interval = milliseconds(flush_check);
  }
  const std::int32_t probe = values.get(config::kOttlaLogDirProbeIntervalMs);
  if (probe > 0) options.probe_interval = milliseconds(probe);
  return options;
}

storage::DiskProbe::Options disk_probe_options(const config::BrokerValues& values) {
  return {.slow_operation = milliseconds(values.get(config::kOttlaSlowDiskOperationMs)),
          .pace = {.patience = milliseconds(values.get(config::kOttlaSlowDiskPatienceMs)),
                   .recovery = milliseconds(values.get(config::kOttlaSlowDiskRecoveryMs))}};
}

storage::LogCleanerOptions log_cleaner_options(const config::BrokerValues& values) {
  storage::LogCleanerOptions options;
  options.threads = values.get(config::kLogCleanerThreads);
  // A dynamic change that another tool wrote is not checked.
  options.dedupe_bytes = static_cast<std::uint64_t>(
      std::max<std::int64_t>(values.get(config::kLogCleanerDedupeBufferSize), 0));
  options.load_factor = values.get(config::kLogCleanerIoBufferLoadFactor);
  options.io_buffer_bytes = static_cast<std::uint64_t>(values.get(config::kLogCleanerIoBufferSize));
  options.backoff = milliseconds(values.get(config::kLogCleanerBackoffMs));
  const double rate = values.get(config::kLogCleanerIoMaxBytesPerSecond);
  if (rate < kLogCleanerUnthrottled) options.max_bytes_per_second = rate;
  return options;
}

zookeeper::ClientSettings zookeeper_settings(const config::BrokerValues& values) {
  return {
      .connect = values.get(config::kZookeeperConnect).value_or(""),
      .session_timeout = milliseconds(values.get(config::kZookeeperSessionTimeoutMs)),
      .connection_timeout = config::zookeeper_connection_timeout(values),
      .max_in_flight = static_cast<std::size_t>(values.get(config::kZookeeperMaxInFlightRequests))};
}

network::NetworkOptions network_options(const config::BrokerValues& values) {
  network::NetworkOptions options;
  options.network_threads = values.get(config::kNumNetworkThreads);
  options.max_request_bytes = values.get(config::kSocketRequestMaxBytes);
  options.send_buffer_bytes = values.get(config::kSocketSendBufferBytes);
  options.receive_buffer_bytes = values.get(config::kSocketReceiveBufferBytes);
  options.listen_backlog = values.get(config::kSocketListenBacklogSize);
  options.max_idle = milliseconds(values.get(config::kConnectionsMaxIdleMs));
  options.limits = connection_limits(values);
  return options;
}

Result<std::vector<network::ListenerOptions>> listener_options(const config::BrokerValues& values) {
  OTTLA_TRY(const std::vector<config::Listener> listeners, config::listeners(values));
  std::vector<network::ListenerOptions> options;
  for (const config::Listener& listener : listeners) {
    options.push_back({.name = listener.name,
                       .security_protocol = security_protocol_name(listener),
                       .host = listener.host,
                       .port = listener.port});
  }
  return options;
}

rpc::GrpcLivenessMonitor::Options liveness_options(const config::BrokerValues& values) {
  return {.ping_interval = milliseconds(values.get(config::kOttlaFailoverProbeIntervalMs)),
          .suspicion_timeout = milliseconds(values.get(config::kOttlaSuspicionTimeoutMs))};
}

replica::ReplicasConfig replicas_config(const config::BrokerValues& values, BrokerId broker) {
  replica::ReplicasConfig replicas;
  replicas.broker = broker;
  replicas.replica_lag_time_max = milliseconds(values.get(config::kReplicaLagTimeMaxMs));
  replicas.rack_aware_fetch = config::selects_replica_by_rack(values);
  const auto moves = values.get(config::kNumReplicaAlterLogDirsThreads);
  replicas.log_moves_at_once =
      moves && *moves > 0 ? static_cast<std::size_t>(*moves) : config::log_dirs(values).size();
  return replicas;
}

group::GroupConfig group_config(const config::BrokerValues& values) {
  group::GroupConfig groups;
  groups.min_session_timeout = milliseconds(values.get(config::kGroupMinSessionTimeoutMs));
  groups.max_session_timeout = milliseconds(values.get(config::kGroupMaxSessionTimeoutMs));
  groups.initial_rebalance_delay = milliseconds(values.get(config::kGroupInitialRebalanceDelayMs));
  groups.max_size = static_cast<std::size_t>(values.get(config::kGroupMaxSize));
  groups.offset_metadata_max_bytes =
      static_cast<std::size_t>(std::max(values.get(config::kOffsetMetadataMaxBytes), 0));
  groups.offsets_retention = std::chrono::minutes(values.get(config::kOffsetsRetentionMinutes));
  groups.undelete_window = milliseconds(values.get(config::kOttlaOffsetsUndeleteWindowMs));
  groups.retention_check_interval =
      milliseconds(values.get(config::kOffsetsRetentionCheckIntervalMs));
  groups.commit_acks = replica::acks_from(values.get(config::kOffsetsCommitRequiredAcks))
                           .value_or(replica::Acks::All);
  groups.commit_timeout = milliseconds(values.get(config::kOffsetsCommitTimeoutMs));
  groups.codec = static_cast<record::Codec>(values.get(config::kOffsetsTopicCompressionCodec));
  groups.load_buffer_bytes = static_cast<std::uint64_t>(values.get(config::kOffsetsLoadBufferSize));
  groups.topic_partitions = values.get(config::kOffsetsTopicNumPartitions);
  return groups;
}

transaction::TransactionConfig transaction_config(const config::BrokerValues& values) {
  transaction::TransactionConfig transactions;
  transactions.max_timeout = milliseconds(values.get(config::kTransactionMaxTimeoutMs));
  transactions.id_expiration = milliseconds(values.get(config::kTransactionalIdExpirationMs));
  transactions.timeout_check_interval =
      milliseconds(values.get(config::kTransactionAbortTimedOutTransactionCleanupIntervalMs));
  transactions.expiration_check_interval =
      milliseconds(values.get(config::kTransactionRemoveExpiredTransactionCleanupIntervalMs));
  transactions.load_buffer_bytes =
      static_cast<std::uint64_t>(values.get(config::kTransactionStateLogLoadBufferSize));
  transactions.topic_partitions = values.get(config::kTransactionStateLogNumPartitions);
  return transactions;
}

std::string local_host_name() {
  char name[256] = "localhost";
  if (::gethostname(name, sizeof name - 1) != 0) return name;
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  addrinfo* found = nullptr;
  if (::getaddrinfo(name, nullptr, &hints, &found) != 0) return name;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  return found->ai_canonname != nullptr ? found->ai_canonname : name;
}

controller::TopicRules topic_rules(const config::BrokerValues& values) {
  return {.unclean_leader_election = values.get(config::kUncleanLeaderElectionEnable),
          .min_insync_replicas = values.get(config::kMinInsyncReplicas)};
}

controller::ControllerConfig controller_config(config::BrokerConfig& config, BrokerId broker) {
  const auto values = config.values();
  controller::ControllerConfig controller;
  controller.broker_id = broker;
  controller.topic_defaults = topic_rules(*values);
  controller.delete_topic_enable = values->get(config::kDeleteTopicEnable);
  controller.default_partitions = values->get(config::kNumPartitions);
  controller.default_replication_factor = values->get(config::kDefaultReplicationFactor);
  controller.auto_leader_rebalance = values->get(config::kAutoLeaderRebalanceEnable);
  controller.leader_imbalance_check_interval =
      std::chrono::seconds(values->get(config::kLeaderImbalanceCheckIntervalSeconds));
  controller.leader_imbalance_percentage = values->get(config::kLeaderImbalancePerBrokerPercentage);
  controller.check_topic_config = [&config](const std::map<std::string, std::string>& topic) {
    return config::validate_topic_config(*config.values(),
                                         config::Properties(topic.begin(), topic.end()));
  };
  return controller;
}

}  // namespace ottla::broker
