#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/api/request_log.h"
#include "broker/network/request.h"
#include "common/base/error.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/metrics/counter.h"
#include "common/metrics/histogram.h"
#include "common/metrics/registry.h"
#include "common/protocol/api.h"

namespace ottla::api {

class RequestMetrics;

/// One request on its way from the socket to the socket: where its time went. Recorded when the
/// kernel has its answer, or when it ends without one.
/// Thread: the connection's loop, except `answered`.
class RequestTiming final : public network::AnswerObserver {
 public:
  RequestTiming(std::shared_ptr<const RequestMetrics> metrics, protocol::ApiKey api,
                env::MonotonicTime received);
  ~RequestTiming() override;

  /// Its handler has returned: what follows is waiting for others.
  void handled();
  /// It was answered, before it is handed to the connection. Thread: who answers.
  void answered();
  /// An answer told of these errors (None is success). Thread: who answers.
  void told(const std::vector<ErrorCode>& errors);
  /// Records were rewritten for an old client. Thread: who does it.
  void converted(env::Duration took, std::size_t memory);
  void in_turn() override;
  void sent() override;

  /// For the log of requests; null: it is off.
  void log_as(std::unique_ptr<RequestLogEntry> entry) { log_entry_ = std::move(entry); }
  [[nodiscard]] RequestLogEntry* log_entry() { return log_entry_.get(); }

 private:
  void record(env::MonotonicTime end);

  const std::shared_ptr<const RequestMetrics> metrics_;
  const protocol::ApiKey api_;
  const env::MonotonicTime received_;
  const env::MonotonicTime begun_;
  env::MonotonicTime handled_{};
  env::MonotonicTime answered_{};
  env::MonotonicTime in_turn_{};
  bool recorded_ = false;
  std::unique_ptr<RequestLogEntry> log_entry_;
};

/// The series of kafka.network:type=RequestMetrics for each API that is served.
/// Thread: any.
class RequestMetrics : public std::enable_shared_from_this<RequestMetrics> {
 public:
  /// `clock` outlives every request.
  RequestMetrics(metrics::Registry& registry, const env::Clock& clock);

  /// Counts a request that begins. `bytes`: its frame.
  [[nodiscard]] std::shared_ptr<RequestTiming> begin(protocol::ApiKey api,
                                                     protocol::ApiVersion version,
                                                     std::size_t bytes,
                                                     env::MonotonicTime received) const;
  /// What was converted for a client that reads or writes an old format.
  void converted(protocol::ApiKey api, env::Duration took, std::size_t memory) const;

 private:
  friend class RequestTiming;

  struct Series {
    std::vector<std::shared_ptr<metrics::Counter>> by_version;
    std::shared_ptr<metrics::Counter> successes;
    std::shared_ptr<metrics::Histogram> bytes;
    // In microseconds.
    std::shared_ptr<metrics::Histogram> queue;
    std::shared_ptr<metrics::Histogram> local;
    std::shared_ptr<metrics::Histogram> remote;
    std::shared_ptr<metrics::Histogram> throttled;
    std::shared_ptr<metrics::Histogram> response_queue;
    std::shared_ptr<metrics::Histogram> send;
    std::shared_ptr<metrics::Histogram> total;
    // Of Fetch and Produce.
    std::shared_ptr<metrics::Histogram> conversion;
    std::shared_ptr<metrics::Histogram> memory;
  };

  [[nodiscard]] Series make(protocol::ApiKey api, int last_version, const std::string& name);
  void count_error(protocol::ApiKey api, ErrorCode error) const OTTLA_EXCLUDES(mutex_);

  metrics::Registry& registry_;
  const env::Clock& clock_;
  std::map<protocol::ApiKey, std::vector<Series>> series_;  ///< Under each of its names.
  Series of_followers_;  ///< Shown for dashboards; stays at 0: followers are pushed to.
  mutable Mutex mutex_{LockRank::Leaf};
  mutable std::map<std::pair<protocol::ApiKey, ErrorCode>,
                   std::vector<std::shared_ptr<metrics::Counter>>>
      errors_ OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::api
