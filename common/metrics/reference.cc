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

}  // namespace

std::span<const LeftOut> left_out() {
  static const std::vector<LeftOut> kLeftOut{
      {{"kafka.server:type=*-metrics,name=*-rate*", "kafka.server:type=*-metrics,name=*-avg*"},
       "`rate()` of the counter beside it tells it, over any time."},
      {{"kafka.server:type=ReplicaFetcherManager,name=DeadThreadCount,*",
        "kafka.server:type=ReplicaAlterLogDirsManager,name=DeadThreadCount,*",
        "kafka.server:type=ReplicaAlterLogDirsManager,name=FailedPartitionsCount,*",
        "kafka.server:type=ReplicaAlterLogDirsManager,name=MinFetchRate,*"},
       "A thread that dies ends the process; moves between log dirs are retried for ever: "
       "`LogDirMoves`."},
      {{"kafka.server:type=FetcherStats,*"},
       "Followers do not fetch: `ReplicationBytesInPerSec`, `FetcherLagMetrics`, "
       "`ottla_replication_stream_*`."},
      {{"kafka.server:type=DelayedFetchMetrics,*,fetcherType=follower"},
       "The same: nothing of followers' waits that could expire."},
      {{"kafka.server:type=DelayedOperationPurgatory,*,delayedOperation=AlterAcls",
        "kafka.server:type=DelayedOperationPurgatory,*,delayedOperation=ElectLeader",
        "kafka.server:type=DelayedOperationPurgatory,*,delayedOperation=Heartbeat",
        "kafka.server:type=DelayedOperationPurgatory,*,delayedOperation=Rebalance",
        "kafka.server:type=DelayedOperationPurgatory,*,delayedOperation=RemoteFetch",
        "kafka.server:type=DelayedOperationPurgatory,*,delayedOperation=topic"},
       "Only `Produce`, `Fetch` and `DeleteRecords` wait in a purgatory; groups and the controller "
       "know what they wait for: `NumGroupsPreparingRebalance`, `EventQueueSize`."},
      {{"kafka.server:type=*-channel-metrics,*", "kafka.server:type=alter-partition-metrics,*",
        "kafka.server:type=forwarding-metrics,*", "kafka.server:type=replica-fetcher-metrics,*",
        "kafka.server:type=socket-server-metrics,*"},
       "But for connections: of Kafka's network client and its selector. Between brokers runs "
       "gRPC."},
      {{"kafka.network:type=RequestChannel,name=ResponseQueueSize,processor=*"},
       "One number for all: the threads of the network share what is to be sent."},
      {{"kafka.controller:type=ControllerStats,name=UpdateFeaturesRateAndTimeMs",
        "kafka.controller:type=KafkaController,name=ZkMigrationState"},
       "There are no features to update with ZooKeeper, and no migration."},
      {{"kafka.network:type=SocketServer,name=ControlPlane*",
        "kafka.network:type=SocketServer,name=MemoryPool*"},
       "There is no control plane listener, and no pool: queued.max.request.bytes bounds what is "
       "read."},
      {{"kafka.server:type=SessionExpireListener,name=ZooKeeperReadOnlyConnectsPerSec",
        "kafka.server:type=SessionExpireListener,name=ZooKeeperSaslAuthenticationsPerSec"},
       "A session that may only read is not asked for; SASL is ZooKeeper's client library's."},
      {{"kafka.security:type=AclAuthorizer,*"},
       "There is no authorizer with a ZooKeeper session of its own: `SessionExpireListener` tells "
       "of the one."},
      {{"kafka.server:type=ControllerMutation,*", "kafka.server:type=Fetch,*",
        "kafka.server:type=Produce,*", "kafka.server:type=Request,*"},
       "Of client quotas, which there are none of."},
      {{"kafka.server:type=LeaderReplication,name=byte-rate"},
       "`rate()` of `ReplicationBytesOutPerSec`: what goes to throttled replicas is not counted "
       "apart."},
      {{"kafka.server:type=app-info,name=start-time-ms", "kafka.server:type=app-info,name=version",
        "kafka.server:type=app-info,name=*ommit*d*"},
       "The attributes of the bean with the broker's id are here; the package's changelog names "
       "the commit."},
      {{"kafka.server:type=KafkaServer,name=ClusterId",
        "kafka.server:type=KafkaServer,name=yammer-metrics-count",
        "kafka.server:type=kafka-metrics-count,*", "kafka:type=kafka.LogNjController"},
       "Text is no sample (the cluster's id stands on the status page); the others tell of "
       "Kafka's own registries."},
  };
  return kLeftOut;
}

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
  page +=
      "\n## What Kafka has and Ottla does not\n\n"
      "A number that nothing here measures would only mislead. Left out are:\n\n"
      "| Kafka's beans | why |\n"
      "| --- | --- |\n";
  for (const LeftOut& row : left_out()) {
    std::string beans;
    for (const auto bean : row.beans)
      beans += (beans.empty() ? "`" : ", `") + std::string(bean) + "`";
    page += "| " + beans + " | " + std::string(row.why) + " |\n";
  }
  return page;
}

}  // namespace ottla::metrics
