#include "broker/metadata/metadata_cache.h"

#include <utility>

namespace ottla::metadata {

// What `seen` holds in the end, the image that was replaced, is freed outside the lock.

void MetadataCache::publish(std::shared_ptr<const MetadataImage> image) {
  std::shared_ptr<const MetadataImage> seen;
  MutexLock lock(mutex_);
  std::erase_if(dead_, [&](const auto& registration) {
    const cluster::Broker* const broker = image->broker(registration.first);
    return broker == nullptr || broker->epoch != registration.second;
  });
  seen = dead_.empty() ? image : image->without(dead_);
  image_.swap(seen);
  told_.swap(image);
}

void MetadataCache::set_dead(BrokerId broker, BrokerEpoch epoch, bool dead) {
  std::shared_ptr<const MetadataImage> seen;
  MutexLock lock(mutex_);
  if (dead) {
    dead_.emplace(broker, epoch);
  } else {
    dead_.erase({broker, epoch});
  }
  seen = dead_.empty() ? told_ : told_->without(dead_);
  image_.swap(seen);
}

}  // namespace ottla::metadata
