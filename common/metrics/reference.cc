#include "common/metrics/reference.h"

#include <string_view>

#include "common/metrics/tables.h"

namespace ottla::metrics {
namespace {

std::string bean_of(const Metric& metric) {
  std::string bean = std::string(metric.domain) + ":type=" + std::string(metric.type) +
                     ",name=" + std::string(metric.name);
  for (const auto label : metric.labels) {
    if (!label.empty()) bean += "," + std::string(label) + "=..";
  }
  return bean;
}

/// Beans of Kafka 3.9 that have no row, and why.
constexpr const char* kLeftOut =
    R"(
## What Kafka has and Ottla does not

A number that nothing here measures would only mislead. Left out are:

| Kafka's beans | why |
| --- | --- |
| attributes `*-rate` and `*-avg` beside a counter | `rate()` of the counter tells it, over any time. |
| `kafka.server:type=ReplicaFetcherManager` and `ReplicaAlterLogDirsManager`, `DeadThreadCount` and (of the latter) `FailedPartitionsCount`, `MinFetchRate` | A thread that dies ends the process; moves between log dirs are retried for ever: `LogDirMoves`. |
| `kafka.server:type=FetcherStats` | Followers do not fetch: `ReplicationBytesInPerSec`, `FetcherLagMetrics`, `ottla_replication_stream_*`. |
| `kafka.server:type=DelayedFetchMetrics,fetcherType=follower` | The same: nothing of followers' waits that could expire. |
| `*-channel-metrics`, `alter-partition-metrics`, `forwarding-metrics`, `replica-fetcher-metrics`, `socket-server-metrics` by network processor but for connections | Of Kafka's network client and its selector. Between brokers runs gRPC. |
| `kafka.controller:type=ControllerStats,name=UpdateFeatures..`, `KafkaController,name=ZkMigrationState` | There are no features to update with ZooKeeper, and no migration. |
| `kafka.network:type=SocketServer`, `ControlPlane..` and `MemoryPool..` | There is no control plane listener, and no pool: queued.max.request.bytes bounds what is read. |
| `kafka.server:type=SessionExpireListener`, `ZooKeeperReadOnlyConnectsPerSec` and `ZooKeeperSaslAuthenticationsPerSec` | A session that may only read is not asked for; SASL is ZooKeeper's client library's. |
| `kafka.server:type=KafkaServer,name=ClusterId` and `yammer-metrics-count`, `kafka-metrics-count`, `kafka.LogNjController` | Text is no sample (the cluster's id stands on the status page); the others tell of Kafka's own registries. |
)";

}  // namespace

std::string reference() {
  std::string page =
      "# Metrics\n\n"
      "Made from the tables in common/metrics by `ottla_metrics_doc`; a test compares. Each has "
      "the "
      "name that Prometheus' JMX\nexporter gives to Kafka's MBean under its usual rules, so that "
      "dashboards and alerts carry over; with `?dialect=B` it "
      "stands under the name that Confluent's rules give it. What begins with\n`ottla_` is Ottla's "
      "own.\n\n"
      "A counter with the label `topic` also stands there without it, as the sum over all topics. "
      "A "
      "summary has quantiles of the last\none to two minutes, and `_sum` and `_count` since the "
      "start.\n\n"
      "| Prometheus | kind | Kafka's MBean | meaning |\n"
      "| --- | --- | --- | --- |\n";
  for (const Metric* metric : all_metrics()) {
    page += "| `" + prometheus_name(*metric) + "` | " + std::string(prometheus_type(metric->kind)) +
            " | `" + bean_of(*metric) + "` | " + std::string(metric->doc) + " |\n";
  }
  return page + kLeftOut;
}

}  // namespace ottla::metrics
