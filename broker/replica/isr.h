#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/cluster/partition.h"
#include "common/env/clock.h"
#include "common/rpc/control.h"

namespace ottla::replica {

/// What a leader knows of one follower in its current leader epoch. Offsets are -1 until the
/// follower has told them.
struct FollowerState {
  BrokerId broker;
  BrokerEpoch broker_epoch = kUnknownBrokerEpoch;  ///< From its stream's hello (KIP-903).
  bool subscribed = false;                         ///< Its stream is open and asks for us.
  const void* stream = nullptr;                    ///< Tells its streams apart.
  Offset log_end_offset = kUnknownOffset;
  Offset log_start_offset = kUnknownOffset;
  Offset sent_end_offset = kUnknownOffset;  ///< Exclusive end of what was put on its stream.
  std::uint64_t confirmed = 0;  ///< The last question it answered (LeadershipQuestions).
  /// Where our log ended at some moment since it was last caught up: once it has got there, it was
  /// caught up then. However much is on its way: a follower that keeps its distance is not late.
  Offset mark = kUnknownOffset;
  env::MonotonicTime marked_at{};
  /// There is more to send, but its stream takes nothing: the window of unacknowledged bytes, which
  /// all its partitions share, is closed.
  bool is_withheld = false;
  /// Its process has not answered for the suspicion timeout, while others have: unless it holds all
  /// of our log, nobody waits for it.
  bool is_silent = false;
  /// The last moment at which it is known to have held all of our log; unset: never.
  std::optional<env::MonotonicTime> caught_up_at;

  /// Its stream is open: it holds records up to `fetch_offset`. What it held as another process, or
  /// before it cut its log, is forgotten; a member of the ISR keeps its time to catch up.
  void on_subscribed(const void* its_stream, BrokerEpoch epoch, Offset fetch_offset, bool in_isr);
  /// Notes what was put on its stream.
  void on_sent(Offset end, Offset leader_end, env::MonotonicTime now);
  /// Notes what it says that it holds.
  void on_progress(Offset end, Offset start, Offset leader_end, env::MonotonicTime now);
};

/// Whether the follower holds all of the leader's log, or did within `max_lag` and is not silent.
[[nodiscard]] bool is_caught_up(const FollowerState& follower, Offset leader_end,
                                env::MonotonicTime now, env::Duration max_lag);

/// Whether the follower is to leave the ISR: not caught up, and that is its own doing. A follower
/// that holds everything this leader has served is kept: a slow leader does not throw out its
/// healthy followers (KAFKA-8733, KIP-501). What its closed window keeps back counts as served.
[[nodiscard]] bool is_lagging(const FollowerState& follower, Offset leader_end,
                              env::MonotonicTime now, env::Duration max_lag);

/// Whether the follower's log goes far enough to join the ISR: up to the high watermark and to the
/// start of this leader's epoch. Below the latter it may lack committed records that this leader
/// has but whose commit it does not know yet (KAFKA-7128).
[[nodiscard]] bool may_join(const FollowerState& follower, Offset high_watermark,
                            Offset epoch_start_offset);

/// How long followers may lag behind this leader. One whose own disk is slow gives them twice the
/// time: what they miss may be its doing, and it is about to hand over (KIP-501).
[[nodiscard]] constexpr env::Duration allowed_lag(env::Duration max_lag, bool leader_is_slow) {
  return leader_is_slow ? 2 * max_lag : max_lag;
}

/// min.insync.replicas, never more than there are replicas (as Kafka 3.9).
[[nodiscard]] constexpr std::int32_t effective_min_isr(std::int32_t configured,
                                                       std::size_t replicas) {
  const auto all = static_cast<std::int32_t>(replicas);
  return configured < all ? configured : all;
}

/// The ISR as its leader may count on it. ZooKeeper's is changed by the controller alone; while a
/// request is out, or nobody knows what became of it, the leader waits for everyone who may be in
/// the ISR by now (the maximal ISR, KIP-497): one request at a time.
///
///     Committed --propose--> Pending --applied--> Committed
///                               |----refused for certain----> Committed, as before
///                               |----anything else----------> Pending, to be sent again
///                               '----refused, but an earlier sending was not answered--> Withdrawn
///     Withdrawn --the committed ISR was written again--> Committed
///
/// A state from the controller with a newer partition epoch ends Pending and Withdrawn at any time.
/// A proposal is repeated as it was made, with the processes that had caught up (KIP-903): another
/// process of the same broker may have lost what its predecessor held. A sending that was not
/// answered may still arrive somewhere, so one that is refused is withdrawn: the controller writes
/// the committed ISR under another partition epoch, which refuses whatever comes later.
class Isr {
 public:
  Isr() = default;
  Isr(std::vector<BrokerId> members, PartitionEpoch partition_epoch)
      : committed_(std::move(members)), partition_epoch_(partition_epoch) {}

  [[nodiscard]] const std::vector<BrokerId>& committed() const { return committed_; }
  [[nodiscard]] PartitionEpoch partition_epoch() const { return partition_epoch_; }
  [[nodiscard]] bool contains(BrokerId broker) const;
  /// In the committed or in the proposed ISR.
  [[nodiscard]] bool may_contain(BrokerId broker) const;

  /// Also while a proposal is withdrawn.
  [[nodiscard]] bool is_pending() const { return pending_.has_value(); }
  /// The ISR that may have become the committed one by now. Needs `is_pending()`.
  [[nodiscard]] std::vector<BrokerId> proposed() const;
  /// What the controller is to be asked for. Needs `is_pending()`.
  [[nodiscard]] std::vector<rpc::IsrMember> asked() const;

  /// Needs `!is_pending()`.
  void propose(std::vector<rpc::IsrMember> members);

  enum class Outcome : std::uint8_t {
    Settled,  ///< Committed again, changed or not.
    Repeat,   ///< Send the same request again, after a pause.
  };
  /// What the controller answered to the proposal; the error of a call that failed counts as
  /// `NetworkException`. A refusal settles only when no earlier, unanswered sending of the same
  /// proposal may have been carried out.
  [[nodiscard]] Outcome on_refused(ErrorCode error);
  /// A state that the controller told, by itself or as an answer. False if it is not newer than
  /// what is known: the late answer to an older proposal, of which a newer one may be carried out.
  bool on_state(const std::vector<BrokerId>& members, PartitionEpoch partition_epoch);
  /// Whether this is what is asked for just now, and not an older request.
  [[nodiscard]] bool is_asking(const std::vector<rpc::IsrMember>& members,
                               PartitionEpoch partition_epoch) const;

 private:
  struct Pending {
    std::vector<rpc::IsrMember> members;
    bool may_be_applied = false;
    bool is_withdrawn = false;
  };
  std::vector<BrokerId> committed_;
  PartitionEpoch partition_epoch_{-1};
  std::optional<Pending> pending_;
};

}  // namespace ottla::replica
