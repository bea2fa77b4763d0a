#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include "broker/storage/deferred_deletion.h"
#include "broker/storage/log.h"
#include "broker/storage/log_health.h"

namespace ottla::micro {

/// A real log in a directory that goes with it.
class LogOnDisk {
 public:
  LogOnDisk() {
    if (mkdtemp(directory_.data()) == nullptr) std::abort();
    log_ = storage::Log::open({files_, clock_, pool_, health_, deletions_},
                              {.directory = directory_ + "/orders-0", .partition = {"orders", 0}})
               .value();
  }
  ~LogOnDisk() {
    log_.reset();
    pool_.stop();
    (void)files_.remove_all(directory_);  // a scratch directory
  }
  LogOnDisk(const LogOnDisk&) = delete;
  LogOnDisk& operator=(const LogOnDisk&) = delete;

  [[nodiscard]] const std::shared_ptr<storage::Log>& log() const { return log_; }
  [[nodiscard]] env::Clock& clock() { return clock_; }
  [[nodiscard]] env::FileSystem& files() { return files_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  std::string directory_ = "/tmp/ottla-micro.XXXXXX";
  env::PosixFileSystem files_;
  env::SystemClock clock_;
  env::ThreadPool pool_{"micro-io", 1};
  storage::DeferredDeletion deletions_{files_, pool_};
  storage::LogHealth health_{directory_, pool_, nullptr};
  std::shared_ptr<storage::Log> log_;
};

}  // namespace ottla::micro
