#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/api/services.h"
#include "common/zookeeper/client.h"

namespace ottla::api {

/// The offsets of Kafka 0.8's consumers, where these look for them: as text in
/// /consumers/GROUP/offsets/TOPIC/PARTITION. Whoever wrote last wins, as it always was.
/// Thread: any; callbacks come on the client's thread.
class ZooKeeperOffsets final : public OldOffsets {
 public:
  explicit ZooKeeperOffsets(zookeeper::Client& client) : client_(client) {}

  void commit(const std::string& group, std::vector<Item> offsets,
              Callback<std::vector<ErrorCode>> done) override;
  void fetch(const std::string& group, const std::vector<TopicPartition>& partitions,
             Callback<std::vector<Fetched>> done) override;

 private:
  zookeeper::Client& client_;
};

}  // namespace ottla::api
