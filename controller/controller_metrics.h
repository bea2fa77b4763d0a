#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "common/base/id.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/metrics/registry.h"

namespace ottla::controller {

/// Work that Kafka's controller times by its kind.
enum class TimedWork : std::uint8_t {
  AutoLeaderBalance,
  ManualLeaderBalance,
  PartitionReassignment,
  ListPartitionReassignment,
  LogDirChange,
  UncleanElectionEnable,
  TopicUncleanElectionEnable,
  LeaderAndIsrResponse,
  Shutdown,
};
inline constexpr std::size_t kTimedWorkKinds = 9;

/// What a controller counts and times as it works, under the names of Kafka's ControllerStats and
/// ControllerEventManager. (What the model can tell is asked for: ControllerDescription.)
/// Thread: any.
class ControllerMetrics {
 public:
  explicit ControllerMetrics(metrics::Registry& registry);

  /// An event came, and began to be worked on.
  void queued() { ++waiting_; }
  void taken_up(env::Duration waited);
  /// From winning the office to serving.
  void took_office(env::Duration took) { record(*office_, took); }
  void is_taking_office(bool is) { taking_office_ = is; }
  /// From the event that asked for it to ZooKeeper's word, for each partition or topic.
  void elected(env::Duration took, bool is_unclean);
  void changed_isr(env::Duration took) { record(*isr_, took); }
  void created(env::Duration took) { record(*creation_, took); }
  void deleted(env::Duration took) { record(*deletion_, took); }
  void shut_down(env::Duration took) { record(*shutdown_, took); }
  void did(TimedWork kind, env::Duration took) {
    record(*timed_.at(static_cast<std::size_t>(kind)), took);
  }
  /// Commands that are under way to each broker, or wait; who is not there has no channel.
  using Queues = std::map<BrokerId, std::size_t>;
  void set_commands(const Queues& queues) OTTLA_EXCLUDES(mutex_);
  /// A command was sent, and had waited so long.
  void sent(BrokerId broker, env::Duration waited) OTTLA_EXCLUDES(mutex_);

 private:
  static void record(metrics::Histogram& into, env::Duration took);
  void show_queues(metrics::Registry& registry);

  metrics::Registry& registry_;

  std::atomic<std::int64_t> waiting_{0};
  std::atomic<bool> taking_office_{false};
  const std::shared_ptr<metrics::Histogram> wait_;
  const std::shared_ptr<metrics::Histogram> office_;
  const std::shared_ptr<metrics::Histogram> election_;
  const std::shared_ptr<metrics::Counter> unclean_;
  const std::shared_ptr<metrics::Histogram> isr_;
  const std::shared_ptr<metrics::Histogram> creation_;
  const std::shared_ptr<metrics::Histogram> deletion_;
  const std::shared_ptr<metrics::Histogram> shutdown_;
  std::array<std::shared_ptr<metrics::Histogram>, kTimedWorkKinds> timed_;
  mutable Mutex mutex_{LockRank::Leaf};
  Queues queues_ OTTLA_GUARDED_BY(mutex_);
  std::map<BrokerId, std::shared_ptr<metrics::Histogram>> waits_ OTTLA_GUARDED_BY(mutex_);
  std::vector<metrics::Registry::Registration> gauges_;  ///< Ends first.
};

}  // namespace ottla::controller
