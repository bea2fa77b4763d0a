#include "broker/group/snapshot_keeper.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"

namespace ottla::group {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBetweenLooks{1'000};
/// 1 MiB every 20 ms: 50 MiB/s at most.
constexpr std::uint64_t kBufferBytes = 1 << 20;
constexpr milliseconds kPause{20};

}  // namespace

bool is_snapshot_due(const SnapshotRules& rules, std::int64_t records_behind,
                     env::Duration since_last) {
  if (records_behind >= rules.many_records) return true;
  return records_behind >= rules.few_records && since_last >= rules.interval;
}

SnapshotKeeper::SnapshotKeeper(SnapshotRules rules, Dependencies dependencies)
    : rules_(rules), with_(std::move(dependencies)) {}

void SnapshotKeeper::start(replica::Replicas& replicas) {
  replicas_ = &replicas;
  look_later();
}

void SnapshotKeeper::stop() {
  stopped_ = true;
  timer_.reset();
}

void SnapshotKeeper::look_later() {
  if (stopped_) return;
  timer_ = with_.loop.post_after(kBetweenLooks, [self = shared_from_this()] { self->look(); });
}

void SnapshotKeeper::look() {
  if (stopped_) return;
  const std::int32_t count = with_.partition_count();
  for (std::int32_t partition = 0; partition < count && !is_making_; ++partition) {
    const auto held = replicas_->partition({kOffsetsTopic, partition});
    const auto log = held ? held->view().log : nullptr;
    if (!log) continue;
    const Offset committed = std::min(held->high_watermark(), log->log_end_offset());
    Known& known = known_[partition];
    // What an earlier process left is found by the first load; it counts as old.
    if (known.log.lock() != log) {
      known = {log, log->log_start_offset(), with_.clock.now() - rules_.interval};
    }
    if (is_snapshot_due(rules_, committed - known.end, with_.clock.now() - known.made)) {
      make(partition, log, committed);
    }
  }
  look_later();
}

void SnapshotKeeper::make(std::int32_t partition, const std::shared_ptr<storage::Log>& log,
                          Offset end) {
  is_making_ = true;
  const auto reading =
      std::make_shared<PartitionLoad>(log,
                                      PartitionLoad::Options{.buffer_bytes = kBufferBytes,
                                                             .files = &with_.files,
                                                             .end = end,
                                                             .makes_snapshot = true,
                                                             .pause = kPause},
                                      with_.io_pool);
  reading->start([self = shared_from_this(), partition, log,
                  end](const Result<PartitionLoad::Outcome>& outcome) {
    Offset reached = end;  // without success: tried again when as much has come again
    if (outcome) reached = self->write(*log, *outcome);
    self->with_.loop.post([self, partition, log, reached] { self->made(partition, log, reached); });
  });
}

Offset SnapshotKeeper::write(storage::Log& log, const PartitionLoad::Outcome& outcome) const {
  const Offset before = outcome.snapshot_end;
  if (before != kUnknownOffset && outcome.walked.end - before < rules_.few_records) return before;
  // Of a log that was cut or begun anew meanwhile.
  if (!outcome.snapshot || !is_of(*outcome.snapshot, log)) return outcome.walked.end;
  const auto written = write_snapshot(with_.files, log, *outcome.snapshot);
  if (!written) {
    LOG(WARNING) << "[" << log.partition() << "] no snapshot of its groups: " << written.error();
    // The directory may have got another name meanwhile.
    if (env::io_error_kind(written.error()) != env::IoErrorKind::NotFound) {
      (void)log.report(written.error());
    }
    return outcome.walked.end;
  }
  VLOG(1) << "[" << log.partition() << "] snapshot of its groups up to offset "
          << outcome.walked.end << ", " << outcome.snapshot->entries.size() << " entries, "
          << outcome.records << " records since the last one";
  return outcome.walked.end;
}

void SnapshotKeeper::made(std::int32_t partition, const std::shared_ptr<storage::Log>& log,
                          Offset end) {
  is_making_ = false;
  known_[partition] = {log, end, with_.clock.now()};
}

}  // namespace ottla::group
