#include "broker/group/producer_connections.h"

#include <gmock/gmock.h>

#include "broker/group/coordinator_for_tests.h"

namespace ottla::group {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const TopicPartition kInput{"input", 0};
constexpr ProducerId kProducer{7};

env::MonotonicTime at(int second) {
  return env::MonotonicTime() + seconds(second);
}

/// What is answered to a commit of a transaction on a connection that was accepted then.
std::vector<ErrorCode> commit(TestCoordinator& test, std::int64_t offset,
                              env::MonotonicTime connection) {
  CommitRequest request{.group = "g"};
  request.offsets.push_back({kInput, {.offset = Offset(offset)}});
  request.transaction = {.transactional_id = "t",
                         .producer_id = kProducer,
                         .producer_epoch = ProducerEpoch(3),
                         .connection = connection};
  std::vector<ErrorCode> told = {ErrorCode::UnknownServerError};
  test.core.commit(std::move(request),
                   [&](const std::vector<ErrorCode>& outcomes) { told = outcomes; });
  return told;
}

TEST(TransactionOffsets, W25OneOfAnEarlierTransactionIsNotTakenForOneOfTheNext) {
  TestCoordinator test;
  EXPECT_THAT(commit(test, 10, at(20)), ElementsAre(ErrorCode::None));
  test.core.end_transaction(0, kProducer, true, Offset(100));
  EXPECT_THAT(commit(test, 20, at(20)), ElementsAre(ErrorCode::None));
  EXPECT_THAT(commit(test, 9, at(5)), IsEmpty()) << "its client has another connection since";
  test.core.end_transaction(0, kProducer, true, Offset(200));
  EXPECT_EQ(test.offset("g", kInput), 20);
}

TEST(TransactionOffsets, ThoseOfTransactionVersion2AreToldByTheirEpoch) {
  TestCoordinator test;
  EXPECT_THAT(commit(test, 10, at(20)), ElementsAre(ErrorCode::None));
  EXPECT_THAT(commit(test, 11, env::MonotonicTime()), ElementsAre(ErrorCode::None));
}

TEST(TransactionOffsets, ProducersThatHaveGoneAreForgotten) {
  ProducerConnections connections;
  EXPECT_FALSE(connections.is_late(kProducer, at(10), at(0), at(10)));
  EXPECT_TRUE(connections.is_late(kProducer, at(9), at(0), at(11)));
  connections.forget_unused(at(10) + minutes(15));
  EXPECT_EQ(connections.size(), 1U);
  connections.forget_unused(at(11) + minutes(15));
  EXPECT_EQ(connections.size(), 0U);
}

TEST(TransactionOffsets, AnUnknownProducerMayNotComeOnAConnectionOfBefore) {
  ProducerConnections connections;
  EXPECT_TRUE(connections.is_late(kProducer, at(9), at(10), at(11)));
  EXPECT_FALSE(connections.is_late(kProducer, at(10), at(10), at(11)));
}

}  // namespace
}  // namespace ottla::group
