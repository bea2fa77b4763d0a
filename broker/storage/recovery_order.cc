#include "broker/storage/recovery_order.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "broker/storage/file_names.h"
#include "common/cluster/topic_name.h"

namespace ottla::storage {

bool opens_before(const LogToOpen& one, const LogToOpen& other) {
  const auto rank = [](const LogToOpen& log) {
    return std::tuple(!cluster::is_internal_topic(log.partition.topic), ~log.bytes_to_read);
  };
  if (rank(one) != rank(other)) return rank(one) < rank(other);
  return one.partition < other.partition;
}

Result<std::uint64_t> bytes_behind(env::FileSystem& files, const std::string& directory,
                                   Offset recovery_point) {
  OTTLA_TRY(const auto entries, files.list(directory));
  std::vector<Offset> segments;
  for (const env::DirectoryEntry& entry : entries) {
    if (const auto base = parse_segment_name(entry.name, kLogSuffix)) segments.push_back(*base);
  }
  std::sort(segments.begin(), segments.end());
  auto first = std::upper_bound(segments.begin(), segments.end(), recovery_point);
  if (first != segments.begin()) --first;
  std::uint64_t bytes = 0;
  for (; first != segments.end(); ++first) {
    OTTLA_TRY(const auto file,
              files.open(segment_path(directory, *first, kLogSuffix), env::OpenMode::Read));
    OTTLA_TRY(const std::uint64_t size, file->size());
    bytes += size;
  }
  return bytes;
}

}  // namespace ottla::storage
