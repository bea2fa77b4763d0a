// KIP-890: which records may open a transaction (W26).
#include <gtest/gtest.h>

#include "broker/storage/producer_states.h"
#include "common/record/control_record.h"
#include "common/record/record_batch_builder.h"

namespace ottla::storage {
namespace {

constexpr ProducerId kProducer{7};

class Verification : public ::testing::Test {
 protected:
  ErrorCode append(std::int32_t sequence, std::optional<VerificationToken> token,
                   std::int16_t epoch = 0, AppendOrigin origin = AppendOrigin::Client) {
    record::RecordBatchBuilder builder({.base_offset = Offset(next_++),
                                        .producer_id = kProducer,
                                        .producer_epoch = ProducerEpoch(epoch),
                                        .base_sequence = sequence,
                                        .transactional = true});
    builder.append(1000, as_bytes("k"), as_bytes("v"));
    return add(*builder.build().value(), origin, token);
  }
  ErrorCode end(std::int16_t epoch = 0) {
    const SharedBuffer marker = record::build_end_transaction_marker(
        kProducer, ProducerEpoch(epoch), {record::ControlType::Abort, 0}, 1000);
    return add(*marker, AppendOrigin::Coordinator, std::nullopt);
  }
  VerificationToken ask(std::int32_t sequence, std::int16_t epoch = 0) {
    return states_.begin_verification(kProducer, ProducerEpoch(epoch), sequence, 1000);
  }

  ProducerStates states_;

 private:
  ErrorCode add(Buffer& bytes, AppendOrigin origin, std::optional<VerificationToken> token) {
    ProducerStates::Update update = states_.begin();
    const Result<> added =
        update.add(record::RecordBatchView::parse(bytes.bytes()).value(), origin, token);
    if (!added) return added.error().code();
    states_.apply(update);
    for (const CompletedTransaction& completed : update.completed()) states_.complete(completed);
    return ErrorCode::None;
  }
  std::int64_t next_ = 0;
};

TEST_F(Verification, TheFirstRecordNeedsATokenTheNextOnesDoNot) {
  EXPECT_EQ(append(0, kNoVerification), ErrorCode::InvalidTxnState);
  const VerificationToken token = ask(0);
  EXPECT_NE(token, kNoVerification);
  EXPECT_EQ(append(0, token), ErrorCode::None);
  EXPECT_EQ(ask(1), kNoVerification);
  EXPECT_EQ(append(1, kNoVerification), ErrorCode::None);
}

TEST_F(Verification, AMarkerMakesWhatWasAskedBeforeItVoid) {
  const VerificationToken before = ask(0);
  ASSERT_EQ(end(), ErrorCode::None);
  EXPECT_EQ(append(0, before), ErrorCode::InvalidTxnState);
  // Also after a new question: the old answer was about another transaction.
  const VerificationToken after = ask(0);
  EXPECT_GT(after, before);
  EXPECT_EQ(append(0, before), ErrorCode::InvalidTxnState);
  EXPECT_EQ(append(0, after), ErrorCode::None);
}

TEST_F(Verification, ALateRecordDoesNotOpenATransactionAgain) {
  ASSERT_EQ(append(0, ask(0)), ErrorCode::None);
  const VerificationToken none = ask(1);
  ASSERT_EQ(end(), ErrorCode::None);
  EXPECT_EQ(append(1, none), ErrorCode::InvalidTxnState);
  EXPECT_FALSE(states_.active().front().transaction_start_offset >= Offset(0));
}

TEST_F(Verification, QuestionsAtTheSameTimeShareAToken) {
  const VerificationToken first = ask(0);
  EXPECT_EQ(ask(1), first);
  EXPECT_EQ(append(1, first), ErrorCode::OutOfOrderSequenceNumber) << "0 comes first";
  EXPECT_EQ(append(0, first), ErrorCode::None);
  EXPECT_EQ(append(1, first), ErrorCode::None);
}

TEST_F(Verification, AZombiesQuestionDoesNotHoldUpItsSuccessor) {
  ASSERT_EQ(append(0, ask(0, 1), 1), ErrorCode::None);
  ask(0, 0);
  EXPECT_EQ(append(1, ask(1, 1), 1), ErrorCode::None);
}

TEST_F(Verification, AnOpenTransactionOfAnOlderEpochSaysNothing) {
  ASSERT_EQ(append(0, ask(0)), ErrorCode::None);
  EXPECT_NE(ask(0, 1), kNoVerification);
  EXPECT_EQ(append(0, kNoVerification, 1), ErrorCode::InvalidTxnState);
}

TEST_F(Verification, IsNotAskedOfFollowersNorWhereItIsSwitchedOff) {
  EXPECT_EQ(append(0, std::nullopt, 0, AppendOrigin::Replication), ErrorCode::None);
  ASSERT_EQ(end(), ErrorCode::None);
  EXPECT_EQ(append(1, std::nullopt), ErrorCode::None);
}

TEST_F(Verification, TokensOutliveACutOfTheLog) {
  const VerificationToken before = ask(0);
  states_.clear();
  EXPECT_EQ(append(0, before), ErrorCode::InvalidTxnState);
  EXPECT_GT(ask(0), before);
}

TEST_F(Verification, ExpiresUnlessRenewed) {
  const VerificationToken token = ask(0);
  states_.expire(999);
  EXPECT_EQ(ask(0), token);
  states_.expire(1000);
  EXPECT_GT(ask(0), token);
}

}  // namespace
}  // namespace ottla::storage
