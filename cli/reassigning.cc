#include "cli/reassigning.h"

#include "cli/broker_client.h"
#include "common/protocol/messages/list_partition_reassignments.h"

namespace ottla::cli {

Result<AllReassigning> list_reassigning(BrokerClient& client, std::chrono::milliseconds patience) {
  const BrokerClient::Limit limit(client, patience);
  protocol::ListPartitionReassignmentsRequest request;
  request.timeout_ms = static_cast<std::int32_t>(patience.count());
  request.topics.reset();
  OTTLA_TRY(const auto response,
            client.ask_controller<protocol::ListPartitionReassignmentsResponse>(request));
  if (response.error_code != ErrorCode::None) {
    return fail(response.error_code, response.error_message.value_or(""));
  }
  AllReassigning all;
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions) {
      all[{topic.name, partition.partition_index}] = {partition.replicas, partition.adding_replicas,
                                                      partition.removing_replicas};
    }
  }
  return all;
}

}  // namespace ottla::cli
