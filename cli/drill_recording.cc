#include "cli/drill_recording.h"

#include <algorithm>
#include <set>

namespace ottla::cli {
namespace {

using Numbers = std::set<std::pair<std::int32_t, std::int64_t>>;

/// Longest time without an acknowledgement, from the first one (before it the client gets to know
/// the topic) to `end`; from `begin` if there was none.
Gap longest_gap(std::vector<DrillTime> acknowledged, DrillTime begin, DrillTime end) {
  if (acknowledged.empty()) return {begin, std::max(begin, end)};
  std::ranges::sort(acknowledged);
  acknowledged.push_back(std::max(end, acknowledged.back()));
  begin = acknowledged.front();
  Gap longest{begin, begin};
  DrillTime last = begin;
  for (const DrillTime at : acknowledged) {
    if (at - last > longest.length()) longest = {last, at};
    last = at;
  }
  return longest;
}

/// Takes in what was sent; returns the acknowledged ones.
Numbers count_probes(const Recording& recording, DrillSummary& summary) {
  Numbers acknowledged;
  std::map<std::int32_t, std::vector<DrillTime>> times;
  std::map<std::int32_t, DrillTime> begins;
  std::vector<DrillTime> latencies;
  for (const Probe& probe : recording.probes) {
    PartitionSummary& partition = summary.partitions[probe.partition];
    begins.try_emplace(probe.partition, probe.sent);
    const std::int64_t number = partition.sent++;
    if (probe.acknowledged) {
      ++partition.acknowledged;
      acknowledged.insert({probe.partition, number});
      times[probe.partition].push_back(*probe.acknowledged);
      latencies.push_back(*probe.acknowledged - probe.sent);
    } else if (!probe.error.empty()) {
      ++partition.refused;
    }
  }
  for (auto& [number, partition] : summary.partitions) {
    partition.longest_gap =
        longest_gap(std::move(times[number]), begins[number], recording.probing_ended);
  }
  if (!latencies.empty()) {
    const auto middle = latencies.begin() + static_cast<std::ptrdiff_t>(latencies.size() / 2);
    std::ranges::nth_element(latencies, middle);
    summary.usual_ack = *middle;
  }
  return acknowledged;
}

void count_reads(const Recording& recording, Numbers acknowledged, DrillSummary& summary) {
  Numbers seen;
  std::map<std::int32_t, std::int64_t> last;
  for (const ProbeRead& read : recording.reads) {
    PartitionSummary& partition = summary.partitions[read.partition];
    acknowledged.erase({read.partition, read.number});
    if (!seen.insert({read.partition, read.number}).second) {
      ++partition.duplicated;
      continue;
    }
    ++partition.read;
    const auto [at, first] = last.try_emplace(read.partition, read.number);
    if (!first && read.number < at->second) ++partition.reordered;
    at->second = std::max(at->second, read.number);
  }
  for (const auto& [partition, number] : acknowledged) ++summary.partitions[partition].lost;
}

void check_epochs(const Recording& recording, DrillSummary& summary) {
  std::map<std::pair<std::int32_t, std::int32_t>, std::int32_t> leader_of;
  std::map<std::int32_t, LeaderSeen> last;
  std::map<std::int32_t, std::int32_t> last_leader;
  for (const LeaderSeen& seen : recording.leaders) {
    const std::string name = recording.topic + "-" + std::to_string(seen.partition);
    summary.partitions[seen.partition].leaders.push_back(seen);
    const auto before = last.find(seen.partition);
    if (before != last.end() && seen.leader_epoch < before->second.leader_epoch) {
      summary.faults.push_back(name + ": the leader epoch went back from " +
                               std::to_string(before->second.leader_epoch) + " to " +
                               std::to_string(seen.leader_epoch));
    }
    if (seen.leader >= 0) {
      // The one before a time without a leader counts: coming back is no change.
      const auto [led, first] = last_leader.try_emplace(seen.partition, seen.leader);
      if (!first && led->second != seen.leader) ++summary.elections;
      led->second = seen.leader;
      const auto [known, is_new] =
          leader_of.try_emplace({seen.partition, seen.leader_epoch}, seen.leader);
      if (!is_new && known->second != seen.leader) {
        summary.faults.push_back(
            name + ": two leaders in epoch " + std::to_string(seen.leader_epoch) + ": " +
            std::to_string(known->second) + " and " + std::to_string(seen.leader));
      }
    }
    last[seen.partition] = seen;
  }
  for (const auto& [partition, seen] : last) {
    if (seen.leader < 0) {
      summary.faults.push_back(recording.topic + "-" + std::to_string(partition) +
                               " has no leader in the end");
    }
  }
}

void add_up(DrillSummary& summary) {
  PartitionSummary& total = summary.total;
  for (const auto& [number, partition] : summary.partitions) {
    total.sent += partition.sent;
    total.acknowledged += partition.acknowledged;
    total.refused += partition.refused;
    total.read += partition.read;
    total.lost += partition.lost;
    total.duplicated += partition.duplicated;
    total.reordered += partition.reordered;
    if (partition.longest_gap.length() > total.longest_gap.length()) {
      total.longest_gap = partition.longest_gap;
    }
  }
}

}  // namespace

DrillSummary summarize(const Recording& recording, const DrillLimits& limits) {
  DrillSummary summary;
  count_reads(recording, count_probes(recording, summary), summary);
  check_epochs(recording, summary);
  add_up(summary);
  for (std::size_t i = 1; i < recording.controllers.size(); ++i) {
    const auto& seen = recording.controllers[i];
    if (seen.controller >= 0 && seen.controller != recording.controllers[i - 1].controller) {
      ++summary.controller_changes;
    }
  }
  summary.faults.insert(summary.faults.begin(), recording.failures.begin(),
                        recording.failures.end());
  const PartitionSummary& total = summary.total;
  const auto refuse = [&](std::int64_t count, const char* what) {
    if (count > 0) summary.faults.push_back(std::to_string(count) + what);
  };
  refuse(total.lost, " acknowledged records are lost");
  refuse(total.duplicated, " records came twice");
  refuse(total.reordered, " records came out of order");
  refuse(total.refused, " records were not accepted in time");
  if (total.acknowledged == 0) summary.faults.emplace_back("nothing was acknowledged");
  if (total.longest_gap.length() > limits.longest_gap) {
    summary.faults.push_back("a partition could not be written for " +
                             drill_time_text(total.longest_gap.length()) + ", allowed are " +
                             drill_time_text(limits.longest_gap));
  }
  if (recording.interrupted) summary.faults.emplace_back("the drill was interrupted");
  return summary;
}

std::vector<Mark> timeline(const Recording& recording) {
  std::vector<Mark> lines = recording.marks;
  std::map<std::int32_t, LeaderSeen> last;
  for (const LeaderSeen& seen : recording.leaders) {
    std::string text = recording.topic + "-" + std::to_string(seen.partition) + ": leader ";
    const auto leader = [](std::int32_t id) { return id < 0 ? "none" : std::to_string(id); };
    const auto before = last.find(seen.partition);
    if (before == last.end()) {
      text += leader(seen.leader) + ", leader epoch " + std::to_string(seen.leader_epoch);
    } else {
      const LeaderSeen& was = before->second;
      if (was.leader != seen.leader) text += leader(was.leader) + " -> ";
      text += leader(seen.leader) + ", leader epoch ";
      if (was.leader_epoch != seen.leader_epoch) text += std::to_string(was.leader_epoch) + " -> ";
      text += std::to_string(seen.leader_epoch);
    }
    last[seen.partition] = seen;
    lines.push_back({seen.at, MarkKind::Note, std::move(text)});
  }
  for (const ControllerSeen& seen : recording.controllers) {
    std::string text =
        seen.controller < 0 ? "no controller" : "controller " + std::to_string(seen.controller);
    if (seen.controller_epoch) {
      text += ", controller epoch " + std::to_string(*seen.controller_epoch);
    }
    lines.push_back({seen.at, MarkKind::Note, std::move(text)});
  }
  std::ranges::stable_sort(lines, {}, &Mark::at);
  return lines;
}

std::string drill_time_text(DrillTime time) {
  const auto us = time.count();
  if (us < 1'000'000) return std::to_string((us + 500) / 1000) + " ms";
  const auto ms = (us + 500) / 1000;
  std::string fraction = std::to_string(ms % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(ms / 1000) + "." + fraction + " s";
}

}  // namespace ottla::cli
