#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/simulated_world.h"
#include "common/testing/simulated_zookeeper.h"
#include "common/zookeeper/store.h"
#include "controller/controller.h"

/// For tests: brokers that consist of a controller, a registration, and a picture of the cluster
/// that the controller's commands paint; on a simulated ZooKeeper and simulated time.
namespace ottla::controller::testing {

class SmallCluster;

/// A broker's receiving end. Refuses what is stale, as the real one does, and checks what it gets.
class Receiver {
 public:
  struct Known {
    TopicId id;
    cluster::PartitionState state;
    bool was_new = false;
  };
  std::map<TopicPartition, Known> partitions;
  std::set<BrokerId> live_brokers;
  ControllerEpoch controller_epoch;
  std::vector<rpc::StopReplica> removed;
  std::map<TopicPartition, rpc::ReplicaLogAnswer::Partition> logs;
  std::set<TopicPartition> failed;  ///< Replicas in failed log dirs.
  int updates = 0;
  int full_updates = 0;
  int updates_with_more_to_come = 0;
  bool knows_all = false;

  rpc::ClusterUpdateReply take(const rpc::ClusterUpdate& update, BrokerEpoch own_epoch);
  [[nodiscard]] TopicId told_id(const std::string& topic) const;
  [[nodiscard]] std::vector<std::optional<cluster::PartitionState>> told(
      const cluster::Topic& topic) const;
};

struct SmallBroker {
  BrokerId id;
  std::string name;  ///< Of its ZooKeeper client.
  cluster::Broker registration;
  metrics::Registry metrics;
  std::unique_ptr<env::Executor> executor;
  std::unique_ptr<zookeeper::Client> client;
  std::unique_ptr<zookeeper::Store> store;
  std::unique_ptr<rpc::Peers> peers;
  std::unique_ptr<rpc::LivenessMonitor> liveness;
  std::unique_ptr<rpc::Reach> reach;
  std::unique_ptr<Controller> controller;
  Receiver receiver;
  bool dead = false;    ///< The process is gone.
  bool paused = false;  ///< The process does not run (SIGSTOP).
};

inline ControllerConfig quick_config() {
  ControllerConfig config;
  config.command_timeout = std::chrono::seconds(1);
  return config;
}

class SmallCluster {
 public:
  SmallCluster(std::uint64_t seed, int brokers,
               ::ottla::testing::SimulatedZooKeeperOptions options = {});
  ~SmallCluster();

  ControllerConfig config = quick_config();  ///< For brokers started from now on.
  ::ottla::testing::SimulatedWorld world;
  ::ottla::testing::SimulatedZooKeeper zookeeper;

  void start(int id, cluster::LastStop last_stop = cluster::LastStop::Clean);
  /// kill -9: the session lingers, connections are refused.
  void kill(int id);
  /// The host is gone: the session lingers, nobody answers.
  void power_off(int id);
  /// Nobody hears of it, and it hears of nobody but ZooKeeper.
  void set_liveness(int id, rpc::Liveness liveness);
  /// Messages to this broker get lost.
  void set_reachable(int id, bool reachable);
  /// Whether new watches are told at once what is known already, or hear of changes only.
  void set_watches_answer(bool answer) { watches_answer_ = answer; }
  /// It hears less than half of the others.
  void set_in_reach(int id, bool in_reach);
  /// SIGSTOP and SIGCONT: it does not run, and its session may end.
  void pause(int id);
  void resume(int id);
  void register_again(int id);

  SmallBroker& broker(int id) { return *brokers_.at(BrokerId(id)); }
  Controller& controller(int id) { return *broker(id).controller; }
  /// The one broker in office, or 0.
  int in_office();
  int wait_for_controller();
  [[nodiscard]] std::optional<cluster::PartitionState> state(const std::string& topic,
                                                             int partition);
  bool wait(std::function<bool()> condition, env::Duration limit = std::chrono::seconds(60));
  /// Creates a topic through the controller; the error.
  ErrorCode create_topic(const std::string& name, int partitions, int replication_factor,
                         std::map<std::string, std::string> configs = {});
  ErrorCode delete_topic(const std::string& name);

 private:
  friend class SmallPeers;
  friend class SmallPeer;
  friend class SmallLiveness;
  friend class SmallReach;
  friend class SmallWatch;

  void register_broker(SmallBroker& broker);
  void after(env::Duration delay, std::function<void()> task);
  [[nodiscard]] SmallBroker* alive(BrokerId id, BrokerEpoch epoch);

  struct Watcher {
    BrokerId of;
    std::shared_ptr<absl::AnyInvocable<void(rpc::Liveness)>> changed;
  };
  std::unique_ptr<env::Executor> network_;
  std::map<BrokerId, std::unique_ptr<SmallBroker>> brokers_;
  std::vector<std::unique_ptr<SmallBroker>> graveyard_;
  std::map<std::uint64_t, Watcher> watchers_;
  std::map<BrokerId, rpc::Liveness> liveness_;
  std::set<BrokerId> unreachable_;
  std::set<BrokerId> cut_off_;
  bool watches_answer_ = true;
  std::uint64_t last_watcher_ = 0;
  std::uint64_t last_message_ = 0;
  std::map<std::uint64_t, env::TimerHandle> messages_;
  int last_client_ = 0;
};

}  // namespace ottla::controller::testing
