// DescribeLogDirs and AlterReplicaLogDirs.
#include <gmock/gmock.h>

#include "broker/api/testing/api_fixture.h"
#include "common/protocol/messages/alter_replica_log_dirs.h"
#include "common/protocol/messages/describe_log_dirs.h"

namespace ottla::api {
namespace {

using protocol::AlterReplicaLogDirsRequest;
using protocol::AlterReplicaLogDirsResponse;
using protocol::DescribeLogDirsRequest;
using protocol::DescribeLogDirsResponse;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LogDirsHandlers : public ApiFixture {
 protected:
  LogDirsHandlers() {
    log_dirs.described.push_back(
        {.directory = "/a",
         .is_online = true,
         .space = env::VolumeSpace{1'000, 400},
         .replicas = {{{"orders", 0}, 70, 3, false}, {{"orders", 1}, 30, 50, true}}});
    log_dirs.described.push_back(
        {.directory = "/b", .is_online = false, .space = {}, .replicas = {}});
  }
};

TEST_F(LogDirsHandlers, DescribeInEveryVersion) {
  for (std::int16_t version = 0; version <= 4; ++version) {
    DescribeLogDirsRequest request;
    request.topics.reset();
    const auto response = ask<DescribeLogDirsResponse>(request, version);
    EXPECT_EQ(response.error_code, ErrorCode::None);
    ASSERT_THAT(response.results, SizeIs(2));
    const auto& online = response.results[0];
    EXPECT_EQ(online.error_code, ErrorCode::None);
    EXPECT_EQ(online.log_dir, "/a");
    ASSERT_THAT(online.topics, SizeIs(1));
    ASSERT_THAT(online.topics[0].partitions, SizeIs(2));
    const auto& future = online.topics[0].partitions[1];
    EXPECT_EQ(future.partition_index, 1);
    EXPECT_EQ(future.partition_size, 30);
    EXPECT_EQ(future.offset_lag, 50);
    EXPECT_TRUE(future.is_future_key);
    EXPECT_FALSE(online.topics[0].partitions[0].is_future_key);
    EXPECT_EQ(online.total_bytes, version >= 4 ? 1'000 : -1);
    EXPECT_EQ(online.usable_bytes, version >= 4 ? 400 : -1);
    const auto& offline = response.results[1];
    EXPECT_EQ(offline.error_code, ErrorCode::KafkaStorageError);
    EXPECT_THAT(offline.topics, IsEmpty());
    EXPECT_EQ(offline.total_bytes, -1);
  }
}

TEST_F(LogDirsHandlers, DescribeOnlyWhatIsNamed) {
  DescribeLogDirsRequest request;
  request.topics.emplace();
  request.topics->push_back({"orders", {1, 7}});
  request.topics->push_back({"unknown", {0}});
  const auto response = ask<DescribeLogDirsResponse>(request, 4);
  ASSERT_THAT(response.results, SizeIs(2));
  ASSERT_THAT(response.results[0].topics, SizeIs(1));
  ASSERT_THAT(response.results[0].topics[0].partitions, SizeIs(1));
  EXPECT_EQ(response.results[0].topics[0].partitions[0].partition_index, 1);
}

TEST_F(LogDirsHandlers, AlterAnswersEachPartitionInEveryVersion) {
  for (std::int16_t version = 0; version <= 2; ++version) {
    log_dirs.outcomes = {ErrorCode::None, ErrorCode::ReplicaNotAvailable};
    AlterReplicaLogDirsRequest request;
    auto& to_b = request.dirs.emplace_back();
    to_b.path = "/b";
    to_b.topics.push_back({"orders", {1}});
    auto& to_a = request.dirs.emplace_back();
    to_a.path = "/a";
    to_a.topics.push_back({"orders", {0}});
    const auto response = ask<AlterReplicaLogDirsResponse>(request, version);
    ASSERT_THAT(log_dirs.changes, SizeIs(2));
    EXPECT_EQ(log_dirs.changes[0].partition, (TopicPartition{"orders", 0}));
    EXPECT_EQ(log_dirs.changes[0].directory, "/a");
    EXPECT_EQ(log_dirs.changes[1].directory, "/b");
    ASSERT_THAT(response.results, SizeIs(1));
    ASSERT_THAT(response.results[0].partitions, SizeIs(2));
    EXPECT_EQ(response.results[0].partitions[0].error_code, ErrorCode::None);
    EXPECT_EQ(response.results[0].partitions[1].error_code, ErrorCode::ReplicaNotAvailable);
  }
}

}  // namespace
}  // namespace ottla::api
