#include "broker/membership/membership_metrics.h"

#include <chrono>

#include "common/metrics/ottla_metrics.h"
#include "common/metrics/server_metrics.h"

namespace ottla::membership {

using zookeeper::SessionEvent;

SessionMetrics::SessionMetrics(metrics::Registry& registry, const env::Clock& clock)
    : clock_(clock),
      disconnected_(clock.now().time_since_epoch().count()),
      connects_(registry.counter(metrics::kZooKeeperSyncConnects)),
      disconnects_(registry.counter(metrics::kZooKeeperDisconnects)),
      expires_(registry.counter(metrics::kZooKeeperExpires)),
      state_(registry.gauge(metrics::kZooKeeperSessionState,
                            [this] { return connected_ ? 1.0 : 0.0; })),
      age_(registry.gauge(metrics::kZooKeeperSessionAge,
                          [this] { return seconds_since(session_began_); })),
      silence_(registry.gauge(metrics::kZooKeeperSilence,
                              [this] { return seconds_since(disconnected_); })) {}

double SessionMetrics::seconds_since(const std::atomic<std::int64_t>& moment) const {
  const std::int64_t at = moment;
  if (at == 0) return 0;
  return std::chrono::duration<double>(clock_.now().time_since_epoch() - env::Duration(at)).count();
}

void SessionMetrics::on_session(const SessionEvent& event) {
  connected_ = event.kind == SessionEvent::Kind::Established;
  const std::int64_t now = clock_.now().time_since_epoch().count();
  if (connected_) {
    disconnected_ = 0;
    if (session_.exchange(event.session_id) != event.session_id) session_began_ = now;
  } else {
    std::int64_t connected = 0;
    disconnected_.compare_exchange_strong(connected, now);
    if (event.kind == SessionEvent::Kind::Expired) session_began_ = 0;
  }
  switch (event.kind) {
    case SessionEvent::Kind::Established:
      return connects_->add();
    case SessionEvent::Kind::Suspended:
      return disconnects_->add();
    case SessionEvent::Kind::Expired:
      return expires_->add();
  }
}

RegistrationGauge::RegistrationGauge(const BrokerRegistration& registration,
                                     metrics::Registry& registry)
    : registered_(registry.gauge(metrics::kBrokerRegistered, [&registration] {
        return registration.status() == RegistrationStatus::Registered ? 1.0 : 0.0;
      })) {}

}  // namespace ottla::membership
