#include "broker/group/partition_load.h"

#include <glog/logging.h>

#include <utility>

namespace ottla::group {

PartitionLoad::PartitionLoad(std::shared_ptr<storage::Log> log, Options options,
                             env::Executor& io_pool)
    : options_(options),
      io_pool_(io_pool),
      walk_(std::move(log), options.buffer_bytes, options.torn, options.end) {}

void PartitionLoad::start(Callback<Result<Outcome>> done) {
  done_ = std::move(done);
  io_pool_.post([self = shared_from_this()] { self->begin(); });
}

void PartitionLoad::begin() {
  auto snapshot =
      options_.files == nullptr ? std::nullopt : read_snapshot(*options_.files, walk_.log());
  if (snapshot && snapshot->end <= walk_.end()) {
    if (const auto restored = loader_.restore(snapshot->entries)) {
      snapshot_end_ = snapshot->end;
      walk_.skip_to(snapshot_end_);
    } else {
      LOG(ERROR) << "[" << walk_.log().partition()
                 << "] the snapshot of its groups is not understood: " << restored.error();
      loader_ = GroupLoader();
    }
  }
  go_on();
}

void PartitionLoad::go_on() {
  auto step = [self = shared_from_this()] { self->read_on(); };
  if (options_.pause.count() == 0) return io_pool_.post(std::move(step));
  timer_ = io_pool_.post_after(options_.pause, std::move(step));
}

void PartitionLoad::read_on() {
  const auto more =
      walk_.read_some([this](const record::RecordBatchView& batch) { loader_.add(batch); });
  if (more && *more) return go_on();
  if (more) return std::move(done_)(finish());
  if (more.error().code() == ErrorCode::KafkaStorageError) (void)walk_.log().report(more.error());
  std::move(done_)(fail(more.error()));
}

Result<PartitionLoad::Outcome> PartitionLoad::finish() {
  Outcome outcome{.groups = {},
                  .ended = {},
                  .end = walk_.end(),
                  .records = loader_.records(),
                  .unreadable = loader_.unreadable() + walk_.damaged_batches(),
                  .torn_segments = walk_.torn_segments(),
                  .snapshot_end = snapshot_end_};
  if (!options_.makes_snapshot) {
    outcome.groups = loader_.finish();
    outcome.ended = loader_.finish_ended();
    return outcome;
  }
  OTTLA_TRY(auto entries, loader_.entries());
  outcome.snapshot = GroupSnapshot{.end = walk_.end(),
                                   .last_epoch = walk_.log().leader_epoch_of(walk_.end() + -1),
                                   .log_start_offset = walk_.log().log_start_offset(),
                                   .entries = std::move(entries)};
  return outcome;
}

}  // namespace ottla::group
