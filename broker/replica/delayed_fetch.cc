#include "broker/replica/delayed_fetch.h"

#include <algorithm>
#include <utility>

#include "broker/replica/preferred_replica.h"
#include "broker/replica/truncation.h"
#include "broker/storage/log.h"

namespace ottla::replica {
namespace {

/// An answer takes no more than that from the disk: the rest of what it asks for is for its next
/// turn, and what many such readers hold in the page cache stays small.
constexpr std::uint64_t kMostColdBytes = 4 << 20;

}  // namespace

DelayedFetch::DelayedFetch(FetchRequest request, std::shared_ptr<const PartitionLookup> lookup,
                           std::shared_ptr<const ReplicasConfig> config, env::Executor& on,
                           std::shared_ptr<storage::ColdReads> cold_reads,
                           std::shared_ptr<quota::ColdReadQuota> cold_quota,
                           std::atomic<std::int64_t>& expired, Callback<FetchResult> done)
    : request_(std::move(request)),
      lookup_(std::move(lookup)),
      config_(std::move(config)),
      on_(on),
      cold_reads_(std::move(cold_reads)),
      cold_quota_(std::move(cold_quota)),
      expired_(expired),
      done_(std::move(done)) {}

void DelayedFetch::start() {
  evaluate();
}

void DelayedFetch::on_partition_changed(std::uint32_t, PartitionChange) {
  if (wake_posted_.exchange(true, std::memory_order_acq_rel)) return;
  on_.post([self = shared_from_this()] {
    self->wake_posted_.store(false, std::memory_order_release);
    if (!self->is_answered_ && !self->is_warming_) self->evaluate();
  });
}

void DelayedFetch::evaluate() {
  Budget budget{static_cast<std::uint64_t>(std::max(request_.max_bytes, 0)),
                request_.at_least_one_batch};
  std::vector<Reading> readings;
  readings.reserve(request_.partitions.size());
  std::uint64_t bytes = 0;
  bool is_cold = false;
  bool is_held_back = false;
  // What was warmed is sent, also if it is less than min_bytes: it should not grow cold again.
  bool is_due = is_over_ || request_.max_wait <= env::Duration{} || request_.partitions.empty() ||
                !warmed_.empty();
  for (std::size_t i = 0; i < request_.partitions.size(); ++i) {
    Reading reading = read(i, budget);
    bytes += reading.records.length;
    is_cold = is_cold || reading.is_cold;
    is_held_back = is_held_back || reading.is_held_back;
    is_due = is_due || reading.ends_waiting;
    readings.push_back(std::move(reading));
  }
  if (is_cold) {
    warm(std::move(readings));
  } else if (is_due || bytes >= static_cast<std::uint64_t>(std::max(request_.min_bytes, 0))) {
    answer(std::move(readings));
  } else {
    wait(readings);
    if (is_held_back) come_back_when_due();
  }
}

DelayedFetch::Reading DelayedFetch::read(std::size_t number, Budget& budget) const {
  const FetchPartition& wanted = request_.partitions[number];
  Reading reading;
  reading.answer.partition = wanted.partition;
  if (const Result<> done = read_into(reading, number, budget); !done) {
    FetchedPartition failed;
    failed.partition = wanted.partition;
    failed.error = done.error().code();
    reading.answer = std::move(failed);
    reading.records = {};
    reading.ends_waiting = true;
  }
  return reading;
}

Result<> DelayedFetch::read_into(Reading& reading, std::size_t number, Budget& budget) const {
  const FetchPartition& wanted = request_.partitions[number];
  OTTLA_TRY(reading.partition, lookup_->lookup(wanted.partition));
  if (!wanted.topic_id.is_zero() && wanted.topic_id != reading.partition->topic_id()) {
    return fail(ErrorCode::InconsistentTopicId);
  }
  OTTLA_TRY(const Partition::ReadAccess access,
            reading.partition->read_access(wanted.current_leader_epoch,
                                           !request_.can_follow_preferred_replica));
  const storage::Log& log = *access.log;
  FetchedPartition& answer = reading.answer;
  answer.high_watermark = access.high_watermark;
  answer.last_stable_offset = access.log->last_stable_offset(access.high_watermark);
  answer.log_start_offset = log.log_start_offset();

  if (access.is_leader) {
    answer.preferred_read_replica = preferred_replica(*reading.partition, wanted.fetch_offset);
    if (answer.preferred_read_replica) {
      reading.ends_waiting = true;
      return {};
    }
  }
  if (wanted.last_fetched_epoch != kUnknownLeaderEpoch) {
    const storage::EpochEndOffset end = log.end_offset_for_epoch(wanted.last_fetched_epoch);
    if (end.end_offset == kUnknownOffset) return fail(ErrorCode::OffsetOutOfRange);
    if (judge_position(wanted.fetch_offset, wanted.last_fetched_epoch, end, log.log_start_offset(),
                       log.log_end_offset()) == FetchPosition::Diverged) {
      answer.diverging_epoch = end;
      reading.ends_waiting = true;
      return {};
    }
  }

  const bool committed_only = request_.isolation == IsolationLevel::ReadCommitted;
  const bool is_second_look = !warmed_.empty();
  const bool is_warmed = is_second_look && warmed_[number] > 0;
  std::uint64_t most_bytes = std::min<std::uint64_t>(
      budget.bytes, static_cast<std::uint64_t>(std::max(wanted.max_bytes, 0)));
  if (is_warmed) most_bytes = std::min(most_bytes, warmed_[number]);
  const storage::ReadOptions options{
      .max_bytes = most_bytes,
      .end_offset = committed_only ? answer.last_stable_offset : answer.high_watermark,
      .at_least_one_batch = budget.at_least_one_batch,
      .no_wait = !is_warmed};
  OTTLA_TRY(storage::FetchData data, log.read(wanted.fetch_offset, options));
  if (data.would_block) {
    if (is_second_look) return {};  // it was not its turn
    reading.is_held_back = cold_quota_->delay(request_.client) > env::Duration::zero();
    if (reading.is_held_back) return {};
    reading.is_cold = true;
    // Its size is not known; what others may take is decided when all is read again.
    budget.bytes -= std::min(budget.bytes, most_bytes);
    return {};
  }
  reading.was_cold = is_warmed || cold_reads_->take_ahead(data.records);
  if (data.records.length > 0) budget.at_least_one_batch = false;
  budget.bytes -= std::min(budget.bytes, data.records.length);
  if (committed_only) {
    OTTLA_TRY(answer.aborted_transactions, log.aborted_transactions(data));
  }
  reading.records = std::move(data.records);
  return {};
}

std::optional<BrokerId> DelayedFetch::preferred_replica(const Partition& partition,
                                                        Offset fetch_offset) const {
  if (!config_->rack_aware_fetch || !request_.can_follow_preferred_replica ||
      request_.rack.empty()) {
    return std::nullopt;
  }
  return select_replica(partition.read_candidates(), request_.rack, fetch_offset);
}

void DelayedFetch::warm(std::vector<Reading> readings) {
  is_warming_ = true;
  warmed_.assign(readings.size(), 0);
  const std::uint64_t most =
      std::min(kMostColdBytes, cold_quota_->answer_bytes().value_or(kMostColdBytes));
  cold_reads_->post(request_.client,
                    [self = shared_from_this(), warming = Warming{.readings = std::move(readings),
                                                                  .bytes_left = most}]() mutable {
                      if (self->warm_step(warming)) return true;
                      self->on_.post([self] {
                        self->is_warming_ = false;
                        if (!self->is_answered_) self->evaluate();
                        self->warmed_.clear();
                      });
                      return false;
                    });
}

/// On the I/O pool, which alone touches `warmed_` meanwhile. False: all is done.
bool DelayedFetch::warm_step(Warming& warming) {
  while (warming.slice.length == 0) {
    if (warming.next == warming.readings.size() || warming.bytes_left == 0) return false;
    const std::size_t number = warming.next++;
    const Reading& reading = warming.readings[number];
    if (!reading.is_cold) continue;
    warmed_[number] = 1;
    const auto log = reading.partition->view().log;
    if (!log) continue;  // offline by now: the second look tells
    const FetchPartition& wanted = request_.partitions[number];
    const auto data =
        log->read(wanted.fetch_offset,
                  {.max_bytes = std::min(static_cast<std::uint64_t>(std::max(wanted.max_bytes, 0)),
                                         warming.bytes_left)});
    if (!data) continue;
    warming.slice = data->records;
    warmed_[number] = std::max<std::uint64_t>(1, data->records.length);
  }
  const std::uint64_t done = cold_reads_->bring(warming.slice);
  warming.bytes_left -= std::min(warming.bytes_left, done);
  warming.slice.position += done;
  warming.slice.length = done == 0 ? 0 : warming.slice.length - done;
  return true;
}

void DelayedFetch::wait(const std::vector<Reading>& readings) {
  if (timer_) return;  // it waits already
  for (std::uint32_t token = 0; token < readings.size(); ++token) {
    readings[token].partition->watch(shared_from_this(), token,
                                     static_cast<std::uint8_t>(PartitionChange::HighWatermark));
    watched_.push_back(readings[token].partition);
  }
  timer_ = on_.post_after(request_.max_wait, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->is_answered_) return;
    self->is_over_ = true;
    self->expired_.fetch_add(1, std::memory_order_relaxed);
    if (!self->is_warming_) self->evaluate();
  });
  // What happened between the reading and the watching was not heard. (A change of role is seen by
  // the next reading.)
  for (const Reading& reading : readings) {
    if (reading.partition->high_watermark() == reading.answer.high_watermark) continue;
    on_partition_changed(0, PartitionChange::HighWatermark);
    break;
  }
}

void DelayedFetch::come_back_when_due() {
  if (quota_timer_) return;
  quota_timer_ = on_.post_after(cold_quota_->delay(request_.client), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->is_answered_) return;
    self->quota_timer_.reset();
    if (!self->is_warming_) self->evaluate();
  });
}

void DelayedFetch::answer(std::vector<Reading> readings) {
  is_answered_ = true;
  timer_.reset();
  quota_timer_.reset();
  stop_watching();
  FetchResult result;
  result.reserve(readings.size());
  for (Reading& reading : readings) {
    if (reading.records.length > 0) {
      if (reading.was_cold) note_cold(reading.records);
      auto payload = storage::to_payload(reading.records);
      if (payload) {
        reading.answer.records = *std::move(payload);
      } else {
        reading.answer.error = payload.error().code();
      }
    }
    result.push_back(std::move(reading.answer));
  }
  std::move(done_)(std::move(result));
}

/// Read ahead is for those who may come back at once.
void DelayedFetch::note_cold(const storage::FileSlice& records) {
  if (cold_quota_->is_limited()) {
    cold_quota_->record(request_.client, records.length);
  } else {
    cold_reads_->read_ahead(request_.client, records);
  }
}

void DelayedFetch::stop_watching() {
  for (std::uint32_t token = 0; token < watched_.size(); ++token) {
    watched_[token]->unwatch(this, token);
  }
  watched_.clear();
}

}  // namespace ottla::replica
