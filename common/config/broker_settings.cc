#include "common/config/broker_settings.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "common/config/broker_keys.h"
#include "common/config/listeners.h"
#include "common/config/log_keys.h"
#include "common/config/network_keys.h"
#include "common/config/ottla_keys.h"
#include "common/config/replication_keys.h"
#include "common/config/zookeeper_keys.h"

namespace ottla::config {
namespace {

constexpr std::string_view kRackAwareSelector =
    "org.apache.kafka.common.replica.RackAwareReplicaSelector";
constexpr std::string_view kLeaderSelector = "org.apache.kafka.common.replica.LeaderSelector";

/// Gathers faults; each is a line `name=value: what must hold`.
class Faults {
 public:
  explicit Faults(const BrokerValues& values) : values_(values) {}

  void require(bool holds, std::string_view name, std::string_view rule) {
    if (holds) return;
    add(std::string(name) + "=" + to_text(values_.value(name)).value_or("") + ": " +
        std::string(rule));
  }
  template <class T>
  void require(const Result<T>& result) {
    if (!result) add(result.error().message());
  }
  void add(std::string line) {
    if (std::ranges::find(lines_, line) == lines_.end()) lines_.push_back(std::move(line));
  }
  [[nodiscard]] std::vector<std::string> take() { return std::move(lines_); }

 private:
  const BrokerValues& values_;
  std::vector<std::string> lines_;
};

void check_identity(const BrokerValues& values, Faults& faults) {
  const auto id = values.get(kBrokerId);
  const auto node_id = values.get(kNodeId);
  const std::string_view name = id >= 0 ? kBrokerId.name : kNodeId.name;
  faults.require(id < 0 || node_id < 0 || id == node_id, kNodeId.name, "must equal broker.id");
  const auto reserved = values.get(kReservedBrokerMaxId);
  if (values.get(kBrokerIdGenerationEnable)) {
    faults.require(id >= -1, kBrokerId.name, "must be at least -1");
    faults.require(std::max(id, node_id) <= reserved, name,
                   "must be at most reserved.broker.max.id (" + std::to_string(reserved) +
                       "), above which ids are generated");
  } else {
    faults.require(std::max(id, node_id) >= 0, kBrokerId.name,
                   "must be at least 0, since broker.id.generation.enable is false");
  }
  const auto connect = values.get(kZookeeperConnect);
  faults.require(connect && !connect->empty(), kZookeeperConnect.name,
                 "must name the ZooKeeper servers, as zk1:2181,zk2:2181/chroot");
}

/// host:count, separated by commas.
bool are_connection_overrides(std::string_view text) {
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const auto colon = part.rfind(':');
    const std::string_view count = colon == part.npos ? "" : part.substr(colon + 1);
    if (count.empty() || count.find_first_not_of(" 0123456789") != count.npos) return false;
    if (comma == text.npos) return true;
    text.remove_prefix(comma + 1);
  }
  return true;
}

void check_listeners(const BrokerValues& values, Faults& faults) {
  faults.require(listeners(values));
  const auto advertised = advertised_listeners(values);
  faults.require(advertised);
  const auto inter_broker = inter_broker_listener_name(values);
  faults.require(inter_broker);
  if (advertised && inter_broker &&
      std::ranges::find(*advertised, *inter_broker, &Listener::name) == advertised->end()) {
    faults.add("inter.broker.listener.name: the listener " + *inter_broker +
               ", on which brokers reach each other, is not among the advertised ones");
  }
  if (const auto grpc = parse_host_port(values.get(kOttlaGrpcListener)); !grpc) {
    faults.add("ottla.grpc.listener: " + grpc.error().message());
  }
  if (const auto http = values.get(kOttlaHttpListener)) {
    const auto parsed = parse_host_port(*http);
    if (!parsed) faults.add("ottla.http.listener: " + parsed.error().message());
  }
  faults.require(
      values.get(kMaxConnectionsPerIp) > 0 || !values.get(kMaxConnectionsPerIpOverrides).empty(),
      kMaxConnectionsPerIp.name, "may be 0 only with max.connections.per.ip.overrides");
  faults.require(are_connection_overrides(values.get(kMaxConnectionsPerIpOverrides)),
                 kMaxConnectionsPerIpOverrides.name, "must be host:count, separated by commas");
  const auto queued_bytes = values.get(kQueuedMaxRequestBytes);
  faults.require(queued_bytes <= 0 || queued_bytes >= values.get(kSocketRequestMaxBytes),
                 kQueuedMaxRequestBytes.name, "must be at least socket.request.max.bytes");
}

void check_logs(const BrokerValues& values, Faults& faults) {
  const auto dirs = log_dirs(values);
  faults.require(!dirs.empty(), kLogDirs.name, "must name at least one directory");
  faults.require(std::set(dirs.begin(), dirs.end()).size() == dirs.size(), kLogDirs.name,
                 "must not name a directory twice");

  const auto fits_retention = [](auto time) { return time == -1 || time >= 1; };
  constexpr std::string_view kRetentionRule = "must be at least 1, or -1 for ever";
  if (const auto ms = values.get(kLogRetentionMs)) {
    faults.require(fits_retention(*ms), kLogRetentionMs.name, kRetentionRule);
  } else if (const auto minutes = values.get(kLogRetentionMinutes)) {
    faults.require(fits_retention(*minutes), kLogRetentionMinutes.name, kRetentionRule);
  } else {
    faults.require(fits_retention(values.get(kLogRetentionHours)), kLogRetentionHours.name,
                   kRetentionRule);
  }
  faults.require(values.get(kLogRollMs).value_or(1) >= 1, kLogRollMs.name, "must be at least 1");
  faults.require(values.get(kLogRollJitterMs).value_or(0) >= 0, kLogRollJitterMs.name,
                 "must be at least 0");

  constexpr std::int64_t kLeastDedupeBuffer = std::int64_t{1} << 20;
  const std::int64_t cleaners = std::max(values.get(kLogCleanerThreads), 1);
  faults.require(!values.get(kLogCleanerEnable) ||
                     values.get(kLogCleanerDedupeBufferSize) / cleaners > kLeastDedupeBuffer,
                 kLogCleanerDedupeBufferSize.name,
                 "must be more than 1048576 for each of log.cleaner.threads");
}

void check_replication(const BrokerValues& values, Faults& faults) {
  const auto wait = values.get(kReplicaFetchWaitMaxMs);
  faults.require(wait <= values.get(kReplicaSocketTimeoutMs), kReplicaFetchWaitMaxMs.name,
                 "must be at most replica.socket.timeout.ms");
  faults.require(wait <= values.get(kReplicaLagTimeMaxMs), kReplicaFetchWaitMaxMs.name,
                 "must be at most replica.lag.time.max.ms, or followers leave the ISR when idle");
  faults.require(
      values.get(kDefaultReplicationFactor) >= 1 || values.get(kDefaultReplicationFactor) == -1,
      kDefaultReplicationFactor.name, "must be at least 1");
  const auto selector = values.get(kReplicaSelectorClass);
  faults.require(!selector || selector->empty() || *selector == kRackAwareSelector ||
                     *selector == kLeaderSelector,
                 kReplicaSelectorClass.name,
                 "must be " + std::string(kRackAwareSelector) + " or unset");
}

}  // namespace

std::vector<std::string> log_dirs(const BrokerValues& values) {
  const auto text = values.get(kLogDirs).value_or(values.get(kLogDir));
  List dirs = std::get<List>(*parse_value(ValueType::List, text));
  std::erase(dirs, "");
  return dirs;
}

std::optional<std::int32_t> broker_id(const BrokerValues& values) {
  const auto id = std::max(values.get(kBrokerId), values.get(kNodeId));
  return id >= 0 ? std::optional(id) : std::nullopt;
}

std::chrono::milliseconds zookeeper_connection_timeout(const BrokerValues& values) {
  return std::chrono::milliseconds(
      values.get(kZookeeperConnectionTimeoutMs).value_or(values.get(kZookeeperSessionTimeoutMs)));
}

bool selects_replica_by_rack(const BrokerValues& values) {
  return values.get(kReplicaSelectorClass) == kRackAwareSelector;
}

std::vector<std::string> cross_key_faults(const BrokerValues& values) {
  Faults faults(values);
  check_identity(values, faults);
  check_listeners(values, faults);
  check_logs(values, faults);
  check_replication(values, faults);
  return faults.take();
}

}  // namespace ottla::config
