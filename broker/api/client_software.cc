#include "broker/api/client_software.h"

#include <utility>

#include "common/metrics/network_metrics.h"

namespace ottla::api {
namespace {

constexpr const char* kOther = "other";
constexpr const char* kUnknown = "unknown";  // said by clients that say nothing, as Kafka has it

/// The first version that Kafka 4 still serves, where it is not 0 (KIP-896, and the first versions
/// that kafka-clients 4.1.1 knows). JoinGroup 0 and 1, which 4.0.0 lacks, are back since 4.0.1.
std::int16_t oldest_to_stay(protocol::ApiKey api) {
  using protocol::ApiKey;
  switch (api) {
    case ApiKey::Fetch:
      return 4;
    case ApiKey::Produce:
      return 3;
    case ApiKey::OffsetCommit:
    case ApiKey::CreateTopics:
    case ApiKey::OffsetForLeaderEpoch:
      return 2;
    case ApiKey::ListOffsets:
    case ApiKey::OffsetFetch:
    case ApiKey::DeleteTopics:
    case ApiKey::WriteTxnMarkers:
    case ApiKey::DescribeAcls:
    case ApiKey::CreateAcls:
    case ApiKey::DeleteAcls:
    case ApiKey::DescribeConfigs:
    case ApiKey::AlterReplicaLogDirs:
    case ApiKey::DescribeLogDirs:
    case ApiKey::CreateDelegationToken:
    case ApiKey::RenewDelegationToken:
    case ApiKey::ExpireDelegationToken:
    case ApiKey::DescribeDelegationToken:
      return 1;
    default:
      return 0;
  }
}

std::string or_unknown(const std::string& said) {
  return said.empty() ? kUnknown : said;
}

}  // namespace

ClientSoftware::ClientSoftware(metrics::Registry& registry)
    : registry_(registry),
      gauge_(registry.gauges(metrics::kClientConnections, [this](metrics::GaugeSink& sink) {
        const MutexLock lock(mutex_);
        for (const auto& [kind, count] : connections_) {
          const auto& [name, version, listener] = kind;
          sink.add({name, version, listener}, static_cast<double>(count));
        }
      })) {}

std::shared_ptr<void> ClientSoftware::connected(const std::string& name, const std::string& version,
                                                const std::string& listener) {
  Kind kind{or_unknown(name), or_unknown(version), listener};
  const MutexLock lock(mutex_);
  if (connections_.size() >= kMostKinds && !connections_.contains(kind)) {
    kind = {kOther, kOther, listener};
  }
  ++connections_[kind];
  return {nullptr, [self = shared_from_this(), kind](void*) {
            const MutexLock held(self->mutex_);
            const auto found = self->connections_.find(kind);
            if (--found->second == 0) self->connections_.erase(found);
          }};
}

void ClientSoftware::requested(protocol::ApiKey api, protocol::ApiVersion version,
                               const std::string& name, const std::string& software_version) {
  if (version.value() >= oldest_to_stay(api)) return;
  Request request{api, version.value(), or_unknown(name), or_unknown(software_version)};
  const MutexLock lock(mutex_);
  if (deprecated_.size() >= kMostKinds && !deprecated_.contains(request)) {
    request = {api, version.value(), kOther, kOther};
  }
  auto& counter = deprecated_[request];
  if (!counter) {
    counter =
        registry_.counter(metrics::kDeprecatedRequests,
                          {std::string(protocol::name_of(api)), std::to_string(version.value()),
                           std::get<2>(request), std::get<3>(request)});
  }
  counter->add();
}

}  // namespace ottla::api
