#include "broker/status/documents.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <utility>

#include "broker/metadata/metadata_cache.h"
#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "broker/storage/log_store.h"
#include "common/config/broker_config.h"
#include "common/metrics/server_metrics.h"

namespace ottla::status {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostTopics = 1000;
constexpr std::size_t kMostProblems = 200;
constexpr std::size_t kMostGroups = 500;
constexpr std::size_t kMostPlaces = 200;  ///< Of one group.
constexpr std::size_t kMostNamed = 20;    ///< Partitions of one reason.

json::array ids_of(const std::vector<BrokerId>& brokers) {
  json::array ids;
  for (const BrokerId broker : brokers) ids.emplace_back(broker.value());
  return ids;
}

json::array to_json(const std::vector<Reason>& reasons) {
  json::array result;
  for (const Reason& reason : reasons) {
    json::object one{{"what", reason.what}, {"text", reason.text}};
    json::array partitions;
    for (const TopicPartition& each : reason.partitions) {
      if (partitions.size() == kMostNamed) break;
      partitions.emplace_back(each.to_string());
    }
    if (!partitions.empty()) one["partitions"] = std::move(partitions);
    result.push_back(std::move(one));
  }
  return result;
}

bool is_well(const metadata::PartitionMetadata& partition) {
  return partition.state.leader != kNoBroker &&
         partition.state.isr.size() >= cluster::replication_factor(partition.assignment);
}

json::object to_json(const TopicPartition& place, const metadata::PartitionMetadata& partition) {
  json::object result{{"topic", place.topic},
                      {"partition", place.partition},
                      {"leader", partition.state.leader.value()},
                      {"epoch", partition.state.leader_epoch.value()},
                      {"replicas", ids_of(partition.assignment.replicas)},
                      {"isr", ids_of(partition.state.isr)}};
  if (!partition.assignment.adding.empty()) {
    result["adding"] = ids_of(partition.assignment.adding);
  }
  if (!partition.assignment.removing.empty()) {
    result["removing"] = ids_of(partition.assignment.removing);
  }
  if (!partition.state.eligible_leaders.empty()) {
    result["eligible"] = ids_of(partition.state.eligible_leaders);
  }
  if (!partition.state.last_known_eligible_leaders.empty()) {
    result["last_known_eligible"] = ids_of(partition.state.last_known_eligible_leaders);
  }
  return result;
}

/// What each broker holds, counted over the whole image.
struct BrokerLoad {
  std::int64_t leaders = 0;
  std::int64_t replicas = 0;
  std::int64_t in_sync = 0;
};

struct TopicCensus {
  std::map<BrokerId, BrokerLoad> loads;
  json::array topics;
  json::array offline_partitions;  ///< Told first.
  json::array problems;            ///< The others.
  std::int64_t partitions = 0;
  std::int64_t offline = 0;
  std::int64_t under_replicated = 0;
  std::int64_t not_preferred = 0;
  std::int64_t reassigning = 0;
};

void count(const TopicPartition& place, const metadata::PartitionMetadata& partition,
           json::object& topic, TopicCensus& census) {
  const auto& replicas = partition.assignment.replicas;
  const cluster::PartitionState& state = partition.state;
  ++census.partitions;
  ++census.loads[state.leader].leaders;
  for (const BrokerId replica : replicas) {
    ++census.loads[replica].replicas;
    if (state.in_isr(replica)) ++census.loads[replica].in_sync;
  }
  const bool is_offline = state.leader == kNoBroker;
  const bool is_under_replicated =
      state.isr.size() < cluster::replication_factor(partition.assignment);
  if (is_offline) {
    ++census.offline;
    topic["offline"] = topic["offline"].as_int64() + 1;
  }
  if (is_under_replicated) {
    ++census.under_replicated;
    topic["under_replicated"] = topic["under_replicated"].as_int64() + 1;
  }
  if (!replicas.empty() && state.leader != replicas.front()) ++census.not_preferred;
  if (!partition.assignment.adding.empty() || !partition.assignment.removing.empty()) {
    ++census.reassigning;
  }
  if (is_well(partition)) return;
  json::array& into = is_offline ? census.offline_partitions : census.problems;
  if (into.size() < kMostProblems) into.push_back(to_json(place, partition));
}

TopicCensus take_census(const metadata::MetadataImage& image) {
  TopicCensus census;
  for (const auto& [name, topic] : image.topics()) {
    json::object row{{"name", name},
                     {"partitions", topic->partitions.size()},
                     {"replication", 0},
                     {"offline", std::int64_t{0}},
                     {"under_replicated", std::int64_t{0}}};
    std::size_t replication = 0;
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      const metadata::PartitionMetadata& partition = topic->partitions[i];
      replication = std::max(replication, partition.assignment.replicas.size());
      count({name, static_cast<std::int32_t>(i)}, partition, row, census);
    }
    row["replication"] = replication;
    const bool is_sick = row["offline"].as_int64() + row["under_replicated"].as_int64() > 0;
    if (census.topics.size() < kMostTopics || is_sick) census.topics.push_back(std::move(row));
  }
  return census;
}

json::array brokers_of(const metadata::MetadataImage& image, const TopicCensus& census) {
  json::array brokers;
  const auto row = [&](BrokerId id) -> json::object {
    const auto found = census.loads.find(id);
    const BrokerLoad load = found == census.loads.end() ? BrokerLoad{} : found->second;
    return {{"id", id.value()},
            {"leaders", load.leaders},
            {"replicas", load.replicas},
            {"in_sync", load.in_sync}};
  };
  for (const auto& [id, broker] : image.brokers()) {
    json::object told = row(id);
    told["alive"] = true;
    told["epoch"] = broker.epoch.value();
    told["rack"] = broker.rack ? json::value(*broker.rack) : json::value(nullptr);
    told["registered_ms"] = broker.timestamp_ms;
    if (broker.http_endpoint) told["http"] = *broker.http_endpoint;
    json::array endpoints;
    for (const cluster::Endpoint& each : broker.endpoints) {
      endpoints.emplace_back(each.listener + "://" + each.host + ":" + std::to_string(each.port));
    }
    told["endpoints"] = std::move(endpoints);
    brokers.push_back(std::move(told));
  }
  for (const auto& [id, load] : census.loads) {
    if (id == kNoBroker || image.broker(id) != nullptr) continue;
    json::object told = row(id);
    told["alive"] = false;
    brokers.push_back(std::move(told));
  }
  return brokers;
}

json::object to_json(const GroupStatus& group) {
  json::array places;
  std::int64_t lag = 0;
  bool is_lag_known = true;
  for (const GroupStatus::Place& place : group.places) {
    const auto behind = place.lag();
    lag += behind.value_or(0);
    is_lag_known = is_lag_known && behind.has_value();
    if (places.size() == kMostPlaces) continue;
    places.push_back(json::object{{"topic", place.partition.topic},
                                  {"partition", place.partition.partition},
                                  {"committed", place.committed.value()},
                                  {"lag", behind ? json::value(*behind) : json::value(nullptr)}});
  }
  return {{"name", group.name},
          {"state", group.state},
          {"type", group.protocol_type},
          {"members", group.members},
          {"partitions", group.places.size()},
          {"lag", lag},
          {"lag_known", is_lag_known},
          {"offsets", std::move(places)}};
}

json::array log_dirs_of(const storage::LogStore& logs) {
  std::map<std::string, std::pair<std::int64_t, std::uint64_t>> held;
  for (const auto& log : logs.logs()) {
    auto& [count, bytes] = held[logs.directory_of(log->partition())];
    ++count;
    bytes += log->size_bytes();
  }
  json::array result;
  for (const storage::DirectoryState& each : logs.directory_states()) {
    const auto& [count, bytes] = held[each.path];
    json::object row{{"path", each.path},    {"online", each.is_online},
                     {"slow", each.is_slow}, {"space", static_cast<int>(each.space)},
                     {"logs", count},        {"bytes", bytes}};
    if (each.usable_bytes) row["free_bytes"] = *each.usable_bytes;
    result.push_back(std::move(row));
  }
  return result;
}

json::array to_json(const std::vector<Election>& elections) {
  json::array result;
  for (const Election& each : elections) {
    json::object row{{"at_ms", each.at},
                     {"from", each.from.value()},
                     {"to", each.to.value()},
                     {"epoch", each.epoch}};
    if (!each.partition.topic.empty()) {
      row["partition"] = each.partition.to_string();
      row["isr"] = ids_of(each.isr);
      row["unclean"] = each.is_unclean;
    }
    result.push_back(std::move(row));
  }
  return result;
}

/// Totals since the start: the page makes rates of them.
json::object totals_of(const metrics::Registry& registry) {
  const std::pair<const char*, const metrics::Metric*> wanted[] = {
      {"bytes_in", &metrics::kBytesIn},
      {"bytes_out", &metrics::kBytesOut},
      {"messages_in", &metrics::kMessagesIn},
      {"replication_bytes_in", &metrics::kReplicationBytesIn},
      {"produce_requests", &metrics::kTotalProduceRequests},
      {"fetch_requests", &metrics::kTotalFetchRequests}};
  json::object totals;
  for (const auto& [name, metric] : wanted) {
    if (const auto value = registry.counter_value(*metric)) totals[name] = *value;
  }
  return totals;
}

json::object controller_of(const metadata::MetadataImage& image, const Snapshot& snapshot) {
  json::object controller{{"id", image.controller().value()},
                          {"epoch", image.controller_epoch().value()},
                          {"is_here", snapshot.controller.active}};
  if (!snapshot.controller.active) return controller;
  controller["topics_to_delete"] = snapshot.controller.topics_to_delete;
  controller["topics_without_id"] = snapshot.controller.topics_without_id;
  controller["queued_writes"] = snapshot.controller.queued_writes;
  controller["slow_replicas"] = snapshot.controller.slow_replicas;
  json::array brokers;
  for (const controller::BrokerDescription& each : snapshot.controller.brokers) {
    brokers.push_back(json::object{{"id", each.id.value()},
                                   {"process_dead", each.process_dead},
                                   {"silent", each.silent},
                                   {"shutting_down", each.shutting_down},
                                   {"command_failed", each.command_failed}});
  }
  controller["brokers"] = std::move(brokers);
  return controller;
}

}  // namespace

std::string health_document(const std::string& question, bool is_well, BrokerState state,
                            const std::vector<Reason>& reasons) {
  json::object document{{question, is_well}, {"state", name_of(state)}};
  if (!reasons.empty()) document["reasons"] = to_json(reasons);
  return json::serialize(document) + '\n';
}

std::string status_document(const Sources& sources, const Snapshot& snapshot, BrokerState state,
                            const std::vector<Reason>& reasons, const Elections& elections,
                            env::WallTimeMs now, const metrics::Registry& registry) {
  const auto image = sources.metadata.image();
  TopicCensus census = take_census(*image);
  json::array problems = std::move(census.offline_partitions);
  for (json::value& each : census.problems) {
    if (problems.size() == kMostProblems) break;
    problems.push_back(std::move(each));
  }
  json::array groups;
  for (const GroupStatus& group : snapshot.groups) {
    if (groups.size() == kMostGroups) break;
    groups.push_back(to_json(group));
  }
  json::object document{{"broker", sources.broker.value()},
                        {"cluster_id", sources.cluster_id},
                        {"now_ms", now},
                        {"state", name_of(state)},
                        {"ready", reasons.empty()},
                        {"reasons", to_json(reasons)},
                        {"zookeeper_connected", sources.is_zookeeper_connected()},
                        {"controller", controller_of(*image, snapshot)},
                        {"brokers", brokers_of(*image, census)},
                        {"topics_total", image->topics().size()},
                        {"partitions_total", census.partitions},
                        {"offline_partitions", census.offline},
                        {"under_replicated_partitions", census.under_replicated},
                        {"not_preferred_leaders", census.not_preferred},
                        {"reassigning_partitions", census.reassigning},
                        {"topics", std::move(census.topics)},
                        {"problems", std::move(problems)},
                        {"groups_total", snapshot.groups.size()},
                        {"groups", std::move(groups)},
                        {"log_dirs", log_dirs_of(sources.logs)},
                        {"elections", to_json(elections.recent())},
                        {"totals", totals_of(registry)}};
  return json::serialize(document) + '\n';
}

std::optional<std::string> topic_document(const Sources& sources, const std::string& topic) {
  const auto found = sources.metadata.image()->topic(topic);
  if (!found) return std::nullopt;
  json::array partitions;
  for (std::size_t i = 0; i < found->partitions.size(); ++i) {
    const TopicPartition place{topic, static_cast<std::int32_t>(i)};
    json::object row = to_json(place, found->partitions[i]);
    if (const auto held = sources.replicas.partition(place)) {
      const replica::Partition::View view = held->view();
      row["high_watermark"] = view.high_watermark.value();
      if (view.log) {
        row["start_offset"] = view.log->log_start_offset().value();
        row["end_offset"] = view.log->log_end_offset().value();
        row["bytes"] = view.log->size_bytes();
      }
    }
    partitions.push_back(std::move(row));
  }
  return json::serialize(json::object{{"name", topic},
                                      {"id", found->id.to_string()},
                                      {"partitions", std::move(partitions)}}) +
         '\n';
}

std::string configs_document(const config::BrokerConfig& config) {
  json::array rows;
  for (const config::Entry& entry : config.describe()) {
    rows.push_back(
        json::object{{"name", entry.name},
                     {"value", entry.value ? json::value(*entry.value) : json::value(nullptr)},
                     {"source", name_of(entry.source)},
                     {"secret", entry.sensitive},
                     {"doc", entry.doc}});
  }
  return json::serialize(json::object{{"configs", std::move(rows)}}) + '\n';
}

}  // namespace ottla::status
