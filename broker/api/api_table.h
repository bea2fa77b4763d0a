#pragma once

#include <span>

#include "broker/api/call.h"
#include "common/protocol/api.h"

namespace ottla::api {

/// What a principal must be allowed to do for a request to be looked at; the handler asks for each
/// topic. Nothing is refused as long as no authorizer is configured.
enum class Authorization : std::uint8_t {
  None,                 ///< Before and after authentication.
  EachTopic,            ///< Topics that may not be seen are left out or refused one by one.
  DescribeCluster,      ///< DESCRIBE on CLUSTER
  AlterCluster,         ///< ALTER on CLUSTER
  ClusterAction,        ///< CLUSTER_ACTION on CLUSTER, or ALTER
  WriteTopics,          ///< WRITE on each TOPIC
  ReadTopics,           ///< READ on each TOPIC
  CreateTopics,         ///< CREATE on CLUSTER or on each TOPIC
  DeleteTopics,         ///< DELETE on each TOPIC
  AlterTopics,          ///< ALTER on each TOPIC
  IdempotentWrite,      ///< IDEMPOTENT_WRITE on CLUSTER, or WRITE on any TOPIC
  DescribeConfigs,      ///< DESCRIBE_CONFIGS on each resource
  AlterConfigs,         ///< ALTER_CONFIGS on each resource
  ReadGroup,            ///< READ on GROUP, and what else it names
  DescribeGroup,        ///< DESCRIBE on each GROUP
  DeleteGroup,          ///< DELETE on each GROUP
  WriteTransaction,     ///< WRITE on TRANSACTIONAL_ID, and what else it names
  DescribeTransaction,  ///< DESCRIBE on each TRANSACTIONAL_ID
};

/// Which quota a request counts for, besides request time.
enum class QuotaClass : std::uint8_t { Exempt, Request, Produce, Fetch, ControllerMutation };

struct ServedApi {
  protocol::ApiKey key;
  protocol::VersionRange versions;
  Handler handle;
  Authorization authorization;
  QuotaClass quota;
};

/// Everything this broker serves, by key. ApiVersions advertises exactly this; Ottla's own APIs
/// (protocol::is_own_api) to Ottla's own tools only.
[[nodiscard]] std::span<const ServedApi> served_apis();
/// Null when the API, or this version of it, is not served.
[[nodiscard]] const ServedApi* find_served(std::int16_t key, protocol::ApiVersion version);

}  // namespace ottla::api
