#include "cli/undelete_offsets.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "cli/group_tables.h"
#include "cli/offset_reset.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

bool is_chosen(const std::vector<TopicChoice>& topics, const TopicPartition& partition) {
  return topics.empty() || std::ranges::any_of(topics, [&](const TopicChoice& choice) {
           return choice.topic == partition.topic &&
                  (choice.partitions.empty() ||
                   std::ranges::find(choice.partitions, partition.partition) !=
                       choice.partitions.end());
         });
}

/// What can be committed, within what the logs still have.
Result<std::vector<UndeleteLine>> plan(GroupClient& client, const std::string& group,
                                       const std::vector<TopicChoice>& topics, std::ostream& err) {
  OTTLA_TRY(auto ended, client.ended_offsets(group));
  std::erase_if(ended, [&](const auto& offset) { return !is_chosen(topics, offset.partition); });
  std::set<TopicPartition> partitions;
  for (const EndedOffsetView& offset : ended) partitions.insert(offset.partition);
  OTTLA_TRY(const auto committed, client.offsets(group));
  OTTLA_TRY(const auto earliest, client.list_offsets(partitions, -2));
  OTTLA_TRY(const auto latest, client.list_offsets(partitions, -1));
  std::vector<UndeleteLine> lines;
  for (EndedOffsetView& offset : ended) {
    const TopicPartition& partition = offset.partition;
    if (!earliest.contains(partition) || !latest.contains(partition)) {
      err << "Warning: " << partition << " does not exist or has no leader: left out\n";
      continue;
    }
    const OffsetRange range{.earliest = earliest.at(partition), .latest = latest.at(partition)};
    const OffsetTarget target{.kind = OffsetTarget::Kind::Offset, .number = offset.offset};
    OTTLA_TRY(const NewOffset wanted, new_offset(target, range));
    if (!wanted.warning.empty()) err << "Warning: " << partition << ": " << wanted.warning << '\n';
    UndeleteLine line{.group = group, .current = std::nullopt, .ended = std::move(offset)};
    if (const auto at = committed.find(line.ended.partition); at != committed.end()) {
      line.current = at->second;
    }
    if (wanted.offset != line.ended.offset) line.ended.leader_epoch = -1;
    line.ended.offset = wanted.offset;
    lines.push_back(std::move(line));
  }
  return lines;
}

json::value as_json(const std::vector<UndeleteLine>& lines) {
  json::array array;
  for (const UndeleteLine& line : lines) {
    array.push_back(
        {{"group", line.group},
         {"topic", line.ended.partition.topic},
         {"partition", line.ended.partition.partition},
         {"currentOffset", line.current ? json::value(*line.current) : json::value(nullptr)},
         {"newOffset", line.ended.offset},
         {"metadata", line.ended.metadata},
         {"why", line.ended.why},
         {"endedMs", line.ended.ended_ms},
         {"keptUntilMs", line.ended.kept_until_ms}});
  }
  return array;
}

}  // namespace

Result<> undelete_offsets(GroupClient& client, const Arguments& arguments, Console& console) {
  const bool execute = arguments.has("execute");
  if (execute && arguments.has("dry-run")) {
    return fail(ErrorCode::InvalidRequest, "--dry-run does not go together with --execute");
  }
  const auto groups = arguments.values("group");
  if (groups.empty()) return fail(ErrorCode::InvalidRequest, "--group is missing");
  std::vector<TopicChoice> topics;
  for (const std::string& text : arguments.values("topic")) {
    OTTLA_TRY(TopicChoice choice, parse_topic_choice(text));
    topics.push_back(std::move(choice));
  }
  if (!execute && !arguments.has("dry-run")) {
    console.err << "Nothing is changed without --execute.\n";
  }
  std::vector<UndeleteLine> all;
  for (const std::string& group : groups) {
    OTTLA_TRY(const GroupView view, client.describe(group));
    if (execute && view.state != "Empty" && view.state != "Dead") {
      return fail(ErrorCode::NonEmptyGroup, "group '" + group + "' is in use, in state " +
                                                view.state + ": stop its members first");
    }
    OTTLA_TRY(auto lines, plan(client, group, topics, console.err));
    if (lines.empty()) {
      return fail(ErrorCode::InvalidRequest,
                  "no offsets of group '" + group +
                      "' are kept that have ended (ottla.offsets.undelete.window.ms)");
    }
    std::ranges::move(lines, std::back_inserter(all));
  }
  if (execute) {
    std::map<std::string, std::map<TopicPartition, OffsetToCommit>> commits;
    for (const UndeleteLine& line : all) {
      commits[line.group][line.ended.partition] = {.offset = line.ended.offset,
                                                   .leader_epoch = line.ended.leader_epoch,
                                                   .metadata = line.ended.metadata};
    }
    for (const auto& [group, offsets] : commits) {
      OTTLA_TRY_VOID(client.commit(group, offsets));
    }
  }
  if (arguments.has("json")) {
    console.out << json::serialize(as_json(all)) << '\n';
  } else {
    print_undelete(console.page(), all);
  }
  return {};
}

}  // namespace ottla::cli
