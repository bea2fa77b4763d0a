#include "simulation/administrator.h"

#include <glog/logging.h>

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "broker/replica/log_dirs.h"
#include "broker/replica/replicas.h"
#include "common/zookeeper/layout.h"
#include "common/zookeeper/node_data.h"
#include "controller/controller.h"
#include "simulation/ask_controller.h"
#include "simulation/topic_catalog.h"

namespace ottla::simulation {
namespace {

namespace layout = zookeeper::layout;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// The topic whose rules change while the run lasts: it promises nothing.
constexpr const char* kUncleanTopic = "unclean-c";
/// Within which all brokers hear of most changes.
constexpr env::Duration kNotified = milliseconds(100);

}  // namespace

void Administrator::start() {
  move_replicas_later();
  move_logs_later();
  do_something_rare_later();
}

void Administrator::stop() {
  active_ = false;
  cluster_.topics().set_replication_rate(TopicCatalog::kUnlimited);
  set_unclean_election(true);
  for (const std::string& topic : unusual_topics_) {
    set_min_insync_replicas(topic, TopicCatalog::kMinInsyncReplicas);
  }
}

void Administrator::move_replicas_later() {
  cluster_.after(milliseconds(300 + cluster_.random().below(4000)), [this] {
    if (!active_) return;
    const TopicPartition& partition = any_partition();
    switch (cluster_.random().below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
        ask_for_preferred_leader(partition);
        break;
      case 4:
        ask_for_preferred_leaders_by_znode();
        break;
      case 5:
      case 6:
      case 7:
        give_move_up(partition);
        break;
      case 8:
      case 9:
      case 10:
        move_replicas_by_znode();
        break;
      default:
        move_replicas(partition);
        disturb_move_later(partition);
    }
    move_replicas_later();
  });
}

/// Moves are over soon: what comes between has to come at once.
void Administrator::disturb_move_later(const TopicPartition& partition) {
  const auto soon = std::chrono::microseconds(500 + cluster_.random().below(60'000));
  switch (cluster_.random().below(6)) {
    case 0:
    case 1:
      return cluster_.after(soon, [this, partition] {
        if (active_) give_move_up(partition);
      });
    case 2:
      return cluster_.after(soon, [this, partition] {
        if (active_) move_replicas(partition);
      });
    case 3:
      return cluster_.after(soon, [this] {
        if (active_) delete_controller();
      });
    default:
      return;
  }
}

void Administrator::move_logs_later() {
  cluster_.after(milliseconds(300 + cluster_.random().below(3000)), [this] {
    if (!active_) return;
    move_log();
    move_logs_later();
  });
}

void Administrator::do_something_rare_later() {
  cluster_.after(milliseconds(500 + cluster_.random().below(6000)), [this] {
    if (!active_) return;
    switch (cluster_.random().below(8)) {
      case 0:
        delete_controller();
        break;
      case 1:
        change_unclean_election();
        break;
      case 2:
        ask_for_unclean_leader();
        break;
      case 3:
        change_segment_bytes();
        break;
      case 4:
      case 5:
        change_min_insync_replicas();
        break;
      default:
        change_throttle();
    }
    do_something_rare_later();
  });
}

const TopicPartition& Administrator::any_partition() {
  const auto& partitions = workload_.lasting_partitions();
  return partitions[cluster_.random().below(partitions.size())];
}

std::vector<BrokerId> Administrator::some_brokers() {
  env::Random& random = cluster_.random();
  std::vector<BrokerId> brokers = cluster_.broker_ids();
  while (brokers.size() > 2 && random.below(2) == 0) {
    brokers.erase(brokers.begin() + static_cast<std::ptrdiff_t>(random.below(brokers.size())));
  }
  for (std::size_t i = brokers.size(); i > 1; --i) {
    std::swap(brokers[i - 1], brokers[random.below(i)]);
  }
  return brokers;
}

void Administrator::alter_reassignment(const std::string& name, const TopicPartition& partition,
                                       std::optional<std::vector<BrokerId>> replicas) {
  controller::AlterReassignmentsRequest request;
  request.timeout = seconds(2);
  request.partitions.push_back({partition, std::move(replicas)});
  ask_controller<controller::PartitionsReply>(cluster_, std::move(request),
                                              &controller::Controller::alter_reassignments,
                                              [this, name](std::optional<ErrorCode> error) {
                                                if (error == ErrorCode::None) count(name);
                                              });
}

void Administrator::move_replicas(const TopicPartition& partition) {
  alter_reassignment("replicas moved", partition, some_brokers());
}

void Administrator::give_move_up(const TopicPartition& partition) {
  alter_reassignment("move given up", partition, std::nullopt);
}

void Administrator::move_replicas_by_znode() {
  std::vector<zookeeper::Reassignment> wanted;
  for (const TopicPartition& partition : workload_.lasting_partitions()) {
    if (cluster_.random().below(2) == 0) wanted.push_back({partition, some_brokers()});
  }
  if (create_node(layout::kReassignPartitions, zookeeper::encode_reassignments(wanted))) {
    count("replicas moved by znode");
  }
}

void Administrator::elect(const std::string& name, const TopicPartition& partition, bool unclean) {
  controller::ElectLeadersRequest request;
  if (unclean) request.kind = controller::ElectionKind::Unclean;
  request.partitions = {{partition}};
  request.timeout = seconds(2);
  // Whoever leads in the end: the rules hold.
  ask_controller<controller::PartitionsReply>(
      cluster_, std::move(request), &controller::Controller::elect_leaders,
      [this, name](std::optional<ErrorCode> error) {
        if (error == ErrorCode::None || error == ErrorCode::ElectionNotNeeded) count(name);
      });
}

void Administrator::ask_for_preferred_leader(const TopicPartition& partition) {
  elect("preferred leader asked for", partition, /*unclean=*/false);
}

void Administrator::ask_for_unclean_leader() {
  elect("unclean leader asked for", {kUncleanTopic, 0}, /*unclean=*/true);
}

void Administrator::ask_for_preferred_leaders_by_znode() {
  if (create_node(layout::kPreferredReplicaElection,
                  zookeeper::encode_partition_list(workload_.lasting_partitions()))) {
    count("preferred leaders asked for by znode");
  }
}

void Administrator::move_log() {
  const auto& brokers = cluster_.broker_ids();
  const replica::LogDirChange change{
      any_partition(), kLogDirectories.at(cluster_.random().below(kLogDirectories.size()))};
  cluster_.ask<ErrorCode>(
      brokers[cluster_.random().below(brokers.size())], kAdminTimeout,
      [change](SimulatedBroker& broker, Callback<ErrorCode> reply) {
        replica::Replicas* const replicas = broker.replicas();
        if (replicas == nullptr) return std::move(reply)(ErrorCode::BrokerNotAvailable);
        replicas->alter_log_dirs(
            {change}, *broker.client_loop(),
            [reply = std::move(reply)](const std::vector<ErrorCode>& outcomes) mutable {
              std::move(reply)(outcomes.at(0));
            });
      },
      [this](std::optional<ErrorCode> error) {
        if (error == ErrorCode::None) count("log moved");
      });
}

void Administrator::delete_controller() {
  if (cluster_.zookeeper().apply({zookeeper::Delete{std::string(layout::kController)}})) {
    LOG(INFO) << "ADMINISTRATOR: /controller is deleted";
    count("controller deleted");
  }
}

/// Of all replicas that are not in sync, on all brokers; or no more.
void Administrator::change_throttle() {
  const bool limits = cluster_.random().below(3) != 0;
  const auto rate = static_cast<std::int64_t>(100 + cluster_.random().below(6000));
  LOG(INFO) << "ADMINISTRATOR: replication rate " << (limits ? std::to_string(rate) : "unlimited");
  cluster_.topics().set_replication_rate(limits ? rate : TopicCatalog::kUnlimited);
  count(limits ? "throttled" : "throttle removed");
}

void Administrator::change_unclean_election() {
  if (set_unclean_election(cluster_.random().below(2) == 0)) count("unclean election changed");
}

bool Administrator::set_unclean_election(bool allowed) {
  const std::string path = layout::child(layout::kTopicConfigs, kUncleanTopic);
  if (!cluster_.zookeeper().node(path)) return false;  // not created yet
  LOG(INFO) << "ADMINISTRATOR: unclean elections of " << kUncleanTopic << " "
            << (allowed ? "allowed" : "forbidden");
  const auto written = cluster_.zookeeper().apply({zookeeper::Set{
      path,
      zookeeper::encode_config({{"unclean.leader.election.enable", allowed ? "true" : "false"}})}});
  CHECK(written.has_value());
  tell_brokers(kUncleanTopic, kNotified);
  return true;
}

void Administrator::change_segment_bytes() {
  constexpr std::array<std::int32_t, 3> kSizes = {2048, 4096, 16384};
  const std::string topic = any_partition().topic;
  cluster_.topics().set_segment_bytes(topic, kSizes.at(cluster_.random().below(kSizes.size())));
  tell_brokers(topic, kNotified);
  count("segment size changed");
}

/// To more, or to the least that is promised, and back. A leader may hear of it long before the
/// controller, and long after it.
void Administrator::change_min_insync_replicas() {
  const std::string topic = any_partition().topic;
  if (!TopicCatalog::is_safe(topic)) return;
  std::int32_t wanted = TopicCatalog::kMinInsyncReplicas;
  if (unusual_topics_.erase(topic) == 0) {
    unusual_topics_.insert(topic);
    const std::int32_t least = TopicCatalog::promised_holders(topic);
    wanted = least < wanted && cluster_.random().below(3) > 0 ? least : wanted + 1;
  }
  if (set_min_insync_replicas(topic, wanted)) count("min.insync.replicas changed");
}

bool Administrator::set_min_insync_replicas(const std::string& topic, std::int32_t replicas) {
  const std::string path = layout::child(layout::kTopicConfigs, topic);
  if (!cluster_.zookeeper().node(path)) return false;  // not created yet
  LOG(INFO) << "ADMINISTRATOR: min.insync.replicas of " << topic << " is " << replicas;
  const auto written = cluster_.zookeeper().apply({zookeeper::Set{
      path, zookeeper::encode_config({{"min.insync.replicas", std::to_string(replicas)}})}});
  CHECK(written.has_value());
  cluster_.topics().set_min_insync_replicas(topic, replicas);
  tell_brokers(topic, active_ ? seconds(4) : kNotified);
  return true;
}

/// As the notifications below /config/changes do, each broker when it gets to it.
void Administrator::tell_brokers(const std::string& topic, env::Duration longest) {
  for (const BrokerId id : cluster_.broker_ids()) {
    cluster_.after(env::Duration(cluster_.random().below(longest.count())),
                   [this, id, topic] { cluster_.broker(id).topic_config_changed(topic); });
  }
}

bool Administrator::create_node(std::string_view path, std::string data) {
  zookeeper::Create node{.path = std::string(path), .data = std::move(data)};
  if (!cluster_.zookeeper().apply({node})) return false;
  LOG(INFO) << "ADMINISTRATOR: " << path << " is " << *node.data;
  return true;
}

std::string Administrator::unfinished() {
  std::string text;
  for (const std::string_view path :
       {layout::kReassignPartitions, layout::kPreferredReplicaElection}) {
    if (cluster_.zookeeper().node(std::string(path)))
      text += " " + std::string(path) + " is there;";
  }
  for (const std::string& topic :
       cluster_.zookeeper().children(std::string(layout::kDeleteTopics))) {
    text += " " + topic + " is being deleted;";
  }
  for (const std::string& name : cluster_.zookeeper().children(std::string(layout::kTopics))) {
    const auto node = cluster_.zookeeper().node(layout::topic(name));
    const auto topic = zookeeper::decode_topic(name, node->data);
    if (!topic) continue;
    for (std::size_t number = 0; number < topic->partitions.size(); ++number) {
      const cluster::Assignment& assignment = topic->partitions[number];
      if (assignment.adding.empty() && assignment.removing.empty()) continue;
      text += " " + name + "-" + std::to_string(number) + " is being reassigned;";
    }
  }
  for (const BrokerId id : cluster_.broker_ids()) {
    storage::LogStore* const logs = cluster_.broker(id).logs();
    if (logs == nullptr) continue;
    for (const TopicPartition& partition : workload_.lasting_partitions()) {
      if (logs->find_future(partition) == nullptr) continue;
      text +=
          " " + partition.to_string() + " is moving on broker " + std::to_string(id.value()) + ";";
    }
  }
  return text;
}

}  // namespace ottla::simulation
