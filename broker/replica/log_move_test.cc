// A move between log dirs: its decisions, and random lives of a log that moves, with crashes at any
// point.
#include "broker/replica/log_move.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "broker/replica/log_mover.h"
#include "broker/storage/log_store.h"
#include "common/record/record_batch_builder.h"
#include "common/record/records.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::replica {
namespace {

using Kind = LogMove::Step::Kind;
using Step = LogMove::Step;

/// A log from 10 to 100, all of epoch 3, and a future log with as much of it as is said.
LogMove::Picture picture(std::int64_t future_end) {
  LogMove::Picture picture;
  picture.log_start = picture.future_start = Offset(10);
  picture.log_end = Offset(100);
  picture.future_end = Offset(future_end);
  if (future_end > 10) {
    picture.future_epoch = LeaderEpoch(3);
    picture.log_answer = {LeaderEpoch(3), Offset(100)};
    picture.future_answer = {LeaderEpoch(3), Offset(future_end)};
  }
  return picture;
}

TEST(LogMove, CopiesPreparesSwitchesAndRetires) {
  LogMove move;
  EXPECT_EQ(move.next(picture(10)), Step{Kind::Copy});
  move.on_copied(/*reached_end=*/false);
  EXPECT_EQ(move.next(picture(50)), Step{Kind::Copy});
  move.on_copied(/*reached_end=*/true);
  EXPECT_EQ(move.next(picture(99)), Step{Kind::Prepare});
  move.on_prepared();
  EXPECT_EQ(move.next(picture(99)), Step{Kind::Copy}) << "the sync took its time";
  move.on_copied(/*reached_end=*/true);
  EXPECT_EQ(move.next(picture(99)), Step{Kind::Switch});
  move.on_switched(/*done=*/false);
  EXPECT_EQ(move.next(picture(99)), Step{Kind::Copy});
  EXPECT_EQ(move.next(picture(100)), Step{Kind::Switch});
  move.on_switched(/*done=*/true);
  EXPECT_EQ(move.next(picture(100)), Step{Kind::Retire});
  move.on_retired();
  EXPECT_EQ(move.state(), LogMove::State::Done);
  EXPECT_EQ(move.next(picture(100)), Step{Kind::None});
}

TEST(LogMove, TheFutureLogIsCutWhereTheLogWas) {
  const LogMove move;
  // Cut to 60, then written on by the leader of epoch 4.
  LogMove::Picture cut = picture(80);
  cut.log_answer = {LeaderEpoch(3), Offset(60)};
  cut.future_answer = {LeaderEpoch(3), Offset(80)};
  EXPECT_EQ(move.next(cut), (Step{Kind::TruncateTo, Offset(60)}));
  // The log has nothing of the future log's last epoch.
  cut.log_answer = {LeaderEpoch(2), Offset(40)};
  cut.future_answer = {LeaderEpoch(2), Offset(30)};
  EXPECT_EQ(move.next(cut), (Step{Kind::TruncateTo, Offset(30)}));
  // Nothing is left to compare.
  cut.log_answer = {};
  cut.future_answer = {};
  EXPECT_EQ(move.next(cut), (Step{Kind::StartAnewAt, Offset(10)}));
}

TEST(LogMove, ACutOfRecordsWithoutEpochsCannotBeFollowed) {
  const LogMove move;
  LogMove::Picture old = picture(80);
  old.future_epoch = kUnknownLeaderEpoch;
  EXPECT_EQ(move.next(old), Step{Kind::Copy});
  old.was_cut = true;
  EXPECT_EQ(move.next(old), (Step{Kind::StartAnewAt, Offset(10)}));
  old.was_cut = false;
  old.log_end = Offset(70);
  EXPECT_EQ(move.next(old), (Step{Kind::TruncateTo, Offset(70)}));
}

TEST(LogMove, FollowsTheLogsStart) {
  const LogMove move;
  LogMove::Picture raised = picture(80);
  raised.log_start = Offset(70);
  EXPECT_EQ(move.next(raised), (Step{Kind::RaiseStartTo, Offset(70)}));
  raised.log_start = Offset(90);  // past all that was copied
  EXPECT_EQ(move.next(raised), (Step{Kind::StartAnewAt, Offset(90)}));
  LogMove::Picture lowered = picture(80);
  lowered.log_start = Offset(5);  // the log began anew, elsewhere
  EXPECT_EQ(move.next(lowered), (Step{Kind::StartAnewAt, Offset(5)}));
}

/// Random lives: appends, cuts, flushes and moves of one partition between two log dirs.
class MovingLog {
 public:
  explicit MovingLog(std::uint64_t seed)
      : world_(seed), random_(seed * 11 + 5), files_(seed, &world_.clock()) {
    config_->segment_bytes = 1500;
    config_->index_interval_bytes = 150;
    config_->index_max_bytes = 600;
    config_->retention_age.reset();
    config_->file_delete_delay = std::chrono::milliseconds(50);
    config_->flush_messages = 1'000'000;  // what was flushed is a promise
  }

  void run(int lives) {
    open();
    log_ = store_->find_or_create(kPartition, kTopicId, config_).value();
    live(60, /*with_crash=*/false);
    for (int i = 0; i < lives && !failed(); ++i) {
      files_.stop_after(1 + random_.below(250));
      live(400, /*with_crash=*/true);
      crash();
      if (!failed()) finish_move();
    }
  }
  [[nodiscard]] int moves() const { return moves_; }
  [[nodiscard]] int resumed() const { return resumed_; }
  [[nodiscard]] int left_in_two() const { return left_in_two_; }

 private:
  using Model = std::map<std::int64_t, std::string>;
  static inline const TopicPartition kPartition{"t", 0};
  static inline const TopicId kTopicId{1, 2};

  static bool failed() { return ::testing::Test::HasFailure(); }

  void open() {
    storage::LogStoreOptions options;
    options.directories = {"/a", "/b"};
    executor_ = world_.make_executor();
    auto opened = storage::LogStore::open(files_, world_.clock(), world_.random(), *executor_,
                                          options, nullptr);
    ASSERT_TRUE(opened) << opened.error();
    store_ = *std::move(opened);
    ASSERT_TRUE(store_->set_identity(BrokerId(7), "cluster"));
    bool is_loaded = false;
    store_->load([this](const std::string&) { return config_; },
                 [&](const auto& outcome) { is_loaded = outcome.has_value(); });
    world_.run_for(std::chrono::seconds(1));
    ASSERT_TRUE(is_loaded);
    ASSERT_TRUE(store_->confirm_boot());
    ASSERT_TRUE(store_->offline_directories().empty());
  }

  void live(int steps, bool with_crash) {
    for (int i = 0; i < steps && !files_.is_stopped() && !failed(); ++i) step();
    if (with_crash && !files_.is_stopped()) files_.stop_after(0);
  }

  void step() {
    before_ = model_;
    switch (random_.below(14)) {
      case 0:
        return cut();
      case 1:
        if (log_->flush()) {
          promised_ = log_->log_end_offset();
        }
        return;
      case 2:
        (void)store_->checkpoint_recovery_points();  // may meet the end of the machine
        return world_.run_for(std::chrono::milliseconds(random_.below(100)));
      case 3:
        if (random_.below(4) == 0) raise_start();
        return;
      case 4:
      case 5:
      case 6:
      case 7:
        return append();
      default:
        return move();
    }
  }

  void append() {
    record::RecordBatchBuilder builder({});
    const int records = 1 + static_cast<int>(random_.below(3));
    Model added;
    std::int64_t offset = log_->log_end_offset().value();
    for (int i = 0; i < records; ++i) {
      const std::string value = std::to_string(++values_) + std::string(random_.below(90), '.');
      builder.append(world_.clock().wall_now_ms(), std::nullopt, as_bytes(value));
      added[offset++] = value;
    }
    const SharedBuffer batch = builder.build().value();
    model_.insert(added.begin(), added.end());
    if (!log_->append_as_leader(batch->bytes(), LeaderEpoch(epoch_))) {
      EXPECT_TRUE(files_.is_stopped());
    }
  }

  /// As a follower cuts whose leader has another history; a later epoch goes on.
  void cut() {
    const std::int64_t start = log_->log_start_offset().value();
    const std::int64_t end = log_->log_end_offset().value();
    if (end == start) return;
    const Offset to(end - 1 -
                    static_cast<std::int64_t>(random_.below(
                        static_cast<std::uint64_t>(std::min<std::int64_t>(end - start, 12)))));
    const auto done = log_->truncate_to(to);
    if (!done) {
      // As far as it got.
      EXPECT_TRUE(files_.is_stopped());
      was_cutting_ = true;
    } else {
      model_.erase(model_.lower_bound(log_->log_end_offset().value()), model_.end());
    }
    // Whole batches go, of at most three records.
    promised_ = std::min(promised_, done ? log_->log_end_offset() : to + -2);
    ++epoch_;
  }

  void raise_start() {
    const Offset start = log_->log_start_offset();
    const auto some = static_cast<std::int64_t>(random_.below(5));
    const Offset to = std::min(start + some, log_->log_end_offset());
    (void)log_->raise_log_start_offset(to, log_->log_end_offset());  // in memory
    (void)log_->delete_old_segments(to);
    (void)store_->checkpoint_log_starts();
  }

  void move() {
    if (!mover_) {
      const std::string from = store_->directory_of(kPartition);
      if (!store_->find_future(kPartition)) {
        const auto made = store_->create_future(kPartition, from == "/a" ? "/b" : "/a");
        ASSERT_TRUE(made || files_.is_stopped()) << made.error();
        if (!made) return;
      }
      begin_mover();
    }
    const auto progress = mover_->step(600);
    if (!progress) {
      EXPECT_TRUE(files_.is_stopped()) << progress.error();
      return;
    }
    if (progress->next == LogMover::Progress::Next::Switch) {
      if (random_.below(3) == 0) append();  // between the step and the lock
      const auto switched = mover_->switch_over();
      ASSERT_TRUE(switched || files_.is_stopped()) << switched.error();
      if (switched && *switched) log_ = mover_->future();
    } else if (progress->next == LogMover::Progress::Next::Done) {
      mover_ = nullptr;
      ++moves_;
    }
  }

  void begin_mover() {
    mover_ = std::make_unique<LogMover>(*store_, kPartition, log_, store_->find_future(kPartition));
  }

  void crash() {
    const bool is_host = random_.below(2) == 0;
    start_ = log_->log_start_offset();
    if (is_host) {
      files_.crash_host();
    } else {
      files_.crash_process();
    }
    drop();
    const auto dirs = [this](const std::string& dir) {
      int count = 0;
      for (const std::string& name : files_.names(dir)) count += name == "t-0" ? 1 : 0;
      return count;
    };
    if (dirs("/a") + dirs("/b") == 2) ++left_in_two_;
    open();
    if (failed()) return;
    log_ = store_->find(kPartition);
    ASSERT_TRUE(log_) << "no log is left";
    EXPECT_EQ(dirs("/a") + dirs("/b"), 1);
    check(is_host);
    // Go on from what there is.
    model_ = read();
    promised_ = log_->recovery_point();
    was_cutting_ = false;
    epoch_ += 1;
    (void)log_->flush();  // for the model's sake
    promised_ = log_->log_end_offset();
  }

  void drop() {
    mover_ = nullptr;
    log_ = nullptr;
    executor_ = world_.make_executor();
    store_ = nullptr;
  }

  void check(bool is_host) {
    const Model found = read();
    const std::int64_t start = std::max(start_, log_->log_start_offset()).value();
    // Nothing foreign: every record is what was appended there.
    for (const auto& [offset, value] : found) {
      if (offset < start_.value()) continue;  // a start that was not checkpointed
      const auto now = model_.find(offset);
      const auto earlier = before_.find(offset);
      EXPECT_TRUE((now != model_.end() && now->second == value) ||
                  (earlier != before_.end() && earlier->second == value))
          << "offset " << offset;
    }
    // All that must be there: before the operation that the crash met.
    Model wanted =
        is_host ? Model(before_.begin(), before_.lower_bound(promised_.value())) : before_;
    if (was_cutting_) wanted.erase(wanted.lower_bound(promised_.value()), wanted.end());
    wanted.erase(wanted.begin(), wanted.lower_bound(start));
    for (const auto& [offset, value] : wanted) {
      const bool was_cut = !model_.contains(offset);
      EXPECT_TRUE(found.contains(offset) || was_cut)
          << "offset " << offset << " is lost after a crash of the "
          << (is_host ? "host" : "process");
    }
  }

  /// Without faults: what a crash left of a move comes to its end by itself.
  void finish_move() {
    if (!store_->find_future(kPartition)) return;
    ++resumed_;
    const Model held = read();
    const std::string from = store_->directory_of(kPartition);
    begin_mover();
    for (int i = 0; i < 2'000 && mover_ && !failed(); ++i) move_once();
    ASSERT_FALSE(mover_) << "the move does not end";
    EXPECT_EQ(read(), held);
    EXPECT_NE(store_->directory_of(kPartition), from);
    world_.run_for(std::chrono::seconds(1));
    for (const std::string dir : {"/a", "/b"}) {
      for (const std::string& name : files_.names(dir)) {
        EXPECT_TRUE(!name.starts_with("t-0") ||
                    (name == "t-0" && dir == store_->directory_of(kPartition)))
            << dir << "/" << name;
      }
    }
  }
  void move_once() {
    const auto progress = mover_->step(600);
    ASSERT_TRUE(progress) << progress.error();
    if (progress->next == LogMover::Progress::Next::Switch) {
      const auto switched = mover_->switch_over();
      ASSERT_TRUE(switched) << switched.error();
      if (*switched) log_ = mover_->future();
    } else if (progress->next == LogMover::Progress::Next::Done) {
      mover_ = nullptr;
    }
  }

  [[nodiscard]] Model read() const {
    Model found;
    Offset offset = log_->log_start_offset();
    while (offset < log_->log_end_offset()) {
      const auto data = log_->read(offset, {.whole_batches = true});
      EXPECT_TRUE(data) << data.error();
      if (!data || data->records.length == 0) break;
      const SharedBuffer bytes = storage::read_slice(data->records).value();
      record::BatchIterator batches(bytes->bytes());
      while (const auto batch = batches.next().value()) {
        auto reader = record::RecordReader::open(*batch).value();
        record::Record record;
        while (reader.next(record).value()) {
          if (record.offset < log_->log_start_offset()) continue;
          found[record.offset.value()] = std::string(as_text(*record.value));
        }
        offset = batch->next_offset();
      }
    }
    return found;
  }

  static std::string as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  testing::SimulatedWorld world_;
  env::SeededRandom random_;
  testing::SimulatedFileSystem files_;
  std::unique_ptr<env::Executor> executor_;
  std::shared_ptr<storage::LogConfig> config_ = std::make_shared<storage::LogConfig>();
  std::unique_ptr<storage::LogStore> store_;
  std::shared_ptr<storage::Log> log_;
  std::unique_ptr<LogMover> mover_;
  Model model_;   ///< What the log holds, or will hold once the operation that runs is done.
  Model before_;  ///< What it held before that operation.
  Offset promised_;
  Offset start_;  ///< Of the log that a crash ended.
  bool was_cutting_ = false;
  std::int32_t epoch_ = 1;
  int values_ = 0;
  int moves_ = 0;
  int resumed_ = 0;
  int left_in_two_ = 0;
};

TEST(LogMover, W8LosesNothingThroughCrashesCutsAndAppends) {
  int moves = 0;
  int resumed = 0;
  int left_in_two = 0;
  for (std::uint64_t seed = 1; seed <= 150 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MovingLog log(seed);
    log.run(8);
    moves += log.moves();
    resumed += log.resumed();
    left_in_two += log.left_in_two();
  }
  // The lives have in them what they are for.
  EXPECT_GT(moves, 100);
  EXPECT_GT(resumed, 100);
  EXPECT_GT(left_in_two, 5);
}

}  // namespace
}  // namespace ottla::replica
