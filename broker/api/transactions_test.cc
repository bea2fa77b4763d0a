// What reaches the partitions of a transaction: transactional Produce, WriteTxnMarkers,
// TxnOffsetCommit, DescribeProducers.
#include <gmock/gmock.h>

#include "broker/api/testing/api_fixture.h"
#include "common/protocol/messages/describe_producers.h"
#include "common/protocol/messages/offset_fetch.h"
#include "common/protocol/messages/produce.h"
#include "common/protocol/messages/txn_offset_commit.h"
#include "common/protocol/messages/write_txn_markers.h"
#include "common/record/record_batch_builder.h"

namespace ottla::api {
namespace {

using protocol::DescribeProducersRequest;
using protocol::DescribeProducersResponse;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using protocol::ProduceRequest;
using protocol::ProduceResponse;
using protocol::TxnOffsetCommitRequest;
using protocol::TxnOffsetCommitResponse;
using protocol::WriteTxnMarkersRequest;
using protocol::WriteTxnMarkersResponse;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

SharedBuffer transactional_batch(std::int64_t producer) {
  record::RecordBatchBuilder builder({.producer_id = ProducerId(producer),
                                      .producer_epoch = ProducerEpoch(2),
                                      .base_sequence = 5,
                                      .transactional = true});
  builder.append(1'000, std::nullopt, as_bytes("hello"));
  return builder.build().value();
}

class TransactionalProduce : public ApiFixture {
 protected:
  TransactionalProduce() {
    records.appended[{"orders", 0}].base_offset = Offset(100);
    records.appended[{"orders", 1}].base_offset = Offset(200);
  }

  ProduceRequest to(const std::vector<std::pair<std::int32_t, std::int64_t>>& partitions) {
    ProduceRequest request;
    request.transactional_id = "payments";
    request.acks = -1;
    auto& topic = request.topic_data.emplace_back();
    topic.name = "orders";
    for (const auto& [partition, producer] : partitions) {
      const SharedBuffer& batch = batches_.emplace_back(transactional_batch(producer));
      topic.partition_data.push_back({partition, protocol::Records(batch->bytes())});
    }
    return request;
  }
  /// The rows, once the coordinator has said this.
  std::vector<ProduceResponse::Topic::Partition> rows(
      const ProduceRequest& request, std::int16_t version,
      std::vector<replica::VerifiedPartition> verified) {
    const auto outcome = send(request, version);
    EXPECT_EQ(outcome->kind, Outcome::Kind::Waiting);
    EXPECT_FALSE(outcome->next_allowed) << "the records are not in the log yet";
    std::move(records.held_verification)(std::move(verified));
    EXPECT_TRUE(outcome->next_allowed || records.appends.empty());
    return read<ProduceResponse>(*outcome, version).responses[0].partition_responses;
  }

 private:
  std::vector<SharedBuffer> batches_;
};

TEST_F(TransactionalProduce, AppendsWhatWasVerifiedWithItsToken) {
  const auto told = rows(to({{0, 7}, {1, 7}}), 11,
                         {{.error = ErrorCode::TransactionAbortable, .token = {}},
                          {.token = storage::VerificationToken(9)}});
  ASSERT_THAT(records.checks, SizeIs(1));
  const replica::TransactionCheck& check = records.checks[0];
  EXPECT_EQ(check.transactional_id, "payments");
  EXPECT_EQ(check.producer_id, ProducerId(7));
  EXPECT_EQ(check.producer_epoch, ProducerEpoch(2));
  EXPECT_TRUE(check.knows_abortable);
  ASSERT_THAT(check.partitions, SizeIs(2));
  EXPECT_EQ(check.partitions[0].base_sequence, 5);

  EXPECT_EQ(told[0].error_code, ErrorCode::TransactionAbortable);
  EXPECT_EQ(told[0].base_offset, kUnknownOffset);
  EXPECT_EQ(told[1].error_code, ErrorCode::None);
  EXPECT_EQ(told[1].base_offset, Offset(200));
  ASSERT_THAT(records.appends, SizeIs(1));
  ASSERT_THAT(records.appends[0].partitions, SizeIs(1));
  EXPECT_EQ(records.appends[0].partitions[0].partition.partition, 1);
  EXPECT_EQ(records.appends[0].partitions[0].verified, storage::VerificationToken(9));
}

TEST_F(TransactionalProduce, AddsThePartitionsFromVersion12On) {
  rows(to({{0, 7}}), 11, {{}});
  EXPECT_FALSE(records.checks[0].adds);
  rows(to({{0, 7}}), 12, {{}});
  EXPECT_TRUE(records.checks[1].adds);
}

TEST_F(TransactionalProduce, KeepsThePartitionsThatAreVerified) {
  const auto told = rows(to({{0, 7}, {1, 7}}), 9, {{}, {}});
  EXPECT_EQ(told[0].base_offset, Offset(100));
  EXPECT_EQ(told[1].base_offset, Offset(200));
}

TEST_F(TransactionalProduce, ACoordinatorThatCannotAnswerMakesTheProducerTryAgain) {
  const auto told = rows(to({{0, 7}}), 9, {{.error = ErrorCode::NotCoordinator, .token = {}}});
  EXPECT_FALSE(records.checks[0].knows_abortable);
  EXPECT_EQ(told[0].error_code, ErrorCode::NotEnoughReplicas);
  EXPECT_NE(told[0].error_message.value_or("").find("NOT_COORDINATOR"), std::string::npos);
  EXPECT_THAT(records.appends, IsEmpty());
}

TEST_F(TransactionalProduce, IsRefusedAsAWholeWhenItIsNotOneProducers) {
  ProduceRequest nobody = to({{0, 7}});
  nobody.transactional_id = std::nullopt;
  EXPECT_EQ(ask<ProduceResponse>(nobody, 9).responses[0].partition_responses[0].error_code,
            ErrorCode::TransactionalIdAuthorizationFailed);
  const auto several = ask<ProduceResponse>(to({{0, 7}, {1, 8}}), 9).responses[0];
  for (const auto& row : several.partition_responses) {
    EXPECT_EQ(row.error_code, ErrorCode::InvalidProducerIdMapping);
  }
  nobody.acks = 0;
  EXPECT_EQ(send(nobody, 9)->kind, Outcome::Kind::Closed);
  EXPECT_THAT(records.appends, IsEmpty());
}

class MarkersAndOffsets : public ApiFixture {
 protected:
  TxnOffsetCommitRequest commit(std::int64_t offset, std::int32_t partition = 0) {
    TxnOffsetCommitRequest request;
    request.transactional_id = "payments";
    request.group_id = "g";
    request.producer_id = ProducerId(7);
    request.producer_epoch = ProducerEpoch(2);
    auto& topic = request.topics.emplace_back();
    topic.name = "orders";
    topic.partitions.push_back({partition, Offset(offset), kUnknownLeaderEpoch, "m"});
    return request;
  }
  OffsetFetchResponse::Group::Topic::Partition fetch(bool require_stable) {
    OffsetFetchRequest request;
    request.require_stable = require_stable;
    auto& group = request.groups.emplace_back();
    group.group_id = "g";
    group.topics.emplace();
    group.topics->push_back({"orders", {0}});
    return ask<OffsetFetchResponse>(request, 8).groups[0].topics[0].partitions[0];
  }
  ErrorCode outcome(const TxnOffsetCommitRequest& request, std::int16_t version = 3) {
    return ask<TxnOffsetCommitResponse>(request, version).topics[0].partitions[0].error_code;
  }
};

TEST_F(MarkersAndOffsets, OffsetsOfATransactionCountWhenItCommits) {
  for (std::int16_t version = 0; version <= 4; ++version) {
    ASSERT_EQ(outcome(commit(42 + version), version), ErrorCode::None);
  }
  EXPECT_EQ(groups.log.last_transaction->producer_id, ProducerId(7));
  EXPECT_EQ(fetch(false).committed_offset, kUnknownOffset);
  EXPECT_EQ(fetch(true).error_code, ErrorCode::UnstableOffsetCommit);
  groups.core.end_transaction(0, ProducerId(7), true, Offset(99));
  EXPECT_EQ(fetch(true).committed_offset, Offset(46));
  ASSERT_EQ(outcome(commit(50)), ErrorCode::None);
  groups.core.end_transaction(0, ProducerId(7), false, Offset(100));
  EXPECT_EQ(fetch(true).committed_offset, Offset(46));
}

TEST_F(MarkersAndOffsets, ATransactionsOffsetsAreFencedByMemberAndGeneration) {
  TxnOffsetCommitRequest member = commit(1);
  member.member_id = "m-1";
  member.generation_id = 3;
  EXPECT_EQ(outcome(member), ErrorCode::UnknownMemberId);
  EXPECT_EQ(outcome(commit(1, 77)), ErrorCode::UnknownTopicOrPartition);
  TxnOffsetCommitRequest nameless = commit(1);
  nameless.group_id = "";
  EXPECT_EQ(outcome(nameless), ErrorCode::InvalidGroupId);
}

TEST_F(MarkersAndOffsets, EachMarkerIsAnsweredPartitionByPartition) {
  records.appended[{"orders", 0}] = {};
  records.appended[{"orders", 1}].error = ErrorCode::TransactionCoordinatorFenced;
  WriteTxnMarkersRequest request;
  for (const std::int64_t producer : {7, 8}) {
    auto& marker = request.markers.emplace_back();
    marker.producer_id = ProducerId(producer);
    marker.producer_epoch = ProducerEpoch(2);
    marker.transaction_result = producer == 7;
    marker.coordinator_epoch = 4;
    marker.topics.push_back({"orders", {0, 1, 9}});
  }
  for (std::int16_t version = 0; version <= 1; ++version) {
    records.markers.clear();
    const auto response = ask<WriteTxnMarkersResponse>(request, version);
    ASSERT_THAT(response.markers, SizeIs(2));
    EXPECT_EQ(response.markers[1].producer_id, ProducerId(8));
    std::vector<ErrorCode> codes;
    for (const auto& row : response.markers[1].topics[0].partitions)
      codes.push_back(row.error_code);
    EXPECT_THAT(codes, ElementsAre(ErrorCode::None, ErrorCode::TransactionCoordinatorFenced,
                                   ErrorCode::UnknownTopicOrPartition));
    ASSERT_THAT(records.markers, SizeIs(2));
    EXPECT_TRUE(records.markers[0].is_commit);
    EXPECT_FALSE(records.markers[1].is_commit);
    EXPECT_EQ(records.markers[1].coordinator_epoch, 4);
  }
  EXPECT_THAT(ask<WriteTxnMarkersResponse>(WriteTxnMarkersRequest{}, 1).markers, IsEmpty());
}

TEST_F(MarkersAndOffsets, ProducersAreDescribed) {
  records.appended[{"orders", 0}] = {};
  records.producers = {{.producer_id = ProducerId(7),
                        .producer_epoch = ProducerEpoch(2),
                        .last_sequence = 11,
                        .last_timestamp = 1'000,
                        .coordinator_epoch = 4,
                        .transaction_start_offset = Offset(20)}};
  DescribeProducersRequest request;
  request.topics.push_back({"orders", {0, 1, 9}});
  const auto rows = ask<DescribeProducersResponse>(request, 0).topics[0].partitions;
  ASSERT_THAT(rows[0].active_producers, SizeIs(1));
  EXPECT_EQ(rows[0].active_producers[0].last_sequence, 11);
  EXPECT_EQ(rows[0].active_producers[0].current_txn_start_offset, Offset(20));
  EXPECT_EQ(rows[1].error_code, ErrorCode::NotLeaderOrFollower);
  EXPECT_EQ(rows[2].error_code, ErrorCode::UnknownTopicOrPartition);
  EXPECT_TRUE(rows[2].error_message.has_value());
}

}  // namespace
}  // namespace ottla::api
