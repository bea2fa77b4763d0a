// A drill's outcome for people (text) and programs (JSON).
#include <algorithm>

#include <boost/json.hpp>

#include "cli/drill_recording.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

double ms(DrillTime time) {
  return static_cast<double>(time.count()) / 1000.0;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

json::object counts(const PartitionSummary& partition) {
  return {{"sent", partition.sent},
          {"acknowledged", partition.acknowledged},
          {"refused", partition.refused},
          {"read", partition.read},
          {"lost", partition.lost},
          {"duplicated", partition.duplicated},
          {"reordered", partition.reordered},
          {"longestGapMs", ms(partition.longest_gap.length())},
          {"longestGapBeginMs", ms(partition.longest_gap.begin)}};
}

std::string_view name_of(MarkKind kind) {
  return kind == MarkKind::Fault ? "fault" : kind == MarkKind::Healed ? "healed" : "note";
}

}  // namespace

json::object to_json(const Recording& recording, const DrillSummary& summary) {
  json::object root{{"drill", recording.drill},
                    {"topic", recording.topic},
                    {"passed", summary.passed()},
                    {"elections", summary.elections},
                    {"controllerChanges", summary.controller_changes},
                    {"usualAckMs", ms(summary.usual_ack)},
                    {"total", counts(summary.total)}};
  json::array targets;
  for (const std::int32_t broker : recording.targets) targets.emplace_back(broker);
  root["brokers"] = std::move(targets);
  json::array faults;
  for (const std::string& fault : summary.faults) faults.emplace_back(fault);
  root["faults"] = std::move(faults);
  json::array partitions;
  for (const auto& [number, partition] : summary.partitions) {
    json::object one = counts(partition);
    one["partition"] = number;
    json::array leaders;
    for (const LeaderSeen& seen : partition.leaders) {
      leaders.push_back(json::object{
          {"atMs", ms(seen.at)}, {"leader", seen.leader}, {"leaderEpoch", seen.leader_epoch}});
    }
    one["leaders"] = std::move(leaders);
    partitions.push_back(std::move(one));
  }
  root["partitions"] = std::move(partitions);
  json::array controllers;
  for (const ControllerSeen& seen : recording.controllers) {
    json::object one{{"atMs", ms(seen.at)}, {"controller", seen.controller}};
    if (seen.controller_epoch) one["controllerEpoch"] = *seen.controller_epoch;
    controllers.push_back(std::move(one));
  }
  root["controllers"] = std::move(controllers);
  json::array events;
  for (const Mark& mark : recording.marks) {
    events.push_back(
        json::object{{"atMs", ms(mark.at)}, {"kind", name_of(mark.kind)}, {"text", mark.text}});
  }
  root["events"] = std::move(events);
  return root;
}

std::string to_text(const Recording& recording, const DrillSummary& summary) {
  std::string text = "\nWhat happened (seconds since the first probe):\n";
  for (const Mark& mark : timeline(recording)) {
    std::string at = drill_time_text(std::chrono::milliseconds(mark.at.count() / 1000));
    text += padded(std::move(at), 11) + (mark.kind == MarkKind::Note ? "    " : "  * ") +
            mark.text + '\n';
  }
  text += "\n  partition  acknowledged    read  lost  doubled  not writable  when\n";
  for (const auto& [number, partition] : summary.partitions) {
    text += padded(std::to_string(number), 11) +
            padded(std::to_string(partition.acknowledged), 14) +
            padded(std::to_string(partition.read), 8) + padded(std::to_string(partition.lost), 6) +
            padded(std::to_string(partition.duplicated), 9) +
            padded(drill_time_text(partition.longest_gap.length()), 14) + "  at " +
            drill_time_text(partition.longest_gap.begin) + '\n';
  }
  text += "\n" + std::to_string(summary.elections) + " elections, " +
          std::to_string(summary.controller_changes) +
          " changes of the controller; an acknowledgement usually took " +
          drill_time_text(summary.usual_ack) + ".\n";
  if (summary.passed()) {
    text += "PASSED: " + std::to_string(summary.total.acknowledged) +
            " records acknowledged and read, none lost or doubled; longest time without a "
            "writable\nleader " +
            drill_time_text(summary.total.longest_gap.length()) + ".\n";
  } else {
    text += "NOT PASSED:\n";
    for (const std::string& fault : summary.faults) text += "  - " + fault + '\n';
  }
  return text;
}

}  // namespace ottla::cli
