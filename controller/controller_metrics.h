#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/env/clock.h"
#include "common/metrics/registry.h"

namespace ottla::controller {

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
  void set_commands(std::size_t under_way) { commands_ = static_cast<std::int64_t>(under_way); }

 private:
  static void record(metrics::Histogram& into, env::Duration took);

  std::atomic<std::int64_t> waiting_{0};
  std::atomic<std::int64_t> commands_{0};
  std::atomic<bool> taking_office_{false};
  const std::shared_ptr<metrics::Histogram> wait_;
  const std::shared_ptr<metrics::Histogram> office_;
  const std::shared_ptr<metrics::Histogram> election_;
  const std::shared_ptr<metrics::Counter> unclean_;
  const std::shared_ptr<metrics::Histogram> isr_;
  const std::shared_ptr<metrics::Histogram> creation_;
  const std::shared_ptr<metrics::Histogram> deletion_;
  const std::shared_ptr<metrics::Histogram> shutdown_;
  std::vector<metrics::Registry::Registration> gauges_;  ///< Ends first.
};

}  // namespace ottla::controller
