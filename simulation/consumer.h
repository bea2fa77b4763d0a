#pragma once

#include "broker/replica/fetch.h"
#include "common/base/topic_partition.h"
#include "simulation/client_events.h"
#include "simulation/client_metadata.h"
#include "simulation/cluster.h"

namespace ottla::simulation {

/// A client that reads one partition from its beginning, up to the high watermark.
class Consumer {
 public:
  Consumer(Cluster& cluster, ClientEvents& events, TopicPartition partition);

  void start() { attempt(); }
  void stop() { stopped_ = true; }
  [[nodiscard]] Offset position() const { return position_; }
  [[nodiscard]] const TopicPartition& partition() const { return partition_; }

 private:
  struct Answer {
    ErrorCode error = ErrorCode::None;
    std::vector<LoggedRecord> records;
  };
  void attempt();
  void send(BrokerId leader);
  void deliver(SimulatedBroker& broker, Offset from, Callback<Answer> reply);
  void serve_all(SimulatedBroker& broker, Offset from, Callback<Answer> reply);
  void answered(std::optional<Answer> answer);
  void later();

  Cluster& cluster_;
  ClientEvents& events_;
  const TopicPartition partition_;
  ClientMetadata metadata_;
  TopicId topic_id_;
  Offset position_{0};
  bool stopped_ = false;
};

}  // namespace ottla::simulation
