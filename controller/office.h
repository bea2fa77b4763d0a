#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/random.h"
#include "common/rpc/peer.h"
#include "common/rpc/reach.h"
#include "common/zookeeper/client.h"
#include "common/zookeeper/store.h"
#include "controller/config.h"
#include "controller/decide.h"
#include "controller/lifeline.h"

namespace ottla::controller {

/// The office of controller: runs for it, watches who holds it, and takes it over when the holder's
/// process dies. Epochs are learnt only by winning (W12); of a lost session nothing is kept.
///
///   NoSession --established--> Watching --nobody, or a stale node of mine--> Running
///   Running --won--> InOffice    Running --somebody was faster--> Watching
///   Watching --holder dead or long silent, after a random pause--> Running
///   InOffice --/controller is not mine any more, deposed--> Watching
///   any --session expired--> NoSession
///
/// Thread: controller.
class Office {
 public:
  struct Listener {
    /// This broker is controller now. `predecessor`: the holder from whom it was taken.
    std::function<void(zookeeper::ControllerFence, std::optional<LivenessChanged> predecessor)> won;
    std::function<void(const std::string& why)> lost;
    std::function<void(std::optional<BrokerId>)> holder_changed;
  };

  /// `reach` may be null: then silence is believed.
  Office(const ControllerConfig& config, zookeeper::Client& client, zookeeper::Store& store,
         env::Executor& executor, env::Clock& clock, env::Random& random,
         rpc::LivenessMonitor& liveness, rpc::Reach* reach, Listener listener);

  void session_established();
  void session_lost();
  /// /controller changed, or should be looked at.
  void look();
  /// This broker knows that it is not controller any more (a write or a command was fenced).
  void deposed(const std::string& why);
  /// Gives the office up for good (the broker stops).
  void leave();

  [[nodiscard]] bool in_office() const { return phase_ == Phase::InOffice; }

 private:
  enum class Phase : std::uint8_t { NoSession, Watching, Running, InOffice, Left };
  using Holder = zookeeper::Versioned<zookeeper::ControllerNode>;

  void looked(zookeeper::StoreResult<zookeeper::ControllerOffice> read);
  void look_later();
  [[nodiscard]] bool is_mine(const Holder& holder) const;
  void run(zookeeper::ControllerOffice office);
  void ran(const zookeeper::ControllerOffice& office,
           zookeeper::StoreResult<zookeeper::ControllerFence> result);
  void take_office(zookeeper::ControllerFence fence);
  void leave_office(const std::string& why);

  void watch_holder(const Holder& holder);
  void watch_liveness(cluster::Broker broker);
  void stop_watching();
  void holder_is(rpc::Liveness liveness);
  void take_over_if_in_reach();
  void take_over(const char* why);
  void set_holder(std::optional<BrokerId> broker);

  const ControllerConfig& config_;
  zookeeper::Client& client_;
  zookeeper::Store& store_;
  env::Executor& executor_;
  env::Clock& clock_;
  env::Random& random_;
  rpc::LivenessMonitor& liveness_;
  rpc::Reach* const reach_;
  Listener listener_;

  Phase phase_ = Phase::NoSession;
  bool looking_ = false;
  bool look_again_ = false;
  std::optional<zookeeper::ControllerFence> fence_;
  /// The epoch of an election whose outcome is not known.
  std::optional<ControllerEpoch> unknown_epoch_;

  // The other broker in office.
  std::optional<BrokerId> known_holder_;
  std::int64_t holder_czxid_ = 0;
  env::MonotonicTime holder_since_{};
  /// How long it must have been in office before it is deposed for silence.
  env::Duration quiet_{};
  bool was_deposed_ = false;
  std::optional<cluster::Broker> holder_broker_;
  std::unique_ptr<rpc::LivenessWatch> watch_;
  rpc::Liveness holder_liveness_ = rpc::Liveness::Alive;
  /// The holder's node that may be taken away: its process was judged.
  std::optional<std::int64_t> condemned_czxid_;
  env::TimerHandle takeover_;
  env::TimerHandle retry_;
  env::TimerHandle audit_;
  std::unique_ptr<Lifeline> watch_life_ = std::make_unique<Lifeline>();
  std::unique_ptr<Lifeline> session_life_ = std::make_unique<Lifeline>();
  Lifeline life_;
};

}  // namespace ottla::controller
