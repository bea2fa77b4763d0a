#pragma once

#include <chrono>
#include <map>

#include "common/base/id.h"
#include "common/env/clock.h"

namespace ottla::group {

/// Tells what a transactional producer asked for long ago, and has given up since, from what it
/// asks for now: its connections follow one another, and what comes on an older one after a newer
/// one was used was sent before that (W25; docs/transactions.md says what this rests on). Offsets
/// have no sequence numbers, and before transaction version 2 one epoch covers many transactions.
/// Thread: one.
class ProducerConnections {
 public:
  /// Of a producer that is not known yet, no connection before `unless_newer` is taken.
  [[nodiscard]] bool is_late(ProducerId producer, env::MonotonicTime accepted,
                             env::MonotonicTime unless_newer, env::MonotonicTime now) {
    Used& used = used_.try_emplace(producer, Used{unless_newer, now}).first->second;
    if (accepted < used.newest) return true;
    used = {accepted, now};
    return false;
  }
  /// Who has not been here for so long has nothing under way.
  void forget_unused(env::MonotonicTime now) {
    constexpr std::chrono::minutes kLongest{15};  // connections.max.idle.ms is 10
    std::erase_if(used_, [&](const auto& entry) { return entry.second.last + kLongest < now; });
  }
  [[nodiscard]] std::size_t size() const { return used_.size(); }

 private:
  struct Used {
    env::MonotonicTime newest;  ///< When its newest connection was accepted.
    env::MonotonicTime last;    ///< When it was used.
  };
  std::map<ProducerId, Used> used_;
};

}  // namespace ottla::group
