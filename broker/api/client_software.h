#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "common/base/mutex.h"
#include "common/metrics/counter.h"
#include "common/metrics/registry.h"
#include "common/protocol/api.h"

namespace ottla::api {

/// Counts connections by what their clients say they are (KIP-511), and requests in versions that
/// Kafka 4 no longer serves (KIP-896). Clients name these series, so there is a bound: more than
/// so many kinds count as "other".
/// Thread: any (mutex_).
class ClientSoftware : public std::enable_shared_from_this<ClientSoftware> {
 public:
  explicit ClientSoftware(metrics::Registry& registry);

  /// Counts a connection for as long as the result lives.
  [[nodiscard]] std::shared_ptr<void> connected(const std::string& name, const std::string& version,
                                                const std::string& listener) OTTLA_EXCLUDES(mutex_);
  /// Counts the request if its version is deprecated.
  void requested(protocol::ApiKey api, protocol::ApiVersion version, const std::string& name,
                 const std::string& software_version) OTTLA_EXCLUDES(mutex_);

 private:
  using Kind = std::tuple<std::string, std::string, std::string>;
  using Request = std::tuple<protocol::ApiKey, std::int16_t, std::string, std::string>;
  static constexpr std::size_t kMostKinds = 200;

  metrics::Registry& registry_;
  mutable Mutex mutex_{LockRank::Leaf};
  std::map<Kind, std::int64_t> connections_ OTTLA_GUARDED_BY(mutex_);
  std::map<Request, std::shared_ptr<metrics::Counter>> deprecated_ OTTLA_GUARDED_BY(mutex_);
  const metrics::Registry::Registration gauge_;
};

}  // namespace ottla::api
