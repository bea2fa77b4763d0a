#pragma once

#include <functional>
#include <memory>

#include "broker/network/network.h"
#include "broker/storage/log_cleaner.h"
#include "common/config/broker_config.h"
#include "common/env/resizable_pool.h"
#include "controller/controller.h"

namespace ottla::broker {

/// Brings dynamic broker configs (KIP-226) to the parts that were told of them at start. What a
/// part reads through a Binding needs none of this, and topics' defaults go through TopicConfigs.
/// Changes are applied one at a time on the I/O pool, since some of them wait.
/// Thread: any; destroyed before the parts.
class LiveConfigs {
 public:
  struct Parts {
    env::ResizablePool& io_pool;
    network::Network& network;
    controller::Controller& controller;
    storage::LogCleaner* log_cleaner = nullptr;  ///< Null: log.cleaner.enable=false.
    /// Clients and brokers are to be told other addresses. On the I/O pool.
    std::function<void()> announce_listeners{};
  };

  /// Applies what changed since the parts were made, and from now on each change.
  LiveConfigs(config::BrokerConfig& config, const Parts& parts);
  /// Waits for a change that is being told or applied.
  ~LiveConfigs();

  /// From now on listeners change too. `open` are the values by which the network has opened them,
  /// and by which they are announced.
  void follow_listeners(const config::BrokerValues& open);

 private:
  struct State;
  std::shared_ptr<State> state_;
  config::Subscription changes_;
};

}  // namespace ottla::broker
