#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/broker_client.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/protocol/messages/describe_producers.h"
#include "common/protocol/messages/describe_transactions.h"

namespace ottla::cli {

struct TransactionListing {
  std::string transactional_id;
  BrokerId coordinator = kNoBroker;
  ProducerId producer_id = kNoProducerId;
  std::string state;
};

struct TransactionView {
  BrokerId coordinator = kNoBroker;
  protocol::DescribeTransactionsResponse::TransactionState described;

  [[nodiscard]] bool holds(const TopicPartition& partition) const;
};

using ActiveProducer = protocol::DescribeProducersResponse::Topic::Partition::ActiveProducer;

/// The end of a transaction in one partition, by hand.
struct AbortSpec {
  TopicPartition partition;
  ProducerId producer_id = kNoProducerId;
  std::int16_t producer_epoch = -1;
  std::int32_t coordinator_epoch = 0;
};

/// What the transactions tool asks of a cluster (KIP-664). Thread: one at a time.
class TransactionClient {
 public:
  explicit TransactionClient(BrokerClient client) : client_(std::move(client)) {}

  /// Learns the brokers, and the leaders and replicas of all topics or of one.
  [[nodiscard]] Result<> learn(const std::optional<std::string>& topic);
  /// Of all coordinators. An empty set: of all producers. `longer_than_ms` -1: any.
  [[nodiscard]] Result<std::vector<TransactionListing>> list(const std::set<ProducerId>& producers,
                                                             std::int64_t longer_than_ms);
  /// Waits a while for a coordinator that is not there yet.
  [[nodiscard]] Result<TransactionView> describe(const std::string& transactional_id);
  /// Of the leader, or of another replica.
  [[nodiscard]] Result<std::vector<ActiveProducer>> producers(const TopicPartition& partition,
                                                              std::optional<BrokerId> replica);
  /// Sends an abort marker to the partition's leader.
  [[nodiscard]] Result<> abort(const AbortSpec& spec);

  /// As `learn` found them, with their replicas.
  [[nodiscard]] const std::map<TopicPartition, std::vector<BrokerId>>& partitions() const {
    return replicas_;
  }

 private:
  [[nodiscard]] Result<TransactionView> describe_now(const std::string& transactional_id);
  [[nodiscard]] Result<BrokerId> leader_of(const TopicPartition& partition) const;

  BrokerClient client_;
  std::vector<BrokerId> brokers_;
  std::map<TopicPartition, BrokerId> leaders_;
  std::map<TopicPartition, std::vector<BrokerId>> replicas_;
};

}  // namespace ottla::cli
