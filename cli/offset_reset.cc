#include "cli/offset_reset.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include <boost/json.hpp>

namespace ottla::cli {
namespace {

constexpr std::int64_t kMsOfDay = 86'400'000;

tl::unexpected<Error> refuse(std::string text) {
  return fail(ErrorCode::InvalidRequest, std::move(text));
}

template <class T>
std::optional<T> number_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

/// Null if it is not there.
boost::json::value member_of(const boost::json::value& row, std::string_view name) {
  const auto* const object = row.if_object();
  const auto* const member = object == nullptr ? nullptr : object->if_contains(name);
  return member == nullptr ? boost::json::value(nullptr) : *member;
}

/// Fields of a line of CSV; one that stands in quotes may hold commas, and quotes twice. Nullopt: a
/// quote that does not end, or ends in the middle of a field.
std::optional<std::vector<std::string>> csv_fields(std::string_view line) {
  std::vector<std::string> fields;
  while (true) {
    std::string& field = fields.emplace_back();
    if (line.starts_with('"')) {
      line.remove_prefix(1);
      while (true) {
        const auto quote = line.find('"');
        if (quote == line.npos) return std::nullopt;
        field += line.substr(0, quote);
        line.remove_prefix(quote + 1);
        if (!line.starts_with('"')) break;
        field += '"';
        line.remove_prefix(1);
      }
      if (!line.empty() && !line.starts_with(',')) return std::nullopt;
    } else {
      field = line.substr(0, line.find(','));
      line.remove_prefix(field.size());
    }
    if (line.empty()) return fields;
    line.remove_prefix(1);
  }
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

/// Takes `digits` digits off the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  const std::string_view part = text.substr(0, digits);
  if (!std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  text.remove_prefix(digits);
  return number_of<int>(part);
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// Minutes east of UTC; nullopt for what is no zone.
std::optional<int> parse_zone(std::string_view text) {
  if (text.empty() || text == "Z") return 0;
  const int sign = text.front() == '-' ? -1 : 1;
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours) return std::nullopt;
  if (text.empty()) return sign * *hours * 60;
  (void)take(text, ':');  // it may be left out
  const auto minutes = take_number(text, 2);
  if (!minutes || !text.empty()) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

std::optional<std::int64_t> datetime_ms(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take(text, 'T')) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute) return std::nullopt;
  int second = 0;
  int ms = 0;
  if (take(text, ':')) {
    const auto seconds = take_number(text, 2);
    if (!seconds) return std::nullopt;
    second = *seconds;
    if (take(text, '.')) {
      int scale = 100;
      bool any = false;
      while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        ms += (text.front() - '0') * scale;
        scale /= 10;
        any = true;
        text.remove_prefix(1);
      }
      if (!any) return std::nullopt;
    }
  }
  const auto zone = parse_zone(text);
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!zone || !date.ok() || *hour > 23 || *minute > 59 || second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * kMsOfDay + ((*hour * 60 + *minute - *zone) * 60LL + second) * 1000 + ms;
}

/// A whole number with a sign and the unit behind it, in either case; nullopt, and nothing taken,
/// if that is not what comes next.
std::optional<std::int64_t> take_amount(std::string_view& text, char unit) {
  const auto at = text.find_first_not_of("0123456789", text.find_first_not_of("+-"));
  if (at == text.npos || std::toupper(static_cast<unsigned char>(text[at])) != unit) {
    return std::nullopt;
  }
  const auto number = number_of<std::int64_t>(text.substr(0, at));
  if (number) text.remove_prefix(at + 1);
  return number;
}

/// Seconds may have a fraction of up to nine digits.
std::optional<std::int64_t> take_seconds_ms(std::string_view& text) {
  if (const auto whole = take_amount(text, 'S')) return *whole * 1000;
  const auto point = text.find_first_of(".,");
  if (point == text.npos) return std::nullopt;
  const auto seconds = number_of<std::int64_t>(text.substr(0, point));
  const std::string_view behind = text.substr(point + 1);
  const auto end = behind.find_first_not_of("0123456789");
  if (!seconds || end == behind.npos || end > 9 || (behind[end] != 'S' && behind[end] != 's')) {
    return std::nullopt;
  }
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < 3; ++i) ms = ms * 10 + (i < end ? behind[i] - '0' : 0);
  const std::int64_t sign = text.starts_with('-') ? -1 : 1;
  text = behind.substr(end + 1);
  return *seconds * 1000 + sign * ms;
}

std::optional<std::int64_t> duration_ms(std::string_view text) {
  const std::int64_t sign = text.starts_with('-') ? -1 : 1;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (!take(text, 'P') && !take(text, 'p')) return std::nullopt;
  if (text.empty()) return std::nullopt;
  std::int64_t ms = 0;
  if (const auto days = take_amount(text, 'D')) ms += *days * kMsOfDay;
  if (text.empty()) return sign * ms;
  if ((!take(text, 'T') && !take(text, 't')) || text.empty()) return std::nullopt;
  if (const auto hours = take_amount(text, 'H')) ms += *hours * 3'600'000;
  if (const auto minutes = take_amount(text, 'M')) ms += *minutes * 60'000;
  if (!text.empty()) {
    const auto seconds = take_seconds_ms(text);
    if (!seconds) return std::nullopt;
    ms += *seconds;
  }
  if (!text.empty()) return std::nullopt;
  return sign * ms;
}

NewOffset between(std::int64_t wanted, const OffsetRange& range) {
  const std::int64_t offset = std::clamp(wanted, range.earliest, range.latest);
  if (offset == wanted) return {offset, {}};
  return {offset, "new offset (" + std::to_string(wanted) + ") is " +
                      (wanted > offset ? "above the latest" : "below the earliest") + ": set to " +
                      std::to_string(offset)};
}

}  // namespace

Result<std::int64_t> parse_datetime_ms(std::string_view text) {
  const auto ms = datetime_ms(text);
  if (!ms) {
    return refuse("--to-datetime " + std::string(text) + ": must be YYYY-MM-DDTHH:mm:SS.sss");
  }
  return *ms;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto ms = duration_ms(text);
  if (!ms) {
    return refuse("--by-duration " + std::string(text) +
                  ": must be a duration of ISO 8601, such as P7D or PT1H30M");
  }
  return std::chrono::milliseconds(*ms);
}

Result<OffsetTarget> parse_target(const Arguments& arguments, std::int64_t now_ms) {
  using Kind = OffsetTarget::Kind;
  static constexpr std::array<std::string_view, 8> kTargets = {
      "to-offset",   "shift-by",  "to-datetime", "by-duration",
      "to-earliest", "to-latest", "to-current",  "from-file"};
  OTTLA_TRY(const std::string_view target, arguments.exactly_one_of(kTargets));
  const std::string text = arguments.value_or(target, "");
  if (target == "to-earliest") return OffsetTarget{Kind::Earliest};
  if (target == "to-latest") return OffsetTarget{Kind::Latest};
  if (target == "to-current") return OffsetTarget{Kind::Current};
  if (target == "from-file") return OffsetTarget{Kind::File};
  if (target == "to-datetime") {
    OTTLA_TRY(const std::int64_t ms, parse_datetime_ms(text));
    return OffsetTarget{Kind::Timestamp, ms};
  }
  if (target == "by-duration") {
    OTTLA_TRY(const auto duration, parse_duration(text));
    return OffsetTarget{Kind::Timestamp, now_ms - duration.count()};
  }
  const auto number = number_of<std::int64_t>(text);
  if (!number) return refuse("--" + std::string(target) + " " + text + ": must be a number");
  return OffsetTarget{target == "shift-by" ? Kind::Shift : Kind::Offset, *number};
}

Result<TopicChoice> parse_topic_choice(std::string_view text) {
  const auto colon = text.find(':');
  TopicChoice choice{.topic = std::string(text.substr(0, colon)), .partitions = {}};
  if (choice.topic.empty()) return refuse("--topic " + std::string(text) + ": no topic");
  if (colon == text.npos) return choice;
  for (const std::string_view part : split(text.substr(colon + 1), ',')) {
    const auto number = number_of<std::int32_t>(part);
    if (!number || *number < 0) {
      return refuse("--topic " + std::string(text) + ": partitions must be numbers, as in t:0,1");
    }
    choice.partitions.push_back(*number);
  }
  return choice;
}

Result<ResetPlan> parse_plan(std::string_view csv, const std::vector<std::string>& groups) {
  ResetPlan plan;
  int line_number = 0;
  for (std::string_view line : split(csv, '\n')) {
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    auto fields = csv_fields(line).value_or(std::vector<std::string>());
    std::string group = groups.size() == 1 ? groups.front() : "";
    if (fields.size() == 4) {
      group = fields.front();
      fields.erase(fields.begin());
    }
    const auto partition = fields.size() == 3 ? number_of<std::int32_t>(fields[1]) : std::nullopt;
    const auto offset = fields.size() == 3 ? number_of<std::int64_t>(fields[2]) : std::nullopt;
    if (group.empty() || !partition || !offset) {
      return refuse(
          "line " + std::to_string(line_number) + " of the file: must be " +
          (groups.size() == 1 ? "topic,partition,offset" : "group,topic,partition,offset"));
    }
    if (std::ranges::find(groups, group) == groups.end()) {
      return refuse("line " + std::to_string(line_number) + " of the file: group " + group +
                    " is not one of --group");
    }
    plan[group][{fields[0], *partition}] = *offset;
  }
  return plan;
}

std::string plan_as_csv(const ResetPlan& plan, bool with_group) {
  std::string csv;
  for (const auto& [group, offsets] : plan) {
    for (const auto& [partition, offset] : offsets) {
      if (with_group) csv += csv_field(group) + ",";
      csv += partition.topic + "," + std::to_string(partition.partition) + "," +
             std::to_string(offset) + "\n";
    }
  }
  return csv;
}

Result<ResetPlan> parse_json_plan(const std::string& text, const std::vector<std::string>& groups) {
  boost::json::error_code broken;
  const auto rows = boost::json::parse(text, broken);
  if (broken || !rows.is_array()) return refuse("the file is no list in JSON: " + broken.message());
  ResetPlan plan;
  int number = 0;
  for (const auto& row : rows.get_array()) {
    ++number;
    const auto group = boost::json::try_value_to<std::string>(member_of(row, "group"));
    const auto topic = boost::json::try_value_to<std::string>(member_of(row, "topic"));
    const auto partition = boost::json::try_value_to<std::int32_t>(member_of(row, "partition"));
    const auto offset = boost::json::try_value_to<std::int64_t>(member_of(row, "newOffset"));
    const std::string which = "entry " + std::to_string(number) + " of the file: ";
    if (!group || !topic || !partition || !offset) {
      return refuse(which + "must have group, topic, partition and newOffset");
    }
    if (std::ranges::find(groups, *group) == groups.end()) {
      return refuse(which + "group " + *group + " is not one of --group");
    }
    plan[*group][{*topic, *partition}] = *offset;
  }
  return plan;
}

std::string plan_as_json(const ResetPlan& plan) {
  boost::json::array rows;
  for (const auto& [group, offsets] : plan) {
    for (const auto& [partition, offset] : offsets) {
      rows.push_back({{"group", group},
                      {"topic", partition.topic},
                      {"partition", partition.partition},
                      {"newOffset", offset}});
    }
  }
  return boost::json::serialize(rows);
}

Result<NewOffset> new_offset(const OffsetTarget& target, const OffsetRange& range) {
  switch (target.kind) {
    case OffsetTarget::Kind::Earliest:
      return NewOffset{range.earliest, {}};
    case OffsetTarget::Kind::Latest:
      return NewOffset{range.latest, {}};
    case OffsetTarget::Kind::Current:
      return NewOffset{range.committed.value_or(range.latest), {}};
    case OffsetTarget::Kind::Offset:
    case OffsetTarget::Kind::File:
      return between(target.number, range);
    case OffsetTarget::Kind::Shift:
      if (!range.committed) {
        return refuse("cannot shift an offset that was never committed");
      }
      return between(*range.committed + target.number, range);
    case OffsetTarget::Kind::Timestamp:
      if (range.at_time) return NewOffset{*range.at_time, {}};
      return NewOffset{range.latest, "no record of that time or later: set to the latest, " +
                                         std::to_string(range.latest)};
  }
  return refuse("no target");
}

}  // namespace ottla::cli
