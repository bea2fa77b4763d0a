#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "broker/controller_channel.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replicas.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/rpc/control.h"

namespace ottla::broker {

/// A broker that is about to stop hands over what it leads (controlled shutdown). The controller is
/// asked often, so that another controller or a follower that catches up costs no whole backoff;
/// what is limited is the time, which is that of Kafka's retries:
///
///     asking --nothing is led here any more--------------------------> done (true)
///      |  ^-- after kPause --.
///      `--refused, no answer-'--time is up, ZooKeeper is not reached,
///                               or there is nobody to hand over to --> done (false)
///
/// Without ZooKeeper no controller can move anything: one question, for the case that the
/// controller has the connection that this broker lost. Thread: `loop`; the constructor and
/// destructor any.
class HandOver : public std::enable_shared_from_this<HandOver> {
 public:
  /// References outlive it.
  struct Surroundings {
    BrokerId self;
    replica::Replicas& replicas;
    ControllerChannel& channel;
    const metadata::MetadataCache& metadata;
    std::function<bool()> is_zookeeper_connected;
    const env::Clock& clock;
    env::Executor& loop;
  };
  struct Limits {
    env::Duration patience;       ///< controlled.shutdown.max.retries x its backoff.
    env::Duration answer_within;  ///< controller.socket.timeout.ms
  };
  HandOver(Surroundings with, Limits limits, Callback<bool> done);

  void start();

 private:
  void ask();
  void on_answer(std::uint64_t question, const std::string& hindrance);
  void end(bool is_done);

  const Surroundings with_;
  const Limits limits_;
  Callback<bool> done_;
  env::MonotonicTime deadline_{};
  std::uint64_t question_ = 0;  ///< The one that is open; answers to others are late.
  bool can_succeed_ = false;
  std::string hindrance_;  ///< What was logged last.
  env::TimerHandle timer_;
};

}  // namespace ottla::broker
