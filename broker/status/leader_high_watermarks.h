#pragma once

#include <map>
#include <set>
#include <vector>

#include "broker/metadata/metadata_image.h"
#include "common/base/id.h"
#include "common/base/mutex.h"
#include "common/base/task.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"
#include "common/rpc/high_watermarks.h"

namespace ottla::status {

/// The high watermarks of partitions that other brokers lead, for the lag of groups: a coordinator
/// need not hold a replica of what its groups consume. Asked when somebody looks, each leader for
/// all of its partitions at once, and kept for a while: however many look, a leader hears little.
/// Thread: any (mutex_).
class LeaderHighWatermarks {
 public:
  /// For so long what a leader said, or that it said nothing, is not asked again.
  static constexpr env::Duration kKeptFor = std::chrono::seconds(2);
  /// Well within what the documents wait for their parts.
  static constexpr env::Duration kAnswerWithin = std::chrono::milliseconds(500);

  /// They outlive this; no callback of `peers` comes any more when it is destroyed.
  LeaderHighWatermarks(rpc::HighWatermarkPeers& peers, const env::Clock& clock)
      : peers_(peers), clock_(clock) {}

  /// `done` gets what the leaders in `image` tell of `wanted`: without those that have no leader or
  /// whose leader does not answer. On this thread or a thread of the peers'.
  void ask(const metadata::MetadataImage& image, const std::set<TopicPartition>& wanted,
           Callback<rpc::HighWatermarks> done) OTTLA_EXCLUDES(mutex_);

 private:
  struct Told {
    env::MonotonicTime at{};
    std::set<TopicPartition> asked{};
    rpc::HighWatermarks answer{};
  };
  class Question;

  void answered(BrokerId leader, Told told) OTTLA_EXCLUDES(mutex_);

  rpc::HighWatermarkPeers& peers_;
  const env::Clock& clock_;
  Mutex mutex_{LockRank::Leaf};
  std::map<BrokerId, Told> told_ OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::status
