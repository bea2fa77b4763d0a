#pragma once

#include <utility>

#include "broker/api/services.h"
#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"

namespace ottla::api {

/// replica::Replicas as the handlers see it.
class ReplicaRecords final : public RecordService, public LogDirService, public ReplicaHealth {
 public:
  explicit ReplicaRecords(replica::Replicas& replicas) : replicas_(replicas) {}

  void append(replica::AppendRequest request, env::Executor& on,
              Callback<replica::AppendResult> done) override {
    replicas_.append(std::move(request), on, std::move(done));
  }
  void verify_transaction(replica::TransactionCheck check, env::Executor& on,
                          Callback<std::vector<replica::VerifiedPartition>> done) override {
    replicas_.verify_transaction(std::move(check), on, std::move(done));
  }
  void append_markers(replica::TransactionMarker marker, env::Duration timeout, env::Executor& on,
                      Callback<std::vector<ErrorCode>> done) override {
    replicas_.append_markers(std::move(marker), timeout, on, std::move(done));
  }
  [[nodiscard]] Result<std::vector<storage::ActiveProducer>> active_producers(
      const TopicPartition& partition) const override {
    return replicas_.active_producers(partition);
  }
  void fetch(replica::FetchRequest request, env::Executor& on,
             Callback<replica::FetchResult> done) override {
    replicas_.fetch(std::move(request), on, std::move(done));
  }
  void list_offsets(std::vector<replica::OffsetQuery> queries, replica::IsolationLevel isolation,
                    env::Executor& on, Callback<std::vector<replica::ListedOffset>> done) override {
    replicas_.list_offsets(std::move(queries), isolation, on, std::move(done));
  }
  [[nodiscard]] std::vector<replica::EpochAnswer> offsets_for_leader_epochs(
      const std::vector<replica::EpochQuery>& queries) const override {
    return replicas_.offsets_for_leader_epochs(queries);
  }
  void delete_records(std::vector<replica::DeleteRecordsQuery> queries, env::Duration timeout,
                      env::Executor& on,
                      Callback<std::vector<replica::DeletedRecords>> done) override {
    replicas_.delete_records(std::move(queries), timeout, on, std::move(done));
  }
  void describe_log_dirs(env::Executor& on,
                         Callback<std::vector<replica::LogDirDescription>> done) override {
    replicas_.describe_log_dirs(on, std::move(done));
  }
  void alter_log_dirs(std::vector<replica::LogDirChange> changes, env::Executor& on,
                      Callback<std::vector<ErrorCode>> done) override {
    replicas_.alter_log_dirs(std::move(changes), on, std::move(done));
  }
  [[nodiscard]] std::optional<replica::PartitionHealth> partition_health(
      const TopicPartition& partition) const override {
    const auto held = replicas_.partition(partition);
    if (!held) return std::nullopt;
    return held->health();
  }

 private:
  replica::Replicas& replicas_;
};

}  // namespace ottla::api
