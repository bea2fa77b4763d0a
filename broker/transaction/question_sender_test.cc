#include "broker/transaction/question_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "broker/transaction/log_records.h"
#include "common/metrics/transaction_metrics.h"
#include "common/testing/simulated_world.h"

namespace ottla::transaction {
namespace {

using ::testing::ElementsAre;

constexpr BrokerId kSelf{1};
constexpr BrokerId kOther{2};

class FakePeers final : public rpc::TransactionPeers {
 public:
  void write_markers(const cluster::Broker&, rpc::NumberedMarkers, env::Duration,
                     Callback<Result<protocol::WriteTxnMarkersResponse>>) override {}
  void add_partitions(const cluster::Broker& to, protocol::AddPartitionsToTxnRequest request,
                      env::Duration,
                      Callback<Result<protocol::AddPartitionsToTxnResponse>> done) override {
    EXPECT_EQ(to.id, kOther);
    asked = std::move(request);
    answer = std::move(done);
  }
  protocol::AddPartitionsToTxnRequest asked;
  Callback<Result<protocol::AddPartitionsToTxnResponse>> answer;
};

/// The coordinator of this broker, which is asked about transactions only.
class FakeService final : public TransactionService {
 public:
  void init_producer(InitProducerRequest, Callback<InitializedProducer>) override {}
  void add_partitions(AddPartitionsRequest, Callback<Answer>) override {}
  void end(EndRequest, Callback<Answer>) override {}
  void verify_partitions(std::string, Producer, std::vector<TopicPartition> partitions,
                         Callback<std::vector<ErrorCode>> done) override {
    std::move(done)(std::vector<ErrorCode>(partitions.size(), ErrorCode::None));
  }
  void describe(std::vector<std::string>, Callback<std::vector<TransactionDescription>>) override {}
  void list(ListFilter, Callback<TransactionList>) override {}
};

class QuestionSenderTest : public ::testing::Test {
 protected:
  /// The coordinator of all transactional ids leads their one partition.
  void coordinated_by(BrokerId leader) {
    rpc::ClusterUpdate update;
    update.full = true;
    update.live_brokers.emplace();
    for (const BrokerId id : {kSelf, kOther}) {
      cluster::Broker broker;
      broker.id = id;
      update.live_brokers->push_back(broker);
    }
    for (const std::string name : {kTransactionsTopic, "orders"}) {
      rpc::TopicUpdate topic;
      topic.name = name;
      for (std::int32_t number = 0; number < 2; ++number) {
        rpc::PartitionUpdate partition;
        partition.partition = number;
        partition.assignment.replicas = {kSelf, kOther};
        partition.state.leader = leader;
        topic.partitions.push_back(partition);
      }
      update.topics.push_back(topic);
    }
    metadata_.publish(metadata_.image()->apply(update));
  }
  void ask() {
    codes_.reset();
    sender_.ask({.transactional_id = "payments",
                 .producer_id = ProducerId(7),
                 .producer_epoch = ProducerEpoch(0),
                 .partitions = {{"orders", 0}, {"orders", 1}}},
                1, service_, [this](std::vector<ErrorCode> codes) { codes_ = std::move(codes); });
  }
  void expect_measured(std::int64_t questions, std::int64_t microseconds, std::int64_t refused) {
    const auto took = registry_.histogram(metrics::kVerificationTimeMs);
    EXPECT_EQ(took->count(), questions);
    EXPECT_EQ(took->sum(), microseconds);
    EXPECT_EQ(registry_.counter_value(metrics::kVerificationFailureRate), refused);
  }

  testing::SimulatedWorld world_{1};
  metadata::MetadataCache metadata_;
  FakePeers peers_;
  FakeService service_;
  metrics::Registry registry_;
  QuestionSender sender_{{.self = kSelf,
                          .clock = world_.clock(),
                          .metadata = metadata_,
                          .peers = peers_,
                          .metrics = registry_}};
  std::optional<std::vector<ErrorCode>> codes_;
};

TEST_F(QuestionSenderTest, MeasuresWhatAnotherCoordinatorAnswers) {
  coordinated_by(kOther);
  ask();
  ASSERT_EQ(peers_.asked.transactions.size(), 1U);
  EXPECT_TRUE(peers_.asked.transactions[0].verify_only);
  world_.run_for(std::chrono::milliseconds(3));
  protocol::AddPartitionsToTxnResponse response;
  auto& rows = response.results_by_transaction.emplace_back().topic_results;
  for (const ErrorCode code : {ErrorCode::None, ErrorCode::TransactionAbortable}) {
    auto& row = rows.emplace_back().results_by_partition.emplace_back();
    row.partition_error_code = code;
  }
  std::move(peers_.answer)(std::move(response));
  EXPECT_THAT(codes_.value(), ElementsAre(ErrorCode::None, ErrorCode::TransactionAbortable));
  expect_measured(1, 3'000, 1);
}

TEST_F(QuestionSenderTest, NoAnswerIsAFailureOfEachPartition) {
  coordinated_by(kOther);
  ask();
  std::move(peers_.answer)(fail(ErrorCode::RequestTimedOut));
  EXPECT_THAT(codes_.value(),
              ElementsAre(ErrorCode::NetworkException, ErrorCode::NetworkException));
  expect_measured(1, 0, 2);
}

TEST_F(QuestionSenderTest, TheCoordinatorOfThisBrokerIsMeasuredLikeAnother) {
  coordinated_by(kSelf);
  ask();
  EXPECT_THAT(codes_.value(), ElementsAre(ErrorCode::None, ErrorCode::None));
  expect_measured(1, 0, 0);
}

TEST_F(QuestionSenderTest, NothingIsMeasuredWhereNobodyIsAsked) {
  ask();
  EXPECT_THAT(codes_.value(),
              ElementsAre(ErrorCode::CoordinatorNotAvailable, ErrorCode::CoordinatorNotAvailable));
  expect_measured(0, 0, 0);
}

}  // namespace
}  // namespace ottla::transaction
