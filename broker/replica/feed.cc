#include "broker/replica/feed.h"

#include <glog/logging.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "broker/storage/log.h"
#include "common/record/record_batch.h"

namespace ottla::replica {
namespace {

/// New offsets without records wait this long for records to travel with.
constexpr env::Duration kOffsetsDelay = std::chrono::milliseconds(2);
/// Cold reads of one feed at a time: bounds the memory that they hold.
constexpr int kMaxLoads = 4;
/// What the quota holds back is looked at again so soon at the earliest, and, since limits change,
/// so late at the latest.
constexpr env::Duration kShortestHold = std::chrono::milliseconds(5);
constexpr env::Duration kLongestHold = std::chrono::milliseconds(500);

/// The offset after the last batch in `records` (whole batches).
Result<Offset> end_of(ByteView records) {
  record::BatchIterator batches(records);
  Offset end = kUnknownOffset;
  while (true) {
    OTTLA_TRY(const auto batch, batches.next());
    if (!batch) return end;
    end = batch->next_offset();
  }
}

}  // namespace

Feed::Feed(const rpc::StreamHello& hello, std::unique_ptr<rpc::LeaderWriter> writer,
           std::shared_ptr<Source> source, std::shared_ptr<const ReplicasConfig> config,
           std::shared_ptr<quota::ReplicationQuotas> quotas, env::Clock& clock, env::Executor& loop,
           std::shared_ptr<storage::ColdReads> cold_reads)
    : hello_(hello),
      writer_(std::move(writer)),
      source_(std::move(source)),
      config_(std::move(config)),
      quotas_(std::move(quotas)),
      clock_(clock),
      loop_(loop),
      cold_reads_(std::move(cold_reads)),
      reader_("replica " + std::to_string(hello.follower.value())) {}

Feed::~Feed() = default;

void Feed::close() {
  if (closed_) return;
  closed_ = true;
  offsets_timer_.reset();
  held_timer_.reset();
  held_.clear();
  writer_.reset();
  for (auto& [id, fed] : fed_) {
    fed->partition->unwatch(this, id);
    fed->partition->follower_left(link(*fed));
  }
  fed_.clear();
  partitions_ = 0;
  ready_.clear();
  std::exchange(source_, nullptr)->feed_closed(*this);
}

void Feed::on_closed(Error cause) {
  if (closed_) return;
  LOG(INFO) << "Stream of follower " << hello_.follower << " (epoch " << hello_.follower_epoch
            << ") ended: " << cause;
  close();
}

void Feed::on_message(rpc::FollowerMessage message) {
  if (closed_) return;
  in_flight_bytes_ -= std::min(in_flight_bytes_.load(), message.consumed_bytes);
  for (const rpc::Progress& progress : message.progress) {
    const auto found = fed_.find(progress.id.value());
    if (found == fed_.end()) continue;
    if (auto request = found->second->partition->on_follower_progress(
            link(*found->second), progress.log_end_offset, progress.log_start_offset)) {
      source_->request_isr(std::move(*request));
    }
  }
  for (const rpc::FollowerMessage::Confirmation& confirmation : message.confirmed) {
    const auto found = fed_.find(confirmation.id.value());
    if (found == fed_.end()) continue;
    found->second->partition->on_follower_confirmed(link(*found->second), confirmation.question);
  }
  for (const rpc::SubscriptionId id : message.no_room) {
    const auto found = fed_.find(id.value());
    if (found == fed_.end()) continue;
    if (auto request = found->second->partition->on_follower_without_room(link(*found->second))) {
      source_->request_isr(std::move(*request));
    }
  }
  for (const rpc::SubscriptionId id : message.unsubscribe) drop(id.value());
  for (const rpc::Subscription& wanted : message.subscribe) subscribe(wanted);
  set_paused(message.pause, true);
  set_paused(message.resume, false);
  pump();
}

void Feed::subscribe(const rpc::Subscription& wanted) {
  const std::uint32_t id = wanted.id.value();
  if (fed_.contains(id))
    return;  // ids are used once; a follower that does not keep to it is ignored
  const std::shared_ptr<Partition> partition = source_->find(wanted);
  if (!partition) {
    refuse(id, ErrorCode::UnknownTopicId, urgent_);
    return;
  }
  // Watch first: what is appended from now on is heard.
  partition->watch(shared_from_this(), id,
                   (PartitionChange::LogEnd | PartitionChange::HighWatermark) |
                       static_cast<std::uint8_t>(PartitionChange::Question));
  if (const auto refusal = partition->admit_follower(hello_, this, wanted)) {
    partition->unwatch(this, id);
    urgent_.partitions.push_back({.id = wanted.id,
                                  .error = refusal->error,
                                  .log_start_offset = refusal->log_start_offset,
                                  .log_end_offset = refusal->log_end_offset,
                                  .divergence = refusal->divergence,
                                  .records = {}});
    return;
  }
  auto fed = std::make_unique<Fed>();
  fed->partition = partition;
  fed->epoch = wanted.current_leader_epoch;
  fed->next_offset = wanted.fetch_offset;
  Fed& added = *fed;
  fed_.emplace(id, std::move(fed));
  partitions_ = fed_.size();
  make_ready(id, added);
  ask(id, added);
  if (!added.offsets_changed) {
    added.offsets_changed = true;
    changed_.push_back(id);
  }
  // Its position is its log end offset: it passed the check of epochs.
  if (auto request = partition->on_follower_progress(link(added), wanted.fetch_offset,
                                                     wanted.log_start_offset)) {
    source_->request_isr(std::move(*request));
  }
}

void Feed::drop(std::uint32_t id) {
  const auto found = fed_.find(id);
  if (found == fed_.end()) return;
  const std::unique_ptr<Fed> fed = std::move(found->second);
  fed_.erase(found);  // ready_ and changed_ skip ids that are gone
  partitions_ = fed_.size();
  fed->partition->unwatch(this, id);
  fed->partition->follower_left(link(*fed));
}

void Feed::refuse(std::uint32_t id, ErrorCode error, rpc::LeaderMessage& message) {
  message.partitions.push_back({.id = rpc::SubscriptionId(id), .error = error, .records = {}});
}

void Feed::on_partition_changed(std::uint32_t token, PartitionChange change) {
  {
    MutexLock lock(dirty_mutex_);
    dirty_[token] |= static_cast<std::uint8_t>(change);
    if (wake_posted_) return;
    wake_posted_ = true;
  }
  loop_.post([self = shared_from_this()] {
    if (!self->closed_) self->pump();
  });
}

void Feed::take_dirty() {
  std::map<std::uint32_t, std::uint8_t> dirty;
  {
    MutexLock lock(dirty_mutex_);
    wake_posted_ = false;
    dirty.swap(dirty_);
  }
  for (const auto& [id, changes] : dirty) {
    const auto found = fed_.find(id);
    if (found == fed_.end()) continue;
    Fed& fed = *found->second;
    if (changes & PartitionChange::Role) fed.is_loading = false;
    if ((changes & PartitionChange::LogEnd) || (changes & PartitionChange::Role)) {
      make_ready(id, fed);
    }
    if (changes & PartitionChange::Question) ask(id, fed);
    if ((changes & PartitionChange::HighWatermark) && !fed.offsets_changed) {
      fed.offsets_changed = true;
      changed_.push_back(id);
    }
  }
}

void Feed::make_ready(std::uint32_t id, Fed& fed) {
  if (fed.is_ready || fed.is_loading || fed.is_held) return;
  fed.is_ready = true;
  ready_.push_back(id);
}

void Feed::pump() {
  take_dirty();
  while (true) {
    rpc::LeaderMessage message = gather();
    if (message.partitions.empty()) break;
    in_flight_bytes_ += record_bytes(message);
    writer_->send(std::move(message));
  }
  note_withheld();
  if (!changed_.empty()) send_offsets_soon();
}

/// What is ready still is kept back by the closed window. Its partitions may wait for this follower
/// as long as it makes progress, and no longer.
void Feed::note_withheld() {
  for (const std::uint32_t id : ready_) {
    const auto found = fed_.find(id);
    if (found == fed_.end() || std::exchange(found->second->is_withheld, true)) continue;
    found->second->partition->note_withheld(link(*found->second));
  }
}

rpc::LeaderMessage Feed::gather() {
  rpc::LeaderMessage message = std::exchange(urgent_, {});
  std::uint64_t bytes = 0;
  while (!ready_.empty() && in_flight_bytes_ + bytes < config_->stream_window_bytes) {
    const std::uint32_t id = ready_.front();
    ready_.pop_front();
    if (!add(id, message, bytes)) break;
  }
  return message;
}

bool Feed::add(std::uint32_t id, rpc::LeaderMessage& message, std::uint64_t& bytes) {
  const auto found = fed_.find(id);
  if (found == fed_.end()) return true;
  Fed& fed = *found->second;
  fed.is_ready = false;
  fed.is_withheld = false;

  const auto access = fed.partition->read_access(fed.epoch, /*leader_only=*/true);
  if (!access) {
    refuse(id, access.error().code(), message);
    drop(id);
    return true;
  }
  if (fed.loaded) {
    add_records(id, fed, *access, std::move(fed.loaded), message, bytes);
    return bytes < config_->stream_message_bytes;
  }
  if (fed.next_offset >= access->log->log_end_offset()) return true;

  const auto allowed = allowance(id, fed);
  if (!allowed) return true;
  fed.load_bytes = std::min(config_->stream_message_bytes, *allowed);
  const storage::ReadOptions options{
      .max_bytes = std::min(config_->stream_message_bytes - bytes, *allowed),
      .at_least_one_batch = bytes == 0,
      .whole_batches = true,
      .no_wait = true};
  const auto data = access->log->read(fed.next_offset, options);
  if (!data) {
    refuse(id, data.error().code(), message);
    drop(id);
    return true;
  }
  if (data->would_block) {
    load(id, fed);
    return true;
  }
  if (data->records.length == 0) {
    // The first batch does not fit behind what is there: it opens the next message.
    if (bytes == 0) return true;
    fed.is_ready = true;
    ready_.push_front(id);
    return false;
  }
  if (cold_reads_->take_ahead(data->records)) cold_reads_->read_ahead(reader_, data->records);
  auto records = storage::read_slice(data->records);
  if (!records) {
    refuse(id, records.error().code(), message);
    drop(id);
    return true;
  }
  add_records(id, fed, *access, *std::move(records), message, bytes);
  return bytes < config_->stream_message_bytes;
}

void Feed::add_records(std::uint32_t id, Fed& fed, const Partition::ReadAccess& access,
                       SharedBuffer records, rpc::LeaderMessage& message, std::uint64_t& bytes) {
  const auto end = end_of(records->bytes());
  if (!end || *end == kUnknownOffset) {
    LOG(ERROR) << '[' << fed.partition->name() << "] the log is damaged at offset "
               << fed.next_offset << ": follower " << hello_.follower << " cannot be fed";
    refuse(id, ErrorCode::CorruptMessage, message);
    drop(id);
    return;
  }
  fed.next_offset = *end;
  fed.partition->note_sent(link(fed), *end);
  fed.sent_high_watermark = fed.partition->high_watermark();
  fed.sent_log_start = access.log->log_start_offset();
  bytes += records->size();
  fed.partition->count_replicated(hello_.follower, records->size());
  if (fed.is_counted) quotas_->leader.record(records->size(), clock_.now());
  rpc::PartitionPush push{.id = rpc::SubscriptionId(id),
                          .high_watermark = fed.sent_high_watermark,
                          .log_start_offset = fed.sent_log_start,
                          .log_end_offset = access.log->log_end_offset(),
                          .records = {}};
  const ByteView view = records->bytes();
  push.records.push_back({std::move(records), view});
  message.partitions.push_back(std::move(push));
  if (fed.next_offset < access.log->log_end_offset()) make_ready(id, fed);
}

std::optional<std::uint64_t> Feed::allowance(std::uint32_t id, Fed& fed) {
  constexpr auto kAll = std::numeric_limits<std::uint64_t>::max();
  fed.is_counted = false;
  if (!fed.is_paused && !quotas_->leader.is_limited()) return kAll;
  const Partition::Throttling throttling = fed.partition->throttling(hello_.follower);
  if (throttling.in_sync) return kAll;
  if (fed.is_paused) return std::nullopt;  // until the follower resumes it
  if (!throttling.by_leader) return kAll;
  const env::MonotonicTime now = clock_.now();
  const env::Duration delay = quotas_->leader.delay(now);
  if (delay > env::Duration::zero()) {
    hold_back(id, fed, delay);
    return std::nullopt;
  }
  fed.is_counted = true;
  return quotas_->leader.allowance(now);
}

void Feed::hold_back(std::uint32_t id, Fed& fed, env::Duration delay) {
  fed.is_held = true;
  held_.push_back(id);
  if (held_timer_) return;
  held_timer_ =
      loop_.post_after(std::clamp(delay, kShortestHold, kLongestHold), [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->release_held();
      });
}

void Feed::release_held() {
  held_timer_.reset();
  if (closed_) return;
  for (const std::uint32_t id : std::exchange(held_, {})) {
    const auto found = fed_.find(id);
    if (found == fed_.end()) continue;
    found->second->is_held = false;
    make_ready(id, *found->second);
  }
  pump();
}

void Feed::set_paused(const std::vector<rpc::SubscriptionId>& ids, bool is_paused) {
  for (const rpc::SubscriptionId id : ids) {
    const auto found = fed_.find(id.value());
    if (found == fed_.end()) continue;
    found->second->is_paused = is_paused;
    if (!is_paused) make_ready(id.value(), *found->second);
  }
}

void Feed::load(std::uint32_t id, Fed& fed) {
  fed.is_loading = true;
  if (loads_ >= kMaxLoads) {
    waiting_to_load_.push_back(id);
    return;
  }
  const std::shared_ptr<storage::Log> log = fed.partition->view().log;
  if (!log) return;  // offline by now: the change of role is on its way to us
  ++loads_;
  cold_reads_->post(reader_, [self = shared_from_this(), id, log, offset = fed.next_offset,
                              most = fed.load_bytes] {
    self->loop_.post([self, id, records = self->read_cold(*log, offset, most)]() mutable {
      self->on_loaded(id, std::move(records));
    });
    return false;
  });
}

/// On the I/O pool: one message's worth, and in the background what the next one will need.
Result<SharedBuffer> Feed::read_cold(const storage::Log& log, Offset offset,
                                     std::uint64_t most_bytes) const {
  OTTLA_TRY(const storage::FetchData data,
            log.read(offset, {.max_bytes = most_bytes, .whole_batches = true}));
  storage::FileSlice rest = data.records;
  while (rest.length > 0) {
    const std::uint64_t done = cold_reads_->bring(rest);
    if (done == 0) break;
    rest.position += done;
    rest.length -= done;
  }
  cold_reads_->read_ahead(reader_, data.records);
  return storage::read_slice(data.records);
}

void Feed::on_loaded(std::uint32_t id, Result<SharedBuffer> records) {
  --loads_;
  if (closed_) return;
  const auto found = fed_.find(id);
  if (found != fed_.end()) {
    Fed& fed = *found->second;
    fed.is_loading = false;
    if (!records) {
      refuse(id, records.error().code(), urgent_);
      drop(id);
    } else {
      if ((*records)->size() > 0) fed.loaded = *std::move(records);
      make_ready(id, fed);
    }
  }
  while (loads_ < kMaxLoads && !waiting_to_load_.empty()) {
    const std::uint32_t next = waiting_to_load_.front();
    waiting_to_load_.pop_front();
    const auto waiting = fed_.find(next);
    if (waiting != fed_.end()) load(next, *waiting->second);
  }
  pump();
}

void Feed::ask(std::uint32_t id, Fed& fed) {
  const std::uint64_t question = fed.partition->open_question();
  if (question <= fed.asked) return;
  const auto access = fed.partition->read_access(fed.epoch, /*leader_only=*/true);
  if (!access) return;  // the change of role has marked it ready; `add` tells the follower
  fed.asked = question;
  urgent_.partitions.push_back({.id = rpc::SubscriptionId(id),
                                .high_watermark = access->high_watermark,
                                .log_start_offset = access->log->log_start_offset(),
                                .log_end_offset = access->log->log_end_offset(),
                                .confirm = question,
                                .records = {}});
}

void Feed::send_offsets_soon() {
  if (offsets_timer_) return;
  offsets_timer_ = loop_.post_after(kOffsetsDelay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->send_offsets();
  });
}

void Feed::send_offsets() {
  if (closed_) return;
  offsets_timer_.reset();
  rpc::LeaderMessage message;
  for (const std::uint32_t id : std::exchange(changed_, {})) {
    const auto found = fed_.find(id);
    if (found == fed_.end()) continue;
    Fed& fed = *found->second;
    fed.offsets_changed = false;
    const auto access = fed.partition->read_access(fed.epoch, /*leader_only=*/true);
    if (!access) continue;  // the change of role has marked it ready; `add` tells the follower
    const Offset log_start = access->log->log_start_offset();
    if (access->high_watermark == fed.sent_high_watermark && log_start == fed.sent_log_start) {
      continue;  // went with records
    }
    fed.sent_high_watermark = access->high_watermark;
    fed.sent_log_start = log_start;
    message.partitions.push_back({.id = rpc::SubscriptionId(id),
                                  .high_watermark = access->high_watermark,
                                  .log_start_offset = log_start,
                                  .log_end_offset = access->log->log_end_offset(),
                                  .records = {}});
  }
  if (!message.partitions.empty()) writer_->send(std::move(message));
}

}  // namespace ottla::replica
