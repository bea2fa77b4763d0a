// AlterConfigs, IncrementalAlterConfigs, and what they make of configs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/api/config_operations.h"
#include "broker/api/log_levels.h"
#include "broker/api/testing/api_fixture.h"
#include "common/config/tables.h"
#include "common/protocol/messages/alter_configs.h"
#include "common/protocol/messages/describe_configs.h"
#include "common/protocol/messages/incremental_alter_configs.h"

namespace ottla::api {
namespace {

using protocol::AlterConfigsRequest;
using protocol::AlterConfigsResponse;
using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using protocol::IncrementalAlterConfigsRequest;
using protocol::IncrementalAlterConfigsResponse;
using zookeeper::ConfigMap;

constexpr std::int8_t kSet = 0;
constexpr std::int8_t kDelete = 1;
constexpr std::int8_t kAppend = 2;
constexpr std::int8_t kSubtract = 3;

Result<ConfigMap> applied(const ConfigMap& config, const std::vector<ConfigOperation>& operations) {
  return apply_operations(config, operations, config::find_topic_key);
}

TEST(ConfigOperations, SetAndDelete) {
  EXPECT_EQ(applied({{"a", "1"}, {"b", "2"}}, {{"a", kSet, "3"}, {"b", kDelete, {}}}),
            (ConfigMap{{"a", "3"}}));
  EXPECT_EQ(applied({}, {{"b", kDelete, {}}}), ConfigMap());
}

TEST(ConfigOperations, ListsGrowFromTheirDefaultAndShrink) {
  const std::string policy = "cleanup.policy";
  EXPECT_EQ(applied({}, {{policy, kAppend, "compact"}}), (ConfigMap{{policy, "delete,compact"}}));
  EXPECT_EQ(applied({{policy, "compact"}}, {{policy, kAppend, "compact"}}),
            (ConfigMap{{policy, "compact"}}));
  EXPECT_EQ(applied({{policy, "delete,compact"}}, {{policy, kSubtract, "delete"}}),
            (ConfigMap{{policy, "compact"}}));
  EXPECT_EQ(applied({{policy, "compact"}}, {{policy, kSubtract, "compact"}}),
            (ConfigMap{{policy, ""}}));
  EXPECT_EQ(applied({}, {{"retention.ms", kAppend, "1"}}).error().code(), ErrorCode::InvalidConfig);
  EXPECT_EQ(applied({}, {{"no.such", kSubtract, "1"}}).error().code(), ErrorCode::InvalidConfig);
}

TEST(ConfigOperations, TheirFormIsChecked) {
  const auto refused = [](const std::vector<ConfigOperation>& operations) {
    const auto checked = check_form(operations);
    return !checked && checked.error().code() == ErrorCode::InvalidRequest;
  };
  EXPECT_TRUE(refused({{"a", kSet, "1"}, {"a", kDelete, {}}}));
  EXPECT_TRUE(refused({{"a", kSet, {}}}));
  EXPECT_TRUE(refused({{"a", 4, "1"}}));
  EXPECT_TRUE(refused({{"a", -1, "1"}}));
  EXPECT_FALSE(refused({{"a", kDelete, {}}, {"b", kAppend, "1"}}));
}

class ConfigHandlers : public ApiFixture {
 protected:
  IncrementalAlterConfigsRequest::Resource resource(
      std::int8_t type, const std::string& name, const std::vector<ConfigOperation>& operations) {
    IncrementalAlterConfigsRequest::Resource asked;
    asked.resource_type = type;
    asked.resource_name = name;
    for (const auto& each : operations) asked.configs.push_back({each.name, each.kind, each.value});
    return asked;
  }
  ErrorCode change(std::int8_t type, const std::string& name,
                   const std::vector<ConfigOperation>& operations, bool validate_only = false) {
    IncrementalAlterConfigsRequest request;
    request.resources = {resource(type, name, operations)};
    request.validate_only = validate_only;
    const auto response = ask<IncrementalAlterConfigsResponse>(request, 1);
    EXPECT_EQ(response.responses.size(), 1U);
    EXPECT_EQ(response.responses.at(0).error_message.has_value(),
              response.responses.at(0).error_code != ErrorCode::None);
    return response.responses.at(0).error_code;
  }
};

TEST_F(ConfigHandlers, ATopicsConfigIsChangedInEveryVersion) {
  for (std::int16_t version = 0; version <= 1; ++version) {
    IncrementalAlterConfigsRequest request;
    request.resources = {resource(2, "orders", {{"retention.ms", kSet, std::to_string(version)}})};
    const auto response = ask<IncrementalAlterConfigsResponse>(request, version);
    EXPECT_EQ(response.responses.at(0).error_code, ErrorCode::None);
    EXPECT_EQ(response.responses.at(0).resource_name, "orders");
    EXPECT_EQ(configs.configs["topics/orders"],
              (ConfigMap{{"retention.ms", std::to_string(version)}}));
  }
  EXPECT_EQ(change(2, "orders", {{"segment.ms", kSet, "5"}}), ErrorCode::None);
  EXPECT_EQ(configs.configs["topics/orders"].size(), 2U);
}

TEST_F(ConfigHandlers, AnOldAlterConfigsReplacesAll) {
  configs.configs["topics/orders"] = {{"segment.ms", "5"}};
  for (std::int16_t version = 0; version <= 2; ++version) {
    AlterConfigsRequest request;
    AlterConfigsRequest::Resource asked;
    asked.resource_type = 2;
    asked.resource_name = "orders";
    asked.configs = {{"retention.ms", std::to_string(version)}};
    request.resources = {asked};
    EXPECT_EQ(ask<AlterConfigsResponse>(request, version).responses.at(0).error_code,
              ErrorCode::None);
    EXPECT_EQ(configs.configs["topics/orders"],
              (ConfigMap{{"retention.ms", std::to_string(version)}}));
  }
}

TEST_F(ConfigHandlers, WhatIsWrongChangesNothing) {
  EXPECT_EQ(change(2, "orders", {{"retention.ms", kSet, "x"}}), ErrorCode::InvalidConfig);
  EXPECT_EQ(change(2, "orders", {{"no.such", kSet, "1"}}), ErrorCode::InvalidConfig);
  EXPECT_EQ(change(2, "nowhere", {{"retention.ms", kSet, "1"}}),
            ErrorCode::UnknownTopicOrPartition);
  EXPECT_EQ(change(2, "", {{"retention.ms", kSet, "1"}}), ErrorCode::InvalidRequest);
  EXPECT_EQ(change(4, "1", {{"num.io.threads", kSet, "x"}}), ErrorCode::InvalidRequest);
  EXPECT_EQ(change(4, "1", {{"broker.id", kSet, "7"}}), ErrorCode::InvalidRequest);
  EXPECT_EQ(change(4, "2", {{"num.io.threads", kSet, "7"}}), ErrorCode::InvalidRequest);
  EXPECT_EQ(change(4, "x", {{"num.io.threads", kSet, "7"}}), ErrorCode::InvalidRequest);
  EXPECT_EQ(change(16, "x", {}), ErrorCode::InvalidRequest);
  EXPECT_EQ(change(77, "x", {}), ErrorCode::InvalidRequest);
  for (const auto& [path, config] : configs.configs) EXPECT_TRUE(config.empty()) << path;
}

TEST_F(ConfigHandlers, ValidationAloneWritesNothing) {
  EXPECT_EQ(change(2, "orders", {{"retention.ms", kSet, "5"}}, true), ErrorCode::None);
  EXPECT_EQ(configs.configs["topics/orders"], ConfigMap());
}

TEST_F(ConfigHandlers, OfOneBrokerAndOfAll) {
  EXPECT_EQ(change(4, "1", {{"num.io.threads", kSet, "7"}}), ErrorCode::None);
  EXPECT_EQ(change(4, "", {{"log.cleanup.policy", kAppend, "compact"}}), ErrorCode::None);
  EXPECT_EQ(configs.configs["brokers/1"], (ConfigMap{{"num.io.threads", "7"}}));
  EXPECT_EQ(configs.configs["brokers/<default>"],
            (ConfigMap{{"log.cleanup.policy", "delete,compact"}}));
}

TEST_F(ConfigHandlers, WhatHasNoEffectIsRefused) {
  for (const char* name : {"ssl.keystore.location", "listener.name.plaintext.ssl.keystore.location",
                           "metric.reporters", "listener.name.plaintext.num.io.threads"}) {
    EXPECT_EQ(change(4, "1", {{name, kSet, "1"}}), ErrorCode::InvalidRequest) << name;
  }
}

TEST_F(ConfigHandlers, WhatAnotherToolLeftDoesNotHinder) {
  configs.configs["brokers/1"] = {{"ssl.keystore.location", "/x"}, {"num.io.threads", "zero"}};
  EXPECT_EQ(change(4, "1", {{"message.max.bytes", kSet, "5000"}}), ErrorCode::None);
  EXPECT_EQ(configs.configs["brokers/1"].size(), 3U);
}

TEST_F(ConfigHandlers, AResourceThatStandsTwiceIsRefused) {
  IncrementalAlterConfigsRequest request;
  request.resources = {resource(2, "orders", {{"retention.ms", kSet, "5"}}),
                       resource(2, "orders", {{"segment.ms", kSet, "5"}}),
                       resource(4, "1", {{"num.io.threads", kSet, "7"}})};
  const auto response = ask<IncrementalAlterConfigsResponse>(request, 1);
  ASSERT_EQ(response.responses.size(), 3U);
  EXPECT_EQ(response.responses[0].error_code, ErrorCode::InvalidRequest);
  EXPECT_EQ(response.responses[1].error_code, ErrorCode::InvalidRequest);
  EXPECT_EQ(response.responses[2].error_code, ErrorCode::None);
}

TEST_F(ConfigHandlers, TheLogLevelIsSetAndTold) {
  const std::string before(log_level());
  EXPECT_EQ(change(8, "1", {{"root", kSet, "DEBUG"}}, true), ErrorCode::None);
  EXPECT_EQ(log_level(), before);
  EXPECT_EQ(change(8, "1", {{"root", kSet, "DEBUG"}}), ErrorCode::None);
  DescribeConfigsRequest request;
  request.resources = {{8, "1", std::nullopt}};
  const auto told = ask<DescribeConfigsResponse>(request, 4);
  ASSERT_EQ(told.results.at(0).configs.size(), 2U);
  EXPECT_EQ(told.results[0].configs[0].name, "kafka.request.logger");
  EXPECT_EQ(told.results[0].configs[0].value, "WARN");
  EXPECT_EQ(told.results[0].configs[1].name, "root");
  EXPECT_EQ(told.results[0].configs[1].value, "DEBUG");
  EXPECT_EQ(change(8, "1", {{"root", kSet, "debug"}}), ErrorCode::InvalidConfig);
  EXPECT_EQ(change(8, "1", {{"no.such", kSet, "DEBUG"}}), ErrorCode::InvalidConfig);
  EXPECT_EQ(change(8, "1", {{"root", kDelete, {}}}), ErrorCode::InvalidRequest);
  EXPECT_EQ(change(8, "1", {{"root", kAppend, "DEBUG"}}), ErrorCode::InvalidRequest);
  EXPECT_EQ(change(8, "2", {{"root", kSet, "DEBUG"}}), ErrorCode::InvalidRequest);
  set_log_level(kRootLogger, before);
}

TEST_F(ConfigHandlers, TheLogOfRequestsIsALoggerOfItsOwn) {
  const std::string root(log_level());
  EXPECT_EQ(request_log_detail(), RequestLogDetail::None);
  EXPECT_EQ(change(8, "1", {{"kafka.request.logger", kSet, "DEBUG"}}), ErrorCode::None);
  EXPECT_EQ(request_log_detail(), RequestLogDetail::Request);
  EXPECT_EQ(change(8, "1", {{"kafka.request.logger", kSet, "TRACE"}}), ErrorCode::None);
  EXPECT_EQ(request_log_detail(), RequestLogDetail::RequestAndAnswer);
  EXPECT_EQ(log_level(), root);
  EXPECT_EQ(change(8, "1", {{"kafka.request.logger", kSet, "LOUD"}}), ErrorCode::InvalidConfig);
  EXPECT_EQ(change(8, "1", {{"kafka.request.logger", kDelete, {}}}), ErrorCode::None);
  EXPECT_EQ(request_log_detail(), RequestLogDetail::None);
  EXPECT_EQ(log_level(kRequestLogger), "WARN");
}

TEST_F(ConfigHandlers, ThrottlesAndUnknownNamesAreShownWhereTheyAreSet) {
  const auto names = [&] {
    DescribeConfigsRequest request;
    request.resources = {
        {4, "1", std::vector<std::string>{"leader.replication.throttled.rate", "no.such"}}};
    std::vector<std::string> found;
    const auto response = ask<DescribeConfigsResponse>(request, 4);
    for (const auto& each : response.results.at(0).configs) {
      EXPECT_TRUE(each.read_only);
      found.push_back(each.name + "=" + each.value.value_or("null"));
    }
    return found;
  };
  EXPECT_THAT(names(), ::testing::IsEmpty());
  broker_config.set_dynamic(config::Source::DynamicBroker,
                            {{"leader.replication.throttled.rate", "5"}, {"no.such", "secret"}});
  EXPECT_THAT(names(),
              ::testing::ElementsAre("leader.replication.throttled.rate=5", "no.such=null"));
}

TEST_F(ConfigHandlers, TheDefaultOfAllIsToldByABrokerWithAValueOfItsOwn) {
  broker_config.set_dynamic(config::Source::DynamicDefaultBroker, {{"message.max.bytes", "7"}});
  broker_config.set_dynamic(config::Source::DynamicBroker, {{"message.max.bytes", "8"}});
  DescribeConfigsRequest request;
  request.resources = {{4, "", std::nullopt}};
  request.include_synonyms = true;
  const auto response = ask<DescribeConfigsResponse>(request, 4);
  ASSERT_EQ(response.results.at(0).configs.size(), 1U);
  EXPECT_EQ(response.results[0].configs[0].value, "7");
  EXPECT_EQ(response.results[0].configs[0].synonyms.size(), 1U);
}

}  // namespace
}  // namespace ottla::api
