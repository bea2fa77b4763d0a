#include "broker/membership/membership_metrics.h"

#include <gtest/gtest.h>

#include "common/metrics/server_metrics.h"
#include "common/testing/simulated_world.h"
#include "common/testing/simulated_zookeeper.h"

namespace ottla::membership {
namespace {

using std::chrono::seconds;
using testing::SimulatedWorld;
using testing::SimulatedZooKeeper;

double value_of(const metrics::Metric& metric, const metrics::Registry& registry) {
  for (const auto& sample : registry.samples()) {
    if (*sample.metric == metric) return sample.value;
  }
  return -1;
}

struct Silent final : RegistrationListener {
  void registered(BrokerEpoch /*epoch*/) override {}
  void lost(const std::string& /*why*/) override {}
};

cluster::Broker broker_one() {
  cluster::Broker broker{.id = BrokerId(1)};
  broker.endpoints = {{"PLAINTEXT", "PLAINTEXT", "host", 9092}};
  broker.grpc_endpoint = "host:9192";
  broker.start_nonce = "n";
  return broker;
}

// W14: a broker that is not registered is seen from outside, not only by its log.
TEST(MembershipMetrics, TellThatTheBrokerIsNotRegistered) {
  SimulatedWorld world{3};
  SimulatedZooKeeper ensemble{world};
  ASSERT_TRUE(ensemble
                  .apply({zookeeper::Create{"/brokers", std::nullopt},
                          zookeeper::Create{"/brokers/ids", std::nullopt}})
                  .has_value());
  const auto client = ensemble.make_client("a");
  const auto loop = world.make_executor();
  Silent silent;
  metrics::Registry registry;
  SessionMetrics session(registry, world.clock());
  BrokerRegistration registration(*client, *loop, world.clock(), world.random(), silent);
  const RegistrationGauge gauge(registration, registry);
  client->add_listener(session);
  client->add_listener(registration);
  EXPECT_EQ(value_of(metrics::kBrokerRegistered, registry), 0);
  EXPECT_EQ(value_of(metrics::kZooKeeperSessionState, registry), 0);

  client->start();
  loop->post([&] { registration.start(broker_one()); });
  ASSERT_TRUE(world.run_until_true(
      [&] { return value_of(metrics::kBrokerRegistered, registry) == 1; }, seconds(60)));
  EXPECT_EQ(value_of(metrics::kZooKeeperSessionState, registry), 1);
  EXPECT_EQ(value_of(metrics::kZooKeeperSyncConnects, registry), 1);

  ensemble.expire("a");
  ASSERT_TRUE(world.run_until_true(
      [&] { return value_of(metrics::kBrokerRegistered, registry) == 0; }, seconds(60)));
  ASSERT_TRUE(world.run_until_true(
      [&] { return value_of(metrics::kBrokerRegistered, registry) == 1; }, seconds(60)));
  EXPECT_EQ(value_of(metrics::kZooKeeperExpires, registry), 1);
  EXPECT_EQ(value_of(metrics::kZooKeeperSyncConnects, registry), 2);
  client->close();
}

}  // namespace
}  // namespace ottla::membership
