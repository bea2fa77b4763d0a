#include "common/protocol/messages/describe_cluster.h"

#include "broker/api/endpoints.h"
#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using protocol::DescribeClusterRequest;
using protocol::DescribeClusterResponse;

constexpr std::int8_t kBrokers = 1;
constexpr std::int8_t kControllers = 2;

DescribeClusterResponse refuse(ErrorCode error, std::string message) {
  DescribeClusterResponse response;
  response.error_code = error;
  response.error_message = std::move(message);
  return response;
}

}  // namespace

void handle_describe_cluster(Call call, Services& services) {
  const auto request = decode_or_close<DescribeClusterRequest>(call);
  if (!request) return;
  if (request->endpoint_type == kControllers) {
    return answer(call, refuse(ErrorCode::MismatchedEndpointType,
                               "This is a broker; controllers have no endpoint of their own."));
  }
  if (request->endpoint_type != kBrokers) {
    return answer(call, refuse(ErrorCode::UnsupportedEndpointType,
                               "Unknown endpoint type " + std::to_string(request->endpoint_type)));
  }
  const auto image = services.metadata.image();
  DescribeClusterResponse response;
  response.cluster_id = services.cluster_id;
  if (image->broker(image->controller()) != nullptr) response.controller_id = image->controller();
  for (const auto& [id, broker] : image->brokers()) {
    const cluster::Endpoint* const endpoint = broker.endpoint(call.connection().listener);
    if (endpoint != nullptr) {
      response.brokers.push_back({id, endpoint->host, endpoint->port, broker.rack});
    }
  }
  if (request->include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kAllClusterOperations;
  }
  answer(call, response);
}

}  // namespace ottla::api
