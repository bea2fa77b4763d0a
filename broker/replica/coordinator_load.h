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
/// Thread: `loop`; the log is read on `io_pool`.
class CoordinatorLoad : public std::enable_shared_from_this<CoordinatorLoad> {
 public:
  struct Dependencies {
    Replicas& replicas;
    env::Clock& clock;
    env::Executor& loop;
    env::Executor& io_pool;
    std::uint64_t buffer_bytes;
  };
  struct Loaded {
    std::uint64_t damaged_batches = 0;  ///< Left out.
    std::uint64_t torn_segments = 0;    ///< Of which the rest behind some place was left out.
    std::chrono::milliseconds took{};
  };

  CoordinatorLoad(TopicPartition partition, LeaderEpoch epoch, Dependencies with);

  /// `new_sink` is called for each attempt: what an earlier one has brought is void. `is_wanted`
  /// ends the attempts.
  void start(std::function<storage::LogWalk::Sink()> new_sink, std::function<bool()> is_wanted,
             Callback<Loaded> done);
  /// Nothing more is heard of it.
  void cancel();

 private:
  void attempt();
  struct Reading;
  void read_on(const std::shared_ptr<Reading>& reading);
  void on_read(const std::shared_ptr<Reading>& reading, const Result<>& outcome);
  void on_commit_decided(const std::shared_ptr<Reading>& reading, ErrorCode decided);
  void attempt_later(const Error& why);
  [[nodiscard]] bool others_have_all() const;
  [[nodiscard]] bool is_over() const { return is_cancelled_ || !is_wanted_(); }

  const TopicPartition partition_;
  const LeaderEpoch epoch_;
  const Dependencies with_;
  const env::MonotonicTime began_;
  std::function<storage::LogWalk::Sink()> new_sink_;
  std::function<bool()> is_wanted_;
  Callback<Loaded> done_;
  env::TimerHandle retry_;
  bool is_cancelled_ = false;
};

}  // namespace ottla::replica
