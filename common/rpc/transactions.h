#pragma once

#include <cstdint>
#include <string>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/cluster/broker.h"
#include "common/env/clock.h"
#include "common/protocol/messages/add_partitions_to_txn.h"
#include "common/protocol/messages/write_txn_markers.h"

/// What coordinators of transactions and leaders of partitions say to each other: Kafka's own
/// messages, so that a Kafka broker can be at either end.
namespace ottla::rpc {

/// Markers on their way to one broker. A sender numbers its requests to each broker upwards, one
/// under way at a time; one that was overtaken by a later number is not carried out any more: its
/// sender has given it up, sent its markers again, and gone on to the next transaction. Nor is one
/// between other starts of the two processes than those that run now: neither remembers the numbers
/// of before.
struct NumberedMarkers {
  BrokerId sender = kNoBroker;
  std::string sender_nonce{};    ///< cluster::Broker::start_nonce.
  std::string receiver_nonce{};  ///< Empty: a broker that does not tell.
  std::uint64_t number = 0;
  protocol::WriteTxnMarkersRequest request{};
};

/// The way to other brokers. A call ends once, on any thread: with the answer, or with
/// NetworkException or RequestTimedOut (it may or may not have been carried out).
/// Thread: any.
class TransactionPeers {
 public:
  virtual ~TransactionPeers() = default;
  virtual void write_markers(const cluster::Broker& to, NumberedMarkers markers,
                             env::Duration timeout,
                             Callback<Result<protocol::WriteTxnMarkersResponse>> done) = 0;
  virtual void add_partitions(const cluster::Broker& to,
                              protocol::AddPartitionsToTxnRequest request, env::Duration timeout,
                              Callback<Result<protocol::AddPartitionsToTxnResponse>> done) = 0;
};

/// The other side. Thread: called on any; answers on any.
class TransactionControl {
 public:
  virtual ~TransactionControl() = default;
  virtual void write_markers(NumberedMarkers markers,
                             Callback<protocol::WriteTxnMarkersResponse> reply) = 0;
  virtual void add_partitions(protocol::AddPartitionsToTxnRequest request,
                              Callback<protocol::AddPartitionsToTxnResponse> reply) = 0;
};

}  // namespace ottla::rpc
