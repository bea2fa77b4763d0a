#include "cli/group_reset.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/group_choice.h"
#include "cli/group_tables.h"
#include "cli/offset_reset.h"
#include "cli/progress.h"

namespace ottla::cli {
namespace {

using Offsets = std::map<TopicPartition, std::int64_t>;

Result<Offsets> plan_group(GroupClient& client, Console& console, OffsetTarget target,
                           const std::set<TopicPartition>& partitions, const Offsets& committed,
                           const Offsets& from_file) {
  OTTLA_TRY(const auto earliest, client.list_offsets(partitions, -2));
  OTTLA_TRY(const auto latest, client.list_offsets(partitions, -1));
  Offsets at_time;
  if (target.kind == OffsetTarget::Kind::Timestamp) {
    OTTLA_TRY(at_time, client.list_offsets(partitions, target.number));
  }
  Offsets plan;
  for (const TopicPartition& partition : partitions) {
    if (!earliest.contains(partition) || !latest.contains(partition)) {
      return fail(ErrorCode::LeaderNotAvailable,
                  partition.to_string() + " does not exist or has no leader");
    }
    OffsetRange range{.earliest = earliest.at(partition), .latest = latest.at(partition)};
    if (const auto at = committed.find(partition); at != committed.end()) {
      range.committed = at->second;
    }
    if (const auto at = at_time.find(partition); at != at_time.end()) range.at_time = at->second;
    if (const auto at = from_file.find(partition); at != from_file.end()) {
      target.number = at->second;
    }
    auto offset = new_offset(target, range);
    if (!offset) {
      return fail(offset.error().code(), partition.to_string() + ": " + offset.error().message());
    }
    if (!offset->warning.empty()) {
      console.err << "Warning: " << partition << ": " << offset->warning << '\n';
    }
    plan[partition] = offset->offset;
  }
  return plan;
}

Result<ResetPlan> read_plan(const Arguments& arguments, const std::vector<std::string>& groups) {
  const std::string name = arguments.value_or("from-file", "");
  std::ifstream file(name, std::ios::binary);
  if (!file) return fail(ErrorCode::InvalidRequest, "--from-file " + name + ": cannot be read");
  const std::string plan{std::istreambuf_iterator<char>(file), {}};
  return plan.starts_with('[') ? parse_json_plan(plan, groups) : parse_plan(plan, groups);
}

/// What one run is to do.
struct Reset {
  OffsetTarget target;
  bool execute = false;
  ResetPlan from_file{};
};

Result<Offsets> reset_one(GroupClient& client, const Arguments& arguments, Console& console,
                          Reset& reset, const std::string& group) {
  OTTLA_TRY(const GroupView view, client.describe(group));
  if (view.state != "Empty" && view.state != "Dead") {
    return fail(ErrorCode::NonEmptyGroup, "Assignments can only be reset if the group '" + group +
                                              "' is inactive, but the current state is " +
                                              view.state + ".");
  }
  OTTLA_TRY(const auto committed, client.offsets(group));
  std::set<TopicPartition> partitions;
  if (reset.target.kind == OffsetTarget::Kind::File) {
    for (const auto& [partition, offset] : reset.from_file[group]) partitions.insert(partition);
  } else {
    OTTLA_TRY(partitions, chosen_partitions(client, arguments, committed));
  }
  OTTLA_TRY(auto offsets, plan_group(client, console, reset.target, partitions, committed,
                                     reset.from_file[group]));
  if (reset.execute && !offsets.empty()) OTTLA_TRY_VOID(client.commit(group, offsets));
  return offsets;
}

void print(const Arguments& arguments, Console& console, const ResetPlan& plan) {
  if (arguments.has("json")) {
    console.out << plan_as_json(plan) << '\n';
  } else if (arguments.has("export")) {
    // As Kafka's tool: it asks how many --group there are, not how many groups.
    console.out << plan_as_csv(plan, /*with_group=*/arguments.values("group").size() != 1);
  } else {
    print_plan(console.page(), plan);
  }
}

}  // namespace

Result<> reset_offsets(GroupClient& client, const Arguments& arguments, Console& console) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  OTTLA_TRY(const OffsetTarget target, parse_target(arguments, now));
  Reset reset{.target = target, .execute = arguments.has("execute")};
  if (reset.execute && arguments.has("dry-run")) {
    return fail(ErrorCode::InvalidRequest, "--dry-run does not go together with --execute");
  }
  if (!reset.execute && !arguments.has("dry-run") && !arguments.has("export")) {
    console.err << "Nothing is changed without --execute.\n";
  }
  OTTLA_TRY(const auto groups, chosen_groups(client, arguments));
  if (target.kind == OffsetTarget::Kind::File) {
    OTTLA_TRY(reset.from_file, read_plan(arguments, groups));
  }
  ResetPlan done;
  std::vector<std::pair<std::string, Error>> failed;
  Progress progress(console.err, console.err_columns, progress_clock(), "resetting offsets",
                    groups.size());
  for (const std::string& group : groups) {
    progress.at(done.size() + failed.size());
    auto offsets = reset_one(client, arguments, console, reset, group);
    if (offsets) {
      done[group] = *std::move(offsets);
    } else {
      failed.emplace_back(group, std::move(offsets).error());
    }
  }
  progress.hide();
  if (!done.empty() || failed.empty()) print(arguments, console, done);
  if (failed.empty()) return {};
  if (groups.size() == 1) return fail(failed.front().second);
  std::string text = std::to_string(failed.size()) + " of " + std::to_string(groups.size()) +
                     " groups cannot be reset" + (reset.execute ? ", the others are:" : ":");
  for (const auto& [group, error] : failed) text += "\n* Group '" + group + "': " + error.message();
  return fail(failed.front().second.code(), std::move(text));
}

}  // namespace ottla::cli
