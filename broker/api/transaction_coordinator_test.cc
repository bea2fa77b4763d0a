#include <gtest/gtest.h>

#include "broker/api/testing/api_fixture.h"
#include "common/protocol/messages/add_offsets_to_txn.h"
#include "common/protocol/messages/add_partitions_to_txn.h"
#include "common/protocol/messages/api_versions.h"
#include "common/protocol/messages/describe_transactions.h"
#include "common/protocol/messages/end_txn.h"
#include "common/protocol/messages/find_coordinator.h"
#include "common/protocol/messages/init_producer_id.h"
#include "common/protocol/messages/list_transactions.h"

namespace ottla::api {
namespace {

using namespace protocol;

/// The APIs of the transaction coordinator, in the versions of their clients.
class TransactionApis : public ApiFixture {
 protected:
  InitProducerIdResponse init(std::int16_t version = 5) {
    InitProducerIdRequest request;
    request.transactional_id = "payments";
    request.transaction_timeout_ms = 60'000;
    return ask<InitProducerIdResponse>(request, version);
  }
  AddPartitionsToTxnRequest adding(const InitProducerIdResponse& producer,
                                   std::vector<std::int32_t> partitions = {0}) {
    AddPartitionsToTxnRequest request;
    request.v3_and_below_transactional_id = "payments";
    request.v3_and_below_producer_id = producer.producer_id;
    request.v3_and_below_producer_epoch = producer.producer_epoch;
    request.v3_and_below_topics.push_back({"orders", std::move(partitions)});
    return request;
  }
  ErrorCode add(const InitProducerIdResponse& producer, std::int16_t version = 3) {
    const auto response = ask<AddPartitionsToTxnResponse>(adding(producer), version);
    return response.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code;
  }
  EndTxnRequest ending(const InitProducerIdResponse& producer, bool commit = true) {
    EndTxnRequest request;
    request.transactional_id = "payments";
    request.producer_id = producer.producer_id;
    request.producer_epoch = producer.producer_epoch;
    request.committed = commit;
    return request;
  }
};

// A partition that the coordinator has not heard of yet would count as deleted when its marker is
// to be written.
TEST_F(TransactionApis, LeadersAddOnlyWhatExists) {
  const auto producer = init();
  AddPartitionsToTxnRequest request;
  auto& transaction = request.transactions.emplace_back();
  transaction.transactional_id = "payments";
  transaction.producer_id = producer.producer_id;
  transaction.producer_epoch = producer.producer_epoch;
  transaction.topics.push_back({"orders", {0, 99}});
  for (const bool verify_only : {false, true}) {
    request.transactions[0].verify_only = verify_only;
    const auto response = ask<AddPartitionsToTxnResponse>(request, 5);
    const auto& rows = response.results_by_transaction[0].topic_results[0].results_by_partition;
    EXPECT_EQ(rows[0].partition_error_code, ErrorCode::OperationNotAttempted);
    EXPECT_EQ(rows[1].partition_error_code, ErrorCode::UnknownTopicOrPartition);
  }
  request.transactions[0].topics[0].partitions = {0};
  request.transactions[0].verify_only = false;
  EXPECT_EQ(ask<AddPartitionsToTxnResponse>(request, 5)
                .results_by_transaction[0]
                .topic_results[0]
                .results_by_partition[0]
                .partition_error_code,
            ErrorCode::None);
}

TEST_F(TransactionApis, CarryATransactionToItsEnd) {
  const auto producer = init();
  EXPECT_EQ(producer.error_code, ErrorCode::None);
  EXPECT_EQ(producer.producer_epoch, ProducerEpoch(0));
  EXPECT_EQ(add(producer), ErrorCode::None);
  AddOffsetsToTxnRequest offsets;
  offsets.transactional_id = "payments";
  offsets.producer_id = producer.producer_id;
  offsets.producer_epoch = producer.producer_epoch;
  offsets.group_id = "g";
  EXPECT_EQ(ask<AddOffsetsToTxnResponse>(offsets, 3).error_code, ErrorCode::None);

  DescribeTransactionsRequest describe;
  describe.transactional_ids = {"payments", "unknown"};
  const auto described = ask<DescribeTransactionsResponse>(describe, 0);
  ASSERT_EQ(described.transaction_states.size(), 2u);
  const auto& state = described.transaction_states[0];
  EXPECT_EQ(state.transaction_state, "Ongoing");
  EXPECT_EQ(state.transaction_timeout_ms, 60'000);
  EXPECT_EQ(state.producer_id, producer.producer_id);
  ASSERT_EQ(state.topics.size(), 2u);
  EXPECT_EQ(state.topics[0].topic, "__consumer_offsets");
  EXPECT_EQ(state.topics[1].topic, "orders");
  EXPECT_EQ(described.transaction_states[1].error_code, ErrorCode::TransactionalIdNotFound);

  EXPECT_EQ(ask<EndTxnResponse>(ending(producer), 3).error_code, ErrorCode::None);
  const auto listed = ask<ListTransactionsResponse>(ListTransactionsRequest{}, 1);
  ASSERT_EQ(listed.transaction_states.size(), 1u);
  EXPECT_EQ(listed.transaction_states[0].transaction_state, "CompleteCommit");
}

TEST_F(TransactionApis, AnEndRaisesTheEpochFromVersion5On) {
  const auto producer = init();
  EXPECT_EQ(add(producer), ErrorCode::None);
  const auto kept = ask<EndTxnResponse>(ending(producer), 4);
  EXPECT_EQ(kept.producer_id, kNoProducerId) << "not told";
  EXPECT_EQ(add(producer), ErrorCode::None);
  const auto raised = ask<EndTxnResponse>(ending(producer), 5);
  EXPECT_EQ(raised.error_code, ErrorCode::None);
  EXPECT_EQ(raised.producer_id, producer.producer_id);
  EXPECT_EQ(raised.producer_epoch, producer.producer_epoch.next());
  EXPECT_EQ(add(producer), ErrorCode::ProducerFenced);
}

TEST_F(TransactionApis, TwoPhaseCommitIsRefused) {
  InitProducerIdRequest request;
  request.transactional_id = "payments";
  request.transaction_timeout_ms = 60'000;
  request.enable2_pc = true;
  EXPECT_EQ(ask<InitProducerIdResponse>(request, 6).error_code,
            ErrorCode::TransactionalIdAuthorizationFailed);
  request.enable2_pc = false;
  request.keep_prepared_txn = true;
  EXPECT_EQ(ask<InitProducerIdResponse>(request, 6).error_code, ErrorCode::UnsupportedVersion);
}

TEST_F(TransactionApis, TheTransactionVersionIsAFeature) {
  ApiVersionsRequest request;
  request.client_software_name = "test";
  request.client_software_version = "1";
  for (const std::int16_t version : {std::int16_t{3}, std::int16_t{4}}) {
    const auto told = ask<ApiVersionsResponse>(request, version);
    ASSERT_EQ(told.supported_features.size(), 1u);
    EXPECT_EQ(told.supported_features[0].name, "transaction.version");
    EXPECT_EQ(told.supported_features[0].min_version, version == 3 ? 1 : 0);
    ASSERT_EQ(told.finalized_features.size(), 1u);
    EXPECT_EQ(told.finalized_features[0].max_version_level, 2);
  }
}

TEST_F(TransactionApis, TellAFencedProducerWhatItsVersionKnows) {
  const auto old = init();
  init();
  EXPECT_EQ(add(old, 1), ErrorCode::InvalidProducerEpoch);
  EXPECT_EQ(add(old, 2), ErrorCode::ProducerFenced);
  EXPECT_EQ(ask<EndTxnResponse>(ending(old), 1).error_code, ErrorCode::InvalidProducerEpoch);
  EXPECT_EQ(ask<EndTxnResponse>(ending(old), 2).error_code, ErrorCode::ProducerFenced);
  InitProducerIdRequest again;
  again.transactional_id = "payments";
  again.transaction_timeout_ms = 60'000;
  again.producer_id = ProducerId(1);
  again.producer_epoch = ProducerEpoch(0);
  EXPECT_EQ(ask<InitProducerIdResponse>(again, 3).error_code, ErrorCode::InvalidProducerEpoch);
  EXPECT_EQ(ask<InitProducerIdResponse>(again, 4).error_code, ErrorCode::ProducerFenced);
}

TEST_F(TransactionApis, AttemptNothingWhenAPartitionDoesNotExist) {
  const auto producer = init();
  const auto response = ask<AddPartitionsToTxnResponse>(adding(producer, {0, 99}), 3);
  const auto& rows = response.results_by_topic_v3_and_below[0].results_by_partition;
  EXPECT_EQ(rows[0].partition_error_code, ErrorCode::OperationNotAttempted);
  EXPECT_EQ(rows[1].partition_error_code, ErrorCode::UnknownTopicOrPartition);
}

TEST_F(TransactionApis, VerifyForLeaders) {
  const auto producer = init();
  add(producer);
  AddPartitionsToTxnRequest request;
  auto& transaction = request.transactions.emplace_back();
  transaction.transactional_id = "payments";
  transaction.producer_id = producer.producer_id;
  transaction.producer_epoch = producer.producer_epoch;
  transaction.verify_only = true;
  transaction.topics.push_back({"orders", {0, 1}});
  for (const std::int16_t version : {std::int16_t{4}, std::int16_t{5}}) {
    const auto response = ask<AddPartitionsToTxnResponse>(request, version);
    const auto& rows = response.results_by_transaction[0].topic_results[0].results_by_partition;
    EXPECT_EQ(rows[0].partition_error_code, ErrorCode::None);
    EXPECT_EQ(rows[1].partition_error_code,
              version == 4 ? ErrorCode::InvalidTxnState : ErrorCode::TransactionAbortable);
  }
}

TEST_F(TransactionApis, CloseTheConnectionOfALateRequest) {
  connection->accepted = env::MonotonicTime(std::chrono::seconds(2));
  const auto producer = init();
  add(producer);
  connection->accepted = env::MonotonicTime(std::chrono::seconds(1));
  const auto outcome = send(ending(producer), 3);
  EXPECT_EQ(outcome->kind, Outcome::Kind::Closed);
}

TEST_F(TransactionApis, FindTheirCoordinatorOnceItsTopicIsMade) {
  FindCoordinatorRequest request;
  request.key = "payments";
  request.key_type = 1;
  EXPECT_EQ(ask<FindCoordinatorResponse>(request, 3).error_code,
            ErrorCode::CoordinatorNotAvailable);
}

}  // namespace
}  // namespace ottla::api
