#include "broker/storage/log.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "common/record/control_record.h"
#include "common/record/record_batch_builder.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

using std::chrono::milliseconds;

struct BatchSpec {
  int records = 1;
  std::int64_t timestamp = 1000;
  std::int64_t producer_id = -1;
  std::int16_t epoch = 0;
  std::int32_t sequence = 0;
  bool transactional = false;
  std::size_t value_size = 10;
  Offset base_offset{0};
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
};

SharedBuffer batch(const BatchSpec& spec) {
  record::BatchOptions options;
  options.base_offset = spec.base_offset;
  options.leader_epoch = spec.leader_epoch;
  options.transactional = spec.transactional;
  if (spec.producer_id >= 0) {
    options.producer_id = ProducerId(spec.producer_id);
    options.producer_epoch = ProducerEpoch(spec.epoch);
    options.base_sequence = spec.sequence;
  }
  record::RecordBatchBuilder builder(options);
  const std::string value(spec.value_size, 'v');
  for (int i = 0; i < spec.records; ++i) {
    builder.append(spec.timestamp, as_bytes("k"), as_bytes(value));
  }
  return builder.build().value();
}

SharedBuffer marker(std::int64_t producer_id, bool abort, std::int16_t epoch = 0,
                    std::int32_t coordinator_epoch = 1) {
  return record::build_end_transaction_marker(
      ProducerId(producer_id), ProducerEpoch(epoch),
      {abort ? record::ControlType::Abort : record::ControlType::Commit, coordinator_epoch}, 1000);
}

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    config_->index_interval_bytes = 200;
    config_->index_max_bytes = 1200;
    config_->segment_bytes = 2000;
    environment_.checked_tail_bytes = 300;
    EXPECT_TRUE(files_.create_directories("/d"));
    EXPECT_TRUE(files_.sync_directory("/"));
    log_ = open();
  }

  std::shared_ptr<Log> open(ShutdownKind shutdown = ShutdownKind::Clean,
                            Offset recovery_point = Offset(0)) {
    auto log = Log::open(environment_, {.directory = "/d/t-0",
                                        .partition = {"t", 0},
                                        .config = config_,
                                        .recovery_point = recovery_point,
                                        .shutdown = shutdown});
    EXPECT_TRUE(log) << log.error();
    return log.value();
  }

  Result<AppendInfo> append(const BatchSpec& spec, LeaderEpoch epoch = LeaderEpoch(0)) {
    return log_->append_as_leader(batch(spec)->bytes(), epoch);
  }
  ErrorCode append_error(const BatchSpec& spec) {
    const auto outcome = append(spec);
    return outcome ? ErrorCode::None : outcome.error().code();
  }
  Result<AppendInfo> append_marker(std::int64_t producer_id, bool abort,
                                   std::int32_t coordinator_epoch = 1) {
    return log_->append_as_leader(marker(producer_id, abort, 0, coordinator_epoch)->bytes(),
                                  LeaderEpoch(0), AppendOrigin::Coordinator);
  }
  Result<AppendInfo> replicate(const BatchSpec& spec) {
    const SharedBuffer bytes = batch(spec);
    const ByteView piece = bytes->bytes();
    return log_->append_as_follower(std::span(&piece, 1));
  }

  std::vector<Offset> batch_bases(const FetchData& data) {
    std::vector<Offset> bases;
    const SharedBuffer bytes = read_slice(data.records).value();
    record::BatchIterator batches(bytes->bytes());
    while (const auto at = batches.next().value()) bases.push_back(at->base_offset());
    return bases;
  }

  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_{1, &world_.clock()};
  std::unique_ptr<env::Executor> executor_ = world_.make_executor();
  DeferredDeletion deletions_{files_, *executor_};
  LogHealth health_{"/d", *executor_, nullptr};
  LogEnvironment environment_{files_, world_.clock(), *executor_, health_, deletions_};
  std::shared_ptr<LogConfig> config_ = std::make_shared<LogConfig>();
  std::shared_ptr<Log> log_;
};

TEST_F(LogTest, TheLeaderGivesOffsetsAndItsEpoch) {
  const AppendInfo first = append({.records = 3}, LeaderEpoch(5)).value();
  EXPECT_EQ(first.base_offset, Offset(0));
  EXPECT_EQ(first.last_offset, Offset(2));
  EXPECT_EQ(first.log_end_offset, Offset(3));
  EXPECT_EQ(first.max_timestamp, 1000);
  EXPECT_EQ(append({.records = 2}, LeaderEpoch(6)).value().base_offset, Offset(3));
  EXPECT_EQ(log_->latest_leader_epoch(), LeaderEpoch(6));
  EXPECT_EQ(log_->end_offset_for_epoch(LeaderEpoch(5)),
            (EpochEndOffset{LeaderEpoch(5), Offset(3)}));
  EXPECT_EQ(log_->end_offset_for_epoch(LeaderEpoch(6)),
            (EpochEndOffset{LeaderEpoch(6), Offset(5)}));
  EXPECT_EQ(log_->end_offset_for_epoch(LeaderEpoch(7)), EpochEndOffset{});
  EXPECT_EQ(log_->leader_epoch_of(Offset(2)), LeaderEpoch(5));
  const FetchData data = log_->read(Offset(0), {}).value();
  const SharedBuffer bytes = read_slice(data.records).value();
  record::BatchIterator batches(bytes->bytes());
  EXPECT_EQ(batches.next().value()->leader_epoch(), LeaderEpoch(5));
  EXPECT_TRUE(batches.next().value()->validate_crc());
}

TEST_F(LogTest, TooLargeSetsAreRefused) {
  config_->max_message_bytes = 500;
  EXPECT_EQ(append_error({.value_size = 600}), ErrorCode::MessageTooLarge);
  EXPECT_EQ(append_error({.value_size = 3000}), ErrorCode::RecordListTooLarge);
  EXPECT_EQ(log_->log_end_offset(), Offset(0));
}

TEST_F(LogTest, ReadsStopAtTheEndOffsetEverywhere) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(append({.records = 1 + i % 3}));
  ASSERT_GT(log_->segment_count(), 3U);
  const Offset log_end = log_->log_end_offset();
  std::vector<Offset> bases;
  for (Offset at{0}; at < log_end;) {
    const FetchData data = log_->read(at, {.max_bytes = 1}).value();
    bases.push_back(batch_bases(data).at(0));
    const SharedBuffer bytes = read_slice(data.records).value();
    at = record::RecordBatchView::parse(bytes->bytes())->next_offset();
  }
  for (const Offset end : bases) {
    for (const Offset begin : bases) {
      std::vector<Offset> seen;
      for (Offset at = begin; at < end;) {
        const FetchData data =
            log_->read(at, {.max_bytes = 500, .end_offset = end, .whole_batches = true}).value();
        const auto found = batch_bases(data);
        if (found.empty()) break;
        seen.insert(seen.end(), found.begin(), found.end());
        at = seen.back() + 1;
        while (at < log_end && std::find(bases.begin(), bases.end(), at) == bases.end()) {
          at = at.next();
        }
      }
      const auto first = std::find(bases.begin(), bases.end(), begin);
      const auto last = std::find(bases.begin(), bases.end(), end);
      const std::vector<Offset> expected(first, std::max(first, last));
      EXPECT_EQ(seen, expected) << begin << ".." << end;
    }
  }
  EXPECT_TRUE(log_->read(log_end, {}).value().records.length == 0);
  EXPECT_EQ(log_->read(log_end.next(), {}).error().code(), ErrorCode::OffsetOutOfRange);
}

TEST_F(LogTest, ALargeFirstBatchIsReturnedWholeIfAsked) {
  ASSERT_TRUE(append({.value_size = 500}));
  ASSERT_TRUE(append({}));
  const FetchData whole = log_->read(Offset(0), {.max_bytes = 100}).value();
  EXPECT_EQ(batch_bases(whole), std::vector<Offset>{Offset(0)});
  const FetchData cut =
      log_->read(Offset(0), {.max_bytes = 100, .at_least_one_batch = false}).value();
  EXPECT_TRUE(cut.first_batch_incomplete);
  EXPECT_EQ(cut.records.length, 100U);
}

TEST_F(LogTest, ColdReadsDoNotBlockIfAskedNotTo) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(append({}));
  files_.set_cached(false);
  EXPECT_TRUE(log_->read(Offset(0), {.no_wait = true}).value().would_block);
  EXPECT_TRUE(log_->read(Offset(99), {.no_wait = true}).value().would_block);
  EXPECT_FALSE(log_->read(Offset(0), {}).value().would_block);
}

TEST_F(LogTest, SegmentsRollByRecordTime) {
  config_->segment_age = milliseconds(1000);
  ASSERT_TRUE(append({.timestamp = 1000}));
  ASSERT_TRUE(append({.timestamp = 2000}));
  EXPECT_EQ(log_->segment_count(), 1U);
  ASSERT_TRUE(append({.timestamp = 2001}));
  EXPECT_EQ(log_->segment_count(), 2U);
  EXPECT_EQ(log_->first_segment_offset(), Offset(0));
}

TEST_F(LogTest, FollowersTakeGapsButNothingOutOfOrder) {
  ASSERT_TRUE(replicate({.records = 2, .base_offset = Offset(10), .leader_epoch = LeaderEpoch(1)}));
  EXPECT_EQ(log_->log_end_offset(), Offset(12));
  EXPECT_EQ(replicate({.base_offset = Offset(11), .leader_epoch = LeaderEpoch(1)}).error().code(),
            ErrorCode::OffsetOutOfRange);
  EXPECT_EQ(replicate({.base_offset = Offset(12), .leader_epoch = LeaderEpoch(0)}).error().code(),
            ErrorCode::CorruptMessage);
  const SharedBuffer bad = batch({.base_offset = Offset(12), .leader_epoch = LeaderEpoch(1)});
  bad->data()[bad->size() - 1] ^= std::byte{1};
  const ByteView piece = bad->bytes();
  EXPECT_EQ(log_->append_as_follower(std::span(&piece, 1)).error().code(),
            ErrorCode::CorruptMessage);
  EXPECT_EQ(log_->log_end_offset(), Offset(12));
  // Several pieces and epochs are one append.
  const SharedBuffer first = batch({.base_offset = Offset(12), .leader_epoch = LeaderEpoch(2)});
  const SharedBuffer second = batch({.base_offset = Offset(20), .leader_epoch = LeaderEpoch(4)});
  const ByteView pieces[] = {first->bytes(), second->bytes()};
  ASSERT_TRUE(log_->append_as_follower(pieces));
  EXPECT_EQ(log_->log_end_offset(), Offset(21));
  EXPECT_EQ(log_->end_offset_for_epoch(LeaderEpoch(3)),
            (EpochEndOffset{LeaderEpoch(2), Offset(20)}));
  EXPECT_EQ(batch_bases(log_->read(Offset(15), {}).value()), std::vector<Offset>{Offset(20)});
}

TEST_F(LogTest, AFollowerMayBeginInTheMiddleOfABatch) {
  // As a leader's log does after DeleteRecords.
  ASSERT_TRUE(log_->truncate_fully_and_start_at(Offset(7)));
  ASSERT_TRUE(replicate({.records = 4, .base_offset = Offset(5), .leader_epoch = LeaderEpoch(1)}));
  EXPECT_EQ(log_->log_start_offset(), Offset(7));
  EXPECT_EQ(log_->log_end_offset(), Offset(9));
  EXPECT_EQ(batch_bases(log_->read(Offset(7), {}).value()), std::vector<Offset>{Offset(5)});
  EXPECT_EQ(replicate({.records = 4, .base_offset = Offset(7), .leader_epoch = LeaderEpoch(1)})
                .error()
                .code(),
            ErrorCode::OffsetOutOfRange);
}

// A leader that appended nothing follows one of an earlier epoch's records.
TEST_F(LogTest, AnEpochWithoutRecordsGivesWayToWhatTheLeaderHas) {
  ASSERT_TRUE(append({.records = 2}, LeaderEpoch(1)));
  ASSERT_TRUE(log_->assign_leader_epoch(LeaderEpoch(3)));
  ASSERT_TRUE(replicate({.base_offset = Offset(2), .leader_epoch = LeaderEpoch(1)}));
  EXPECT_EQ(log_->latest_leader_epoch(), LeaderEpoch(1));
  EXPECT_EQ(log_->leader_epoch_of(Offset(2)), LeaderEpoch(1));
  ASSERT_TRUE(log_->assign_leader_epoch(LeaderEpoch(5)));
  ASSERT_TRUE(replicate({.base_offset = Offset(3), .leader_epoch = LeaderEpoch(4)}));
  EXPECT_EQ(log_->latest_leader_epoch(), LeaderEpoch(4));
  EXPECT_EQ(log_->leader_epoch_of(Offset(3)), LeaderEpoch(4));
}

TEST_F(LogTest, AFollowerGoesOnBeyondTheRangeOfAnEmptySegment) {
  ASSERT_TRUE(replicate({.base_offset = Offset(5'000'000'000), .leader_epoch = LeaderEpoch(0)}));
  EXPECT_EQ(log_->segment_count(), 1U);
  EXPECT_EQ(log_->first_segment_offset(), Offset(5'000'000'000));
  ASSERT_TRUE(log_->close());
  log_ = open();
  EXPECT_EQ(log_->log_end_offset(), Offset(5'000'000'001));
}

// Idempotent producers.

TEST_F(LogTest, RemembersWhenItsSegmentsWereWritten) {
  ASSERT_TRUE(append({}));
  const std::int64_t first = world_.clock().wall_now_ms();
  ASSERT_TRUE(log_->roll());
  world_.run_for(std::chrono::seconds(10));
  EXPECT_EQ(log_->offset_history().value().size(), 2U) << "the active segment is empty";
  ASSERT_TRUE(append({}));
  const std::int64_t second = world_.clock().wall_now_ms();
  world_.run_for(std::chrono::seconds(10));
  const std::vector<OffsetAtTime> history = log_->offset_history().value();
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[0], (OffsetAtTime{Offset(0), first}));
  EXPECT_EQ(history[1].time_ms, second);
  EXPECT_EQ(history[2], (OffsetAtTime{log_->log_end_offset(), world_.clock().wall_now_ms()}));
}

TEST_F(LogTest, ARetryAnswersWithTheOldOffsets) {
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(append({.records = 2, .producer_id = 9, .sequence = 2 * i}));
  }
  const AppendInfo again = append({.records = 2, .producer_id = 9, .sequence = 4}).value();
  EXPECT_TRUE(again.is_duplicate);
  EXPECT_EQ(again.base_offset, Offset(4));
  EXPECT_EQ(again.last_offset, Offset(5));
  EXPECT_EQ(log_->log_end_offset(), Offset(12));
  // Six batches ago is not remembered.
  EXPECT_EQ(append_error({.records = 2, .producer_id = 9, .sequence = 0}),
            ErrorCode::OutOfOrderSequenceNumber);
}

/// A stop in order with several requests appended and none answered: their producer repeats them.
TEST_F(LogTest, ARetryIsKnownAfterAStopInOrder) {
  const std::int64_t now = world_.clock().wall_now_ms();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(append({.records = 2, .timestamp = now, .producer_id = 9, .sequence = 2 * i}));
  }
  ASSERT_TRUE(append({.records = 1, .timestamp = now, .producer_id = 10, .sequence = 0}));
  ASSERT_TRUE(log_->close());
  log_ = open(ShutdownKind::Clean);
  for (int i = 0; i < 5; ++i) {
    const AppendInfo again = append({.records = 2, .producer_id = 9, .sequence = 2 * i}).value();
    EXPECT_TRUE(again.is_duplicate);
    EXPECT_EQ(again.base_offset, Offset(2 * i));
  }
  EXPECT_EQ(append_error({.records = 2, .producer_id = 9, .sequence = 10}), ErrorCode::None);
  EXPECT_EQ(append_error({.records = 1, .producer_id = 10, .sequence = 1}), ErrorCode::None);
}

TEST_F(LogTest, SequencesMustFollowAndEpochsMustNotFall) {
  ASSERT_TRUE(append({.producer_id = 9, .epoch = 1, .sequence = 70}));  // unknown: any sequence
  EXPECT_EQ(append_error({.producer_id = 9, .epoch = 1, .sequence = 72}),
            ErrorCode::OutOfOrderSequenceNumber);
  EXPECT_EQ(append_error({.producer_id = 9, .epoch = 0, .sequence = 71}),
            ErrorCode::InvalidProducerEpoch);
  EXPECT_EQ(append_error({.producer_id = 9, .epoch = 2, .sequence = 71}),
            ErrorCode::OutOfOrderSequenceNumber);
  EXPECT_EQ(append_error({.producer_id = 9, .epoch = 2, .sequence = 0}), ErrorCode::None);
  EXPECT_EQ(log_->log_end_offset(), Offset(2));
}

TEST_F(LogTest, SequencesWrapAround) {
  constexpr std::int32_t kLast = std::numeric_limits<std::int32_t>::max();
  ASSERT_TRUE(append({.records = 2, .producer_id = 9, .sequence = kLast - 1}));
  EXPECT_EQ(append_error({.records = 1, .producer_id = 9, .sequence = 0}), ErrorCode::None);
  ASSERT_TRUE(append({.records = 3, .producer_id = 8, .sequence = kLast}));
  EXPECT_TRUE(append({.records = 3, .producer_id = 8, .sequence = kLast}).value().is_duplicate);
  EXPECT_EQ(append_error({.records = 1, .producer_id = 8, .sequence = 2}), ErrorCode::None);
}

TEST_F(LogTest, ProducersAreKnownAfterARestartOfAnyKind) {
  for (const ShutdownKind kind : {ShutdownKind::Clean, ShutdownKind::ProcessCrash}) {
    ASSERT_TRUE(append({.timestamp = world_.clock().wall_now_ms(),
                        .producer_id = 9,
                        .epoch = static_cast<std::int16_t>(kind)}));
    if (kind == ShutdownKind::Clean) {
      ASSERT_TRUE(log_->close());
    } else {
      files_.crash_process();
    }
    log_ = open(kind);
    EXPECT_TRUE(append({.producer_id = 9, .epoch = static_cast<std::int16_t>(kind), .sequence = 0})
                    .value()
                    .is_duplicate);
  }
}

TEST_F(LogTest, SilentProducersExpire) {
  ASSERT_TRUE(append({.timestamp = world_.clock().wall_now_ms(), .producer_id = 9}));
  log_->expire_producers();
  EXPECT_EQ(log_->active_producers().size(), 1U);
  world_.run_for(std::chrono::hours(25));
  log_->expire_producers();
  EXPECT_EQ(log_->active_producers().size(), 0U);
}

TEST_F(LogTest, TheAgeAtWhichProducersExpireMayChange) {
  std::chrono::milliseconds expiration = std::chrono::hours(24);
  environment_.producer_expiration = [&] { return expiration; };
  log_ = open();
  ASSERT_TRUE(append({.timestamp = world_.clock().wall_now_ms(), .producer_id = 9}));
  world_.run_for(std::chrono::hours(2));
  log_->expire_producers();
  EXPECT_EQ(log_->active_producers().size(), 1U);
  expiration = std::chrono::hours(1);
  log_->expire_producers();
  EXPECT_EQ(log_->active_producers().size(), 0U);
}

// Transactions.

TEST_F(LogTest, TheLastStableOffsetWaitsForMarkersBelowTheHighWatermark) {
  ASSERT_TRUE(append({}));
  ASSERT_TRUE(append({.producer_id = 1, .transactional = true}));  // 1
  ASSERT_TRUE(append({.producer_id = 2, .transactional = true}));  // 2
  EXPECT_EQ(log_->last_stable_offset(Offset(3)), Offset(1));
  EXPECT_EQ(log_->last_stable_offset(Offset(1)), Offset(1));
  ASSERT_TRUE(append_marker(1, /*abort=*/true));  // 3
  EXPECT_EQ(log_->last_stable_offset(Offset(3)), Offset(1));
  EXPECT_EQ(log_->last_stable_offset(Offset(4)), Offset(2));
  ASSERT_TRUE(append_marker(2, /*abort=*/false));  // 4
  EXPECT_EQ(log_->last_stable_offset(Offset(5)), Offset(5));
  const FetchData data = log_->read(Offset(0), {}).value();
  EXPECT_EQ(log_->aborted_transactions(data).value(),
            (std::vector<AbortedTransaction>{{ProducerId(1), Offset(1)}}));
}

TEST_F(LogTest, TheLastStableOffsetIsNeverBelowTheStartOfTheLog) {
  ASSERT_TRUE(append({.producer_id = 1, .transactional = true}));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(append({}));
  ASSERT_TRUE(log_->raise_log_start_offset(Offset(2), Offset(4)));
  EXPECT_EQ(log_->last_stable_offset(Offset(4)), Offset(2));
}

TEST_F(LogTest, AbortsAreFoundInLaterSegmentsAndAfterARecovery) {
  ASSERT_TRUE(append({.producer_id = 1, .transactional = true}));
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(append({}));
  ASSERT_TRUE(append_marker(1, /*abort=*/true));
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(append({}));
  ASSERT_GT(log_->segment_count(), 3U);
  const std::vector<AbortedTransaction> expected{{ProducerId(1), Offset(0)}};
  const auto aborted = [&] {
    return log_->aborted_transactions(log_->read(Offset(0), {.max_bytes = 300}).value()).value();
  };
  EXPECT_EQ(aborted(), expected);
  files_.crash_process();
  log_ = open(ShutdownKind::ProcessCrash);
  EXPECT_EQ(aborted(), expected);
  EXPECT_EQ(log_->last_stable_offset(log_->log_end_offset()), log_->log_end_offset());
}

// What it had written stands as it was: nothing but headers is read, and what they tell is the
// same.
TEST_F(LogTest, AfterAProcessCrashOnlyTheLastRecordsAreRead) {
  config_->segment_bytes = 1 << 20;
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(append({.producer_id = 1, .sequence = i, .transactional = i % 50 == 0}));
    if (i % 50 == 0) {
      ASSERT_TRUE(append_marker(1, /*abort=*/i % 100 == 0));
    }
    ASSERT_TRUE(append({.producer_id = 2, .sequence = i, .value_size = 100}));
  }
  const Offset end = log_->log_end_offset();
  files_.crash_process();
  log_ = open(ShutdownKind::HostCrash);
  const auto producers = log_->active_producers();
  const auto aborted = log_->aborted_transactions(log_->read(Offset(0), {.max_bytes = 1}).value());
  const auto segment = log_->all_segments().back();
  const std::byte changed{0x55};
  const ByteView piece(&changed, 1);
  const auto fifth = segment->locate(Offset(5)).value();
  ASSERT_TRUE(segment->file()->write_at(std::span(&piece, 1), fifth->position + fifth->size - 1));
  files_.crash_process();
  log_ = open(ShutdownKind::ProcessCrash);
  EXPECT_EQ(log_->log_end_offset(), end);
  EXPECT_EQ(log_->active_producers(), producers);
  EXPECT_EQ(log_->aborted_transactions(log_->read(Offset(0), {.max_bytes = 1}).value()).value(),
            aborted.value());
  files_.crash_process();
  log_ = open(ShutdownKind::HostCrash);
  EXPECT_EQ(log_->log_end_offset(), fifth->base_offset);
}

TEST_F(LogTest, AnAbortMarkerMayComeWhenTheTransactionsFirstSegmentIsGone) {
  config_->retention_age.reset();
  ASSERT_TRUE(append({.producer_id = 9, .sequence = 0, .transactional = true}));
  ASSERT_TRUE(log_->roll());
  ASSERT_TRUE(append({.producer_id = 9, .sequence = 1, .transactional = true}));
  ASSERT_TRUE(log_->raise_log_start_offset(Offset(1), Offset(2)));
  EXPECT_EQ(log_->delete_old_segments(Offset(2)).value(), 1);
  EXPECT_EQ(log_->last_stable_offset(Offset(2)), Offset(1));
  ASSERT_TRUE(append_marker(9, /*abort=*/true));
  const auto told = [&] {
    return log_->aborted_transactions(log_->read(Offset(1), {}).value()).value();
  };
  const std::vector<AbortedTransaction> expected{{ProducerId(9), Offset(0)}};
  EXPECT_EQ(log_->last_stable_offset(Offset(3)), Offset(3));
  EXPECT_EQ(told(), expected);
  ASSERT_TRUE(log_->close());
  log_ = open();
  EXPECT_EQ(log_->last_stable_offset(Offset(3)), Offset(3));
  EXPECT_EQ(told(), expected);
}

TEST_F(LogTest, CoordinatorsAndTransactionsAreFenced) {
  ASSERT_TRUE(append({.producer_id = 1, .transactional = true}));
  EXPECT_EQ(append_error({.producer_id = 1, .sequence = 1}), ErrorCode::InvalidTxnState);
  ASSERT_TRUE(append_marker(1, false, /*coordinator_epoch=*/5));
  EXPECT_EQ(append_marker(1, false, 4).error().code(), ErrorCode::TransactionCoordinatorFenced);
}

// Cuts.

TEST_F(LogTest, TruncationForgetsEverythingBehindIt) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(append({.timestamp = 1000 + i, .producer_id = 3, .sequence = i},
                       LeaderEpoch(i < 30 ? 1 : 2)));
  }
  ASSERT_GT(log_->segment_count(), 1U);
  EXPECT_TRUE(log_->truncate_to(Offset(20)).value());
  EXPECT_FALSE(log_->truncate_to(Offset(20)).value());
  EXPECT_EQ(log_->log_end_offset(), Offset(20));
  EXPECT_EQ(log_->latest_leader_epoch(), LeaderEpoch(1));
  EXPECT_EQ(log_->find_max_timestamp().value()->offset, Offset(19));
  EXPECT_EQ(log_->active_producers()[0].last_sequence, 19);
  EXPECT_TRUE(append({.timestamp = 1, .producer_id = 3, .sequence = 20}));
  EXPECT_EQ(batch_bases(log_->read(Offset(20), {}).value()), std::vector<Offset>{Offset(20)});
  ASSERT_TRUE(log_->close());
  log_ = open();
  EXPECT_EQ(log_->log_end_offset(), Offset(21));
  EXPECT_EQ(log_->find_max_timestamp().value()->offset, Offset(19));
}

TEST_F(LogTest, StartingOverLeavesAnEmptyLog) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(append({.producer_id = 3, .sequence = i}));
  ASSERT_TRUE(log_->truncate_fully_and_start_at(Offset(1000)));
  EXPECT_EQ(log_->log_start_offset(), Offset(1000));
  EXPECT_EQ(log_->log_end_offset(), Offset(1000));
  EXPECT_TRUE(log_->active_producers().empty());
  ASSERT_TRUE(append({}));
  files_.crash_host();
  log_ = open(ShutdownKind::HostCrash);
  EXPECT_GE(log_->log_end_offset(), Offset(1000));
  EXPECT_EQ(log_->first_segment_offset(), Offset(1000));
}

TEST_F(LogTest, RetentionBySizeKeepsWhatIsAboveTheHighWatermark) {
  config_->retention_age.reset();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(append({}));
  const std::size_t segments = log_->segment_count();
  EXPECT_EQ(log_->delete_old_segments(Offset(100)).value(), 0);
  config_->retention_bytes = 3000;
  EXPECT_EQ(log_->delete_old_segments(Offset(1)).value(), 0);
  EXPECT_GT(log_->delete_old_segments(Offset(100)).value(), 0);
  EXPECT_LT(log_->segment_count(), segments);
  EXPECT_GE(log_->size_bytes(), 3000U);
  EXPECT_EQ(log_->log_start_offset(), log_->first_segment_offset());
}

TEST_F(LogTest, RetentionByTimeRollsTheActiveSegmentWhenAllHasExpired) {
  config_->retention_age = std::chrono::milliseconds(1);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(append({.timestamp = 1000}));
  EXPECT_GT(log_->delete_old_segments(Offset(100)).value(), 1);
  EXPECT_EQ(log_->segment_count(), 1U);
  EXPECT_EQ(log_->size_bytes(), 0U);
  EXPECT_EQ(log_->log_start_offset(), Offset(100));
  EXPECT_EQ(log_->log_end_offset(), Offset(100));
  EXPECT_EQ(log_->delete_old_segments(Offset(100)).value(), 0);  // an empty one stays
}

TEST_F(LogTest, RetiredSegmentsAreOutOfTheLogBeforeTheirFilesAreRenamed) {
  config_->retention_age.reset();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(append({}));
  EXPECT_TRUE(log_->raise_log_start_offset(Offset(70), Offset(100)).value());
  const auto data = log_->read(Offset(70), {}).value();
  EXPECT_GT(log_->retire_old_segments(Offset(100)).value(), 1);
  EXPECT_EQ(log_->first_segment_offset(), Offset(0));  // the log start checkpoint needs a line
  EXPECT_TRUE(files_.exists("/d/t-0/00000000000000000000.log").value());
  ASSERT_TRUE(log_->delete_retired_segments());
  EXPECT_GT(log_->first_segment_offset(), Offset(0));
  EXPECT_LE(log_->first_segment_offset(), Offset(70));
  EXPECT_TRUE(files_.exists("/d/t-0/00000000000000000000.log.deleted").value());
  EXPECT_EQ(batch_bases(data).front(), Offset(70));
}

// Trouble.

TEST_F(LogTest, AFullDiskRefusesAndLeavesNoTrace) {
  ASSERT_TRUE(append({.producer_id = 1, .sequence = 0}));
  const std::uint64_t size = log_->size_bytes();
  files_.set_free_bytes(30);
  EXPECT_EQ(append_error({.producer_id = 1, .sequence = 1}), ErrorCode::KafkaStorageError);
  EXPECT_TRUE(health_.is_online());
  EXPECT_EQ(log_->size_bytes(), size);
  EXPECT_EQ(log_->log_end_offset(), Offset(1));
  files_.set_free_bytes(std::nullopt);
  EXPECT_EQ(append({.producer_id = 1, .sequence = 1}).value().base_offset, Offset(1));
  files_.crash_process();
  log_ = open(ShutdownKind::ProcessCrash);
  EXPECT_EQ(log_->log_end_offset(), Offset(2));
  EXPECT_EQ(log_->recovery().bytes_truncated, 0U);
}

TEST_F(LogTest, EveryFullDiskPassesWithoutATrace) {
  for (std::uint64_t free = 0; free < 6000; free += 97) {
    files_.set_free_bytes(free);
    Offset before = log_->log_end_offset();
    while (append({.records = 2})) before = log_->log_end_offset();
    ASSERT_TRUE(health_.is_online());
    EXPECT_EQ(log_->log_end_offset(), before);
    files_.set_free_bytes(std::nullopt);
    ASSERT_TRUE(append({.records = 2}));
  }
  const Offset end = log_->log_end_offset();
  files_.crash_process();
  log_ = open(ShutdownKind::ProcessCrash);
  EXPECT_EQ(log_->log_end_offset(), end);
}

TEST_F(LogTest, AFailedWriteIsTheLastOne) {
  ASSERT_TRUE(append({}));
  files_.set_fault([](std::string_view operation, const std::string&) {
    return operation == "write" ? EIO : 0;
  });
  EXPECT_EQ(append_error({}), ErrorCode::KafkaStorageError);
  files_.set_fault(nullptr);
  EXPECT_FALSE(health_.is_online());
  EXPECT_EQ(append_error({}), ErrorCode::KafkaStorageError);
  EXPECT_FALSE(log_->flush());
}

TEST_F(LogTest, AFailedSyncIsNotTriedAgain) {
  ASSERT_TRUE(append({}));
  files_.set_fault(
      [](std::string_view operation, const std::string&) { return operation == "sync" ? EIO : 0; });
  EXPECT_FALSE(log_->flush());
  files_.set_fault(nullptr);
  EXPECT_FALSE(log_->flush());
  EXPECT_EQ(log_->recovery_point(), Offset(0));
}

// The kernel drops pages for which the volume had no room, and the next fdatasync succeeds.
TEST_F(LogTest, ASyncThatFindsTheDiskFullIsNotTriedAgain) {
  ASSERT_TRUE(append({}));
  files_.set_fault([](std::string_view operation, const std::string& path) {
    return operation == "sync" && path.ends_with(".log") ? ENOSPC : 0;
  });
  EXPECT_FALSE(log_->flush());
  files_.set_fault(nullptr);
  EXPECT_FALSE(health_.is_online());
  EXPECT_FALSE(log_->flush());
  EXPECT_EQ(log_->recovery_point(), Offset(0));
}

TEST_F(LogTest, ACutThatIsGivenUpForWantOfRoomHoldsNoFlushUp) {
  ASSERT_TRUE(append({.records = 5}));
  ASSERT_TRUE(log_->close());
  bool is_full = true;
  LogEnvironment environment{files_, world_.clock(), *executor_, health_, deletions_};
  environment.lower_recovery_checkpoint = [&](const TopicPartition&, Offset) -> Result<> {
    if (is_full) return fail(env::io_error("cannot write the checkpoint", ENOSPC));
    return {};
  };
  log_ = Log::open(environment, {.directory = "/d/t-0", .partition = {"t", 0}, .config = config_})
             .value();
  EXPECT_FALSE(log_->truncate_to(Offset(3)));
  EXPECT_FALSE(log_->truncate_fully_and_start_at(Offset(3)));
  ASSERT_TRUE(append({.records = 2}));
  ASSERT_TRUE(log_->flush());
  EXPECT_EQ(log_->recovery_point(), Offset(7));
  is_full = false;
  EXPECT_TRUE(log_->truncate_to(Offset(3)));
}

}  // namespace
}  // namespace ottla::storage
