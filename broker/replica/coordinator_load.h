#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "broker/storage/log_walk.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"
#include "common/env/executor.h"

namespace ottla::replica {

class Replicas;

/// What a coordinator does with the log of a partition that this broker has come to lead, before it
/// serves: reads it, waits until all of that is committed, too (what was shown once is not lost
/// with the next leader), and tries again as long as it fails and is wanted (W28).
///
/// Where nobody can tell one batch of the log from the next another replica's log is better: the
/// leadership is given up if others have all of it; else what can be read is taken.
///
/// Thread: `loop`.
class CoordinatorLoad : public std::enable_shared_from_this<CoordinatorLoad> {
 public:
  struct Dependencies {
    Replicas& replicas;
    env::Clock& clock;
    env::Executor& loop;
  };
  struct Loaded {
    bool is_whole = true;  ///< Nothing of the log was left out as damaged.
    std::chrono::milliseconds took{};
  };
  /// Reads a log from its begin; what an earlier attempt has brought is void. May answer on any
  /// thread.
  using Read = std::function<void(std::shared_ptr<storage::Log>, storage::LogWalk::Torn,
                                  Callback<Result<storage::Walked>>)>;

  CoordinatorLoad(TopicPartition partition, LeaderEpoch epoch, Dependencies with);

  /// `is_wanted` ends the attempts. `done` comes once, unless it is cancelled or not wanted.
  void start(Read read, std::function<bool()> is_wanted, Callback<Loaded> done);
  /// Nothing more is heard of it.
  void cancel();

 private:
  void attempt();
  void on_read(const Result<storage::Walked>& walked);
  void on_commit_decided(const storage::Walked& walked, ErrorCode decided);
  void attempt_later(const Error& why);
  [[nodiscard]] bool others_have_all() const;
  [[nodiscard]] bool is_over() const { return is_cancelled_ || !is_wanted_(); }

  const TopicPartition partition_;
  const LeaderEpoch epoch_;
  const Dependencies with_;
  const env::MonotonicTime began_;
  Read read_;
  std::function<bool()> is_wanted_;
  Callback<Loaded> done_;
  env::TimerHandle retry_;
  bool is_cancelled_ = false;
};

}  // namespace ottla::replica
