#include "broker/api/topic_metrics.h"

#include <gtest/gtest.h>

#include "common/metrics/server_metrics.h"

namespace ottla::api {
namespace {

// A leader serves before its image is out: what comes in between counts.
TEST(TopicMetrics, CountAServedTopicThatTheImageDoesNotHaveYet) {
  metrics::Registry registry;
  metadata::MetadataCache metadata;
  TopicMetrics topics(registry, metadata);
  topics.produced("new", 100, 7, /*failed=*/false);
  topics.produced("new", 100, 3, /*failed=*/false);
  EXPECT_EQ(registry.counter_value(metrics::kMessagesIn, {"new"}), 10);
  topics.produced("made up", 0, 0, /*failed=*/true);
  topics.fetched("made up", 0, /*failed=*/true);
  EXPECT_EQ(registry.counter_value(metrics::kFailedProduceRequests, {"made up"}), std::nullopt);
}

}  // namespace
}  // namespace ottla::api
