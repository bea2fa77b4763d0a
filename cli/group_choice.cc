#include "cli/group_choice.h"

#include <algorithm>
#include <array>
#include <span>

#include "cli/offset_reset.h"

namespace ottla::cli {
namespace {

/// Flags that mean something with some actions only.
struct Scope {
  std::string_view flag;
  std::span<const std::string_view> actions;
};

constexpr std::string_view kOfGroups[] = {"describe", "reset-offsets", "undelete-offsets", "delete",
                                          "delete-offsets"};
constexpr std::string_view kOfAllGroups[] = {"list", "describe", "reset-offsets", "delete"};
constexpr std::string_view kOfTopics[] = {"reset-offsets", "undelete-offsets", "delete-offsets"};
constexpr std::string_view kOfAllTopics[] = {"list", "describe", "reset-offsets",
                                             "undelete-offsets"};
constexpr std::string_view kOfDescribe[] = {"describe"};
constexpr std::string_view kOfList[] = {"list"};
constexpr std::string_view kOfViews[] = {"list", "describe"};

/// --execute, --dry-run and where to reset to are ignored elsewhere, as Kafka's tool does: they
/// choose nothing.
constexpr Scope kScopes[] = {
    {"group", kOfGroups},         {"all-groups", kOfAllGroups}, {"topic", kOfTopics},
    {"all-topics", kOfAllTopics}, {"members", kOfDescribe},     {"offsets", kOfDescribe},
    {"verbose", kOfDescribe},     {"state", kOfViews},          {"type", kOfList},
};

tl::unexpected<Error> refuse(std::string text) {
  return fail(ErrorCode::InvalidRequest, std::move(text));
}

}  // namespace

Result<> check_group_flags(std::string_view action, const Arguments& arguments) {
  if (action == "delete" && arguments.has("topic")) {
    return refuse(
        "--delete takes whole groups, not --topic: --delete-offsets forgets offsets of topics");
  }
  for (const Scope& scope : kScopes) {
    if (!arguments.has(scope.flag)) continue;
    if (std::ranges::find(scope.actions, action) != scope.actions.end()) continue;
    return refuse("--" + std::string(scope.flag) + " does not go together with --" +
                  std::string(action));
  }
  static constexpr std::array<std::string_view, 1> kAllGroups = {"all-groups"};
  if (arguments.has("group")) OTTLA_TRY_VOID(arguments.refuse_with("group", kAllGroups));
  if (action == "describe" && !arguments.value_or("state", "").empty()) {
    return refuse("--describe takes --state without a value");
  }
  // Kafka's tool takes all topics then.
  static constexpr std::array<std::string_view, 1> kAllTopics = {"all-topics"};
  if (arguments.has("topic")) OTTLA_TRY_VOID(arguments.refuse_with("topic", kAllTopics));
  if (action == "delete-offsets" &&
      (arguments.values("group").size() != 1 || !arguments.has("topic"))) {
    return refuse("--delete-offsets takes one --group, and --topic");
  }
  const bool needs_scope = action == "reset-offsets" && !arguments.has("from-file");
  if (needs_scope && !arguments.has("topic") && !arguments.has("all-topics")) {
    return refuse("--topic or --all-topics is missing");
  }
  if (action == "list" || arguments.has("group") || arguments.has("all-groups")) return {};
  return refuse(action == "undelete-offsets" ? "--group is missing"
                                             : "--group or --all-groups is missing");
}

Result<std::vector<std::string>> chosen_groups(GroupClient& client, const Arguments& arguments) {
  if (!arguments.has("all-groups")) return arguments.values("group");
  OTTLA_TRY(const auto listed, client.list({}));
  std::vector<std::string> groups;
  for (const GroupListing& group : listed) groups.push_back(group.group);
  return groups;
}

Result<std::set<TopicPartition>> chosen_partitions(
    GroupClient& client, const Arguments& arguments,
    const std::map<TopicPartition, std::int64_t>& committed) {
  std::set<TopicPartition> chosen;
  if (arguments.has("all-topics")) {
    for (const auto& [partition, offset] : committed) chosen.insert(partition);
    return chosen;
  }
  for (const std::string& text : arguments.values("topic")) {
    OTTLA_TRY(const TopicChoice choice, parse_topic_choice(text));
    OTTLA_TRY(const auto known, client.partitions(choice.topic));
    if (choice.partitions.empty()) chosen.insert(known.begin(), known.end());
    for (const std::int32_t number : choice.partitions) {
      const TopicPartition partition{choice.topic, number};
      if (std::ranges::find(known, partition) == known.end()) {
        return fail(ErrorCode::UnknownTopicOrPartition, partition.to_string() + " does not exist");
      }
      chosen.insert(partition);
    }
  }
  return chosen;
}

}  // namespace ottla::cli
