#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulation/client_events.h"
#include "simulation/cluster.h"
#include "simulation/consumer.h"
#include "simulation/producer.h"

namespace ottla::simulation {

/// The clients of a run: topics, producers and consumers for each of their partitions, and a topic
/// that is created and deleted all the time; one gets more partitions.
class Workload {
 public:
  /// With transactions: the topics that they need, and producers of what is copied.
  Workload(Cluster& cluster, ClientEvents& events, bool transactions);

  /// Creates the topics, then starts the clients.
  void start();
  /// From now on topics stay as they are.
  void stop_churn() { churning_ = false; }

  /// Starts one fresh acks=all producer for each partition of the lasting topics; whether all were
  /// acknowledged is `probes_acknowledged`.
  void start_probes();
  [[nodiscard]] bool probes_acknowledged() const;
  /// Names of partitions whose probe is not acknowledged.
  [[nodiscard]] std::string unacknowledged_probes() const;
  /// No more batches; those under way go on.
  void stop_producers();
  /// Those of topics that come and go may wait for ever for one that is gone.
  [[nodiscard]] bool producers_idle() const;

  /// The partitions that, once they exist, do so for as long as the run.
  [[nodiscard]] const std::vector<TopicPartition>& lasting_partitions() const {
    return lasting_partitions_;
  }
  [[nodiscard]] const std::vector<std::unique_ptr<Consumer>>& consumers() const {
    return consumers_;
  }
  [[nodiscard]] std::uint64_t acknowledged() const;
  [[nodiscard]] std::uint64_t topics_created() const { return topics_created_; }
  [[nodiscard]] std::uint64_t topics_deleted() const { return topics_deleted_; }
  [[nodiscard]] std::uint64_t partitions_added() const { return partitions_added_; }

 private:
  struct Topic {
    std::string name;
    std::int32_t partitions;
    std::int32_t replication_factor;
  };
  void create(const Topic& topic, Task then);
  void remove(const std::string& topic, Task then);
  void start_clients(const TopicPartition& partition);
  void churn();
  /// Gives the growing topic so many partitions, later, and more after that.
  void grow(std::int32_t count);
  /// One whose pace is that of the run.
  void add_producer(const TopicPartition& partition, replica::Acks acks, bool idempotent);

  Cluster& cluster_;
  ClientEvents& events_;
  const bool transactions_;
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<Producer*> probes_;
  std::vector<std::unique_ptr<Consumer>> consumers_;
  std::vector<TopicPartition> lasting_partitions_;
  std::int32_t last_producer_ = 0;
  bool churning_ = true;
  bool producing_ = true;
  std::uint64_t topics_created_ = 0;
  std::uint64_t topics_deleted_ = 0;
  std::uint64_t partitions_added_ = 0;
};

}  // namespace ottla::simulation
