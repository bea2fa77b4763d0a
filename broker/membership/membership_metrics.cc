#include "broker/membership/membership_metrics.h"

#include "common/metrics/server_metrics.h"

namespace ottla::membership {

using zookeeper::SessionEvent;

SessionMetrics::SessionMetrics(metrics::Registry& registry)
    : connects_(registry.counter(metrics::kZooKeeperSyncConnects)),
      disconnects_(registry.counter(metrics::kZooKeeperDisconnects)),
      expires_(registry.counter(metrics::kZooKeeperExpires)),
      state_(registry.gauge(metrics::kZooKeeperSessionState,
                            [this] { return connected_ ? 1.0 : 0.0; })) {}

void SessionMetrics::on_session(const SessionEvent& event) {
  connected_ = event.kind == SessionEvent::Kind::Established;
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
