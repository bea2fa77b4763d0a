#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "common/base/topic_partition.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"
#include "common/testing/simulated_zookeeper.h"
#include "simulation/deliberate_bugs.h"
#include "simulation/network.h"
#include "simulation/simulated_broker.h"
#include "simulation/topic_catalog.h"

namespace ottla::simulation {

/// Of each broker, on one disk: logs move between them.
inline constexpr std::array<const char*, 2> kLogDirectories = {"/data-1", "/data-2"};

/// A whole cluster on simulated time, network, disks and ZooKeeper, and the way of clients to it.
class Cluster {
 public:
  struct Options {
    std::uint64_t seed = 1;
    int brokers = 3;
    DeliberateBugs bugs;
  };

  explicit Cluster(Options options);
  ~Cluster();

  [[nodiscard]] testing::SimulatedWorld& world() { return world_; }
  [[nodiscard]] env::Random& random() { return world_.random(); }
  [[nodiscard]] testing::SimulatedZooKeeper& zookeeper() { return zookeeper_; }
  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] const std::vector<BrokerId>& broker_ids() const { return ids_; }
  [[nodiscard]] SimulatedBroker& broker(BrokerId id) { return *hosts_.at(id).broker; }
  [[nodiscard]] testing::SimulatedFileSystem& disk(BrokerId id) { return *hosts_.at(id).files; }

  [[nodiscard]] TopicCatalog& topics() { return topics_; }
  [[nodiscard]] const DeliberateBugs& bugs() const { return bugs_; }

  void start_all();

  /// The process dies; its files stay.
  void crash_process(BrokerId id);
  /// The host dies: what was not synced may be gone.
  void crash_host(BrokerId id);
  /// The process is killed, and one of its disks replaced by an empty one. Counts as a crash of the
  /// host.
  void empty_log_dir(BrokerId id, const std::string& directory);
  /// The process is killed, and one log is moved away. False if it has none.
  bool lose_log(BrokerId id);

  /// After so many more operations one fails on what lies below `directory`, and all from then on:
  /// of those that change something. Until the disk's fault is taken away.
  void fail_log_dir(BrokerId id, const std::string& directory, std::uint64_t operations);

  /// Its host's clock shows another time from now on.
  void jump_wall_clock(BrokerId id, std::int64_t by_ms) {
    world_.jump_wall_clock(broker(id).process_id(), by_ms);
  }

  /// Whether ZooKeeper says, this moment, that the broker leads the partition in that epoch.
  [[nodiscard]] bool is_elected(BrokerId id, LeaderEpoch epoch, const TopicPartition& partition,
                                const TopicId& topic) const;

  /// What a broker may have lost besides its memory.
  struct Loss {
    BrokerId broker;
    std::optional<TopicPartition> log;  ///< None: something of any of its logs.

    [[nodiscard]] bool concerns(BrokerId other, const TopicPartition& name) const {
      return other == broker && (!log || *log == name);
    }
  };
  /// In the order in which they happened.
  [[nodiscard]] const std::vector<Loss>& losses() const { return losses_; }
  /// Called before something is lost: the last chance to see what the broker holds. Where it says
  /// no the process dies, and that is all.
  void before_loss(std::function<bool(const Loss&)> may_be) { before_loss_ = std::move(may_be); }
  /// Called when it is.
  void on_loss(std::function<void(const Loss&)> listener) {
    loss_listeners_.push_back(std::move(listener));
  }

  // Clients.

  /// A client's request: `deliver` runs on the broker's loop if the request gets there, and answers
  /// by the callback that it is given. `done` runs once, outside all brokers: with the answer, or
  /// with nullopt when none came within `timeout`.
  template <class Reply>
  void ask(BrokerId to, env::Duration timeout,
           std::function<void(SimulatedBroker&, Callback<Reply>)> deliver,
           Callback<std::optional<Reply>> done);

  /// No client reaches the broker, nor hears of it, until `heal_clients`.
  void cut_clients(BrokerId broker) {
    deaf_to_clients_.insert(broker);
    mute_to_clients_.insert(broker);
  }
  /// Requests get to the broker, its answers to nobody.
  void cut_answers_to_clients(BrokerId broker) { mute_to_clients_.insert(broker); }
  void heal_clients() {
    deaf_to_clients_.clear();
    mute_to_clients_.clear();
  }
  /// No more lost requests and replies of clients.
  void calm_clients() { client_losses_per_mille_ = 0; }

  /// Runs `task` later, outside all brokers.
  void after(env::Duration delay, Task task);

 private:
  /// The process dies, and `take` takes what is lost, unless `before_loss` says no.
  void lose(const Loss& loss, const std::function<void()>& take);

  struct Host {
    std::unique_ptr<testing::SimulatedFileSystem> files;
    std::unique_ptr<SimulatedBroker> broker;
  };

  [[nodiscard]] BrokerConfig broker_config(BrokerId id) const;
  [[nodiscard]] env::Duration client_delay();
  /// Whether this message between clients and a broker is lost, if those are cut off.
  [[nodiscard]] bool is_lost(BrokerId broker, const std::set<BrokerId>& cut_off);

  testing::SimulatedWorld world_;
  testing::SimulatedZooKeeper zookeeper_;
  Network network_;
  TopicCatalog topics_;
  const DeliberateBugs bugs_;
  std::vector<BrokerId> ids_;
  std::map<BrokerId, Host> hosts_;
  std::unique_ptr<env::Executor> outside_;
  std::map<std::uint64_t, env::TimerHandle> timers_;
  std::uint64_t last_timer_ = 0;
  std::set<BrokerId> deaf_to_clients_;
  std::set<BrokerId> mute_to_clients_;
  std::uint64_t client_losses_per_mille_ = 5;
  std::vector<Loss> losses_;
  std::function<bool(const Loss&)> before_loss_;
  std::vector<std::function<void(const Loss&)>> loss_listeners_;
};

template <class Reply>
void Cluster::ask(BrokerId to, env::Duration timeout,
                  std::function<void(SimulatedBroker&, Callback<Reply>)> deliver,
                  Callback<std::optional<Reply>> done) {
  struct Exchange {
    Callback<std::optional<Reply>> done;
    void end(std::optional<Reply> reply) {
      if (auto ending = std::exchange(done, nullptr)) std::move(ending)(std::move(reply));
    }
  };
  auto exchange = std::make_shared<Exchange>(Exchange{std::move(done)});
  after(timeout, [exchange] { exchange->end(std::nullopt); });
  after(client_delay(), [this, to, exchange, deliver = std::move(deliver)]() mutable {
    SimulatedBroker& target = broker(to);
    env::Executor* const loop = target.client_loop();
    if (loop == nullptr) return exchange->end(std::nullopt);  // connection refused
    if (is_lost(to, deaf_to_clients_)) return;
    loop->post([this, to, exchange, &target, deliver = std::move(deliver)] {
      deliver(target, [this, to, exchange](Reply reply) {
        if (is_lost(to, mute_to_clients_)) return;
        after(client_delay(),
              [exchange, reply = std::move(reply)]() mutable { exchange->end(std::move(reply)); });
      });
    });
  });
}

}  // namespace ottla::simulation
