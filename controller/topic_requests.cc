#include "controller/topic_requests.h"

#include <algorithm>
#include <utility>

namespace ottla::controller {
namespace {

/// What a failed write to ZooKeeper means to who asked for it.
ErrorCode code_of(zookeeper::StoreError error) {
  switch (error) {
    case zookeeper::StoreError::NodeExists:
      return ErrorCode::TopicAlreadyExists;
    case zookeeper::StoreError::NoNode:
      return ErrorCode::UnknownTopicOrPartition;
    case zookeeper::StoreError::ControllerMoved:
    case zookeeper::StoreError::SessionExpired:
      return ErrorCode::NotController;
    case zookeeper::StoreError::BadVersion:
    case zookeeper::StoreError::Unknown:
      return ErrorCode::RequestTimedOut;
    case zookeeper::StoreError::Malformed:
    case zookeeper::StoreError::Other:
      return ErrorCode::UnknownServerError;
  }
  return ErrorCode::UnknownServerError;
}

std::vector<PlacementBroker> placement_brokers(const std::vector<cluster::Broker>& brokers) {
  std::vector<PlacementBroker> result;
  for (const cluster::Broker& broker : brokers) result.push_back({broker.id, broker.rack});
  return result;
}

}  // namespace

TopicRequests::TopicRequests(Term& term, const Term::World& world) : term_(term), world_(world) {}

TopicRequests::~TopicRequests() {
  for (const RequestPtr& request : std::exchange(requests_, {})) {
    for (const Request::Waiting& topic : request->waiting) {
      request->set_error(topic.index, ErrorCode::NotController, "");
    }
    std::move(request->finish)();
  }
}

TopicSurroundings TopicRequests::surroundings() const {
  TopicSurroundings result{being_created_, placement_brokers(term_.model().live_brokers())};
  for (const auto& [name, topic] : term_.model().topics) result.existing.insert(name);
  return result;
}

TopicRequests::RequestPtr TopicRequests::begin(Request::Kind kind, std::size_t writing) {
  auto request = std::make_shared<Request>();
  request->kind = kind;
  request->writing = writing;
  requests_.push_back(request);
  return request;
}

/// One of the request's writes has ended; after the last one the waiting begins.
void TopicRequests::written(const RequestPtr& request, env::Duration timeout) {
  if (--request->writing > 0) return;
  if (request->waiting.empty()) return end(request);
  if (timeout <= env::Duration::zero()) {
    // Kafka's answer to who does not want to wait.
    for (const Request::Waiting& topic : request->waiting) {
      request->set_error(topic.index, ErrorCode::RequestTimedOut, "");
    }
    request->waiting.clear();
    return end(request);
  }
  request->deadline =
      world_.executor.post_after(timeout, life_.guard([this, request] { expired(request); }));
  model_changed();
}

void TopicRequests::expired(RequestPtr request) {
  for (const Request::Waiting& topic : request->waiting) {
    if (!is_as_good_as_done(*request, topic)) {
      request->set_error(topic.index, ErrorCode::RequestTimedOut, "");
    }
  }
  request->waiting.clear();
  end(request);
}

void TopicRequests::end(RequestPtr request) {
  std::erase(requests_, request);
  request->deadline.reset();
  std::move(request->finish)();
}

void TopicRequests::model_changed() {
  const std::vector<RequestPtr> open = requests_;
  for (const RequestPtr& request : open) {
    if (request->writing > 0) continue;
    std::erase_if(request->waiting,
                  [&](Request::Waiting& topic) { return is_done(*request, topic); });
    if (request->waiting.empty()) end(request);
  }
}

bool TopicRequests::is_led(const Request::Waiting& topic) const {
  const TopicEntry* entry = term_.model().find_topic(topic.name);
  return entry != nullptr && entry->id == topic.id &&
         entry->partitions.size() >= topic.partitions &&
         std::all_of(entry->partitions.begin(), entry->partitions.end(),
                     [](const auto& p) { return p.state && p.state->leader != kNoBroker; });
}

bool TopicRequests::is_done(const Request& request, Request::Waiting& topic) const {
  if (request.kind == Request::Kind::Delete) {
    const TopicEntry* entry = term_.model().find_topic(topic.name);
    return entry == nullptr || entry->id != topic.id;
  }
  if (!is_led(topic)) return false;
  if (topic.announced == 0) topic.announced = term_.sender().announced();
  return term_.sender().is_known(topic.announced);
}

/// At the deadline: everything is settled, only some broker has not said so.
bool TopicRequests::is_as_good_as_done(const Request& request,
                                       const Request::Waiting& topic) const {
  if (request.kind == Request::Kind::Create) return is_led(topic);
  const TopicEntry* entry = term_.model().find_topic(topic.name);
  return entry == nullptr || entry->id != topic.id || entry->phase == TopicPhase::Erasing ||
         entry->phase == TopicPhase::StoppingReplicas;
}

// ---- CreateTopics ----

void TopicRequests::create(CreateTopicsRequest request, Callback<std::vector<CreatedTopic>> done) {
  auto results = std::make_shared<std::vector<CreatedTopic>>(request.topics.size());
  const RequestPtr open = begin(Request::Kind::Create, 1);
  open->set_error = [results](std::size_t i, ErrorCode error, std::string message) {
    (*results)[i].error = error;
    (*results)[i].message = std::move(message);
  };
  open->finish = [results, done = std::move(done)]() mutable {
    std::move(done)(std::move(*results));
  };
  const auto twice =
      names_given_twice(request.topics, [](const NewTopic& topic) { return topic.name; });
  TopicSurroundings around = surroundings();
  for (std::size_t i = 0; i < request.topics.size(); ++i) {
    NewTopic& topic = request.topics[i];
    CreatedTopic& result = (*results)[i];
    result.name = topic.name;
    if (twice.contains(topic.name)) {
      open->set_error(i, ErrorCode::InvalidRequest, "The topic stands twice in the request.");
      continue;
    }
    // A topic whose creation is under way does not exist yet, and may never: ZooKeeper decides.
    if (term_.model().find_topic(topic.name) == nullptr) around.existing.erase(topic.name);
    Result<cluster::Topic> planned = plan_topic(topic, around, world_.config, world_.random);
    if (!planned) {
      open->set_error(i, planned.error().code(), planned.error().message());
      continue;
    }
    result.partitions = static_cast<std::int32_t>(planned->partitions.size());
    result.replication_factor =
        static_cast<std::int32_t>(planned->partitions.front().replicas.size());
    if (request.validate_only) continue;
    result.id = planned->id;
    open->begin_write(i);
    being_created_.insert(topic.name);
    write_topic(open, i, *std::move(planned), std::move(topic.configs), request.timeout);
  }
  written(open, request.timeout);
}

void TopicRequests::write_topic(RequestPtr request, std::size_t index, cluster::Topic topic,
                                zookeeper::ConfigMap config, env::Duration timeout) {
  auto written_one =
      life_.guard([this, request, index, topic, config, timeout](zookeeper::StoreResult<> result) {
        if (!result && result.error() == zookeeper::StoreError::Unknown) {
          return check_created(request, index, topic, config, timeout);
        }
        being_created_.erase(topic.name);
        if (result) {
          request->wait_for({index, topic.name, topic.id, topic.partitions.size()});
          term_.refresh_topics();
        } else {
          request->set_error(index, code_of(result.error()), "");
          if (result.error() == zookeeper::StoreError::ControllerMoved) {
            term_.deposed("/controller_epoch has moved on");
          }
        }
        written(request, timeout);
      });
  world_.store.create_topic(term_.fence(), std::move(topic), std::move(config),
                            std::move(written_one));
}

/// The answer was lost: was the topic created?
void TopicRequests::check_created(RequestPtr request, std::size_t index, cluster::Topic topic,
                                  zookeeper::ConfigMap config, env::Duration timeout) {
  std::vector<std::string> names{topic.name};
  using Read = zookeeper::StoreResult<std::vector<std::optional<zookeeper::TopicNodes>>>;
  world_.store.load_topics(
      std::move(names), zookeeper::Watch::No,
      life_.guard([this, request, index, topic, config, timeout](Read read) {
        if (read && !read->front()) return write_topic(request, index, topic, config, timeout);
        being_created_.erase(topic.name);
        if (!read) {
          request->set_error(index, code_of(read.error()), "");
        } else if (read->front()->topic.id != topic.id) {
          request->set_error(index, ErrorCode::TopicAlreadyExists, "");
        } else {
          request->wait_for({index, topic.name, topic.id, topic.partitions.size()});
          term_.refresh_topics();
        }
        written(request, timeout);
      }));
}

// ---- CreatePartitions ----

void TopicRequests::add_partitions(CreatePartitionsRequest request,
                                   Callback<std::vector<AddedPartitions>> done) {
  auto results = std::make_shared<std::vector<AddedPartitions>>(request.topics.size());
  const RequestPtr open = begin(Request::Kind::Create, 1);
  open->set_error = [results](std::size_t i, ErrorCode error, std::string message) {
    (*results)[i].error = error;
    (*results)[i].message = std::move(message);
  };
  open->finish = [results, done = std::move(done)]() mutable {
    std::move(done)(std::move(*results));
  };
  const auto twice =
      names_given_twice(request.topics, [](const NewPartitions& topic) { return topic.topic; });
  for (std::size_t i = 0; i < request.topics.size(); ++i) {
    const NewPartitions& wanted = request.topics[i];
    (*results)[i].topic = wanted.topic;
    const TopicEntry* known = term_.model().find_topic(wanted.topic);
    if (twice.contains(wanted.topic)) {
      open->set_error(i, ErrorCode::InvalidRequest, "The topic stands twice in the request.");
      continue;
    }
    if (known == nullptr) {
      open->set_error(i, ErrorCode::UnknownTopicOrPartition,
                      "Topic '" + wanted.topic + "' does not exist.");
      continue;
    }
    if (known->phase != TopicPhase::Live) {
      open->set_error(i, ErrorCode::InvalidTopicException,
                      "Topic '" + wanted.topic + "' is being deleted.");
      continue;
    }
    cluster::Topic topic{known->name, known->id, {}};
    for (const PartitionEntry& partition : known->partitions) {
      topic.partitions.push_back(partition.assignment);
    }
    Result<cluster::Topic> planned = plan_partitions(
        wanted, std::move(topic), placement_brokers(term_.model().live_brokers()), world_.random);
    if (!planned) {
      open->set_error(i, planned.error().code(), planned.error().message());
      continue;
    }
    if (request.validate_only) continue;
    open->begin_write(i);
    write_partitions(open, i, *std::move(planned), known->version, request.timeout);
  }
  written(open, request.timeout);
}

void TopicRequests::write_partitions(RequestPtr request, std::size_t index, cluster::Topic topic,
                                     std::int32_t version, env::Duration timeout) {
  Request::Waiting waiting{index, topic.name, topic.id, topic.partitions.size()};
  world_.store.write_topic(
      term_.fence(), std::move(topic), version,
      life_.guard([this, request, waiting, timeout](zookeeper::StoreResult<std::int32_t> result) {
        // After a lost answer the waiting tells: the partitions come, or the time is up.
        if (result || result.error() == zookeeper::StoreError::Unknown) {
          request->wait_for(waiting);
        } else {
          request->set_error(waiting.index, code_of(result.error()), "");
        }
        term_.topic_may_have_changed(waiting.name);
        written(request, timeout);
      }));
}

// ---- DeleteTopics ----

void TopicRequests::remove(DeleteTopicsRequest request, Callback<std::vector<DeletedTopic>> done) {
  auto results = std::make_shared<std::vector<DeletedTopic>>(request.topics.size());
  const RequestPtr open = begin(Request::Kind::Delete, 1);
  open->set_error = [results](std::size_t i, ErrorCode error, std::string message) {
    (*results)[i].error = error;
    (*results)[i].message = std::move(message);
  };
  open->finish = [results, done = std::move(done)]() mutable {
    std::move(done)(std::move(*results));
  };
  for (std::size_t i = 0; i < request.topics.size(); ++i) {
    DeletedTopic& result = (*results)[i];
    result.name = request.topics[i].name;
    result.id = request.topics[i].id;
    const ClusterModel& model = term_.model();
    if (result.name.empty()) {
      const auto found = model.names.find(result.id);
      if (found == model.names.end()) {
        open->set_error(i, ErrorCode::UnknownTopicId, "");
        continue;
      }
      result.name = found->second;
    }
    const TopicEntry* known = model.find_topic(result.name);
    if (!model.delete_topic_enable) {
      open->set_error(i, ErrorCode::TopicDeletionDisabled, "");
      continue;
    }
    if (known == nullptr) {
      open->set_error(i, ErrorCode::UnknownTopicOrPartition, "");
      continue;
    }
    result.id = known->id;
    open->begin_write(i);
    write_deletion(open, i, result.name, known->id, request.timeout);
  }
  written(open, request.timeout);
}

void TopicRequests::write_deletion(RequestPtr request, std::size_t index, std::string name,
                                   TopicId id, env::Duration timeout) {
  std::string path_name = name;
  world_.store.request_topic_deletion(
      std::move(path_name),
      life_.guard([this, request, index, name, id, timeout](zookeeper::StoreResult<> result) {
        if (!result && result.error() == zookeeper::StoreError::Unknown) {
          return write_deletion(request, index, name, id, timeout);  // Asking twice is fine.
        }
        if (result) {
          request->wait_for({index, name, id});
        } else {
          request->set_error(index, code_of(result.error()), "");
        }
        term_.refresh_deletions();
        written(request, timeout);
      }));
}

}  // namespace ottla::controller
