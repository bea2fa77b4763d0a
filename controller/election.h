#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/cluster/partition.h"
#include "controller/config.h"

namespace ottla::controller {

/// What speaks for a replica as leader, best first.
enum class Standing : std::uint8_t {
  Good,          ///< Alive, and its log is as it was when it joined the ISR.
  Restarted,     ///< Alive again after a process crash or a stop that nobody noticed in between.
  ShuttingDown,  ///< Alive, but leaves (controlled shutdown).
  Silent,        ///< Does not answer: suspicion only.
  InDoubt,       ///< Alive, but may have lost acknowledged records (W1).
  ProcessDead,   ///< Proved dead, or its log dir has failed, while its session goes on.
  Unregistered,  ///< ZooKeeper says it is gone.
};

struct Candidate {
  BrokerId broker;
  Standing standing = Standing::Unregistered;
  bool is_slow = false;  ///< Its log dir is slow: it stays in sync, but others lead better (W10).
  /// Whatever its standing: it may have lost acknowledged records (W1). Who is silent or dead as
  /// well is not known for it by its standing.
  bool is_in_doubt = false;
  /// Its broker says that its log dir has failed: the standing is then ProcessDead.
  bool is_offline = false;
};

/// What is to become of a partition, if anything.
struct Verdict {
  std::optional<cluster::PartitionState> state;
  /// No clean candidate is left: ask the logs of these replicas.
  std::vector<BrokerId> ask_logs;
  /// Replicas cannot be asked now, but may come back with a longer log: also those that left the
  /// ISR before it lost with a host what only they still hold.
  bool await_missing = false;
};

/// Decides over leader and ISR of one partition from the standing of its replicas (`candidates`,
/// in the order of the assignment, all replicas). In this order:
/// members of the ISR that are not Good leave it as long as a better one stays; the leader stays
/// if it can, else the first Good member in the order of the assignment leads (one that is not
/// slow, if there is one: a slow leader hands over); an eligible leader (ELR) that is Good comes
/// before the loss of availability; a Silent leader that nobody can replace stays, unless it is in
/// doubt; the last members of the ISR stay in it with leader -1. Each of these raises the leader
/// epoch by one. The leader epoch never goes back. With `unclean_now` an operator has asked for a
/// leader whatever is lost: then the logs are asked whatever the rules say.
[[nodiscard]] Verdict elect(const cluster::PartitionState& state,
                            std::span<const Candidate> candidates, const TopicRules& rules,
                            bool unclean_now = false);

/// The first state of a new partition: all Good replicas are the ISR. Nothing if there is none.
[[nodiscard]] std::optional<cluster::PartitionState> first_state(
    std::span<const Candidate> candidates, ControllerEpoch controller_epoch);

/// Who besides a new ISR may hold what is committed (KIP-966).
struct Eligible {
  std::vector<BrokerId> leaders;
  std::vector<BrokerId> last_known;
};

/// ELR after a change of the state: whoever leaves an ISR that is then smaller than
/// min.insync.replicas keeps every committed record, because nothing is committed below it, nor
/// while nobody leads, even if min.insync.replicas is lowered meanwhile. In doubt it is eligible no
/// more, only *last known* to have been so: it does not lead unasked, but nobody leads over its
/// head (W1). So are members in doubt who stay in the ISR because nobody leads. At
/// min.insync.replicas or above what is committed is on every member of the ISR, and nobody else
/// counts. `candidates`: as for `elect`.
[[nodiscard]] Eligible eligible_after(const cluster::PartitionState& before,
                                      const cluster::PartitionState& after,
                                      std::span<const Candidate> candidates,
                                      std::int32_t min_insync_replicas);
void set_eligible(cluster::PartitionState& state, Eligible eligible);

/// How far a log goes. The order is by length: the records of one epoch are the same in all logs.
struct LogEnd {
  LeaderEpoch last_epoch = kUnknownLeaderEpoch;
  Offset log_end_offset;

  friend auto operator<=>(const LogEnd&, const LogEnd&) = default;
};

/// The state after the replica with the longest log was chosen. Who else may hold what was
/// committed is last known to be eligible, as long as the leader alone commits nothing.
[[nodiscard]] cluster::PartitionState recovered_state(const cluster::PartitionState& state,
                                                      BrokerId leader,
                                                      std::span<const Candidate> candidates,
                                                      std::int32_t min_insync_replicas);

}  // namespace ottla::controller
