#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/env/clock.h"
#include "common/testing/simulated_world.h"
#include "common/zookeeper/client.h"

namespace ottla::testing {

struct SimulatedZooKeeperOptions {
  env::Duration session_timeout = std::chrono::seconds(6);
  /// One way between client and ensemble, drawn anew for each message (order is kept).
  env::Duration min_delay = std::chrono::microseconds(100);
  env::Duration max_delay = std::chrono::milliseconds(3);
  /// A client whose connection broke tries again after up to this long.
  env::Duration max_reconnect_delay = std::chrono::milliseconds(200);
  /// Chance in a million, for each operation, that the connection breaks around it.
  std::uint64_t connection_losses_per_million = 0;
  std::size_t max_in_flight = 10;
};

/// A ZooKeeper ensemble on simulated time, strict as the real one: zkVersions, zxids, ephemerals,
/// one-shot watches, multi, sequential nodes, sessions that end by time. What was on its way when a
/// connection broke is carried out or not, by the seed. The clients run the same pipeline
/// (zookeeper/pipeline.h) as the real one.
/// Thread: one (the world's). Must outlive its clients.
class SimulatedZooKeeper {
 public:
  using Options = SimulatedZooKeeperOptions;

  explicit SimulatedZooKeeper(SimulatedWorld& world, Options options = {});
  ~SimulatedZooKeeper();

  /// `name` is for the calls below; one live client has it at a time.
  [[nodiscard]] std::unique_ptr<zookeeper::Client> make_client(const std::string& name);

  // --- Faults ---

  /// No message passes between client and ensemble until `heal`. The client notices at once or
  /// after up to two thirds of the session timeout, by the seed; the ensemble ends the session
  /// when it has not heard of it for the timeout.
  void cut(const std::string& client);
  /// What the client sends gets to the ensemble and is carried out; no answer and no watch event
  /// comes back until `heal`. The client gives the connection up after a third to two thirds of the
  /// session timeout, and gets no other one.
  void cut_answers(const std::string& client);
  void heal(const std::string& client);
  void heal_all();
  /// Breaks the connection once; the client reconnects.
  void drop_connection(const std::string& client);
  /// Ends the session on the ensemble's side now; the client learns it when it next talks.
  void expire(const std::string& client);
  /// The watches that are set now never fire.
  void forget_watches(const std::string& client);
  /// The process is gone: no callback comes any more, the session lingers until its timeout.
  /// Destroy the client after that as usual.
  void crash(const std::string& client);
  /// SIGSTOP: the client's process (its executors are paused apart, with SimulatedWorld::pause)
  /// sends no pings and takes no answers until `resume`; its session ends by the timeout.
  void pause(const std::string& client);
  void resume(const std::string& client);
  /// The whole ensemble down and up again: nobody is connected meanwhile, sessions and nodes stay
  /// (their timeouts start anew, as after a leader election).
  void stop_ensemble();
  void start_ensemble();

  // --- Looking and touching from outside, as an operator's tool would ---

  [[nodiscard]] std::optional<zookeeper::Node> node(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> children(const std::string& path) const;
  /// Carried out now, without a session; fires watches.
  zookeeper::MultiResult apply(const std::vector<zookeeper::Op>& ops);
  /// A session's id of this client, 0 if it has none that lives.
  [[nodiscard]] std::int64_t session_of(const std::string& client) const;
  /// zxid of the last transaction.
  [[nodiscard]] std::int64_t last_zxid() const;

  /// One committed transaction, for checks of what was written by whom.
  struct Transaction {
    std::int64_t zxid = 0;
    std::int64_t session_id = 0;
    std::vector<zookeeper::Op> ops;
  };
  /// Every committed transaction, in order.
  [[nodiscard]] const std::vector<Transaction>& history() const;

 private:
  class Ensemble;
  class SimulatedClient;
  std::shared_ptr<Ensemble> ensemble_;
};

/// Invariants over a history: an empty string, or what is wrong.
/// /controller_epoch only rises, by one for each creation of /controller, and each transaction that
/// writes partition states checked the epoch that was current when it was committed.
[[nodiscard]] std::string check_controller_fencing(const SimulatedZooKeeper& ensemble);
/// For each partition state node: the leader epoch never falls, and rises when the leader changes.
[[nodiscard]] std::string check_leader_epochs(const SimulatedZooKeeper& ensemble);

}  // namespace ottla::testing
