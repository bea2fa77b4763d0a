#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "simulation/checker.h"

namespace ottla::simulation {

/// The newest leader holds every record that was acknowledged or read, where it was.
class CommittedPrefixKept final : public Checker {
 public:
  [[nodiscard]] const char* name() const override { return "committed_prefix_kept"; }
  [[nodiscard]] std::string check(const Picture& picture,
                                  const CommittedRecords& committed) override;
};

/// Two replicas hold the same records below both their high watermarks.
class ReplicasEqualBelowHighWatermark final : public Checker {
 public:
  [[nodiscard]] const char* name() const override { return "replicas_equal_below_high_watermark"; }
  [[nodiscard]] std::string check(const Picture& picture,
                                  const CommittedRecords& committed) override;
};

/// Leader epochs within a log rise with the offsets, and none is above the replica's own.
class LogEpochsRise final : public Checker {
 public:
  [[nodiscard]] const char* name() const override { return "log_epochs_rise"; }
  [[nodiscard]] std::string check(const Picture& picture,
                                  const CommittedRecords& committed) override;
};

/// An idempotent producer's records stand once and in its order in a leader's log.
class NoDuplicates final : public Checker {
 public:
  [[nodiscard]] const char* name() const override { return "no_duplicates"; }
  [[nodiscard]] std::string check(const Picture& picture,
                                  const CommittedRecords& committed) override;
};

/// Not in the memory of any process; what is behind it can be read then.
class HighWatermarkNeverFalls final : public Checker {
 public:
  [[nodiscard]] const char* name() const override { return "high_watermark_never_falls"; }
  [[nodiscard]] std::string check(const Picture& picture,
                                  const CommittedRecords& committed) override;

 private:
  std::map<std::pair<BrokerId, PartitionKey>, std::pair<std::uint64_t, Offset>> known_;
};

/// Members of the ISR hold all that was committed, unless they lost it with their host since they
/// joined.
class IsrHoldsWhatIsCommitted final : public Checker {
 public:
  [[nodiscard]] const char* name() const override { return "isr_holds_what_is_committed"; }
  [[nodiscard]] std::string check(const Picture& picture,
                                  const CommittedRecords& committed) override;

 private:
  struct Trusted {
    std::vector<BrokerId> isr;
    LeaderEpoch epoch = kUnknownLeaderEpoch;
    /// With how often their host had crashed when they joined.
    std::map<BrokerId, std::uint64_t> members;
  };
  std::map<PartitionKey, Trusted> trusted_;
};

}  // namespace ottla::simulation
