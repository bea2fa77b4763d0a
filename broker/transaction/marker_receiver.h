#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "broker/replica/transaction_markers.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/rpc/transactions.h"

namespace ottla::transaction {

/// The way into the partitions that this broker leads: replica::Replicas::append_markers.
class MarkerWriter {
 public:
  virtual ~MarkerWriter() = default;
  /// Appends inside the call, and answers when the in-sync replicas have the markers: one code for
  /// each partition, in order.
  virtual void append(replica::TransactionMarker marker, Callback<std::vector<ErrorCode>> done) = 0;
};

/// Writes the markers that coordinators send, unless a later request of the same sender has
/// overtaken them (rpc::NumberedMarkers).
/// Thread: one, its owner's: markers are appended in the order of the calls.
class MarkerReceiver {
 public:
  explicit MarkerReceiver(MarkerWriter& writer) : writer_(writer) {}

  void write(rpc::NumberedMarkers markers, Callback<protocol::WriteTxnMarkersResponse> done);
  void write(protocol::WriteTxnMarkersRequest request,
             Callback<protocol::WriteTxnMarkersResponse> done);

 private:
  struct Sender {
    std::string nonce;
    std::uint64_t last_number = 0;
  };

  MarkerWriter& writer_;
  std::map<BrokerId, Sender> senders_;
};

/// The same answer for every partition of the request.
[[nodiscard]] protocol::WriteTxnMarkersResponse answer_all(
    const protocol::WriteTxnMarkersRequest& request, ErrorCode error);

}  // namespace ottla::transaction
