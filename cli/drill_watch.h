#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cli/broker_client.h"
#include "cli/drill_recording.h"
#include "common/base/mutex.h"

namespace ottla::cli {

/// Asks for the metadata of one topic all the time, and notes each change of a leader, an epoch or
/// the controller. What a broker tells may be old: an epoch lower than one seen before counts only
/// if the same broker told both.
/// Thread: any (mutex_, LockRank::Leaf); it has a thread of its own.
class DrillWatch {
 public:
  struct PartitionNow {
    std::int32_t leader = -1;
    std::int32_t leader_epoch = -1;
    std::size_t replicas = 0;
    std::vector<BrokerId> isr;
  };
  struct View {
    BrokerId controller = kNoBroker;
    std::set<BrokerId> live;
    std::map<std::int32_t, PartitionNow> partitions;
  };

  /// `addresses` of brokers by id; `now` gives the drill's time.
  DrillWatch(std::map<BrokerId, std::string> addresses, std::string topic,
             std::function<DrillTime()> now);
  ~DrillWatch();
  DrillWatch(const DrillWatch&) = delete;
  DrillWatch& operator=(const DrillWatch&) = delete;

  /// This broker is about to fail: others are asked.
  void avoid(BrokerId broker) { avoided_ = broker.value(); }
  [[nodiscard]] View view() const OTTLA_EXCLUDES(mutex_);
  /// Ends watching; the changes that were seen.
  void finish(Recording& recording) OTTLA_EXCLUDES(mutex_);

 private:
  void watch();
  [[nodiscard]] std::string servers() const;
  void take(const protocol::MetadataResponse& metadata, bool same_source) OTTLA_EXCLUDES(mutex_);
  void look_at_controller(BrokerClient& client, BrokerId controller) OTTLA_EXCLUDES(mutex_);

  const std::map<BrokerId, std::string> addresses_;
  const std::string topic_;
  const std::function<DrillTime()> now_;
  std::atomic<std::int32_t> avoided_ = kNoBroker.value();
  std::atomic<bool> stopped_ = false;
  std::optional<BrokerId> controller_seen_;  ///< The thread's.
  /// The thread's: how often the controller is still asked for its epoch.
  int epoch_questions_ = 0;
  std::thread thread_;

  mutable Mutex mutex_{LockRank::Leaf};
  View view_ OTTLA_GUARDED_BY(mutex_);
  std::vector<LeaderSeen> leaders_ OTTLA_GUARDED_BY(mutex_);
  std::vector<ControllerSeen> controllers_ OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::cli
