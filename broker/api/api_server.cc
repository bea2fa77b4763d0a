#include "broker/api/api_server.h"

#include <utility>
#include <vector>

#include "broker/api/api_table.h"
#include "broker/api/client_software.h"
#include "broker/api/fetch_session.h"
#include "broker/api/handlers.h"
#include "broker/api/producer_ids.h"
#include "broker/api/topic_auto_creation.h"
#include "broker/api/topic_metrics.h"
#include "common/config/network_keys.h"
#include "common/metrics/server_metrics.h"

namespace ottla::api {

struct ApiServer::State {
  explicit State(Dependencies dependencies)
      : own_registry(dependencies.metrics == nullptr ? std::make_unique<metrics::Registry>()
                                                     : nullptr),
        registry(own_registry ? *own_registry : *dependencies.metrics),
        request_metrics(std::make_shared<RequestMetrics>(registry, dependencies.clock)),
        topic_metrics(registry, dependencies.metadata),
        client_software(std::make_shared<ClientSoftware>(registry)),
        fetch_sessions(static_cast<std::size_t>(
                           dependencies.config.get(config::kMaxIncrementalFetchSessionCacheSlots)),
                       dependencies.random),
        producer_ids(dependencies.producer_id_blocks),
        auto_creation(dependencies.controller),
        services{std::move(dependencies), fetch_sessions, producer_ids,
                 auto_creation,           topic_metrics,  *client_software},
        gauges{registry.gauge(metrics::kFetchSessions,
                              [this] { return static_cast<double>(fetch_sessions.sessions()); }),
               registry.gauge(metrics::kFetchSessionPartitions,
                              [this] { return static_cast<double>(fetch_sessions.partitions()); }),
               registry.gauge(metrics::kFetchSessionEvictions,
                              [this] { return static_cast<double>(fetch_sessions.evictions()); })} {
  }

  const std::unique_ptr<metrics::Registry> own_registry;
  metrics::Registry& registry;
  const std::shared_ptr<RequestMetrics> request_metrics;
  TopicMetrics topic_metrics;
  const std::shared_ptr<ClientSoftware> client_software;
  FetchSessionCache fetch_sessions;
  ProducerIds producer_ids;
  TopicAutoCreation auto_creation;
  Services services;
  const std::vector<metrics::Registry::Registration> gauges;
};

ApiServer::ApiServer(Dependencies dependencies)
    : state_(std::make_unique<State>(std::move(dependencies))) {}

ApiServer::~ApiServer() = default;

void ApiServer::handle(network::Request request, network::Responder responder) {
  auto header = protocol::parse_request(request.frame->bytes());
  if (!header) return responder.close_connection();
  if (const ServedApi* const api = find_served(header->api_key, header->version)) {
    const auto timing = state_->request_metrics->begin(api->key, header->version,
                                                       request.frame->size(), request.received);
    timing->log_as(RequestLogEntry::begin(*header, *request.connection));
    state_->client_software->requested(api->key, header->version, request.connection->software_name,
                                       request.connection->software_version);
    api->handle({std::move(request), *std::move(header), std::move(responder), timing},
                state_->services);
    timing->handled();
    return;
  }
  Call call{std::move(request), *std::move(header), std::move(responder)};
  if (call.header.info != nullptr && call.header.info->key == protocol::ApiKey::ApiVersions) {
    return handle_unsupported_api_versions(std::move(call));
  }
  VLOG(1) << "[" << call.connection().client_host << "] api " << call.header.api_key << " v"
          << call.header.version << " is not served";
  call.responder.close_connection();
}

}  // namespace ottla::api
