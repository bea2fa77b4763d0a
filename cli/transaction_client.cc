#include "cli/transaction_client.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "common/protocol/messages/find_coordinator.h"
#include "common/protocol/messages/list_transactions.h"
#include "common/protocol/messages/write_txn_markers.h"

namespace ottla::cli {
namespace {

constexpr std::int8_t kTransactionKey = 1;

/// For a coordinator that moves, or whose topic was made by the question itself.
constexpr std::chrono::seconds kPatience{15};
constexpr std::chrono::milliseconds kPause{100};

bool may_pass(ErrorCode error) {
  return error == ErrorCode::CoordinatorLoadInProgress ||
         error == ErrorCode::CoordinatorNotAvailable || error == ErrorCode::NotCoordinator;
}

Result<> check(ErrorCode error, const std::string& subject) {
  if (error == ErrorCode::None) return {};
  return fail(error, subject + ": " + std::string(text_of(error)) + " (" +
                         std::string(name_of(error)) + ")");
}

}  // namespace

bool TransactionView::holds(const TopicPartition& partition) const {
  return std::ranges::any_of(described.topics, [&](const auto& topic) {
    return topic.topic == partition.topic &&
           std::ranges::find(topic.partitions, partition.partition) != topic.partitions.end();
  });
}

Result<> TransactionClient::learn(const std::optional<std::string>& topic) {
  OTTLA_TRY(const auto metadata, topic ? client_.metadata({*topic}) : client_.metadata());
  for (const auto& broker : metadata.brokers) brokers_.push_back(broker.node_id);
  for (const auto& described : metadata.topics) {
    const std::string name = described.name.value_or("");
    OTTLA_TRY_VOID(check(described.error_code, "topic " + name));
    for (const auto& partition : described.partitions) {
      leaders_[{name, partition.partition_index}] = partition.leader_id;
      replicas_[{name, partition.partition_index}] = partition.replica_nodes;
    }
  }
  return {};
}

Result<std::vector<TransactionListing>> TransactionClient::list(
    const std::set<ProducerId>& producers, std::int64_t longer_than_ms) {
  protocol::ListTransactionsRequest request;
  request.producer_id_filters = {producers.begin(), producers.end()};
  request.duration_filter = longer_than_ms;
  std::vector<TransactionListing> listed;
  for (const BrokerId broker : brokers_) {
    OTTLA_TRY(const auto response,
              client_.ask<protocol::ListTransactionsResponse>(broker, request));
    OTTLA_TRY_VOID(check(response.error_code, "broker " + std::to_string(broker.value())));
    for (const auto& state : response.transaction_states) {
      listed.push_back(
          {state.transactional_id, broker, state.producer_id, state.transaction_state});
    }
  }
  std::ranges::sort(listed, {}, &TransactionListing::transactional_id);
  return listed;
}

Result<TransactionView> TransactionClient::describe(const std::string& transactional_id) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    auto view = describe_now(transactional_id);
    if (view || !may_pass(view.error().code()) ||
        std::chrono::steady_clock::now() + kPause > deadline) {
      return view;
    }
    std::this_thread::sleep_for(kPause);
  }
}

Result<TransactionView> TransactionClient::describe_now(const std::string& transactional_id) {
  protocol::FindCoordinatorRequest find;
  find.key_type = kTransactionKey;
  if (client_.serves(protocol::ApiKey::FindCoordinator, 4)) {
    find.coordinator_keys = {transactional_id};
  } else {
    find.key = transactional_id;
  }
  OTTLA_TRY(const auto found, client_.ask<protocol::FindCoordinatorResponse>(find));
  TransactionView view;
  if (found.coordinators.empty()) {
    OTTLA_TRY_VOID(check(found.error_code, "coordinator of " + transactional_id));
    view.coordinator = found.node_id;
  } else {
    OTTLA_TRY_VOID(check(found.coordinators[0].error_code, "coordinator of " + transactional_id));
    view.coordinator = found.coordinators[0].node_id;
  }
  protocol::DescribeTransactionsRequest request;
  request.transactional_ids = {transactional_id};
  OTTLA_TRY(auto response,
            client_.ask<protocol::DescribeTransactionsResponse>(view.coordinator, request));
  if (response.transaction_states.empty()) return fail(ErrorCode::TransactionalIdNotFound);
  view.described = std::move(response.transaction_states.front());
  OTTLA_TRY_VOID(check(view.described.error_code, "transactional id " + transactional_id));
  return view;
}

Result<BrokerId> TransactionClient::leader_of(const TopicPartition& partition) const {
  const auto leader = leaders_.find(partition);
  if (leader == leaders_.end()) {
    return fail(ErrorCode::UnknownTopicOrPartition, partition.to_string() + " does not exist");
  }
  if (leader->second == kNoBroker) {
    return fail(ErrorCode::LeaderNotAvailable, partition.to_string() + " has no leader now");
  }
  return leader->second;
}

Result<std::vector<ActiveProducer>> TransactionClient::producers(const TopicPartition& partition,
                                                                 std::optional<BrokerId> replica) {
  BrokerId broker = kNoBroker;
  if (replica) {
    broker = *replica;
  } else {
    OTTLA_TRY(broker, leader_of(partition));
  }
  protocol::DescribeProducersRequest request;
  request.topics.push_back({partition.topic, {partition.partition}});
  OTTLA_TRY(auto response, client_.ask<protocol::DescribeProducersResponse>(broker, request));
  if (response.topics.empty() || response.topics[0].partitions.empty()) {
    return fail(ErrorCode::UnknownServerError, "no answer about " + partition.to_string());
  }
  auto& described = response.topics[0].partitions[0];
  OTTLA_TRY_VOID(check(described.error_code, partition.to_string()));
  return std::move(described.active_producers);
}

Result<> TransactionClient::abort(const AbortSpec& spec) {
  OTTLA_TRY(const BrokerId leader, leader_of(spec.partition));
  protocol::WriteTxnMarkersRequest request;
  auto& marker = request.markers.emplace_back();
  marker.producer_id = spec.producer_id;
  marker.producer_epoch = ProducerEpoch(spec.producer_epoch);
  marker.transaction_result = false;
  marker.coordinator_epoch = spec.coordinator_epoch;
  marker.topics.push_back({spec.partition.topic, {spec.partition.partition}});
  OTTLA_TRY(const auto response, client_.ask<protocol::WriteTxnMarkersResponse>(leader, request));
  for (const auto& told : response.markers) {
    for (const auto& topic : told.topics) {
      for (const auto& partition : topic.partitions) {
        OTTLA_TRY_VOID(check(partition.error_code, spec.partition.to_string()));
      }
    }
  }
  return {};
}

}  // namespace ottla::cli
