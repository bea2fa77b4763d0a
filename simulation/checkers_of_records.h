#pragma once

#include <map>
#include <string>

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

}  // namespace ottla::simulation
