#include "broker/storage/disk_probe.h"

#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "broker/storage/file_names.h"
#include "broker/storage/log_store.h"

namespace ottla::storage {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kProbeBytes = 512;
/// Between two looks where nothing is tested.
constexpr env::Duration kIdleInterval = milliseconds(500);

/// What a leader's disk has to do all the time.
Result<> write_sync_and_read(env::FileSystem& files, const std::string& path) {
  std::array<std::byte, kProbeBytes> bytes{};
  OTTLA_TRY(const std::shared_ptr<env::File> file, files.open(path, env::OpenMode::CreateOrOpen));
  const std::array<ByteView, 1> pieces = {ByteView(bytes)};
  OTTLA_TRY_VOID(file->write_at(pieces, 0));
  OTTLA_TRY_VOID(file->sync());
  OTTLA_TRY(const std::size_t read, file->read_at(MutableByteView(bytes), 0));
  (void)read;  // only how long it takes is of interest
  return {};
}

}  // namespace

struct DiskProbe::Directory {
  std::string path;
  DiskPace pace;
  std::unique_ptr<env::Executor> executor;
  /// Shared with the operation under way, which may end when the probe is gone. Null: there is
  /// none.
  std::shared_ptr<std::atomic<bool>> ended;
  env::Duration waited{};  ///< For the operation under way, or from the last one until now.
};

DiskProbe::DiskProbe(Options options, env::FileSystem& files, env::Clock& clock, env::Executor& own,
                     LogStore& logs, const MakeExecutor& make_executor,
                     std::function<void()> looked)
    : options_(options),
      interval_(options.slow_operation == env::Duration::zero() ? kIdleInterval
                                                                : options.slow_operation / 2),
      files_(files),
      clock_(clock),
      own_(own),
      logs_(logs),
      looked_(std::move(looked)) {
  if (options_.slow_operation == env::Duration::zero()) return;
  for (const std::string& path : logs.directories()) {
    directories_.push_back(std::make_unique<Directory>(
        Directory{path, DiskPace(options_.pace), make_executor(), nullptr, {}}));
  }
}

DiskProbe::~DiskProbe() = default;

void DiskProbe::start() {
  last_look_ = clock_.now();
  arm();
}

void DiskProbe::stop() {
  timer_.reset();
}

void DiskProbe::arm() {
  timer_ = own_.post_after(interval_, [this] { look(); });
}

void DiskProbe::look() {
  const env::MonotonicTime now = clock_.now();
  // What is longer than two intervals is a pause of this process, and no disk's doing.
  const env::Duration passed = std::min<env::Duration>(now - last_look_, 2 * interval_);
  last_look_ = now;
  for (const auto& directory : directories_) look_at(*directory, passed);
  looked_();
  arm();
}

void DiskProbe::look_at(Directory& directory, env::Duration passed) {
  const bool was_slow = directory.pace.is_slow();
  const bool is_under_way = directory.ended && !directory.ended->load();
  if (!is_under_way && !logs_.is_online(directory.path)) {
    directory.waited = {};
    return;
  }
  const bool was_overdue = directory.waited >= options_.slow_operation;
  directory.waited += passed;
  if (was_overdue) {
    directory.pace.on_slow(passed);
  } else if (directory.waited >= options_.slow_operation) {
    directory.pace.on_slow(directory.waited);
  } else if (!is_under_way) {
    directory.pace.on_quick(directory.waited);
  }
  if (!is_under_way) {
    directory.waited = {};
    directory.ended = std::make_shared<std::atomic<bool>>(false);
    directory.executor->post(
        [ended = directory.ended, &files = files_, &logs = logs_, path = directory.path] {
          logs.report(path, write_sync_and_read(files, path + "/" + std::string(kDiskProbeFile)));
          *ended = true;
        });
  }
  // Each time: a dir that was offline comes back as one of which nothing is known.
  logs_.set_slow(directory.path, directory.pace.is_slow());
  if (directory.pace.is_slow() == was_slow) return;
  LOG_IF(WARNING, !was_slow) << "[" << directory.path << "] log dir is slow: operations take "
                             << options_.slow_operation / milliseconds(1)
                             << " ms and more; its leaders are handed over if others can lead";
  LOG_IF(INFO, was_slow) << "[" << directory.path << "] log dir is well again";
}

}  // namespace ottla::storage
