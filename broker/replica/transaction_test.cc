#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "broker/replica/simulated_cluster_for_tests.h"
#include "broker/replica/transaction_gauges.h"
#include "broker/replica/transaction_markers.h"
#include "common/metrics/replica_metrics.h"
#include "common/record/control_record.h"
#include "common/record/record_batch_builder.h"

namespace ottla::replica {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

constexpr ProducerId kProducer{1001};

/// Listens to the ends of transactions on every broker.
class Ends final : public TransactionEndListener {
 public:
  void on_transaction_ended(const TopicPartition& partition, ProducerId producer, bool is_commit,
                            Offset marker) override {
    heard.emplace_back(partition.partition, producer, is_commit, marker);
  }
  std::vector<std::tuple<std::int32_t, ProducerId, bool, Offset>> heard;
};

/// Answers when the test says so.
class Coordinator final : public TransactionVerifier {
 public:
  void verify(Question question, Callback<std::vector<ErrorCode>> done) override {
    questions.push_back(std::move(question));
    waiting.push_back(std::move(done));
  }
  void answer(std::vector<ErrorCode> codes) {
    auto done = std::move(waiting.front());
    waiting.erase(waiting.begin());
    std::move(done)(std::move(codes));
  }
  std::vector<Question> questions;
  std::vector<Callback<std::vector<ErrorCode>>> waiting;
};

std::unique_ptr<SimulatedCluster> make_cluster(SimulatedCluster::Options options) {
  auto cluster = std::make_unique<SimulatedCluster>(1, options);
  EXPECT_TRUE(cluster->world.run_until_true(
      [&] {
        for (std::size_t p = 0; p < static_cast<std::size_t>(cluster->partitions()); ++p) {
          const auto leader =
              cluster->partition(cluster->state(p).leader, static_cast<std::int32_t>(p));
          if (!leader || leader->view().role != Partition::Role::Leader) return false;
        }
        return true;
      },
      seconds(20)));
  return cluster;
}

TransactionMarker marker(bool is_commit, std::int16_t epoch = 0, std::int32_t coordinator = 0) {
  return {.producer_id = kProducer,
          .producer_epoch = ProducerEpoch(epoch),
          .coordinator_epoch = coordinator,
          .is_commit = is_commit,
          .partitions = {{kTopic, 0}}};
}

std::vector<ErrorCode> write_marker(SimulatedCluster& cluster, TransactionMarker marker,
                                    BrokerId broker = kOne) {
  std::optional<std::vector<ErrorCode>> outcomes;
  auto& process = cluster.process(broker);
  process.clients->post([&] {
    process.replicas->append_markers(std::move(marker), seconds(1), *process.clients,
                                     [&](std::vector<ErrorCode> got) { outcomes = got; });
  });
  EXPECT_TRUE(cluster.world.run_until_true([&] { return outcomes.has_value(); }, seconds(5)));
  return outcomes.value_or(std::vector<ErrorCode>{});
}

TEST(TransactionMarkers, AreOnEveryInSyncReplicaAndThenHeardOf) {
  Ends ends;
  const auto cluster = make_cluster({.transaction_ends = &ends});
  EXPECT_THAT(write_marker(*cluster, marker(true)), ElementsAre(ErrorCode::None));
  for (const BrokerId broker : {kOne, kTwo, BrokerId(3)}) {
    const auto data = cluster->log(broker)->read(Offset(0), {});
    ASSERT_TRUE(data) << data.error();
    const SharedBuffer bytes = storage::read_slice(data->records).value();
    const auto batch = record::RecordBatchView::parse(bytes->bytes()).value();
    EXPECT_EQ(batch.producer_id(), kProducer);
    EXPECT_EQ(record::end_transaction_marker(batch).value().type, record::ControlType::Commit);
  }
  EXPECT_THAT(ends.heard, ElementsAre(std::tuple(0, kProducer, true, Offset(0))));
}

TEST(TransactionMarkers, OlderProducersAndCoordinatorsAreFenced) {
  const auto cluster = make_cluster({});
  EXPECT_THAT(write_marker(*cluster, marker(true, 3, 5)), ElementsAre(ErrorCode::None));
  EXPECT_THAT(write_marker(*cluster, marker(true, 2, 5)),
              ElementsAre(ErrorCode::InvalidProducerEpoch));
  EXPECT_THAT(write_marker(*cluster, marker(true, 3, 4)),
              ElementsAre(ErrorCode::TransactionCoordinatorFenced));
  EXPECT_THAT(write_marker(*cluster, marker(true, 3, 5)), ElementsAre(ErrorCode::None));
}

TEST(TransactionMarkers, EachPartitionHasAnOutcomeOfItsOwn) {
  const auto cluster = make_cluster({.partitions = 3});
  TransactionMarker wanted = marker(false);
  wanted.partitions = {{kTopic, 1}, {kTopic, 0}, {kTopic, 9}};
  EXPECT_THAT(write_marker(*cluster, wanted),
              ElementsAre(ErrorCode::NotLeaderOrFollower, ErrorCode::None,
                          ErrorCode::UnknownTopicOrPartition));
}

AppendedPartition append_transactional(SimulatedCluster& cluster) {
  record::RecordBatchBuilder builder({.producer_id = kProducer,
                                      .producer_epoch = ProducerEpoch(0),
                                      .base_sequence = 0,
                                      .transactional = true});
  builder.append(cluster.world.clock().wall_now_ms(), std::nullopt, as_bytes("r"));
  const SharedBuffer batch = builder.build().value();
  std::optional<AppendedPartition> answer;
  auto& process = cluster.process(kOne);
  process.clients->post([&] {
    AppendRequest request;
    request.partitions.push_back({.partition = {kTopic, 0}, .records = batch->bytes()});
    request.owner = batch;
    request.timeout = seconds(1);
    process.replicas->append(std::move(request), *process.clients,
                             [&](const AppendResult& result) { answer = result[0]; });
  });
  EXPECT_TRUE(cluster.world.run_until_true([&] { return answer.has_value(); }, seconds(5)));
  return answer.value_or(AppendedPartition{});
}

FetchedPartition fetch_committed(SimulatedCluster& cluster, BrokerId broker) {
  std::optional<FetchedPartition> fetched;
  auto& process = cluster.process(broker);
  process.clients->post([&] {
    process.replicas->fetch({.partitions = {{.partition = {kTopic, 0},
                                             .fetch_offset = Offset(0),
                                             .max_bytes = 1 << 20}},
                             .isolation = IsolationLevel::ReadCommitted,
                             .max_bytes = 1 << 20,
                             .can_follow_preferred_replica = true},
                            *process.clients,
                            [&](FetchResult result) { fetched = std::move(result[0]); });
  });
  EXPECT_TRUE(cluster.world.run_until_true([&] { return fetched.has_value(); }, seconds(5)));
  return fetched ? *std::move(fetched) : FetchedPartition{};
}

// Also of a follower (KIP-392).
TEST(TransactionMarkers, UntilThenReadersOfCommittedRecordsSeeNothingOnAnyReplica) {
  const auto cluster = make_cluster({});
  ASSERT_EQ(append_transactional(*cluster).error, ErrorCode::None);
  cluster->world.run_for(seconds(1));  // followers hear of the high watermark
  for (const BrokerId broker : {kOne, kTwo}) {
    const FetchedPartition open = fetch_committed(*cluster, broker);
    EXPECT_EQ(open.error, ErrorCode::None);
    EXPECT_EQ(open.high_watermark, Offset(1));
    EXPECT_EQ(open.last_stable_offset, Offset(0));
    EXPECT_EQ(open.records.size(), 0U);
  }
  ASSERT_THAT(write_marker(*cluster, marker(/*is_commit=*/false)), ElementsAre(ErrorCode::None));
  cluster->world.run_for(seconds(1));
  for (const BrokerId broker : {kOne, kTwo}) {
    const FetchedPartition ended = fetch_committed(*cluster, broker);
    EXPECT_EQ(ended.last_stable_offset, Offset(2));
    EXPECT_GT(ended.records.size(), 0U);
    ASSERT_EQ(ended.aborted_transactions.value().size(), 1U);
    EXPECT_EQ((*ended.aborted_transactions)[0].producer_id, kProducer);
    EXPECT_EQ((*ended.aborted_transactions)[0].first_offset, Offset(0));
  }
}

double value_of(const metrics::Registry& registry, const metrics::Metric& metric) {
  for (const auto& sample : registry.samples()) {
    if (*sample.metric == metric) return sample.value;
  }
  return -1;
}

// Kafka's allowance: transaction.max.timeout.ms and five minutes.
TEST(TransactionGauges, ATransactionIsLateWhenNoneMayBeOpenForSoLong) {
  const auto cluster = make_cluster({});
  metrics::Registry registry;
  const TransactionGauges gauges(*cluster->process(kOne).replicas, cluster->world.clock(),
                                 std::chrono::minutes(2), registry);
  const auto late = [&] {
    return value_of(registry, metrics::kPartitionsWithLateTransactionsCount);
  };
  ASSERT_EQ(append_transactional(*cluster).error, ErrorCode::None);
  cluster->world.run_for(std::chrono::minutes(6));
  EXPECT_EQ(late(), 0);
  EXPECT_GT(value_of(registry, metrics::kOldestOpenTransactionAgeMs), 300'000);
  cluster->world.run_for(std::chrono::minutes(2));
  EXPECT_EQ(late(), 1);
  ASSERT_THAT(write_marker(*cluster, marker(/*is_commit=*/false)), ElementsAre(ErrorCode::None));
  EXPECT_EQ(late(), 0);
}

class TransactionVerification : public ::testing::Test {
 protected:
  void check(bool knows_abortable = false, std::vector<std::int32_t> partitions = {0},
             bool adds = false, std::int32_t base_sequence = 0) {
    verified_.reset();
    TransactionCheck check{.transactional_id = "t",
                           .producer_id = kProducer,
                           .producer_epoch = ProducerEpoch(0),
                           .knows_abortable = knows_abortable,
                           .adds = adds};
    for (const std::int32_t p : partitions)
      check.partitions.push_back({{kTopic, p}, base_sequence});
    auto& process = cluster_->process(kOne);
    process.clients->post([&, check] {
      process.replicas->verify_transaction(
          check, *process.clients,
          [&](std::vector<VerifiedPartition> verified) { verified_ = std::move(verified); });
    });
    cluster_->world.run_for(milliseconds(10));
  }
  std::vector<ErrorCode> answer(ErrorCode code) {
    coordinator_.answer({code});
    cluster_->world.run_for(milliseconds(10));
    std::vector<ErrorCode> errors;
    for (const VerifiedPartition& verified : verified_.value()) errors.push_back(verified.error);
    return errors;
  }

  Coordinator coordinator_;
  bool verifies_ = true;
  std::unique_ptr<SimulatedCluster> cluster_ = make_cluster(
      {.partitions = 3, .transaction_verifier = &coordinator_, .verifies_transactions = [this] {
         return verifies_;
       }});
  std::optional<std::vector<VerifiedPartition>> verified_;
};

TEST_F(TransactionVerification, AsksForWhatThisBrokerLeadsAndWaitsForTheAnswer) {
  check(false, {1, 0, 9});
  ASSERT_FALSE(verified_.has_value());
  ASSERT_EQ(coordinator_.questions.size(), 1U);
  EXPECT_EQ(coordinator_.questions[0].transactional_id, "t");
  EXPECT_THAT(coordinator_.questions[0].partitions, ElementsAre(TopicPartition{kTopic, 0}));
  EXPECT_THAT(answer(ErrorCode::None), ElementsAre(ErrorCode::NotLeaderOrFollower, ErrorCode::None,
                                                   ErrorCode::UnknownTopicOrPartition));
  EXPECT_TRUE((*verified_)[1].token.has_value());
}

TEST_F(TransactionVerification, AMarkerMakesTheAnswerToAQuestionVoidButNotAnAddedPartition) {
  const auto token_now = [&] {
    return cluster_->log(kOne)->begin_verification(kProducer, ProducerEpoch(0), 0);
  };
  check();
  write_marker(*cluster_, marker(true));
  answer(ErrorCode::None);
  EXPECT_NE((*verified_)[0].token, token_now());

  check(/*knows_abortable=*/true, {0}, /*adds=*/true);
  EXPECT_TRUE(coordinator_.questions.back().adds);
  write_marker(*cluster_, marker(true));
  answer(ErrorCode::None);
  EXPECT_EQ((*verified_)[0].token, token_now());
}

// transaction.partition.verification.enable=false
TEST_F(TransactionVerification, SwitchedOffStillAddsPartitionsForClientsThatLeaveItToLeaders) {
  verifies_ = false;
  check();
  EXPECT_TRUE(coordinator_.questions.empty());
  ASSERT_EQ(verified_.value().size(), 1U);
  EXPECT_FALSE((*verified_)[0].token.has_value());
  check(/*knows_abortable=*/true, {0}, /*adds=*/true);
  ASSERT_EQ(coordinator_.questions.size(), 1U);
  EXPECT_TRUE(coordinator_.questions[0].adds);
}

// Each transaction of version 2 begins at sequence 0, also where nothing is known of its producer.
TEST_F(TransactionVerification, ASecondBatchThatComesFirstIsRefused) {
  const auto append = [&](std::int32_t base_sequence) {
    record::RecordBatchBuilder builder({.producer_id = kProducer,
                                        .producer_epoch = ProducerEpoch(0),
                                        .base_sequence = base_sequence,
                                        .transactional = true});
    builder.append(1'000, std::nullopt, as_bytes("r"));
    const SharedBuffer batch = builder.build().value();
    std::vector<std::byte> bytes(batch->bytes().begin(), batch->bytes().end());
    const auto appended =
        cluster_->log(kOne)->append_as_leader(bytes, cluster_->state().leader_epoch,
                                              storage::AppendOrigin::Client, (*verified_)[0].token);
    return appended ? ErrorCode::None : appended.error().code();
  };
  check(true, {0}, /*adds=*/true, /*base_sequence=*/1);
  answer(ErrorCode::None);
  EXPECT_EQ(append(1), ErrorCode::OutOfOrderSequenceNumber);
  EXPECT_EQ(append(0), ErrorCode::None);
  EXPECT_EQ(append(1), ErrorCode::None);
}

TEST_F(TransactionVerification, TellsWhatTheClientUnderstands) {
  check();
  EXPECT_THAT(answer(ErrorCode::TransactionAbortable), ElementsAre(ErrorCode::InvalidTxnState));
  check(/*knows_abortable=*/true);
  EXPECT_THAT(answer(ErrorCode::TransactionAbortable),
              ElementsAre(ErrorCode::TransactionAbortable));
  check();
  EXPECT_THAT(answer(ErrorCode::ProducerFenced), ElementsAre(ErrorCode::InvalidProducerEpoch));
  for (const bool adds : {false, true}) {
    EXPECT_EQ(produce_error(ErrorCode::NotCoordinator, adds), ErrorCode::NotEnoughReplicas);
  }
  EXPECT_EQ(produce_error(ErrorCode::ConcurrentTransactions, false), ErrorCode::NotEnoughReplicas);
  EXPECT_EQ(produce_error(ErrorCode::ConcurrentTransactions, true),
            ErrorCode::ConcurrentTransactions);
}

}  // namespace
}  // namespace ottla::replica
