#include "common/protocol/messages/metadata.h"

#include <chrono>
#include <limits>
#include <memory>
#include <set>
#include <utility>

#include "broker/api/endpoints.h"
#include "broker/api/handlers.h"
#include "broker/api/topic_auto_creation.h"
#include "common/cluster/topic_name.h"
#include "common/config/broker_keys.h"

namespace ottla::api {
namespace {

using metadata::MetadataImage;
using metadata::PartitionMetadata;
using metadata::TopicMetadata;
using protocol::MetadataRequest;
using protocol::MetadataResponse;
using Topic = MetadataResponse::Topic;

/// Ids came in v10, questions by id in v12: between them an id (and a missing name) is a fault.
bool asks_by_id_too_early(const MetadataRequest& request, protocol::ApiVersion version) {
  if (version.value() < 10 || version.value() >= 12 || !request.topics) return false;
  for (const MetadataRequest::Topic& topic : *request.topics) {
    if (!topic.topic_id.is_zero() || !topic.name) return true;
  }
  return false;
}

MetadataResponse refuse_all(const MetadataRequest& request, ErrorCode error) {
  MetadataResponse response;
  for (const MetadataRequest::Topic& asked : *request.topics) {
    Topic topic;
    topic.error_code = error;
    topic.name = asked.name.value_or("");
    topic.topic_id = asked.topic_id;
    response.topics.push_back(std::move(topic));
  }
  return response;
}

/// Answers one request from one image.
class MetadataAnswer {
 public:
  /// Unless `in_reach`, this broker does not say of itself that it leads.
  MetadataAnswer(const MetadataRequest& request, const Call& call, Services& services,
                 bool in_reach)
      : request_(request),
        in_reach_(in_reach),
        version_(call.version().value()),
        listener_(call.connection().listener),
        image_(services.metadata.image()),
        services_(services) {}

  MetadataResponse build() {
    response_.cluster_id = services_.cluster_id;
    response_.controller_id =
        image_->broker(image_->controller()) != nullptr ? image_->controller() : kNoBroker;
    if (request_.include_cluster_authorized_operations) {
      response_.cluster_authorized_operations = kAllClusterOperations;
    }
    add_brokers();
    if (asks_for_all()) {
      for (const auto& [name, topic] : image_->topics()) add_known(*topic);
    } else if (asks_by_id()) {
      add_by_id();
    } else {
      add_by_name();
    }
    return std::move(response_);
  }

 private:
  [[nodiscard]] bool asks_for_all() const {
    return !request_.topics || (version_ == 0 && request_.topics->empty());
  }
  [[nodiscard]] bool asks_by_id() const {
    for (const MetadataRequest::Topic& topic : *request_.topics) {
      if (!topic.topic_id.is_zero()) return true;
    }
    return false;
  }

  /// Only brokers that have the listener the request came on.
  void add_brokers() {
    for (const auto& [id, broker] : image_->brokers()) {
      const cluster::Endpoint* const endpoint = broker.endpoint(listener_);
      if (endpoint != nullptr) {
        response_.brokers.push_back({id, endpoint->host, endpoint->port, broker.rack});
      }
    }
  }

  void add_by_id() {
    std::set<TopicId> seen;
    for (const MetadataRequest::Topic& asked : *request_.topics) {
      if (asked.topic_id.is_zero() || !seen.insert(asked.topic_id).second) continue;
      if (const auto known = image_->topic(asked.topic_id)) {
        add_known(*known);
      } else {
        Topic& topic = response_.topics.emplace_back();
        topic.error_code = ErrorCode::UnknownTopicId;
        topic.name = std::nullopt;
        topic.topic_id = asked.topic_id;
      }
    }
  }

  void add_by_name() {
    std::set<std::string> seen;
    for (const MetadataRequest::Topic& asked : *request_.topics) {
      const std::string name = asked.name.value_or("");
      if (!seen.insert(name).second) continue;
      if (const auto known = image_->topic(name)) {
        add_known(*known);
      } else {
        add_unknown(name);
      }
    }
  }

  void add_unknown(const std::string& name) {
    Topic& topic = response_.topics.emplace_back();
    topic.name = name;
    topic.is_internal = cluster::is_internal_topic(name);
    topic.error_code = error_of_unknown(name);
    topic.topic_authorized_operations = topic_operations();
  }

  ErrorCode error_of_unknown(const std::string& name) {
    const auto config = services_.config.values();
    if (request_.allow_auto_topic_creation && config->get(config::kAutoCreateTopicsEnable)) {
      return services_.auto_creation.create(name, *image_, *config);
    }
    return cluster::is_valid_topic_name(name) ? ErrorCode::UnknownTopicOrPartition
                                              : ErrorCode::InvalidTopicException;
  }

  void add_known(const TopicMetadata& known) {
    Topic& topic = response_.topics.emplace_back();
    topic.name = known.name;
    topic.topic_id = known.id;
    topic.is_internal = cluster::is_internal_topic(known.name);
    topic.topic_authorized_operations = topic_operations();
    topic.partitions.reserve(known.partitions.size());
    for (std::size_t i = 0; i < known.partitions.size(); ++i) {
      if (known.partitions[i].assignment.replicas.empty()) continue;  // Not told yet.
      topic.partitions.push_back(describe(static_cast<std::int32_t>(i), known.partitions[i]));
    }
  }

  Topic::Partition describe(std::int32_t index, const PartitionMetadata& known) const {
    Topic::Partition partition;
    partition.partition_index = index;
    partition.leader_id = known.state.leader;
    partition.leader_epoch = known.state.leader_epoch;
    partition.replica_nodes = in_reach(known.assignment.replicas);
    partition.isr_nodes = in_reach(known.state.isr);
    partition.offline_replicas = offline_replicas(*image_, known.assignment.replicas);
    if (endpoint_of(*image_, known.state.leader, listener_) == nullptr) {
      const bool lives = image_->broker(known.state.leader) != nullptr;
      partition.error_code =
          lives && version_ >= 6 ? ErrorCode::ListenerNotFound : ErrorCode::LeaderNotAvailable;
      partition.leader_id = kNoBroker;
    } else if (partition.replica_nodes.size() < known.assignment.replicas.size() ||
               partition.isr_nodes.size() < known.state.isr.size()) {
      partition.error_code = ErrorCode::ReplicaNotAvailable;
    }
    if (may_be_replaced(known.state)) {
      partition.error_code = ErrorCode::LeaderNotAvailable;
      partition.leader_id = kNoBroker;
    }
    return partition;
  }

  /// Whether others may have another leader by now while this broker believes to lead. A client
  /// that has met that leader must not come back: its sequence numbers would not fit our log, and
  /// that error is fatal for an idempotent producer.
  [[nodiscard]] bool may_be_replaced(const cluster::PartitionState& state) const {
    return !in_reach_ && state.leader == services_.broker && state.isr.size() > 1;
  }

  /// Clients of v0 cannot take a replica without a broker in the list.
  [[nodiscard]] std::vector<BrokerId> in_reach(const std::vector<BrokerId>& replicas) const {
    if (version_ > 0) return replicas;
    std::vector<BrokerId> reached;
    for (const BrokerId replica : replicas) {
      if (endpoint_of(*image_, replica, listener_) != nullptr) reached.push_back(replica);
    }
    return reached;
  }

  [[nodiscard]] std::int32_t topic_operations() const {
    return request_.include_topic_authorized_operations ? kAllTopicOperations
                                                        : std::numeric_limits<std::int32_t>::min();
  }

  const MetadataRequest& request_;
  const bool in_reach_;
  const std::int16_t version_;
  const std::string& listener_;
  const std::shared_ptr<const MetadataImage> image_;
  Services& services_;
  MetadataResponse response_;
};

/// How long an answer is held for a failover that is under way.
constexpr std::chrono::milliseconds kLongestFailoverWait{250};

/// The leaders, live or not, of the topics that are asked for by name or id.
std::set<BrokerId> leaders_of_named(const MetadataRequest& request, const MetadataImage& image) {
  std::set<BrokerId> leaders;
  if (!request.topics) return leaders;
  for (const MetadataRequest::Topic& asked : *request.topics) {
    const auto topic = asked.topic_id.is_zero() ? image.topic(asked.name.value_or(""))
                                                : image.topic(asked.topic_id);
    if (!topic) continue;
    for (const PartitionMetadata& partition : topic->partitions) {
      if (partition.state.leader != kNoBroker) leaders.insert(partition.state.leader);
    }
  }
  return leaders;
}

/// A client that lost its connection to a leader asks for its topics at once, before any broker can
/// have noticed that the leader died; and whatever it is told then, an old leader or none, it asks
/// next after an interval of its own, which is long (up to a second in librdkafka). So the leaders
/// are asked whether they live, which costs a round trip between brokers, and if one is dead the
/// answer waits for its successor. Before this broker names itself it asks whether it is in reach
/// of the others: one that was cut off does not know who leads now. Thread: the connection's loop,
/// but for what PeerProof calls, which posts there.
class HeldMetadata : public std::enable_shared_from_this<HeldMetadata> {
 public:
  HeldMetadata(Call call, MetadataRequest request, Services& services)
      : call_(std::move(call)), request_(std::move(request)), services_(services) {}

  void start() {
    if (services_.peers == nullptr) return end();
    auto leaders = leaders_of_named(request_, *services_.metadata.image());
    const bool leads_itself = leaders.erase(services_.broker) > 0;
    others_ = {leaders.begin(), leaders.end()};
    deadline_ = services_.clock.now() + kLongestFailoverWait;
    if (!leads_itself) return ask_others();
    services_.peers->ask([self = shared_from_this()](bool in_reach) {
      self->call_.loop().post([self, in_reach] {
        self->in_reach_ = in_reach;
        self->ask_others();
      });
    });
  }

 private:
  void ask_others() {
    if (others_.empty()) return end();
    services_.peers->confirm(others_, resume());
  }

  Task resume() {
    return [self = shared_from_this()] { self->call_.loop().post([self] { self->go_on(); }); };
  }

  void go_on() {
    if (services_.clock.now() >= deadline_) return end();
    auto told = services_.metadata.told_image();  // before the image, so that no change is missed
    const auto image = services_.metadata.image();
    for (const BrokerId leader : leaders_of_named(request_, *image)) {
      if (image->broker(leader) == nullptr) {
        return services_.peers->await_change(std::move(told), deadline_, resume());
      }
    }
    end();
  }

  void end() { answer(call_, MetadataAnswer(request_, call_, services_, in_reach_).build()); }

  Call call_;
  MetadataRequest request_;
  Services& services_;
  env::MonotonicTime deadline_;
  std::vector<BrokerId> others_;  ///< Who leads, but for this broker.
  bool in_reach_ = true;
};

}  // namespace

void handle_metadata(Call call, Services& services) {
  auto request = decode_or_close<MetadataRequest>(call);
  if (!request) return;
  if (asks_by_id_too_early(*request, call.version())) {
    return answer(call, refuse_all(*request, ErrorCode::InvalidRequest));
  }
  std::make_shared<HeldMetadata>(std::move(call), *std::move(request), services)->start();
}

}  // namespace ottla::api
