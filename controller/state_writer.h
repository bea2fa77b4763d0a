#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/env/executor.h"
#include "common/zookeeper/store.h"
#include "controller/config.h"
#include "controller/decide.h"
#include "controller/lifeline.h"

namespace ottla::controller {

/// Carries out the writes of one term: each a transaction conditional on the term's epoch. What
/// failed, or whose outcome is unknown, ends with what ZooKeeper holds: it is never guessed and
/// never repeated blindly (W16). Deletions are repeated until they hold.
/// Thread: controller.
class StateWriter {
 public:
  struct Listener {
    std::function<void(WritesDone)> done;
    /// /controller_epoch has moved on: this term is over.
    std::function<void(std::string why)> deposed;
  };

  StateWriter(const ControllerConfig& config, zookeeper::Store& store, env::Executor& executor,
              zookeeper::ControllerFence fence, Listener listener);

  /// Issues the writes in their order, pipelined; each outcome is told as soon as it is known.
  void write(std::vector<Write> writes);
  /// Writes whose outcome is not known yet.
  [[nodiscard]] std::size_t under_way() const { return under_way_; }
  /// Those of them that give a partition another leader.
  [[nodiscard]] std::size_t urgent_under_way() const { return urgent_under_way_; }

 private:
  void write_states(std::vector<Write> writes);
  void states_written(std::vector<Write> writes, zookeeper::PartitionOutcomes outcomes);
  void read_truth(std::vector<Write> writes);
  void read_truth_later(std::vector<Write> writes);
  void write_topic(Write write);
  void delete_topic(Write write);
  void check_deleted(Write write);
  void delete_request(Write write);
  void write_reassignments(Write write);
  /// Whether the error ends the term, or its session.
  bool is_over(zookeeper::StoreError error);
  void done(std::vector<WriteOutcome> outcomes);
  void retry(Task task);

  const ControllerConfig& config_;
  zookeeper::Store& store_;
  env::Executor& executor_;
  zookeeper::ControllerFence fence_;
  Listener listener_;
  std::size_t under_way_ = 0;
  std::size_t urgent_under_way_ = 0;
  std::uint64_t last_timer_ = 0;
  std::map<std::uint64_t, env::TimerHandle> timers_;
  Lifeline life_;
};

}  // namespace ottla::controller
