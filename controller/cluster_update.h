#pragma once

#include <cstddef>
#include <map>
#include <set>
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
  std::set<TopicPartition> urgent;            ///< Of `partitions`: they have another leader.
  std::vector<rpc::TopicUpdate> deleted_topics;
  std::vector<rpc::StopReplica> stop_replicas;

  [[nodiscard]] bool empty() const {
    return !everything && !brokers && partitions.empty() && deleted_topics.empty() &&
           stop_replicas.empty();
  }
};

/// As many new leaders as are told at once, the first of those that stand in `round` or are urgent.
void add_to_round(std::set<TopicPartition>& round, const News& news);

/// Takes out of the news what is urgent of `round`, even before everything. Empty: nothing of it
/// is.
[[nodiscard]] News take_urgent(News& news, const std::set<TopicPartition>& round);

/// Takes out of the news what is told next when nothing is urgent: everything, or piece by piece,
/// so that what becomes urgent meanwhile does not wait long (W22). Empty only if the news are.
[[nodiscard]] News take_next(News& news);

/// The message to `receiver` that tells it the news.
[[nodiscard]] rpc::ClusterUpdate make_update(const ClusterModel& model,
                                             const cluster::Broker& receiver, const News& news);

}  // namespace ottla::controller
