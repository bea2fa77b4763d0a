#include "broker/storage/cut_records.h"

#include <glog/logging.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "common/base/checksum.h"
#include "common/record/records.h"

namespace ottla::storage {
namespace {

constexpr std::string_view kPrefix = "ottla-cut.";
constexpr std::string_view kSuffix = ".cut";
constexpr std::string_view kUnfinished = ".tmp";
constexpr std::size_t kLongestName = 255;
/// The rest of the volume is not for what was cut.
constexpr std::uint64_t kPartLeftFree = 20;
constexpr std::uint64_t kPieceBytes = 1 << 20;
/// An unfinished file that is older is what a crash left.
constexpr std::optional<std::chrono::milliseconds> kLongestWriting = std::chrono::hours(1);

struct CutFile {
  std::string path;
  env::WallTimeMs modified = 0;
  std::uint64_t bytes = 0;
};

/// Another thread may have made room as well.
[[nodiscard]] bool is_gone(const Error& error) {
  return env::io_error_kind(error) == env::IoErrorKind::NotFound;
}

Result<> remove(env::FileSystem& files, const std::string& path) {
  auto removed = files.remove(path);
  if (!removed && is_gone(removed.error())) return {};
  return removed;
}

Result<CutFile> look_at(env::FileSystem& files, std::string path) {
  CutFile file{.path = std::move(path)};
  OTTLA_TRY(file.modified, files.modified_ms(file.path));
  OTTLA_TRY(const auto opened, files.open(file.path, env::OpenMode::Read));
  OTTLA_TRY(file.bytes, opened->size());
  return file;
}

/// Of a log dir, the oldest first. What disappears meanwhile is left out.
Result<std::vector<CutFile>> cut_files(env::FileSystem& files, const std::string& log_dir) {
  std::vector<CutFile> found;
  OTTLA_TRY(const auto entries, files.list(log_dir));
  for (const env::DirectoryEntry& entry : entries) {
    if (entry.is_directory || !is_cut_file(entry.name)) continue;
    auto file = look_at(files, log_dir + "/" + entry.name);
    if (!file && is_gone(file.error())) continue;
    if (!file) return fail(std::move(file).error());
    found.push_back(*std::move(file));
  }
  std::sort(found.begin(), found.end(),
            [](const CutFile& a, const CutFile& b) { return a.modified < b.modified; });
  return found;
}

[[nodiscard]] bool is_nearly_full(const env::VolumeSpace& space) {
  return space.usable_bytes < space.total_bytes / kPartLeftFree;
}

/// Removes the oldest until they and `wanted` more bytes have room.
Result<> make_room(env::FileSystem& files, const std::string& log_dir, std::uint64_t max_bytes,
                   std::uint64_t wanted) {
  OTTLA_TRY(std::vector<CutFile> found, cut_files(files, log_dir));
  std::erase_if(found, [](const CutFile& file) { return file.path.ends_with(kUnfinished); });
  std::uint64_t sum = wanted;
  for (const CutFile& file : found) sum += file.bytes;
  for (const CutFile& file : found) {
    OTTLA_TRY(const env::VolumeSpace space, files.space(log_dir));
    if (sum <= max_bytes && !is_nearly_full(space)) return {};
    LOG(WARNING) << "[" << file.path << "] removed: there is no room for it any more";
    OTTLA_TRY_VOID(remove(files, file.path));
    sum -= file.bytes;
  }
  return {};
}

/// Whole batches up to the log's end, or as many as fit.
Result<CutRecords> copy(const Log& log, Offset from, env::File& to, std::uint64_t max_bytes) {
  CutRecords kept{.path = "", .from = from, .to = from};
  while (kept.to < log.log_end_offset()) {
    OTTLA_TRY(const FetchData data,
              log.read(kept.to, {.max_bytes = kPieceBytes, .whole_batches = true}));
    if (data.records.length == 0) break;
    OTTLA_TRY(const SharedBuffer buffer, read_slice(data.records));
    record::BatchIterator batches(buffer->bytes());
    std::uint64_t length = 0;
    Offset end = kept.to;
    std::uint64_t records = 0;
    while (true) {
      OTTLA_TRY(const auto batch, batches.next());
      if (!batch || kept.bytes + length + batch->size() > max_bytes) break;
      length += batch->size();
      end = batch->last_offset().next();
      records += static_cast<std::uint64_t>(std::max(batch->record_count().value_or(0), 0));
    }
    if (length == 0) break;
    const ByteView piece = buffer->bytes().first(length);
    OTTLA_TRY_VOID(to.write_at(std::span(&piece, 1), kept.bytes));
    kept.bytes += length;
    kept.records += records;
    kept.to = end;
  }
  return kept;
}

}  // namespace

std::string cut_file_name(const TopicPartition& partition, Offset from, Offset to,
                          LeaderEpoch leader_epoch) {
  const std::string rest = "-" + std::to_string(partition.partition) + "." +
                           std::to_string(from.value()) + "-" + std::to_string(to.value()) + ".e" +
                           std::to_string(leader_epoch.value()) + std::string(kSuffix);
  const std::size_t room = kLongestName - kPrefix.size() - rest.size() - kUnfinished.size();
  std::string topic = partition.topic;
  if (topic.size() > room) {
    const std::string sum = std::to_string(crc32c(as_bytes(topic)));
    topic = topic.substr(0, room - sum.size() - 1) + "." + sum;
  }
  return std::string(kPrefix) + topic + rest;
}

std::optional<Offset> parse_cut_file_name(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  const std::size_t epoch = name.rfind(".e");
  if (epoch == std::string_view::npos) return std::nullopt;
  name = name.substr(0, epoch);
  const std::size_t range = name.rfind('.');
  if (range == std::string_view::npos) return std::nullopt;
  name.remove_prefix(range + 1);
  std::int64_t from = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), from);
  if (error != std::errc() || end == name.data() + name.size() || *end != '-') return std::nullopt;
  return Offset(from);
}

bool is_cut_file(std::string_view name) {
  if (name.ends_with(kUnfinished)) name.remove_suffix(kUnfinished.size());
  return name.starts_with(kPrefix) && name.ends_with(kSuffix);
}

Result<CutRecords> keep_cut_records(env::FileSystem& files, const Log& log,
                                    const std::string& log_dir, Offset from,
                                    LeaderEpoch leader_epoch, std::uint64_t max_bytes) {
  from = std::max(from, log.log_start_offset());
  if (from >= log.log_end_offset() || max_bytes == 0) return CutRecords{.from = from, .to = from};
  const std::string path =
      log_dir + "/" + cut_file_name(log.partition(), from, log.log_end_offset(), leader_epoch);
  const std::string unfinished = path + std::string(kUnfinished);
  const auto kept = [&]() -> Result<CutRecords> {
    OTTLA_TRY(const auto file, files.open(unfinished, env::OpenMode::CreateOrOpen));
    OTTLA_TRY_VOID(file->truncate(0));
    OTTLA_TRY(CutRecords copied, copy(log, from, *file, max_bytes));
    OTTLA_TRY_VOID(make_room(files, log_dir, max_bytes, copied.bytes));
    OTTLA_TRY(const env::VolumeSpace space, files.space(log_dir));
    if (is_nearly_full(space)) {
      return fail(ErrorCode::KafkaStorageError, log_dir + " is nearly full");
    }
    OTTLA_TRY_VOID(file->sync());
    OTTLA_TRY_VOID(files.rename(unfinished, path));
    OTTLA_TRY_VOID(files.sync_directory(log_dir));
    copied.path = path;
    return copied;
  }();
  if (!kept) (void)files.remove(unfinished);  // the error that counts is the first
  return kept;
}

Result<> expire_cut_records(env::FileSystem& files, const std::string& log_dir,
                            std::optional<std::chrono::milliseconds> retention,
                            std::uint64_t max_bytes, env::WallTimeMs now) {
  OTTLA_TRY(const std::vector<CutFile> found, cut_files(files, log_dir));
  for (const CutFile& file : found) {
    const bool is_unfinished = file.path.ends_with(kUnfinished);
    const auto longest = is_unfinished ? kLongestWriting : retention;
    if (!longest || now - file.modified <= longest->count()) continue;
    LOG_IF(INFO, !is_unfinished) << "[" << file.path << "] removed: it was kept for long enough";
    OTTLA_TRY_VOID(remove(files, file.path));
  }
  return make_room(files, log_dir, max_bytes, 0);
}

Result<CutRecords> Log::keep_aside(Offset from, LeaderEpoch leader_epoch) const {
  return keep_cut_records(environment_->files, *this, environment_->health.directory(), from,
                          leader_epoch, environment_->cut_records_max_bytes);
}

}  // namespace ottla::storage
