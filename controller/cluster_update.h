#pragma once

#include <map>
#include <vector>

#include "common/base/topic_partition.h"
#include "common/rpc/control.h"
#include "controller/model.h"

namespace ottla::controller {

/// What one broker has not been told yet. Only names: what is sent is what the model holds at that
/// time, so that news of the same partition merge.
struct News {
  bool everything = false;
  bool brokers = false;
  std::map<TopicPartition, bool> partitions;  ///< true: just created.
  std::vector<rpc::TopicUpdate> deleted_topics;
  std::vector<rpc::StopReplica> stop_replicas;

  [[nodiscard]] bool empty() const {
    return !everything && !brokers && partitions.empty() && deleted_topics.empty() &&
           stop_replicas.empty();
  }
};

/// The message to `receiver` that tells it the news.
[[nodiscard]] rpc::ClusterUpdate make_update(const ClusterModel& model,
                                             const cluster::Broker& receiver, const News& news);

}  // namespace ottla::controller
