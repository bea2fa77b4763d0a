#include "broker/live_configs.h"

#include <glog/logging.h>

#include <utility>

#include "broker/settings.h"
#include "common/base/mutex.h"
#include "common/config/network_keys.h"

namespace ottla::broker {

struct LiveConfigs::State {
  State(config::BrokerConfig& broker_config, const Parts& live_parts)
      : config(broker_config), parts(live_parts) {}

  /// Takes the newest values, whichever change it was called for.
  void apply() OTTLA_EXCLUDES(mutex) {
    const MutexLock lock(mutex);
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
  }

  config::BrokerConfig& config;
  const Parts parts;
  Mutex mutex{LockRank::BrokerLifecycle};
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

LiveConfigs::~LiveConfigs() = default;

}  // namespace ottla::broker
