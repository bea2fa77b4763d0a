#include "common/protocol/messages/describe_log_dirs.h"

#include <set>
#include <utility>
#include <vector>

#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using protocol::DescribeLogDirsRequest;
using protocol::DescribeLogDirsResponse;

/// Which partitions are asked for; nullopt: all.
std::optional<std::set<TopicPartition>> wanted_partitions(const DescribeLogDirsRequest& request) {
  if (!request.topics) return std::nullopt;
  std::set<TopicPartition> wanted;
  for (const auto& topic : *request.topics) {
    for (const std::int32_t partition : topic.partitions) wanted.insert({topic.topic, partition});
  }
  return wanted;
}

DescribeLogDirsResponse::Result describe(const replica::LogDirDescription& directory,
                                         const std::optional<std::set<TopicPartition>>& wanted) {
  DescribeLogDirsResponse::Result told;
  told.log_dir = directory.directory;
  if (!directory.is_online) {
    told.error_code = ErrorCode::KafkaStorageError;
    return told;
  }
  if (directory.space) {
    told.total_bytes = static_cast<std::int64_t>(directory.space->total_bytes);
    told.usable_bytes = static_cast<std::int64_t>(directory.space->usable_bytes);
  }
  for (const auto& replica : directory.replicas) {
    if (wanted && !wanted->contains(replica.partition)) continue;
    if (told.topics.empty() || told.topics.back().name != replica.partition.topic) {
      told.topics.emplace_back().name = replica.partition.topic;
    }
    told.topics.back().partitions.push_back(
        {.partition_index = replica.partition.partition,
         .partition_size = static_cast<std::int64_t>(replica.bytes),
         .offset_lag = replica.offset_lag,
         .is_future_key = replica.is_future});
  }
  return told;
}

}  // namespace

void handle_describe_log_dirs(Call call, Services& services) {
  const auto request = decode_or_close<DescribeLogDirsRequest>(call);
  if (!request) return;
  env::Executor& loop = call.loop();
  services.log_dirs.describe_log_dirs(
      loop, [call = std::move(call), wanted = wanted_partitions(*request)](
                std::vector<replica::LogDirDescription> directories) mutable {
        DescribeLogDirsResponse response;
        for (const auto& directory : directories) {
          response.results.push_back(describe(directory, wanted));
        }
        answer(call, response);
      });
}

}  // namespace ottla::api
