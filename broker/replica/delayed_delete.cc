#include "broker/replica/delayed_delete.h"

#include <utility>

namespace ottla::replica {

DelayedDelete::DelayedDelete(std::vector<DeleteRecordsQuery> queries,
                             std::shared_ptr<const PartitionLookup> lookup, env::Executor& on,
                             Callback<std::vector<DeletedRecords>> done)
    : queries_(std::move(queries)), lookup_(std::move(lookup)), on_(on), done_(std::move(done)) {}

void DelayedDelete::start(env::Duration timeout) {
  for (std::uint32_t token = 0; token < queries_.size(); ++token) {
    const DeleteRecordsQuery& query = queries_[token];
    answers_.push_back({.partition = query.partition});
    targets_.push_back({});
    const auto partition = lookup_->lookup(query.partition);
    const auto raised = partition ? (*partition)->raise_log_start_offset(query.offset)
                                  : Result<Offset>(fail(partition.error()));
    if (!raised) {
      answers_.back().error = raised.error().code();
      continue;
    }
    targets_.back() = {*partition, *raised};
    (*partition)
        ->watch(shared_from_this(), token,
                static_cast<std::uint8_t>(PartitionChange::HighWatermark));
  }
  timer_ = on_.post_after(timeout, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->evaluate(/*is_over=*/true);
  });
  evaluate(/*is_over=*/false);
}

void DelayedDelete::on_partition_changed(std::uint32_t, PartitionChange) {
  if (wake_posted_.exchange(true, std::memory_order_acq_rel)) return;
  on_.post([self = shared_from_this()] {
    self->wake_posted_.store(false, std::memory_order_release);
    self->evaluate(/*is_over=*/false);
  });
}

void DelayedDelete::evaluate(bool is_over) {
  if (is_answered_) return;
  bool all_decided = true;
  for (std::uint32_t token = 0; token < targets_.size(); ++token) {
    Target& target = targets_[token];
    if (!target.partition) continue;
    const Result<Offset> low = target.partition->low_watermark();
    DeletedRecords& answer = answers_[token];
    if (!low) {
      answer.error = low.error().code();
    } else if (*low >= target.offset) {
      answer.low_watermark = *low;
    } else if (is_over) {
      answer.error = ErrorCode::RequestTimedOut;
    } else {
      all_decided = false;
      continue;
    }
    target.partition->unwatch(this, token);
    target.partition.reset();
  }
  if (!all_decided) return;
  is_answered_ = true;
  timer_.reset();
  std::move(done_)(std::move(answers_));
}

}  // namespace ottla::replica
