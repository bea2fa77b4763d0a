#pragma once

#include <memory>

#include "broker/metadata/metadata_image.h"
#include "common/base/mutex.h"

namespace ottla::metadata {

/// Holds the newest image. Readers take it and keep it for as long as one request lasts.
///
/// A broker whose process is known to be dead is left out of what readers see, before the
/// controller has said so: a client that lost its leader asks at once, and were it told the dead
/// one again, it would ask next after its own, much longer interval (a second in librdkafka).
/// Thread: any (mutex, LockRank::Metadata).
class MetadataCache {
 public:
  /// Never null; empty until the controller's first update.
  [[nodiscard]] std::shared_ptr<const MetadataImage> image() const OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return image_;
  }

  /// As the controller told it: what its next update is applied to.
  [[nodiscard]] std::shared_ptr<const MetadataImage> told_image() const OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return told_;
  }

  /// Only the replica layer applies updates, one at a time, after it has checked their epochs.
  void publish(std::shared_ptr<const MetadataImage> image) OTTLA_EXCLUDES(mutex_);

  /// Whether the process of one registration of a broker is known to be dead.
  void set_dead(BrokerId broker, BrokerEpoch epoch, bool dead) OTTLA_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_{LockRank::Metadata};
  std::shared_ptr<const MetadataImage> told_ OTTLA_GUARDED_BY(mutex_) =
      std::make_shared<MetadataImage>();
  std::shared_ptr<const MetadataImage> image_ OTTLA_GUARDED_BY(mutex_) = told_;
  /// Of brokers in told_.
  Registrations dead_ OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::metadata
