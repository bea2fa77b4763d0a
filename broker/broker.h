#pragma once

#include <memory>

#include "common/base/error.h"
#include "common/config/broker_config.h"

namespace ottla::broker {

/// A whole broker. Builds every part, starts them in the order in which they need each other, and
/// stops them in the reverse one.
///
///   start: lock log dirs -> cluster id, broker id (ZooKeeper) -> configs -> load and recover logs
///          -> bind sockets -> register -> serve, once the controller has told the cluster's state
///   stop:  hand leadership over -> close listeners -> close streams -> flush and mark the logs
///          clean -> close the ZooKeeper session
///
/// Thread: one; both calls block.
class Broker {
 public:
  /// `config` outlives the broker.
  explicit Broker(config::BrokerConfig& config);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// Returns when the broker is registered and its listeners are open. Errors: what stands in the
  /// way of starting, with a text that says what to do.
  Result<> start();
  /// Controlled shutdown (KIP-143's retries), then a clean stop.
  void stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ottla::broker
