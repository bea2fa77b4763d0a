#include "broker/transaction/transitions.h"

#include <algorithm>

#include <glog/logging.h>

namespace ottla::transaction {
namespace {

/// The id is this one's, or the one before, whose last epoch asks again.
bool knows(const TransactionImage& image, const Producer& expected) {
  return image.producer_epoch == kNoProducerEpoch || expected.id == image.producer_id ||
         (expected.id == image.previous_producer_id && is_exhausted(expected.epoch));
}

TransactionImage emptied(const TransactionImage& image, std::int32_t timeout_ms,
                         env::WallTimeMs now) {
  TransactionImage next = image;
  next.state = TransactionState::Empty;
  next.timeout_ms = timeout_ms;
  next.partitions.clear();
  next.last_update = now;
  next.next_producer_id = kNoProducerId;
  next.epoch_rose_at_end = false;
  return next;
}

TransactionImage with_fresh_id(const TransactionImage& image, ProducerId fresh) {
  TransactionImage next = image;
  next.previous_producer_id = image.producer_id;
  next.producer_id = fresh;
  next.producer_epoch = ProducerEpoch(0);
  return next;
}

TransactionImage prepared(const TransactionImage& image, TransactionState state,
                          env::WallTimeMs now) {
  TransactionImage next = image;
  next.state = state;
  next.last_update = now;
  if (is_at_rest(image.state)) next.start_time = now;
  return next;
}

}  // namespace

Result<std::variant<TransactionImage, NeedsProducerId, Fence>> init_producer(
    const TransactionImage& image, const std::optional<Producer>& expected,
    const std::optional<ProducerId>& fresh, std::int32_t timeout_ms, env::WallTimeMs now) {
  if (expected && !knows(image, *expected)) return fail(ErrorCode::ProducerFenced);
  if (is_ending(image.state)) return fail(ErrorCode::ConcurrentTransactions);
  const bool is_new = image.producer_epoch == kNoProducerEpoch;
  const bool is_current = !expected || is_new || expected->epoch == image.producer_epoch;
  if (image.state == TransactionState::Ongoing) {
    // Kafka lets an old epoch abort the transaction of its successor here; it is a zombie's.
    if (!is_current) return fail(ErrorCode::ProducerFenced);
    return Fence{};
  }
  TransactionImage next = emptied(image, timeout_ms, now);
  if (is_current && is_exhausted(image.producer_epoch)) {
    if (!fresh) return NeedsProducerId{};
    next = with_fresh_id(next, *fresh);
    next.last_producer_epoch = expected ? image.producer_epoch : kNoProducerEpoch;
    return next;
  }
  if (is_current) {
    next.producer_epoch = image.producer_epoch.next();
    next.last_producer_epoch = expected ? image.producer_epoch : kNoProducerEpoch;
    return next;
  }
  // The answer to its first request was lost.
  if (expected->epoch == image.last_producer_epoch) return next;
  return fail(ErrorCode::ProducerFenced);
}

Result<> check_producer(const TransactionImage& image, const Producer& producer) {
  if (producer.id != image.producer_id) return fail(ErrorCode::InvalidProducerIdMapping);
  if (producer.epoch != image.producer_epoch) return fail(ErrorCode::ProducerFenced);
  return {};
}

bool is_next_producer(const TransactionImage& image, const Producer& producer) {
  return image.next_producer_id != kNoProducerId &&
         producer == Producer{image.next_producer_id, ProducerEpoch(0)};
}

Result<std::variant<TransactionImage, Unchanged>> add_partitions(
    const TransactionImage& image, const std::set<TopicPartition>& partitions,
    env::WallTimeMs now) {
  if (is_ending(image.state)) return fail(ErrorCode::ConcurrentTransactions);
  const bool is_ongoing = image.state == TransactionState::Ongoing;
  if (is_ongoing && std::ranges::includes(image.partitions, partitions)) return Unchanged{};
  TransactionImage next = image;
  if (!is_ongoing) {
    next.state = TransactionState::Ongoing;
    next.start_time = now;
    next.partitions.clear();
    next.epoch_rose_at_end = false;
  }
  next.partitions.insert(partitions.begin(), partitions.end());
  next.last_update = now;
  return next;
}

bool repeats_end(const TransactionImage& image, const Producer& producer, EndProtocol protocol) {
  if (protocol != EndProtocol::RaisesEpoch || !image.epoch_rose_at_end) return false;
  if (image.producer_id == producer.id) return image.producer_epoch == producer.epoch.next();
  return image.previous_producer_id == producer.id && is_exhausted(producer.epoch) &&
         image.producer_epoch == ProducerEpoch(0);
}

Result<std::variant<TransactionImage, Unchanged, NeedsProducerId>> end_transaction(
    const TransactionImage& image, bool commit, EndProtocol protocol, bool is_repeated,
    const std::optional<ProducerId>& fresh, env::WallTimeMs now) {
  const bool raises = protocol == EndProtocol::RaisesEpoch;
  switch (image.state) {
    case TransactionState::PrepareCommit:
    case TransactionState::PrepareAbort:
      return fail(ErrorCode::ConcurrentTransactions);
    case TransactionState::CompleteCommit:
    case TransactionState::CompleteAbort: {
      const bool as_it_ended = commit == (image.state == TransactionState::CompleteCommit);
      if (is_repeated || !raises) {
        if (as_it_ended) return Unchanged{};
        return fail(ErrorCode::InvalidTxnState);
      }
      if (commit) return fail(ErrorCode::InvalidTxnState);
      break;  // An abort without records: it raises the epoch, too.
    }
    case TransactionState::Empty:
      if (!raises || commit) return fail(ErrorCode::InvalidTxnState);
      break;
    case TransactionState::Ongoing:
      break;
    case TransactionState::Dead:
    case TransactionState::PrepareEpochFence:
      return fail(ErrorCode::InvalidTxnState);
  }
  TransactionImage next = prepared(
      image, commit ? TransactionState::PrepareCommit : TransactionState::PrepareAbort, now);
  if (!raises) return next;
  if (is_exhausted(image.producer_epoch)) {
    if (!fresh) return NeedsProducerId{};
    next.next_producer_id = *fresh;
  }
  next.last_producer_epoch = image.producer_epoch;
  next.producer_epoch = image.producer_epoch.next();
  next.epoch_rose_at_end = true;
  return next;
}

TransactionImage fence_and_abort(const TransactionImage& image, env::WallTimeMs now) {
  CHECK(image.state == TransactionState::Ongoing);
  TransactionImage next = prepared(image, TransactionState::PrepareAbort, now);
  // Beyond the last there is nobody left to fence: no producer is given that one.
  if (image.producer_epoch <= kLastProducerEpoch) next.producer_epoch = image.producer_epoch.next();
  next.last_producer_epoch = kNoProducerEpoch;
  return next;
}

TransactionImage complete(const TransactionImage& image, env::WallTimeMs now) {
  CHECK(is_ending(image.state));
  TransactionImage next = image;
  if (image.next_producer_id != kNoProducerId) {
    next = with_fresh_id(image, image.next_producer_id);
    next.next_producer_id = kNoProducerId;
  }
  next.state = image.state == TransactionState::PrepareCommit ? TransactionState::CompleteCommit
                                                              : TransactionState::CompleteAbort;
  next.partitions.clear();
  next.last_update = now;
  return next;
}

}  // namespace ottla::transaction
