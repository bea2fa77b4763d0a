#include "common/protocol/messages/find_coordinator.h"

#include <utility>

#include "broker/api/endpoints.h"
#include "broker/api/handlers.h"
#include "broker/api/topic_auto_creation.h"
#include "broker/group/log_records.h"
#include "broker/transaction/log_records.h"
#include "common/cluster/coordinator_partition.h"

namespace ottla::api {
namespace {

using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;

enum class KeyType : std::int8_t { Group = 0, Transaction = 1, Share = 2 };

struct Found {
  ErrorCode error = ErrorCode::None;
  BrokerId node = kNoBroker;
  cluster::Endpoint endpoint{.listener = "", .security_protocol = "", .host = "", .port = -1};
};

/// The leader of the key's partition in the topic that its coordinator writes to.
Found find(const std::string& key, std::int8_t key_type, const Call& call, Services& services) {
  std::string name;
  switch (static_cast<KeyType>(key_type)) {
    case KeyType::Group:
      name = group::kOffsetsTopic;
      break;
    case KeyType::Transaction:
      name = transaction::kTransactionsTopic;
      break;
    case KeyType::Share:  // Share groups do not exist in ZooKeeper mode.
      return {.error = call.version_at_least(6) ? ErrorCode::CoordinatorNotAvailable
                                                : ErrorCode::InvalidRequest};
    default:
      return {.error = ErrorCode::InvalidRequest};
  }
  const auto image = services.metadata.image();
  const auto topic = image->topic(name);
  if (!topic || topic->partitions.empty()) {
    services.auto_creation.create_for_coordinator(name, *image, *services.config.values());
    return {.error = ErrorCode::CoordinatorNotAvailable};
  }
  const auto count = static_cast<std::int32_t>(topic->partitions.size());
  const auto number = static_cast<std::size_t>(cluster::coordinator_partition(key, count));
  const BrokerId leader = topic->partitions[number].state.leader;
  const cluster::Endpoint* const endpoint = endpoint_of(*image, leader, call.connection().listener);
  if (endpoint == nullptr) return {.error = ErrorCode::CoordinatorNotAvailable};
  return {.error = ErrorCode::None, .node = leader, .endpoint = *endpoint};
}

}  // namespace

void handle_find_coordinator(Call call, Services& services) {
  const auto request = decode_or_close<FindCoordinatorRequest>(call);
  if (!request) return;
  FindCoordinatorResponse response;
  if (!call.version_at_least(4)) {
    const Found found = find(request->key, request->key_type, call, services);
    response.error_code = found.error;
    response.error_message =
        std::string(found.error == ErrorCode::None ? "NONE" : text_of(found.error));
    response.node_id = found.node;
    response.host = found.endpoint.host;
    response.port = found.endpoint.port;
    return answer(call, response);
  }
  for (const std::string& key : request->coordinator_keys) {
    const Found found = find(key, request->key_type, call, services);
    auto& row = response.coordinators.emplace_back();
    row.key = key;
    row.error_code = found.error;
    row.node_id = found.node;
    row.host = found.endpoint.host;
    row.port = found.endpoint.port;
  }
  answer(call, response);
}

}  // namespace ottla::api
