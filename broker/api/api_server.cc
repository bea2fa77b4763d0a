#include "broker/api/api_server.h"

#include <utility>

#include "broker/api/api_table.h"
#include "broker/api/fetch_session.h"
#include "broker/api/handlers.h"
#include "broker/api/producer_ids.h"
#include "broker/api/topic_auto_creation.h"
#include "common/config/network_keys.h"

namespace ottla::api {

struct ApiServer::State {
  explicit State(Dependencies dependencies)
      : fetch_sessions(static_cast<std::size_t>(
                           dependencies.config.get(config::kMaxIncrementalFetchSessionCacheSlots)),
                       dependencies.random),
        producer_ids(dependencies.producer_id_blocks),
        auto_creation(dependencies.controller),
        services{std::move(dependencies), fetch_sessions, producer_ids, auto_creation} {}

  FetchSessionCache fetch_sessions;
  ProducerIds producer_ids;
  TopicAutoCreation auto_creation;
  Services services;
};

ApiServer::ApiServer(Dependencies dependencies)
    : state_(std::make_unique<State>(std::move(dependencies))) {}

ApiServer::~ApiServer() = default;

void ApiServer::handle(network::Request request, network::Responder responder) {
  auto header = protocol::parse_request(request.frame->bytes());
  if (!header) return responder.close_connection();
  const ServedApi* const api = find_served(header->api_key, header->version);
  Call call{std::move(request), *std::move(header), std::move(responder)};
  if (api != nullptr) {
    api->handle(std::move(call), state_->services);
  } else if (call.header.info != nullptr &&
             call.header.info->key == protocol::ApiKey::ApiVersions) {
    handle_unsupported_api_versions(std::move(call));
  } else {
    VLOG(1) << "[" << call.connection().client_host << "] api " << call.header.api_key << " v"
            << call.header.version << " is not served";
    call.responder.close_connection();
  }
}

}  // namespace ottla::api
