#pragma once

#include <atomic>
#include <memory>

#include "broker/membership/registration.h"
#include "common/env/clock.h"
#include "common/metrics/registry.h"
#include "common/zookeeper/client.h"

namespace ottla::membership {

/// Counts what happens to the lasting ZooKeeper session, under the names of Kafka's
/// SessionExpireListener. The client is told of it with `add_listener`, before its start.
/// Thread: any.
class SessionMetrics final : public zookeeper::ClientListener {
 public:
  SessionMetrics(metrics::Registry& registry, const env::Clock& clock);

  /// Whether ZooKeeper can be reached just now.
  [[nodiscard]] bool connected() const { return connected_; }

  // ClientListener, on the client's thread.
  void on_session(const zookeeper::SessionEvent& event) override;
  void on_watch(const zookeeper::WatchEvent& /*event*/) override {}

 private:
  /// Seconds since this moment; 0 if there is none.
  [[nodiscard]] double seconds_since(const std::atomic<std::int64_t>& moment) const;

  const env::Clock& clock_;
  std::atomic<bool> connected_ = false;
  // Monotonic nanoseconds; 0: there is none.
  std::atomic<std::int64_t> session_began_ = 0;
  std::atomic<std::int64_t> disconnected_ = 0;
  std::atomic<std::int64_t> session_ = 0;
  const std::shared_ptr<metrics::Counter> connects_;
  const std::shared_ptr<metrics::Counter> disconnects_;
  const std::shared_ptr<metrics::Counter> expires_;
  const metrics::Registry::Registration state_;
  const metrics::Registry::Registration age_;
  const metrics::Registry::Registration silence_;
};

/// Shows whether the broker is registered (W14: one that runs unregistered must be seen), for as
/// long as it lives.
class RegistrationGauge {
 public:
  RegistrationGauge(const BrokerRegistration& registration, metrics::Registry& registry);

 private:
  metrics::Registry::Registration registered_;
};

}  // namespace ottla::membership
