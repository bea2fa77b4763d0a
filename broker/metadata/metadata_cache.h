#pragma once

#include <memory>
#include <utility>

#include "broker/metadata/metadata_image.h"
#include "common/base/mutex.h"

namespace ottla::metadata {

/// Holds the newest image. Readers take it and keep it for as long as one request lasts.
/// Thread: any (mutex, LockRank::Metadata).
class MetadataCache {
 public:
  /// Never null; empty until the controller's first update.
  [[nodiscard]] std::shared_ptr<const MetadataImage> image() const OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return image_;
  }

  /// Only the replica layer applies updates, one at a time, after it has checked their epochs.
  void publish(std::shared_ptr<const MetadataImage> image) OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    image_.swap(image);  // the old image is freed outside the lock
  }

 private:
  mutable Mutex mutex_{LockRank::Metadata};
  std::shared_ptr<const MetadataImage> image_ OTTLA_GUARDED_BY(mutex_) =
      std::make_shared<MetadataImage>();
};

}  // namespace ottla::metadata
