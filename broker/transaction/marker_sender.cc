#include "broker/transaction/marker_sender.h"

#include <glog/logging.h>

#include <utility>

namespace ottla::transaction {
namespace {

using protocol::WriteTxnMarkersRequest;
using protocol::WriteTxnMarkersResponse;

/// More wait for the next request.
constexpr std::size_t kMarkersAtOnce = 1'000;

WriteTxnMarkersRequest::Marker marker_for_wire(const replica::TransactionMarker& from) {
  WriteTxnMarkersRequest::Marker marker;
  marker.producer_id = from.producer_id;
  marker.producer_epoch = from.producer_epoch;
  marker.coordinator_epoch = from.coordinator_epoch;
  marker.transaction_result = from.is_commit;
  for (const TopicPartition& partition : from.partitions) {
    if (marker.topics.empty() || marker.topics.back().name != partition.topic) {
      marker.topics.emplace_back().name = partition.topic;
    }
    marker.topics.back().partition_indexes.push_back(partition.partition);
  }
  return marker;
}

MarkerOutcome outcome_of(ErrorCode error) {
  switch (error) {
    case ErrorCode::None:
      return MarkerOutcome::Written;
    case ErrorCode::InvalidProducerEpoch:
      return MarkerOutcome::Superseded;
    default:
      return MarkerOutcome::NotWritten;
  }
}

/// In the order of the marker's partitions; short when the answer is not one to this question.
std::vector<ErrorCode> codes_of(const WriteTxnMarkersResponse& response, std::size_t marker) {
  std::vector<ErrorCode> codes;
  if (marker >= response.markers.size()) return codes;
  for (const auto& topic : response.markers[marker].topics) {
    for (const auto& partition : topic.partitions) codes.push_back(partition.error_code);
  }
  return codes;
}

}  // namespace

void MarkerSender::Call::settle(std::size_t index, MarkerOutcome outcome) {
  outcomes[index] = outcome;
  if (--left == 0) std::move(done)(std::move(outcomes));
}

void MarkerSender::write(replica::TransactionMarker marker,
                         Callback<std::vector<MarkerOutcome>> done) {
  const auto image = with_.metadata.image();
  const auto call = std::make_shared<Call>();
  call->outcomes.resize(marker.partitions.size(), MarkerOutcome::NotWritten);
  call->left = marker.partitions.size() + 1;
  call->done = std::move(done);
  std::map<BrokerId, Part> parts;
  for (std::size_t i = 0; i < marker.partitions.size(); ++i) {
    const TopicPartition& partition = marker.partitions[i];
    const auto* const known = image->partition(partition.topic, partition.partition);
    if (known == nullptr) {
      call->settle(i, image->is_all() ? MarkerOutcome::Gone : MarkerOutcome::NotWritten);
      continue;
    }
    const BrokerId leader = known->state.leader;
    if (image->broker(leader) == nullptr) {
      call->settle(i, MarkerOutcome::NotWritten);
      continue;
    }
    Part& part = parts[leader];
    part.marker.partitions.push_back(partition);
    part.indexes.push_back(i);
  }
  for (auto& [broker, part] : parts) {
    part.call = call;
    part.marker.producer_id = marker.producer_id;
    part.marker.producer_epoch = marker.producer_epoch;
    part.marker.coordinator_epoch = marker.coordinator_epoch;
    part.marker.is_commit = marker.is_commit;
    destinations_[broker].waiting.push_back(std::move(part));
    flush_soon(broker);
  }
  // Never before all are on their way.
  if (--call->left == 0) std::move(call->done)(std::move(call->outcomes));
}

/// All that this turn of the loop brings goes together.
void MarkerSender::flush_soon(BrokerId broker) {
  Destination& destination = destinations_[broker];
  if (destination.is_busy || std::exchange(destination.is_due, true)) return;
  with_.loop.post([this, broker, alive = alive_] {
    if (*alive) flush(broker);
  });
}

void MarkerSender::flush(BrokerId broker) {
  Destination& destination = destinations_[broker];
  destination.is_due = false;
  if (destination.is_busy || destination.waiting.empty()) return;
  std::vector<Part> parts = std::exchange(destination.waiting, {});
  if (parts.size() > kMarkersAtOnce) {
    const auto rest = parts.begin() + kMarkersAtOnce;
    destination.waiting.assign(std::make_move_iterator(rest), std::make_move_iterator(parts.end()));
    parts.erase(rest, parts.end());
  }
  destination.is_busy = true;
  rpc::NumberedMarkers markers{.sender = with_.self,
                               .sender_nonce = with_.nonce,
                               .receiver_nonce = {},
                               .number = ++destination.last_number,
                               .request = {}};
  for (const Part& part : parts) markers.request.markers.push_back(marker_for_wire(part.marker));
  const auto sent = std::make_shared<std::vector<Part>>(std::move(parts));
  auto heard = [this, broker, sent, alive = alive_,
                &loop = with_.loop](Result<WriteTxnMarkersResponse> answer) {
    loop.post([this, broker, sent, alive, answer = std::move(answer)] {
      if (*alive) on_answer(broker, *sent, answer);
    });
  };
  const auto image = with_.metadata.image();
  const cluster::Broker* const to = image->broker(broker);
  if (broker == with_.self) {
    with_.here.write(std::move(markers.request),
                     [heard = std::move(heard)](WriteTxnMarkersResponse answer) mutable {
                       heard(std::move(answer));
                     });
  } else if (to == nullptr) {
    heard(fail(ErrorCode::NetworkException));
  } else {
    markers.receiver_nonce = to->start_nonce;
    with_.peers.write_markers(*to, std::move(markers), with_.timeout, std::move(heard));
  }
}

void MarkerSender::on_answer(BrokerId broker, const std::vector<Part>& parts,
                             const Result<WriteTxnMarkersResponse>& answer) {
  destinations_[broker].is_busy = false;
  if (!answer) {
    LOG_EVERY_T(WARNING, 5) << "[broker " << broker << "] " << parts.size()
                            << " transaction markers are not known to be written: "
                            << answer.error();
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    const std::vector<ErrorCode> codes = answer ? codes_of(*answer, i) : std::vector<ErrorCode>();
    for (std::size_t k = 0; k < part.indexes.size(); ++k) {
      part.call->settle(part.indexes[k],
                        k < codes.size() ? outcome_of(codes[k]) : MarkerOutcome::NotWritten);
    }
  }
  if (!destinations_[broker].waiting.empty()) flush_soon(broker);
}

}  // namespace ottla::transaction
