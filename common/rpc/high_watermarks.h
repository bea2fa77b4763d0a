#pragma once

#include <map>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/base/topic_partition.h"
#include "common/cluster/broker.h"
#include "common/env/clock.h"

/// Where consumers of a partition can read up to is known to its leader; how far a group has come
/// is known to its coordinator. This is how the second asks the first, for whoever looks at lags.
namespace ottla::rpc {

using HighWatermarks = std::map<TopicPartition, Offset>;

/// The way to other brokers. A call ends once, on any thread: with the high watermarks of those
/// partitions that the asked broker leads, or with NetworkException or RequestTimedOut.
/// Thread: any.
class HighWatermarkPeers {
 public:
  virtual ~HighWatermarkPeers() = default;
  virtual void ask(const cluster::Broker& to, std::vector<TopicPartition> partitions,
                   env::Duration timeout, Callback<Result<HighWatermarks>> done) = 0;
};

/// The other side: what is not led here is left out. Thread: called on any; does not wait.
class HighWatermarkSource {
 public:
  virtual ~HighWatermarkSource() = default;
  [[nodiscard]] virtual HighWatermarks led_here(const std::vector<TopicPartition>& asked) const = 0;
};

}  // namespace ottla::rpc
