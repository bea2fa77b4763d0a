#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "common/env/clock.h"
#include "common/metrics/counter.h"
#include "common/metrics/histogram.h"
#include "common/metrics/registry.h"
#include "common/protocol/api.h"

namespace ottla::api {

class RequestMetrics;

/// Records how long a request took when it is destroyed, however the request ended.
class RequestTimer {
 public:
  RequestTimer() = default;
  RequestTimer(std::shared_ptr<const RequestMetrics> metrics, protocol::ApiKey api);
  RequestTimer(RequestTimer&&) noexcept = default;
  RequestTimer& operator=(RequestTimer&&) = delete;
  ~RequestTimer();

 private:
  std::shared_ptr<const RequestMetrics> metrics_;
  protocol::ApiKey api_{};
  env::MonotonicTime begun_{};
};

/// The series of kafka.network:type=RequestMetrics for each API that is served.
/// Thread: any.
class RequestMetrics : public std::enable_shared_from_this<RequestMetrics> {
 public:
  /// `clock` outlives every request.
  RequestMetrics(metrics::Registry& registry, const env::Clock& clock);

  /// Counts a request that begins. `bytes`: its frame.
  [[nodiscard]] RequestTimer begin(protocol::ApiKey api, protocol::ApiVersion version,
                                   std::size_t bytes) const;

 private:
  friend class RequestTimer;

  struct Series {
    std::vector<std::shared_ptr<metrics::Counter>> by_version;
    std::shared_ptr<metrics::Histogram> bytes;
    std::shared_ptr<metrics::Histogram> total_us;
  };

  const env::Clock& clock_;
  std::map<protocol::ApiKey, std::vector<Series>> series_;  ///< Under each of its names.
};

}  // namespace ottla::api
