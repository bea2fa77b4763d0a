// LogDirectory: coming back after a failure, while the broker runs.
#include <glog/logging.h>

#include "broker/storage/log_directory.h"

namespace ottla::storage {
namespace {

constexpr std::size_t kProbeBytes = 4096;

/// Written, synced and read again.
Result<> try_out(env::FileSystem& files, const std::string& path, const std::string& content) {
  const ByteView piece = as_bytes(content);
  {
    OTTLA_TRY(const auto file, files.open(path, env::OpenMode::CreateOrOpen));
    OTTLA_TRY_VOID(file->truncate(0));
    OTTLA_TRY_VOID(file->write_at(std::span(&piece, 1), 0));
    OTTLA_TRY_VOID(file->sync());
    file->drop_cache(0, 0);
  }
  OTTLA_TRY(const std::string read, env::read_file(files, path));
  if (read != content) {
    return fail(ErrorCode::KafkaStorageError, path + ": what is read is not what was written");
  }
  return files.remove(path);
}

}  // namespace

Result<> LogDirectory::probe(const MetaProperties& identity, env::Random& random) {
  OTTLA_TRY(const bool exists, files_.exists(path_));
  if (!exists) {
    return fail(ErrorCode::KafkaStorageError, path_ + " is not there: is the disk mounted?");
  }
  // What was mounted there may be another disk now, with another lock file.
  lock_ = nullptr;
  OTTLA_TRY(const bool has_meta, files_.exists(file(kMetaProperties)));
  if (!has_meta) {
    return fail(ErrorCode::KafkaStorageError,
                path_ +
                    " has no meta.properties: is the disk mounted? If it is a new, empty disk, "
                    "copy meta.properties there from another log dir: its replicas are then "
                    "made anew from their leaders");
  }
  OTTLA_TRY(lock_, files_.lock(file(kLockFile)));
  OTTLA_TRY(const std::string text, env::read_file(files_, file(kMetaProperties)));
  OTTLA_TRY(const MetaProperties found, parse_meta_properties(text));
  if (found.broker_id != identity.broker_id || found.cluster_id != identity.cluster_id) {
    return fail(ErrorCode::InvalidConfig,
                path_ + "/meta.properties names another broker or cluster than this one's");
  }
  OTTLA_TRY_VOID(list());
  std::string content;
  while (content.size() < kProbeBytes) content += random.uuid().to_string();
  OTTLA_TRY_VOID(try_out(files_, file(kProbeFile), content));
  OTTLA_TRY_VOID(files_.sync_directory(path_));
  meta_ = found;
  return {};
}

Result<LogHealth*> LogDirectory::prepare_return() {
  // Neither the marker of an earlier clean end nor this boot's note says anything about a disk that
  // failed since. Durably: a crash of the process from here on must not make it trusted again.
  for (const std::string_view name : {kCleanShutdownMarker, kBootFile}) {
    OTTLA_TRY(const bool exists, files_.exists(file(name)));
    if (exists) OTTLA_TRY_VOID(files_.remove(file(name)));
  }
  OTTLA_TRY_VOID(files_.sync_directory(path_));
  boot_noted_ = false;
  shutdown_kind_ = ShutdownKind::HostCrash;
  lives_.push_back(make_health());
  return lives_.back().get();
}

void LogDirectory::come_back(LogHealth* life) {
  usable_bytes_ = kNotLooked;
  life_ = lives_.size() - 1;
  health_.store(life, std::memory_order_release);
}

}  // namespace ottla::storage
