#include <glog/logging.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/simulation.h"

namespace {

constexpr std::string_view kUsage =
    R"(ottla-simulate: whole clusters on simulated time, network, disks and ZooKeeper, by seed

  --seed N        one run with this seed; the same seed replays exactly
  --seeds K       so many runs, with seeds from --from on (default 1)
  --from N        the first seed (default 1)
  --seconds S     simulated seconds in which things go wrong (default 25)
  --brokers B     brokers in the cluster (default 3)
  --no-faults     nothing goes wrong
  --transactions  read-process-write with transactions, in place of the plain clients
  --late-isr-requests   nothing but hosts that crash while requests to let them join an ISR are late
  --bug NAME      builds a known mistake in, which the rules must find:
                    acknowledges-before-replication, serves-beyond-high-watermark,
                    ignores-sequences, skips-epoch-comparison, changes-isr-alone,
                    forgets-host-crashes, writes-unfenced, truncates-to-high-watermark,
                    commits-below-min-isr, forgets-log-ends, ignores-broker-epochs,
                    keeps-slow-disks-secret, keeps-failed-dirs-secret,
                    takes-outdated-commands, feeds-followers-of-other-epochs, admits-laggards
                  with --transactions:
                    answers-ends-early, acknowledges-markers-early, takes-late-markers,
                    never-resigns, verifies-no-transactions, takes-late-requests,
                    commits-offsets-alone, serves-open-transactions
  --verbose       what the brokers log, with simulated times
  --keep-going    do not stop at the first run that fails
)";

struct Arguments {
  ottla::simulation::RunOptions run;
  std::uint64_t runs = 1;
  bool keep_going = false;
  std::string replay_flags;
};

/// What a process that dies in the middle of a run leaves behind.
std::string g_replay;

std::string replay_command(const Arguments& arguments) {
  return "  replay: ottla-simulate --seed " + std::to_string(arguments.run.seed) +
         arguments.replay_flags + " --verbose\n";
}

void die_with_replay(int signal) {
  (void)!write(STDOUT_FILENO, g_replay.data(), g_replay.size());  // dying anyway
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

bool parse(const std::vector<std::string_view>& words, Arguments& arguments) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto number = [&](auto& into) {
      if (++i >= words.size()) return false;
      const auto [end, error] =
          std::from_chars(words[i].data(), words[i].data() + words[i].size(), into);
      return error == std::errc() && end == words[i].data() + words[i].size();
    };
    const std::string_view word = words[i];
    bool understood = true;
    if (word == "--seed" || word == "--from") {
      understood = number(arguments.run.seed);
    } else if (word == "--seeds") {
      understood = number(arguments.runs);
    } else if (word == "--bug") {
      const auto bug = ++i < words.size() ? ottla::simulation::bug_named(words[i]) : std::nullopt;
      understood = bug.has_value();
      if (bug) {
        arguments.run.bugs.add(*bug);
        arguments.replay_flags += " --bug " + std::string(words[i]);
      }
    } else if (word == "--brokers") {
      understood = number(arguments.run.brokers) && arguments.run.brokers > 0;
      arguments.replay_flags += " --brokers " + std::to_string(arguments.run.brokers);
    } else if (word == "--seconds") {
      std::int64_t seconds = 0;
      understood = number(seconds) && seconds > 0;
      arguments.run.chaos = std::chrono::seconds(seconds);
      arguments.replay_flags += " --seconds " + std::to_string(seconds);
    } else if (word == "--no-faults") {
      arguments.run.faults = false;
      arguments.replay_flags += " --no-faults";
    } else if (word == "--transactions") {
      arguments.run.transactions = true;
      arguments.replay_flags += " --transactions";
    } else if (word == "--late-isr-requests") {
      arguments.run.late_isr_requests_only = true;
      arguments.replay_flags += " --late-isr-requests";
    } else if (word == "--verbose") {
      arguments.run.print_log = true;
    } else if (word == "--keep-going") {
      arguments.keep_going = true;
    } else {
      understood = false;
    }
    if (!understood) return false;
  }
  return true;
}

void print(const ottla::simulation::Verdict& verdict, const std::string& replay) {
  std::cout << "seed " << verdict.seed << ": "
            << (verdict.passed() ? "passed" : "FAILED " + verdict.rule) << ", "
            << verdict.simulated / std::chrono::seconds(1) << " s simulated, " << verdict.steps
            << " steps, " << verdict.acknowledged_batches << " batches acknowledged, "
            << verdict.promised_records << " records promised, " << verdict.excused_records
            << " excused, " << verdict.transactions_committed << " of "
            << verdict.transactions_begun << " transactions committed, " << verdict.controller_terms
            << " controller epochs, " << verdict.elections << " partition states, trace "
            << std::hex << verdict.trace_hash << std::dec << "\n";
  if (!verdict.passed()) std::cout << "  " << verdict.violation << "\n" << replay;
  std::cout << std::flush;
}

using Counts = std::map<std::string, std::uint64_t>;

void add(Counts& sum, const Counts& more) {
  for (const auto& [what, count] : more) sum[what] += count;
}
void print(const char* title, const Counts& counts) {
  std::cout << title;
  for (const auto& [what, count] : counts) std::cout << " " << what << " " << count << ";";
  std::cout << "\n";
}

std::int64_t whole_ms(ottla::env::Duration duration) {
  return duration / std::chrono::milliseconds(1);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse({argv + 1, argv + argc}, arguments)) {
    std::cerr << kUsage;
    return 2;
  }
  google::InitGoogleLogging(argv[0]);
  // No files, and to stderr only what ends the process: the rest is printed with simulated times.
  for (int severity = google::GLOG_INFO; severity < google::GLOG_FATAL; ++severity) {
    google::SetLogDestination(severity, "");
  }
  FLAGS_stderrthreshold = google::GLOG_FATAL;
  FLAGS_minloglevel = arguments.run.print_log ? google::GLOG_INFO : google::GLOG_FATAL;

  std::signal(SIGSEGV, die_with_replay);
  std::signal(SIGABRT, die_with_replay);
  std::uint64_t failed = 0;
  ottla::env::Duration longest_until_whole{};
  ottla::env::Duration longest_hand_over{};
  Counts faults;
  Counts operations;
  const std::uint64_t first = arguments.run.seed;
  std::uint64_t done = 0;
  while (done < arguments.runs) {
    arguments.run.seed = first + done++;
    g_replay = replay_command(arguments);
    const ottla::simulation::Verdict verdict = ottla::simulation::run(arguments.run);
    const bool progress = arguments.runs <= 20 || done % 1000 == 0;
    if (!verdict.passed() || progress) print(verdict, g_replay);
    longest_until_whole = std::max(longest_until_whole, verdict.whole_after);
    longest_hand_over = std::max(longest_hand_over, verdict.handed_over_after);
    add(faults, verdict.faults);
    add(operations, verdict.operations);
    failed += verdict.passed() ? 0 : 1;
    if (!verdict.passed() && !arguments.keep_going) break;
  }
  if (arguments.runs > 1) {
    std::cout << done << " runs from seed " << first << ": " << failed
              << " failed; in sync again within " << whole_ms(longest_until_whole)
              << " ms, handed over from slow disks within " << whole_ms(longest_hand_over)
              << " ms\n";
    print("faults:", faults);
    print("done meanwhile:", operations);
  }
  return failed == 0 ? 0 : 1;
}
