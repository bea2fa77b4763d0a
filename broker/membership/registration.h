#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "broker/membership/back_off.h"
#include "common/base/id.h"
#include "common/cluster/broker.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/random.h"
#include "common/zookeeper/client.h"
#include "common/zookeeper/postbox.h"
#include "common/zookeeper/store.h"

namespace ottla::membership {

/// What is to be done about a node that stands at our /brokers/ids/N.
enum class NodeVerdict : std::uint8_t {
  Adopt,    ///< Ours, of the session that lives.
  Replace,  ///< Ours, but of a session or process that is gone, or of before a log dir's return:
            ///< delete and create.
  Wait,     ///< Somebody else's, as far as we can tell: wait for the end of its session.
};

/// What this process knows about itself when it judges a node.
struct OwnTraces {
  std::int64_t session_id = 0;
  /// Sessions that this process had before.
  std::set<std::int64_t> former_sessions;
  /// It has been registered before: no earlier process's node can be left.
  bool was_registered = false;
};

/// Pure. An earlier process's node is ours to replace if one of the log directories whose locks it
/// held is locked by us now, and the same kernel granted both locks: then that process is gone.
/// docs/zookeeper.md tells why that is safe.
[[nodiscard]] NodeVerdict judge_node(const cluster::Broker& self, const OwnTraces& traces,
                                     const zookeeper::Versioned<cluster::Broker>& node);

/// Told on the registration's loop.
class RegistrationListener {
 public:
  virtual ~RegistrationListener() = default;
  /// The broker is registered under `epoch`; another one after each loss of the session.
  virtual void registered(BrokerEpoch epoch) = 0;
  /// It is not any more: the session ended, or the node is gone or another's. The registration goes
  /// on trying.
  virtual void lost(const std::string& why) = 0;
};

enum class RegistrationStatus : std::uint8_t {
  NotStarted,
  NoSession,    ///< ZooKeeper is not reached.
  Registering,  ///< Under way, or to be repeated soon.
  ForeignNode,  ///< Another's node stands there: waiting for the end of its session.
  Registered,
};
[[nodiscard]] const char* name_of(RegistrationStatus status);

/// Keeps the ephemeral /brokers/ids/N alive for ever: registers, watches the node, registers again
/// after a lost session, repeats what failed. What stands in ZooKeeper is always read before it is
/// written, so that an unknown outcome is found out and never guessed.
/// Thread: `loop`; `status` and `epoch`: any. The client is told of it with `add_listener`, before
/// its start; destroyed after the client was closed.
class BrokerRegistration final : public zookeeper::ClientListener {
 public:
  BrokerRegistration(zookeeper::Client& client, env::Executor& loop, const env::Clock& clock,
                     env::Random& random, RegistrationListener& listener);

  /// From now on the broker is to be registered: its log directories are locked (`broker` has their
  /// ids and the boot id), its logs recovered, its sockets bound.
  void start(cluster::Broker broker);
  /// Other endpoints or rack: the node is rewritten in place and keeps its epoch. With more
  /// `log_dirs_returned` it is made anew, and the broker has another epoch.
  void update(cluster::Broker broker);
  /// No further attempt, no further call of the listener. The node goes with the session.
  void stop();

  [[nodiscard]] RegistrationStatus status() const { return status_.load(); }
  /// kUnknownBrokerEpoch while not registered.
  [[nodiscard]] BrokerEpoch epoch() const { return BrokerEpoch(epoch_.load()); }

  // ClientListener, on the client's thread.
  void on_session(const zookeeper::SessionEvent& event) override;
  void on_watch(const zookeeper::WatchEvent& event) override;

 private:
  using Found = zookeeper::StoreResult<zookeeper::Versioned<cluster::Broker>>;

  void session_changed(const zookeeper::SessionEvent& event);
  /// Reads the node and acts on what it finds.
  void look();
  void act_on(const Found& found);
  void write_node(std::optional<std::int32_t> replaces);
  void adopt(const zookeeper::Versioned<cluster::Broker>& node);
  void wait_for_end_of(const zookeeper::Versioned<cluster::Broker>& node);
  void look_later();
  /// Tells the listener, if the broker was registered. The listener may stop all this.
  void lose(const std::string& why);

  zookeeper::Store store_;
  zookeeper::Postbox postbox_;
  env::Executor& loop_;
  const env::Clock& clock_;
  RegistrationListener& listener_;
  BackOff back_off_;

  std::optional<cluster::Broker> broker_;  ///< Set from `start` to `stop`.
  OwnTraces traces_;
  /// Raised by whatever makes an answer under way worthless.
  std::uint64_t look_number_ = 0;
  env::TimerHandle retry_;
  std::atomic<RegistrationStatus> status_{RegistrationStatus::NotStarted};
  std::atomic<std::int64_t> epoch_{kUnknownBrokerEpoch.value()};
};

}  // namespace ottla::membership
