#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/payload.h"
#include "common/base/uuid.h"
#include "common/cluster/broker.h"
#include "common/env/executor.h"

/// The replication stream between two brokers: the follower opens it, the leader pushes. All
/// partitions that the follower copies from that leader travel on it. docs/replication.md has the
/// exchange; this header has its messages and the transport that carries them.
namespace ottla::rpc {

/// A follower's number for one subscription of one partition. It is never used again on its stream:
/// what still arrives for an older subscription is recognized and dropped.
using SubscriptionId = Id<struct SubscriptionIdTag, std::uint32_t>;

// Follower to leader.

/// The first message of a stream. The leader refuses a stream meant for another registration of it.
struct StreamHello {
  BrokerId follower;
  BrokerEpoch follower_epoch = kUnknownBrokerEpoch;  ///< Goes into ISR requests (KIP-903).
  BrokerId leader;
  BrokerEpoch leader_epoch = kUnknownBrokerEpoch;  ///< The registration the follower looked up.
};

/// "Send me this partition from `fetch_offset` on." `last_fetched_epoch` is the epoch of the last
/// record the follower holds: the leader finds divergence with it (KIP-595).
struct Subscription {
  SubscriptionId id;
  TopicId topic_id;
  std::string topic;  ///< Of a topic without an id only: made before Kafka 2.8.
  std::int32_t partition = 0;
  LeaderEpoch current_leader_epoch;
  Offset fetch_offset;
  LeaderEpoch last_fetched_epoch = kUnknownLeaderEpoch;
  Offset log_start_offset;
};

/// How far the follower's log goes now.
struct Progress {
  SubscriptionId id;
  Offset log_end_offset;
  Offset log_start_offset;
};

struct FollowerMessage {
  std::vector<Subscription> subscribe;
  std::vector<SubscriptionId> unsubscribe;
  std::vector<Progress> progress;
  /// Subscriptions of which the follower wants no records for now: more came than its quota allows
  /// (follower.replication.throttled.rate). Of a replica that is in sync nothing is held back all
  /// the same. Until `resume`, or the end of the subscription.
  std::vector<SubscriptionId> pause;
  std::vector<SubscriptionId> resume;
  /// Subscriptions whose records cannot be written for want of room on the follower's disk: the
  /// leader need not wait for replica.lag.time.max.ms until it goes on without this replica.
  std::vector<SubscriptionId> no_room;
  /// Answers to `PartitionPush::confirm`: the follower followed this leader epoch when it heard the
  /// question.
  struct Confirmation {
    SubscriptionId id;
    std::uint64_t question = 0;
  };
  std::vector<Confirmation> confirmed;
  /// Bytes of records that the follower has dealt with since its last message: gives the leader's
  /// window back.
  std::uint64_t consumed_bytes = 0;
};

// Leader to follower.

/// News of one subscribed partition: records, or a refusal, or only new offsets.
struct PartitionPush {
  SubscriptionId id;
  /// Any but None ends the subscription: OffsetOutOfRange, FencedLeaderEpoch, UnknownLeaderEpoch,
  /// NotLeaderOrFollower, UnknownTopicId, KafkaStorageError. The follower subscribes anew.
  ErrorCode error = ErrorCode::None;
  Offset high_watermark = kUnknownOffset;
  Offset log_start_offset = kUnknownOffset;
  Offset log_end_offset = kUnknownOffset;
  /// The logs part here: the largest epoch of the leader's not above the follower's, and its end.
  /// Ends the subscription too.
  struct Divergence {
    LeaderEpoch leader_epoch;
    Offset end_offset;
  };
  std::optional<Divergence> divergence;
  /// The number of a question that the follower is to confirm if it still follows this leader
  /// epoch: is the leader one still? 0: none.
  std::uint64_t confirm = 0;
  /// Whole batches, one after another; pieces may be cut anywhere. Empty when there are none.
  std::vector<MemoryRange> records;
};

struct LeaderMessage {
  std::vector<PartitionPush> partitions;
};

[[nodiscard]] inline std::uint64_t record_bytes(const PartitionPush& push) {
  std::uint64_t bytes = 0;
  for (const MemoryRange& piece : push.records) bytes += piece.bytes.size();
  return bytes;
}
[[nodiscard]] inline std::uint64_t record_bytes(const LeaderMessage& message) {
  std::uint64_t bytes = 0;
  for (const PartitionPush& push : message.partitions) bytes += record_bytes(push);
  return bytes;
}

/// The sending half of an open stream. Destroying it closes the stream; the handler hears nothing
/// more then. Thread: any, one at a time.
template <class Outgoing>
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  /// Queues a message; never blocks. Messages arrive in order, or the stream breaks. The caller
  /// bounds what is queued (the window of consumed_bytes).
  virtual void send(Outgoing message) = 0;
};

/// The receiving half. Thread: the executor named at open; `on_closed` comes once and last.
template <class Incoming>
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  virtual void on_message(Incoming message) = 0;
  /// NetworkException, or what the other side refused the stream with: StaleBrokerEpoch.
  virtual void on_closed(Error cause) = 0;
};

using FollowerWriter = StreamWriter<FollowerMessage>;
using FollowerHandler = StreamHandler<LeaderMessage>;
using LeaderWriter = StreamWriter<LeaderMessage>;
using LeaderHandler = StreamHandler<FollowerMessage>;

/// Opens streams. Implementations: gRPC, the simulated network.
/// Thread: any.
class ReplicationTransport {
 public:
  virtual ~ReplicationTransport() = default;

  /// Connects to `leader` (its registration's gRPC endpoint) and says hello. Never fails at once:
  /// `handler` hears on_closed on `executor`. Null when the registration offers no way that this
  /// build knows.
  [[nodiscard]] virtual std::unique_ptr<FollowerWriter> open(
      const cluster::Broker& leader, const StreamHello& hello, env::Executor& executor,
      std::shared_ptr<FollowerHandler> handler) = 0;
};

/// Takes streams that followers open: a broker's replicas. Thread: any.
class ReplicationService {
 public:
  virtual ~ReplicationService() = default;

  struct Accepted {
    env::Executor* executor;
    std::shared_ptr<LeaderHandler> handler;
  };
  /// Refusals reach the follower as the code of its on_closed.
  virtual Result<Accepted> accept(const StreamHello& hello,
                                  std::unique_ptr<LeaderWriter> writer) = 0;
};

}  // namespace ottla::rpc
