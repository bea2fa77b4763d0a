#pragma once

#include <glog/logging.h>

#include <optional>
#include <utility>
#include <vector>

#include "broker/api/request_metrics.h"
#include "broker/api/response_errors.h"
#include "broker/api/services.h"
#include "broker/network/request.h"
#include "common/protocol/frame.h"
#include "common/protocol/printer.h"

namespace ottla::api {

class FetchSessionCache;
class ProducerIds;
class TopicAutoCreation;
class ClientSoftware;
class TopicMetrics;

/// One request on its way through the API layer.
/// Thread: whoever holds it; `answer` may be called from any.
struct Call {
  network::Request request;
  protocol::RequestFrame header;  ///< Views into request.frame.
  network::Responder responder;
  std::shared_ptr<RequestTiming> timing{};  ///< Null for what is not served.

  [[nodiscard]] protocol::ApiVersion version() const { return header.version; }
  [[nodiscard]] bool version_at_least(std::int16_t version) const {
    return header.version.value() >= version;
  }
  [[nodiscard]] network::ConnectionInfo& connection() const { return *request.connection; }
  [[nodiscard]] env::Executor& loop() const { return *request.connection->loop; }
};

/// What handlers work with: the broker's services and the API layer's own state.
struct Services : Dependencies {
  FetchSessionCache& fetch_sessions;
  ProducerIds& producer_ids;
  TopicAutoCreation& auto_creation;
  TopicMetrics& topic_metrics;
  ClientSoftware& client_software;
};

using Handler = void (*)(Call call, Services& services);

/// The request's body. What cannot be decoded closes the connection, as Kafka does.
template <protocol::ApiMessage Request>
[[nodiscard]] std::optional<Request> decode_or_close(Call& call) {
  auto decoded = protocol::decode<Request>(call.header.body, call.version());
  if (decoded) {
    RequestLogEntry* const logged = call.timing ? call.timing->log_entry() : nullptr;
    if (logged != nullptr) [[unlikely]]
      logged->asked(protocol::to_string(*decoded));
    return *std::move(decoded);
  }
  VLOG(1) << "[" << call.connection().client_host << "] " << decoded.error();
  call.responder.close_connection();
  return std::nullopt;
}

template <protocol::ApiMessage Response>
void answer(Call& call, const Response& response) {
  auto frame = protocol::encode_response(response, call.version(), call.header.correlation_id);
  if (!frame) {
    LOG_EVERY_T(ERROR, 10) << "cannot encode the answer to " << Response::kName << " v"
                           << call.version() << ": " << frame.error();
    call.responder.close_connection();
    return;
  }
  if (call.timing) {
    std::vector<ErrorCode> errors;
    collect_errors(response, errors);
    call.timing->told(errors);
    RequestLogEntry* const logged = call.timing->log_entry();
    if (logged != nullptr && logged->wants_answer()) [[unlikely]] {
      logged->answered(protocol::to_string(response));
    }
    call.timing->answered();
  }
  call.responder.respond(*std::move(frame), std::move(call.timing));
}

}  // namespace ottla::api
