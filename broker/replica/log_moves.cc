#include "broker/replica/log_moves.h"

#include <glog/logging.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <utility>

#include "broker/storage/log_store.h"
#include "common/env/file_system.h"

namespace ottla::replica {
namespace {

constexpr std::uint64_t kCopyBytes = 1 << 20;
/// Copied before others get the thread.
constexpr std::uint64_t kTurnBytes = 8 << 20;
constexpr std::chrono::milliseconds kBetweenTries{1'000};

}  // namespace

struct LogMoves::Move {
  Move(std::shared_ptr<Partition> of, storage::LogStore& logs, std::shared_ptr<storage::Log> log,
       std::shared_ptr<storage::Log> future)
      : partition(std::move(of)),
        mover(logs, partition->name(), std::move(log), std::move(future)) {}

  const std::shared_ptr<Partition> partition;
  LogMover mover;  ///< The I/O pool's while a turn runs, the control loop's otherwise.
  std::atomic<bool> stopped = false;
  bool is_active = false;
  bool in_turn = false;
  env::TimerHandle timer;
};

LogMoves::LogMoves(storage::LogStore& logs, const env::Clock& clock, env::Executor& control,
                   env::Executor& io, Options options,
                   std::function<void(const TopicPartition&)> on_end)
    : logs_(logs),
      clock_(clock),
      control_(control),
      io_(io),
      options_(std::move(options)),
      on_end_(std::move(on_end)) {}

LogMoves::~LogMoves() = default;

void LogMoves::start(const std::shared_ptr<Partition>& partition) {
  if (!partition || moves_.contains(partition->name())) return;
  if (const auto draining = draining_.find(partition->name()); draining != draining_.end()) {
    draining->second = partition;
    return;
  }
  const std::shared_ptr<storage::Log> log = partition->view().log;
  const std::shared_ptr<storage::Log> future = logs_.find_future(partition->name());
  if (!log || !future) return;
  log->hold_compaction(true);
  moves_[partition->name()] = std::make_shared<Move>(partition, logs_, log, future);
  ++options_.counts->under_way;
  LOG(INFO) << '[' << partition->name() << "] copies " << future->log_end_offset() << " to "
            << log->log_end_offset() << " from " << log->directory() << " to "
            << future->directory();
  activate();
}

void LogMoves::stop(const TopicPartition& partition) {
  if (const auto draining = draining_.find(partition); draining != draining_.end()) {
    draining->second = nullptr;
  }
  const auto found = moves_.find(partition);
  if (found == moves_.end() || is_ending(partition)) return;
  LOG(INFO) << '[' << partition << "] stops copying to another log dir at "
            << found->second->mover.future()->log_end_offset();
  end(found->second);
}

void LogMoves::stop() {
  draining_.clear();
  for (const auto& [name, move] : std::exchange(moves_, {})) {
    --options_.counts->under_way;
    move->stopped = true;
    move->timer.reset();
  }
}

bool LogMoves::is_ending(const TopicPartition& partition) const {
  const auto found = moves_.find(partition);
  // Of a move that is still copying, the log is in its old directory.
  return found != moves_.end() && logs_.find(partition) == found->second->mover.future();
}

void LogMoves::end(const MovePointer& move) {
  move->stopped = true;
  if (move->in_turn) draining_[move->partition->name()] = nullptr;
  move->timer.reset();
  move->mover.log()->hold_compaction(false);
  if (move->is_active) --active_;
  moves_.erase(move->partition->name());
  --options_.counts->under_way;
  activate();
}

void LogMoves::activate() {
  for (const auto& [name, move] : moves_) {
    if (active_ >= std::max<std::size_t>(options_.at_once, 1)) return;
    if (move->is_active) continue;
    move->is_active = true;
    ++active_;
    run(move, {});
  }
}

void LogMoves::run(const MovePointer& move, env::Duration pause) {
  if (move->stopped) return;
  if (pause.count() > 0) {
    move->timer = control_.post_after(pause, [weak = weak_from_this(), move] {
      if (const auto self = weak.lock()) self->run(move, {});
    });
    return;
  }
  const std::int64_t limit = options_.bytes_per_second ? options_.bytes_per_second()
                                                       : std::numeric_limits<std::int64_t>::max();
  if (limit <= 0) return run(move, kBetweenTries);
  const std::uint64_t step_bytes =
      std::min<std::uint64_t>(kCopyBytes, static_cast<std::uint64_t>(limit));
  const std::uint64_t turn_bytes =
      std::min<std::uint64_t>(kTurnBytes, static_cast<std::uint64_t>(limit));
  move->in_turn = true;
  io_.post([self = shared_from_this(), move, step_bytes, turn_bytes] {
    Result<LogMover::Progress> last = LogMover::Progress{};
    std::uint64_t bytes = 0;
    while (!move->stopped && bytes < turn_bytes) {
      last = move->mover.step(step_bytes);
      if (!last) break;
      bytes += last->bytes;
      if (last->next != LogMover::Progress::Next::Step) break;
    }
    if (last) last->bytes = bytes;
    self->control_.post([self, move, last] { self->on_progress(move, last); });
  });
}

env::Duration LogMoves::pause_for(std::uint64_t bytes) {
  const std::int64_t limit = options_.bytes_per_second ? options_.bytes_per_second()
                                                       : std::numeric_limits<std::int64_t>::max();
  const env::MonotonicTime now = clock_.now();
  const double seconds =
      static_cast<double>(bytes) / static_cast<double>(std::max<std::int64_t>(limit, 1));
  free_at_ = std::max(free_at_, now) +
             std::chrono::duration_cast<env::Duration>(std::chrono::duration<double>(seconds));
  const auto pause = free_at_ - now;
  // Less than a timer can tell is no limit.
  return pause < std::chrono::milliseconds(1) ? env::Duration{} : pause;
}

void LogMoves::on_progress(const MovePointer& move, const Result<LogMover::Progress>& progress) {
  move->in_turn = false;
  const TopicPartition name = move->partition->name();
  if (move->stopped) {
    const auto drained = draining_.extract(name);
    if (!drained.empty()) start(drained.mapped());
    return;
  }
  if (!progress) {
    ++options_.counts->failures;
    const bool is_fatal = progress.error().code() == ErrorCode::KafkaStorageError &&
                          env::io_error_kind(progress.error()) != env::IoErrorKind::DiskFull;
    LOG(WARNING) << '[' << name << "] move between log dirs: " << progress.error()
                 << (is_fatal ? ", given up" : ", to be tried again");
    // One of the log dirs failed: who hears of that sees to the logs.
    if (is_fatal) return end(move);
    return run(move, kBetweenTries);
  }
  options_.counts->bytes_copied += static_cast<std::int64_t>(progress->bytes);
  switch (progress->next) {
    case LogMover::Progress::Next::Step:
      return run(move, pause_for(progress->bytes));
    case LogMover::Progress::Next::Switch:
      return switch_over(move);
    case LogMover::Progress::Next::Done:
      ++options_.counts->completed;
      end(move);
      return on_end_(name);
  }
}

void LogMoves::switch_over(const MovePointer& move) {
  const auto began = clock_.now();
  const Result<bool> switched = move->partition->replace_log(
      move->mover.log().get(), move->mover.future(), [&move] { return move->mover.switch_over(); });
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.now() - began);
  if (switched && *switched) {
    LOG(INFO) << '[' << move->partition->name()
              << "] serves from the other log dir, appends waited " << took.count() << " us";
  }
  if (!switched) return on_progress(move, fail(switched.error()));
  if (!*switched && move->partition->view().log != move->mover.log()) return end(move);
  run(move, {});
}

}  // namespace ottla::replica
