#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/broker_client.h"
#include "cli/offset_query.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"

namespace ottla::cli {

struct GroupMember {
  std::string id;
  std::string instance_id;  ///< Empty: not static.
  std::string client_id;
  std::string client_host;
  std::vector<TopicPartition> assigned;  ///< In order; empty when they cannot be known.
};

struct GroupView {
  std::string group;
  std::string state;  ///< "Dead": it does not exist.
  std::string protocol_type;
  std::string protocol;
  BrokerId coordinator = kNoBroker;
  std::string coordinator_host;
  std::int32_t coordinator_port = -1;
  std::vector<GroupMember> members;
};

struct GroupListing {
  std::string group;
  std::string protocol_type;
  std::string state;
  std::string type;
};

struct DeletedPartition {
  TopicPartition partition;
  ErrorCode error = ErrorCode::None;
};

/// An offset that has ended and can be committed again (Ottla's brokers only).
struct EndedOffsetView {
  TopicPartition partition;
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;
  std::string metadata;
  std::int64_t ended_ms = 0;
  std::int64_t kept_until_ms = 0;
  std::string why;
};

/// What is to be committed.
struct OffsetToCommit {
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;
  std::string metadata{};
};

/// What the consumer-groups tool asks of a cluster. A coordinator that moves or loads is asked
/// again until the time is up. Thread: one at a time.
class GroupClient {
 public:
  GroupClient(BrokerClient client, std::chrono::milliseconds patience)
      : client_(std::move(client)), patience_(patience) {}

  /// All groups, of all brokers, by name.
  [[nodiscard]] Result<std::vector<GroupListing>> list(const std::vector<std::string>& states);
  [[nodiscard]] Result<GroupView> describe(const std::string& group);
  [[nodiscard]] Result<std::map<TopicPartition, std::int64_t>> offsets(const std::string& group);
  /// Errors: that of the first partition that was refused.
  [[nodiscard]] Result<> commit(const std::string& group,
                                const std::map<TopicPartition, std::int64_t>& offsets);
  [[nodiscard]] Result<> commit(const std::string& group,
                                const std::map<TopicPartition, OffsetToCommit>& offsets);
  /// In order. Errors: UnsupportedVersion, of a broker that is not ours.
  [[nodiscard]] Result<std::vector<EndedOffsetView>> ended_offsets(const std::string& group);
  /// An error code of the group is the error.
  [[nodiscard]] Result<> remove(const std::string& group);
  [[nodiscard]] Result<std::vector<DeletedPartition>> remove_offsets(
      const std::string& group, const std::set<TopicPartition>& partitions);

  /// Partitions of a topic. Errors: UnknownTopicOrPartition.
  [[nodiscard]] Result<std::vector<TopicPartition>> partitions(const std::string& topic);
  /// Offsets by time (-1 latest, -2 earliest). Partitions without a leader, or without such an
  /// offset, are left out.
  [[nodiscard]] Result<std::map<TopicPartition, std::int64_t>> list_offsets(
      const std::set<TopicPartition>& partitions, std::int64_t time) {
    return cli::list_offsets(client_, partitions, time);
  }

 private:
  struct Coordinator {
    BrokerId id;
    std::string host;
    std::int32_t port = -1;
  };
  [[nodiscard]] Result<Coordinator> find_coordinator(const std::string& group);
  /// Calls `ask` with the coordinator, again while its error code may pass.
  template <class F>
  auto with_coordinator(const std::string& group, F ask)
      -> decltype(ask(std::declval<const Coordinator&>()));

  BrokerClient client_;
  std::chrono::milliseconds patience_;
};

}  // namespace ottla::cli
