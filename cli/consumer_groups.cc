// `ottla consumer-groups`: what kafka-consumer-groups does.
#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "cli/group_choice.h"
#include "cli/group_client.h"
#include "cli/group_reset.h"
#include "cli/group_tables.h"
#include "cli/tool.h"
#include "cli/undelete_offsets.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "list", .doc = "show all groups"},
    {.name = "describe", .doc = "show groups: their offsets, or --members, or --state"},
    {.name = "reset-offsets", .doc = "move the offsets of groups without active members"},
    {.name = "delete", .doc = "delete groups without members, with their offsets"},
    {.name = "delete-offsets", .doc = "forget a group's offsets for topics that it does not read"},
    {.name = "undelete-offsets",
     .doc = "commit offsets again that expired or were deleted lately (Ottla's brokers only)"},
    {.name = "group", .value = "name", .doc = "a group", .repeated = true},
    {.name = "all-groups", .doc = "every group"},
    {.name = "topic",
     .value = "topic[:0,1]",
     .doc = "a topic, or some of its partitions",
     .repeated = true},
    {.name = "all-topics", .doc = "every topic that the group has offsets for"},
    {.name = "offsets", .doc = "with --describe: offsets and lag (the default)"},
    {.name = "members", .doc = "with --describe: the members"},
    {.name = "state",
     .value = "states",
     .doc = "with --describe: the state; with --list: show states, of these states only",
     .bare = ""},
    {.name = "type",
     .value = "types",
     .doc = "with --list: show types, of these types only",
     .bare = ""},
    {.name = "verbose", .doc = "with --members: their partitions too"},
    {.name = "dry-run",
     .doc = "with --reset-offsets, --undelete-offsets: only show the new offsets (the default)"},
    {.name = "execute", .doc = "with --reset-offsets, --undelete-offsets: carry it out"},
    {.name = "export",
     .doc = "with --reset-offsets: print the plan as CSV, or as JSON with --json"},
    {.name = "to-earliest", .doc = "the first offset there is"},
    {.name = "to-latest", .doc = "the end of the log"},
    {.name = "to-current", .doc = "the committed offset"},
    {.name = "to-offset", .value = "n", .doc = "this offset"},
    {.name = "shift-by", .value = "n", .doc = "the committed offset plus n, which may be negative"},
    {.name = "to-datetime",
     .value = "YYYY-MM-DDTHH:mm:SS.sss",
     .doc = "the first record of that time or later; UTC without a time zone"},
    {.name = "by-duration", .value = "PnDTnHnMnS", .doc = "the first record since that long ago"},
    {.name = "from-file",
     .value = "file",
     .doc = "offsets as --export printed them, in either form"},
    {.name = "timeout", .value = "ms", .doc = "how long to wait for a coordinator; 5000"},
};

struct Session {
  const Arguments& arguments;
  Console& console;
  GroupClient client;

  [[nodiscard]] bool wants_json() const { return arguments.has("json"); }
};

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto comma = std::min(text.find(',', at), text.size());
    std::string word = text.substr(at, comma - at);
    std::erase(word, ' ');
    if (!word.empty()) words.push_back(std::move(word));
    at = comma + 1;
  }
  return words;
}

bool same_word(const std::string& a, const std::string& b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// --list

/// What Kafka 3.9 knows by these names, some of them only without ZooKeeper.
constexpr std::array<std::string_view, 8> kStates = {
    "Stable", "Empty",   "PreparingRebalance", "CompletingRebalance",
    "Dead",   "Unknown", "Assigning",          "Reconciling"};
constexpr std::array<std::string_view, 2> kTypes = {"classic", "consumer"};

template <std::size_t N>
Result<> check_words(std::string_view flag, const std::vector<std::string>& words,
                     const std::array<std::string_view, N>& known) {
  for (const std::string& word : words) {
    if (std::ranges::any_of(known, [&](auto name) { return same_word(word, std::string(name)); })) {
      continue;
    }
    std::string text = "--" + std::string(flag) + " " + word + ": must be one of";
    for (const std::string_view name : known) text += " " + std::string(name);
    return fail(ErrorCode::InvalidRequest, std::move(text));
  }
  return {};
}

Result<> list(Session& session) {
  const bool with_type = session.arguments.has("type");
  const bool with_state = session.arguments.has("state");
  OTTLA_TRY_VOID(check_words("state", words_of(session.arguments.value_or("state", "")), kStates));
  OTTLA_TRY_VOID(check_words("type", words_of(session.arguments.value_or("type", "")), kTypes));
  OTTLA_TRY(auto groups, session.client.list(words_of(session.arguments.value_or("state", ""))));
  if (const auto types = words_of(session.arguments.value_or("type", "")); !types.empty()) {
    std::erase_if(groups, [&](const GroupListing& group) {
      return std::ranges::none_of(
          types, [&](const std::string& type) { return same_word(type, group.type); });
    });
  }
  if (!session.wants_json()) {
    print_list(session.console.page(), groups, with_state, with_type);
    return {};
  }
  json::array array;
  for (const GroupListing& group : groups) {
    array.push_back({{"group", group.group},
                     {"state", group.state},
                     {"type", group.type},
                     {"protocolType", group.protocol_type}});
  }
  session.console.out << json::serialize(array) << '\n';
  return {};
}

// --describe

json::array as_json(const std::vector<TopicPartition>& partitions) {
  json::array array;
  for (const auto& partition : partitions) {
    array.push_back({{"topic", partition.topic}, {"partition", partition.partition}});
  }
  return array;
}

json::value or_null(const std::optional<std::int64_t>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

json::object as_json(const GroupView& group, const std::vector<OffsetLine>& lines) {
  json::array members;
  for (const GroupMember& member : group.members) {
    json::object row{{"consumerId", member.id},
                     {"clientId", member.client_id},
                     {"host", member.client_host},
                     {"partitions", as_json(member.assigned)}};
    if (!member.instance_id.empty()) row["groupInstanceId"] = member.instance_id;
    members.push_back(std::move(row));
  }
  json::array offsets;
  for (const OffsetLine& line : lines) {
    if (!line.partition) continue;
    offsets.push_back({{"topic", line.partition->topic},
                       {"partition", line.partition->partition},
                       {"currentOffset", or_null(line.current)},
                       {"logEndOffset", or_null(line.end)},
                       {"lag", or_null(line.lag())},
                       {"consumerId", line.member != nullptr ? json::value(line.member->id)
                                                             : json::value(nullptr)}});
  }
  return {{"group", group.group},
          {"state", group.state},
          {"protocolType", group.protocol_type},
          {"assignmentStrategy", group.protocol},
          {"coordinator",
           {{"id", group.coordinator.value()},
            {"host", group.coordinator_host},
            {"port", group.coordinator_port}}},
          {"members", std::move(members)},
          {"offsets", std::move(offsets)}};
}

Result<std::vector<OffsetLine>> offsets_of(Session& session, const GroupView& group) {
  OTTLA_TRY(const auto committed, session.client.offsets(group.group));
  std::set<TopicPartition> partitions;
  for (const auto& [partition, offset] : committed) partitions.insert(partition);
  for (const GroupMember& member : group.members) {
    partitions.insert(member.assigned.begin(), member.assigned.end());
  }
  OTTLA_TRY(const auto ends, session.client.list_offsets(partitions, -1));
  return offset_lines(group, committed, ends);
}

Result<> describe_one(Session& session, const std::string& name, json::array& array) {
  OTTLA_TRY(const GroupView group, session.client.describe(name));
  if (group.state == "Dead") {
    return fail(ErrorCode::GroupIdNotFound, "Consumer group '" + name + "' does not exist.");
  }
  const bool members = session.arguments.has("members");
  const bool state = session.arguments.has("state");
  std::vector<OffsetLine> lines;
  if (session.wants_json() || (!members && !state)) {
    OTTLA_TRY(lines, offsets_of(session, group));
  }
  if (session.wants_json()) {
    array.push_back(as_json(group, lines));
    return {};
  }
  if (group.state == "Empty") {
    session.console.err << "\nConsumer group '" << name << "' has no active members.\n";
  } else if (group.state != "Stable") {
    session.console.err << "\nWarning: Consumer group '" << name << "' is rebalancing.\n";
  }
  if (members) {
    print_members(session.console.page(), group, session.arguments.has("verbose"));
  } else if (state) {
    print_state(session.console.page(), group);
  } else {
    print_offsets(session.console.page(), group, lines);
  }
  return {};
}

Result<> describe(Session& session) {
  static constexpr std::array<std::string_view, 3> kViews = {"offsets", "members", "state"};
  if (std::ranges::count_if(kViews, [&](auto view) { return session.arguments.has(view); }) > 1) {
    return fail(ErrorCode::InvalidRequest, "give at most one of --offsets, --members and --state");
  }
  OTTLA_TRY(const auto groups, chosen_groups(session.client, session.arguments));
  json::array array;
  Result<> outcome;
  for (const std::string& group : groups) {
    // One that is gone does not hide the others.
    auto described = describe_one(session, group, array);
    if (!described && outcome) outcome = std::move(described);
  }
  if (session.wants_json()) session.console.out << json::serialize(array) << '\n';
  return outcome;
}

// --delete, --delete-offsets

Result<> delete_groups(Session& session) {
  OTTLA_TRY(const auto groups, chosen_groups(session.client, session.arguments));
  std::string deleted;
  std::string failed;
  json::array array;
  ErrorCode first_error = ErrorCode::None;
  for (const std::string& group : groups) {
    const auto outcome = session.client.remove(group);
    json::object row{{"group", group}, {"error", nullptr}};
    if (outcome) {
      deleted += (deleted.empty() ? "'" : ", '") + group + "'";
    } else {
      if (first_error == ErrorCode::None) first_error = outcome.error().code();
      failed +=
          "\n* Group '" + group + "' could not be deleted due to: " + outcome.error().describe();
      row["error"] = std::string(name_of(outcome.error().code()));
    }
    array.push_back(std::move(row));
  }
  if (session.wants_json()) {
    session.console.out << json::serialize(array) << '\n';
  } else if (!deleted.empty()) {
    session.console.out << "Deletion of requested consumer groups (" << deleted
                        << ") was successful.\n";
  }
  if (failed.empty()) return {};
  return fail(first_error, "Deletion of some consumer groups failed:" + failed);
}

Result<> delete_offsets(Session& session) {
  const auto groups = session.arguments.values("group");
  OTTLA_TRY(const auto partitions, chosen_partitions(session.client, session.arguments, {}));
  OTTLA_TRY(const auto deletions, session.client.remove_offsets(groups.front(), partitions));
  const auto refused = std::ranges::find_if(
      deletions, [](const DeletedPartition& d) { return d.error != ErrorCode::None; });
  if (session.wants_json()) {
    json::array array;
    for (const auto& [partition, error] : deletions) {
      array.push_back({{"topic", partition.topic},
                       {"partition", partition.partition},
                       {"error", error == ErrorCode::None ? json::value(nullptr)
                                                          : json::value(name_of(error))}});
    }
    session.console.out << json::serialize(array) << '\n';
  } else {
    print_deletions(session.console.page(), deletions);
  }
  if (refused == deletions.end()) return {};
  return fail(refused->error, "some offsets of group '" + groups.front() + "' were not deleted");
}

Result<> run_consumer_groups(const Arguments& arguments, Console& console) {
  static constexpr std::array<std::string_view, 6> kActions = {
      "list", "describe", "reset-offsets", "undelete-offsets", "delete", "delete-offsets"};
  OTTLA_TRY(const std::string_view action, arguments.exactly_one_of(kActions));
  OTTLA_TRY_VOID(check_group_flags(action, arguments));
  OTTLA_TRY(const auto timeout, arguments.number("timeout", 0));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  Session session{
      arguments, console,
      GroupClient(std::move(client), std::chrono::milliseconds(timeout.value_or(5'000)))};
  if (action == "list") return list(session);
  if (action == "describe") return describe(session);
  if (action == "reset-offsets") return reset_offsets(session.client, arguments, console);
  if (action == "undelete-offsets") return undelete_offsets(session.client, arguments, console);
  if (action == "delete") return delete_groups(session);
  return delete_offsets(session);
}

}  // namespace

const Tool kConsumerGroupsTool{.name = "consumer-groups",
                               .summary = "show, reset and delete consumer groups",
                               .flags = kFlags,
                               .run = run_consumer_groups};

}  // namespace ottla::cli
