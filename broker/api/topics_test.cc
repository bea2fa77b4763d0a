// CreateTopics, DeleteTopics, CreatePartitions, DescribeConfigs.
#include <gmock/gmock.h>

#include <algorithm>

#include "broker/api/testing/api_fixture.h"
#include "common/protocol/messages/create_partitions.h"
#include "common/protocol/messages/create_topics.h"
#include "common/protocol/messages/delete_topics.h"
#include "common/protocol/messages/describe_configs.h"

namespace ottla::api {
namespace {

using protocol::CreatePartitionsRequest;
using protocol::CreatePartitionsResponse;
using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;
using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;
using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CreateTopicsHandler : public ApiFixture {};
class DeleteTopicsHandler : public ApiFixture {};
class CreatePartitionsHandler : public ApiFixture {};
class DescribeConfigsHandler : public ApiFixture {};

CreateTopicsRequest create(const std::string& topic) {
  CreateTopicsRequest request;
  auto& added = request.topics.emplace_back();
  added.name = topic;
  added.num_partitions = 4;
  added.replication_factor = 2;
  added.configs = {{"retention.ms", "1234"}};
  request.timeout_ms = 3'000;
  return request;
}

template <class Configs>
const typename Configs::value_type* find_config(const Configs& configs, const std::string& name) {
  const auto found = std::find_if(configs.begin(), configs.end(),
                                  [&](const auto& config) { return config.name == name; });
  return found == configs.end() ? nullptr : &*found;
}

TEST_F(CreateTopicsHandler, CreatesInEveryVersion) {
  for (std::int16_t version = 0; version <= 7; ++version) {
    const auto response = ask<CreateTopicsResponse>(create("fresh"), version);
    ASSERT_THAT(response.topics, SizeIs(1));
    EXPECT_EQ(response.topics[0].error_code, ErrorCode::None);
    if (version >= 1) {
      EXPECT_EQ(response.topics[0].error_message, std::nullopt);
    }
    if (version >= 5) {
      EXPECT_EQ(response.topics[0].num_partitions, 4);
      EXPECT_EQ(response.topics[0].replication_factor, 2);
      const auto* const retention = find_config(*response.topics[0].configs, "retention.ms");
      ASSERT_NE(retention, nullptr);
      EXPECT_EQ(retention->value, "1234");
      EXPECT_EQ(retention->config_source, 1);
    }
    if (version >= 7) {
      EXPECT_EQ(response.topics[0].topic_id, TopicId(1, 2));
    }
  }
  EXPECT_EQ(controller.last_create.timeout, std::chrono::milliseconds(3'000));
  EXPECT_EQ(controller.last_create.topics[0].configs.at("retention.ms"), "1234");
}

TEST_F(CreateTopicsHandler, OnlyTheControllerDoesIt) {
  controller.active = false;
  const auto response = ask<CreateTopicsResponse>(create("fresh"), 5);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::NotController);
  EXPECT_THAT(controller.last_create.topics, IsEmpty());
}

TEST_F(CreateTopicsHandler, PassesTheControllersErrorOn) {
  const auto response = ask<CreateTopicsResponse>(create("orders"), 2);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::TopicAlreadyExists);
  EXPECT_EQ(response.topics[0].error_message, "Topic 'orders' already exists.");
}

TEST_F(CreateTopicsHandler, RefusesWhatContradictsItself) {
  CreateTopicsRequest twice = create("a");
  twice.topics.push_back(twice.topics[0]);
  const auto rows = ask<CreateTopicsResponse>(twice, 2).topics;
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[1].error_code, ErrorCode::InvalidRequest);

  CreateTopicsRequest null_config = create("a");
  null_config.topics[0].configs[0].value = std::nullopt;
  EXPECT_EQ(ask<CreateTopicsResponse>(null_config, 2).topics[0].error_code,
            ErrorCode::InvalidConfig);
  EXPECT_EQ(ask<CreateTopicsResponse>(create("__cluster_metadata"), 2).topics[0].error_code,
            ErrorCode::InvalidRequest);
  EXPECT_THAT(controller.last_create.topics, IsEmpty());
}

TEST_F(CreateTopicsHandler, TakesAnAssignment) {
  CreateTopicsRequest request = create("a");
  request.topics[0].num_partitions = -1;
  request.topics[0].replication_factor = -1;
  request.topics[0].assignments = {{1, {BrokerId(2)}}, {0, {BrokerId(1), BrokerId(2)}}};
  request.validate_only = true;
  EXPECT_EQ(ask<CreateTopicsResponse>(request, 4).topics[0].error_code, ErrorCode::None);
  EXPECT_EQ(controller.last_create.topics[0].assignments.at(1), std::vector<BrokerId>{BrokerId(2)});
  EXPECT_TRUE(controller.last_create.validate_only);
}

DeleteTopicsRequest delete_names(const std::vector<std::string>& names) {
  DeleteTopicsRequest request;
  request.topic_names = names;
  return request;
}

TEST_F(DeleteTopicsHandler, DeletesByNameInTheOrderAsked) {
  for (std::int16_t version = 0; version <= 5; ++version) {
    const auto rows =
        ask<DeleteTopicsResponse>(delete_names({"absent", "orders", "orders"}), version).responses;
    ASSERT_THAT(rows, SizeIs(3));
    EXPECT_EQ(rows[0].name, "absent");
    EXPECT_EQ(rows[0].error_code, ErrorCode::UnknownTopicOrPartition);
    EXPECT_EQ(rows[1].error_code, ErrorCode::None);
    EXPECT_EQ(rows[2].error_code, ErrorCode::None);
  }
  EXPECT_THAT(controller.last_delete.topics, SizeIs(2));
}

TEST_F(DeleteTopicsHandler, DeletesById) {
  DeleteTopicsRequest request;
  request.topics = {{std::nullopt, TopicId(1, 1)},
                    {std::nullopt, TopicId(8, 8)},
                    {"orders", TopicId(1, 1)},
                    {std::nullopt, {}},
                    {"orders", {}}};
  const auto rows = ask<DeleteTopicsResponse>(request, 6).responses;
  ASSERT_THAT(rows, SizeIs(5));
  EXPECT_EQ(rows[0].error_code, ErrorCode::None);
  EXPECT_EQ(rows[0].name, "orders");
  EXPECT_EQ(rows[1].error_code, ErrorCode::UnknownTopicId);
  EXPECT_EQ(rows[1].name, std::nullopt);
  EXPECT_EQ(rows[2].error_code, ErrorCode::InvalidRequest);
  EXPECT_EQ(rows[3].error_code, ErrorCode::TopicAuthorizationFailed);
  EXPECT_EQ(rows[4].error_code, ErrorCode::None);
}

TEST_F(DeleteTopicsHandler, OnlyTheControllerDoesIt) {
  controller.active = false;
  EXPECT_EQ(ask<DeleteTopicsResponse>(delete_names({"orders"}), 1).responses[0].error_code,
            ErrorCode::NotController);
}

TEST_F(CreatePartitionsHandler, AddsPartitionsInEveryVersion) {
  for (std::int16_t version = 0; version <= 3; ++version) {
    CreatePartitionsRequest request;
    request.topics = {{"orders", 5,
                       std::vector<CreatePartitionsRequest::Topic::Assignment>{{{BrokerId(1)}},
                                                                               {{BrokerId(2)}}}}};
    const auto response = ask<CreatePartitionsResponse>(request, version);
    ASSERT_THAT(response.results, SizeIs(1));
    EXPECT_EQ(response.results[0].error_code, ErrorCode::None);
    EXPECT_EQ(controller.last_partitions.topics[0].count, 5);
    EXPECT_THAT(*controller.last_partitions.topics[0].assignments, SizeIs(2));
  }
}

TEST_F(CreatePartitionsHandler, RefusesTopicsNamedTwice) {
  CreatePartitionsRequest request;
  request.topics = {{"orders", 5, std::nullopt}, {"orders", 6, std::nullopt}};
  const auto response = ask<CreatePartitionsResponse>(request, 2);
  ASSERT_THAT(response.results, SizeIs(1));
  EXPECT_EQ(response.results[0].error_code, ErrorCode::InvalidRequest);
}

TEST_F(DescribeConfigsHandler, TellsATopicsConfigsInEveryVersion) {
  topic_configs.overrides["orders"] = {{"retention.ms", "77"}};
  for (std::int16_t version = 0; version <= 4; ++version) {
    DescribeConfigsRequest request;
    request.resources = {{2, "orders", std::nullopt}};
    request.include_synonyms = version >= 1;
    request.include_documentation = version >= 3;
    const auto response = ask<DescribeConfigsResponse>(request, version);
    ASSERT_THAT(response.results, SizeIs(1));
    EXPECT_EQ(response.results[0].error_code, ErrorCode::None);
    const auto* const retention = find_config(response.results[0].configs, "retention.ms");
    ASSERT_NE(retention, nullptr);
    EXPECT_EQ(retention->value, "77");
    EXPECT_GT(response.results[0].configs.size(), 20U);
  }
}

TEST_F(DescribeConfigsHandler, TellsOnlyTheKeysAskedFor) {
  DescribeConfigsRequest request;
  request.resources = {{4, "1", std::vector<std::string>{"num.partitions"}}};
  const auto response = ask<DescribeConfigsResponse>(request, 4);
  ASSERT_THAT(response.results[0].configs, SizeIs(1));
  EXPECT_EQ(response.results[0].configs[0].value, "1");
}

TEST_F(DescribeConfigsHandler, RefusesWhatItDoesNotKnow) {
  DescribeConfigsRequest request;
  request.resources = {{2, "absent", std::nullopt}, {2, "bad/name", std::nullopt},
                       {4, "2", std::nullopt},      {4, "x", std::nullopt},
                       {4, "", std::nullopt},       {99, "x", std::nullopt}};
  const auto results = ask<DescribeConfigsResponse>(request, 4).results;
  EXPECT_EQ(results[0].error_code, ErrorCode::UnknownTopicOrPartition);
  EXPECT_EQ(results[1].error_code, ErrorCode::InvalidTopicException);
  EXPECT_EQ(results[2].error_code, ErrorCode::InvalidRequest);
  EXPECT_EQ(results[3].error_code, ErrorCode::InvalidRequest);
  EXPECT_EQ(results[4].error_code, ErrorCode::None);
  EXPECT_EQ(results[5].error_code, ErrorCode::InvalidRequest);
}

}  // namespace
}  // namespace ottla::api
