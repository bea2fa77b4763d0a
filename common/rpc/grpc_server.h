#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/rpc/peer.h"

namespace grpc {
class CallbackGenericService;
}

namespace ottla::rpc {

class HighWatermarkSource;
class TransactionControl;

/// The broker's gRPC endpoint: the control service, pongs for liveness watches, what transactions
/// need, high watermarks for who computes lags, and the replication stream's service. Every call is
/// handed on and answered later; gRPC's threads never wait. Thread: any.
class GrpcServer {
 public:
  struct Options {
    std::string host;         ///< To bind: an address, or empty for all.
    std::int32_t port = 0;    ///< 0: the kernel picks one.
    std::string start_nonce;  ///< This start of the process; told in each pong.
    /// Whether this broker serves its clients; while it does not, pings are not answered, and it is
    /// silent to the others. Called on gRPC's threads; empty: it always does.
    std::function<bool()> serves = nullptr;
  };

  /// `broker`, `controller`, `streams`, `transactions` and `high_watermarks` (these three may be
  /// null) outlive the server.
  GrpcServer(Options options, BrokerControl& broker, ControllerControl& controller,
             grpc::CallbackGenericService* streams, TransactionControl* transactions = nullptr,
             const HighWatermarkSource* high_watermarks = nullptr);
  ~GrpcServer();

  /// Binds and serves. The bound port. Errors: BrokerNotAvailable with the address that is taken.
  Result<std::int32_t> start();
  /// Refuses new calls, cancels streams, waits until every call has ended.
  void stop();

 private:
  class ControlService;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ottla::rpc
