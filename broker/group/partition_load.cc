#include "broker/group/partition_load.h"

#include <glog/logging.h>

#include <utility>

namespace ottla::group {

PartitionLoad::PartitionLoad(std::shared_ptr<storage::Log> log, Options options,
                             env::Executor& io_pool)
    : options_(options),
      io_pool_(io_pool),
      walk_(std::make_shared<storage::LogWalk>(std::move(log), options.buffer_bytes, options.torn,
                                               options.end)) {}

void PartitionLoad::start(Callback<Result<Outcome>> done) {
  done_ = std::move(done);
  io_pool_.post([self = shared_from_this()] { self->begin(); });
}

void PartitionLoad::begin() {
  auto snapshot =
      options_.files == nullptr ? std::nullopt : read_snapshot(*options_.files, walk_->log());
  if (snapshot && snapshot->end <= walk_->end()) {
    if (const auto restored = loader_.restore(snapshot->entries)) {
      snapshot_end_ = snapshot->end;
      walk_->skip_to(snapshot_end_);
    } else {
      LOG(ERROR) << "[" << walk_->log().partition()
                 << "] the snapshot of its groups is not understood: " << restored.error();
      loader_ = GroupLoader();
    }
  }
  storage::walk_in_turns(
      walk_,
      [self = shared_from_this()](const record::RecordBatchView& batch) {
        self->loader_.add(batch);
      },
      io_pool_, options_.pause,
      [self = shared_from_this()](const Result<storage::Walked>& walked) {
        std::move(self->done_)(walked ? self->finish() : fail(walked.error()));
      });
}

Result<PartitionLoad::Outcome> PartitionLoad::finish() {
  Outcome outcome{.walked = walk_->outcome(),
                  .groups = {},
                  .ended = {},
                  .records = loader_.records(),
                  .unreadable = loader_.unreadable(),
                  .snapshot_end = snapshot_end_};
  if (!options_.makes_snapshot) {
    outcome.groups = loader_.finish();
    outcome.ended = loader_.finish_ended();
    return outcome;
  }
  OTTLA_TRY(auto entries, loader_.entries());
  outcome.snapshot = GroupSnapshot{.end = walk_->end(),
                                   .last_epoch = walk_->log().leader_epoch_of(walk_->end() + -1),
                                   .log_start_offset = walk_->log().log_start_offset(),
                                   .entries = std::move(entries)};
  return outcome;
}

}  // namespace ottla::group
