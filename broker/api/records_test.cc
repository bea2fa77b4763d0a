// Produce, ListOffsets and OffsetForLeaderEpoch.
#include <gmock/gmock.h>

#include "broker/api/testing/api_fixture.h"
#include "common/protocol/messages/delete_records.h"
#include "common/protocol/messages/list_offsets.h"
#include "common/protocol/messages/offset_for_leader_epoch.h"
#include "common/protocol/messages/produce.h"
#include "common/record/record_batch_builder.h"

namespace ottla::api {
namespace {

using protocol::DeleteRecordsRequest;
using protocol::DeleteRecordsResponse;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using protocol::OffsetForLeaderEpochRequest;
using protocol::OffsetForLeaderEpochResponse;
using protocol::ProduceRequest;
using protocol::ProduceResponse;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ProduceHandler : public ApiFixture {
 protected:
  ProduceHandler() {
    auto& appended = records.appended[{"orders", 0}];
    appended.base_offset = Offset(100);
    appended.log_start_offset = Offset(10);
    records.appended[{"orders", 1}].error = ErrorCode::NotLeaderOrFollower;
  }

  ProduceRequest to(const std::vector<std::int32_t>& partitions, std::int16_t acks = -1) {
    ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = 1'500;
    auto& topic = request.topic_data.emplace_back();
    topic.name = "orders";
    for (const std::int32_t partition : partitions) {
      topic.partition_data.push_back({partition, protocol::Records(MutableByteView(batch_))});
    }
    return request;
  }

  static std::vector<std::byte> one_record() {
    record::RecordBatchBuilder builder({});
    builder.append(1'000, std::nullopt, as_bytes("hello"));
    const auto built = builder.build();
    EXPECT_TRUE(built.has_value());
    return {(*built)->bytes().begin(), (*built)->bytes().end()};
  }

  std::vector<std::byte> batch_ = one_record();
};

TEST_F(ProduceHandler, AnswersEveryVersion) {
  for (std::int16_t version = 0; version <= 11; ++version) {
    const auto response = ask<ProduceResponse>(to({0}), version);
    ASSERT_THAT(response.responses, SizeIs(1));
    const auto& row = response.responses[0].partition_responses[0];
    EXPECT_EQ(row.error_code, ErrorCode::None);
    EXPECT_EQ(row.base_offset, Offset(100));
    if (version >= 5) {
      EXPECT_EQ(row.log_start_offset, Offset(10));
    }
    if (version >= 8) {
      EXPECT_EQ(row.error_message, std::nullopt);
    }
  }
}

TEST_F(ProduceHandler, HandsOverTheBytesOfTheFrameItself) {
  (void)ask<ProduceResponse>(to({0}), 9);  // only its effect is looked at
  ASSERT_THAT(records.appends, SizeIs(1));
  const replica::AppendRequest& append = records.appends[0];
  EXPECT_EQ(append.acks, replica::Acks::All);
  EXPECT_EQ(append.timeout, std::chrono::milliseconds(1'500));
  EXPECT_FALSE(append.internal_topics_allowed);
  ASSERT_NE(append.owner, nullptr);
  const auto& frame = *static_cast<const Buffer*>(append.owner.get());
  EXPECT_GE(append.partitions[0].records.data(), frame.data());
  EXPECT_LE(append.partitions[0].records.data(), frame.data() + frame.size());
  EXPECT_EQ(append.partitions[0].records.size(), batch_.size());
}

TEST_F(ProduceHandler, LargeCompressedRecordsAreUnpackedOffTheLoop) {
  constexpr std::size_t kSize = 40'000;
  batch_.resize(kSize);
  batch_[22] |= std::byte{1};  // gzip
  store_big_endian(&batch_[8], static_cast<std::int32_t>(kSize - 12));
  const auto outcome = send(to({0}), 9);
  EXPECT_THAT(records.appends, SizeIs(0));
  EXPECT_FALSE(outcome->next_allowed);
  io_pool.run();
  EXPECT_THAT(records.appends, SizeIs(1));
  EXPECT_TRUE(outcome->next_allowed);
}

TEST_F(ProduceHandler, TellsTheRightLeader) {
  const auto response = ask<ProduceResponse>(to({0, 1}), 10);
  const auto& rows = response.responses[0].partition_responses;
  EXPECT_EQ(rows[0].current_leader.leader_id, kNoBroker);
  EXPECT_EQ(rows[1].error_code, ErrorCode::NotLeaderOrFollower);
  EXPECT_EQ(rows[1].current_leader.leader_id, BrokerId(2));
  EXPECT_EQ(rows[1].current_leader.leader_epoch, LeaderEpoch(12));
  ASSERT_THAT(response.node_endpoints, SizeIs(1));
  EXPECT_EQ(response.node_endpoints[0].host, "host2");
}

TEST_F(ProduceHandler, RefusesUnknownAcks) {
  const auto row = ask<ProduceResponse>(to({0}, 5), 9).responses[0].partition_responses[0];
  EXPECT_EQ(row.error_code, ErrorCode::InvalidRequiredAcks);
  EXPECT_EQ(row.base_offset, kUnknownOffset);
  EXPECT_THAT(records.appends, IsEmpty());
}

TEST_F(ProduceHandler, RefusesARequestWithoutBatch) {
  batch_.clear();
  const auto row = ask<ProduceResponse>(to({0}), 7).responses[0].partition_responses[0];
  EXPECT_EQ(row.error_code, ErrorCode::InvalidRecord);
}

TEST_F(ProduceHandler, CountsWhatCameIn) {
  (void)ask<ProduceResponse>(to({0, 1}), 9);  // only its effect is looked at
  std::map<std::string, double> counted;
  for (const auto& sample : registry.samples()) {
    const std::string topic = sample.labels.empty() ? "" : sample.labels[0];
    counted[std::string(sample.metric->name) + " " + topic] += sample.value;
  }
  EXPECT_EQ(counted["BytesInPerSec orders"], static_cast<double>(batch_.size()));
  EXPECT_EQ(counted["BytesInPerSec "], static_cast<double>(batch_.size()));
  EXPECT_EQ(counted["MessagesInPerSec orders"], 1);
  EXPECT_EQ(counted["FailedProduceRequestsPerSec orders"], 1);
  EXPECT_EQ(counted["TotalProduceRequestsPerSec orders"], 2);
  EXPECT_EQ(counted["RequestsPerSec Produce"], 1);
  EXPECT_EQ(counted["TotalTimeMs Produce"], 1);
}

TEST_F(ProduceHandler, WithoutAcksSaysNothingOrCloses) {
  EXPECT_EQ(send(to({0}, 0), 9)->kind, Outcome::Kind::Nothing);
  EXPECT_EQ(send(to({0, 1}, 0), 9)->kind, Outcome::Kind::Closed);
}

TEST_F(ProduceHandler, WaitsForTheReplicasAndLetsTheNextRequestInMeanwhile) {
  records.hold = true;
  const auto outcome = send(to({0}), 9);
  EXPECT_EQ(outcome->kind, Outcome::Kind::Waiting);
  EXPECT_TRUE(outcome->next_allowed);
  std::move(records.held_append)(std::move(records.held_result));
  EXPECT_EQ(outcome->kind, Outcome::Kind::Answered);
}

TEST_F(ProduceHandler, TellsWhichRecordsWereWrong) {
  auto& refused = records.appended[{"orders", 0}];
  refused.error = ErrorCode::InvalidRecord;
  refused.message = "one of the records";
  refused.record_errors = {{3, "no key"}};
  const auto row = ask<ProduceResponse>(to({0}), 8).responses[0].partition_responses[0];
  EXPECT_EQ(row.error_message, "one of the records");
  ASSERT_THAT(row.record_errors, SizeIs(1));
  EXPECT_EQ(row.record_errors[0].batch_index, 3);
  for (std::int16_t version = 3; version < 8; ++version) {
    EXPECT_EQ(ask<ProduceResponse>(to({0}), version).responses[0].partition_responses[0].error_code,
              ErrorCode::InvalidRecord);
  }
}

class ListOffsetsHandler : public ApiFixture {
 protected:
  ListOffsetsHandler() {
    records.listed[{"orders", 0}] = {{},         ErrorCode::None, 1'234,
                                     Offset(56), LeaderEpoch(3),  {Offset(60), Offset(40)}};
    records.listed[{"orders", 1}] = {{}, ErrorCode::None, -1, kUnknownOffset, kUnknownLeaderEpoch,
                                     {}};
  }

  ListOffsetsResponse::Topic::Partition ask_for(std::int64_t timestamp, std::int16_t version,
                                                std::int32_t partition = 0,
                                                const std::string& topic = "orders") {
    ListOffsetsRequest request;
    request.replica_id = BrokerId(-1);
    request.topics.push_back({topic, {{partition, LeaderEpoch(-1), timestamp, 1}}});
    return ask<ListOffsetsResponse>(request, version).topics.at(0).partitions.at(0);
  }
};

TEST_F(ListOffsetsHandler, AnswersEveryVersion) {
  for (std::int16_t version = 0; version <= 9; ++version) {
    const auto row = ask_for(replica::kLatestTimestamp, version);
    EXPECT_EQ(row.error_code, ErrorCode::None);
    if (version == 0) {
      EXPECT_THAT(row.old_style_offsets, ElementsAre(Offset(60), Offset(40)));
      EXPECT_EQ(records.last_queries.at(0).max_segments, 1);
      continue;
    }
    EXPECT_EQ(row.offset, Offset(56));
    EXPECT_EQ(row.timestamp, 1'234);
    EXPECT_EQ(row.leader_epoch, version >= 4 ? LeaderEpoch(3) : kUnknownLeaderEpoch);
  }
}

TEST_F(ListOffsetsHandler, ATimeAfterAllRecordsHasNoOffset) {
  EXPECT_THAT(ask_for(5'000, 0, 1).old_style_offsets, IsEmpty());
  EXPECT_EQ(ask_for(5'000, 5, 1).offset, kUnknownOffset);
}

TEST_F(ListOffsetsHandler, SpecialTimesComeWithTheirVersions) {
  const std::vector<std::pair<std::int64_t, std::int16_t>> firsts = {{-3, 7}, {-4, 8}, {-5, 9}};
  for (const auto& [timestamp, first] : firsts) {
    EXPECT_EQ(ask_for(timestamp, static_cast<std::int16_t>(first - 1)).error_code,
              ErrorCode::UnsupportedVersion);
    EXPECT_EQ(ask_for(timestamp, first).error_code, ErrorCode::None);
  }
  EXPECT_EQ(ask_for(-6, 9).error_code, ErrorCode::UnsupportedVersion);
  EXPECT_EQ(ask_for(-3, 0).error_code, ErrorCode::UnsupportedVersion);
}

TEST_F(ListOffsetsHandler, RefusesAPartitionThatIsNamedTwice) {
  ListOffsetsRequest request;
  request.topics.push_back({"orders", {{0}, {1}, {0}}});
  const auto rows = ask<ListOffsetsResponse>(request, 5).topics.at(0).partitions;
  EXPECT_EQ(rows[0].error_code, ErrorCode::InvalidRequest);
  EXPECT_EQ(rows[1].error_code, ErrorCode::None);
  EXPECT_EQ(rows[2].error_code, ErrorCode::InvalidRequest);
  ASSERT_THAT(records.last_queries, SizeIs(1));
}

TEST_F(ListOffsetsHandler, OldClientsDoNotKnowOffsetNotAvailable) {
  records.listed[{"orders", 0}].error = ErrorCode::OffsetNotAvailable;
  EXPECT_EQ(ask_for(-1, 4).error_code, ErrorCode::LeaderNotAvailable);
  EXPECT_EQ(ask_for(-1, 5).error_code, ErrorCode::OffsetNotAvailable);
}

TEST_F(ListOffsetsHandler, TellsOfUnknownPartitions) {
  const auto row = ask_for(-1, 5, 0, "absent");
  EXPECT_EQ(row.error_code, ErrorCode::UnknownTopicOrPartition);
  EXPECT_EQ(row.offset, kUnknownOffset);
}

class OffsetForLeaderEpochHandler : public ApiFixture {};

TEST_F(OffsetForLeaderEpochHandler, AnswersEveryVersion) {
  for (std::int16_t version = 0; version <= 4; ++version) {
    OffsetForLeaderEpochRequest request;
    request.topics = {{"absent", {{0, LeaderEpoch(-1), LeaderEpoch(2)}}},
                      {"orders", {{1, LeaderEpoch(-1), LeaderEpoch(2)}}}};
    const auto response = ask<OffsetForLeaderEpochResponse>(request, version);
    ASSERT_THAT(response.topics, SizeIs(2));
    EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::UnknownTopicOrPartition);
    EXPECT_EQ(response.topics[1].topic, "orders");
    EXPECT_EQ(response.topics[1].partitions[0].partition, 1);
    EXPECT_EQ(response.topics[1].partitions[0].end_offset, Offset(7));
    if (version >= 1) {
      EXPECT_EQ(response.topics[1].partitions[0].leader_epoch, LeaderEpoch(2));
    }
  }
}

class DeleteRecordsHandler : public ApiFixture {};

TEST_F(DeleteRecordsHandler, AsksOnlyForPartitionsOfClientsTopics) {
  DeleteRecordsRequest request;
  request.timeout_ms = 700;
  request.topics.push_back({.name = "orders", .partitions = {{0, Offset(5)}, {99, Offset(5)}}});
  request.topics.push_back({.name = "nothing", .partitions = {{0, Offset(5)}}});
  for (std::int16_t version = 0; version <= 2; ++version) {
    const auto response = ask<DeleteRecordsResponse>(request, version);
    ASSERT_THAT(response.topics, SizeIs(2));
    EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::None);
    EXPECT_EQ(response.topics[0].partitions[0].low_watermark, Offset(5));
    EXPECT_EQ(response.topics[0].partitions[1].error_code, ErrorCode::UnknownTopicOrPartition);
    EXPECT_EQ(response.topics[0].partitions[1].low_watermark, kUnknownOffset);
    EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::UnknownTopicOrPartition);
    EXPECT_THAT(records.deletions, SizeIs(1));
    EXPECT_EQ(records.last_timeout, std::chrono::milliseconds(700));
  }
}

}  // namespace
}  // namespace ottla::api
