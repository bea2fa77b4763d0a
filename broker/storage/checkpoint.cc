#include "broker/storage/checkpoint.h"

#include <glog/logging.h>

#include <charconv>
#include <limits>
#include <optional>

namespace ottla::storage {
namespace {

/// Takes the next line off `text`.
std::optional<std::string_view> take_line(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  while (!line.empty()) {
    const std::size_t end = line.find(' ');
    if (end != 0) fields.push_back(line.substr(0, end));
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  return fields;
}

tl::unexpected<Error> corrupt(const std::string& what) {
  return fail(ErrorCode::CorruptMessage, what);
}

}  // namespace

Result<std::int64_t> parse_checkpoint_number(std::string_view text) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
    return corrupt("not a number: '" + std::string(text) + "'");
  }
  return number;
}

Result<std::vector<std::vector<std::string_view>>> parse_checkpoint(std::string_view text,
                                                                    std::size_t fields) {
  std::vector<std::vector<std::string_view>> lines;
  const auto version = take_line(text);
  if (!version) return lines;
  if (*version != "0") return corrupt("unknown version '" + std::string(*version) + "'");
  const auto count_line = take_line(text);
  if (!count_line) return corrupt("the count is missing");
  OTTLA_TRY(const std::int64_t count, parse_checkpoint_number(*count_line));
  while (const auto line = take_line(text)) {
    lines.push_back(split(*line));
    if (lines.back().size() != fields) {
      return corrupt("line " + std::to_string(lines.size() + 2) + " has not " +
                     std::to_string(fields) + " fields: '" + std::string(*line) + "'");
    }
  }
  if (static_cast<std::int64_t>(lines.size()) != count) {
    return corrupt("says " + std::to_string(count) + " entries, has " +
                   std::to_string(lines.size()));
  }
  return lines;
}

Result<PartitionOffsets> parse_offset_checkpoint(std::string_view text) {
  OTTLA_TRY(const auto lines, parse_checkpoint(text, /*fields=*/3));
  PartitionOffsets offsets;
  for (const auto& fields : lines) {
    OTTLA_TRY(const std::int64_t partition, parse_checkpoint_number(fields[1]));
    OTTLA_TRY(const std::int64_t offset, parse_checkpoint_number(fields[2]));
    const bool is_possible =
        partition >= 0 && offset >= 0 && partition <= std::numeric_limits<std::int32_t>::max();
    const TopicPartition name{std::string(fields[0]), static_cast<std::int32_t>(partition)};
    if (!is_possible || !offsets.emplace(name, offset).second) {
      return corrupt("impossible, or named twice: '" + std::string(fields[0]) + " " +
                     std::string(fields[1]) + " " + std::string(fields[2]) + "'");
    }
  }
  return offsets;
}

std::string format_offset_checkpoint(const PartitionOffsets& offsets) {
  std::string text = "0\n" + std::to_string(offsets.size()) + "\n";
  for (const auto& [partition, offset] : offsets) {
    text += partition.topic + " " + std::to_string(partition.partition) + " " +
            std::to_string(offset.value()) + "\n";
  }
  return text;
}

Result<PartitionOffsets> read_offset_checkpoint(env::FileSystem& files, const std::string& path) {
  OTTLA_TRY(const bool exists, files.exists(path));
  if (!exists) return PartitionOffsets{};
  OTTLA_TRY(const std::string text, env::read_file(files, path));
  auto offsets = parse_offset_checkpoint(text);
  if (!offsets) {
    LOG(ERROR) << "[" << path
               << "] corrupt checkpoint, its offsets are taken as unknown: " << offsets.error();
    return PartitionOffsets{};
  }
  return offsets;
}

Result<> write_offset_checkpoint(env::FileSystem& files, const std::string& path,
                                 const PartitionOffsets& offsets) {
  return env::replace_file(files, path, format_offset_checkpoint(offsets));
}

}  // namespace ottla::storage
