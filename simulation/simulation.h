#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/env/clock.h"
#include "simulation/deliberate_bugs.h"

namespace ottla::simulation {

struct RunOptions {
  std::uint64_t seed = 1;
  int brokers = 3;
  /// For how long things go wrong, in simulated time.
  env::Duration chaos = std::chrono::seconds(25);
  /// How soon after all is healed the cluster must be whole again.
  env::Duration recovery = std::chrono::seconds(30);
  bool faults = true;
  bool host_crashes = true;
  /// Nothing goes wrong but this, again and again: a follower's host crashes while the requests to
  /// let it join an ISR are late (W2). Among all the others the schedule is rare.
  bool late_isr_requests_only = false;
  /// Read-process-write with transactions, in place of the plain clients. Hosts do not crash then:
  /// what a host's crash may take of one partition is not known of the transactions in it.
  bool transactions = false;
  DeliberateBugs bugs;
  /// What the brokers log goes to stderr, with simulated times.
  bool print_log = false;
};

struct Verdict {
  std::uint64_t seed = 0;
  /// Empty: the run passed. Otherwise the name of the rule, and what is wrong.
  std::string rule;
  std::string violation;
  /// The same for each run of the same seed and options.
  std::uint64_t trace_hash = 0;
  std::uint64_t steps = 0;
  env::Duration simulated{};
  std::uint64_t acknowledged_batches = 0;
  std::uint64_t promised_records = 0;
  std::uint64_t excused_records = 0;
  std::uint64_t controller_terms = 0;
  std::uint64_t transactions_begun = 0;
  std::uint64_t transactions_committed = 0;
  std::uint64_t elections = 0;
  /// How often each kind of fault happened, and each kind of thing was done, by name.
  std::map<std::string, std::uint64_t> faults;
  std::map<std::string, std::uint64_t> operations;
  /// From the healing until every replica was in sync again, and from a disk's stand-still until
  /// others led.
  env::Duration whole_after{};
  env::Duration handed_over_after{};

  [[nodiscard]] bool passed() const { return rule.empty(); }
};

/// One whole run: a cluster starts, clients work, things go wrong, all is healed, and everything
/// must work again; the rules are checked all the time.
[[nodiscard]] Verdict run(const RunOptions& options);

}  // namespace ottla::simulation
