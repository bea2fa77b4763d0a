#include "broker/status/elections.h"

#include <algorithm>
#include <utility>

#include "common/metrics/ottla_metrics.h"

namespace ottla::status {

Elections::Elections(BrokerId self, const env::Clock& clock, metrics::Registry& registry)
    : self_(self),
      clock_(clock),
      leaderships_(registry.counter(metrics::kLeaderChanges)),
      epoch_(registry.gauge(metrics::kControllerEpoch,
                            [this] { return static_cast<double>(controller_epoch().value()); })) {}

void Elections::keep(Election election) {
  recent_.push_front(std::move(election));
  if (recent_.size() > kKept) recent_.pop_back();
}

void Elections::compare(const metadata::TopicMetadata& topic, const metadata::TopicMetadata* before,
                        env::WallTimeMs now) {
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    const cluster::PartitionState& state = topic.partitions[i].state;
    const bool is_known =
        before != nullptr && before->id == topic.id && i < before->partitions.size();
    const cluster::PartitionState* const old = is_known ? &before->partitions[i].state : nullptr;
    if (old != nullptr && old->leader_epoch == state.leader_epoch) continue;
    const BrokerId from = old == nullptr ? kNoBroker : old->leader;
    if (state.leader == self_ && from != self_) leaderships_->add();
    // An epoch also rises when a replica is dropped, and a new partition begins with a leader:
    // these are no elections.
    if (old == nullptr || from == state.leader) continue;
    keep({.at = now,
          .partition = {topic.name, static_cast<std::int32_t>(i)},
          .from = from,
          .to = state.leader,
          .epoch = state.leader_epoch.value(),
          .isr = state.isr,
          .is_unclean = state.recovering});
  }
}

void Elections::observe(std::shared_ptr<const metadata::MetadataImage> image) {
  const env::WallTimeMs now = clock_.wall_now_ms();
  const MutexLock lock(mutex_);
  const auto last = std::exchange(last_, image);
  if (!last) return;
  if (image->controller() != last->controller() ||
      image->controller_epoch() != last->controller_epoch()) {
    keep({.at = now,
          .from = last->controller(),
          .to = image->controller(),
          .epoch = image->controller_epoch().value()});
  }
  auto before = last->topics().begin();  // both are in order: one walk over both
  for (const auto& [name, topic] : image->topics()) {
    while (before != last->topics().end() && before->first < name) ++before;
    const bool is_known = before != last->topics().end() && before->first == name;
    if (is_known && before->second == topic) continue;
    compare(*topic, is_known ? before->second.get() : nullptr, now);
  }
}

std::vector<Election> Elections::recent() const {
  const MutexLock lock(mutex_);
  return {recent_.begin(), recent_.end()};
}

ControllerEpoch Elections::controller_epoch() const {
  const MutexLock lock(mutex_);
  return last_ ? last_->controller_epoch() : ControllerEpoch{0};
}

}  // namespace ottla::status
