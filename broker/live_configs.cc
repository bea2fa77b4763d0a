#include "broker/live_configs.h"

#include <glog/logging.h>

#include <utility>
#include <vector>

#include "broker/settings.h"
#include "common/base/mutex.h"
#include "common/config/listeners.h"
#include "common/config/network_keys.h"

namespace ottla::broker {
namespace {

struct Addresses {
  std::vector<network::ListenerOptions> listeners;
  std::vector<config::Listener> advertised;

  friend bool operator==(const Addresses&, const Addresses&) = default;
};

/// Of values that have been checked.
Addresses addresses_in(const config::BrokerValues& values) {
  auto listeners = listener_options(values);
  auto advertised = config::advertised_listeners(values);
  CHECK(listeners && advertised) << "not validated";
  return {*std::move(listeners), *std::move(advertised)};
}

}  // namespace

struct LiveConfigs::State {
  State(config::BrokerConfig& broker_config, const Parts& live_parts)
      : config(broker_config), parts(live_parts) {}

  /// Takes the newest values, whichever change it was called for.
  void apply() OTTLA_EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    if (is_over) return;
    const auto values = config.values();
    const auto threads = static_cast<std::size_t>(values->get(config::kNumIoThreads));
    if (threads != io_threads) {
      if (io_threads != 0) {
        LOG(INFO) << "num.io.threads " << io_threads << " -> " << threads;
      }
      io_threads = threads;
      parts.io_pool.resize(threads);
    }
    const network::NetworkOptions network = network_options(*values);
    if (network.network_threads != network_threads) {
      if (network_threads != 0) {
        LOG(INFO) << "num.network.threads " << network_threads << " -> " << network.network_threads;
      }
      parts.network.set_threads(network.network_threads);
      network_threads = network.network_threads;
    }
    parts.network.set_connection_limits(network.limits);
    parts.controller.set_topic_defaults(topic_rules(*values));
    if (parts.log_cleaner != nullptr) parts.log_cleaner->reconfigure(log_cleaner_options(*values));
    if (follows_listeners) apply_listeners(*values);
  }

  void apply_listeners(const config::BrokerValues& values) OTTLA_REQUIRES(mutex) {
    Addresses wanted = addresses_in(values);
    if (wanted == applied) return;
    if (wanted.listeners != applied.listeners) {
      if (const auto set = parts.network.set_listeners(wanted.listeners); !set) {
        LOG(ERROR) << set.error().message() << "; it is tried again with the next change";
        wanted.listeners = applied.listeners;
      }
    }
    applied = std::move(wanted);
    parts.announce_listeners();
  }

  /// Whether the network could.
  [[nodiscard]] Result<> check(const config::BrokerValues& wanted) const {
    OTTLA_TRY(const auto listeners, listener_options(wanted));
    return parts.network.check_listeners(listeners);
  }

  config::BrokerConfig& config;
  const Parts parts;
  Mutex mutex{LockRank::BrokerLifecycle};
  bool is_over OTTLA_GUARDED_BY(mutex) = false;
  bool follows_listeners OTTLA_GUARDED_BY(mutex) = false;
  Addresses applied OTTLA_GUARDED_BY(mutex);
  std::size_t io_threads OTTLA_GUARDED_BY(mutex) = 0;
  int network_threads OTTLA_GUARDED_BY(mutex) = 0;
};

LiveConfigs::LiveConfigs(config::BrokerConfig& config, const Parts& parts)
    : state_(std::make_shared<State>(config, parts)) {
  changes_ = config.on_change([state = state_] {
    // Ending the cleaner's runs may take a while.
    state->parts.io_pool.post([state] { state->apply(); });
  });
  state_->apply();
}

LiveConfigs::~LiveConfigs() {
  state_->config.check_with(nullptr);
  const MutexLock lock(state_->mutex);
  state_->is_over = true;
}

void LiveConfigs::follow_listeners(const config::BrokerValues& open) {
  {
    const MutexLock lock(state_->mutex);
    state_->follows_listeners = true;
    state_->applied = addresses_in(open);
  }
  state_->config.check_with(
      [state = state_](const config::BrokerValues& wanted) { return state->check(wanted); });
  state_->apply();
}

}  // namespace ottla::broker
