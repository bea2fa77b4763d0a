#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "broker/replica/isr.h"
#include "broker/replica/partition_watcher.h"

namespace ottla::replica {

/// "Do I still lead?", asked before a leader tells what it remembers (the group coordinator's
/// offsets). A leader that was replaced and does not know it would tell what its successor has
/// changed since. The successor was in the ISR, or about to join it: when all of them have
/// confirmed that they follow this leader, after the question, nobody had taken over when it was
/// asked (the ReadIndex of Raft).
///
/// Below min.insync.replicas a successor may also be one that has left the ISR: nothing was
/// committed since (KIP-966). Who must be certain waits until there are enough again; others take
/// the word of those who are left.
///
/// Thread: under the partition's state_mutex_.
class LeadershipQuestions {
 public:
  struct Asker {
    std::shared_ptr<CommitWaiter> waiter;
    bool must_be_certain = true;
  };

  [[nodiscard]] bool empty() const { return askers_.empty(); }
  /// The number that followers are to confirm; 0: nobody waits.
  [[nodiscard]] std::uint64_t newest() const { return askers_.empty() ? 0 : last_; }
  void ask(Asker asker) { askers_.emplace(++last_, std::move(asker)); }
  void forget(const CommitWaiter* waiter);

  /// Takes out those whose question all who may be in the ISR have confirmed.
  [[nodiscard]] std::vector<Asker> take_confirmed(const Isr& isr, BrokerId self,
                                                  std::span<const FollowerState> followers,
                                                  std::int32_t min_isr);
  [[nodiscard]] std::vector<Asker> take_all();

 private:
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, Asker> askers_;
};

}  // namespace ottla::replica
