#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/replica/isr.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/env/clock.h"

/// What a replica tells people about itself and, as leader, about its followers and why it put one
/// out of the ISR.
namespace ottla::replica {

enum class PartitionRole : std::uint8_t { None, Leader, Follower, Offline };

/// A leader's request to put a member out of the ISR.
struct IsrRemoval {
  BrokerId broker;
  env::MonotonicTime at{};
  Offset log_end_offset;         ///< How far the follower was then; -1: it had not told.
  Offset leader_log_end_offset;  ///< And we.
  bool subscribed = false;       ///< Whether its stream was open.
};

/// The last ISR that this leader asked the controller for.
struct IsrRequestNote {
  std::vector<BrokerId> asked;
  env::MonotonicTime at{};
  /// None while it is not answered. NetworkException: nobody knows; it is being asked again.
  std::optional<ErrorCode> answer;
};

/// What a leader remembers of its ISR requests: for people, and so that what was refused is not
/// asked for with every acknowledgement. Nothing is kept for a partition that never asked.
class IsrHistory {
 public:
  void removed(const IsrRemoval& removal);
  void asked(const std::vector<BrokerId>& members, env::MonotonicTime now);
  void answered(ErrorCode error);
  void forget() { kept_.reset(); }

  /// The last removal of this broker by this leader.
  [[nodiscard]] std::optional<IsrRemoval> removal_of(BrokerId broker) const;
  [[nodiscard]] std::optional<IsrRequestNote> last_request() const;
  /// Whether the last request was asked after that time, and a member refused as ineligible.
  [[nodiscard]] bool was_refused_since(env::MonotonicTime since) const;

 private:
  struct Kept {
    std::vector<IsrRemoval> removals;  ///< One for each broker.
    std::optional<IsrRequestNote> request;
  };
  Kept& kept();
  std::unique_ptr<Kept> kept_;
};

struct FollowerHealth {
  BrokerId broker;
  bool in_isr = false;
  bool subscribed = false;   ///< Its stream is open and asks for this partition.
  bool is_withheld = false;  ///< Its stream takes no more until it acknowledges.
  Offset log_end_offset = kUnknownOffset;
  std::optional<env::Duration> caught_up_ago;  ///< Unset: never since this leader leads.
  std::optional<IsrRemoval> removal;
};

/// The last cut here that took away what readers have seen, or what clients may have been promised
/// (W6).
struct CutNote {
  env::MonotonicTime at;
  Offset from;  ///< Of what was cut; `to` is exclusive.
  Offset to;
  std::int64_t readable = 0;  ///< Records that readers may have seen.
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  std::string kept_in;  ///< The file that they were set aside in; empty: nothing is kept.
};

struct PartitionHealth {
  PartitionRole role = PartitionRole::None;
  ErrorCode offline_reason = ErrorCode::None;
  BrokerId leader = kNoBroker;
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  Offset log_start_offset = kUnknownOffset;  ///< -1: there is no log here.
  Offset log_end_offset = kUnknownOffset;
  Offset high_watermark = kUnknownOffset;
  bool is_log_dir_full = false;     ///< Records of clients are refused (N13).
  bool is_log_dir_slow = false;     ///< Others lead, where they can (W10).
  std::optional<CutNote> last_cut;  ///< Since the start of the process.
  // As leader:
  std::vector<BrokerId> isr;
  std::int32_t min_isr = 1;
  env::Duration max_lag{};                        ///< replica.lag.time.max.ms
  std::optional<std::vector<BrokerId>> asks_isr;  ///< The request that is not settled.
  std::optional<IsrRequestNote> last_isr_request;
  std::vector<FollowerHealth> followers;
  env::MonotonicTime now{};  ///< When this was so: what the times in here count from.
};

}  // namespace ottla::replica
