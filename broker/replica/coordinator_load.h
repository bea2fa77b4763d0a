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
/// with the next leader), and tries again as long as it fails (W28). It ends with its destruction:
/// nothing more is heard of it then.
///
/// Where nobody can tell one batch of the log from the next another replica's log is better: the
/// leadership is given up if others have all of it; else what can be read is taken.
///
/// Thread: `loop`.
class CoordinatorLoad {
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

  /// Begins. `done` comes once, never before this returns.
  CoordinatorLoad(TopicPartition partition, LeaderEpoch epoch, Dependencies with, Read read,
                  Callback<Loaded> done);
  CoordinatorLoad(const CoordinatorLoad&) = delete;
  CoordinatorLoad& operator=(const CoordinatorLoad&) = delete;
  ~CoordinatorLoad();

 private:
  class Attempts;
  std::shared_ptr<Attempts> attempts_;
};

}  // namespace ottla::replica
