#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "broker/replica/append.h"
#include "common/base/topic_partition.h"
#include "simulation/client_events.h"
#include "simulation/client_metadata.h"
#include "simulation/cluster.h"

namespace ottla::simulation {

/// A client that writes to one partition, one batch after another, and tries again until a batch
/// is acknowledged: with stale metadata, after lost answers, as clients do. An idempotent one sends
/// the same sequence again, another one may write a record twice.
class Producer {
 public:
  struct Options {
    std::int32_t number = 0;  ///< Says whether it is idempotent: workload_names.h.
    TopicPartition partition;
    replica::Acks acks = replica::Acks::All;
    env::Duration pause = std::chrono::milliseconds(150);
  };
  Producer(Cluster& cluster, ClientEvents& events, Options options);

  void start();
  /// Finishes the batch under way and sends no more.
  void stop() { stopped_ = true; }
  [[nodiscard]] bool is_idle() const { return !sending_; }
  /// The topic it wrote to is gone, or the log forgot it: it will not write any more.
  [[nodiscard]] bool has_given_up() const { return given_up_; }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] const Options& options() const { return options_; }

 private:
  struct Answer {
    BrokerId broker;
    PartitionKey key;
    ErrorCode error = ErrorCode::None;
  };

  void next_batch();
  void attempt();
  void send(BrokerId leader);
  void deliver(SimulatedBroker& broker, const std::vector<Value>& values,
               std::int32_t base_sequence, Callback<Answer> reply);
  void answered(std::optional<Answer> answer);
  void try_again();
  [[nodiscard]] std::vector<std::byte> encode(const std::vector<Value>& values,
                                              std::int32_t base_sequence) const;

  Cluster& cluster_;
  ClientEvents& events_;
  const Options options_;
  ClientMetadata metadata_;
  TopicId topic_id_;
  std::vector<Value> batch_;
  std::int64_t next_number_ = 0;
  std::int32_t base_sequence_ = 0;
  bool sending_ = false;
  bool stopped_ = false;
  bool given_up_ = false;
  std::uint64_t acknowledged_ = 0;
};

}  // namespace ottla::simulation
