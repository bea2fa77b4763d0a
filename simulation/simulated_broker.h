#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/group/group_config.h"
#include "broker/replica/replicas_config.h"
#include "broker/storage/disk_probe.h"
#include "broker/storage/log_store.h"
#include "broker/transaction/transaction_config.h"
#include "common/base/id.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"
#include "common/testing/simulated_zookeeper.h"
#include "controller/config.h"
#include "simulation/mortal_executor.h"
#include "simulation/network.h"

namespace ottla::controller {
class Controller;
}
namespace ottla::group {
class GroupCoordinator;
}
namespace ottla::metadata {
class MetadataImage;
}
namespace ottla::replica {
class Replicas;
}  // namespace ottla::replica
namespace ottla::transaction {
class TransactionCoordinator;
}

namespace ottla::simulation {

class DeliberateBugs;
class TopicCatalog;

/// What a simulated process stands on.
struct BrokerSurroundings {
  testing::SimulatedWorld& world;
  testing::SimulatedZooKeeper& zookeeper;
  Network& network;
  /// The host's disk: it outlives the process.
  testing::SimulatedFileSystem& files;
  TopicCatalog& topics;
  const DeliberateBugs& bugs;
};

struct BrokerConfig {
  replica::ReplicasConfig replicas;
  storage::LogStoreOptions logs;
  controller::ControllerConfig controller;
  group::GroupConfig groups;
  transaction::TransactionConfig transactions;
  env::Duration request_timeout = std::chrono::seconds(2);
  storage::DiskProbe::Options disk_probe{
      .slow_operation = std::chrono::milliseconds(400),
      .pace = {.patience = std::chrono::seconds(1), .recovery = std::chrono::seconds(5)}};
};

/// A broker without its network front: the real parts, put together as the broker process does,
/// on simulated executors. It starts and stops many times; each start is a new process.
class SimulatedBroker {
 public:
  SimulatedBroker(BrokerConfig config, BrokerSurroundings surroundings);
  ~SimulatedBroker();

  [[nodiscard]] BrokerId id() const { return config_.replicas.broker; }

  // --- What happens to it ---

  void start();
  /// SIGKILL: everything in memory is gone at once; the files stay as they are.
  void kill();
  /// SIGSTOP and SIGCONT.
  void pause();
  void resume();
  /// From now on, until the process ends, each of its disk's tasks waits up to this long; 0: no
  /// more.
  void slow_down_disk(env::Duration longest);
  /// The disk answers nobody until it is told to, or the process ends: no flush, no cold read; nor
  /// do the streams to and from other brokers, whose threads read and append.
  void stall_disk(bool stalled);
  /// SIGTERM: asks the controller to move the leaders, stops everything in order, ends the session.
  /// Takes simulated time; the process is gone then.
  void shut_down();

  /// A topic's configs are other ones: as when it reads a notification below /config/changes.
  void topic_config_changed(const std::string& topic);

  // --- What it is like ---

  [[nodiscard]] bool is_running() const { return process_ != nullptr; }
  [[nodiscard]] bool is_paused() const;
  /// Whether its disk is slow by its own test.
  [[nodiscard]] bool is_slow() const;
  /// Started, registered, and not shutting down.
  [[nodiscard]] bool is_serving() const;
  /// Counts the starts.
  [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
  /// The name of its ZooKeeper client.
  [[nodiscard]] std::string name() const { return "broker-" + std::to_string(id().value()); }

  /// Of all its processes, one after the other.
  [[nodiscard]] testing::SimulatedWorld::ProcessId process_id() const {
    return static_cast<testing::SimulatedWorld::ProcessId>(id().value());
  }

  // What clients and checkers reach; only while it is running and past loading its logs.

  /// Null before the logs are loaded.
  [[nodiscard]] replica::Replicas* replicas();
  [[nodiscard]] controller::Controller* controller();
  /// Null before the logs are loaded, as the coordinators are that live on them.
  [[nodiscard]] group::GroupCoordinator* groups();
  [[nodiscard]] transaction::TransactionCoordinator* transactions();
  [[nodiscard]] std::shared_ptr<const metadata::MetadataImage> image() const;
  [[nodiscard]] storage::LogStore* logs();
  /// The loop that clients' requests run on; null when not running.
  [[nodiscard]] env::Executor* client_loop();

 private:
  class Process;

  /// Ends the process from outside, once the task under way is done.
  void end_soon();

  const BrokerConfig config_;
  const BrokerSurroundings in_;
  std::uint64_t incarnation_ = 0;
  std::unique_ptr<env::Executor> outside_;
  /// Executors of all processes so far: late callbacks still refer to them.
  std::vector<std::unique_ptr<MortalExecutor>> executors_;
  std::unique_ptr<Process> process_;
};

}  // namespace ottla::simulation
