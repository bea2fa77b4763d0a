#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/group_client.h"
#include "cli/offset_reset.h"
#include "cli/page.h"

/// How `consumer-groups` prints, in the columns of Kafka's tool (a missing value is `-`).
namespace ottla::cli {

/// One line of --describe --offsets.
struct OffsetLine {
  std::optional<TopicPartition> partition{};  ///< Nullopt: a member without partitions.
  std::optional<std::int64_t> current{};
  std::optional<std::int64_t> end{};
  const GroupMember* member = nullptr;  ///< Null: nobody reads it now.

  [[nodiscard]] std::optional<std::int64_t> lag() const {
    if (!current || !end) return std::nullopt;
    return *end - *current;
  }
};

/// Members with what they are assigned, then what was committed and is read by nobody.
[[nodiscard]] std::vector<OffsetLine> offset_lines(
    const GroupView& group, const std::map<TopicPartition, std::int64_t>& committed,
    const std::map<TopicPartition, std::int64_t>& ends);

void print_offsets(const Page& page, const GroupView& group, const std::vector<OffsetLine>& lines);
void print_members(const Page& page, const GroupView& group, bool verbose);
void print_state(const Page& page, const GroupView& group);
/// --list: names alone, or with the columns asked for.
void print_list(const Page& page, const std::vector<GroupListing>& groups, bool state, bool type);
void print_plan(const Page& page, const ResetPlan& plan);
void print_deletions(const Page& page, const std::vector<DeletedPartition>& deletions);

/// One line of --undelete-offsets: `ended` is what is committed.
struct UndeleteLine {
  std::string group;
  std::optional<std::int64_t> current{};
  EndedOffsetView ended;
};
void print_undelete(const Page& page, const std::vector<UndeleteLine>& lines);

/// "orders(0,1), payments(2)"
[[nodiscard]] std::string assignment_text(const std::vector<TopicPartition>& partitions);

}  // namespace ottla::cli
