#include "common/protocol/messages/alter_replica_log_dirs.h"

#include <map>
#include <utility>
#include <vector>

#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using protocol::AlterReplicaLogDirsRequest;
using protocol::AlterReplicaLogDirsResponse;

/// One change for each partition: the last directory that is named for it.
std::vector<replica::LogDirChange> changes_of(const AlterReplicaLogDirsRequest& request) {
  std::map<TopicPartition, std::string> directories;
  for (const auto& directory : request.dirs) {
    for (const auto& topic : directory.topics) {
      for (const std::int32_t partition : topic.partitions) {
        directories[{topic.name, partition}] = directory.path;
      }
    }
  }
  std::vector<replica::LogDirChange> changes;
  for (auto& [partition, directory] : directories) changes.push_back({partition, directory});
  return changes;
}

}  // namespace

void handle_alter_replica_log_dirs(Call call, Services& services) {
  const auto request = decode_or_close<AlterReplicaLogDirsRequest>(call);
  if (!request) return;
  auto changes = changes_of(*request);
  env::Executor& loop = call.loop();
  services.log_dirs.alter_log_dirs(
      changes, loop,
      [call = std::move(call), changes](const std::vector<ErrorCode>& outcomes) mutable {
        AlterReplicaLogDirsResponse response;
        for (std::size_t i = 0; i < changes.size(); ++i) {
          const TopicPartition& partition = changes[i].partition;
          if (response.results.empty() || response.results.back().topic_name != partition.topic) {
            response.results.emplace_back().topic_name = partition.topic;
          }
          response.results.back().partitions.push_back(
              {.partition_index = partition.partition, .error_code = outcomes[i]});
        }
        answer(call, response);
      });
}

}  // namespace ottla::api
