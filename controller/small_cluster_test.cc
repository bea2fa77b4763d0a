#include "controller/small_cluster_for_tests.h"

#include <gtest/gtest.h>

namespace ottla::controller::testing {
namespace {

constexpr env::Duration kOneWay = std::chrono::microseconds(200);

::ottla::testing::SimulatedWorld::ProcessId process_of(BrokerId id) {
  return static_cast<::ottla::testing::SimulatedWorld::ProcessId>(id.value());
}

}  // namespace

rpc::ClusterUpdateReply Receiver::take(const rpc::ClusterUpdate& update, BrokerEpoch own_epoch) {
  if (update.controller_epoch < controller_epoch) {
    return {ErrorCode::StaleControllerEpoch, {}};
  }
  if (update.receiver_epoch != own_epoch) return {ErrorCode::StaleBrokerEpoch, {}};
  controller_epoch = update.controller_epoch;
  ++updates;
  if (update.full) ++full_updates;
  if (!update.is_all) ++updates_with_more_to_come;
  knows_all = update.is_all;
  EXPECT_TRUE(!update.full || update.live_brokers);
  if (update.live_brokers) {
    live_brokers.clear();
    for (const cluster::Broker& b : *update.live_brokers) live_brokers.insert(b.id);
  }
  rpc::ClusterUpdateReply reply;
  std::map<TopicPartition, Known> before;
  if (update.full) before = std::exchange(partitions, {});
  for (const rpc::TopicUpdate& topic : update.topics) {
    for (const rpc::PartitionUpdate& p : topic.partitions) {
      const TopicPartition tp{topic.name, p.partition};
      const auto& old_map = update.full ? before : partitions;
      const auto old = old_map.find(tp);
      if (old != old_map.end() && old->second.id == topic.id) {
        EXPECT_GE(p.state.leader_epoch, old->second.state.leader_epoch) << tp;
        EXPECT_GE(p.state.partition_epoch, old->second.state.partition_epoch) << tp;
      }
      const bool was_new = p.is_new || (old != old_map.end() && old->second.was_new);
      partitions[tp] = {topic.id, p.state, was_new};
      if (failed.contains(tp)) {
        reply.outcomes.push_back({topic.name, topic.id, p.partition, ErrorCode::KafkaStorageError});
      }
    }
  }
  for (const rpc::TopicUpdate& topic : update.deleted_topics) {
    std::erase_if(partitions, [&](const auto& entry) {
      return entry.first.topic == topic.name && entry.second.id == topic.id;
    });
  }
  for (const rpc::StopReplica& stop : update.stop_replicas) {
    if (stop.remove) removed.push_back(stop);
    reply.outcomes.push_back({stop.topic, stop.topic_id, stop.partition, ErrorCode::None});
  }
  return reply;
}

TopicId Receiver::told_id(const std::string& topic) const {
  for (const auto& [tp, known] : partitions) {
    if (tp.topic == topic) return known.id;
  }
  return {};
}

std::vector<std::optional<cluster::PartitionState>> Receiver::told(
    const cluster::Topic& topic) const {
  std::vector<std::optional<cluster::PartitionState>> states(topic.partitions.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    const auto known = partitions.find({topic.name, static_cast<std::int32_t>(i)});
    if (known != partitions.end() && known->second.id == topic.id) states[i] = known->second.state;
  }
  return states;
}

/// One broker's way to another, in order, with a delay; lost when either end is cut off.
class SmallPeer final : public rpc::Peer {
 public:
  SmallPeer(SmallCluster& cluster, BrokerId from, const cluster::Broker& to)
      : cluster_(cluster), from_(from), to_(to.id), epoch_(to.epoch) {}

  void update_cluster(rpc::ClusterUpdate update, env::Duration timeout,
                      Callback<Result<rpc::ClusterUpdateReply>> done) override {
    call<rpc::ClusterUpdateReply>(timeout, std::move(done),
                                  [update = std::move(update)](SmallBroker& to) {
                                    return to.receiver.take(update, to.registration.epoch);
                                  });
  }
  void query_replica_logs(rpc::ReplicaLogQuery query, env::Duration timeout,
                          Callback<Result<rpc::ReplicaLogAnswer>> done) override {
    call<rpc::ReplicaLogAnswer>(timeout, std::move(done), [query](SmallBroker& to) {
      rpc::ReplicaLogAnswer answer;
      for (const auto& p : query.partitions) {
        const auto log = to.receiver.logs.find({p.topic, p.partition});
        if (log != to.receiver.logs.end()) {
          answer.partitions.push_back(log->second);
        } else {
          answer.partitions.push_back({p.topic, p.partition, ErrorCode::None, {}, {}});
        }
      }
      return answer;
    });
  }
  void alter_partition(rpc::AlterPartitionRequest, env::Duration,
                       Callback<Result<rpc::AlterPartitionReply>>) override {}
  void controlled_shutdown(rpc::ControlledShutdownRequest, env::Duration,
                           Callback<Result<rpc::ControlledShutdownReply>>) override {}
  void allocate_producer_ids(rpc::AllocateProducerIdsRequest, env::Duration,
                             Callback<Result<rpc::AllocateProducerIdsReply>>) override {}

 private:
  template <class Reply, class Carry>
  void call(env::Duration timeout, Callback<Result<Reply>> done, Carry carry_out) {
    // The network holds its timers: deliver after the delay, answer after another.
    auto shared = std::make_shared<Callback<Result<Reply>>>(std::move(done));
    cluster_.after(kOneWay, [this, cluster = &cluster_, from = from_, to = to_, epoch = epoch_,
                             shared, carry_out, timeout] {
      SmallBroker* target = cluster->alive(to, epoch);
      const bool lost = target == nullptr || cluster->unreachable_.contains(to) ||
                        cluster->unreachable_.contains(from);
      if (lost) {
        const bool refused = target == nullptr;
        cluster->after(refused ? kOneWay : timeout, [shared, refused] {
          std::move (*shared)(
              fail(refused ? ErrorCode::NetworkException : ErrorCode::RequestTimedOut));
        });
        return;
      }
      target->executor->post([cluster, target, shared, carry_out] {
        auto reply = std::make_shared<Reply>(carry_out(*target));
        cluster->after(kOneWay, [shared, reply] { std::move (*shared)(std::move(*reply)); });
      });
    });
  }

  SmallCluster& cluster_;
  BrokerId from_;
  BrokerId to_;
  BrokerEpoch epoch_;
};

class SmallPeers final : public rpc::Peers {
 public:
  SmallPeers(SmallCluster& cluster, BrokerId own) : cluster_(cluster), own_(own) {}
  std::shared_ptr<rpc::Peer> connect(const cluster::Broker& broker) override {
    return std::make_shared<SmallPeer>(cluster_, own_, broker);
  }

 private:
  SmallCluster& cluster_;
  BrokerId own_;
};

class SmallWatch final : public rpc::LivenessWatch {
 public:
  SmallWatch(SmallCluster& cluster, std::uint64_t number) : cluster_(cluster), number_(number) {}
  ~SmallWatch() override { cluster_.watchers_.erase(number_); }

 private:
  SmallCluster& cluster_;
  std::uint64_t number_;
};

class SmallLiveness final : public rpc::LivenessMonitor {
 public:
  explicit SmallLiveness(SmallCluster& cluster) : cluster_(cluster) {}
  std::unique_ptr<rpc::LivenessWatch> watch(
      const cluster::Broker& broker, absl::AnyInvocable<void(rpc::Liveness)> changed) override {
    const std::uint64_t number = ++cluster_.last_watcher_;
    auto shared = std::make_shared<absl::AnyInvocable<void(rpc::Liveness)>>(std::move(changed));
    cluster_.watchers_[number] = {broker.id, shared};
    const auto process = cluster_.brokers_.find(broker.id);
    const bool gone = process == cluster_.brokers_.end() || process->second->dead;
    rpc::Liveness now = cluster_.liveness_[broker.id];
    if (gone && now == rpc::Liveness::Alive) now = rpc::Liveness::ProcessDead;
    if (!cluster_.watches_answer_) return std::make_unique<SmallWatch>(cluster_, number);
    cluster_.after(kOneWay, [this, number, now] {
      const auto found = cluster_.watchers_.find(number);
      if (found != cluster_.watchers_.end()) (*found->second.changed)(now);
    });
    return std::make_unique<SmallWatch>(cluster_, number);
  }

 private:
  SmallCluster& cluster_;
};

class SmallReach final : public rpc::Reach {
 public:
  SmallReach(SmallCluster& cluster, BrokerId own) : cluster_(cluster), own_(own) {}
  void ask(Callback<bool> done) override {
    auto shared = std::make_shared<Callback<bool>>(std::move(done));
    cluster_.after(kOneWay, [&cluster = cluster_, own = own_, shared] {
      std::move (*shared)(!cluster.cut_off_.contains(own));
    });
  }

 private:
  SmallCluster& cluster_;
  BrokerId own_;
};

SmallCluster::SmallCluster(std::uint64_t seed, int brokers,
                           ::ottla::testing::SimulatedZooKeeperOptions options)
    : world(seed), zookeeper(world, options), network_(world.make_executor()) {
  for (int id = 1; id <= brokers; ++id) start(id);
}

SmallCluster::~SmallCluster() {
  for (auto& [id, broker] : brokers_) broker->controller.reset();
  for (auto& broker : graveyard_) broker->controller.reset();
  // Executors before what their tasks refer to.
  network_.reset();
}

void SmallCluster::after(env::Duration delay, std::function<void()> task) {
  const std::uint64_t number = ++last_message_;
  messages_[number] = network_->post_after(delay, [this, number, task = std::move(task)] {
    const env::TimerHandle mine = std::move(messages_.extract(number).mapped());
    task();
  });
}

void SmallCluster::start(int number, cluster::LastStop last_stop) {
  const BrokerId id{number};
  if (const auto old = brokers_.find(id); old != brokers_.end()) {
    graveyard_.push_back(std::move(old->second));
    brokers_.erase(old);
  }
  auto owned = std::make_unique<SmallBroker>();
  SmallBroker& b = *owned;
  brokers_[id] = std::move(owned);
  b.id = id;
  b.name = "broker-" + std::to_string(number) + "-" + std::to_string(++last_client_);
  b.executor = world.make_executor(process_of(id));
  b.client = zookeeper.make_client(b.name);
  b.store = std::make_unique<zookeeper::Store>(*b.client, *b.executor);
  b.peers = std::make_unique<SmallPeers>(*this, id);
  b.liveness = std::make_unique<SmallLiveness>(*this);
  b.reach = std::make_unique<SmallReach>(*this, id);
  ControllerConfig own = config;
  own.broker_id = id;
  b.controller = std::make_unique<Controller>(
      own, Controller::World{*b.client, *b.executor, world.clock(), world.random(), *b.peers,
                             *b.liveness, &b.metrics, b.reach.get(),
                             [&b](const cluster::Topic& topic) { return b.receiver.told(topic); },
                             [&b](const std::string& topic) { return b.receiver.told_id(topic); }});
  b.registration.id = id;
  b.registration.last_stop = last_stop;
  b.registration.grpc_endpoint = "127.0.0.1:" + std::to_string(9000 + number);
  b.registration.start_nonce = b.name;
  b.registration.endpoints.push_back({"PLAINTEXT", "PLAINTEXT", "127.0.0.1", 9092});
  liveness_[id] = rpc::Liveness::Alive;
  b.client->start();
  b.store->create_persistent_paths([this, &b](zookeeper::StoreResult<>) { register_broker(b); });
}

/// Over a stale node of an earlier process, if there is one.
void SmallCluster::register_broker(SmallBroker& b) {
  using Read = zookeeper::StoreResult<zookeeper::Versioned<cluster::Broker>>;
  b.store->read_broker(b.id, zookeeper::Watch::No, [this, &b](Read read) {
    std::optional<std::int32_t> replaces;
    if (read && read->ephemeral_owner == b.client->session_id()) {
      b.registration.epoch = BrokerEpoch(read->czxid);
      b.controller->start();
      return;
    }
    if (read) replaces = read->version;
    b.store->register_broker(b.registration, replaces,
                             [this, &b](zookeeper::StoreResult<BrokerEpoch> epoch) {
                               if (!epoch) return register_broker(b);
                               b.registration.epoch = *epoch;
                               b.controller->start();
                             });
  });
}

void SmallCluster::register_again(int id) {
  register_broker(broker(id));
}

void SmallCluster::kill(int id) {
  SmallBroker& b = broker(id);
  b.dead = true;
  zookeeper.crash(b.name);
  world.pause(process_of(b.id));
  b.controller.reset();
  b.store.reset();
  b.executor.reset();
  world.resume(process_of(b.id));
  set_liveness(id, rpc::Liveness::ProcessDead);
}

void SmallCluster::power_off(int id) {
  kill(id);
  set_liveness(id, rpc::Liveness::Silent);
}

void SmallCluster::pause(int id) {
  SmallBroker& b = broker(id);
  b.paused = true;
  world.pause(process_of(b.id));
  zookeeper.cut(b.name);
}

void SmallCluster::resume(int id) {
  SmallBroker& b = broker(id);
  b.paused = false;
  zookeeper.heal(b.name);
  world.resume(process_of(b.id));
}

void SmallCluster::set_liveness(int id, rpc::Liveness now) {
  liveness_[BrokerId(id)] = now;
  std::vector<std::uint64_t> of_it;
  for (const auto& [number, watcher] : watchers_) {
    if (watcher.of == BrokerId(id)) of_it.push_back(number);
  }
  for (const std::uint64_t number : of_it) {
    const auto found = watchers_.find(number);
    if (found != watchers_.end()) (*found->second.changed)(now);
  }
}

void SmallCluster::set_reachable(int id, bool reachable) {
  if (reachable) {
    unreachable_.erase(BrokerId(id));
  } else {
    unreachable_.insert(BrokerId(id));
  }
}

void SmallCluster::set_in_reach(int id, bool in_reach) {
  if (in_reach) {
    cut_off_.erase(BrokerId(id));
  } else {
    cut_off_.insert(BrokerId(id));
  }
}

SmallBroker* SmallCluster::alive(BrokerId id, BrokerEpoch epoch) {
  const auto found = brokers_.find(id);
  if (found == brokers_.end() || found->second->dead) return nullptr;
  return found->second->registration.epoch == epoch ? found->second.get() : nullptr;
}

int SmallCluster::in_office() {
  int found = 0;
  for (const auto& [id, b] : brokers_) {
    if (!b->dead && !b->paused && b->controller->is_controller()) found = id.value();
  }
  return found;
}

int SmallCluster::wait_for_controller() {
  EXPECT_TRUE(wait([&] { return in_office() != 0; }));
  return in_office();
}

bool SmallCluster::wait(std::function<bool()> condition, env::Duration limit) {
  return world.run_until_true(std::move(condition), limit);
}

std::optional<cluster::PartitionState> SmallCluster::state(const std::string& topic,
                                                           int partition) {
  const auto node = zookeeper.node(zookeeper::layout::partition_state(topic, partition));
  if (!node) return std::nullopt;
  auto state = zookeeper::decode_partition_state(node->data, PartitionEpoch(node->stat.version));
  return state ? std::optional(*state) : std::nullopt;
}

ErrorCode SmallCluster::create_topic(const std::string& name, int partitions,
                                     int replication_factor,
                                     std::map<std::string, std::string> configs) {
  std::optional<ErrorCode> error;
  NewTopic topic;
  topic.name = name;
  topic.partitions = partitions;
  topic.replication_factor = replication_factor;
  topic.configs = std::move(configs);
  controller(wait_for_controller())
      .create_topics({{topic}, std::chrono::seconds(30), false},
                     [&](std::vector<CreatedTopic> done) { error = done.at(0).error; });
  EXPECT_TRUE(wait([&] { return error.has_value(); }));
  return error.value_or(ErrorCode::UnknownServerError);
}

ErrorCode SmallCluster::delete_topic(const std::string& name) {
  std::optional<ErrorCode> error;
  controller(wait_for_controller())
      .delete_topics({{{name, {}}}, std::chrono::seconds(30)},
                     [&](std::vector<DeletedTopic> done) { error = done.at(0).error; });
  EXPECT_TRUE(wait([&] { return error.has_value(); }));
  return error.value_or(ErrorCode::UnknownServerError);
}

}  // namespace ottla::controller::testing
