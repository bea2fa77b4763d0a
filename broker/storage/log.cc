#include "broker/storage/log.h"

#include <glog/logging.h>

#include <algorithm>
#include <limits>

#include "broker/storage/file_names.h"

namespace ottla::storage {
namespace {

/// Dirty bytes after which write-back is started, so that the kernel never has so many that it
/// throttles writers.
constexpr std::uint64_t kWritebackBytes = 4 << 20;

}  // namespace

Log::Log(std::shared_ptr<const LogEnvironment> environment, const LogOpening& opening)
    : environment_(std::move(environment)),
      partition_(opening.partition),
      directory_(opening.directory),
      log_start_offset_(opening.log_start_offset.value()),
      log_end_offset_(opening.log_start_offset.value()),
      recovery_point_(opening.recovery_point.value()),
      last_flush_ms_(environment_->clock.wall_now_ms()),
      segments_(std::make_shared<const SegmentList>()),
      config_(opening.config) {
  // Above those of an earlier log of this partition (a move between log dirs): the time in
  // nanoseconds runs ahead of any count of questions.
  producers_.set_first_token(
      static_cast<std::uint64_t>(environment_->clock.now().time_since_epoch().count()));
}

Log::~Log() = default;

Result<std::shared_ptr<Log>> Log::open(std::shared_ptr<const LogEnvironment> environment,
                                       const LogOpening& opening) {
  LogHealth& health = environment->health;
  const std::shared_ptr<Log> log(new Log(std::move(environment), opening));
  if (auto loaded = log->load(opening); !loaded) {
    return fail(health.report(std::move(loaded).error()));
  }
  return log;
}

Result<AppendInfo> Log::append_as_leader(MutableByteView batches, LeaderEpoch leader_epoch,
                                         AppendOrigin origin,
                                         std::optional<VerificationToken> verified) {
  const std::shared_ptr<const LogConfig> config = this->config();
  if (batches.size() > static_cast<std::uint64_t>(config->segment_bytes)) {
    return fail(ErrorCode::RecordListTooLarge);
  }
  OTTLA_TRY_VOID(environment_->health.check_space(origin == AppendOrigin::Client));
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check_usable());
  BatchSet set;
  set.base_offset = log_end_offset();
  set.last_leader_epoch = leader_epoch;
  set.new_epochs.push_back({leader_epoch, set.base_offset});
  ProducerStates::Update producers = producers_.begin();
  Offset next = set.base_offset;
  for (std::size_t at = 0; at < batches.size();) {
    OTTLA_TRY(auto batch, record::MutableRecordBatch::parse(batches.subspan(at)));
    if (batch->is_legacy() || batch->last_offset_delta() < 0) {
      return fail(ErrorCode::CorruptMessage);
    }
    if (batch->size() > static_cast<std::size_t>(config->max_message_bytes)) {
      return fail(ErrorCode::MessageTooLarge);
    }
    batch.set_base_offset(next);
    batch.set_leader_epoch(leader_epoch);
    next = batch->next_offset();
    if (batch->max_timestamp() > set.appended.largest.timestamp) {
      set.appended.largest = {batch->max_timestamp(), batch->last_offset()};
    }
    if (batch->timestamp_type() == record::TimestampType::LogAppendTime) {
      set.log_append_time = batch->max_timestamp();
    }
    if (batch->has_producer_id()) {
      if (origin == AppendOrigin::Client) {
        if (const ProducerBatch* const earlier = producers_.find_duplicate(batch.view())) {
          return duplicate_info(*earlier);
        }
      }
      OTTLA_TRY_VOID(producers.add(batch.view(), origin, verified));
    }
    at += batch->size();
  }
  if (batches.empty()) return fail(ErrorCode::InvalidRecord);
  set.appended.last_offset = next + -1;
  set.appended.bytes = batches.size();
  const ByteView piece = batches;
  return append_locked(set, std::span(&piece, 1), producers);
}

VerificationToken Log::begin_verification(ProducerId producer, ProducerEpoch epoch,
                                          std::int32_t sequence) {
  const env::WallTimeMs now = environment_->clock.wall_now_ms();
  MutexLock lock(mutex_);
  return producers_.begin_verification(producer, epoch, sequence, now);
}

Result<AppendInfo> Log::append_as_follower(std::span<const ByteView> pieces) {
  auto appended = append_replicated(pieces);
  if (appended || appended.error().code() != ErrorCode::OffsetOutOfRange) return appended;
  // The leader's log begins in the middle of a batch (DeleteRecords), and an empty one follows it:
  // its only segment has to begin where the batch does.
  const Offset start = log_start_offset();
  if (log_end_offset() != start) return appended;
  record::BatchIterator batches(pieces.front());
  OTTLA_TRY(const auto first, batches.next());
  if (!first || first->base_offset() >= start || first->last_offset() < start) return appended;
  OTTLA_TRY_VOID(truncate_fully_and_start_at(first->base_offset()));
  OTTLA_TRY(AppendInfo info, append_replicated(pieces));
  OTTLA_TRY_VOID(raise_log_start_offset(start, log_end_offset()));
  info.log_start_offset = start;
  return info;
}

Result<AppendInfo> Log::append_replicated(std::span<const ByteView> pieces) {
  BatchSet set;
  set.is_replicated = true;
  OTTLA_TRY_VOID(environment_->health.check_space(/*of_client=*/false));
  // CRCs are checked before the lock is taken.
  for (const ByteView piece : pieces) {
    record::BatchIterator batches(piece);
    while (true) {
      OTTLA_TRY(const auto batch, batches.next());
      if (!batch) break;
      if (!batch->validate_crc()) return fail(ErrorCode::CorruptMessage);
    }
    if (!batches.rest().empty()) return fail(ErrorCode::CorruptMessage);
    set.appended.bytes += piece.size();
  }
  if (set.appended.bytes == 0) return fail(ErrorCode::InvalidRecord);
  if (set.appended.bytes > std::numeric_limits<std::int32_t>::max()) {
    return fail(ErrorCode::RecordListTooLarge);
  }

  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check_usable());
  const Offset log_end = log_end_offset();
  ProducerStates::Update producers = producers_.begin();
  Offset last = log_end + -1;
  // Of the last record: a later epoch here has none.
  LeaderEpoch epoch = epochs_.epoch_of(last);
  for (const ByteView piece : pieces) {
    record::BatchIterator batches(piece);
    while (true) {
      OTTLA_TRY(const auto batch, batches.next());
      if (!batch) break;
      const bool is_first = set.base_offset == kUnknownOffset;
      // An old compressed wrapper shows its last offset only.
      if (batch->base_offset() <= last) {
        return fail(is_first ? ErrorCode::OffsetOutOfRange : ErrorCode::CorruptMessage);
      }
      if (is_first) set.base_offset = batch->base_offset();
      last = batch->last_offset();
      if (batch->max_timestamp() > set.appended.largest.timestamp) {
        set.appended.largest = {batch->max_timestamp(), last};
      }
      if (batch->timestamp_type() == record::TimestampType::LogAppendTime) {
        set.log_append_time = batch->max_timestamp();
      }
      if (batch->leader_epoch() != kUnknownLeaderEpoch) {
        if (batch->leader_epoch() < epoch) return fail(ErrorCode::CorruptMessage);
        if (batch->leader_epoch() > epoch) {
          set.new_epochs.push_back({batch->leader_epoch(), batch->base_offset()});
        }
        epoch = batch->leader_epoch();
      }
      OTTLA_TRY_VOID(producers.add(*batch, AppendOrigin::Replication));
    }
  }
  set.appended.last_offset = last;
  set.last_leader_epoch = epoch;
  return append_locked(set, pieces, producers);
}

Result<AppendInfo> Log::append_locked(const BatchSet& set, std::span<const ByteView> pieces,
                                      const ProducerStates::Update& producers) {
  if (auto written = write_set(set, pieces, producers); !written) {
    return fail(environment_->health.report(std::move(written).error()));
  }
  if (set.is_replicated && epochs_.truncate_from_end(log_end_offset())) epochs_dirty_ = true;
  for (const EpochStart& start : set.new_epochs) {
    if (epochs_.assign(start.epoch, start.start_offset)) epochs_dirty_ = true;
  }
  if (!producers.empty()) {
    producers_.apply(producers);
    for (const CompletedTransaction& completed : producers.completed()) {
      producers_.complete(completed);
    }
    note_unstable();
  }
  const std::shared_ptr<Segment> segment = active();
  const Offset end = set.appended.last_offset.next();
  recent_.push({end, segment->base_offset(), segment->size()});
  log_end_offset_.store(end.value(), std::memory_order_release);
  start_early_writeback(segment);
  AppendInfo info;
  info.base_offset = set.base_offset;
  info.last_offset = set.appended.last_offset;
  info.log_start_offset = log_start_offset();
  info.log_end_offset = end;
  info.max_timestamp = set.appended.largest.timestamp;
  info.log_append_time = set.log_append_time;
  info.last_leader_epoch = set.last_leader_epoch;
  info.bytes = set.appended.bytes;
  info.flush_due = end - recovery_point() >= config()->flush_messages;
  return info;
}

Result<> Log::write_set(const BatchSet& set, std::span<const ByteView> pieces,
                        const ProducerStates::Update& producers) {
  const std::shared_ptr<const LogConfig> config = this->config();
  std::shared_ptr<Segment> segment = active();
  touched_ = true;
  if (segment->must_roll(set.appended, *config, roll_jitter(*config, segment->base_offset()),
                         environment_->clock.wall_now_ms())) {
    // At the log's end, also where a compacted leader's records leave a gap: after a crash of the
    // host a gap between segments tells of a lost tail. Only what is too far away needs its own.
    const bool is_near =
        set.appended.last_offset - log_end_offset() <= std::numeric_limits<std::int32_t>::max();
    OTTLA_TRY_VOID(roll_locked(is_near ? log_end_offset() : set.base_offset));
    segment = active();
  }
  // Before the batches: an abort that readers could not find would show them aborted records.
  for (const CompletedTransaction& completed : producers.completed()) {
    if (!completed.is_aborted) continue;
    OTTLA_TRY_VOID(segment->append_aborted({completed.producer_id, completed.first_offset,
                                            completed.last_offset,
                                            producers.last_stable_offset_after(completed)}));
  }
  auto written = segment->append(pieces, set.appended, config->index_interval_bytes);
  if (!written && !producers.completed().empty()) {
    OTTLA_TRY_VOID(segment->truncate_aborted(set.base_offset));
  }
  return written;
}

Result<> Log::check_usable() const {
  if (closed_ || !environment_->health.is_online()) return fail(ErrorCode::KafkaStorageError);
  return {};
}

AppendInfo Log::duplicate_info(const ProducerBatch& batch) const {
  AppendInfo info;
  info.base_offset = batch.first_offset();
  info.last_offset = batch.last_offset;
  info.log_start_offset = log_start_offset();
  info.log_end_offset = log_end_offset();
  info.max_timestamp = batch.timestamp;
  if (config()->timestamp_type == record::TimestampType::LogAppendTime) {
    info.log_append_time = batch.timestamp;
  }
  info.is_duplicate = true;
  return info;
}

void Log::start_early_writeback(const std::shared_ptr<Segment>& segment) {
  const std::uint64_t size = segment->size();
  if (size < written_back_ + kWritebackBytes) return;
  environment_->executor.post([file = segment->file(), from = written_back_, size] {
    file->start_writeback(from, size - from);
  });
  written_back_ = size;
}

Result<> Log::assign_leader_epoch(LeaderEpoch epoch) {
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check_usable());
  if (epochs_.assign(epoch, log_end_offset())) epochs_dirty_ = true;
  return {};
}

Result<> Log::roll() {
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check_usable());
  if (active()->size() == 0) return {};
  return environment_->health.check(roll_locked(log_end_offset()));
}

Result<> Log::roll_locked(Offset new_base_offset) {
  const std::shared_ptr<Segment> sealed = active();
  OTTLA_TRY_VOID(sealed->seal());
  seal_dirty_ = true;
  OTTLA_TRY_VOID(write_snapshot(new_base_offset));
  OTTLA_TRY(auto created, Segment::create(environment_->files, directory_, new_base_offset,
                                          *config(), environment_->clock.wall_now_ms()));
  directory_dirty_ = true;
  written_back_ = 0;
  SegmentList segments = *this->segments();
  if (sealed->size() == 0) {
    // Only an offset beyond its range makes an empty segment roll.
    OTTLA_TRY(auto paths, sealed->mark_deleted());
    environment_->deletions.schedule(std::move(paths), config()->file_delete_delay);
    segments.pop_back();
  }
  segments.push_back(std::move(created));
  publish(std::move(segments));
  // A reader at the end finds the new segment's beginning.
  recent_.push({new_base_offset, new_base_offset, 0});
  environment_->executor.post([weak = weak_from_this(), new_base_offset] {
    if (const auto log = weak.lock()) (void)log->flush_below(new_base_offset);  // reported inside
  });
  VLOG(1) << "[" << partition_ << "] new segment at " << new_base_offset;
  return {};
}

std::chrono::milliseconds Log::roll_jitter(const LogConfig& config, Offset base_offset) const {
  const std::int64_t range = std::min(config.segment_jitter, config.roll_age()).count();
  if (range <= 0) return std::chrono::milliseconds(0);
  // Spread by name and segment, so that it needs no randomness: FNV-1a.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto mix = [&hash](std::uint64_t byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  for (const char c : partition_.topic) mix(static_cast<unsigned char>(c));
  mix(static_cast<std::uint64_t>(partition_.partition));
  mix(static_cast<std::uint64_t>(base_offset.value()));
  return std::chrono::milliseconds(
      static_cast<std::int64_t>((hash >> 1) % static_cast<std::uint64_t>(range)));
}

Offset Log::last_stable_offset(Offset high_watermark) {
  if (!has_unstable_.load(std::memory_order_acquire)) return high_watermark;
  MutexLock lock(mutex_);
  producers_.on_high_watermark(high_watermark);
  note_unstable();
  const auto first_unstable = producers_.first_unstable_offset();
  if (!first_unstable) return high_watermark;
  // A transaction may be older than what retention or DeleteRecords have left of it.
  return std::min(std::max(*first_unstable, log_start_offset()), high_watermark);
}

void Log::note_unstable() {
  has_unstable_.store(producers_.first_unstable_offset().has_value(), std::memory_order_release);
}

std::vector<EpochStart> Log::leader_epochs() const {
  MutexLock lock(mutex_);
  return epochs_.entries();
}

LeaderEpoch Log::latest_leader_epoch() const {
  MutexLock lock(mutex_);
  return epochs_.latest();
}

EpochEndOffset Log::end_offset_for_epoch(LeaderEpoch epoch) const {
  MutexLock lock(mutex_);
  return epochs_.end_offset_for(epoch, log_end_offset());
}

LeaderEpoch Log::leader_epoch_of(Offset offset) const {
  MutexLock lock(mutex_);
  return epochs_.epoch_of(offset);
}

void Log::expire_producers() {
  const std::int64_t oldest =
      environment_->clock.wall_now_ms() - environment_->producer_expiration().count();
  MutexLock lock(mutex_);
  producers_.expire(oldest);
}

std::vector<ActiveProducer> Log::active_producers() const {
  MutexLock lock(mutex_);
  return producers_.active();
}

std::size_t Log::producer_count() const {
  MutexLock lock(mutex_);
  return producers_.size();
}

std::string Log::directory() const {
  MutexLock lock(mutex_);
  return directory_;
}

std::shared_ptr<const LogConfig> Log::config() const {
  MutexLock lock(published_mutex_);
  return config_;
}

void Log::set_config(std::shared_ptr<const LogConfig> config) {
  MutexLock lock(published_mutex_);
  config_ = std::move(config);
}

std::uint64_t Log::size_bytes() const {
  std::uint64_t total = 0;
  const SharedSegmentList list = segments();
  for (const auto& segment : *list) total += segment->size();
  return total;
}

Log::SharedSegmentList Log::segments() const {
  MutexLock lock(published_mutex_);
  return segments_;
}

void Log::publish(SegmentList segments) {
  auto list = std::make_shared<const SegmentList>(std::move(segments));
  MutexLock lock(published_mutex_);
  segments_.swap(list);  // the old list goes outside the lock
  lock.unlock();
  list.reset();
  lock.lock();
}

Result<> Log::rename_in_use(const std::string& new_directory) {
  MutexLock flush_lock(flush_mutex_);
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check_usable());
  OTTLA_TRY_VOID(environment_->health.check(environment_->files.rename(directory_, new_directory)));
  directory_ = new_directory;
  name_dirty_ = true;
  SegmentList all = *segments();
  {
    MutexLock published(published_mutex_);
    all.insert(all.end(), retired_.begin(), retired_.end());
  }
  for (const auto& segment : all) segment->set_directory(new_directory);
  return {};
}

std::uint64_t Log::cuts() const {
  MutexLock lock(mutex_);
  return cuts_;
}

Result<> Log::rename_directory(const std::string& new_directory) {
  MutexLock flush_lock(flush_mutex_);
  {
    MutexLock lock(mutex_);
    closed_ = true;  // and nobody waits for the disk to be told so
  }
  OTTLA_TRY_VOID(
      environment_->health.check(environment_->files.rename(directory(), new_directory)));
  MutexLock lock(mutex_);
  directory_ = new_directory;
  const SharedSegmentList list = segments();
  for (const auto& segment : *list) segment->set_directory(new_directory);
  MutexLock published(published_mutex_);
  retired_.clear();  // they go with the directory
  return {};
}

}  // namespace ottla::storage
