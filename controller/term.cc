#include "controller/term.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "controller/reassignment.h"
#include "controller/state_change_log.h"
#include "controller/topic_requests.h"

namespace ottla::controller {
namespace {

/// While this broker is cut off, it asks this often whether it still is.
constexpr env::Duration kAskForReachAgain = std::chrono::milliseconds(300);

/// So long after a term has begun brokers may hear of elections only.
constexpr env::Duration kElectionsFirst = std::chrono::seconds(1);

/// A broker that is shutting down is answered after this time although another one, which is alive,
/// does not take what it is told.
constexpr env::Duration kLongestWaitForBrokers = std::chrono::seconds(2);

/// Up to so many states are read at once: they delay elections by little, and requests wait for
/// them.
constexpr std::size_t kFewStates = 1000;

std::size_t partitions_of(const zookeeper::ClusterNodes& nodes) {
  std::size_t count = 0;
  for (const auto& [name, topic] : nodes.topics) count += topic.topic.partitions.size();
  return count;
}

}  // namespace

Term::Term(const World& world, zookeeper::ControllerFence fence,
           std::optional<LivenessChanged> predecessor, std::function<void()> ready,
           std::function<void(std::string)> deposed)
    : world_(world),
      fence_(fence),
      predecessor_(std::move(predecessor)),
      ready_(std::move(ready)),
      deposed_(std::move(deposed)),
      writer_(world.config, world.store, world.executor, fence,
              {.done =
                   [this](WritesDone done) {
                     for (const WriteOutcome& outcome : done.outcomes) {
                       log_change(model_, outcome);
                       measure(outcome);
                     }
                     handle(done);
                   },
               .deposed = [this](const std::string& why) { this->deposed(why); }}),
      sender_(model_, world.config, world.executor, world.clock, world.peers,
              {.sent = [this](BrokerId broker,
                              env::Duration waited) { world_.metrics.sent(broker, waited); },
               .done = [this](CommandDone done) { handle(done, TimedWork::LeaderAndIsrResponse); },
               .logs = [this](LogsAnswered answered) { handle(answered); },
               .deposed = [this](const std::string& why) { this->deposed(why); }}),
      topic_requests_(std::make_unique<TopicRequests>(*this, world_)) {
  model_.self = world.config.broker_id;
  model_.controller_epoch = fence.epoch;
  model_.delete_topic_enable = world.config.delete_topic_enable;
  model_.host_crash_wait = world.config.host_crash_wait;
  model_.log_query_retry = world.config.log_query_retry;
  world_.store.ensure_feature(fence_, life_.guard([this](zookeeper::StoreResult<> result) {
    if (!result && result.error() == zookeeper::StoreError::ControllerMoved) {
      this->deposed("/controller_epoch has moved on");
    }
  }));
  load();
}

Term::~Term() {
  for (auto& [id, reply] : alters_) {
    std::move(reply)({.error = ErrorCode::NotController, .partitions = {}});
  }
  for (auto& [id, shutdown] : shutdowns_) {
    std::move(shutdown.reply)({.error = ErrorCode::NotController, .remaining = {}});
  }
  for (auto& [id, reply] : partition_requests_) {
    std::move(reply)({.error = ErrorCode::NotController, .partitions = {}});
  }
}

void Term::deposed(const std::string& why) {
  deposed_(why);
}

// ---- The beginning: everything is read ----

void Term::load() {
  using Read = zookeeper::StoreResult<zookeeper::ClusterNodes>;
  world_.store.load_outline(zookeeper::Watch::Yes, life_.guard([this](Read outline) {
    if (!outline) return load_again(outline.error());
    const bool is_first = !std::exchange(outlined_, true);
    outline_ = *std::move(outline);
    if (!is_first) return load_states();
    load_timer_ =
        world_.executor.post_after(kElectionsFirst, life_.guard([this] { load_states(); }));
    const std::size_t states = partitions_of(*outline_);
    outlined(*outline_);
    if (outline_ && states <= kFewStates) load_states();
  }));
}

/// If they are many, once elections are written and told: each of the reads costs ZooKeeper and
/// this broker time that others would wait for.
void Term::load_states() {
  using Read = zookeeper::StoreResult<zookeeper::ClusterNodes>;
  load_timer_.reset();
  world_.store.load_states(*std::exchange(outline_, {}), life_.guard([this](Read nodes) {
    if (!nodes) return load_again(nodes.error());
    loaded(*std::move(nodes));
  }));
}

void Term::load_again(zookeeper::StoreError error) {
  LOG(WARNING) << "controller epoch " << fence_.epoch
               << ": cannot read the cluster, trying again: " << name_of(error);
  load_timer_ =
      world_.executor.post_after(world_.config.zookeeper_retry, life_.guard([this] { load(); }));
}

/// Elections that need not wait for all states to be read: with 5,000 partitions that takes most of
/// a second.
void Term::outlined(const zookeeper::ClusterNodes& nodes) {
  ClusterOutlined event;
  for (const auto& [id, broker] : nodes.brokers) event.brokers.push_back(broker);
  if (world_.told_states) {
    for (const auto& [name, topic] : nodes.topics) {
      event.topics.push_back(topic_read(topic, nodes));
      event.topics.back().states = world_.told_states(topic.topic);
    }
  }
  event.topics_to_delete = nodes.topics_to_delete;
  if (predecessor_) event.judged.push_back(*predecessor_);
  handle(event);
  LOG(INFO) << "controller epoch " << fence_.epoch << ": " << writer_.urgent_under_way()
            << " partitions get another leader before all states are read";
}

void Term::loaded(zookeeper::ClusterNodes nodes) {
  for (const std::string& path : nodes.malformed) {
    LOG(ERROR) << path << ": cannot be understood, left out";
  }
  ClusterRead read;
  read.incomplete = !nodes.malformed.empty();
  for (auto& [id, broker] : nodes.brokers) read.brokers.push_back(std::move(broker));
  for (auto& [name, topic] : nodes.topics) {
    read.topics.push_back(topic_read(std::move(topic), nodes));
    read.topics.back().lost_id = lost_id(read.topics.back());
  }
  read.topics_to_delete = std::move(nodes.topics_to_delete);
  LOG(INFO) << "controller epoch " << fence_.epoch << ": " << read.brokers.size() << " brokers, "
            << read.topics.size() << " topics";
  loaded_ = true;
  hold_timer_ = world_.executor.post_after(kElectionsFirst, life_.guard([this] {
    hold_timer_.reset();
    sender_.hold_everything(false);
    sender_.run({});
  }));
  handle(read);
  ready_();
  if (brokers_refresh_.again) refresh(brokers_refresh_, &Term::read_brokers);
  if (topics_refresh_.again) refresh_topics();
  if (deletions_refresh_.again) refresh_deletions();
  refresh(log_dirs_refresh_, &Term::read_log_dir_events);
  refresh(isr_changes_refresh_, &Term::read_isr_changes);
  refresh(preferred_election_refresh_, &Term::read_preferred_election);
  refresh(reassignments_refresh_, &Term::read_reassignments);
  schedule_audit();
  if (world_.config.auto_leader_rebalance) schedule_balancing();
}

TopicRules Term::rules_of(const zookeeper::ConfigMap& config) const {
  TopicRules rules = world_.config.topic_defaults;
  if (const auto found = config.find("unclean.leader.election.enable"); found != config.end()) {
    rules.unclean_leader_election = found->second == "true";
  }
  if (const auto found = config.find("min.insync.replicas"); found != config.end()) {
    rules.min_insync_replicas =
        zookeeper::layout::parse_number(found->second).value_or(rules.min_insync_replicas);
  }
  return rules;
}

/// The id of a topic whose znode has none any more, if this broker was told of that very topic: a
/// state as it stands there now, and none that is newer. One that was deleted meanwhile, and made
/// anew under the same name, has others (W5).
TopicId Term::lost_id(const TopicRead& read) const {
  if (!read.topic.id.is_zero() || !world_.told_id || !world_.told_states) return {};
  cluster::Topic known = read.topic;
  known.id = world_.told_id(known.name);
  if (known.id.is_zero()) return {};
  const auto told = world_.told_states(known);
  bool is_same = false;
  for (std::size_t i = 0; i < std::min(told.size(), read.states.size()); ++i) {
    if (!told[i] || !read.states[i]) continue;
    if (told[i]->partition_epoch > read.states[i]->partition_epoch) return {};
    is_same |= *told[i] == *read.states[i];
  }
  return is_same ? known.id : TopicId{};
}

TopicRead Term::topic_read(zookeeper::TopicNodes nodes, TopicRules rules) {
  return {std::move(nodes.topic),  nodes.version,        rules,
          std::move(nodes.states), world_.random.uuid(), {}};
}

TopicRead Term::topic_read(zookeeper::TopicNodes nodes, const zookeeper::ClusterNodes& all) {
  const auto config = all.topic_configs.find(nodes.topic.name);
  const TopicRules rules =
      rules_of(config == all.topic_configs.end() ? zookeeper::ConfigMap{} : config->second);
  return topic_read(std::move(nodes), rules);
}

// ---- Events ----

void Term::handle(const Event& event, TimedWork kind) {
  const env::MonotonicTime began = world_.clock.now();
  handle(event);
  world_.metrics.did(kind, world_.clock.now() - began);
}

void Term::handle(const Event& event) {
  const env::MonotonicTime now = world_.clock.now();
  Decision decision = decide(model_, event, now);
  note_beginning(decision.writes, now);
  writer_.write(std::move(decision.writes));
  sender_.hold_everything(hold_timer_ != nullptr && writer_.urgent_under_way() > 0);
  follow_liveness();
  sender_.run(decision.commands);
  world_.metrics.set_commands(sender_.queues());
  for (Answer& a : decision.answers) answer(std::move(a));
  answer_shutdowns();
  for (const std::string& topic : decision.topics_to_read) topic_may_have_changed(topic);
  set_timer(decision.wake_at);
  topic_requests_->model_changed();
  if (outline_ && writer_.urgent_under_way() == 0 && !sender_.has_urgent()) load_states();
}

namespace {

bool is_state_write(const Write& write) {
  return write.kind == WriteKind::SetState || write.kind == WriteKind::CreateState;
}

TopicPartition measured_as(const Write& write) {
  return write.kind == WriteKind::DeleteTopic ? TopicPartition{write.topic, -1}
                                              : write.topic_partition();
}

}  // namespace

void Term::note_beginning(const std::vector<Write>& writes, env::MonotonicTime now) {
  for (const Write& write : writes) {
    if (is_state_write(write) || write.kind == WriteKind::DeleteTopic) {
      write_began_.try_emplace(measured_as(write), now);
    }
  }
}

/// Before the model learns of it.
void Term::measure(const WriteOutcome& outcome) {
  const Write& write = outcome.write;
  if (!is_state_write(write) && write.kind != WriteKind::DeleteTopic) return;
  const auto began = write_began_.extract(measured_as(write));
  if (began.empty() || !outcome.committed) return;
  const env::Duration took = world_.clock.now() - began.mapped();
  if (write.kind == WriteKind::DeleteTopic) return world_.metrics.deleted(took);
  if (write.kind == WriteKind::CreateState) return world_.metrics.created(took);
  const PartitionEntry* partition = model_.find_partition(write.topic_partition());
  if (partition == nullptr || !partition->state) return;
  const bool is_led_by_another = partition->state->leader != write.state.leader;
  if (is_led_by_another && write.state.leader != kNoBroker) {
    world_.metrics.elected(took, write.state.recovering);
  } else if (!is_led_by_another && partition->state->isr != write.state.isr) {
    world_.metrics.changed_isr(took);
  }
}

void Term::answer(Answer answer) {
  if (auto* alter = std::get_if<AlterAnswer>(&answer)) {
    auto node = alters_.extract(alter->request);
    if (!node.empty()) std::move(node.mapped())(std::move(alter->reply));
  } else if (auto* shutdown = std::get_if<ShutdownAnswer>(&answer)) {
    decided(shutdown->request, std::move(shutdown->reply));
  } else if (auto* partitions = std::get_if<PartitionsAnswer>(&answer)) {
    auto node = partition_requests_.extract(partitions->request);
    if (node.empty()) return;
    std::move(node.mapped())({.partitions = std::move(partitions->partitions)});
  }
}

void Term::decided(RequestId id, rpc::ControlledShutdownReply outcome) {
  const auto found = shutdowns_.find(id);
  if (found == shutdowns_.end()) return;
  found->second.outcome = std::move(outcome);
  found->second.announced = sender_.announced();
  found->second.longest_wait = world_.executor.post_after(
      kLongestWaitForBrokers, life_.guard([this, id] { answer_shutdown(id); }));
}

/// The broker may end when all others know who leads instead: until then it serves.
void Term::answer_shutdowns() {
  std::vector<RequestId> known;
  for (const auto& [id, shutdown] : shutdowns_) {
    if (shutdown.outcome &&
        (shutdown.outcome->error != ErrorCode::None || sender_.is_known(shutdown.announced))) {
      known.push_back(id);
    }
  }
  for (const RequestId id : known) answer_shutdown(id);
}

void Term::answer_shutdown(RequestId id) {
  auto node = shutdowns_.extract(id);
  if (!node.empty()) std::move(node.mapped().reply)(std::move(*node.mapped().outcome));
}

void Term::set_timer(std::optional<env::MonotonicTime> wake_at) {
  timer_.reset();
  if (!wake_at) return;
  const env::Duration pause =
      std::max<env::Duration>(*wake_at - world_.clock.now(), std::chrono::milliseconds(1));
  timer_ = world_.executor.post_after(pause, life_.guard([this] { handle(Tick{}); }));
}

/// Watches every registered broker but this one, each registration anew.
void Term::follow_liveness() {
  std::erase_if(watched_, [&](const auto& watched) {
    return !model_.is_registered(watched.first, watched.second.epoch);
  });
  for (const auto& [id, broker] : model_.brokers) {
    if (id == world_.config.broker_id || watched_.contains(id)) continue;
    const BrokerEpoch epoch = broker.registration.epoch;
    watched_[id] = {.epoch = epoch,
                    .watch = world_.liveness.watch(broker.registration,
                                                   life_.post(world_.executor,
                                                              [this, id, epoch](rpc::Liveness now) {
                                                                judge({id, epoch, now});
                                                              })),
                    .verdict = rpc::Liveness::Alive,
                    .ask_again = {}};
  }
}

/// Silence is believed once others have been heard after it: of a controller that was cut off, one
/// peer's silence is noticed first.
void Term::judge(const LivenessChanged& verdict) {
  const auto watched = watched_.find(verdict.broker);
  if (watched == watched_.end() || watched->second.epoch != verdict.broker_epoch) return;
  watched->second.verdict = verdict.liveness;
  watched->second.ask_again.reset();
  if (verdict.liveness != rpc::Liveness::Silent || world_.reach == nullptr) return handle(verdict);
  world_.reach->ask(life_.post(world_.executor, [this, verdict](bool in_reach) {
    const auto still = watched_.find(verdict.broker);
    if (still == watched_.end() || still->second.epoch != verdict.broker_epoch ||
        still->second.verdict != rpc::Liveness::Silent) {
      return;
    }
    if (in_reach) return handle(verdict);
    still->second.ask_again = world_.executor.post_after(
        kAskForReachAgain, life_.guard([this, verdict] { judge(verdict); }));
  }));
}

void Term::alter_partition(rpc::AlterPartitionRequest request,
                           Callback<rpc::AlterPartitionReply> reply) {
  if (!loaded_) {
    return std::move(reply)({.error = ErrorCode::NotController, .partitions = {}});
  }
  const RequestId id{++last_request_};
  alters_.emplace(id, std::move(reply));
  handle(AlterPartitionRequested{id, std::move(request)});
}

void Term::controlled_shutdown(rpc::ControlledShutdownRequest request,
                               Callback<rpc::ControlledShutdownReply> reply) {
  if (!loaded_) {
    return std::move(reply)({.error = ErrorCode::NotController, .remaining = {}});
  }
  const RequestId id{++last_request_};
  shutdowns_[id].reply = [this, came = world_.clock.now(),
                          reply = std::move(reply)](rpc::ControlledShutdownReply outcome) mutable {
    if (outcome.error == ErrorCode::None) world_.metrics.shut_down(world_.clock.now() - came);
    std::move(reply)(std::move(outcome));
  };
  handle(ShutdownRequested{id, request});
}

void Term::report_slow_replicas(rpc::SlowReplicasReport report,
                                Callback<rpc::SlowReplicasReply> reply) {
  if (!loaded_) return std::move(reply)({.error = ErrorCode::NotController});
  if (!model_.is_registered(report.broker, report.broker_epoch)) {
    return std::move(reply)({.error = ErrorCode::StaleBrokerEpoch});
  }
  handle(SlowReplicasReported{std::move(report)});
  std::move(reply)({});
}

Callback<PartitionsReply> Term::timed(TimedWork kind, Callback<PartitionsReply> done) {
  return [&metrics = world_.metrics, &clock = world_.clock, kind, came = world_.clock.now(),
          done = std::move(done)](PartitionsReply reply) mutable {
    metrics.did(kind, clock.now() - came);
    std::move(done)(std::move(reply));
  };
}

void Term::elect_leaders(ElectLeadersRequest request, Callback<PartitionsReply> done) {
  const RequestId id{++last_request_};
  partition_requests_.emplace(id, timed(TimedWork::ManualLeaderBalance, std::move(done)));
  handle(ElectionRequested{id, request.kind, std::move(request.partitions),
                           world_.clock.now() + request.timeout});
}

void Term::alter_reassignments(AlterReassignmentsRequest request, Callback<PartitionsReply> done) {
  const RequestId id{++last_request_};
  partition_requests_.emplace(id, timed(TimedWork::PartitionReassignment, std::move(done)));
  handle(ReassignmentRequested{id, std::move(request.partitions),
                               world_.clock.now() + request.timeout});
}

std::vector<ReassigningPartition> Term::reassigning(
    const std::optional<std::vector<TopicPartition>>& of) const {
  const env::MonotonicTime began = world_.clock.now();
  std::vector<ReassigningPartition> found = find_reassigning(of);
  world_.metrics.did(TimedWork::ListPartitionReassignment, world_.clock.now() - began);
  return found;
}

std::vector<ReassigningPartition> Term::find_reassigning(
    const std::optional<std::vector<TopicPartition>>& of) const {
  std::vector<ReassigningPartition> found;
  const auto look_at = [&](const TopicPartition& tp) {
    const PartitionEntry* partition = model_.find_partition(tp);
    if (partition == nullptr || !is_reassigning(partition->assignment)) return;
    found.push_back({tp, partition->assignment});
  };
  if (of) {
    for (const TopicPartition& tp : *of) look_at(tp);
    return found;
  }
  for (const auto& [name, topic] : model_.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      look_at({name, static_cast<std::int32_t>(i)});
    }
  }
  return found;
}

void Term::allocate_producer_ids(rpc::AllocateProducerIdsRequest request,
                                 Callback<rpc::AllocateProducerIdsReply> reply) {
  if (!loaded_) return std::move(reply)({.error = ErrorCode::NotController, .first = {}});
  if (!model_.brokers.contains(request.broker)) {
    return std::move(reply)({.error = ErrorCode::BrokerIdNotRegistered, .first = {}});
  }
  if (!model_.is_registered(request.broker, request.broker_epoch)) {
    return std::move(reply)({.error = ErrorCode::StaleBrokerEpoch, .first = {}});
  }
  world_.store.allocate_producer_ids(
      request.broker,
      [reply = std::move(reply)](zookeeper::StoreResult<zookeeper::ProducerIdBlock> block) mutable {
        if (!block) {
          // A block that was perhaps taken is never used.
          return std::move(reply)({.error = ErrorCode::RequestTimedOut, .first = {}});
        }
        const auto count =
            static_cast<std::int32_t>(block->last.value() - block->first.value() + 1);
        std::move(reply)({ErrorCode::None, block->first, count});
      });
}

// ---- Hints, and the reads that follow them ----

void Term::on_watch(const zookeeper::layout::Location& location) {
  using zookeeper::layout::Place;
  switch (location.place) {
    case Place::BrokerIds:
    case Place::Broker:
      return refresh(brokers_refresh_, &Term::read_brokers);
    case Place::Topic:
      changed_topics_.insert(location.topic);
      return refresh_topics();
    case Place::Topics:
      return refresh_topics();
    case Place::DeleteTopics:
      return refresh_deletions();
    case Place::LogDirEventNotification:
      return refresh(log_dirs_refresh_, &Term::read_log_dir_events);
    case Place::IsrChangeNotification:
      return refresh(isr_changes_refresh_, &Term::read_isr_changes);
    case Place::PreferredReplicaElection:
      return refresh(preferred_election_refresh_, &Term::read_preferred_election);
    case Place::ReassignPartitions:
      return refresh(reassignments_refresh_, &Term::read_reassignments);
    case Place::Partitions:
    case Place::PartitionState:
    case Place::Controller:
    case Place::ControllerEpoch:
    case Place::Feature:
    case Place::ConfigChanges:
    case Place::Other:
      return;
  }
}

void Term::audit() {
  read_all_topics_ = true;
  refresh(brokers_refresh_, &Term::read_brokers);
  refresh_topics();
  refresh_deletions();
  refresh(log_dirs_refresh_, &Term::read_log_dir_events);
  refresh(isr_changes_refresh_, &Term::read_isr_changes);
  refresh(preferred_election_refresh_, &Term::read_preferred_election);
  refresh(reassignments_refresh_, &Term::read_reassignments);
}

void Term::schedule_audit() {
  audit_timer_ = world_.executor.post_after(world_.config.audit_interval, life_.guard([this] {
    audit();
    schedule_audit();
  }));
}

void Term::refresh(Refresh& what, void (Term::*read)()) {
  // While everything is being loaded a hint waits: the load may have read before the change.
  if (!loaded_ || what.running) {
    what.again = true;
    return;
  }
  what.running = true;
  what.again = false;
  (this->*read)();
}

void Term::end_refresh(Refresh& what, void (Term::*read)(), bool failed) {
  what.running = false;
  if (!failed && !what.again) return;
  if (!failed) return refresh(what, read);
  what.running = true;
  const auto shared = std::make_shared<env::TimerHandle>();
  *shared = world_.executor.post_after(world_.config.zookeeper_retry,
                                       life_.guard([this, &what, read, shared] {
                                         shared->reset();
                                         what.running = false;
                                         refresh(what, read);
                                       }));
}

void Term::read_brokers() {
  using Read = zookeeper::StoreResult<std::map<BrokerId, cluster::Broker>>;
  world_.store.load_brokers(zookeeper::Watch::Yes, life_.guard([this](Read read) {
    if (read) {
      BrokersRead event;
      for (auto& [id, broker] : *read) event.brokers.push_back(std::move(broker));
      handle(event);
    }
    end_refresh(brokers_refresh_, &Term::read_brokers, !read);
  }));
}

void Term::read_topics() {
  using Read = zookeeper::StoreResult<std::vector<std::string>>;
  world_.store.list_topics(zookeeper::Watch::Yes, life_.guard([this](Read read) {
    if (!read) return end_refresh(topics_refresh_, &Term::read_topics, true);
    std::sort(read->begin(), read->end());
    topics_listed(*std::move(read));
  }));
}

/// Reads the topics that are new, those whose node changed, or all.
void Term::topics_listed(std::vector<std::string> names) {
  const bool all = std::exchange(read_all_topics_, false);
  const std::set<std::string> changed = std::exchange(changed_topics_, {});
  std::vector<std::string> wanted;
  for (const std::string& name : names) {
    if (all || changed.contains(name) || model_.find_topic(name) == nullptr) {
      wanted.push_back(name);
    }
  }
  if (wanted.empty()) return topics_read(std::move(names), {});
  using Read = zookeeper::StoreResult<std::vector<std::optional<zookeeper::TopicNodes>>>;
  std::vector<std::string> asked = wanted;
  world_.store.load_topics(std::move(wanted), zookeeper::Watch::Yes,
                           life_.guard([this, all, names = std::move(names),
                                        asked = std::move(asked)](Read read) mutable {
                             if (!read) {
                               read_all_topics_ |= all;
                               changed_topics_.insert(asked.begin(), asked.end());
                               return end_refresh(topics_refresh_, &Term::read_topics, true);
                             }
                             std::vector<zookeeper::TopicNodes> nodes;
                             for (auto& topic : *read) {
                               if (topic) nodes.push_back(*std::move(topic));
                             }
                             topics_read(std::move(names), std::move(nodes));
                           }));
}

void Term::topics_read(std::vector<std::string> all, std::vector<zookeeper::TopicNodes> nodes) {
  auto event = std::make_shared<TopicsRead>();
  event->all = std::move(all);
  for (zookeeper::TopicNodes& topic : nodes) {
    event->topics.push_back(topic_read(std::move(topic), world_.config.topic_defaults));
  }
  read_topic_configs(std::move(event));
}

void Term::read_topic_configs(std::shared_ptr<TopicsRead> event) {
  const auto outstanding = std::make_shared<std::size_t>(event->topics.size() + 1);
  const auto finish = [this, event, outstanding] {
    if (--*outstanding > 0) return;
    handle(*event);
    end_refresh(topics_refresh_, &Term::read_topics, false);
  };
  for (TopicRead& topic : event->topics) {
    read_rules(topic.topic.name, [this, &topic, event, finish](std::optional<TopicRules> rules) {
      if (rules) {
        topic.rules = *rules;
      } else if (const TopicEntry* known = model_.find_topic(topic.topic.name)) {
        topic.rules = known->rules;
      }
      finish();
    });
  }
  finish();
}

void Term::read_rules(const std::string& topic,
                      std::function<void(std::optional<TopicRules>)> done) {
  world_.store.read_config(zookeeper::layout::ConfigEntity::topic(topic),
                           life_.guard([this, done = std::move(done)](
                                           zookeeper::StoreResult<zookeeper::ConfigMap> config) {
                             done(config ? std::optional(rules_of(*config)) : std::nullopt);
                           }));
}

void Term::topic_config_changed(const std::string& topic) {
  if (!loaded_ || model_.find_topic(topic) == nullptr) return;
  read_rules(topic, [this, topic](std::optional<TopicRules> rules) {
    if (!rules) return;
    const TopicEntry* const known = model_.find_topic(topic);
    const bool is_enabled =
        rules->unclean_leader_election && known != nullptr && !known->rules.unclean_leader_election;
    if (!is_enabled) return handle(TopicRulesRead{topic, *rules});
    handle(TopicRulesRead{topic, *rules}, TimedWork::TopicUncleanElectionEnable);
  });
}

void Term::topic_defaults_changed() {
  if (!loaded_) return;  // what is being loaded takes the new ones
  LOG(INFO) << "controller epoch " << fence_.epoch << ": new defaults of topics, unclean elections "
            << (world_.config.topic_defaults.unclean_leader_election ? "allowed" : "forbidden");
  std::vector<std::string> names;
  for (const auto& [name, topic] : model_.topics) names.push_back(name);
  const env::MonotonicTime began = world_.clock.now();
  for (const std::string& name : names) topic_config_changed(name);
  if (world_.config.topic_defaults.unclean_leader_election) {
    world_.metrics.did(TimedWork::UncleanElectionEnable, world_.clock.now() - began);
  }
}

void Term::read_deletions() {
  using Read = zookeeper::StoreResult<std::vector<std::string>>;
  world_.store.list_deletions(zookeeper::Watch::Yes, life_.guard([this](Read read) {
    if (!read) return end_refresh(deletions_refresh_, &Term::read_deletions, true);
    const bool all_known = std::all_of(read->begin(), read->end(), [&](const std::string& name) {
      return model_.find_topic(name) != nullptr;
    });
    if (all_known || topics_refresh_.running) {
      // An unknown topic is perhaps being read: its request waits for that read.
      std::vector<std::string> names = *std::move(read);
      if (!all_known) {
        std::erase_if(names, [&](const auto& n) { return model_.find_topic(n) == nullptr; });
        deletions_refresh_.again = true;
      }
      if (!names.empty()) handle(DeletionRequested{std::move(names)});
      const bool later = !all_known;
      return end_refresh(deletions_refresh_, &Term::read_deletions, later);
    }
    world_.store.list_topics(
        zookeeper::Watch::No, life_.guard([this, names = *std::move(read)](Read topics) mutable {
          if (!topics) return end_refresh(deletions_refresh_, &Term::read_deletions, true);
          // Created a moment ago, but not read yet: first things first.
          const auto is_coming = [&](const std::string& name) {
            return model_.find_topic(name) == nullptr &&
                   std::find(topics->begin(), topics->end(), name) != topics->end();
          };
          const bool wait = std::any_of(names.begin(), names.end(), is_coming);
          std::erase_if(names, is_coming);
          if (wait) refresh_topics();
          handle(DeletionRequested{std::move(names)});
          end_refresh(deletions_refresh_, &Term::read_deletions, wait);
        }));
  }));
}

/// A broker with a failed log dir gets everything again: its answer tells which replicas it lost.
void Term::read_log_dir_events() {
  using Read = zookeeper::StoreResult<std::vector<BrokerId>>;
  world_.store.take_log_dir_events(fence_, zookeeper::Watch::Yes, life_.guard([this](Read read) {
    if (!read && read.error() == zookeeper::StoreError::ControllerMoved) {
      return deposed("/controller_epoch has moved on");
    }
    if (read) {
      std::vector<Command> commands;
      const env::MonotonicTime began = world_.clock.now();
      for (const BrokerId broker : *read) commands.emplace_back(SendFull{broker});
      sender_.run(commands);
      if (!read->empty()) {
        world_.metrics.did(TimedWork::LogDirChange, world_.clock.now() - began);
      }
    }
    end_refresh(log_dirs_refresh_, &Term::read_log_dir_events, !read);
  }));
}

/// ISR changes of leaders with an old inter-broker protocol: their states are read again.
void Term::read_isr_changes() {
  using Read = zookeeper::StoreResult<std::vector<TopicPartition>>;
  world_.store.take_isr_changes(fence_, zookeeper::Watch::Yes, life_.guard([this](Read read) {
    if (!read && read.error() == zookeeper::StoreError::ControllerMoved) {
      return deposed("/controller_epoch has moved on");
    }
    if (read && !read->empty()) {
      for (const TopicPartition& tp : *read) changed_topics_.insert(tp.topic);
      refresh_topics();
    }
    end_refresh(isr_changes_refresh_, &Term::read_isr_changes, !read);
  }));
}

/// /admin/preferred_replica_election, written by old tools. What it asks for is written nowhere
/// else: it is taken away when nothing of it is under way any more.
void Term::read_preferred_election() {
  using Read = zookeeper::StoreResult<std::optional<std::vector<TopicPartition>>>;
  world_.store.read_preferred_election(zookeeper::Watch::Yes, life_.guard([this](Read read) {
    if (read && *read) {
      const std::vector<TopicPartition> wanted = **std::move(read);
      handle(PreferredLeadersWanted{wanted}, TimedWork::ManualLeaderBalance);
      const bool is_under_way = std::ranges::any_of(wanted, [this](const TopicPartition& tp) {
        const PartitionEntry* const partition = model_.find_partition(tp);
        return partition != nullptr && (partition->writing || partition->preferred_wanted);
      });
      if (is_under_way) {  // Looked at again.
        return end_refresh(preferred_election_refresh_, &Term::read_preferred_election, true);
      }
      return world_.store.delete_preferred_election(
          fence_, life_.guard([this](zookeeper::StoreResult<> deleted) {
            if (!deleted && deleted.error() == zookeeper::StoreError::ControllerMoved) {
              return deposed("/controller_epoch has moved on");
            }
            end_refresh(preferred_election_refresh_, &Term::read_preferred_election, !deleted);
          }));
    }
    const bool failed = !read && read.error() != zookeeper::StoreError::Malformed;
    end_refresh(preferred_election_refresh_, &Term::read_preferred_election, failed);
  }));
}

/// /admin/reassign_partitions, written by old tools; it shrinks as the reassignments end.
void Term::read_reassignments() {
  using Read = zookeeper::StoreResult<std::optional<std::vector<zookeeper::Reassignment>>>;
  world_.store.read_reassignments(zookeeper::Watch::Yes, life_.guard([this](Read read) {
    if (read) {
      ReassignmentsRead event{.partitions = {}, .exists = read->has_value()};
      if (*read) {
        for (zookeeper::Reassignment& wanted : **read) {
          event.partitions.push_back({std::move(wanted.partition), std::move(wanted.replicas)});
        }
        handle(event, TimedWork::PartitionReassignment);
      } else {
        handle(event);
      }
    }
    const bool failed = !read && read.error() != zookeeper::StoreError::Malformed;
    end_refresh(reassignments_refresh_, &Term::read_reassignments, failed);
  }));
}

void Term::schedule_balancing() {
  balancing_timer_ =
      world_.executor.post_after(world_.config.leader_imbalance_check_interval, life_.guard([this] {
        handle(LeadersToBeBalanced{world_.config.leader_imbalance_percentage},
               TimedWork::AutoLeaderBalance);
        schedule_balancing();
      }));
}

void Term::describe(ControllerDescription& description) const {
  description.controller_epoch = fence_.epoch;
  for (const auto& [id, broker] : model_.brokers) {
    description.brokers.push_back(
        {id, broker.registration.epoch, broker.liveness == rpc::Liveness::ProcessDead,
         broker.liveness == rpc::Liveness::Silent, broker.shutting_down, sender_.is_failing(id)});
  }
  const ModelCounts counts = count(model_);
  description.topics = counts.topics;
  description.partitions = counts.partitions;
  description.offline_partitions = counts.offline_partitions;
  description.under_replicated_partitions = counts.under_replicated_partitions;
  description.preferred_replica_imbalance = counts.preferred_replica_imbalance;
  description.topics_to_delete = counts.topics_to_delete;
  description.replicas_to_delete = counts.replicas_to_delete;
  description.topics_without_id = counts.topics_without_id;
  description.reassigning_partitions = counts.reassigning_partitions;
  description.slow_replicas = counts.slow_replicas;
  description.queued_writes = static_cast<std::int32_t>(writer_.under_way());
}

void Term::describe_health(const std::vector<TopicPartition>& partitions,
                           ControllerHealth& health) const {
  describe_model(model_, partitions, world_.clock.now(), health);
  for (BrokerHealth& broker : health.brokers) broker.command_failed = sender_.is_failing(broker.id);
}

}  // namespace ottla::controller
