#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "broker/metadata/metadata_image.h"
#include "common/base/id.h"
#include "common/base/mutex.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"
#include "common/metrics/counter.h"
#include "common/metrics/registry.h"

namespace ottla::status {

/// A leader or a controller that took office.
struct Election {
  env::WallTimeMs at = 0;
  TopicPartition partition{};  ///< Of a controller: no topic.
  BrokerId from = kNoBroker;
  BrokerId to = kNoBroker;
  std::int32_t epoch = 0;
  std::vector<BrokerId> isr{};
  bool is_unclean = false;  ///< The new leader was not in the ISR before.
};

/// The last elections of the whole cluster, as the controller's updates told them to this broker.
/// Thread: any (mutex_).
class Elections {
 public:
  /// `registry`: counts the leaderships of `self`.
  Elections(BrokerId self, const env::Clock& clock, metrics::Registry& registry);

  /// Each image after the one before. The first one tells no elections: nobody knows when they
  /// were.
  void observe(std::shared_ptr<const metadata::MetadataImage> image) OTTLA_EXCLUDES(mutex_);
  /// The newest first.
  [[nodiscard]] std::vector<Election> recent() const OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] ControllerEpoch controller_epoch() const OTTLA_EXCLUDES(mutex_);

 private:
  static constexpr std::size_t kKept = 200;

  void keep(Election election) OTTLA_REQUIRES(mutex_);
  void compare(const metadata::TopicMetadata& topic, const metadata::TopicMetadata* before,
               env::WallTimeMs now) OTTLA_REQUIRES(mutex_);

  const BrokerId self_;
  const env::Clock& clock_;
  const std::shared_ptr<metrics::Counter> leaderships_;
  mutable Mutex mutex_{LockRank::Leaf};
  std::shared_ptr<const metadata::MetadataImage> last_ OTTLA_GUARDED_BY(mutex_);
  std::deque<Election> recent_ OTTLA_GUARDED_BY(mutex_);
  const metrics::Registry::Registration epoch_;
};

}  // namespace ottla::status
