#include "broker/replica/transaction_markers.h"

#include <utility>

#include "common/record/control_record.h"

namespace ottla::replica {

AppendRequest marker_append(const TransactionMarker& marker, env::WallTimeMs now,
                            env::Duration timeout) {
  const record::EndTransactionMarker end{
      .type = marker.is_commit ? record::ControlType::Commit : record::ControlType::Abort,
      .coordinator_epoch = marker.coordinator_epoch};
  // Each partition patches its own copy with its offset and leader epoch.
  auto batches = std::make_shared<std::vector<SharedBuffer>>();
  AppendRequest request;
  for (const TopicPartition& partition : marker.partitions) {
    const SharedBuffer& batch = batches->emplace_back(
        record::build_end_transaction_marker(marker.producer_id, marker.producer_epoch, end, now));
    request.partitions.push_back({partition, batch->bytes(), std::nullopt});
  }
  request.owner = std::move(batches);
  request.acks = Acks::All;
  request.timeout = timeout;
  request.origin = record::AppendOrigin::Coordinator;
  request.internal_topics_allowed = true;
  return request;
}

}  // namespace ottla::replica
