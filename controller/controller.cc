#include "controller/controller.h"

#include <glog/logging.h>

#include <utility>

#include "common/metrics/controller_metrics.h"
#include "controller/auto_creation.h"
#include "controller/topic_requests.h"

namespace ottla::controller {

Controller::Controller(ControllerConfig config, const World& world)
    : config_(std::move(config)),
      world_(world),
      own_registry_(world.metrics == nullptr ? std::make_unique<metrics::Registry>() : nullptr),
      metrics_(
          std::make_shared<ControllerMetrics>(own_registry_ ? *own_registry_ : *world.metrics)),
      store_(world.client, world.executor) {
  office_ = std::make_unique<Office>(
      config_, world_.client, store_, world_.executor, world_.clock, world_.random, world_.liveness,
      world_.reach,
      Office::Listener{
          .won =
              [this](zookeeper::ControllerFence fence, std::optional<LivenessChanged> predecessor) {
                won(fence, std::move(predecessor));
              },
          .lost = [this](const std::string& why) { lost(why); },
          .holder_changed =
              [this](std::optional<BrokerId> holder) {
                active_ = holder.value_or(kNoBroker).value();
              }});
  world_.client.add_listener(*this);
  if (world_.metrics != nullptr) {
    active_gauge_ = world_.metrics->gauge(metrics::kActiveControllerCount,
                                          [this] { return is_controller_ ? 1.0 : 0.0; });
  }
}

Controller::~Controller() = default;

template <class F>
void Controller::run(F task) {
  metrics_->queued();
  life_.post(world_.executor, [metrics = metrics_, clock = &world_.clock,
                               queued = world_.clock.now(), task = std::move(task)]() mutable {
    metrics->taken_up(clock->now() - queued);
    task();
  })();
}

void Controller::start() {
  run([this] {
    started_ = true;
    session_ = world_.client.session_id();
    if (session_ != 0) office_->session_established();
  });
}

void Controller::stop(Callback<> done) {
  auto shared = std::make_shared<Callback<>>(std::move(done));
  run([this, shared] {
    started_ = false;
    office_->leave();
    std::move (*shared)();
  });
}

std::optional<BrokerId> Controller::active_controller() const {
  const BrokerId broker{active_.load()};
  return broker == kNoBroker ? std::nullopt : std::optional(broker);
}

// ---- ZooKeeper ----

void Controller::on_session(const zookeeper::SessionEvent& event) {
  run([this, event] { session_event(event); });
}

/// The end of a session is an event like others (W15): the term, with all it knew, ends here.
void Controller::session_event(const zookeeper::SessionEvent& event) {
  const bool connected = event.kind == zookeeper::SessionEvent::Kind::Established;
  if (connected != connected_) connected_since_ = world_.clock.now();
  connected_ = connected;
  if (!started_) return;
  switch (event.kind) {
    case zookeeper::SessionEvent::Kind::Established:
      if (session_ != 0 && session_ != event.session_id) office_->session_lost();
      session_ = event.session_id;
      office_->session_established();
      // Watches may have been missed: everything is read again (W18).
      if (term_) term_->audit();
      return;
    case zookeeper::SessionEvent::Kind::Suspended:
      return;  // The session may live on; writes fail or wait meanwhile.
    case zookeeper::SessionEvent::Kind::Expired:
      session_ = 0;
      office_->session_lost();
      return;
  }
}

void Controller::on_watch(const zookeeper::WatchEvent& event) {
  run([this, location = zookeeper::layout::locate(event.path)] {
    if (!started_) return;
    if (location.place == zookeeper::layout::Place::Controller) return office_->look();
    if (term_) term_->on_watch(location);
  });
}

void Controller::won(zookeeper::ControllerFence fence, std::optional<LivenessChanged> predecessor) {
  LOG(INFO) << "broker " << config_.broker_id << " is controller, controller epoch " << fence.epoch;
  metrics_->is_taking_office(true);
  term_ = std::make_unique<Term>(
      Term::World{config_, store_, world_.executor, world_.clock, world_.random, world_.peers,
                  world_.liveness, *metrics_, world_.reach, world_.told_states, world_.told_id},
      fence, std::move(predecessor),
      [this, won_at = world_.clock.now()] {
        is_controller_ = true;
        metrics_->is_taking_office(false);
        metrics_->took_office(world_.clock.now() - won_at);
      },
      [this, fence](const std::string& why) {
        run([this, fence, why] {
          if (term_ && term_->fence() == fence) office_->deposed(why);
        });
      });
}

void Controller::lost(const std::string& why) {
  is_controller_ = false;
  metrics_->is_taking_office(false);
  metrics_->set_commands({});
  if (!term_) return;
  LOG(WARNING) << "broker " << config_.broker_id << " is not controller any more, controller epoch "
               << term_->fence().epoch << ": " << why;
  const env::MonotonicTime began = world_.clock.now();
  term_.reset();
  metrics_->did(TimedWork::Shutdown, world_.clock.now() - began);
}

// ---- Requests ----

namespace {

template <class Outcome, class Items, class Fill>
std::vector<Outcome> not_controller(const Items& items, Fill fill) {
  std::vector<Outcome> outcomes;
  for (const auto& item : items) {
    Outcome& outcome = outcomes.emplace_back();
    fill(outcome, item);
    outcome.error = ErrorCode::NotController;
  }
  return outcomes;
}

}  // namespace

void Controller::create_topics(CreateTopicsRequest request,
                               Callback<std::vector<CreatedTopic>> done) {
  run([this, request = std::move(request), done = std::move(done)]() mutable {
    if (Term* term = serving()) return term->topics().create(std::move(request), std::move(done));
    std::move(done)(not_controller<CreatedTopic>(
        request.topics, [](auto& outcome, const auto& topic) { outcome.name = topic.name; }));
  });
}

void Controller::delete_topics(DeleteTopicsRequest request,
                               Callback<std::vector<DeletedTopic>> done) {
  run([this, request = std::move(request), done = std::move(done)]() mutable {
    if (Term* term = serving()) return term->topics().remove(std::move(request), std::move(done));
    std::move(done)(
        not_controller<DeletedTopic>(request.topics, [](auto& outcome, const auto& topic) {
          outcome.name = topic.name;
          outcome.id = topic.id;
        }));
  });
}

void Controller::create_partitions(CreatePartitionsRequest request,
                                   Callback<std::vector<AddedPartitions>> done) {
  run([this, request = std::move(request), done = std::move(done)]() mutable {
    if (Term* term = serving()) {
      return term->topics().add_partitions(std::move(request), std::move(done));
    }
    std::move(done)(not_controller<AddedPartitions>(
        request.topics, [](auto& outcome, const auto& topic) { outcome.topic = topic.topic; }));
  });
}

void Controller::auto_create_topics(std::vector<NewTopic> topics, std::vector<cluster::Broker> live,
                                    Callback<std::vector<CreatedTopic>> done) {
  run([this, topics = std::move(topics), live = std::move(live), done = std::move(done)]() mutable {
    create_from_any_broker(store_, config_, world_.random, std::move(topics), std::move(live),
                           std::move(done));
  });
}

void Controller::elect_leaders(ElectLeadersRequest request, Callback<PartitionsReply> done) {
  run([this, request = std::move(request), done = std::move(done)]() mutable {
    if (Term* term = serving()) return term->elect_leaders(std::move(request), std::move(done));
    std::move(done)({.error = ErrorCode::NotController, .partitions = {}});
  });
}

void Controller::alter_reassignments(AlterReassignmentsRequest request,
                                     Callback<PartitionsReply> done) {
  run([this, request = std::move(request), done = std::move(done)]() mutable {
    if (Term* term = serving()) {
      return term->alter_reassignments(std::move(request), std::move(done));
    }
    std::move(done)({.error = ErrorCode::NotController, .partitions = {}});
  });
}

void Controller::list_reassignments(std::optional<std::vector<TopicPartition>> of,
                                    Callback<ReassignmentsReply> done) {
  run([this, of = std::move(of), done = std::move(done)]() mutable {
    if (const Term* term = serving()) return std::move(done)({.partitions = term->reassigning(of)});
    std::move(done)({.error = ErrorCode::NotController, .partitions = {}});
  });
}

void Controller::describe(Callback<ControllerDescription> done) {
  run([this, done = std::move(done)]() mutable {
    ControllerDescription description;
    description.broker = config_.broker_id;
    description.controller = active_controller();
    description.active = serving() != nullptr;
    if (const Term* term = serving()) term->describe(description);
    std::move(done)(std::move(description));
  });
}

void Controller::describe_health(std::vector<TopicPartition> partitions,
                                 Callback<ControllerHealth> done) {
  run([this, partitions = std::move(partitions), done = std::move(done)]() mutable {
    ControllerHealth health;
    const env::MonotonicTime now = world_.clock.now();
    health.controller = active_controller().value_or(kNoBroker);
    health.zookeeper_connected = connected_;
    if (connected_since_ != env::MonotonicTime{}) health.zookeeper_since = now - connected_since_;
    if (const Term* term = serving()) {
      health.active = true;
      health.controller_epoch = term->fence().epoch;
      term->describe_health(partitions, health);
    }
    std::move(done)(std::move(health));
  });
}

void Controller::topic_config_changed(std::string topic) {
  run([this, topic = std::move(topic)] {
    if (term_) term_->topic_config_changed(topic);
  });
}

void Controller::set_topic_defaults(TopicRules defaults) {
  run([this, defaults] {
    if (config_.topic_defaults == defaults) return;
    config_.topic_defaults = defaults;
    if (term_) term_->topic_defaults_changed();
  });
}

void Controller::alter_partition(rpc::AlterPartitionRequest request,
                                 Callback<rpc::AlterPartitionReply> reply) {
  run([this, request = std::move(request), reply = std::move(reply)]() mutable {
    if (term_) return term_->alter_partition(std::move(request), std::move(reply));
    std::move(reply)({.error = ErrorCode::NotController, .partitions = {}});
  });
}

void Controller::controlled_shutdown(rpc::ControlledShutdownRequest request,
                                     Callback<rpc::ControlledShutdownReply> reply) {
  run([this, request, reply = std::move(reply)]() mutable {
    if (term_) return term_->controlled_shutdown(request, std::move(reply));
    std::move(reply)({.error = ErrorCode::NotController, .remaining = {}});
  });
}

void Controller::allocate_producer_ids(rpc::AllocateProducerIdsRequest request,
                                       Callback<rpc::AllocateProducerIdsReply> reply) {
  run([this, request, reply = std::move(reply)]() mutable {
    if (term_) return term_->allocate_producer_ids(request, std::move(reply));
    std::move(reply)({.error = ErrorCode::NotController, .first = {}});
  });
}

void Controller::report_slow_replicas(rpc::SlowReplicasReport report,
                                      Callback<rpc::SlowReplicasReply> reply) {
  run([this, report = std::move(report), reply = std::move(reply)]() mutable {
    if (term_) return term_->report_slow_replicas(std::move(report), std::move(reply));
    std::move(reply)({.error = ErrorCode::NotController});
  });
}

}  // namespace ottla::controller
