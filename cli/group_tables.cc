#include "cli/group_tables.h"

#include <algorithm>
#include <set>

#include "cli/moment_text.h"

namespace ottla::cli {
namespace {

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string or_dash(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "-";
}

constexpr std::size_t kShort = 15;
constexpr std::size_t kLong = 25;

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

void print_offsets(std::ostream& out, const GroupView& group,
                   const std::vector<OffsetLine>& lines) {
  std::size_t group_width = std::max(kShort, group.group.size());
  std::size_t topic_width = kShort;
  std::size_t id_width = kShort;
  std::size_t host_width = kShort;
  for (const OffsetLine& line : lines) {
    if (line.partition) topic_width = std::max(topic_width, line.partition->topic.size());
    if (line.member == nullptr) continue;
    id_width = std::max(id_width, line.member->id.size());
    host_width = std::max(host_width, line.member->client_host.size());
  }
  const auto print = [&](const std::string& name, const std::string& topic,
                         const std::string& partition, const std::string& current,
                         const std::string& end, const std::string& lag, const std::string& id,
                         const std::string& host, const std::string& client) {
    out << padded(name, group_width) << ' ' << padded(topic, topic_width) << ' '
        << padded(partition, 10) << ' ' << padded(current, kShort) << ' ' << padded(end, kShort)
        << ' ' << padded(lag, kShort) << ' ' << padded(id, id_width) << ' '
        << padded(host, host_width) << ' ' << client << '\n';
  };
  out << '\n';
  print("GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID",
        "HOST", "CLIENT-ID");
  for (const OffsetLine& line : lines) {
    print(group.group, line.partition ? line.partition->topic : "-",
          line.partition ? std::to_string(line.partition->partition) : "-", or_dash(line.current),
          or_dash(line.end), or_dash(line.lag()), line.member != nullptr ? line.member->id : "-",
          line.member != nullptr ? line.member->client_host : "-",
          line.member != nullptr ? line.member->client_id : "-");
  }
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

void print_members(std::ostream& out, const GroupView& group, bool verbose) {
  const std::size_t group_width = std::max(kShort, group.group.size());
  std::size_t id_width = kShort;
  std::size_t host_width = kShort;
  std::size_t client_width = kShort;
  std::size_t instance_width = 0;
  for (const GroupMember& member : group.members) {
    id_width = std::max(id_width, member.id.size());
    host_width = std::max(host_width, member.client_host.size());
    client_width = std::max(client_width, member.client_id.size());
    if (!member.instance_id.empty()) {
      instance_width = std::max({instance_width, std::size_t{17}, member.instance_id.size()});
    }
  }
  const auto print = [&](const std::string& name, const std::string& id,
                         const std::string& instance, const std::string& host,
                         const std::string& client, const std::string& count,
                         const std::string& assignment) {
    out << padded(name, group_width) << ' ' << padded(id, id_width) << ' ';
    if (instance_width > 0) out << padded(instance, instance_width) << ' ';
    out << padded(host, host_width) << ' ' << padded(client, client_width) << ' '
        << padded(count, kShort) << ' ';
    if (verbose) out << assignment;
    out << '\n';
  };
  out << '\n';
  print("GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS",
        "ASSIGNMENT");
  for (const GroupMember& member : group.members) {
    print(group.group, member.id, member.instance_id, member.client_host, member.client_id,
          std::to_string(member.assigned.size()), assignment_text(member.assigned));
  }
}

void print_state(std::ostream& out, const GroupView& group) {
  const std::string coordinator = group.coordinator_host + ":" +
                                  std::to_string(group.coordinator_port) + "  (" +
                                  std::to_string(group.coordinator.value()) + ")";
  const std::size_t width = std::max(kLong, coordinator.size());
  out << '\n'
      << padded("GROUP", kLong) << ' ' << padded("COORDINATOR (ID)", width) << ' '
      << padded("ASSIGNMENT-STRATEGY", 20) << ' ' << padded("STATE", kShort) << " #MEMBERS\n"
      << padded(group.group, kLong) << ' ' << padded(coordinator, width) << ' '
      << padded(group.protocol, 20) << ' ' << padded(group.state, kShort) << ' '
      << group.members.size() << '\n';
}

void print_list(std::ostream& out, const std::vector<GroupListing>& groups, bool state, bool type) {
  if (!state && !type) {
    for (const GroupListing& group : groups) out << group.group << '\n';
    return;
  }
  std::size_t width = kLong;
  for (const GroupListing& group : groups) width = std::max(width, group.group.size());
  const auto print = [&](const std::string& name, const std::string& of_type,
                         const std::string& in_state) {
    out << padded(name, width);
    if (type) out << ' ' << padded(of_type, 20);
    if (state) out << ' ' << padded(in_state, 20);
    out << '\n';
  };
  print("GROUP", "TYPE", "STATE");
  for (const GroupListing& group : groups) {
    std::string name = group.type;
    if (!name.empty()) name.front() = static_cast<char>(std::toupper(name.front()));
    print(group.group, name, group.state);
  }
}

void print_plan(std::ostream& out, const ResetPlan& plan) {
  std::size_t group_width = 30;
  std::size_t topic_width = 30;
  for (const auto& [group, offsets] : plan) {
    group_width = std::max(group_width, group.size());
    for (const auto& [partition, offset] : offsets) {
      topic_width = std::max(topic_width, partition.topic.size());
    }
  }
  const auto print = [&](const std::string& group, const std::string& topic,
                         const std::string& partition, const std::string& offset) {
    out << padded(group, group_width) << ' ' << padded(topic, topic_width) << ' '
        << padded(partition, 10) << ' ' << padded(offset, kShort) << '\n';
  };
  out << '\n';
  print("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET");
  for (const auto& [group, offsets] : plan) {
    for (const auto& [partition, offset] : offsets) {
      print(group, partition.topic, std::to_string(partition.partition), std::to_string(offset));
    }
  }
}

void print_undelete(std::ostream& out, const std::vector<UndeleteLine>& lines) {
  std::size_t group_width = kShort;
  std::size_t topic_width = kShort;
  for (const UndeleteLine& line : lines) {
    group_width = std::max(group_width, line.group.size());
    topic_width = std::max(topic_width, line.ended.partition.topic.size());
  }
  const auto print = [&](const std::string& group, const std::string& topic,
                         const std::string& partition, const std::string& current,
                         const std::string& wanted, const std::string& ended,
                         const std::string& until, const std::string& why) {
    out << padded(group, group_width) << ' ' << padded(topic, topic_width) << ' '
        << padded(partition, 10) << ' ' << padded(current, kShort) << ' ' << padded(wanted, kShort)
        << ' ' << padded(ended, kLong) << ' ' << padded(until, kLong) << ' ' << why << '\n';
  };
  out << '\n';
  print("GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "NEW-OFFSET", "ENDED", "KEPT-UNTIL",
        "WHY");
  for (const UndeleteLine& line : lines) {
    print(line.group, line.ended.partition.topic, std::to_string(line.ended.partition.partition),
          or_dash(line.current), std::to_string(line.ended.offset),
          moment_text(line.ended.ended_ms), moment_text(line.ended.kept_until_ms), line.ended.why);
  }
}

void print_deletions(std::ostream& out, const std::vector<DeletedPartition>& deletions) {
  std::size_t width = 30;
  for (const auto& deletion : deletions) {
    width = std::max(width, deletion.partition.topic.size());
  }
  out << '\n' << padded("TOPIC", width) << ' ' << padded("PARTITION", kShort) << " STATUS\n";
  for (const auto& [partition, error] : deletions) {
    out << padded(partition.topic, width) << ' '
        << padded(std::to_string(partition.partition), kShort) << ' ';
    if (error == ErrorCode::None) {
      out << "Successful\n";
    } else {
      out << "Error: " << text_of(error) << " (" << name_of(error) << ")\n";
    }
  }
}

}  // namespace ottla::cli
