#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/replica/partition.h"
#include "broker/replica/partition_calls.h"
#include "broker/replica/truncation.h"

namespace ottla::replica {

// As follower.

Result<std::shared_ptr<storage::Log>> Partition::followers_log(LeaderEpoch epoch) const {
  MutexLock lock(state_mutex_);
  if (role_ == Role::Offline) return fail(offline_reason_);
  if (role_ != Role::Follower || leader_epoch_ != epoch) {
    return fail(ErrorCode::NotLeaderOrFollower);
  }
  return log_;
}

std::optional<std::int64_t> Partition::behind_leader() const {
  MutexLock lock(state_mutex_);
  if (role_ != Role::Follower || !log_) return std::nullopt;
  const std::int64_t end = leader_end_.load(std::memory_order_relaxed);
  return std::max<std::int64_t>(0, end - log_->log_end_offset().value());
}

Result<Partition::FetchStart> Partition::fetch_start(LeaderEpoch epoch) const {
  OTTLA_TRY(const std::shared_ptr<storage::Log> log, followers_log(epoch));
  const Offset end = log->log_end_offset();
  const Offset start = log->log_start_offset();
  // The epoch of the last record, not the newest one that began: a leader that appended nothing in
  // its epoch has an epoch without records.
  const LeaderEpoch last =
      end > start ? log->leader_epoch_of(Offset(end.value() - 1)) : kUnknownLeaderEpoch;
  return FetchStart{end, last, start};
}

Result<Partition::Extent> Partition::append_as_follower(LeaderEpoch epoch,
                                                        std::span<const ByteView> batches,
                                                        Offset leader_high_watermark,
                                                        Offset leader_log_start) {
  Calls calls;
  Extent extent;
  {
    MutexLock appends(append_mutex_);
    OTTLA_TRY(const std::shared_ptr<storage::Log> log, followers_log(epoch));
    if (!batches.empty()) {
      OTTLA_TRY(const storage::AppendInfo info, log->append_as_follower(batches));
      (void)info;  // the log end offset below says the same
    }
    const Offset end = log->log_end_offset();
    MutexLock lock(state_mutex_);
    // A new leader may not know yet what was committed before it: the high watermark stays.
    const Offset next = std::max(high_watermark(), std::min(leader_high_watermark, end));
    if (next != high_watermark()) {
      raise_high_watermark(next, *log);
      collect(PartitionChange::HighWatermark, calls);
    }
    const Offset new_start = std::min(leader_log_start, next);
    if (new_start > log->log_start_offset()) {
      lock.unlock();
      const Result<bool> raised = log->raise_log_start_offset(new_start, next);
      lock.lock();
      if (!raised) return fail(raised.error());
    }
    extent = {log->log_start_offset(), end};
  }
  calls.make();
  return extent;
}

/// Before a cut, as a cut may fail halfway (a full disk): a high watermark above the log's end
/// would let the next records be read before they are committed.
void Partition::lower_high_watermark(Offset cut) {
  MutexLock lock(state_mutex_);
  set_high_watermark(std::min(high_watermark(), cut));
}

/// W6: what readers have seen, or clients may have been promised before an unclean election, is set
/// aside before it is cut, and told. A cut for which there is no room is made all the same: the
/// replica must agree with its leader.
void Partition::keep_what_counts(const storage::Log& log, Offset cut, LeaderEpoch epoch) {
  const Offset readable = high_watermark();
  {
    MutexLock lock(state_mutex_);
    if (cut >= readable && !is_recovering_) return;
  }
  if (cut >= log.log_end_offset()) return;
  const auto kept = log.keep_aside(cut, epoch);
  const std::int64_t lost = std::max<std::int64_t>(readable - cut, 0);
  context_->readable_records_cut += lost;
  LOG(ERROR) << '[' << name_ << "] offsets " << cut << " to " << log.log_end_offset()
             << " are cut, " << lost << " of them were readable: the leader of epoch " << epoch
             << " does not have them (unclean election)";
  if (!kept) {
    LOG(ERROR) << '[' << name_ << "] nothing of them is kept: " << kept.error();
  } else if (!kept->path.empty()) {
    LOG(ERROR) << '[' << name_ << "] kept aside: " << kept->records << " records, offsets "
               << kept->from << " to " << kept->to << ", in " << kept->path;
  }
  MutexLock lock(state_mutex_);
  last_cut_ =
      std::make_unique<const CutNote>(CutNote{.at = context_->clock.now(),
                                              .from = cut,
                                              .to = log.log_end_offset(),
                                              .readable = lost,
                                              .leader_epoch = epoch,
                                              .kept_in = kept ? kept->path : std::string()});
}

Result<bool> Partition::truncate_to_leader(LeaderEpoch epoch,
                                           rpc::PartitionPush::Divergence divergence) {
  MutexLock appends(append_mutex_);
  OTTLA_TRY(const std::shared_ptr<storage::Log> log, followers_log(epoch));
  const storage::EpochEndOffset own = divergence.leader_epoch == kUnknownLeaderEpoch
                                          ? storage::EpochEndOffset{}
                                          : log->end_offset_for_epoch(divergence.leader_epoch);
  const Offset end = log->log_end_offset();
  const TruncationPoint point = truncation_point({divergence.leader_epoch, divergence.end_offset},
                                                 own, high_watermark(), end);
  const Offset cut = std::max(point.offset, log->log_start_offset());
  LOG(INFO) << '[' << name_ << "] truncates from " << end << " to " << cut << ", leader epoch "
            << epoch << ": the leader's epoch " << divergence.leader_epoch << " ends at "
            << divergence.end_offset;
  keep_what_counts(*log, cut, epoch);
  lower_high_watermark(cut);
  OTTLA_TRY(const bool truncated, log->truncate_to(cut));
  (void)truncated;
  return point.compare_again;
}

Result<> Partition::leave_out_of_range(LeaderEpoch epoch, Offset leader_log_start,
                                       Offset leader_log_end) {
  MutexLock appends(append_mutex_);
  OTTLA_TRY(const std::shared_ptr<storage::Log> log, followers_log(epoch));
  const OutOfRangeRemedy remedy = out_of_range_remedy(
      log->log_start_offset(), log->log_end_offset(), leader_log_start, leader_log_end);
  LOG(WARNING) << '[' << name_ << "] own offsets " << log->log_start_offset() << " to "
               << log->log_end_offset() << " are outside the leader's, " << leader_log_start
               << " to " << leader_log_end << ": goes on from " << remedy.offset;
  if (remedy.kind == OutOfRangeRemedy::Kind::TruncateTo) {
    keep_what_counts(*log, remedy.offset, epoch);
  }
  lower_high_watermark(remedy.offset);
  if (remedy.kind == OutOfRangeRemedy::Kind::TruncateTo) {
    OTTLA_TRY(const bool truncated, log->truncate_to(remedy.offset));
    (void)truncated;
  } else {
    OTTLA_TRY_VOID(log->truncate_fully_and_start_at(remedy.offset));
  }
  MutexLock lock(state_mutex_);
  set_high_watermark(std::clamp(high_watermark(), log->log_start_offset(), log->log_end_offset()));
  return {};
}

}  // namespace ottla::replica
