#include <gmock/gmock.h>

#include <unistd.h>

#include "broker/api/down_convert.h"
#include "broker/api/testing/api_fixture.h"
#include "common/protocol/messages/fetch.h"
#include "common/record/record_batch_builder.h"

namespace ottla::api {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Row = FetchResponse::Topic::Partition;

SharedBuffer batch_at(std::int64_t offset, record::Codec codec = record::Codec::None) {
  record::RecordBatchBuilder builder({.base_offset = Offset(offset), .codec = codec});
  builder.append(1'000, std::nullopt, as_bytes("hello"));
  builder.append(1'001, std::nullopt, as_bytes("world"));
  auto built = builder.build();
  EXPECT_TRUE(built.has_value());
  return *built;
}

/// A file with these bytes, as a segment is.
Payload in_file(ByteView bytes) {
  char path[] = "/tmp/ottla-fetch-XXXXXX";
  const int fd = ::mkstemp(path);
  ::unlink(path);
  EXPECT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  Payload payload;
  payload.append(
      FileRange{std::shared_ptr<void>(nullptr, [fd](void*) { ::close(fd); }), fd, 0, bytes.size()});
  return payload;
}

class FetchHandler : public ApiFixture {
 protected:
  FetchHandler() {
    auto& fetched = records.fetched[{"orders", 0}];
    fetched.high_watermark = Offset(12);
    fetched.last_stable_offset = Offset(12);
    fetched.log_start_offset = Offset(3);
    batch = batch_at(10);
    fetched.records = in_file(batch->bytes());
    records.fetched[{"orders", 1}].error = ErrorCode::NotLeaderOrFollower;
  }

  /// Partitions of `orders`, by name or by id as the version has it.
  static FetchRequest of(const std::vector<std::int32_t>& partitions, std::int16_t version) {
    FetchRequest request;
    request.max_wait_ms = 100;
    request.min_bytes = 1;
    auto& topic = request.topics.emplace_back();
    if (version >= 13) {
      topic.topic_id = TopicId(1, 1);
    } else {
      topic.topic = "orders";
    }
    for (const std::int32_t partition : partitions) {
      auto& wanted = topic.partitions.emplace_back();
      wanted.partition = partition;
      wanted.fetch_offset = Offset(10);
      wanted.partition_max_bytes = 1'000'000;
    }
    return request;
  }

  std::vector<Row> rows(const FetchRequest& request, std::int16_t version) {
    const auto response = ask<FetchResponse>(request, version);
    EXPECT_EQ(response.error_code, ErrorCode::None);
    std::vector<Row> all;
    for (const auto& topic : response.responses) {
      all.insert(all.end(), topic.partitions.begin(), topic.partitions.end());
    }
    return all;
  }

  SharedBuffer batch;
};

TEST_F(FetchHandler, SendsTheFilesBytesFromVersion4On) {
  for (std::int16_t version = 4; version <= 17; ++version) {
    const auto found = rows(of({0}, version), version);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].error_code, ErrorCode::None);
    EXPECT_EQ(found[0].high_watermark, Offset(12));
    EXPECT_EQ(found[0].last_stable_offset, Offset(12));
    EXPECT_EQ(found[0].aborted_transactions, std::nullopt);
    EXPECT_EQ(as_text(found[0].records.bytes()), as_text(batch->bytes())) << version;
  }
}

TEST_F(FetchHandler, ConvertsForOldVersions) {
  for (std::int16_t version = 0; version <= 3; ++version) {
    const auto found = rows(of({0}, version), version);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].error_code, ErrorCode::None);
    const auto message = record::RecordBatchView::parse(found[0].records.bytes());
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->magic(), version < 2 ? 0 : 1);
    EXPECT_EQ(message->base_offset(), Offset(10));
  }
}

TEST_F(FetchHandler, OldVersionsCannotHaveWhatTheTopicForbids) {
  topic_configs.overrides["orders"] = {{"message.downconversion.enable", "false"}};
  EXPECT_EQ(rows(of({0}, 3), 3)[0].error_code, ErrorCode::UnsupportedVersion);
  EXPECT_EQ(rows(of({0}, 4), 4)[0].error_code, ErrorCode::None);
  topic_configs.overrides["orders"] = {{"compression.type", "zstd"}};
  EXPECT_EQ(rows(of({0}, 9), 9)[0].error_code, ErrorCode::UnsupportedCompressionType);
  EXPECT_EQ(rows(of({0}, 10), 10)[0].error_code, ErrorCode::None);
}

TEST_F(FetchHandler, AsksTheReplicasForWhatTheVersionMeans) {
  FetchRequest request = of({0}, 12);
  request.max_bytes = 2'000'000'000;
  request.min_bytes = 7;
  request.isolation_level = 1;
  request.rack_id = "rack-a";
  (void)rows(request, 12);  // only its effect is looked at
  const replica::FetchRequest& asked = records.fetches.back();
  EXPECT_EQ(asked.max_bytes, 57'671'680);
  EXPECT_EQ(asked.min_bytes, 7);
  EXPECT_EQ(asked.max_wait, std::chrono::milliseconds(100));
  EXPECT_EQ(asked.isolation, replica::IsolationLevel::ReadCommitted);
  EXPECT_EQ(asked.rack, "rack-a");
  EXPECT_TRUE(asked.at_least_one_batch);
  EXPECT_TRUE(asked.can_follow_preferred_replica);

  (void)rows(of({0}, 2), 2);
  EXPECT_FALSE(records.fetches.back().at_least_one_batch);
  EXPECT_FALSE(records.fetches.back().can_follow_preferred_replica);
}

TEST_F(FetchHandler, TellsTheRightLeaderFromVersion16On) {
  for (const std::int16_t version : std::initializer_list<std::int16_t>{15, 16, 17}) {
    const auto response = ask<FetchResponse>(of({0, 1}, version), version);
    const Row& row = response.responses.at(0).partitions.at(1);
    EXPECT_EQ(row.error_code, ErrorCode::NotLeaderOrFollower);
    EXPECT_EQ(row.current_leader.leader_id, version >= 16 ? BrokerId(2) : kNoBroker);
    EXPECT_THAT(response.node_endpoints, SizeIs(version >= 16 ? 1 : 0));
  }
}

TEST_F(FetchHandler, TellsOfTopicIdsThatItDoesNotKnow) {
  FetchRequest request = of({0}, 13);
  request.topics[0].topic_id = TopicId(9, 9);
  const auto response = ask<FetchResponse>(request, 13);
  EXPECT_EQ(response.responses.at(0).topic_id, TopicId(9, 9));
  EXPECT_EQ(response.responses[0].partitions.at(0).error_code, ErrorCode::UnknownTopicId);
  EXPECT_THAT(records.fetches, IsEmpty());
}

TEST_F(FetchHandler, TellsAbortedTransactionsAndOtherReplicas) {
  auto& fetched = records.fetched[{"orders", 0}];
  fetched.aborted_transactions = {{ProducerId(4), Offset(5)}};
  fetched.preferred_read_replica = BrokerId(2);
  const Row row = rows(of({0}, 12), 12).at(0);
  ASSERT_TRUE(row.aborted_transactions.has_value());
  ASSERT_THAT(*row.aborted_transactions, SizeIs(1));
  EXPECT_EQ((*row.aborted_transactions)[0].producer_id, ProducerId(4));
  EXPECT_EQ(row.preferred_read_replica, BrokerId(2));
}

TEST_F(FetchHandler, GoesOnWithASession) {
  for (const std::int16_t version : std::initializer_list<std::int16_t>{7, 12, 13, 17}) {
    FetchRequest first = of({0, 1}, version);
    first.session_epoch = 0;
    const auto opened = ask<FetchResponse>(first, version);
    ASSERT_NE(opened.session_id, 0);
    records.fetched[{"orders", 1}].error = ErrorCode::None;
    records.fetched[{"orders", 1}].high_watermark = Offset(1);
    Payload kept = std::exchange(records.fetched[{"orders", 0}].records, Payload());

    FetchRequest next;
    next.session_id = opened.session_id;
    next.session_epoch = 1;
    auto response = ask<FetchResponse>(next, version);
    EXPECT_EQ(response.session_id, opened.session_id);
    ASSERT_THAT(response.responses, SizeIs(1)) << version;
    EXPECT_EQ(response.responses[0].partitions[0].partition_index, 1);
    EXPECT_EQ(records.fetches.back().partitions[0].fetch_offset, Offset(10));

    next.session_epoch = 2;
    response = ask<FetchResponse>(next, version);
    EXPECT_THAT(response.responses, IsEmpty());
    EXPECT_EQ(response.session_id, opened.session_id);

    response = ask<FetchResponse>(next, version);
    EXPECT_EQ(response.error_code, ErrorCode::InvalidFetchSessionEpoch);
    EXPECT_EQ(response.session_id, 0);

    records.fetched[{"orders", 0}].records = std::move(kept);
    records.fetched[{"orders", 1}].error = ErrorCode::NotLeaderOrFollower;
  }
}

TEST_F(FetchHandler, RefusesUnknownSessions) {
  FetchRequest request;
  request.session_id = 5;
  request.session_epoch = 1;
  const auto response = ask<FetchResponse>(request, 12);
  EXPECT_EQ(response.error_code, ErrorCode::FetchSessionIdNotFound);
  EXPECT_THAT(response.responses, IsEmpty());
}

TEST_F(FetchHandler, IsNotForFollowers) {
  FetchRequest request = of({0}, 12);
  request.replica_id = BrokerId(2);
  EXPECT_EQ(rows(request, 12).at(0).error_code, ErrorCode::NotLeaderOrFollower);
  request = of({0}, 15);
  request.replica_state.replica_id = BrokerId(2);
  EXPECT_EQ(rows(request, 15).at(0).error_code, ErrorCode::NotLeaderOrFollower);
  EXPECT_THAT(records.fetches, IsEmpty());
}

std::string two_batches() {
  return std::string(as_text(batch_at(10)->bytes())) + std::string(as_text(batch_at(12)->bytes()));
}

TEST(DownConvert, StopsWhereTheLastBatchIsCut) {
  const std::string bytes = two_batches();
  const ByteView cut = as_bytes(bytes).first(bytes.size() - 3);
  const auto whole = down_convert(in_file(as_bytes(bytes)), record::kMagicV1, Offset(10), 10'000);
  const auto shorter = down_convert(in_file(cut), record::kMagicV1, Offset(10), 10'000);
  ASSERT_TRUE(whole && shorter);
  EXPECT_EQ(whole->size(), 2 * shorter->size());
}

TEST(DownConvert, StaysWithinItsBudget) {
  const std::string bytes = two_batches();
  const auto converted = down_convert(in_file(as_bytes(bytes)), record::kMagicV1, Offset(10), 10);
  const auto whole = down_convert(in_file(as_bytes(bytes)), record::kMagicV1, Offset(10), 10'000);
  ASSERT_TRUE(converted && whole);
  EXPECT_EQ(converted->size(), whole->size() / 2);
}

TEST(DownConvert, ABatchThatDoesNotFitBecomesACutMessage) {
  const SharedBuffer batch = batch_at(10);
  const auto converted =
      down_convert(memory_payload(batch->bytes().first(40)), record::kMagicV0, Offset(10), 10'000);
  ASSERT_TRUE(converted.has_value());
  const SharedBuffer bytes = flatten(*converted);
  ASSERT_EQ(bytes->size(), 12U);
  EXPECT_EQ(load_big_endian<std::int64_t>(bytes->data()), 10);
  EXPECT_GT(load_big_endian<std::int32_t>(bytes->data() + 8), 1'000'000);
}

}  // namespace
}  // namespace ottla::api
