#include "cli/group_tables.h"

#include <algorithm>
#include <set>

#include "cli/moment_text.h"
#include "cli/text_table.h"

namespace ottla::cli {
namespace {

std::string or_dash(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "-";
}

constexpr std::size_t kShort = 15;
constexpr std::size_t kLong = 25;
constexpr std::size_t kName = 30;

}  // namespace

std::vector<OffsetLine> offset_lines(const GroupView& group,
                                     const std::map<TopicPartition, std::int64_t>& committed,
                                     const std::map<TopicPartition, std::int64_t>& ends) {
  const auto find = [](const auto& map,
                       const TopicPartition& partition) -> std::optional<std::int64_t> {
    const auto found = map.find(partition);
    if (found == map.end()) return std::nullopt;
    return found->second;
  };
  std::vector<OffsetLine> lines;
  std::set<TopicPartition> assigned;
  for (const GroupMember& member : group.members) {
    if (member.assigned.empty()) lines.push_back({.member = &member});
    for (const TopicPartition& partition : member.assigned) {
      lines.push_back({partition, find(committed, partition), find(ends, partition), &member});
      assigned.insert(partition);
    }
  }
  for (const auto& [partition, offset] : committed) {
    if (!assigned.contains(partition)) {
      lines.push_back({partition, offset, find(ends, partition), nullptr});
    }
  }
  std::ranges::stable_sort(lines, [](const OffsetLine& a, const OffsetLine& b) {
    if (a.partition.has_value() != b.partition.has_value()) return a.partition.has_value();
    return a.partition && *a.partition < *b.partition;
  });
  return lines;
}

void print_offsets(const Page& page, const GroupView& group, const std::vector<OffsetLine>& lines) {
  TextTable table({text_column("GROUP", kShort),
                   text_column("TOPIC", kShort),
                   {"PARTITION", 10},
                   {"CURRENT-OFFSET", kShort},
                   {"LOG-END-OFFSET", kShort},
                   {"LAG", kShort},
                   text_column("CONSUMER-ID", kShort),
                   text_column("HOST", kShort),
                   text_column("CLIENT-ID")},
                  TableStyle::Blanks);
  for (const OffsetLine& line : lines) {
    const GroupMember* const member = line.member;
    table.add({group.group, line.partition ? line.partition->topic : "-",
               line.partition ? std::to_string(line.partition->partition) : "-",
               or_dash(line.current), or_dash(line.end), or_dash(line.lag()),
               member != nullptr ? member->id : "-", member != nullptr ? member->client_host : "-",
               member != nullptr ? member->client_id : "-"});
  }
  page.out << '\n';
  table.print(page);
}

std::string assignment_text(const std::vector<TopicPartition>& partitions) {
  if (partitions.empty()) return "-";
  std::string text;
  std::string topic;
  for (const TopicPartition& partition : partitions) {
    if (text.empty() || partition.topic != topic) {
      if (!text.empty()) text += "), ";
      topic = partition.topic;
      text += topic + "(";
    } else {
      text += ",";
    }
    text += std::to_string(partition.partition);
  }
  return text + ")";
}

void print_members(const Page& page, const GroupView& group, bool verbose) {
  const bool has_instances = std::ranges::any_of(
      group.members, [](const GroupMember& member) { return !member.instance_id.empty(); });
  std::vector<TableColumn> columns = {text_column("GROUP", kShort),
                                      text_column("CONSUMER-ID", kShort)};
  if (has_instances) columns.push_back(text_column("GROUP-INSTANCE-ID", 17));
  columns.push_back(text_column("HOST", kShort));
  columns.push_back(text_column("CLIENT-ID", kShort));
  columns.push_back({"#PARTITIONS", kShort});
  columns.push_back(text_column(verbose ? "ASSIGNMENT" : ""));
  TextTable table(std::move(columns), TableStyle::Blanks);
  for (const GroupMember& member : group.members) {
    std::vector<std::string> row = {group.group, member.id};
    if (has_instances) row.push_back(member.instance_id);
    row.insert(row.end(),
               {member.client_host, member.client_id, std::to_string(member.assigned.size()),
                verbose ? assignment_text(member.assigned) : ""});
    table.add(std::move(row));
  }
  page.out << '\n';
  table.print(page);
}

void print_state(const Page& page, const GroupView& group) {
  TextTable table({text_column("GROUP", kLong),
                   text_column("COORDINATOR (ID)", kLong),
                   {"ASSIGNMENT-STRATEGY", 20},
                   {"STATE", kShort},
                   "#MEMBERS"},
                  TableStyle::Blanks);
  table.add({group.group,
             group.coordinator_host + ":" + std::to_string(group.coordinator_port) + "  (" +
                 std::to_string(group.coordinator.value()) + ")",
             group.protocol, group.state, std::to_string(group.members.size())});
  page.out << '\n';
  table.print(page);
}

void print_list(const Page& page, const std::vector<GroupListing>& groups, bool state, bool type) {
  if (!state && !type) {
    for (const GroupListing& group : groups) page.out << group.group << '\n';
    return;
  }
  std::vector<TableColumn> columns = {text_column("GROUP", kLong)};
  if (type) columns.push_back({"TYPE", 20});
  if (state) columns.push_back({"STATE", 20});
  TextTable table(std::move(columns), TableStyle::BlanksToTheEnd);
  for (const GroupListing& group : groups) {
    std::vector<std::string> row = {group.group};
    if (type) row.push_back(group.type);
    if (type && !group.type.empty()) {
      row.back().front() = static_cast<char>(std::toupper(group.type.front()));
    }
    if (state) row.push_back(group.state);
    table.add(std::move(row));
  }
  table.print(page);
}

void print_plan(const Page& page, const ResetPlan& plan) {
  TextTable table({text_column("GROUP", kName),
                   text_column("TOPIC", kName),
                   {"PARTITION", 10},
                   {"NEW-OFFSET", kShort}},
                  TableStyle::BlanksToTheEnd);
  for (const auto& [group, offsets] : plan) {
    for (const auto& [partition, offset] : offsets) {
      table.add(
          {group, partition.topic, std::to_string(partition.partition), std::to_string(offset)});
    }
  }
  page.out << '\n';
  table.print(page);
}

void print_undelete(const Page& page, const std::vector<UndeleteLine>& lines) {
  TextTable table({text_column("GROUP", kShort),
                   text_column("TOPIC", kShort),
                   {"PARTITION", 10},
                   {"CURRENT-OFFSET", kShort},
                   {"NEW-OFFSET", kShort},
                   text_column("ENDED", kLong),
                   text_column("KEPT-UNTIL", kLong),
                   "WHY"},
                  TableStyle::Blanks);
  for (const UndeleteLine& line : lines) {
    table.add({line.group, line.ended.partition.topic,
               std::to_string(line.ended.partition.partition), or_dash(line.current),
               std::to_string(line.ended.offset), moment_text(line.ended.ended_ms),
               moment_text(line.ended.kept_until_ms), line.ended.why});
  }
  page.out << '\n';
  table.print(page);
}

void print_deletions(const Page& page, const std::vector<DeletedPartition>& deletions) {
  TextTable table({text_column("TOPIC", kName), {"PARTITION", kShort}, text_column("STATUS")},
                  TableStyle::Blanks);
  for (const auto& [partition, error] : deletions) {
    table.add({partition.topic, std::to_string(partition.partition),
               error == ErrorCode::None ? "Successful"
                                        : "Error: " + std::string(text_of(error)) + " (" +
                                              std::string(name_of(error)) + ")"});
  }
  page.out << '\n';
  table.print(page);
}

}  // namespace ottla::cli
