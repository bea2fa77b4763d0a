#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/id.h"
#include "common/base/topic_partition.h"

/// Where things stand in ZooKeeper: every path of Kafka's layout that we use, and nowhere else.
/// Their content is in node_data.h.
namespace ottla::zookeeper::layout {

inline constexpr std::string_view kClusterId = "/cluster/id";
inline constexpr std::string_view kBrokerIds = "/brokers/ids";
inline constexpr std::string_view kTopics = "/brokers/topics";
inline constexpr std::string_view kBrokerIdSequence = "/brokers/seqid";
inline constexpr std::string_view kController = "/controller";
inline constexpr std::string_view kControllerEpoch = "/controller_epoch";
inline constexpr std::string_view kFeature = "/feature";
inline constexpr std::string_view kProducerIdBlock = "/latest_producer_id_block";
inline constexpr std::string_view kConfig = "/config";
inline constexpr std::string_view kTopicConfigs = "/config/topics";
inline constexpr std::string_view kBrokerConfigs = "/config/brokers";
inline constexpr std::string_view kConfigChanges = "/config/changes";
inline constexpr std::string_view kDeleteTopics = "/admin/delete_topics";
inline constexpr std::string_view kReassignPartitions = "/admin/reassign_partitions";
inline constexpr std::string_view kPreferredReplicaElection = "/admin/preferred_replica_election";
inline constexpr std::string_view kIsrChangeNotification = "/isr_change_notification";
inline constexpr std::string_view kLogDirEventNotification = "/log_dir_event_notification";

/// Every broker creates these at start, parents first.
inline constexpr std::string_view kPersistentPaths[] = {
    "/consumers",
    "/brokers",
    "/brokers/ids",
    "/brokers/topics",
    "/config",
    "/config/changes",
    "/admin",
    "/admin/delete_topics",
    "/brokers/seqid",
    "/isr_change_notification",
    "/latest_producer_id_block",
    "/log_dir_event_notification",
    "/config/topics",
    "/config/clients",
    "/config/users",
    "/config/brokers",
    "/config/ips",
};

[[nodiscard]] std::string broker(BrokerId id);
[[nodiscard]] std::string topic(std::string_view name);
[[nodiscard]] std::string partitions(std::string_view topic_name);
[[nodiscard]] std::string partition(std::string_view topic_name, std::int32_t number);
[[nodiscard]] std::string partition_state(std::string_view topic_name, std::int32_t number);
[[nodiscard]] std::string delete_topic(std::string_view name);
/// Where the consumers of Kafka 0.8 keep an offset (OffsetCommit v0, OffsetFetch v0).
[[nodiscard]] std::string consumer_offset(std::string_view group, const TopicPartition& partition);
/// The prefix of a sequential node; ZooKeeper appends ten digits.
[[nodiscard]] std::string config_change_prefix();
[[nodiscard]] std::string isr_change_prefix();
[[nodiscard]] std::string log_dir_event_prefix();
/// A child's path.
[[nodiscard]] std::string child(std::string_view parent, std::string_view name);
/// The number that ZooKeeper appended to a sequential node's name.
[[nodiscard]] std::optional<std::int64_t> sequence_number(std::string_view name);

/// What a configuration belongs to, as /config/changes names it ("topics/orders",
/// "brokers/<default>", "users/alice/clients/c%201"): its path below /config.
struct ConfigEntity {
  std::string path;

  [[nodiscard]] static ConfigEntity topic(std::string_view name);
  [[nodiscard]] static ConfigEntity broker(BrokerId id);
  [[nodiscard]] static ConfigEntity default_broker();

  /// "topics", "brokers", "clients", "users", "ips".
  [[nodiscard]] std::string_view type() const;
  /// What follows the type: "orders", "<default>", "alice/clients/c%201".
  [[nodiscard]] std::string_view name() const;
  /// The znode.
  [[nodiscard]] std::string node() const;

  friend auto operator<=>(const ConfigEntity&, const ConfigEntity&) = default;
};

/// What a watch's event is about.
enum class Place : std::uint8_t {
  BrokerIds,
  Broker,  ///< `broker`
  Topics,
  Topic,           ///< `topic`
  Partitions,      ///< `topic`: its list of partition nodes
  PartitionState,  ///< `topic`, `partition`
  Controller,
  ControllerEpoch,
  Feature,
  ConfigChanges,
  DeleteTopics,
  ReassignPartitions,
  PreferredReplicaElection,
  IsrChangeNotification,
  LogDirEventNotification,
  Other,
};
struct Location {
  Place place = Place::Other;
  BrokerId broker = kNoBroker;
  std::string topic;
  std::int32_t partition = -1;
};
[[nodiscard]] Location locate(std::string_view path);

/// A non-negative decimal number without sign or leading blanks.
[[nodiscard]] std::optional<std::int32_t> parse_number(std::string_view text);

}  // namespace ottla::zookeeper::layout
