#include "broker/group/partition_load.h"

#include <algorithm>
#include <utility>

#include "common/record/record_batch.h"

namespace ottla::group {
namespace {

/// Where the log goes on behind these batches.
Result<Offset> end_of(ByteView batches, Offset otherwise) {
  record::BatchIterator iterator(batches);
  Offset end = otherwise;
  while (true) {
    OTTLA_TRY(const auto batch, iterator.next());
    if (!batch) return end;
    end = batch->next_offset();
  }
}

}  // namespace

PartitionLoad::PartitionLoad(std::shared_ptr<storage::Log> log, std::uint64_t buffer_bytes,
                             env::Executor& io_pool)
    : log_(std::move(log)), buffer_bytes_(buffer_bytes), io_pool_(io_pool) {}

void PartitionLoad::start(Callback<Result<Outcome>> done) {
  done_ = std::move(done);
  next_ = log_->log_start_offset();
  end_ = log_->log_end_offset();
  io_pool_.post([self = shared_from_this()] { self->read_on(); });
}

void PartitionLoad::read_on() {
  const auto more = read_some();
  if (!more) return std::move(done_)(fail(more.error()));
  if (*more) return io_pool_.post([self = shared_from_this()] { self->read_on(); });
  Outcome outcome{.groups = loader_.finish(),
                  .end = end_,
                  .records = loader_.records(),
                  .unreadable = loader_.unreadable()};
  std::move(done_)(std::move(outcome));
}

Result<bool> PartitionLoad::read_some() {
  // The cleaner and retention may remove what stands before our place.
  next_ = std::max(next_, log_->log_start_offset());
  if (next_ >= end_) return false;
  OTTLA_TRY(const storage::FetchData data, log_->read(next_, {.max_bytes = buffer_bytes_,
                                                              .end_offset = end_,
                                                              .at_least_one_batch = true,
                                                              .whole_batches = true}));
  if (data.records.length == 0) return false;
  OTTLA_TRY(const SharedBuffer bytes, storage::read_slice(data.records));
  OTTLA_TRY_VOID(loader_.add(bytes->bytes()));
  OTTLA_TRY(const Offset next, end_of(bytes->bytes(), next_));
  if (next <= next_) return fail(ErrorCode::CorruptMessage, "the log does not go on");
  next_ = next;
  return true;
}

}  // namespace ottla::group
