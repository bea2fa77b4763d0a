#include "simulation/simulation.h"

#include <glog/logging.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace ottla::simulation {
namespace {

// `ottla-simulate` runs any number of seeds; these are those of every test run.
constexpr std::uint64_t kSeedsPerTest = 10;
constexpr std::uint64_t kTests = 8;
constexpr std::uint64_t kTransactionTests = 10;
/// A deliberate bug must be found within so many.
constexpr std::uint64_t kSeedsForABug = 150;

Verdict run_seed(std::uint64_t seed, std::optional<Bug> bug = std::nullopt) {
  FLAGS_minloglevel = google::GLOG_FATAL;
  RunOptions options{.seed = seed};
  if (bug) options.bugs.add(*bug);
  // Its ISRs never become whole: no need to wait for that as long as without a bug.
  options.late_isr_requests_only = bug == Bug::IgnoresBrokerEpochs;
  options.transactions = bug && is_of_transactions(*bug);
  if (bug == Bug::ChangesIsrAlone) options.recovery = std::chrono::seconds(20);
  return run(options);
}

std::string explain(const Verdict& verdict) {
  return verdict.rule + " " + verdict.violation + "\nreplay: ottla-simulate --seed " +
         std::to_string(verdict.seed) + " --verbose";
}

TEST(Simulation, TheSameSeedRepeatsExactly) {
  const Verdict first = run_seed(7);
  const Verdict second = run_seed(7);
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.steps, second.steps);
  EXPECT_EQ(first.promised_records, second.promised_records);
  EXPECT_NE(first.trace_hash, run_seed(8).trace_hash);
}

TEST(Simulation, WithoutFaultsNothingIsElectedTwice) {
  FLAGS_minloglevel = google::GLOG_FATAL;
  Verdict verdict = run({.seed = 1, .faults = false});
  EXPECT_TRUE(verdict.passed()) << explain(verdict);
  EXPECT_EQ(verdict.controller_terms, 1 + verdict.operations["controller deleted"]);
  EXPECT_GT(verdict.promised_records, 1000U);
}

class Seeds : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Seeds, KeepTheRules) {
  std::uint64_t promised = 0;
  for (std::uint64_t i = 0; i < kSeedsPerTest; ++i) {
    const Verdict verdict = run_seed(1 + GetParam() * kSeedsPerTest + i);
    EXPECT_TRUE(verdict.passed()) << explain(verdict);
    promised += verdict.promised_records;
  }
  EXPECT_GT(promised, 100 * kSeedsPerTest) << "too little got through for the rules to mean much";
}

INSTANTIATE_TEST_SUITE_P(Simulation, Seeds, ::testing::Range<std::uint64_t>(0, kTests));

/// What stops happening proves nothing any more.
TEST(Simulation, EveryKindOfThingHappens) {
  std::map<std::string, std::uint64_t> happened;
  for (std::uint64_t seed = 1001; seed <= 1030; ++seed) {
    const Verdict verdict = run_seed(seed);
    EXPECT_TRUE(verdict.passed()) << explain(verdict);
    for (const auto* counts : {&verdict.faults, &verdict.operations}) {
      for (const auto& [what, count] : *counts) happened[what] += count;
    }
  }
  for (const char* what :
       {"a disk is replaced while isr requests are late", "a log dir fails", "a log is lost",
        "all clocks jump", "answers of zookeeper are lost", "answers to clients are lost",
        "clean restart", "clock jumps", "cut off from all", "cut off from zookeeper", "disk fails",
        "disk is full", "disk stalls", "host crashes", "network cut from broker 1",
        "network cut one way to broker 1", "process crashes", "process crashes between two writes",
        "process is paused", "session expires", "slow and lossy network", "slow disk",
        "streams break", "zookeeper connection lost", "zookeeper is down",
        // What befalls calls between brokers.
        "a call is overtaken", "a reply is lost", "a request arrives twice", "a request is lost",
        // What is done by people and their tools.
        "controller deleted", "log moved", "min.insync.replicas changed", "move given up",
        "partition added", "preferred leader asked for", "preferred leaders asked for by znode",
        "replicas moved", "replicas moved by znode", "segment size changed", "throttle removed",
        "throttled", "topic created", "topic deleted", "unclean election changed",
        "unclean leader asked for"}) {
    EXPECT_GT(happened[what], 0U) << what;
  }
}

RunOptions with_transactions(std::uint64_t seed) {
  FLAGS_minloglevel = google::GLOG_FATAL;
  return {.seed = seed, .chaos = std::chrono::seconds(8), .transactions = true};
}

TEST(TransactionSimulation, TheSameSeedRepeatsExactly) {
  const Verdict first = run(with_transactions(7));
  const Verdict second = run(with_transactions(7));
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.transactions_committed, second.transactions_committed);
}

class TransactionSeeds : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(TransactionSeeds, KeepTheRules) {
  std::uint64_t committed = 0;
  for (std::uint64_t i = 0; i < kSeedsPerTest; ++i) {
    const Verdict verdict = run(with_transactions(1 + GetParam() * kSeedsPerTest + i));
    EXPECT_TRUE(verdict.passed()) << explain(verdict) << " --transactions --seconds 8";
    committed += verdict.transactions_committed;
  }
  EXPECT_GT(committed, 20 * kSeedsPerTest) << "too little got through for the rules to mean much";
}

INSTANTIATE_TEST_SUITE_P(Simulation, TransactionSeeds,
                         ::testing::Range<std::uint64_t>(0, kTransactionTests));

class DeliberateBug : public ::testing::TestWithParam<std::pair<Bug, std::string_view>> {};

/// The rules that say what the bug does wrong. That another one is broken says nothing of the bug.
std::set<std::string> rules_against(Bug bug) {
  switch (bug) {
    case Bug::AcknowledgesBeforeReplication:
    case Bug::CommitsBelowMinIsr:
      return {"acknowledged_is_replicated"};
    case Bug::ServesBeyondHighWatermark:
    case Bug::IgnoresBrokerEpochs:
    case Bug::AdmitsLaggards:
      return {"isr_holds_what_is_committed", "committed_prefix_kept"};
    case Bug::IgnoresSequences:
      return {"no_duplicates"};
    case Bug::SkipsEpochComparison:
      return {"replicas_equal_below_high_watermark", "acknowledged_is_replicated"};
    case Bug::ChangesIsrAlone:
      return {"becomes_whole_again"};  // The controller refuses all that such a leader asks for.
    case Bug::ForgetsHostCrashes:
    case Bug::TrustsEmptyLogs:
    case Bug::ForgetsEligibleLeaders:
    case Bug::ForgetsLogEnds:
      return {"committed_prefix_kept"};
    case Bug::TruncatesToHighWatermark:
      return {"acknowledged_is_replicated", "committed_prefix_kept"};
    case Bug::WritesUnfenced:
      return {"stale_controllers_never_commit"};
    case Bug::KeepsSlowDisksSecret:
      return {"slow_leaders_hand_over"};
    case Bug::KeepsFailedDirsSecret:
      return {"log_dirs_fail_alone"};
    case Bug::TakesOutdatedCommands:
      return {"isr_holds_what_is_committed", "committed_prefix_kept", "acknowledged_once"};
    case Bug::FeedsFollowersOfOtherEpochs:
      return {"log_epochs_rise"};
    case Bug::AnswersEndsEarly:
      return {"all_or_none", "aborted_is_never_read"};
    case Bug::AcknowledgesMarkersEarly:
    case Bug::NeverResigns:
      return {"all_is_copied", "aborted_is_never_read"};
    case Bug::TakesLateMarkers:
      return {"all_is_copied", "each_input_once", "aborted_is_never_read"};
    case Bug::VerifiesNoTransactions:
    case Bug::TakesLateRequests:
    case Bug::ServesOpenTransactions:
      return {"aborted_is_never_read"};
    case Bug::CommitsOffsetsAlone:
      return {"each_input_once"};
  }
  return {};
}

TEST_P(DeliberateBug, IsFound) {
  const std::set<std::string> rules = rules_against(GetParam().first);
  for (std::uint64_t seed = 1; seed <= kSeedsForABug; ++seed) {
    const Verdict verdict = run_seed(seed, GetParam().first);
    if (verdict.passed()) continue;
    std::cout << "seed " << seed << ": " << verdict.rule << "\n";
    if (rules.contains(verdict.rule)) return;
  }
  FAIL() << "no rule against it was broken within " << kSeedsForABug << " seeds";
}

INSTANTIATE_TEST_SUITE_P(Simulation, DeliberateBug, ::testing::ValuesIn(kBugNames),
                         [](const auto& parameter) {
                           std::string name(parameter.param.second);
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace ottla::simulation
