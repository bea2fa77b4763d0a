#include "broker/transaction/transitions.h"

#include <gtest/gtest.h>

namespace ottla::transaction {
namespace {

constexpr env::WallTimeMs kNow = 5'000;
constexpr ProducerId kId{7};
constexpr ProducerId kFresh{8};
const TopicPartition kOrders{"orders", 0};
const TopicPartition kOffsets{"__consumer_offsets", 3};

TransactionImage image_in(TransactionState state, std::int16_t epoch = 4) {
  TransactionImage image;
  image.producer_id = kId;
  image.producer_epoch = ProducerEpoch(epoch);
  image.timeout_ms = 60'000;
  image.state = state;
  image.last_update = 1'000;
  if (state != TransactionState::Empty) image.start_time = 1'000;
  if (state == TransactionState::Ongoing || is_ending(state)) image.partitions = {kOrders};
  return image;
}

Producer producer(std::int16_t epoch, ProducerId id = kId) {
  return {id, ProducerEpoch(epoch)};
}

ErrorCode error_of(const auto& result) {
  return result ? ErrorCode::None : result.error().code();
}

TransactionImage initialized(const TransactionImage& image, std::optional<Producer> expected = {},
                             std::optional<ProducerId> fresh = {}) {
  return std::get<TransactionImage>(init_producer(image, expected, fresh, 30'000, kNow).value());
}

constexpr TransactionState kAtRest[] = {TransactionState::Empty, TransactionState::CompleteCommit,
                                        TransactionState::CompleteAbort};

TEST(InitProducer, RaisesTheEpochAtRest) {
  for (const TransactionState state : kAtRest) {
    const TransactionImage next = initialized(image_in(state));
    EXPECT_EQ(next.state, TransactionState::Empty);
    EXPECT_EQ(next.producer_id, kId);
    EXPECT_EQ(next.producer_epoch, ProducerEpoch(5));
    EXPECT_EQ(next.timeout_ms, 30'000);
    EXPECT_EQ(next.start_time, image_in(state).start_time) << "as Kafka shows it";
    EXPECT_EQ(next.last_producer_epoch, kNoProducerEpoch);
  }
}

TEST(InitProducer, BeginsWithEpochZero) {
  EXPECT_EQ(initialized(image_in(TransactionState::Empty, -1)).producer_epoch, ProducerEpoch(0));
  // An id that has expired: its producer may still know another one.
  const auto next = initialized(image_in(TransactionState::Empty, -1), producer(9, ProducerId(3)));
  EXPECT_EQ(next.producer_epoch, ProducerEpoch(0));
}

TEST(InitProducer, WaitsForADecidedEnd) {
  for (const TransactionState state :
       {TransactionState::PrepareCommit, TransactionState::PrepareAbort}) {
    EXPECT_EQ(error_of(init_producer(image_in(state), {}, {}, 1, kNow)),
              ErrorCode::ConcurrentTransactions);
  }
}

TEST(InitProducer, FencesAnOngoingTransaction) {
  const auto step = init_producer(image_in(TransactionState::Ongoing), {}, {}, 1, kNow);
  EXPECT_TRUE(std::holds_alternative<Fence>(step.value()));
}

TEST(InitProducer, OfAnOldEpochDoesNotAbortItsSuccessor) {
  EXPECT_EQ(error_of(init_producer(image_in(TransactionState::Ongoing), producer(3), {}, 1, kNow)),
            ErrorCode::ProducerFenced);
}

TEST(InitProducer, ARecoveringProducerRaisesItsOwnEpochAndMayAskAgain) {
  const TransactionImage once = initialized(image_in(TransactionState::Empty), producer(4));
  EXPECT_EQ(once.producer_epoch, ProducerEpoch(5));
  EXPECT_EQ(once.last_producer_epoch, ProducerEpoch(4));
  const TransactionImage twice = initialized(once, producer(4));
  EXPECT_EQ(twice.producer_epoch, ProducerEpoch(5));
}

TEST(InitProducer, FencesWhoIsNotTheLastOne) {
  const TransactionImage image = image_in(TransactionState::Empty);
  EXPECT_EQ(error_of(init_producer(image, producer(3), {}, 1, kNow)), ErrorCode::ProducerFenced);
  EXPECT_EQ(error_of(init_producer(image, producer(4, kFresh), {}, 1, kNow)),
            ErrorCode::ProducerFenced);
}

TEST(InitProducer, GoesOverToAFreshIdWhenEpochsAreUsedUp) {
  TransactionImage image = image_in(TransactionState::CompleteAbort, kLastProducerEpoch.value());
  EXPECT_TRUE(
      std::holds_alternative<NeedsProducerId>(init_producer(image, {}, {}, 1, kNow).value()));
  TransactionImage next = initialized(image, {}, kFresh);
  EXPECT_EQ(next.producer_id, kFresh);
  EXPECT_EQ(next.producer_epoch, ProducerEpoch(0));
  EXPECT_EQ(next.last_producer_epoch, kNoProducerEpoch);

  next = initialized(image, producer(kLastProducerEpoch.value()), kFresh);
  EXPECT_EQ(next.last_producer_epoch, kLastProducerEpoch);
  // Its answer was lost: it asks under its old id.
  const TransactionImage again = initialized(next, producer(kLastProducerEpoch.value()));
  EXPECT_EQ(again.producer_id, kFresh);
  EXPECT_EQ(again.producer_epoch, ProducerEpoch(0));
}

TEST(InitProducer, WhoWasFencedAtTheLastEpochIsToldSo) {
  // KAFKA-20357: fenced from 32766 to 32767 by the timeout, its producer then recovers.
  const TransactionImage image = image_in(TransactionState::CompleteAbort, 32767);
  EXPECT_EQ(error_of(init_producer(image, producer(32766), kFresh, 1, kNow)),
            ErrorCode::ProducerFenced);
  EXPECT_EQ(initialized(image, {}, kFresh).producer_id, kFresh);
}

TEST(CheckProducer, TellsTheIdFromTheEpoch) {
  const TransactionImage image = image_in(TransactionState::Ongoing);
  EXPECT_TRUE(check_producer(image, producer(4)));
  EXPECT_EQ(error_of(check_producer(image, producer(4, kFresh))),
            ErrorCode::InvalidProducerIdMapping);
  EXPECT_EQ(error_of(check_producer(image, producer(3))), ErrorCode::ProducerFenced);
  EXPECT_EQ(error_of(check_producer(image, producer(5))), ErrorCode::ProducerFenced);
}

TEST(AddPartitions, BeginsATransactionAtRest) {
  for (const TransactionState state : kAtRest) {
    const auto step = add_partitions(image_in(state), {kOrders}, kNow);
    const auto& next = std::get<TransactionImage>(step.value());
    EXPECT_EQ(next.state, TransactionState::Ongoing);
    EXPECT_EQ(next.start_time, kNow);
    EXPECT_EQ(next.partitions, (std::set{kOrders}));
  }
}

TEST(AddPartitions, ExtendsAnOngoingOneAndKeepsItsStart) {
  const auto step = add_partitions(image_in(TransactionState::Ongoing), {kOrders, kOffsets}, kNow);
  const auto& next = std::get<TransactionImage>(step.value());
  EXPECT_EQ(next.start_time, 1'000);
  EXPECT_EQ(next.last_update, kNow);
  EXPECT_EQ(next.partitions, (std::set{kOrders, kOffsets}));
}

TEST(AddPartitions, KnownOnesChangeNothing) {
  const auto step = add_partitions(image_in(TransactionState::Ongoing), {kOrders}, kNow);
  EXPECT_TRUE(std::holds_alternative<Unchanged>(step.value()));
}

TEST(AddPartitions, WaitForADecidedEnd) {
  EXPECT_EQ(error_of(add_partitions(image_in(TransactionState::PrepareCommit), {kOrders}, kNow)),
            ErrorCode::ConcurrentTransactions);
}

struct EndCase {
  TransactionState state;
  bool commit;
  ErrorCode error;
  bool is_written;
};

void expect_end(const EndCase& expected, EndProtocol protocol) {
  SCOPED_TRACE(std::string(name_of(expected.state)) + (expected.commit ? " commit" : " abort"));
  const auto step =
      end_transaction(image_in(expected.state), expected.commit, protocol, false, {}, kNow);
  EXPECT_EQ(error_of(step), expected.error);
  if (!step) return;
  EXPECT_EQ(std::holds_alternative<TransactionImage>(*step), expected.is_written);
}

TEST(EndTransaction, FollowsKafkasTable) {
  using enum TransactionState;
  const EndCase kTable[] = {
      {Empty, true, ErrorCode::InvalidTxnState, false},
      {Empty, false, ErrorCode::InvalidTxnState, false},
      {Ongoing, true, ErrorCode::None, true},
      {Ongoing, false, ErrorCode::None, true},
      {PrepareCommit, true, ErrorCode::ConcurrentTransactions, false},
      {PrepareCommit, false, ErrorCode::ConcurrentTransactions, false},
      {PrepareAbort, true, ErrorCode::ConcurrentTransactions, false},
      {PrepareAbort, false, ErrorCode::ConcurrentTransactions, false},
      {CompleteCommit, true, ErrorCode::None, false},
      {CompleteCommit, false, ErrorCode::InvalidTxnState, false},
      {CompleteAbort, true, ErrorCode::InvalidTxnState, false},
      {CompleteAbort, false, ErrorCode::None, false},
  };
  for (const EndCase& row : kTable) expect_end(row, EndProtocol::KeepsEpoch);
}

TEST(EndTransaction, WithARisingEpochFollowsKafkas4Table) {
  using enum TransactionState;
  const EndCase kTable[] = {
      {Empty, true, ErrorCode::InvalidTxnState, false},
      {Empty, false, ErrorCode::None, true},
      {Ongoing, true, ErrorCode::None, true},
      {Ongoing, false, ErrorCode::None, true},
      {PrepareCommit, true, ErrorCode::ConcurrentTransactions, false},
      {CompleteCommit, true, ErrorCode::InvalidTxnState, false},
      {CompleteCommit, false, ErrorCode::None, true},
      {CompleteAbort, true, ErrorCode::InvalidTxnState, false},
      {CompleteAbort, false, ErrorCode::None, true},
  };
  for (const EndCase& row : kTable) expect_end(row, EndProtocol::RaisesEpoch);
}

TEST(EndTransaction, KeepsItsPartitionsUntilAllHaveTheirMarkers) {
  const auto step = end_transaction(image_in(TransactionState::Ongoing), true,
                                    EndProtocol::KeepsEpoch, false, {}, kNow);
  const auto& next = std::get<TransactionImage>(step.value());
  EXPECT_EQ(next.state, TransactionState::PrepareCommit);
  EXPECT_EQ(next.partitions, (std::set{kOrders}));
  EXPECT_EQ(next.producer_epoch, ProducerEpoch(4));
  const TransactionImage completed = complete(next, kNow + 1);
  EXPECT_EQ(completed.state, TransactionState::CompleteCommit);
  EXPECT_TRUE(completed.partitions.empty());
  EXPECT_EQ(completed.start_time, 1'000);
}

TEST(EndTransaction, ARepeatedEndThatRaisedTheEpochIsKnown) {
  const auto step = end_transaction(image_in(TransactionState::Ongoing), true,
                                    EndProtocol::RaisesEpoch, false, {}, kNow);
  const TransactionImage ended = complete(std::get<TransactionImage>(step.value()), kNow);
  EXPECT_EQ(ended.producer_epoch, ProducerEpoch(5));
  EXPECT_TRUE(repeats_end(ended, producer(4), EndProtocol::RaisesEpoch));
  EXPECT_FALSE(repeats_end(ended, producer(4), EndProtocol::KeepsEpoch));
  EXPECT_FALSE(repeats_end(ended, producer(5), EndProtocol::RaisesEpoch));
  EXPECT_FALSE(repeats_end(ended, producer(3), EndProtocol::RaisesEpoch));
  // Not after the next transaction has begun, nor after another InitProducerId.
  const auto begun = add_partitions(ended, {kOrders}, kNow);
  EXPECT_FALSE(repeats_end(std::get<TransactionImage>(begun.value()), producer(4),
                           EndProtocol::RaisesEpoch));
  EXPECT_FALSE(repeats_end(initialized(ended), producer(4), EndProtocol::RaisesEpoch));
}

TEST(EndTransaction, ThatRaisesTheLastEpochGoesOverToAFreshId) {
  const TransactionImage image = image_in(TransactionState::Ongoing, kLastProducerEpoch.value());
  EXPECT_TRUE(std::holds_alternative<NeedsProducerId>(
      end_transaction(image, true, EndProtocol::RaisesEpoch, false, {}, kNow).value()));
  const auto step = end_transaction(image, true, EndProtocol::RaisesEpoch, false, kFresh, kNow);
  const auto& next = std::get<TransactionImage>(step.value());
  EXPECT_EQ(next.producer_id, kId) << "its markers are still those of the old id";
  EXPECT_EQ(next.producer_epoch, ProducerEpoch(32767));
  const TransactionImage ended = complete(next, kNow);
  EXPECT_EQ(ended.producer_id, kFresh);
  EXPECT_EQ(ended.producer_epoch, ProducerEpoch(0));
  EXPECT_TRUE(repeats_end(ended, producer(kLastProducerEpoch.value()), EndProtocol::RaisesEpoch));
}

TEST(FenceAndAbort, RaisesTheEpochOnce) {
  const TransactionImage next = fence_and_abort(image_in(TransactionState::Ongoing), kNow);
  EXPECT_EQ(next.state, TransactionState::PrepareAbort);
  EXPECT_EQ(next.producer_epoch, ProducerEpoch(5));
  EXPECT_EQ(next.partitions, (std::set{kOrders}));
  EXPECT_EQ(fence_and_abort(image_in(TransactionState::Ongoing, 32767), kNow).producer_epoch,
            ProducerEpoch(32767));
}

}  // namespace
}  // namespace ottla::transaction
