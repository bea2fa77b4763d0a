#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/group/group_service.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/append.h"
#include "broker/replica/fetch.h"
#include "broker/replica/log_dirs.h"
#include "broker/replica/offset_queries.h"
#include "broker/replica/partition_health.h"
#include "broker/replica/transaction_check.h"
#include "broker/replica/transaction_markers.h"
#include "broker/transaction/transaction_service.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/config/broker_config.h"
#include "common/config/topic_config.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/random.h"
#include "common/metrics/registry.h"
#include "common/rpc/control.h"
#include "common/rpc/reach.h"
#include "common/zookeeper/layout.h"
#include "common/zookeeper/node_data.h"
#include "controller/service.h"

/// What the API handlers call: one service for each, so that a handler is tested without a cluster.
namespace ottla::api {

/// The clients' half of replica::Replicas, with its contract: `done` runs once, on `on`.
/// ReplicaRecords is the real one.
class RecordService {
 public:
  virtual ~RecordService() = default;
  virtual void append(replica::AppendRequest request, env::Executor& on,
                      Callback<replica::AppendResult> done) = 0;
  virtual void verify_transaction(replica::TransactionCheck check, env::Executor& on,
                                  Callback<std::vector<replica::VerifiedPartition>> done) = 0;
  virtual void append_markers(replica::TransactionMarker marker, env::Duration timeout,
                              env::Executor& on, Callback<std::vector<ErrorCode>> done) = 0;
  [[nodiscard]] virtual Result<std::vector<storage::ActiveProducer>> active_producers(
      const TopicPartition& partition) const = 0;
  virtual void fetch(replica::FetchRequest request, env::Executor& on,
                     Callback<replica::FetchResult> done) = 0;
  virtual void list_offsets(std::vector<replica::OffsetQuery> queries,
                            replica::IsolationLevel isolation, env::Executor& on,
                            Callback<std::vector<replica::ListedOffset>> done) = 0;
  [[nodiscard]] virtual std::vector<replica::EpochAnswer> offsets_for_leader_epochs(
      const std::vector<replica::EpochQuery>& queries) const = 0;
  virtual void delete_records(std::vector<replica::DeleteRecordsQuery> queries,
                              env::Duration timeout, env::Executor& on,
                              Callback<std::vector<replica::DeletedRecords>> done) = 0;
};

/// The log dirs of this broker (KIP-113), with replica::Replicas' contract. ReplicaRecords is the
/// real one.
class LogDirService {
 public:
  virtual ~LogDirService() = default;
  virtual void describe_log_dirs(env::Executor& on,
                                 Callback<std::vector<replica::LogDirDescription>> done) = 0;
  virtual void alter_log_dirs(std::vector<replica::LogDirChange> changes, env::Executor& on,
                              Callback<std::vector<ErrorCode>> done) = 0;
};

/// What this broker's replicas tell of themselves (`ottla explain`). ReplicaRecords is the real
/// one. Thread: any.
class ReplicaHealth {
 public:
  virtual ~ReplicaHealth() = default;
  /// Nullopt: this broker has no such replica.
  [[nodiscard]] virtual std::optional<replica::PartitionHealth> partition_health(
      const TopicPartition& partition) const = 0;
};

/// The configuration of each topic, as this broker knows it. Thread: any.
class TopicConfigs {
 public:
  virtual ~TopicConfigs() = default;
  /// Never null; the defaults for a topic without its own.
  [[nodiscard]] virtual std::shared_ptr<const config::TopicConfig> topic_config(
      const std::string& topic) const = 0;
};

/// The configs in ZooKeeper. ZooKeeperConfigs is the real one.
class ConfigStore {
 public:
  /// What a config becomes, of what it is; nullopt leaves it alone. May run more than once.
  using Edit =
      std::function<Result<std::optional<zookeeper::ConfigMap>>(const zookeeper::ConfigMap& now)>;
  virtual ~ConfigStore() = default;
  /// One atomic change: no other's is lost. `done` on any thread, once this broker has the new
  /// config in effect (if it concerns it).
  virtual void edit(zookeeper::layout::ConfigEntity entity, Edit edit, Callback<Result<>> done) = 0;
};

/// The way to the controller for blocks of producer ids. `done` on any thread.
class ProducerIdBlocks {
 public:
  virtual ~ProducerIdBlocks() = default;
  virtual void allocate(Callback<Result<rpc::AllocateProducerIdsReply>> done) = 0;
};

/// The offsets that Kafka 0.8's consumers keep in ZooKeeper. ZooKeeperOffsets is the real one.
/// Callbacks come once, on any thread, with one outcome for each partition, in order.
class OldOffsets {
 public:
  struct Item {
    TopicPartition partition{};
    Offset offset{};
  };
  struct Fetched {
    Offset offset = kUnknownOffset;
    ErrorCode error = ErrorCode::None;  ///< UnknownTopicOrPartition: there is none.
  };
  virtual ~OldOffsets() = default;
  virtual void commit(const std::string& group, std::vector<Item> offsets,
                      Callback<std::vector<ErrorCode>> done) = 0;
  virtual void fetch(const std::string& group, const std::vector<TopicPartition>& partitions,
                     Callback<std::vector<Fetched>> done) = 0;
};

/// Whether other brokers' processes live, asked when it matters. `done` runs on any thread.
class PeerProof : public rpc::Reach {
 public:
  /// Once each of the brokers has answered a question put after this call or is proven dead (the
  /// metadata then leaves it out), at the latest after a moment.
  virtual void confirm(std::vector<BrokerId> brokers, Task done) = 0;
  /// Once the metadata is another than `seen` (as `MetadataCache::told_image` gave it), at the
  /// latest at `deadline`.
  virtual void await_change(std::shared_ptr<const metadata::MetadataImage> seen,
                            env::MonotonicTime deadline, Task done) = 0;
};

/// References outlive the ApiServer.
struct Dependencies {
  BrokerId broker;
  std::string cluster_id;
  config::BrokerConfig& config;
  metadata::MetadataCache& metadata;
  RecordService& records;
  LogDirService& log_dirs;
  controller::ControllerService& controller;
  TopicConfigs& topic_configs;
  ProducerIdBlocks& producer_id_blocks;
  group::GroupService& groups;
  transaction::TransactionService& transactions;
  OldOffsets& old_offsets;
  ConfigStore& configs;
  env::Clock& clock;
  env::Random& random;
  env::Executor& io_pool;                         ///< Conversion of records for old clients.
  metrics::Registry* metrics = nullptr;           ///< Null: nobody looks.
  PeerProof* peers = nullptr;                     ///< Null: the controller's word is enough.
  const ReplicaHealth* replica_health = nullptr;  ///< Null: the controller alone is asked.
};

}  // namespace ottla::api
