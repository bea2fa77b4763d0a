#include "broker/replica/delayed_fetch.h"

#include <algorithm>
#include <utility>

#include "broker/replica/preferred_replica.h"
#include "broker/replica/truncation.h"
#include "broker/storage/log.h"

namespace ottla::replica {
namespace {

/// Cold ranges are read through a buffer of this size.
constexpr std::uint64_t kWarmingBytes = 1 << 18;

/// Brings a range into the page cache. Blocks.
void read_through(const storage::FileSlice& slice) {
  Buffer scratch(std::min(slice.length, kWarmingBytes));
  for (std::uint64_t done = 0; done < slice.length;) {
    const std::uint64_t step = std::min<std::uint64_t>(scratch.size(), slice.length - done);
    const auto got = slice.file->read_at(scratch.bytes().first(step), slice.position + done);
    if (!got || *got == 0) return;  // the read that follows reports it
    done += *got;
  }
}

}  // namespace

DelayedFetch::DelayedFetch(FetchRequest request, std::shared_ptr<const PartitionLookup> lookup,
                           std::shared_ptr<const ReplicasConfig> config, env::Executor& on,
                           env::Executor& io, Callback<FetchResult> done)
    : request_(std::move(request)),
      lookup_(std::move(lookup)),
      config_(std::move(config)),
      on_(on),
      io_(io),
      done_(std::move(done)) {}

void DelayedFetch::start() {
  evaluate(/*may_block=*/false);
}

void DelayedFetch::on_partition_changed(std::uint32_t, PartitionChange) {
  if (wake_posted_.exchange(true, std::memory_order_acq_rel)) return;
  on_.post([self = shared_from_this()] {
    self->wake_posted_.store(false, std::memory_order_release);
    if (!self->is_answered_ && !self->is_warming_) self->evaluate(/*may_block=*/false);
  });
}

void DelayedFetch::evaluate(bool may_block) {
  Budget budget{static_cast<std::uint64_t>(std::max(request_.max_bytes, 0)),
                request_.at_least_one_batch};
  std::vector<Reading> readings;
  readings.reserve(request_.partitions.size());
  std::uint64_t bytes = 0;
  bool is_cold = false;
  bool is_due = is_over_ || request_.max_wait <= env::Duration{} || request_.partitions.empty();
  for (const FetchPartition& wanted : request_.partitions) {
    Reading reading = read(wanted, budget, may_block);
    bytes += reading.records.length;
    is_cold = is_cold || reading.is_cold;
    is_due = is_due || reading.ends_waiting;
    readings.push_back(std::move(reading));
  }
  if (is_cold) {
    warm(std::move(readings));
  } else if (is_due || bytes >= static_cast<std::uint64_t>(std::max(request_.min_bytes, 0))) {
    answer(std::move(readings));
  } else {
    wait(readings);
  }
}

DelayedFetch::Reading DelayedFetch::read(const FetchPartition& wanted, Budget& budget,
                                         bool may_block) const {
  Reading reading;
  reading.answer.partition = wanted.partition;
  if (const Result<> done = read_into(reading, wanted, budget, may_block); !done) {
    FetchedPartition failed;
    failed.partition = wanted.partition;
    failed.error = done.error().code();
    reading.answer = std::move(failed);
    reading.records = {};
    reading.ends_waiting = true;
  }
  return reading;
}

Result<> DelayedFetch::read_into(Reading& reading, const FetchPartition& wanted, Budget& budget,
                                 bool may_block) const {
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
  const storage::ReadOptions options{
      .max_bytes = std::min<std::uint64_t>(
          budget.bytes, static_cast<std::uint64_t>(std::max(wanted.max_bytes, 0))),
      .end_offset = committed_only ? answer.last_stable_offset : answer.high_watermark,
      .at_least_one_batch = budget.at_least_one_batch,
      .no_wait = !may_block};
  OTTLA_TRY(storage::FetchData data, log.read(wanted.fetch_offset, options));
  if (data.would_block || (!may_block && !data.records.is_cached())) {
    reading.is_cold = true;
    // Its size is not known; what others may take is decided when all is read again.
  }
  if (data.records.length > 0) budget.at_least_one_batch = false;
  budget.bytes -= std::min(budget.bytes, data.records.length);
  if (committed_only && !reading.is_cold) {
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
  io_.post([self = shared_from_this(), readings = std::move(readings)] {
    for (std::size_t i = 0; i < readings.size(); ++i) {
      const Reading& reading = readings[i];
      if (!reading.is_cold) continue;
      if (reading.records.length > 0) {
        read_through(reading.records);
      } else if (const auto log = reading.partition->view().log) {
        // Not even the indexes were in memory: find the range here.
        const FetchPartition& wanted = self->request_.partitions[i];
        const auto data =
            log->read(wanted.fetch_offset,
                      {.max_bytes = static_cast<std::uint64_t>(std::max(wanted.max_bytes, 0))});
        if (data) read_through(data->records);
      }
    }
    self->on_.post([self] {
      self->is_warming_ = false;
      if (!self->is_answered_) self->evaluate(/*may_block=*/true);
    });
  });
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
    if (!self->is_warming_) self->evaluate(/*may_block=*/false);
  });
  // What happened between the reading and the watching was not heard. (A change of role is seen by
  // the next reading.)
  for (const Reading& reading : readings) {
    if (reading.partition->high_watermark() == reading.answer.high_watermark) continue;
    on_partition_changed(0, PartitionChange::HighWatermark);
    break;
  }
}

void DelayedFetch::answer(std::vector<Reading> readings) {
  is_answered_ = true;
  timer_.reset();
  stop_watching();
  FetchResult result;
  result.reserve(readings.size());
  for (Reading& reading : readings) {
    if (reading.records.length > 0) {
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

void DelayedFetch::stop_watching() {
  for (std::uint32_t token = 0; token < watched_.size(); ++token) {
    watched_[token]->unwatch(this, token);
  }
  watched_.clear();
}

}  // namespace ottla::replica
