#include "controller/office.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

namespace ottla::controller {
namespace {

constexpr env::Duration kReadHolderAgain = std::chrono::milliseconds(500);
/// While this broker is cut off, it asks this often whether it still is.
constexpr env::Duration kAskForReachAgain = std::chrono::milliseconds(300);

}  // namespace

Office::Office(const ControllerConfig& config, zookeeper::Client& client, zookeeper::Store& store,
               env::Executor& executor, env::Clock& clock, env::Random& random,
               rpc::LivenessMonitor& liveness, rpc::Reach* reach, Listener listener)
    : config_(config),
      client_(client),
      store_(store),
      executor_(executor),
      clock_(clock),
      random_(random),
      liveness_(liveness),
      reach_(reach),
      listener_(std::move(listener)) {}

void Office::session_established() {
  if (phase_ == Phase::Left) return;
  if (phase_ == Phase::NoSession) phase_ = Phase::Watching;
  look();
}

void Office::session_lost() {
  if (phase_ == Phase::Left) return;
  leave_office("the ZooKeeper session expired");
  phase_ = Phase::NoSession;
  looking_ = false;
  look_again_ = false;
  unknown_epoch_.reset();
  retry_.reset();
  stop_watching();
  holder_czxid_ = 0;
  was_deposed_ = false;
  session_life_ = std::make_unique<Lifeline>();
}

void Office::deposed(const std::string& why) {
  if (phase_ != Phase::InOffice) return;
  leave_office(why);
  phase_ = Phase::Watching;
  look();
}

void Office::leave() {
  const std::optional<zookeeper::ControllerFence> fence = fence_;
  leave_office("the broker stops");
  phase_ = Phase::Left;
  stop_watching();
  // Nobody waits for the answer: the session's end frees the office too.
  if (fence) store_.resign(*fence, [](zookeeper::StoreResult<>) {});
}

void Office::look() {
  if (phase_ == Phase::NoSession || phase_ == Phase::Left) return;
  if (std::exchange(looking_, true)) {
    look_again_ = true;
    return;
  }
  store_.read_office(
      zookeeper::Watch::Yes,
      session_life_->guard([this](zookeeper::StoreResult<zookeeper::ControllerOffice> read) {
        looking_ = false;
        looked(std::move(read));
        // A watch is a hint: one that is missed costs no more than this (W18).
        audit_ =
            executor_.post_after(config_.audit_interval, session_life_->guard([this] { look(); }));
        if (std::exchange(look_again_, false)) look();
      }));
}

void Office::look_later() {
  retry_ = executor_.post_after(config_.zookeeper_retry, session_life_->guard([this] {
    retry_.reset();
    look();
  }));
}

bool Office::is_mine(const Holder& holder) const {
  return holder.value.broker == config_.broker_id && holder.ephemeral_owner == client_.session_id();
}

void Office::looked(zookeeper::StoreResult<zookeeper::ControllerOffice> read) {
  if (phase_ == Phase::NoSession || phase_ == Phase::Left || phase_ == Phase::Running) return;
  if (!read) return look_later();
  const std::optional<Holder>& holder = read->holder;
  if (phase_ == Phase::InOffice) {
    if (holder && is_mine(*holder) && read->epoch == fence_->epoch) return;
    leave_office("/controller is not this broker's any more");
    phase_ = Phase::Watching;
  }
  if (!holder) {
    set_holder(std::nullopt);
    stop_watching();
    holder_czxid_ = 0;
    was_deposed_ = false;
    return run(*std::move(read));
  }
  if (is_mine(*holder) && unknown_epoch_ == read->epoch && read->epoch_version) {
    return take_office({read->epoch, *read->epoch_version});  // The answer had been lost.
  }
  unknown_epoch_.reset();
  const bool kraft = holder->value.kraft_controller_epoch > 0;  // A migration: hands off.
  if (!kraft && holder->value.broker == config_.broker_id) {
    // Of an earlier process or an earlier term of this broker: nobody acts on it any more.
    return run(*std::move(read));
  }
  if (!kraft && condemned_czxid_ == holder->czxid) return run(*std::move(read));
  if (holder->czxid != holder_czxid_) watch_holder(*holder);
}

void Office::run(zookeeper::ControllerOffice office) {
  phase_ = Phase::Running;
  zookeeper::ControllerNode candidate;
  candidate.broker = config_.broker_id;
  candidate.timestamp_ms = clock_.wall_now_ms();
  store_.elect(candidate, office,
               session_life_->guard(
                   [this, office](zookeeper::StoreResult<zookeeper::ControllerFence> result) {
                     ran(office, std::move(result));
                   }));
}

void Office::ran(const zookeeper::ControllerOffice& office,
                 zookeeper::StoreResult<zookeeper::ControllerFence> result) {
  if (phase_ != Phase::Running) return;
  if (result) return take_office(*result);
  phase_ = Phase::Watching;
  switch (result.error()) {
    case zookeeper::StoreError::NodeExists:
    case zookeeper::StoreError::NoNode:
    case zookeeper::StoreError::BadVersion:
      return look();  // Somebody was faster.
    case zookeeper::StoreError::Unknown:
      unknown_epoch_ = office.epoch.next();
      return look();
    case zookeeper::StoreError::SessionExpired:
      return;
    case zookeeper::StoreError::ControllerMoved:
    case zookeeper::StoreError::Malformed:
    case zookeeper::StoreError::Other:
      return look_later();
  }
}

void Office::take_office(zookeeper::ControllerFence fence) {
  phase_ = Phase::InOffice;
  fence_ = fence;
  unknown_epoch_.reset();
  std::optional<LivenessChanged> predecessor;
  if (condemned_czxid_ && holder_broker_ && holder_liveness_ != rpc::Liveness::Alive) {
    predecessor = LivenessChanged{holder_broker_->id, holder_broker_->epoch, holder_liveness_};
  }
  stop_watching();
  holder_czxid_ = 0;
  was_deposed_ = false;
  set_holder(config_.broker_id);
  listener_.won(fence, std::move(predecessor));
  look();  // Leaves a watch on the new node.
}

void Office::leave_office(const std::string& why) {
  set_holder(std::nullopt);
  if (!fence_) return;
  fence_.reset();
  was_deposed_ = true;
  listener_.lost(why);
}

// ---- The other broker in office ----

void Office::watch_holder(const Holder& holder) {
  stop_watching();
  if (holder.czxid != holder_czxid_) {
    // Without a vacancy before it, it took the office over.
    quiet_ = was_deposed_         ? config_.silent_retake_quiet
             : holder_czxid_ != 0 ? config_.silent_takeover_quiet
                                  : env::Duration::zero();
    holder_since_ = clock_.now();
  }
  was_deposed_ = false;
  holder_czxid_ = holder.czxid;
  set_holder(holder.value.broker);
  store_.read_broker(
      holder.value.broker, zookeeper::Watch::No,
      watch_life_->guard(
          [this, holder](zookeeper::StoreResult<zookeeper::Versioned<cluster::Broker>> read) {
            if (read) return watch_liveness(std::move(read->value));
            // In office before it is registered: the session watch works meanwhile.
            takeover_ = executor_.post_after(kReadHolderAgain, watch_life_->guard([this, holder] {
              if (phase_ == Phase::Watching && holder_czxid_ == holder.czxid) watch_holder(holder);
            }));
          }));
}

void Office::watch_liveness(cluster::Broker broker) {
  holder_broker_ = std::move(broker);
  watch_ = liveness_.watch(
      *holder_broker_,
      watch_life_->post(executor_, [this](rpc::Liveness liveness) { holder_is(liveness); }));
}

void Office::stop_watching() {
  takeover_.reset();
  watch_.reset();
  holder_broker_.reset();
  holder_liveness_ = rpc::Liveness::Alive;
  condemned_czxid_.reset();
  watch_life_ = std::make_unique<Lifeline>();
}

void Office::holder_is(rpc::Liveness liveness) {
  if (phase_ != Phase::Watching) return;
  holder_liveness_ = liveness;
  takeover_.reset();
  condemned_czxid_.reset();
  if (liveness == rpc::Liveness::Alive) return;
  const bool dead = liveness == rpc::Liveness::ProcessDead;
  const env::Duration range = dead ? config_.takeover_backoff : config_.silent_takeover_backoff;
  env::Duration pause{static_cast<env::Duration::rep>(
      random_.below(static_cast<std::uint64_t>(range.count()) + 1))};
  if (!dead) {
    const env::Duration in_office = clock_.now() - holder_since_;
    pause += std::max(quiet_ - in_office, env::Duration::zero());
  }
  takeover_ = executor_.post_after(pause, watch_life_->guard([this, dead] {
    if (dead) return take_over("its process is dead");
    take_over_if_in_reach();
  }));
}

/// Of a silent holder. Who is cut off himself must not take the office with him.
void Office::take_over_if_in_reach() {
  if (reach_ == nullptr) return take_over("it is silent");
  reach_->ask(watch_life_->post(executor_, [this](bool in_reach) {
    if (phase_ != Phase::Watching || holder_liveness_ != rpc::Liveness::Silent) return;
    if (in_reach) return take_over("it is silent");
    takeover_ = executor_.post_after(kAskForReachAgain,
                                     watch_life_->guard([this] { take_over_if_in_reach(); }));
  }));
}

void Office::take_over(const char* why) {
  LOG(WARNING) << "controller " << *known_holder_ << ": " << why << ", broker " << config_.broker_id
               << " runs for the office";
  condemned_czxid_ = holder_czxid_;
  look();
}

void Office::set_holder(std::optional<BrokerId> broker) {
  if (known_holder_ == broker) return;
  known_holder_ = broker;
  listener_.holder_changed(broker);
}

}  // namespace ottla::controller
