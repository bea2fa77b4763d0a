#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/transaction/coordinator_core.h"
#include "broker/transaction/world_for_tests.h"
#include "common/env/random.h"
#include "common/env/timer_queue.h"

namespace ottla::transaction {

/// What clients have meant and what became of it. Every record carries the number of the
/// transaction that its client wrote it in.
class Verdicts {
 public:
  void begun(int transaction) { begun_.insert(transaction); }
  void commit_asked(int transaction) { commit_asked_.insert(transaction); }
  void told(int transaction, bool commit) {
    const auto [at, is_new] = told_.emplace(transaction, commit);
    if (!is_new && at->second != commit) complain(transaction, "was told two ends");
    check(transaction);
  }
  void ended(int transaction, bool commit) {
    const auto [at, is_new] = ended_.emplace(transaction, commit);
    if (!is_new && at->second != commit) complain(transaction, "is torn");
    check(transaction);
  }
  [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }
  [[nodiscard]] std::size_t commits() const {
    std::size_t count = 0;
    for (const auto& [transaction, commit] : ended_) count += commit ? 1 : 0;
    return count;
  }
  [[nodiscard]] std::size_t aborts() const { return ended_.size() - commits(); }
  void complain(int transaction, const std::string& what) {
    complaints_.push_back("transaction " + std::to_string(transaction) + " " + what);
  }

 private:
  void check(int transaction) {
    const auto end = ended_.find(transaction);
    if (end == ended_.end()) return;
    const auto told = told_.find(transaction);
    if (told != told_.end() && told->second != end->second) {
      complain(transaction, "ended otherwise than its client was told");
    }
    if (end->second && !commit_asked_.contains(transaction)) {
      complain(transaction, "was committed and nobody had asked for it");
    }
  }

  std::set<int> begun_;
  std::set<int> commit_asked_;
  std::map<int, bool> told_;
  std::map<int, bool> ended_;
  std::vector<std::string> complaints_;
};

/// One partition of data as far as transactions are concerned: who may write, and what a marker
/// ends. Its leader is always there; the way to it is not.
class DataPartition {
 public:
  explicit DataPartition(Verdicts& verdicts) : verdicts_(verdicts) {}

  bool write(Producer producer, int transaction) {
    State& state = producers_[producer.id];
    if (producer.epoch < state.epoch) return false;
    state.epoch = producer.epoch;
    state.open.insert(transaction);
    return true;
  }
  MarkerOutcome mark(const replica::TransactionMarker& marker) {
    State& state = producers_[marker.producer_id];
    if (marker.producer_epoch < state.epoch) return MarkerOutcome::Superseded;
    if (marker.coordinator_epoch < state.coordinator_epoch) return MarkerOutcome::NotWritten;
    state.epoch = marker.producer_epoch;
    state.coordinator_epoch = marker.coordinator_epoch;
    for (const int transaction : state.open) verdicts_.ended(transaction, marker.is_commit);
    state.open.clear();
    return MarkerOutcome::Written;
  }
  [[nodiscard]] std::size_t open() const {
    std::size_t count = 0;
    for (const auto& [id, state] : producers_) count += state.open.size();
    return count;
  }

 private:
  struct State {
    ProducerEpoch epoch = kNoProducerEpoch;
    std::int32_t coordinator_epoch = -1;
    std::set<int> open;
  };
  Verdicts& verdicts_;
  std::map<ProducerId, State> producers_;
};

/// The one partition of __transaction_state, with two brokers that may lead it. What is not
/// committed may be lost with its leader; a leader may not know yet that it is none any more.
struct StateLog {
  std::vector<std::vector<LogRecord>> appends;
  std::size_t committed = 0;
  LeaderEpoch epoch{0};
};

}  // namespace ottla::transaction
