// DescribeHealth, Ottla's own request.
#include "common/protocol/messages/describe_health.h"

#include <gmock/gmock.h>

#include "broker/api/testing/api_fixture.h"
#include "common/protocol/messages/api_versions.h"

namespace ottla::api {
namespace {

using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;
using protocol::DescribeHealthRequest;
using protocol::DescribeHealthResponse;

class DescribeHealthTest : public ApiFixture {};

TEST_F(DescribeHealthTest, TellsWhatTheControllerSays) {
  controller.health.active = true;
  controller.health.controller_epoch = ControllerEpoch(7);
  controller.health.zookeeper_connected = true;
  controller.health.zookeeper_since = std::chrono::seconds(3);
  controller.health.brokers = {{.id = BrokerId(2),
                                .epoch = BrokerEpoch(5),
                                .presence = controller::BrokerPresence::Silent,
                                .since = std::nullopt}};
  controller::PartitionStanding standing{.partition = {"orders", 1}};
  standing.replicas = {{BrokerId(2), controller::Standing::InDoubt, false}};
  standing.logs_awaited = {{BrokerId(2)}, {}, {BrokerId(4)}, std::chrono::seconds(9)};
  controller.health.partitions = {standing};
  DescribeHealthRequest request;
  request.topics.push_back({.name = "orders", .partitions = {1}});

  const auto response = ask<DescribeHealthResponse>(request, 0);
  EXPECT_TRUE(response.is_controller);
  EXPECT_EQ(response.controller_epoch, ControllerEpoch(7));
  EXPECT_EQ(response.zookeeper_since_ms, 3000);
  ASSERT_EQ(response.brokers.size(), 1U);
  EXPECT_EQ(response.brokers[0].presence, 1);
  EXPECT_EQ(response.brokers[0].since_ms, -1);
  ASSERT_EQ(response.partitions.size(), 1U);
  EXPECT_FALSE(response.partitions[0].replica.has_value());
  ASSERT_TRUE(response.partitions[0].decision.has_value());
  EXPECT_EQ(response.partitions[0].decision->standings[0].standing,
            static_cast<std::int8_t>(controller::Standing::InDoubt));
  EXPECT_EQ(response.partitions[0].decision->logs_awaited->awaited, std::vector{BrokerId(4)});
  EXPECT_EQ(response.partitions[0].decision->logs_awaited->time_left_ms, 9000);
}

TEST_F(DescribeHealthTest, IsNamedToOurToolsOnly) {
  const auto names_it = [&](const char* software) {
    ApiVersionsRequest request;
    request.client_software_name = software;
    request.client_software_version = "1";
    const auto response = ask<ApiVersionsResponse>(request, 3);
    return std::ranges::any_of(response.api_keys, [](const auto& api) {
      return api.api_key == static_cast<std::int16_t>(protocol::ApiKey::DescribeHealth);
    });
  };
  EXPECT_TRUE(names_it("ottla"));
  EXPECT_FALSE(names_it("apache-kafka-java"));
}

}  // namespace
}  // namespace ottla::api
