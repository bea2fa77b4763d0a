#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace ottla::simulation {

/// Known mistakes that can be built into what surrounds a simulated broker's parts, so that tests
/// show which checkers find them. The parts themselves stay as they are.
enum class Bug : std::uint8_t {
  AcknowledgesBeforeReplication,  ///< acks=all is answered as acks=1 is.
  ServesBeyondHighWatermark,      ///< Consumers get all that a leader holds.
  IgnoresSequences,               ///< What an idempotent producer repeats is appended again.
  SkipsEpochComparison,           ///< Followers do not say which epoch they fetched last.
  ChangesIsrAlone,                ///< Leaders take their own wish for the controller's answer.
  ForgetsHostCrashes,             ///< A broker's registration never speaks of a host crash.
  TrustsEmptyLogs,                ///< Whose log is gone takes its role with an empty one (W1).
  ForgetsEligibleLeaders,         ///< Leaders commit without those who are eligible (W1).
  WritesUnfenced,                 ///< Controllers do not check /controller_epoch as they write.
  TruncatesToHighWatermark,       ///< Who begins to follow cuts there first (KIP-101, W4).
  CommitsBelowMinIsr,             ///< Leaders take min.insync.replicas for 1 (KAFKA-15583, W11).
  ForgetsLogEnds,                 ///< Asked for its logs, a broker says that it has none (W1, W6).
  IgnoresBrokerEpochs,            ///< ISR requests do not say which life of a broker joins (W2).
  KeepsSlowDisksSecret,           ///< The controller does not hear that a disk is slow (W10).
  KeepsFailedDirsSecret,          ///< Nor that a log dir has failed (W7).
  TakesOutdatedCommands,          ///< Of former controllers, or for a former process (W12, W13).
  FeedsFollowersOfOtherEpochs,    ///< Leaders take every follower for one of their epoch (W4).
  AdmitsLaggards,                 ///< ISRs take in who has not caught up (W4).

  // Of transactions (found by runs that have some).
  AnswersEndsEarly,          ///< EndTxn is answered before the decision is stored.
  AcknowledgesMarkersEarly,  ///< Markers count as written before anybody has them.
  TakesLateMarkers,          ///< Markers are not numbered, nor their coordinators' epochs checked.
  NeverResigns,              ///< Coordinators do not hear that others took over (W28).
  VerifiesNoTransactions,    ///< Leaders do not ask the coordinator (KIP-890, W26).
  TakesLateRequests,         ///< Coordinators do not tell older connections from newer (W25).
  CommitsOffsetsAlone,       ///< A transaction's offsets count before its end.
  ServesOpenTransactions,    ///< read_committed reads to the high watermark.
};

inline constexpr std::array<std::pair<Bug, std::string_view>, 26> kBugNames = {{
    {Bug::AcknowledgesBeforeReplication, "acknowledges-before-replication"},
    {Bug::ServesBeyondHighWatermark, "serves-beyond-high-watermark"},
    {Bug::IgnoresSequences, "ignores-sequences"},
    {Bug::SkipsEpochComparison, "skips-epoch-comparison"},
    {Bug::ChangesIsrAlone, "changes-isr-alone"},
    {Bug::ForgetsHostCrashes, "forgets-host-crashes"},
    {Bug::TrustsEmptyLogs, "trusts-empty-logs"},
    {Bug::ForgetsEligibleLeaders, "forgets-eligible-leaders"},
    {Bug::WritesUnfenced, "writes-unfenced"},
    {Bug::TruncatesToHighWatermark, "truncates-to-high-watermark"},
    {Bug::CommitsBelowMinIsr, "commits-below-min-isr"},
    {Bug::ForgetsLogEnds, "forgets-log-ends"},
    {Bug::IgnoresBrokerEpochs, "ignores-broker-epochs"},
    {Bug::KeepsSlowDisksSecret, "keeps-slow-disks-secret"},
    {Bug::KeepsFailedDirsSecret, "keeps-failed-dirs-secret"},
    {Bug::TakesOutdatedCommands, "takes-outdated-commands"},
    {Bug::FeedsFollowersOfOtherEpochs, "feeds-followers-of-other-epochs"},
    {Bug::AdmitsLaggards, "admits-laggards"},
    {Bug::AnswersEndsEarly, "answers-ends-early"},
    {Bug::AcknowledgesMarkersEarly, "acknowledges-markers-early"},
    {Bug::TakesLateMarkers, "takes-late-markers"},
    {Bug::NeverResigns, "never-resigns"},
    {Bug::VerifiesNoTransactions, "verifies-no-transactions"},
    {Bug::TakesLateRequests, "takes-late-requests"},
    {Bug::CommitsOffsetsAlone, "commits-offsets-alone"},
    {Bug::ServesOpenTransactions, "serves-open-transactions"},
}};
/// Whether only runs with transactions can find it.
[[nodiscard]] constexpr bool is_of_transactions(Bug bug) {
  return bug >= Bug::AnswersEndsEarly;
}
[[nodiscard]] inline std::optional<Bug> bug_named(std::string_view wanted) {
  for (const auto& [bug, name] : kBugNames) {
    if (name == wanted) return bug;
  }
  return std::nullopt;
}

class DeliberateBugs {
 public:
  void add(Bug bug) { bugs_.insert(bug); }
  [[nodiscard]] bool has(Bug bug) const { return bugs_.contains(bug); }

 private:
  std::set<Bug> bugs_;
};

}  // namespace ottla::simulation
