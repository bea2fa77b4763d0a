#include "broker/transaction/coordinator_core.h"

#include <gtest/gtest.h>

#include <optional>

#include "broker/transaction/world_for_tests.h"

namespace ottla::transaction {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kTid = "payments";
constexpr LeaderEpoch kEpoch{3};
const TopicPartition kOrders{"orders", 0};
const TopicPartition kBills{"bills", 1};

/// A coordinator of all partitions of __transaction_state (there is one).
class Coordinator {
 public:
  Coordinator() {
    core.set_partition_count(1);
    lead(kEpoch);
  }

  void lead(LeaderEpoch epoch) {
    ASSERT_TRUE(core.begin_loading(0, epoch));
    core.finish_loading(0, epoch, log.load(0));
  }
  InitializedProducer init(std::optional<Producer> expected = {}, int on = 1) {
    const auto answer = std::make_shared<InitializedProducer>(
        InitializedProducer{.error = ErrorCode::UnknownServerError});
    core.init_producer({.transactional_id = kTid,
                        .timeout_ms = 60'000,
                        .expected = expected,
                        .connection = at(on)},
                       [answer](InitializedProducer got) { *answer = got; });
    return *answer;
  }
  Answer add(Producer producer, std::set<TopicPartition> partitions, int on = 1) {
    return *begin_adding(producer, std::move(partitions), on);
  }
  /// Whose answer may come later.
  std::shared_ptr<Answer> begin_adding(Producer producer, std::set<TopicPartition> partitions,
                                       int on = 1) {
    const auto answer = std::make_shared<Answer>(kNone);
    core.add_partitions({.transactional_id = kTid,
                         .producer = producer,
                         .partitions = std::move(partitions),
                         .connection = at(on)},
                        [answer](Answer got) { *answer = got; });
    return answer;
  }
  Answer end(Producer producer, bool commit, EndProtocol protocol = EndProtocol::KeepsEpoch,
             int on = 1) {
    const auto answer = std::make_shared<Answer>(kNone);
    core.end({.transactional_id = kTid,
              .producer = producer,
              .commit = commit,
              .protocol = protocol,
              .connection = at(on)},
             [answer](Answer got) { *answer = got; });
    return *answer;
  }
  static ConnectionTime at(int connection) {
    return testing::ManualClock().now() + seconds(connection);
  }
  TransactionImage image() { return core.describe(kTid).image; }
  TransactionState state() { return image().state; }
  void pass(env::Duration time) {
    const env::MonotonicTime until = clock.now() + time;
    while (core.next_deadline() && *core.next_deadline() <= until) {
      clock.advance_to(*core.next_deadline());
      core.run_due();
    }
    clock.advance_to(until);
  }

  /// Stands for "no answer yet".
  inline static const Answer kNone{.error = ErrorCode::UnknownServerError};

  TransactionConfig config;
  testing::ManualClock clock;
  MemoryLog log;
  MemoryMarkers markers;
  CountingIds ids;
  CoordinatorCore core{config, clock, log, markers, ids};
};

TEST(TransactionCoordinator, CarriesATransactionToItsCommit) {
  Coordinator at;
  const Producer producer = at.init().producer;
  EXPECT_EQ(producer, (Producer{ProducerId(1000), ProducerEpoch(0)}));
  EXPECT_EQ(at.add(producer, {kOrders}).error, ErrorCode::None);
  EXPECT_EQ(at.add(producer, {kBills}).error, ErrorCode::None);
  at.markers.hold = true;
  EXPECT_EQ(at.end(producer, true).error, ErrorCode::None) << "answered before the markers";
  EXPECT_EQ(at.state(), TransactionState::PrepareCommit);
  ASSERT_EQ(at.markers.sent.size(), 1u);
  const replica::TransactionMarker& marker = at.markers.sent[0];
  EXPECT_EQ(marker.producer_id, producer.id);
  EXPECT_EQ(marker.producer_epoch, producer.epoch);
  EXPECT_EQ(marker.coordinator_epoch, kEpoch.value());
  EXPECT_TRUE(marker.is_commit);
  EXPECT_EQ(marker.partitions, (std::vector{kBills, kOrders}));
  at.markers.release();
  EXPECT_EQ(at.state(), TransactionState::CompleteCommit);
  EXPECT_EQ(at.end(producer, true).error, ErrorCode::None) << "its answer was lost";
  EXPECT_EQ(at.end(producer, false).error, ErrorCode::InvalidTxnState);
}

TEST(TransactionCoordinator, RefusesWhatIsNotItsOwn) {
  Coordinator at;
  EXPECT_EQ(at.add({}, {kOrders}).error, ErrorCode::InvalidProducerIdMapping);
  EXPECT_EQ(at.end({}, true).error, ErrorCode::InvalidProducerIdMapping);
  EXPECT_EQ(at.core.describe(kTid).error, ErrorCode::TransactionalIdNotFound);
  EXPECT_EQ(at.core.describe("").error, ErrorCode::InvalidRequest);
  at.core.resign(0);
  EXPECT_EQ(at.init().error, ErrorCode::NotCoordinator);
  EXPECT_EQ(at.add({}, {kOrders}).error, ErrorCode::NotCoordinator);
  ASSERT_TRUE(at.core.begin_loading(0, kEpoch.next()));
  EXPECT_EQ(at.init().error, ErrorCode::CoordinatorLoadInProgress);
  EXPECT_EQ(at.end({}, true).error, ErrorCode::CoordinatorLoadInProgress);
  EXPECT_EQ(at.core.list({}).error, ErrorCode::CoordinatorLoadInProgress);
}

TEST(TransactionCoordinator, ChecksTheTimeout) {
  Coordinator at;
  const auto init_with = [&](std::int32_t timeout_ms) {
    ErrorCode error{};
    at.core.init_producer({.transactional_id = kTid, .timeout_ms = timeout_ms},
                          [&](InitializedProducer got) { error = got.error; });
    return error;
  };
  EXPECT_EQ(init_with(0), ErrorCode::InvalidTransactionTimeout);
  EXPECT_EQ(init_with(-1), ErrorCode::InvalidTransactionTimeout);
  EXPECT_EQ(init_with(900'001), ErrorCode::InvalidTransactionTimeout);
  EXPECT_EQ(init_with(900'000), ErrorCode::None);
}

TEST(TransactionCoordinator, ANewProducerFencesTheOldOneAndItsTransaction) {
  Coordinator at;
  const Producer old = at.init().producer;
  at.add(old, {kOrders});
  EXPECT_EQ(at.init().error, ErrorCode::ConcurrentTransactions) << "its transaction is aborted";
  EXPECT_EQ(at.state(), TransactionState::CompleteAbort);
  ASSERT_EQ(at.markers.sent.size(), 1u);
  EXPECT_FALSE(at.markers.sent[0].is_commit);
  EXPECT_EQ(at.markers.sent[0].producer_epoch, ProducerEpoch(1)) << "fences at the partitions";
  const InitializedProducer next = at.init();
  EXPECT_EQ(next.error, ErrorCode::None);
  EXPECT_EQ(next.producer.epoch, ProducerEpoch(2));
  EXPECT_EQ(at.add(old, {kOrders}).error, ErrorCode::ProducerFenced);
  EXPECT_EQ(at.end(old, true).error, ErrorCode::ProducerFenced);
}

TEST(TransactionCoordinator, AnswersOneAtATime) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.log.hold = true;
  at.add(producer, {kOrders});
  EXPECT_EQ(at.end(producer, true).error, ErrorCode::ConcurrentTransactions);
  EXPECT_EQ(at.init().error, ErrorCode::ConcurrentTransactions);
  at.log.release();
  EXPECT_EQ(at.state(), TransactionState::Ongoing);
}

TEST(TransactionCoordinator, WhatIsAddedWaitsForItsTurn) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.log.hold = true;
  const auto first = at.begin_adding(producer, {kOrders});
  const auto second = at.begin_adding(producer, {kBills});
  const auto third = at.begin_adding(producer, {kOrders, kBills});
  EXPECT_EQ(second->error, Coordinator::kNone.error);
  at.log.release();
  EXPECT_EQ(first->error, ErrorCode::None);
  EXPECT_EQ(second->error, Coordinator::kNone.error) << "it is being written";
  at.log.release();
  EXPECT_EQ(second->error, ErrorCode::None);
  EXPECT_EQ(third->error, ErrorCode::None) << "both are there by now";
  EXPECT_EQ(at.image().partitions, (std::set{kOrders, kBills}));

  at.log.hold = false;
  at.markers.hold = true;
  at.end(producer, true);
  const auto next = at.begin_adding(producer, {kOrders});
  EXPECT_EQ(next->error, Coordinator::kNone.error);
  at.markers.release();
  EXPECT_EQ(next->error, ErrorCode::None);
  EXPECT_EQ(at.state(), TransactionState::Ongoing);
  EXPECT_EQ(at.core.next_deadline(), std::nullopt) << "nobody waits any more";
}

TEST(TransactionCoordinator, WhatIsAddedDoesNotWaitForEver) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders});
  at.markers.hold = true;
  at.end(producer, true);
  const auto patient = at.begin_adding(producer, {kOrders});
  at.pass(milliseconds(99));
  EXPECT_EQ(patient->error, Coordinator::kNone.error);
  at.pass(milliseconds(1));
  EXPECT_EQ(patient->error, ErrorCode::ConcurrentTransactions);
  const auto unlucky = at.begin_adding(producer, {kOrders});
  at.core.resign(0);
  EXPECT_EQ(unlucky->error, ErrorCode::NotCoordinator);
}

TEST(TransactionCoordinator, TheNextIdOfAProducerWaitsForTheEndOfItsLast) {
  Coordinator at;
  Producer producer = at.init().producer;
  while (producer.epoch < kLastProducerEpoch) {
    at.add(producer, {kOrders});
    producer = at.end(producer, true, EndProtocol::RaisesEpoch).producer;
  }
  at.add(producer, {kOrders});
  at.markers.hold = true;
  const Producer next = at.end(producer, true, EndProtocol::RaisesEpoch).producer;
  EXPECT_EQ(next, (Producer{ProducerId(1001), ProducerEpoch(0)}));
  const auto added = at.begin_adding(next, {kOrders});
  EXPECT_EQ(added->error, Coordinator::kNone.error);
  at.markers.release();
  EXPECT_EQ(added->error, ErrorCode::None);
}

TEST(TransactionCoordinator, SendsMarkersAgainWhereTheyWereNotWritten) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders, kBills});
  at.markers.hold = true;
  at.end(producer, true);
  at.markers.release({MarkerOutcome::NotWritten, MarkerOutcome::Written});
  EXPECT_EQ(at.state(), TransactionState::PrepareCommit);
  EXPECT_EQ(at.core.sizes().markers_retried, 1u);
  at.pass(seconds(1));
  ASSERT_EQ(at.markers.sent.size(), 2u);
  EXPECT_EQ(at.markers.sent[1].partitions, std::vector{kBills});
  at.markers.release();
  EXPECT_EQ(at.state(), TransactionState::CompleteCommit);
  EXPECT_EQ(at.core.next_deadline(), std::nullopt);
}

TEST(TransactionCoordinator, EndsWithoutPartitionsThatAreGone) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders, kBills});
  at.markers.hold = true;
  at.end(producer, true);
  at.markers.release({MarkerOutcome::Gone, MarkerOutcome::Superseded});
  EXPECT_EQ(at.state(), TransactionState::CompleteCommit);
}

TEST(TransactionCoordinator, CarriesOnWhatItsPredecessorHasDecided) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders, kBills});
  at.markers.hold = true;
  at.end(producer, true);
  at.core.resign(0);
  at.lead(kEpoch.next());
  ASSERT_EQ(at.markers.sent.size(), 2u);
  EXPECT_TRUE(at.markers.sent[1].is_commit);
  EXPECT_EQ(at.markers.sent[1].coordinator_epoch, kEpoch.next().value());
  EXPECT_EQ(at.markers.sent[1].partitions, (std::vector{kBills, kOrders}));
  at.markers.release();  // The predecessor's: nobody waits for it.
  EXPECT_EQ(at.state(), TransactionState::PrepareCommit);
  at.markers.release();
  EXPECT_EQ(at.state(), TransactionState::CompleteCommit);
}

TEST(TransactionCoordinator, AnOngoingTransactionGoesOnAtTheNextCoordinator) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders});
  at.core.resign(0);
  at.pass(seconds(5));
  at.lead(kEpoch.next());
  EXPECT_TRUE(at.end(producer, true, EndProtocol::KeepsEpoch, 4).is_late)
      << "perhaps of an earlier one";
  EXPECT_EQ(at.add(producer, {kBills}, 5).error, ErrorCode::None);
  EXPECT_EQ(at.end(producer, true, EndProtocol::KeepsEpoch, 5).error, ErrorCode::None);
  EXPECT_EQ(at.state(), TransactionState::CompleteCommit);
}

TEST(TransactionCoordinator, AnAppendThatWasRefusedLeavesNoTrace) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.log.refuse_with = ErrorCode::NotEnoughReplicas;
  EXPECT_EQ(at.add(producer, {kOrders}).error, ErrorCode::CoordinatorNotAvailable);
  EXPECT_EQ(at.state(), TransactionState::Empty);
  EXPECT_EQ(at.core.next_deadline(), std::nullopt);
  at.log.refuse_with = ErrorCode::None;
  EXPECT_EQ(at.add(producer, {kOrders}).error, ErrorCode::None);
}

TEST(TransactionCoordinator, AFirstProducerThatCannotBeStoredIsUnknown) {
  Coordinator at;
  at.log.refuse_with = ErrorCode::NotEnoughReplicas;
  EXPECT_EQ(at.init().error, ErrorCode::CoordinatorNotAvailable);
  EXPECT_EQ(at.core.describe(kTid).error, ErrorCode::TransactionalIdNotFound);
}

TEST(TransactionCoordinator, AnAppendOfUnknownOutcomeIsRepeatedBeforeAnythingElse) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders});
  at.log.hold = true;
  at.end(producer, true);
  at.log.release(ErrorCode::RequestTimedOut);  // It may be committed yet.
  EXPECT_EQ(at.end(producer, false).error, ErrorCode::ConcurrentTransactions);
  EXPECT_EQ(at.core.sizes().appends_retried, 1u);
  at.pass(seconds(1));
  ASSERT_EQ(at.log.held.size(), 1u);
  at.log.hold = false;
  at.log.release();
  EXPECT_EQ(at.state(), TransactionState::CompleteCommit);
  EXPECT_EQ(at.end(producer, true).error, ErrorCode::None);
}

TEST(TransactionCoordinator, ACompletionThatCannotBeStoredIsTriedUntilItIs) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders});
  at.markers.hold = true;
  at.end(producer, true);
  at.log.refuse_with = ErrorCode::NotEnoughReplicas;
  at.markers.release();
  at.pass(seconds(5));
  EXPECT_EQ(at.state(), TransactionState::PrepareCommit);
  at.log.refuse_with = ErrorCode::None;
  at.pass(seconds(5));
  EXPECT_EQ(at.state(), TransactionState::CompleteCommit);
  EXPECT_EQ(at.markers.sent.size(), 1u);
}

TEST(TransactionCoordinator, WhatIsUnderWayWhenItResignsIsAnsweredWithNotCoordinator) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.log.hold = true;
  Answer answer = Coordinator::kNone;
  at.core.add_partitions({.transactional_id = kTid, .producer = producer, .partitions = {kOrders}},
                         [&](Answer got) { answer = got; });
  at.core.resign(0);
  at.log.release();
  EXPECT_EQ(answer.error, ErrorCode::NotCoordinator);
}

TEST(TransactionCoordinator, ANewerEpochOfTheSameLeaderKeepsItsTransactions) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders});
  EXPECT_FALSE(at.core.begin_loading(0, kEpoch.next()));
  at.end(producer, true);
  EXPECT_EQ(at.markers.sent[0].coordinator_epoch, kEpoch.next().value());
}

TEST(TransactionCoordinator, AbortsAndFencesWhoTakesTooLong) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders});
  at.pass(seconds(60));
  at.core.abort_timed_out();
  EXPECT_EQ(at.state(), TransactionState::Ongoing) << "not a moment too early";
  at.pass(milliseconds(1));
  at.core.abort_timed_out();
  EXPECT_EQ(at.state(), TransactionState::CompleteAbort);
  EXPECT_EQ(at.core.sizes().timeouts, 1);
  EXPECT_EQ(at.markers.sent[0].producer_epoch, ProducerEpoch(1));
  EXPECT_EQ(at.end(producer, true).error, ErrorCode::ProducerFenced);
  EXPECT_EQ(at.end(producer, false).error, ErrorCode::ProducerFenced);
  EXPECT_EQ(at.add(producer, {kOrders}).error, ErrorCode::ProducerFenced);
  EXPECT_EQ(at.init(producer).error, ErrorCode::ProducerFenced);
}

TEST(TransactionCoordinator, AFailedAbortByTimeRaisesTheEpochOnce) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders});
  at.pass(seconds(61));
  at.log.refuse_with = ErrorCode::NotEnoughReplicas;
  for (int i = 0; i < 3; ++i) at.core.abort_timed_out();
  EXPECT_EQ(at.core.sizes().timeouts, 0) << "not written yet";
  at.log.refuse_with = ErrorCode::None;
  at.core.abort_timed_out();
  EXPECT_EQ(at.image().producer_epoch, ProducerEpoch(1));
}

TEST(TransactionCoordinator, ForgetsIdsThatNobodyUses) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.pass(std::chrono::hours(24 * 7) - milliseconds(1));
  at.core.expire_ids();
  EXPECT_EQ(at.core.describe(kTid).error, ErrorCode::None);
  at.pass(milliseconds(1));
  at.log.hold = true;
  at.core.expire_ids();
  const auto added = at.begin_adding(producer, {kOrders});
  at.log.release();
  EXPECT_EQ(added->error, ErrorCode::InvalidProducerIdMapping);
  EXPECT_EQ(at.core.describe(kTid).error, ErrorCode::TransactionalIdNotFound);
  EXPECT_FALSE(at.log.logs[0].back().value.has_value());
  EXPECT_EQ(at.add(producer, {kOrders}).error, ErrorCode::InvalidProducerIdMapping);
  at.log.hold = false;
  // KIP-360: who recovers with its old id gets a new one.
  EXPECT_EQ(at.init(producer).producer, (Producer{ProducerId(1001), ProducerEpoch(0)}));
}

TEST(TransactionCoordinator, DoesNotForgetWhoIsInATransaction) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders});
  at.pass(std::chrono::hours(24 * 30));
  at.core.expire_ids();
  EXPECT_EQ(at.state(), TransactionState::Ongoing);
}

TEST(TransactionCoordinator, AnEndThatRaisesTheEpochTellsTheNewOne) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders});
  const Answer first = at.end(producer, true, EndProtocol::RaisesEpoch);
  EXPECT_EQ(first.producer.epoch, ProducerEpoch(1));
  EXPECT_EQ(at.markers.sent[0].producer_epoch, ProducerEpoch(1)) << "late records are fenced";
  const Answer again = at.end(producer, true, EndProtocol::RaisesEpoch);
  EXPECT_EQ(again.error, ErrorCode::None);
  EXPECT_EQ(again.producer.epoch, ProducerEpoch(1));
  at.add(first.producer, {kOrders});
  EXPECT_EQ(at.end(producer, true, EndProtocol::RaisesEpoch).error, ErrorCode::ProducerFenced)
      << "W25: late, and not of this transaction";
}

TEST(TransactionCoordinator, ALateEndOnAnOldConnectionIsNotOfThisTransaction) {
  Coordinator at;
  const Producer producer = at.init({}, 1).producer;
  at.add(producer, {kOrders}, 1);
  // EndTxn is sent on connection 1, is not answered in time, and sent again on connection 2.
  EXPECT_EQ(at.end(producer, true, EndProtocol::KeepsEpoch, 2).error, ErrorCode::None);
  EXPECT_EQ(at.add(producer, {kBills}, 2).error, ErrorCode::None);
  const Answer late = at.end(producer, true, EndProtocol::KeepsEpoch, 1);
  EXPECT_TRUE(late.is_late);
  EXPECT_EQ(at.state(), TransactionState::Ongoing);
  EXPECT_TRUE(at.add(producer, {kOrders}, 1).is_late);
  // A client that really uses both goes on with a connection that is newer still.
  EXPECT_FALSE(at.end(producer, false, EndProtocol::KeepsEpoch, 3).is_late);
}

TEST(TransactionCoordinator, AZombiesConnectionDoesNotCountAsItsSuccessors) {
  Coordinator at;
  const Producer zombie = at.init({}, 1).producer;
  const Producer producer = at.init({}, 2).producer;
  EXPECT_EQ(at.add(zombie, {kOrders}, 9).error, ErrorCode::ProducerFenced);
  EXPECT_FALSE(at.add(producer, {kOrders}, 2).is_late);
}

TEST(TransactionCoordinator, ANewProducerMayComeOnAnOlderConnection) {
  Coordinator at;
  at.init({}, 7);
  const InitializedProducer next = at.init({}, 3);
  EXPECT_EQ(next.error, ErrorCode::None);
  EXPECT_FALSE(at.add(next.producer, {kOrders}, 3).is_late);
}

TEST(TransactionCoordinator, VerifiesWhatIsInTheTransaction) {
  Coordinator at;
  const Producer producer = at.init().producer;
  const auto verify = [&](Producer who) { return at.core.verify(kTid, who, {kOrders, kBills}); };
  using Codes = std::vector<ErrorCode>;
  EXPECT_EQ(verify(producer),
            Codes({ErrorCode::TransactionAbortable, ErrorCode::TransactionAbortable}));
  at.add(producer, {kOrders});
  EXPECT_EQ(verify(producer), Codes({ErrorCode::None, ErrorCode::TransactionAbortable}));
  EXPECT_EQ(verify({producer.id, ProducerEpoch(9)})[0], ErrorCode::ProducerFenced);
  EXPECT_EQ(verify({ProducerId(1), producer.epoch})[0], ErrorCode::InvalidProducerIdMapping);
  at.log.hold = true;
  at.end(producer, true);
  EXPECT_EQ(verify(producer)[0], ErrorCode::ConcurrentTransactions);
  at.log.hold = false;
  at.log.release();
  EXPECT_EQ(verify(producer)[0], ErrorCode::TransactionAbortable) << "a late record opens nothing";
}

TEST(TransactionCoordinator, ListsByStateProducerAndDuration) {
  Coordinator at;
  const Producer producer = at.init().producer;
  at.add(producer, {kOrders});
  at.pass(seconds(2));
  EXPECT_EQ(at.core.list({}).transactions.size(), 1u);
  EXPECT_EQ(at.core.list({.states = {"Ongoing"}}).transactions.size(), 1u);
  EXPECT_EQ(at.core.list({.states = {"Empty"}}).transactions.size(), 0u);
  EXPECT_EQ(at.core.list({.producers = {producer.id}}).transactions.size(), 1u);
  EXPECT_EQ(at.core.list({.producers = {ProducerId(1)}}).transactions.size(), 0u);
  EXPECT_EQ(at.core.list({.longer_than_ms = 1'999}).transactions.size(), 1u);
  EXPECT_EQ(at.core.list({.longer_than_ms = 2'000}).transactions.size(), 0u);
  const TransactionList unknown = at.core.list({.states = {"Nonsense", "Nonsense"}});
  EXPECT_EQ(unknown.unknown_states, std::vector<std::string>{"Nonsense"});
  EXPECT_TRUE(unknown.transactions.empty());
  EXPECT_EQ(at.core.sizes().oldest_open_ms, 2'000);
}

TEST(TransactionCoordinator, NeedsAProducerIdForAnUnknownProducerOnly) {
  Coordinator at;
  at.ids.fail_with = ErrorCode::CoordinatorLoadInProgress;
  EXPECT_EQ(at.init().error, ErrorCode::CoordinatorLoadInProgress);
  at.ids.fail_with = ErrorCode::None;
  const Producer first = at.init().producer;
  at.ids.fail_with = ErrorCode::CoordinatorLoadInProgress;
  const InitializedProducer second = at.init();
  EXPECT_EQ(second.producer.id, first.id);
}

}  // namespace
}  // namespace ottla::transaction
