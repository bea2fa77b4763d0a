#include "broker/storage/log_directory.h"

#include <glog/logging.h>

#include <charconv>

namespace ottla::storage {
namespace {

constexpr std::string_view kCleanShutdownContent = R"({"version":0,"brokerEpoch":-1})";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

/// Calls `visit(key, value)` for each line of a Java properties text that needs no escapes.
template <class Visit>
void for_each_property(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    const std::size_t equals = line.find_first_of("=:");
    if (equals == std::string_view::npos) continue;
    visit(trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
  }
}

Result<std::optional<std::string>> read_if_there(env::FileSystem& files, const std::string& path) {
  OTTLA_TRY(const bool exists, files.exists(path));
  if (!exists) return std::nullopt;
  OTTLA_TRY(std::string text, env::read_file(files, path));
  return text;
}

}  // namespace

Result<MetaProperties> parse_meta_properties(std::string_view text) {
  MetaProperties meta;
  std::string version;
  std::string id;
  for_each_property(text, [&](std::string_view key, std::string_view value) {
    if (key == "version") version = value;
    if (key == "broker.id" || key == "node.id") id = value;
    if (key == "cluster.id") meta.cluster_id = std::string(value);
  });
  if (version != "0" && version != "1") {
    return fail(ErrorCode::InvalidConfig,
                "meta.properties: version '" + version + "' is not known (0 and 1 are)");
  }
  if (!id.empty()) {
    std::int32_t number = 0;
    const auto parsed = std::from_chars(id.data(), id.data() + id.size(), number);
    if (parsed.ec != std::errc{} || parsed.ptr != id.data() + id.size()) {
      return fail(ErrorCode::InvalidConfig, "meta.properties: broker.id '" + id + "' is no number");
    }
    meta.broker_id = BrokerId(number);
  }
  return meta;
}

std::string format_meta_properties(const MetaProperties& meta) {
  std::string text = "#\n";
  if (meta.broker_id) text += "broker.id=" + std::to_string(meta.broker_id->value()) + "\n";
  text += "version=0\n";
  if (meta.cluster_id) text += "cluster.id=" + *meta.cluster_id + "\n";
  return text;
}

LogDirectory::LogDirectory(env::FileSystem& files, std::string path, env::Executor& executor,
                           LogHealth::OnOffline on_offline, OnFull on_full)
    : files_(files),
      path_(std::move(path)),
      executor_(executor),
      on_offline_(std::move(on_offline)),
      on_full_(std::move(on_full)) {
  lives_.push_back(make_health());
  health_ = lives_.back().get();
}

std::unique_ptr<LogHealth> LogDirectory::make_health() {
  LogHealth::OnOffline on_offline;
  if (on_offline_) {
    on_offline = [this, life = lives_.size()](const std::string& path, const Error& cause) {
      if (life == life_) on_offline_(path, cause);  // it had come back
    };
  }
  std::function<void()> on_full;
  if (on_full_) on_full = [this] { on_full_(*this); };
  return std::make_unique<LogHealth>(path_, executor_, std::move(on_offline), std::move(on_full));
}

Result<> LogDirectory::open() {
  Result<> opened = read_state();
  if (!opened) health().start_offline();
  return opened;
}

Result<> LogDirectory::read_state() {
  OTTLA_TRY_VOID(env::create_directories_durably(files_, path_));
  auto lock = files_.lock(file(kLockFile));
  if (!lock) {
    const bool is_held = env::io_error_kind(lock.error()) == env::IoErrorKind::Locked;
    return is_held ? fail(ErrorCode::InvalidConfig, lock.error().message()) : fail(lock.error());
  }
  lock_ = *std::move(lock);
  OTTLA_TRY(const auto meta, read_if_there(files_, file(kMetaProperties)));
  if (meta) {
    auto parsed = parse_meta_properties(*meta);
    if (!parsed) {
      return fail(parsed.error().code(), path_ + "/" + parsed.error().message());
    }
    meta_ = *std::move(parsed);
  }
  OTTLA_TRY(const bool was_clean, files_.exists(file(kCleanShutdownMarker)));
  OTTLA_TRY(const auto previous_boot, read_if_there(files_, file(kBootFile)));
  OTTLA_TRY(const auto entries, list());
  if (was_clean) {
    shutdown_kind_ = ShutdownKind::Clean;
  } else if (previous_boot && trimmed(*previous_boot) == files_.boot_id()) {
    shutdown_kind_ = ShutdownKind::ProcessCrash;
  } else {
    // Also when the boot file is missing: a crashed Kafka broker leaves none. And when there is
    // nothing at all: a new log dir, or an empty disk in the place of one whose records were
    // acknowledged. Only the controller can tell (W1).
    shutdown_kind_ = ShutdownKind::HostCrash;
  }
  return {};
}

Result<> LogDirectory::write_meta(const MetaProperties& meta) {
  if (meta_ == meta) return {};
  meta_ = meta;
  return health().check(
      env::replace_file(files_, file(kMetaProperties), format_meta_properties(meta)));
}

Result<> LogDirectory::begin_use() {
  // Before the marker goes: a crash in between must not look like one of the host.
  if (shutdown_kind() != ShutdownKind::HostCrash) OTTLA_TRY_VOID(note_boot());
  OTTLA_TRY(const bool has_marker, health().check(files_.exists(file(kCleanShutdownMarker))));
  if (!has_marker) return {};
  OTTLA_TRY_VOID(health().check(files_.remove(file(kCleanShutdownMarker))));
  return health().check(files_.sync_directory(path_));
}

Result<> LogDirectory::note_boot() {
  if (boot_noted_) return {};
  Result<> noted =
      health().check(env::replace_file(files_, file(kBootFile), files_.boot_id() + "\n"));
  if (!noted && env::io_error_kind(noted.error()) == env::IoErrorKind::DiskFull) {
    // A crash of the process will look like one of the host, which costs time only.
    LOG(WARNING) << "[" << path_ << "] the boot cannot be noted: " << noted.error();
    return {};
  }
  OTTLA_TRY_VOID(std::move(noted));
  boot_noted_ = true;
  return {};
}

Result<> LogDirectory::end_use() {
  // A host crash that nobody heard of must be seen again by the next start.
  if (shutdown_kind() != ShutdownKind::HostCrash) OTTLA_TRY_VOID(note_boot());
  if (!boot_noted_ || marker_forbidden_) return {};
  return health().check(
      env::replace_file(files_, file(kCleanShutdownMarker), kCleanShutdownContent));
}

Result<std::vector<std::pair<std::string, DirectoryName>>> LogDirectory::list() {
  OTTLA_TRY(const auto entries, files_.list(path_));
  std::vector<std::pair<std::string, DirectoryName>> found;
  for (const env::DirectoryEntry& entry : entries) {
    if (!entry.is_directory) continue;
    DirectoryName name = parse_directory_name(entry.name);
    if (name.kind == DirectoryKind::Foreign) {
      return fail(ErrorCode::InvalidConfig,
                  path_ + "/" + entry.name +
                      " is not a partition's directory (TOPIC-N): move it out of the log dir");
    }
    if (name.kind != DirectoryKind::Skipped) found.emplace_back(entry.name, std::move(name));
  }
  return found;
}

Result<PartitionOffsets> LogDirectory::read_checkpoint(std::string_view name) {
  return health().check(read_offset_checkpoint(files_, file(name)));
}

Result<> LogDirectory::write_checkpoint(std::string_view name, const PartitionOffsets& offsets) {
  return health().check(write_offset_checkpoint(files_, file(name), offsets));
}

Result<std::optional<TopicId>> read_partition_metadata(env::FileSystem& files,
                                                       const std::string& directory) {
  const std::string path = directory + "/" + std::string(kPartitionMetadata);
  OTTLA_TRY(const auto text, read_if_there(files, path));
  if (!text || text->empty()) return std::nullopt;
  std::optional<TopicId> id;
  std::string version;
  for_each_property(*text, [&](std::string_view key, std::string_view value) {
    if (key == "version") version = value;
    if (key == "topic_id") id = Uuid::parse(value);
  });
  if (version != "0" || !id) return fail(ErrorCode::CorruptMessage, path + " is corrupt");
  return id;
}

namespace {
std::string partition_metadata(const TopicId& topic_id) {
  return "version: 0\ntopic_id: " + topic_id.to_string();
}
}  // namespace

Result<> write_partition_metadata(env::FileSystem& files, const std::string& directory,
                                  const TopicId& topic_id) {
  return env::replace_file(files, directory + "/" + std::string(kPartitionMetadata),
                           partition_metadata(topic_id));
}

Result<> write_first_partition_metadata(env::FileSystem& files, const std::string& directory,
                                        const TopicId& topic_id) {
  const std::string content = partition_metadata(topic_id);
  const ByteView piece = as_bytes(content);
  OTTLA_TRY(const auto file, files.open(directory + "/" + std::string(kPartitionMetadata),
                                        env::OpenMode::CreateOrOpen));
  return file->write_at(std::span(&piece, 1), 0);
}

}  // namespace ottla::storage
