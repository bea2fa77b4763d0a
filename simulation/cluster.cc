#include "simulation/cluster.h"

#include <glog/logging.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "broker/storage/file_names.h"
#include "common/zookeeper/layout.h"
#include "common/zookeeper/node_data.h"

namespace ottla::simulation {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

testing::SimulatedZooKeeperOptions zookeeper_options() {
  testing::SimulatedZooKeeperOptions options;
  options.connection_losses_per_million = 1000;
  return options;
}

}  // namespace

Cluster::Cluster(Options options)
    : world_(options.seed),
      zookeeper_(world_, zookeeper_options()),
      network_(world_, {}),
      bugs_(options.bugs),
      outside_(world_.make_executor()) {
  if (bugs_.has(Bug::SkipsEpochComparison)) network_.hide_fetched_epochs();
  for (int number = 1; number <= options.brokers; ++number) {
    const BrokerId id(number);
    ids_.push_back(id);
    Host& host = hosts_[id];
    host.files =
        std::make_unique<testing::SimulatedFileSystem>(world_.random().next(), &world_.clock());
    host.broker = std::make_unique<SimulatedBroker>(
        broker_config(id),
        BrokerSurroundings{world_, zookeeper_, network_, *host.files, topics_, bugs_});
  }
}

Cluster::~Cluster() {
  for (auto& [id, host] : hosts_) host.broker->kill();
}

BrokerConfig Cluster::broker_config(BrokerId id) const {
  BrokerConfig config;
  config.replicas.broker = id;
  config.replicas.replica_lag_time_max = seconds(3);
  config.logs.directories.assign(kLogDirectories.begin(), kLogDirectories.end());
  config.logs.recovery_checkpoint_interval = seconds(5);
  config.logs.high_watermark_checkpoint_interval = seconds(1);
  config.logs.probe_interval = seconds(1);
  config.controller.broker_id = id;
  config.controller.command_timeout = seconds(2);
  config.controller.audit_interval = seconds(20);
  config.controller.leader_imbalance_check_interval = seconds(5);
  config.groups.commit_timeout = seconds(2);
  config.transactions.append_timeout = seconds(2);
  config.transactions.timeout_check_interval = seconds(1);
  return config;
}

void Cluster::start_all() {
  for (auto& [id, host] : hosts_) host.broker->start();
}

void Cluster::crash_process(BrokerId id) {
  hosts_.at(id).broker->kill();
}

void Cluster::crash_host(BrokerId id) {
  lose({id, std::nullopt}, [&] { hosts_.at(id).files->crash_host(); });
}

void Cluster::empty_log_dir(BrokerId id, const std::string& directory) {
  // With a fault in its way nothing is lost, which is fine.
  lose({id, std::nullopt}, [&] { (void)hosts_.at(id).files->remove_all(directory); });
}

bool Cluster::lose_log(BrokerId id) {
  std::vector<std::pair<TopicPartition, std::string>> logs;
  for (const char* const log_dir : kLogDirectories) {
    for (const std::string& directory : hosts_.at(id).files->names(log_dir)) {
      const storage::DirectoryName name = storage::parse_directory_name(directory);
      if (name.kind != storage::DirectoryKind::Partition) continue;
      logs.emplace_back(name.partition, std::string(log_dir) + "/" + directory);
    }
  }
  if (logs.empty()) return false;
  const auto& [name, path] = logs[random().below(logs.size())];
  LOG(INFO) << "the log of " << name << " is moved away, broker " << id;
  lose({id, name}, [&] { (void)hosts_.at(id).files->remove_all(path); });
  return true;
}

void Cluster::lose(const Loss& loss, const std::function<void()>& take) {
  const bool may_be = !before_loss_ || before_loss_(loss);
  hosts_.at(loss.broker).broker->kill();
  if (!may_be) {
    LOG(INFO) << "broker " << loss.broker << " loses nothing: nobody else holds all of it";
    return;
  }
  losses_.push_back(loss);
  take();
  for (const auto& listener : loss_listeners_) listener(loss);
}

void Cluster::fail_log_dir(BrokerId id, const std::string& directory, std::uint64_t operations) {
  auto left = std::make_shared<std::uint64_t>(operations);
  disk(id).set_fault([left, directory](std::string_view operation, const std::string& path) {
    if (!path.starts_with(directory)) return 0;
    if (operation == "read" || operation == "open" || operation == "list") return 0;
    return *left == 0 ? EIO : (--*left, 0);
  });
}

bool Cluster::is_elected(BrokerId id, LeaderEpoch epoch, const TopicPartition& partition,
                         const TopicId& topic) const {
  const auto topic_node = zookeeper_.node(zookeeper::layout::topic(partition.topic));
  const auto node =
      zookeeper_.node(zookeeper::layout::partition_state(partition.topic, partition.partition));
  if (!topic_node || !node) return false;
  const auto known = zookeeper::decode_topic(partition.topic, topic_node->data);
  if (!known || known->id != topic) return false;
  const auto state = zookeeper::decode_partition_state(node->data, PartitionEpoch(0));
  return state && state->leader == id && state->leader_epoch == epoch;
}

env::Duration Cluster::client_delay() {
  env::Duration delay = microseconds(50 + random().below(2000));
  if (random().below(100) == 0) delay += milliseconds(random().below(80));
  return delay;
}

bool Cluster::is_lost(BrokerId broker, const std::set<BrokerId>& cut_off) {
  return cut_off.contains(broker) || random().below(1000) < client_losses_per_mille_;
}

void Cluster::after(env::Duration delay, Task task) {
  const std::uint64_t number = ++last_timer_;
  timers_[number] = outside_->post_after(delay, [this, number, task = std::move(task)]() mutable {
    const env::TimerHandle done = std::move(timers_[number]);
    timers_.erase(number);
    std::move(task)();
  });
}

}  // namespace ottla::simulation
