#pragma once

#include <memory>

#include "broker/api/services.h"
#include "broker/network/request.h"

namespace ottla::api {

/// Serves Kafka's client protocol: parses each request's header and hands it to its handler.
/// Thread: any; a request is handled on its connection's loop.
class ApiServer final : public network::RequestHandler {
 public:
  explicit ApiServer(Dependencies dependencies);
  ~ApiServer() override;

  /// An API or a version that is not served, or a header that is none, closes the connection.
  void handle(network::Request request, network::Responder responder) override;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace ottla::api
