#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "broker/metadata/metadata_cache.h"
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
/// overtaken them, or one of the two has been started anew since (rpc::NumberedMarkers).
/// Thread: one, its owner's: markers are appended in the order of the calls.
class MarkerReceiver {
 public:
  /// `nonce`: of this start of the process.
  MarkerReceiver(MarkerWriter& writer, std::string nonce, metadata::MetadataCache& metadata)
      : writer_(writer), nonce_(std::move(nonce)), metadata_(metadata) {}

  void write(rpc::NumberedMarkers markers, Callback<protocol::WriteTxnMarkersResponse> done);
  void write(protocol::WriteTxnMarkersRequest request,
             Callback<protocol::WriteTxnMarkersResponse> done);

 private:
  struct Sender {
    std::string nonce;
    std::uint64_t last_number = 0;
  };
  [[nodiscard]] bool is_between_those_who_run(const rpc::NumberedMarkers& markers) const;

  MarkerWriter& writer_;
  const std::string nonce_;
  metadata::MetadataCache& metadata_;
  std::map<BrokerId, Sender> senders_;
};

/// The same answer for every partition of the request.
[[nodiscard]] protocol::WriteTxnMarkersResponse answer_all(
    const protocol::WriteTxnMarkersRequest& request, ErrorCode error);

}  // namespace ottla::transaction
