#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "broker/metadata/metadata_cache.h"
#include "broker/quota/cold_read_quota.h"
#include "broker/replica/append.h"
#include "broker/replica/fetch.h"
#include "broker/replica/log_dirs.h"
#include "broker/replica/offset_queries.h"
#include "broker/replica/replicas_config.h"
#include "broker/replica/surroundings.h"
#include "broker/replica/transaction_check.h"
#include "broker/replica/transaction_markers.h"
#include "broker/replica/transaction_verifier.h"
#include "common/base/task.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/rpc/control.h"
#include "common/rpc/replication.h"

namespace ottla::storage {
class ColdReads;
class Log;
class LogStore;
}  // namespace ottla::storage

namespace ottla::replica {

class Partition;
struct LogMoveCounts;
struct ReplicationTotals;

/// All partitions that this broker holds, as leader or follower: the one way for clients' records
/// in and out, and the carrying out of the controller's commands.
///
/// Requests name an executor `on`: the event loop they are made from. `done` runs there exactly
/// once: inside the call when nothing has to be waited for, later otherwise. After `stop` waiting
/// requests are dropped without an answer: their connections are closed by then.
///
/// Thread: any, except where another is named.
class Replicas final : public rpc::ReplicationService {
 public:
  struct Dependencies {
    env::Clock& clock;
    ReplicasExecutors executors;
    storage::LogStore& logs;
    metadata::MetadataCache& metadata;
    TopicConfigs& topics;
    IsrChanges& isr_changes;
    rpc::ReplicationTransport& transport;
    std::vector<LeadershipListener*> leadership = {};  ///< Called in this order.
    /// Replicas are offline, or back, without their log dir: those that a full disk kept from their
    /// role have taken it, or one was given up. The controller should ask for them. On the control
    /// loop. May be empty.
    std::function<void()> offline_replicas_changed = nullptr;
    /// replica.alter.log.dirs.io.max.bytes.per.second as it is now; may be empty.
    std::function<std::int64_t()> log_move_bytes_per_second = nullptr;
    /// leader. and follower.replication.throttled.rate as they are now; may be empty.
    std::function<std::int64_t()> leader_throttled_rate = nullptr;
    std::function<std::int64_t()> follower_throttled_rate = nullptr;
    /// ottla.cold.read.bytes.per.second.per.client as it is now; may be empty.
    quota::ColdReadQuota::Rate cold_read_rate_per_client = nullptr;
    TransactionEndListener* transaction_ends = nullptr;
    /// Null: transactions' records are taken without asking (there is no coordinator).
    TransactionVerifier* transaction_verifier = nullptr;
    /// transaction.partition.verification.enable as it is now; empty: true.
    std::function<bool()> verifies_transactions = nullptr;
  };

  Replicas(ReplicasConfig config, Dependencies dependencies);
  ~Replicas() override;

  /// Starts the periodic work.
  void start();
  /// Closes the streams and drops what waits; writes the high-watermark checkpoints. Call before
  /// the executors stop, not from one of them.
  void stop();

  /// The registration under which commands are accepted and streams opened: each time the broker
  /// registered. `log_dirs_returned` is what the registration says of that.
  void set_broker_epoch(BrokerEpoch epoch, std::int32_t log_dirs_returned = 0);
  /// From now on no command is carried out before a registration that tells of so many returned
  /// log dirs; then calls `done` on the control loop.
  void await_registration(std::int32_t log_dirs_returned, Callback<> done);

  /// A follower whose process does not answer is not waited for: it leaves the ISR of what it has
  /// not got, instead of lagging for replica.lag.time.max.ms.
  void set_silent(BrokerId broker, bool silent);

  /// This broker is cut off from most others, among them these; none: it is not any more. While one
  /// of them is in the ISR nothing is committed, and somebody else may lead: acks=all appends that
  /// wait, and those that come, are answered with NotLeaderOrFollower instead of waiting for their
  /// timeout.
  void set_out_of_reach(std::set<BrokerId> brokers);
  /// This broker is about to ask for its controlled shutdown: what it is no more in the ISR of, it
  /// does not follow any more. Caught up, it would only ask to join again, in the middle of
  /// thousands of elections.
  void leave();

  // The controller's commands (rpc::BrokerControl goes here).

  /// Checks controller and broker epoch, publishes the metadata image, makes partitions leader or
  /// follower, stops replicas. In order of calls. `reply` on the control loop.
  void update_cluster(rpc::ClusterUpdate update, Callback<rpc::ClusterUpdateReply> reply);
  void query_replica_logs(rpc::ReplicaLogQuery query, Callback<rpc::ReplicaLogAnswer> reply);

  // Clients' records.

  /// Validates and appends; acks=all answers when the high watermark has passed the records.
  /// Errors per partition as Kafka's: UnknownTopicOrPartition, NotLeaderOrFollower,
  /// NotEnoughReplicas, NotEnoughReplicasAfterAppend, RequestTimedOut, KafkaStorageError, and those
  /// of validation and of the log.
  void append(AppendRequest request, env::Executor& on, Callback<AppendResult> done);

  /// Whether this broker still leads the partition, by what all who may have taken over say: None,
  /// or NotLeaderOrFollower, KafkaStorageError, UnknownTopicOrPartition, RequestTimedOut. For who
  /// tells what he remembers of a log (docs/replication.md). Below min.insync.replicas nobody can
  /// be certain: who must be waits. `done` on `on`.
  void confirm_leadership(const TopicPartition& partition, bool must_be_certain,
                          env::Duration timeout, env::Executor& on, Callback<ErrorCode> done);

  /// Before transactional records of a client are appended: asks their coordinator where the
  /// transaction has no record yet (KIP-890). What was verified is appended with its token.
  void verify_transaction(TransactionCheck check, env::Executor& on,
                          Callback<std::vector<VerifiedPartition>> done);

  /// Ends a producer's transaction in partitions that this broker leads; answers one code for each,
  /// in order, when the in-sync replicas have the markers: UnknownTopicOrPartition,
  /// NotLeaderOrFollower, InvalidProducerEpoch (a newer producer was here),
  /// TransactionCoordinatorFenced (so was a newer coordinator), NotEnoughReplicas,
  /// NotEnoughReplicasAfterAppend, RequestTimedOut, KafkaStorageError. Writing a marker again is
  /// harmless.
  void append_markers(TransactionMarker marker, env::Duration timeout, env::Executor& on,
                      Callback<std::vector<ErrorCode>> done);

  /// Reads, waiting for min_bytes up to max_wait. A range that is not in the page cache is read
  /// ahead on the I/O pool before it is handed out, so that sendfile does not block.
  void fetch(FetchRequest request, env::Executor& on, Callback<FetchResult> done);

  /// Offsets by time; reads the log on the I/O pool where it must.
  void list_offsets(std::vector<OffsetQuery> queries, IsolationLevel isolation, env::Executor& on,
                    Callback<std::vector<ListedOffset>> done);
  [[nodiscard]] std::vector<EpochAnswer> offsets_for_leader_epochs(
      const std::vector<EpochQuery>& queries) const;
  /// Raises log start offsets; answers when all live replicas have followed, or RequestTimedOut.
  void delete_records(std::vector<DeleteRecordsQuery> queries, env::Duration timeout,
                      env::Executor& on, Callback<std::vector<DeletedRecords>> done);

  /// The producers that this replica, leader or follower, knows (KIP-664). Errors:
  /// UnknownTopicOrPartition, NotLeaderOrFollower, KafkaStorageError.
  [[nodiscard]] Result<std::vector<storage::ActiveProducer>> active_producers(
      const TopicPartition& partition) const;

  // Log dirs (KIP-113).

  void describe_log_dirs(env::Executor& on, Callback<std::vector<LogDirDescription>> done);
  /// Wishes for where logs are to be, answered one by one: None when the move has begun or is not
  /// needed, ReplicaNotAvailable when the log is to be made there once there is one,
  /// UnknownTopicOrPartition, LogDirNotFound, InvalidTopicException, KafkaStorageError.
  void alter_log_dirs(std::vector<LogDirChange> changes, env::Executor& on,
                      Callback<std::vector<ErrorCode>> done);

  // Looking in.

  /// Null when this broker does not hold the partition.
  [[nodiscard]] std::shared_ptr<Partition> partition(const TopicPartition& partition) const;
  [[nodiscard]] std::vector<std::shared_ptr<Partition>> partitions() const;
  /// Bytes a second of throttled replicas that were not in sync: sent, and taken.
  [[nodiscard]] double leader_throttled_byte_rate() const;
  [[nodiscard]] double follower_throttled_byte_rate() const;
  /// The log of a partition that this broker leads (coordinators load from it).
  [[nodiscard]] Result<std::shared_ptr<storage::Log>> leader_log(
      const TopicPartition& partition) const;
  /// For storage::LogStore::start: nullopt for a partition that has no role here.
  [[nodiscard]] std::optional<Offset> high_watermark(const TopicPartition& partition) const;

  [[nodiscard]] const ReplicationTotals& totals() const;
  /// The streams to followers.
  struct Stream {
    BrokerId follower;
    std::uint64_t in_flight_bytes = 0;
    std::size_t partitions = 0;
  };
  [[nodiscard]] std::vector<Stream> streams() const;
  /// Pushes that came from each leader that has been followed.
  [[nodiscard]] std::map<BrokerId, std::int64_t> messages_from_leaders() const;

  /// Records that consumers could read and that were cut, since the start (W6).
  [[nodiscard]] std::int64_t readable_records_cut() const;
  /// Consumers and followers that read what the page cache does not hold (N14).
  [[nodiscard]] const storage::ColdReads& cold_reads() const;
  [[nodiscard]] const quota::ColdReadQuota& cold_read_quota() const;
  [[nodiscard]] const LogMoveCounts& log_move_counts() const;
  /// The most records that a log which is being moved to another log dir still lacks there.
  [[nodiscard]] std::int64_t log_move_lag() const;

  /// A topic's configs changed: new log config and min.insync.replicas take effect.
  void topic_config_changed(const std::string& topic);
  /// The log of a partition that we lead in this epoch cannot be read as a whole, and others in the
  /// ISR have all of it: one of them is to lead. The replica is offline until another one leads
  /// without it in the ISR; then the log is put aside as stray and fetched anew. A replica that is
  /// the only one left leads with what it has.
  void give_up_log(const TopicPartition& partition, LeaderEpoch epoch, const Error& why);
  /// A log dir failed (storage::LogStore reports it): its partitions go offline (W7).
  void log_directory_failed(const std::string& directory);

  // rpc::ReplicationService: followers' streams.
  Result<Accepted> accept(const rpc::StreamHello& hello,
                          std::unique_ptr<rpc::LeaderWriter> writer) override;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace ottla::replica
