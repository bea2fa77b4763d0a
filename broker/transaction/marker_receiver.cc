#include "broker/transaction/marker_receiver.h"

#include <memory>
#include <utility>

namespace ottla::transaction {
namespace {

using protocol::WriteTxnMarkersRequest;
using protocol::WriteTxnMarkersResponse;

replica::TransactionMarker marker_of(const WriteTxnMarkersRequest::Marker& from) {
  replica::TransactionMarker marker;
  marker.producer_id = from.producer_id;
  marker.producer_epoch = from.producer_epoch;
  marker.coordinator_epoch = from.coordinator_epoch;
  marker.is_commit = from.transaction_result;
  for (const auto& topic : from.topics) {
    for (const std::int32_t partition : topic.partition_indexes) {
      marker.partitions.push_back({topic.name, partition});
    }
  }
  return marker;
}

/// The answer while its markers are being written.
struct Writing {
  WriteTxnMarkersResponse response;
  std::size_t left = 0;
  Callback<WriteTxnMarkersResponse> done;

  void settle(std::size_t marker, const std::vector<ErrorCode>& outcomes) {
    std::size_t next = 0;
    for (auto& topic : response.markers[marker].topics) {
      for (auto& partition : topic.partitions) partition.error_code = outcomes.at(next++);
    }
    if (--left == 0) std::move(done)(std::move(response));
  }
};

}  // namespace

WriteTxnMarkersResponse answer_all(const WriteTxnMarkersRequest& request, ErrorCode error) {
  WriteTxnMarkersResponse response;
  for (const auto& marker : request.markers) {
    auto& answered = response.markers.emplace_back();
    answered.producer_id = marker.producer_id;
    for (const auto& topic : marker.topics) {
      auto& row = answered.topics.emplace_back();
      row.name = topic.name;
      for (const std::int32_t partition : topic.partition_indexes) {
        row.partitions.push_back({.partition_index = partition, .error_code = error});
      }
    }
  }
  return response;
}

bool MarkerReceiver::is_between_those_who_run(const rpc::NumberedMarkers& markers) const {
  if (!markers.receiver_nonce.empty() && markers.receiver_nonce != nonce_) return false;
  // A sender that we do not know yet, or that runs no more: if it does, it sends again.
  const auto image = metadata_.image();
  const cluster::Broker* const sender = image->broker(markers.sender);
  return sender != nullptr && sender->start_nonce == markers.sender_nonce;
}

void MarkerReceiver::write(rpc::NumberedMarkers markers, Callback<WriteTxnMarkersResponse> done) {
  if (!is_between_those_who_run(markers)) {
    return std::move(done)(answer_all(markers.request, ErrorCode::RequestTimedOut));
  }
  Sender& sender = senders_[markers.sender];
  if (sender.nonce != markers.sender_nonce) sender = {.nonce = std::move(markers.sender_nonce)};
  if (markers.number <= sender.last_number) {
    return std::move(done)(answer_all(markers.request, ErrorCode::RequestTimedOut));
  }
  sender.last_number = markers.number;
  write(std::move(markers.request), std::move(done));
}

void MarkerReceiver::write(WriteTxnMarkersRequest request, Callback<WriteTxnMarkersResponse> done) {
  const auto writing = std::make_shared<Writing>();
  writing->response = answer_all(request, ErrorCode::None);
  writing->left = request.markers.size();
  writing->done = std::move(done);
  if (writing->left == 0) return std::move(writing->done)(std::move(writing->response));
  for (std::size_t i = 0; i < request.markers.size(); ++i) {
    writer_.append(
        marker_of(request.markers[i]),
        [writing, i](const std::vector<ErrorCode>& outcomes) { writing->settle(i, outcomes); });
  }
}

}  // namespace ottla::transaction
