#include "broker/storage/file_names.h"

#include <algorithm>
#include <charconv>

namespace ottla::storage {
namespace {

constexpr std::size_t kMaxDirectoryName = 255;
constexpr std::size_t kUniqueLength = 32;

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// TOPIC-P, split at the last dash: topics may contain dashes.
std::optional<TopicPartition> parse_partition(std::string_view name) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const std::string_view digits = name.substr(dash + 1);
  std::int32_t partition = 0;
  if (!is_digits(digits)) return std::nullopt;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), partition);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return TopicPartition{std::string(name.substr(0, dash)), partition};
}

/// Takes ".32hex<suffix>" off the end of `name`.
std::optional<std::string_view> without_unique_suffix(std::string_view name,
                                                      std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view unique = name.substr(dot + 1);
  const bool is_hex = std::all_of(unique.begin(), unique.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (unique.size() != kUniqueLength || !is_hex) return std::nullopt;
  return name.substr(0, dot);
}

std::string unique_directory_name(const TopicPartition& partition, const Uuid& unique,
                                  std::string_view suffix) {
  const std::string tail =
      "-" + std::to_string(partition.partition) + "." + unique.to_hex() + std::string(suffix);
  return partition.topic.substr(0, kMaxDirectoryName - tail.size()) + tail;
}

}  // namespace

std::string segment_name(Offset base_offset) {
  std::string digits = std::to_string(base_offset.value());
  return std::string(20 - std::min<std::size_t>(20, digits.size()), '0') + digits;
}

std::string segment_path(const std::string& directory, Offset base_offset,
                         std::string_view suffix) {
  return directory + "/" + segment_name(base_offset) + std::string(suffix);
}

std::optional<Offset> parse_segment_name(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  if (!is_digits(name)) return std::nullopt;
  std::int64_t offset = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), offset);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return Offset(offset);
}

DirectoryName parse_directory_name(std::string_view name) {
  if (name == "remote-log-index-cache" || name == "__cluster_metadata-0" || name == "lost+found") {
    return {DirectoryKind::Skipped, {}};
  }
  const std::pair<std::string_view, DirectoryKind> suffixes[] = {
      {"-delete", DirectoryKind::Deleted},
      {"-future", DirectoryKind::Future},
      {"-stray", DirectoryKind::Stray},
  };
  for (const auto& [suffix, kind] : suffixes) {
    const auto rest = without_unique_suffix(name, suffix);
    const auto partition = rest ? parse_partition(*rest) : std::nullopt;
    if (partition) return {kind, *partition};
  }
  if (auto partition = parse_partition(name)) return {DirectoryKind::Partition, *partition};
  return {DirectoryKind::Foreign, {}};
}

std::string delete_directory_name(const TopicPartition& partition, const Uuid& unique) {
  return unique_directory_name(partition, unique, "-delete");
}

std::string stray_directory_name(const TopicPartition& partition, const Uuid& unique) {
  return unique_directory_name(partition, unique, "-stray");
}

Result<std::string> future_directory_name(const TopicPartition& partition, const Uuid& unique) {
  std::string name = partition.to_string() + "." + unique.to_hex() + "-future";
  if (name.size() > kMaxDirectoryName) {
    return fail(ErrorCode::InvalidTopicException,
                partition.to_string() + ": too long a name to be moved between log dirs");
  }
  return name;
}

}  // namespace ottla::storage
