#include "broker/status/cluster_gauges.h"

#include <utility>

#include "broker/metadata/metadata_cache.h"
#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "common/metrics/controller_metrics.h"
#include "common/metrics/ottla_metrics.h"

namespace ottla::status {
namespace {

using controller::ControllerDescription;

std::string quoted(const std::string& value) {
  std::string result = "\"";
  for (const char c : value) {
    if (c == '\n') {
      result += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

/// The samples of one name: the format wants them together.
class Family {
 public:
  Family(std::string name, std::string_view doc) : name_(std::move(name)), doc_(doc) {}

  void add(const std::string& labels, std::int64_t value) {
    samples_ += name_;
    if (!labels.empty()) samples_ += '{' + labels + '}';
    samples_ += ' ' + std::to_string(value) + '\n';
  }
  void print_to(std::string& out) const {
    if (samples_.empty()) return;
    out +=
        "# HELP " + name_ + ' ' + std::string(doc_) + "\n# TYPE " + name_ + " gauge\n" + samples_;
  }

 private:
  std::string name_;
  std::string_view doc_;
  std::string samples_;
};

std::string labels_of(const TopicPartition& partition) {
  return "topic=" + quoted(partition.topic) + ",partition=\"" +
         std::to_string(partition.partition) + '"';
}

/// kafka_topic_partition_*
class PartitionFamilies {
 public:
  void add(const TopicPartition& place, const metadata::PartitionMetadata& partition) {
    const std::string labels = labels_of(place);
    const auto& replicas = partition.assignment.replicas;
    const cluster::PartitionState& state = partition.state;
    leader_.add(labels, state.leader.value());
    preferred_.add(labels, !replicas.empty() && state.leader == replicas.front() ? 1 : 0);
    replicas_.add(labels, static_cast<std::int64_t>(replicas.size()));
    in_sync_.add(labels, static_cast<std::int64_t>(state.isr.size()));
    under_replicated_.add(labels, state.isr.size() < replicas.size() ? 1 : 0);
  }
  void add_offsets(const TopicPartition& place, const replica::Partition::View& view) {
    current_.add(labels_of(place), view.high_watermark.value());
    if (view.log) oldest_.add(labels_of(place), view.log->log_start_offset().value());
  }
  void print_to(std::string& out) const {
    for (const Family* family :
         {&current_, &oldest_, &leader_, &preferred_, &replicas_, &in_sync_, &under_replicated_}) {
      family->print_to(out);
    }
  }

 private:
  Family current_{"kafka_topic_partition_current_offset", "High watermark of a partition."};
  Family oldest_{"kafka_topic_partition_oldest_offset", "Log start offset of a partition."};
  Family leader_{"kafka_topic_partition_leader", "Leader of a partition; -1: none."};
  Family preferred_{"kafka_topic_partition_leader_is_preferred", "1 if the preferred one leads."};
  Family replicas_{"kafka_topic_partition_replicas", "Replicas of a partition."};
  Family in_sync_{"kafka_topic_partition_in_sync_replica", "Replicas in sync."};
  Family under_replicated_{"kafka_topic_partition_under_replicated_partition",
                           "1 if replicas are not in sync."};
};

void print_partitions(const Sources& sources, bool is_controller, std::string& out) {
  const auto image = sources.metadata.image();
  PartitionFamilies families;
  Family partitions("kafka_topic_partitions", "Partitions of a topic.");
  for (const auto& [name, topic] : image->topics()) {
    if (is_controller) {
      partitions.add("topic=" + quoted(name), static_cast<std::int64_t>(topic->partitions.size()));
    }
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      const metadata::PartitionMetadata& partition = topic->partitions[i];
      const TopicPartition place{name, static_cast<std::int32_t>(i)};
      const bool is_led_here = partition.state.leader == sources.broker;
      const bool is_nobodys = partition.state.leader == kNoBroker;
      if (is_led_here || (is_nobodys && is_controller)) families.add(place, partition);
      if (!is_led_here) continue;
      if (const auto held = sources.replicas.partition(place)) {
        families.add_offsets(place, held->view());
      }
    }
  }
  partitions.print_to(out);
  families.print_to(out);
}

void print_brokers(const Sources& sources, std::string& out) {
  const auto image = sources.metadata.image();
  Family count("kafka_brokers", "Living brokers.");
  Family info("kafka_broker_info", "A living broker: always 1.");
  count.add("", static_cast<std::int64_t>(image->brokers().size()));
  for (const auto& [id, broker] : image->brokers()) {
    const std::string address =
        broker.endpoints.empty()
            ? ""
            : broker.endpoints.front().host + ':' + std::to_string(broker.endpoints.front().port);
    info.add("id=\"" + std::to_string(id.value()) + "\",address=" + quoted(address), 1);
  }
  count.print_to(out);
  info.print_to(out);
}

void print_groups(const Snapshot& snapshot, std::string& out) {
  Family members("kafka_consumergroup_members", "Members of a group.");
  Family offset("kafka_consumergroup_current_offset", "Committed offset.");
  Family offset_sum("kafka_consumergroup_current_offset_sum", "Of all partitions of a topic.");
  Family lag("kafka_consumergroup_lag", "Records that a group has yet to consume.");
  Family lag_sum("kafka_consumergroup_lag_sum", "Of all partitions of a topic.");
  for (const GroupStatus& group : snapshot.groups) {
    const std::string name = "consumergroup=" + quoted(group.name);
    members.add(name, static_cast<std::int64_t>(group.members));
    for (std::size_t i = 0; i < group.places.size();) {  // they are in order
      const std::string& topic = group.places[i].partition.topic;
      std::int64_t offsets = 0;
      std::optional<std::int64_t> lags;
      for (; i < group.places.size() && group.places[i].partition.topic == topic; ++i) {
        const GroupStatus::Place& place = group.places[i];
        const std::string labels = name + ',' + labels_of(place.partition);
        offset.add(labels, place.committed.value());
        offsets += place.committed.value();
        if (const auto behind = place.lag()) {
          lag.add(labels, *behind);
          lags = lags.value_or(0) + *behind;
        }
      }
      offset_sum.add(name + ",topic=" + quoted(topic), offsets);
      if (lags) lag_sum.add(name + ",topic=" + quoted(topic), *lags);
    }
  }
  for (const Family* family : {&members, &offset, &offset_sum, &lag, &lag_sum}) {
    family->print_to(out);
  }
}

}  // namespace

ControllerGauges::ControllerGauges(const std::shared_ptr<Snapshots>& snapshots,
                                   metrics::Registry& registry) {
  const auto show = [&](const metrics::Metric& metric,
                        std::int32_t (*value)(const ControllerDescription&)) {
    gauges_.push_back(registry.gauge(metric, [snapshots, value] {
      return static_cast<double>(value(snapshots->last()->controller));
    }));
  };
  using Of = const ControllerDescription&;
  show(metrics::kActiveBrokerCount, [](Of it) {
    std::int32_t living = 0;
    for (const controller::BrokerDescription& each : it.brokers) {
      if (!each.process_dead && !each.silent) ++living;
    }
    return living;
  });
  show(metrics::kFencedBrokerCount, [](Of it) {
    std::int32_t fenced = 0;
    for (const controller::BrokerDescription& each : it.brokers) {
      if (each.process_dead || each.silent) ++fenced;
    }
    return fenced;
  });
  show(metrics::kGlobalTopicCount, [](Of it) { return it.topics; });
  show(metrics::kGlobalPartitionCount, [](Of it) { return it.partitions; });
  show(metrics::kOfflinePartitionsCount, [](Of it) { return it.offline_partitions; });
  show(metrics::kPreferredReplicaImbalanceCount,
       [](Of it) { return it.preferred_replica_imbalance; });
  show(metrics::kTopicsToDeleteCount, [](Of it) { return it.topics_to_delete; });
  show(metrics::kReplicasToDeleteCount, [](Of it) { return it.replicas_to_delete; });
  // Who is away deletes when it is back, by the topic's id.
  show(metrics::kTopicsIneligibleToDeleteCount, [](Of) { return 0; });
  show(metrics::kReplicasIneligibleToDeleteCount, [](Of) { return 0; });
  show(metrics::kTopicsWithoutId, [](Of it) { return it.topics_without_id; });
}

double led_and_reassigning(const Sources& sources) {
  double count = 0;
  for (const auto& [name, topic] : sources.metadata.image()->topics()) {
    for (const metadata::PartitionMetadata& partition : topic->partitions) {
      if (partition.state.leader != sources.broker) continue;
      const auto& [replicas, adding, removing] = partition.assignment;
      if (!adding.empty() || !removing.empty()) ++count;
    }
  }
  return count;
}

std::string exporter_text(const Sources& sources, const Snapshot& snapshot) {
  std::string out;
  if (snapshot.controller.active) print_brokers(sources, out);
  print_partitions(sources, snapshot.controller.active, out);
  print_groups(snapshot, out);
  return out;
}

}  // namespace ottla::status
