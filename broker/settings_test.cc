#include "broker/settings.h"

#include <gtest/gtest.h>

#include "common/config/broker_config.h"

namespace ottla::broker {
namespace {

TEST(NetworkSettings, HostsInOverridesAreLookedUp) {
  const auto loaded = config::BrokerConfig::load(
      {{"zookeeper.connect", "z:2181"},
       {"max.connections.per.ip.overrides", "10.0.0.7:5,localhost:3,no.such.host.invalid:9"}});
  ASSERT_TRUE(loaded);
  const auto limits = network_options(*loaded->config->values()).limits.per_ip_overrides;
  EXPECT_EQ(limits.at("10.0.0.7"), 5);
  EXPECT_EQ(limits.at("127.0.0.1"), 3);
  EXPECT_FALSE(limits.contains("localhost"));
  for (const auto& [address, most] : limits) EXPECT_NE(most, 9) << address;
}

TEST(NetworkSettings, LimitsOfTheBrokerAndOfListeners) {
  const auto loaded = config::BrokerConfig::load(
      {{"zookeeper.connect", "z:2181"},
       {"listeners", "PLAINTEXT://:9092,Internal://:9093"},
       {"listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,Internal:PLAINTEXT"},
       {"max.connections", "100"},
       {"max.connection.creation.rate", "20"},
       {"listener.name.internal.max.connections", "7"}});
  ASSERT_TRUE(loaded) << loaded.error().message();
  const auto limits = network_options(*loaded->config->values()).limits;
  EXPECT_EQ(limits.all, (network::ConnectionLimit{.most = 100, .new_per_second = 20}));
  ASSERT_EQ(limits.by_listener.size(), 1U);
  EXPECT_EQ(limits.by_listener.begin()->second, network::ConnectionLimit{.most = 7});

  // Brokers come on the first: what is set for the broker holds only the other up.
  EXPECT_EQ(limits.protected_listener, "PLAINTEXT");
  const auto one = config::BrokerConfig::load({{"zookeeper.connect", "z:2181"}});
  EXPECT_EQ(network_options(*one->config->values()).limits.protected_listener, std::nullopt);
}

}  // namespace
}  // namespace ottla::broker
