#include "common/zookeeper/node_data.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include <boost/json.hpp>

namespace ottla::zookeeper {
namespace {

namespace json = boost::json;

constexpr std::size_t kTextInErrors = 200;

/// What Ottla adds to a partition's state under its own key.
struct OwnBrokersOfState {
  const char* key;
  std::vector<BrokerId> cluster::PartitionState::* brokers;
};
constexpr std::array kOwnBrokersOfState = {
    OwnBrokersOfState{"eligible_leaders", &cluster::PartitionState::eligible_leaders},
    OwnBrokersOfState{"last_known_eligible_leaders",
                      &cluster::PartitionState::last_known_eligible_leaders},
};

tl::unexpected<Error> malformed(std::string_view what, std::string_view data) {
  return fail(ErrorCode::UnknownServerError, std::string(what) + ": cannot be understood: " +
                                                 std::string(data.substr(0, kTextInErrors)));
}

std::optional<json::object> parse_object(std::string_view data) {
  boost::system::error_code error;
  json::value value = json::parse(data, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

/// An integer, also inside a string: Kafka writes both.
std::optional<std::int64_t> to_number(const json::value* value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* text = value->if_string()) {
    std::int64_t number = 0;
    const char* end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return number;
  }
  boost::system::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  if (error) return std::nullopt;
  return number;
}

std::optional<std::int32_t> to_int32(const json::value* value) {
  const auto number = to_number(value);
  if (!number || *number < std::numeric_limits<std::int32_t>::min() ||
      *number > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::int32_t>(*number);
}

std::optional<std::string> to_text(const json::value* value) {
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->as_string());
}

std::optional<std::vector<BrokerId>> to_brokers(const json::value* value) {
  if (value == nullptr || !value->is_array()) return std::nullopt;
  std::vector<BrokerId> brokers;
  for (const json::value& item : value->as_array()) {
    const auto id = to_int32(&item);
    if (!id) return std::nullopt;
    brokers.emplace_back(*id);
  }
  return brokers;
}

json::array from_brokers(const std::vector<BrokerId>& brokers) {
  json::array array;
  for (const BrokerId broker : brokers) array.emplace_back(broker.value());
  return array;
}

bool has_version(const json::object& object, std::int32_t lowest, std::int32_t highest) {
  const auto version = to_int32(object.if_contains("version"));
  return version && *version >= lowest && *version <= highest;
}

// --- Brokers ---

std::string host_and_port(const cluster::Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  const std::string host = is_ipv6 ? "[" + endpoint.host + "]" : endpoint.host;
  return host + ":" + std::to_string(endpoint.port);
}

/// "LISTENER://host:port", "LISTENER://[ipv6]:port".
std::optional<cluster::Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t scheme = text.find("://");
  const std::size_t colon = text.rfind(':');
  if (scheme == std::string_view::npos || colon < scheme + 3) return std::nullopt;
  std::string_view host = text.substr(scheme + 3, colon - scheme - 3);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const auto port = layout::parse_number(text.substr(colon + 1));
  if (!port) return std::nullopt;
  cluster::Endpoint endpoint;
  endpoint.listener = std::string(text.substr(0, scheme));
  endpoint.security_protocol = endpoint.listener;
  endpoint.host = std::string(host);
  endpoint.port = *port;
  return endpoint;
}

std::optional<std::vector<cluster::Endpoint>> to_endpoints(const json::object& broker) {
  std::vector<cluster::Endpoint> endpoints;
  const json::value* list = broker.if_contains("endpoints");
  if (list == nullptr) {  // version 1
    const auto host = to_text(broker.if_contains("host"));
    const auto port = to_int32(broker.if_contains("port"));
    if (!host || !port) return std::nullopt;
    endpoints.push_back(
        {.listener = "PLAINTEXT", .security_protocol = "PLAINTEXT", .host = *host, .port = *port});
    return endpoints;
  }
  if (!list->is_array()) return std::nullopt;
  const json::value* protocols = broker.if_contains("listener_security_protocol_map");
  for (const json::value& item : list->as_array()) {
    const auto text = to_text(&item);
    auto endpoint = text ? parse_endpoint(*text) : std::nullopt;
    if (!endpoint) return std::nullopt;
    if (protocols != nullptr && protocols->is_object()) {
      const auto protocol = to_text(protocols->as_object().if_contains(endpoint->listener));
      if (protocol) endpoint->security_protocol = *protocol;
    }
    endpoints.push_back(std::move(*endpoint));
  }
  return endpoints;
}

constexpr std::pair<cluster::LastStop, std::string_view> kLastStops[] = {
    {cluster::LastStop::Clean, "clean"},
    {cluster::LastStop::ProcessCrash, "process_crash"},
    {cluster::LastStop::HostCrash, "host_crash"},
};

json::object ottla_part(const cluster::Broker& broker) {
  json::object part;
  part["grpc_endpoint"] = *broker.grpc_endpoint;
  if (broker.http_endpoint) part["http_endpoint"] = *broker.http_endpoint;
  part["start_nonce"] = broker.start_nonce;
  for (const auto& [stop, name] : kLastStops) {
    if (stop == broker.last_stop) part["last_stop"] = name;
  }
  if (broker.log_dirs_returned != 0) part["log_dirs_returned"] = broker.log_dirs_returned;
  json::array directories;
  for (const Uuid& id : broker.directory_ids) directories.emplace_back(id.to_string());
  part["directory_ids"] = std::move(directories);
  part["boot_id"] = broker.boot_id;
  return part;
}

void read_ottla_part(const json::object& part, cluster::Broker& broker) {
  broker.grpc_endpoint = to_text(part.if_contains("grpc_endpoint"));
  broker.http_endpoint = to_text(part.if_contains("http_endpoint"));
  broker.start_nonce = to_text(part.if_contains("start_nonce")).value_or("");
  broker.boot_id = to_text(part.if_contains("boot_id")).value_or("");
  // A word of a later version: take the worst, which only costs a question to the broker.
  broker.last_stop = cluster::LastStop::HostCrash;
  const auto last_stop = to_text(part.if_contains("last_stop"));
  for (const auto& [stop, name] : kLastStops) {
    if (last_stop == name) broker.last_stop = stop;
  }
  if (const json::value* returned = part.if_contains("log_dirs_returned")) {
    broker.log_dirs_returned = to_int32(returned).value_or(0);
  }
  const json::value* directories = part.if_contains("directory_ids");
  if (directories == nullptr || !directories->is_array()) return;
  for (const json::value& item : directories->as_array()) {
    const auto text = to_text(&item);
    const auto id = text ? Uuid::parse(*text) : std::nullopt;
    if (id) broker.directory_ids.push_back(*id);
  }
}

// --- Topics ---

bool read_partitions(const json::object& partitions, cluster::Topic& topic) {
  topic.partitions.resize(partitions.size());
  std::vector<bool> seen(partitions.size(), false);
  for (const auto& entry : partitions) {
    const auto number = layout::parse_number(entry.key());
    auto replicas = to_brokers(&entry.value());
    if (!number || !replicas) return false;
    const auto index = static_cast<std::size_t>(*number);
    if (index >= seen.size() || seen[index]) return false;
    seen[index] = true;
    topic.partitions[index].replicas = std::move(*replicas);
  }
  return true;
}

bool read_replica_changes(const json::value* changes, cluster::Topic& topic,
                          std::vector<BrokerId> cluster::Assignment::* member) {
  if (changes == nullptr || changes->is_null()) return true;
  if (!changes->is_object()) return false;
  for (const auto& entry : changes->as_object()) {
    const auto number = layout::parse_number(entry.key());
    auto replicas = to_brokers(&entry.value());
    if (!number || !replicas) return false;
    // Kafka tolerates leftovers of partitions that do not exist.
    if (static_cast<std::size_t>(*number) >= topic.partitions.size()) continue;
    topic.partitions[static_cast<std::size_t>(*number)].*member = std::move(*replicas);
  }
  return true;
}

std::optional<std::vector<TopicPartition>> to_partitions(const json::object& object) {
  const json::value* list = object.if_contains("partitions");
  if (list == nullptr || !list->is_array()) return std::nullopt;
  std::vector<TopicPartition> partitions;
  for (const json::value& item : list->as_array()) {
    if (!item.is_object()) return std::nullopt;
    const auto topic = to_text(item.as_object().if_contains("topic"));
    const auto partition = to_int32(item.as_object().if_contains("partition"));
    if (!topic || !partition) return std::nullopt;
    partitions.push_back({*topic, *partition});
  }
  return partitions;
}

}  // namespace

std::string encode_cluster_id(const std::string& id) {
  return json::serialize(json::object{{"version", "1"}, {"id", id}});
}

Result<std::string> decode_cluster_id(std::string_view data) {
  const auto object = parse_object(data);
  auto id = object ? to_text(object->if_contains("id")) : std::nullopt;
  if (!id) return malformed(layout::kClusterId, data);
  return *std::move(id);
}

std::string encode_broker(const cluster::Broker& broker) {
  json::object protocols;
  json::array endpoints;
  const cluster::Endpoint* plaintext = nullptr;
  for (const cluster::Endpoint& endpoint : broker.endpoints) {
    protocols[endpoint.listener] = endpoint.security_protocol;
    endpoints.emplace_back(endpoint.listener + "://" + host_and_port(endpoint));
    if (plaintext == nullptr && endpoint.security_protocol == "PLAINTEXT") plaintext = &endpoint;
  }
  json::object object;
  object["version"] = 5;
  object["host"] = plaintext == nullptr ? json::value(nullptr) : json::value(plaintext->host);
  object["port"] = plaintext == nullptr ? -1 : plaintext->port;
  object["jmx_port"] = broker.jmx_port;
  object["timestamp"] = std::to_string(broker.timestamp_ms);
  object["endpoints"] = std::move(endpoints);
  object["listener_security_protocol_map"] = std::move(protocols);
  if (broker.rack) object["rack"] = *broker.rack;
  object["features"] = json::object();
  if (broker.grpc_endpoint) object["ottla"] = ottla_part(broker);
  return json::serialize(object);
}

Result<cluster::Broker> decode_broker(BrokerId id, std::string_view data, BrokerEpoch epoch) {
  const std::string path = layout::broker(id);
  const auto object = parse_object(data);
  if (!object || !to_int32(object->if_contains("version"))) return malformed(path, data);
  auto endpoints = to_endpoints(*object);
  if (!endpoints) return malformed(path, data);
  cluster::Broker broker;
  broker.id = id;
  broker.epoch = epoch;
  broker.endpoints = *std::move(endpoints);
  broker.rack = to_text(object->if_contains("rack"));
  broker.jmx_port = to_int32(object->if_contains("jmx_port")).value_or(-1);
  broker.timestamp_ms = to_number(object->if_contains("timestamp")).value_or(0);
  const json::value* ottla = object->if_contains("ottla");
  if (ottla != nullptr && ottla->is_object()) read_ottla_part(ottla->as_object(), broker);
  return broker;
}

std::string encode_topic(const cluster::Topic& topic) {
  json::object partitions;
  json::object adding;
  json::object removing;
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    const cluster::Assignment& assignment = topic.partitions[i];
    const std::string number = std::to_string(i);
    partitions[number] = from_brokers(assignment.replicas);
    if (!assignment.adding.empty()) adding[number] = from_brokers(assignment.adding);
    if (!assignment.removing.empty()) removing[number] = from_brokers(assignment.removing);
  }
  json::object object;
  object["version"] = 3;
  if (!topic.id.is_zero()) object["topic_id"] = topic.id.to_string();
  object["partitions"] = std::move(partitions);
  object["adding_replicas"] = std::move(adding);
  object["removing_replicas"] = std::move(removing);
  return json::serialize(object);
}

Result<cluster::Topic> decode_topic(std::string name, std::string_view data) {
  const std::string path = layout::topic(name);
  const auto object = parse_object(data);
  if (!object) return malformed(path, data);
  const json::value* partitions = object->if_contains("partitions");
  if (partitions == nullptr || !partitions->is_object()) return malformed(path, data);
  cluster::Topic topic;
  topic.name = std::move(name);
  if (const auto text = to_text(object->if_contains("topic_id"))) {
    const auto id = Uuid::parse(*text);
    if (!id) return malformed(path, data);
    topic.id = *id;
  }
  if (!read_partitions(partitions->as_object(), topic) ||
      !read_replica_changes(object->if_contains("adding_replicas"), topic,
                            &cluster::Assignment::adding) ||
      !read_replica_changes(object->if_contains("removing_replicas"), topic,
                            &cluster::Assignment::removing)) {
    return malformed(path, data);
  }
  return topic;
}

std::string encode_partition_state(const cluster::PartitionState& state) {
  json::object object;
  object["version"] = 1;
  object["leader"] = state.leader.value();
  object["leader_epoch"] = state.leader_epoch.value();
  object["isr"] = from_brokers(state.isr);
  object["controller_epoch"] = state.controller_epoch.value();
  if (state.recovering) object["leader_recovery_state"] = 1;
  json::object ottla;
  for (const auto& [key, brokers] : kOwnBrokersOfState) {
    if (!(state.*brokers).empty()) ottla[key] = from_brokers(state.*brokers);
  }
  if (!ottla.empty()) object["ottla"] = std::move(ottla);
  return json::serialize(object);
}

Result<cluster::PartitionState> decode_partition_state(std::string_view data,
                                                       PartitionEpoch epoch) {
  const auto object = parse_object(data);
  if (!object) return malformed("partition state", data);
  const auto leader = to_int32(object->if_contains("leader"));
  const auto leader_epoch = to_int32(object->if_contains("leader_epoch"));
  auto isr = to_brokers(object->if_contains("isr"));
  const auto controller_epoch = to_int32(object->if_contains("controller_epoch"));
  if (!leader || !leader_epoch || !isr || !controller_epoch) {
    return malformed("partition state", data);
  }
  cluster::PartitionState state;
  state.leader = BrokerId(*leader);
  state.leader_epoch = LeaderEpoch(*leader_epoch);
  state.isr = *std::move(isr);
  state.controller_epoch = ControllerEpoch(*controller_epoch);
  state.recovering = to_int32(object->if_contains("leader_recovery_state")).value_or(0) == 1;
  state.partition_epoch = epoch;
  const json::value* ottla = object->if_contains("ottla");
  if (ottla != nullptr && ottla->is_object()) {
    for (const auto& [key, brokers] : kOwnBrokersOfState) {
      if (auto found = to_brokers(ottla->as_object().if_contains(key))) {
        state.*brokers = *std::move(found);
      }
    }
  }
  return state;
}

std::string encode_controller(const ControllerNode& node) {
  return json::serialize(json::object{{"version", 2},
                                      {"brokerid", node.broker.value()},
                                      {"timestamp", std::to_string(node.timestamp_ms)},
                                      {"kraftControllerEpoch", node.kraft_controller_epoch}});
}

Result<ControllerNode> decode_controller(std::string_view data) {
  const auto object = parse_object(data);
  const auto broker = object ? to_int32(object->if_contains("brokerid")) : std::nullopt;
  if (!broker) return malformed(layout::kController, data);
  ControllerNode node;
  node.broker = BrokerId(*broker);
  node.timestamp_ms = to_number(object->if_contains("timestamp")).value_or(0);
  node.kraft_controller_epoch = to_int32(object->if_contains("kraftControllerEpoch")).value_or(-1);
  return node;
}

std::string encode_controller_epoch(ControllerEpoch epoch) {
  return std::to_string(epoch.value());
}

Result<ControllerEpoch> decode_controller_epoch(std::string_view data) {
  const auto epoch = layout::parse_number(data);
  if (!epoch) return malformed(layout::kControllerEpoch, data);
  return ControllerEpoch(*epoch);
}

std::string encode_feature() {
  return json::serialize(json::object{{"version", 2}, {"status", 1}, {"features", json::object()}});
}

bool is_current_feature(std::string_view data) {
  const auto object = parse_object(data);
  return object && has_version(*object, 2, 2) && to_int32(object->if_contains("status")) == 1;
}

std::string encode_producer_id_block(const ProducerIdBlock& block) {
  return json::serialize(json::object{{"version", 1},
                                      {"broker", block.broker.value()},
                                      {"block_start", std::to_string(block.first.value())},
                                      {"block_end", std::to_string(block.last.value())}});
}

Result<ProducerIdBlock> decode_producer_id_block(std::string_view data) {
  const auto object = parse_object(data);
  if (!object) return malformed(layout::kProducerIdBlock, data);
  const auto broker = to_int32(object->if_contains("broker"));
  const auto first = to_number(object->if_contains("block_start"));
  const auto last = to_number(object->if_contains("block_end"));
  if (!broker || !first || !last || *first < 0 || *last < *first) {
    return malformed(layout::kProducerIdBlock, data);
  }
  return ProducerIdBlock{BrokerId(*broker), ProducerId(*first), ProducerId(*last)};
}

std::string encode_config(const ConfigMap& config) {
  json::object entries;
  for (const auto& [key, value] : config) entries[key] = value;
  return json::serialize(json::object{{"version", 1}, {"config", std::move(entries)}});
}

Result<ConfigMap> decode_config(std::string_view data) {
  ConfigMap config;
  if (data.empty()) return config;
  const auto object = parse_object(data);
  if (!object) return malformed("config", data);
  const json::value* entries = object->if_contains("config");
  if (entries == nullptr || !entries->is_object()) return malformed("config", data);
  for (const auto& entry : entries->as_object()) {
    // Tools wrote numbers and booleans without quotes.
    config[std::string(entry.key())] = entry.value().is_string()
                                           ? std::string(entry.value().as_string())
                                           : json::serialize(entry.value());
  }
  return config;
}

std::string encode_config_change(const layout::ConfigEntity& entity) {
  return json::serialize(json::object{{"version", 2}, {"entity_path", entity.path}});
}

Result<layout::ConfigEntity> decode_config_change(std::string_view data) {
  const auto object = parse_object(data);
  if (!object || !has_version(*object, 1, 2)) return malformed("config change", data);
  layout::ConfigEntity entity;
  if (auto path = to_text(object->if_contains("entity_path"))) {
    entity.path = *std::move(path);
  } else {
    const auto type = to_text(object->if_contains("entity_type"));
    const auto name = to_text(object->if_contains("entity_name"));
    if (!type || !name) return malformed("config change", data);
    entity.path = *type + "/" + *name;
  }
  if (entity.type().empty() || entity.name().empty()) return malformed("config change", data);
  return entity;
}

std::string encode_reassignments(const std::vector<Reassignment>& reassignments) {
  json::array list;
  for (const Reassignment& reassignment : reassignments) {
    list.push_back(json::object{{"topic", reassignment.partition.topic},
                                {"partition", reassignment.partition.partition},
                                {"replicas", from_brokers(reassignment.replicas)}});
  }
  return json::serialize(json::object{{"version", 1}, {"partitions", std::move(list)}});
}

Result<std::vector<Reassignment>> decode_reassignments(std::string_view data) {
  const auto object = parse_object(data);
  const auto partitions = object ? to_partitions(*object) : std::nullopt;
  if (!partitions) return malformed(layout::kReassignPartitions, data);
  std::vector<Reassignment> reassignments;
  const json::array& list = object->at("partitions").as_array();
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto replicas = to_brokers(list[i].as_object().if_contains("replicas"));
    if (!replicas) return malformed(layout::kReassignPartitions, data);
    reassignments.push_back({(*partitions)[i], *std::move(replicas)});
  }
  return reassignments;
}

std::string encode_partition_list(const std::vector<TopicPartition>& partitions) {
  json::array list;
  for (const TopicPartition& partition : partitions) {
    list.push_back(json::object{{"topic", partition.topic}, {"partition", partition.partition}});
  }
  return json::serialize(json::object{{"version", 1}, {"partitions", std::move(list)}});
}

Result<std::vector<TopicPartition>> decode_partition_list(std::string_view data) {
  const auto object = parse_object(data);
  auto partitions = object ? to_partitions(*object) : std::nullopt;
  if (!partitions) return malformed("list of partitions", data);
  return *std::move(partitions);
}

std::string encode_log_dir_event(BrokerId broker) {
  return json::serialize(json::object{{"version", 1}, {"broker", broker.value()}, {"event", 1}});
}

Result<BrokerId> decode_log_dir_event(std::string_view data) {
  const auto object = parse_object(data);
  const auto broker = object ? to_int32(object->if_contains("broker")) : std::nullopt;
  if (!broker) return malformed("log dir event", data);
  return BrokerId(*broker);
}

}  // namespace ottla::zookeeper
