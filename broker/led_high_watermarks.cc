#include "broker/led_high_watermarks.h"

#include "broker/replica/partition.h"

namespace ottla::broker {

rpc::HighWatermarks LedHighWatermarks::led_here(const std::vector<TopicPartition>& asked) const {
  rpc::HighWatermarks result;
  for (const TopicPartition& each : asked) {
    const auto partition = replicas_.partition(each);
    if (!partition) continue;
    const auto access = partition->read_access(kUnknownLeaderEpoch, /*leader_only=*/true);
    if (access) result.emplace(each, access->high_watermark);
  }
  return result;
}

}  // namespace ottla::broker
