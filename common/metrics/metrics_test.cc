#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/mutex.h"
#include "common/metrics/network_metrics.h"
#include "common/metrics/ottla_metrics.h"
#include "common/metrics/recent.h"
#include "common/metrics/reference.h"
#include "common/metrics/registry.h"
#include "common/metrics/replica_metrics.h"
#include "common/metrics/server_metrics.h"
#include "common/metrics/tables.h"
#include "common/metrics/transaction_metrics.h"

namespace ottla::metrics {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

const std::chrono::steady_clock::time_point kStart{seconds(1000)};

TEST(Metric, HasTheNameThatTheJmxExporterGives) {
  EXPECT_EQ(prometheus_name(kBytesIn), "kafka_server_brokertopicmetrics_bytesin_total");
  EXPECT_EQ(prometheus_name(kUnderReplicatedPartitions),
            "kafka_server_replicamanager_underreplicatedpartitions");
  EXPECT_EQ(prometheus_name(kTotalTimeMs), "kafka_network_requestmetrics_totaltimems");
  EXPECT_EQ(prometheus_name(kConnectionCount),
            "kafka_server_socket_server_metrics_connection_count");
  EXPECT_EQ(prometheus_name(kNetworkIdlePercent),
            "kafka_network_socketserver_networkprocessoravgidle_percent");
  EXPECT_EQ(prometheus_name(kConnectionCreations),
            "kafka_server_socket_server_metrics_connection_creation_total");
}

TEST(Metric, HasTheNameOfConfluentsRulesOnRequest) {
  const auto name = [](const Metric& metric) {
    return prometheus_name(metric, Dialect::Confluent);
  };
  EXPECT_EQ(name(kBytesIn), "kafka_server_brokertopicmetrics_bytesinpersec");
  EXPECT_EQ(name(kNetworkIdlePercent), "kafka_network_socketserver_networkprocessoravgidlepercent");
  EXPECT_EQ(name(kRequestHandlerIdlePercent),
            "kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent_oneminuterate");
  EXPECT_EQ(name(kConnectionCount), "kafka_server_socketservermetrics_connection_count");
  EXPECT_EQ(label_name(kClientConnections, 0, Dialect::Confluent), "client_software_name");
  EXPECT_EQ(label_name(kReplicaMaxLag, 0, Dialect::Confluent), "clientid");
  EXPECT_EQ(label_name(kReplicaMaxLag, 0), "clientId");
  EXPECT_EQ(name(kReady), "ottla_broker_ready");
}

TEST(Metric, EveryNameIsDeclaredOnceAndExplained) {
  std::set<std::string> names;
  for (const Metric* metric : all_metrics()) {
    EXPECT_TRUE(names.insert(prometheus_name(*metric)).second) << metric->name;
    EXPECT_FALSE(metric->doc.empty()) << metric->name;
  }
  EXPECT_GT(names.size(), 80U);
}

TEST(Registry, GivesTheSameCounterToEverybodyWhoAsks) {
  Registry registry;
  const auto one = registry.counter(kBytesIn, {"orders"});
  const auto other = registry.counter(kBytesIn, {"orders"});
  one->add(3);
  other->add(4);
  EXPECT_EQ(one->value(), 7);
}

// Debug builds abort on a wrong order of locks.
TEST(Registry, MayBeAskedForASeriesUnderAnyLock) {
  Registry registry;
  Mutex mutex(LockRank::Leaf);
  const MutexLock lock(mutex);
  EXPECT_NE(registry.counter(kBytesIn), nullptr);
}

TEST(Registry, PrintsCountersWithAndWithoutLabels) {
  Registry registry;
  const auto all = registry.counter(kBytesIn);
  const auto orders = registry.counter(kBytesIn, {"or\"ders"});
  all->add(10);
  orders->add(5);
  EXPECT_EQ(registry.prometheus_text(kStart),
            "# HELP kafka_server_brokertopicmetrics_bytesin_total Record bytes from producers.\n"
            "# TYPE kafka_server_brokertopicmetrics_bytesin_total counter\n"
            "kafka_server_brokertopicmetrics_bytesin_total 10\n"
            "kafka_server_brokertopicmetrics_bytesin_total{topic=\"or\\\"ders\"} 5\n");
}

TEST(Registry, ForgetsASeriesWithItsHolder) {
  Registry registry;
  auto orders = registry.counter(kBytesIn, {"orders"});
  orders->add();
  orders.reset();
  EXPECT_EQ(registry.prometheus_text(kStart), "");
}

TEST(Registry, AsksAGaugeWhenSomebodyLooks) {
  Registry registry;
  int leaders = 1;
  auto registration = registry.gauge(kLeaderCount, [&] { return leaders; });
  leaders = 7;
  EXPECT_THAT(registry.prometheus_text(kStart),
              HasSubstr("kafka_server_replicamanager_leadercount 7\n"));
  registration.reset();
  EXPECT_EQ(registry.prometheus_text(kStart), "");
}

TEST(Registry, TakesManySamplesFromOneGauge) {
  Registry registry;
  const auto registration = registry.gauges(kPartitionReplicasCount, [](GaugeSink& sink) {
    sink.add({"a", "0"}, 3);
    sink.add({"a", "1"}, 2);
  });
  const auto samples = registry.samples();
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[1].labels, (LabelValues{"a", "1"}));
  EXPECT_EQ(samples[1].value, 2);
}

TEST(Registry, TellsQuantilesOfTheLastMinutesOnly) {
  Registry registry;
  const auto times = registry.histogram(kRequestBytes, {"Produce"});
  for (int i = 0; i < 100; ++i) times->record(5);
  EXPECT_THAT(registry.prometheus_text(kStart), HasSubstr("quantile=\"0.99\"} 5\n"));

  // Two windows later the old values count for the sum, but no more for the quantiles.
  EXPECT_THAT(registry.prometheus_text(kStart + seconds(61)), HasSubstr("quantile=\"0.5\"} 5\n"));
  times->record(3);
  const std::string later = registry.prometheus_text(kStart + seconds(122));
  EXPECT_THAT(later, HasSubstr("quantile=\"0.999\"} 3\n"));
  EXPECT_THAT(later, HasSubstr("_count{request=\"Produce\"} 101\n"));
  EXPECT_THAT(later, HasSubstr("_sum{request=\"Produce\"} 503\n"));
}

TEST(Registry, ShowsMicrosecondsInTheUnitOfTheMetric) {
  Registry registry;
  const auto times = registry.histogram(kTotalTimeMs, {"Produce"});
  registry.share(kRequestDuration, {"Produce"}, times);
  times->record(1500);
  times->record(40'000'000);
  const std::string text = registry.prometheus_text(kStart);
  EXPECT_THAT(text, HasSubstr("totaltimems{request=\"Produce\",quantile=\"0.5\"} 1.535\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE ottla_request_duration_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("duration_seconds_bucket{request=\"Produce\",le=\"0.001\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("duration_seconds_bucket{request=\"Produce\",le=\"0.0025\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("duration_seconds_bucket{request=\"Produce\",le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("duration_seconds_count{request=\"Produce\"} 2\n"));
}

TEST(Reference, IsThePageInDocs) {
  std::ifstream page(OTTLA_DOCS "/metrics.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  EXPECT_TRUE(text == reference()) << "run: ottla_metrics_doc docs/metrics.md";
}

/// Type and name of a bean, without what it is labelled with.
std::string without_labels(const std::string& bean) {
  const auto name = bean.find(",name=");
  return bean.substr(0, bean.find(',', name == std::string::npos ? 0 : name + 1));
}

TEST(Reference, TellsOfEachOfKafkasBeans) {
  std::set<std::string> declared;
  for (const Metric* metric : all_metrics()) {
    declared.insert(std::string(metric->domain) + ":type=" + std::string(metric->type) +
                    ",name=" + std::string(metric->name));
  }
  std::ifstream list(OTTLA_TESTDATA "/kafka_beans.txt");
  std::set<std::string_view> used;
  int beans = 0;
  for (std::string bean; std::getline(list, bean);) {
    if (bean.starts_with('#')) continue;
    ++beans;
    bool is_left_out = false;
    for (const LeftOut& row : left_out()) {
      for (const auto pattern : row.beans) {
        if (fnmatch(std::string(pattern).c_str(), bean.c_str(), 0) != 0) continue;
        used.insert(pattern);
        is_left_out = true;
      }
    }
    EXPECT_TRUE(is_left_out || declared.contains(without_labels(bean))) << bean;
  }
  EXPECT_GT(beans, 300);
  for (const LeftOut& row : left_out()) {
    for (const auto pattern : row.beans) EXPECT_TRUE(used.contains(pattern)) << pattern;
  }
}

TEST(Histogram, HasBucketsThatFollowEachOtherWithoutGap) {
  for (std::uint64_t value = 1; value < 100000; ++value) {
    const auto bucket = Histogram::bucket_of(value);
    ASSERT_LE(value, Histogram::highest_of(bucket));
    ASSERT_GT(value, Histogram::highest_of(bucket - 1));
  }
  EXPECT_EQ(Histogram::bucket_of(std::uint64_t{1} << 62), Histogram::kBuckets - 1);
}

TEST(Histogram, FindsQuantilesWithinAnEighth) {
  Histogram histogram;
  for (int value = 1; value <= 10000; ++value) histogram.record(value);
  const auto counts = histogram.counts();
  EXPECT_NEAR(static_cast<double>(quantile(counts, 0.5)), 5000, 5000 / 8);
  EXPECT_NEAR(static_cast<double>(quantile(counts, 0.99)), 9900, 9900 / 8);
  EXPECT_EQ(quantile(Histogram::Counts{}, 0.5), 0U);
}

TEST(Histogram, LosesNothingBetweenThreads) {
  Histogram histogram;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10000; ++n) histogram.record(n);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(histogram.count(), 40000);
}

TEST(Recent, IsTheLastMinute) {
  Registry registry;
  double now = 1000;
  Recent recent(registry, kTransactionLoadAverageMs, kTransactionLoadLongestMs,
                [&now] { return now; });
  EXPECT_TRUE(std::isnan(recent.average()));
  EXPECT_TRUE(std::isnan(recent.longest()));
  recent.record(10);
  now += 40;
  recent.record(40);
  EXPECT_EQ(recent.average(), 25);
  EXPECT_EQ(recent.longest(), 40);
  const std::string text = registry.prometheus_text({});
  EXPECT_NE(text.find("kafka_server_transaction_coordinator_metrics_partition_load_time_max 40\n"),
            std::string::npos)
      << text;
  now += 40;
  EXPECT_EQ(recent.average(), 40) << "the first is older than a minute";
  now += 40;
  EXPECT_TRUE(std::isnan(recent.longest()));
}

}  // namespace
}  // namespace ottla::metrics
