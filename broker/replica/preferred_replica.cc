#include "broker/replica/preferred_replica.h"

#include <tuple>

namespace ottla::replica {

std::optional<BrokerId> select_replica(const std::vector<ReadCandidate>& candidates,
                                       const std::string& rack, Offset fetch_offset) {
  const ReadCandidate* best = nullptr;
  for (const ReadCandidate& candidate : candidates) {
    if (candidate.rack != rack) continue;
    if (candidate.is_leader) return std::nullopt;
    if (fetch_offset < candidate.log_start_offset || fetch_offset > candidate.log_end_offset) {
      continue;
    }
    if (best == nullptr || std::tie(best->log_end_offset, best->caught_up_at) <
                               std::tie(candidate.log_end_offset, candidate.caught_up_at)) {
      best = &candidate;
    }
  }
  if (best == nullptr) return std::nullopt;
  return best->broker;
}

}  // namespace ottla::replica
