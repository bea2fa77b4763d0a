#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "broker/status/elections.h"
#include "broker/status/lifecycle.h"
#include "broker/status/pages.h"
#include "broker/status/sources.h"
#include "common/base/error.h"
#include "common/config/broker_values.h"
#include "common/env/clock.h"
#include "common/http/server.h"
#include "common/metrics/registry.h"

namespace ottla::broker {

/// The HTTP listener of a broker (ottla.http.listener), if it is to have one, and what it shows.
/// Thread: one, except `elections`.
class HttpStatus {
 public:
  HttpStatus(metrics::Registry& registry, const env::Clock& clock)
      : clock_(clock),
        registry_(registry),
        lifecycle_(registry),
        pages_(registry, clock, lifecycle_) {}

  /// Long before there is anything to show: who asks is told how far the start is. A broker that
  /// nobody watches should not serve unnoticed: what cannot be listened on ends the start, as with
  /// Kafka whose JMX port or exporter's port is taken. Errors: InvalidConfig.
  Result<> start(const config::BrokerValues& values);
  /// From now on it shows how far their recovery is; they outlive `stop`.
  void attach_logs(const storage::LogStore& logs) { pages_.attach_logs(logs); }
  /// From now on it shows these parts; they outlive `stop`.
  void attach(status::Sources sources, const status::StallWatchdog& watchdog);
  void stop();

  [[nodiscard]] status::Lifecycle& lifecycle() { return lifecycle_; }
  /// host:port for the registration; `host` where ottla.http.advertised.host is unset.
  [[nodiscard]] std::optional<std::string> endpoint(const config::BrokerValues& values,
                                                    const std::string& host) const;
  /// An update of the controller was carried out. Thread: any.
  void metadata_changed(std::shared_ptr<const metadata::MetadataImage> image) {
    if (elections_) elections_->observe(std::move(image));
  }
  /// Before the first update.
  void follow_elections(BrokerId self);

 private:
  const env::Clock& clock_;
  metrics::Registry& registry_;
  status::Lifecycle lifecycle_;
  std::unique_ptr<status::Elections> elections_;
  status::Pages pages_;
  std::unique_ptr<http::Server> server_;
  std::uint16_t port_ = 0;  ///< 0: there is no listener.
};

}  // namespace ottla::broker
