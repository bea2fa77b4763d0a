#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/fwd.hpp>

/// What a drill saw, and what it makes of it. Pure: the drill itself is in drill.cc.
namespace ottla::cli {

/// Since the drill's first probe.
using DrillTime = std::chrono::microseconds;

/// One record of the producer. Its number counts within the partition, from 0.
struct Probe {
  std::int32_t partition = 0;
  DrillTime sent{};
  std::optional<DrillTime> acknowledged;
  std::string error;  ///< Why it never was, if the client gave up.
};
struct ProbeRead {
  std::int32_t partition = 0;
  std::int64_t number = 0;
  DrillTime at{};
};
/// A partition's leader as metadata told it, noted when it changed.
struct LeaderSeen {
  DrillTime at{};
  std::int32_t partition = 0;
  std::int32_t leader = -1;
  std::int32_t leader_epoch = -1;
};
struct ControllerSeen {
  DrillTime at{};
  std::int32_t controller = -1;
  std::optional<std::int32_t> controller_epoch;
};
enum class MarkKind : std::uint8_t { Note, Fault, Healed };
/// What the drill did or waited for.
struct Mark {
  DrillTime at{};
  MarkKind kind = MarkKind::Note;
  std::string text;
};

struct Recording {
  std::string drill;  ///< "leader-kill"
  std::string topic;
  std::vector<std::int32_t> targets;  ///< The brokers that were to fail, in order.
  std::vector<Probe> probes;          ///< In the order of sending.
  std::vector<ProbeRead> reads;       ///< In the order of reading.
  std::vector<LeaderSeen> leaders;
  std::vector<ControllerSeen> controllers;
  std::vector<Mark> marks;
  DrillTime probing_ended{};
  std::vector<std::string> failures;  ///< Steps that did not come about.
  bool interrupted = false;
};

struct Gap {
  DrillTime begin{};
  DrillTime end{};
  [[nodiscard]] DrillTime length() const { return end - begin; }
};

struct PartitionSummary {
  std::int64_t sent = 0;
  std::int64_t acknowledged = 0;
  std::int64_t refused = 0;  ///< The client gave up on them; they may or may not be in the log.
  std::int64_t read = 0;     ///< Different records.
  std::int64_t lost = 0;     ///< Acknowledged and not read.
  std::int64_t duplicated = 0;
  std::int64_t reordered = 0;
  /// The longest time between two acknowledgements, or from the last to the end of probing: how
  /// long the partition could not be written, as a client sees it.
  Gap longest_gap;
  std::vector<LeaderSeen> leaders;
};

struct DrillLimits {
  DrillTime longest_gap = std::chrono::seconds(5);
};

struct DrillSummary {
  std::map<std::int32_t, PartitionSummary> partitions;
  PartitionSummary total;      ///< Sums; the longest gap of any.
  std::int64_t elections = 0;  ///< Changes from one leader to another.
  std::int64_t controller_changes = 0;
  DrillTime usual_ack{};            ///< The median time from sending to acknowledgement.
  std::vector<std::string> faults;  ///< Why it has not passed.
  [[nodiscard]] bool passed() const { return faults.empty(); }
};

/// Counts, and the verdict: nothing acknowledged was lost, doubled or reordered; epochs never went
/// back and none had two leaders; every partition has a leader in the end; no gap is longer than
/// allowed.
[[nodiscard]] DrillSummary summarize(const Recording& recording, const DrillLimits& limits);

/// One line for each thing that happened, in order, for people.
[[nodiscard]] std::vector<Mark> timeline(const Recording& recording);

[[nodiscard]] boost::json::object to_json(const Recording& recording, const DrillSummary& summary);
/// A page that needs nothing else: light or dark as the reader's system is.
[[nodiscard]] std::string to_html(const Recording& recording, const DrillSummary& summary);
/// What is printed at the end.
[[nodiscard]] std::string to_text(const Recording& recording, const DrillSummary& summary);

/// "1.234 s", "56 ms".
[[nodiscard]] std::string drill_time_text(DrillTime time);

}  // namespace ottla::cli
