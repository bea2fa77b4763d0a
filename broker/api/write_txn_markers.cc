#include "common/protocol/messages/write_txn_markers.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "broker/api/handlers.h"
#include "common/config/network_keys.h"

namespace ottla::api {
namespace {

using protocol::WriteTxnMarkersRequest;
using protocol::WriteTxnMarkersResponse;

/// Several markers are written side by side; the last one answers. On the connection's loop. As
/// observed of 3.9, nothing is told of topics and markers without partitions.
struct Markers {
  Call call;
  WriteTxnMarkersResponse response;
  std::size_t unwritten = 0;

  void written(std::size_t number, const std::vector<ErrorCode>& outcomes) {
    std::size_t at = 0;
    for (auto& topic : response.markers[number].topics) {
      for (auto& partition : topic.partitions) partition.error_code = outcomes[at++];
    }
    if (--unwritten == 0) answer(call, response);
  }
};

replica::TransactionMarker marker_of(const WriteTxnMarkersRequest::Marker& asked,
                                     WriteTxnMarkersResponse::Marker& told) {
  replica::TransactionMarker marker{.producer_id = asked.producer_id,
                                    .producer_epoch = asked.producer_epoch,
                                    .coordinator_epoch = asked.coordinator_epoch,
                                    .is_commit = asked.transaction_result,
                                    .partitions = {}};
  told.producer_id = asked.producer_id;
  for (const auto& topic : asked.topics) {
    if (topic.partition_indexes.empty()) continue;
    auto& rows = told.topics.emplace_back();
    rows.name = topic.name;
    for (const std::int32_t partition : topic.partition_indexes) {
      rows.partitions.emplace_back().partition_index = partition;
      marker.partitions.push_back({topic.name, partition});
    }
  }
  return marker;
}

}  // namespace

/// From Kafka's coordinators in a mixed cluster, and from operators who end a hanging transaction
/// (KIP-664). Ottla's own coordinators use rpc.
void handle_write_txn_markers(Call call, Services& services) {
  const auto request = decode_or_close<WriteTxnMarkersRequest>(call);
  if (!request) return;
  env::Executor& loop = call.loop();
  const std::chrono::milliseconds timeout(services.config.get(config::kRequestTimeoutMs));
  const auto markers = std::make_shared<Markers>(Markers{std::move(call), {}, 0});
  std::vector<replica::TransactionMarker> wanted;
  for (const WriteTxnMarkersRequest::Marker& asked : request->markers) {
    WriteTxnMarkersResponse::Marker told;
    replica::TransactionMarker marker = marker_of(asked, told);
    if (marker.partitions.empty()) continue;
    wanted.push_back(std::move(marker));
    markers->response.markers.push_back(std::move(told));
  }
  markers->unwritten = wanted.size();
  if (wanted.empty()) return answer(markers->call, markers->response);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].producer_id < ProducerId(0)) {  // Observed of 3.9, which fails on it.
      markers->written(i, std::vector(wanted[i].partitions.size(), ErrorCode::UnknownServerError));
      continue;
    }
    services.records.append_markers(
        std::move(wanted[i]), timeout, loop,
        [markers, i](const std::vector<ErrorCode>& outcomes) { markers->written(i, outcomes); });
  }
}

}  // namespace ottla::api
