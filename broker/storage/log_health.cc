#include "broker/storage/log_health.h"

#include <glog/logging.h>

#include <cerrno>

#include "common/env/file_system.h"

namespace ottla::storage {

Error LogHealth::report(Error cause) {
  if (cause.code() != ErrorCode::KafkaStorageError) return cause;
  if (env::io_error_kind(cause) == env::IoErrorKind::DiskFull) {
    if (!is_online() || !on_full_) {
      LOG_EVERY_T(WARNING, 10) << "[" << directory_ << "] disk is full: " << cause;
      return cause;
    }
    refused_.store(true, std::memory_order_release);
    if (space_.exchange(SpaceState::Full, std::memory_order_acq_rel) != SpaceState::Full) {
      LOG(ERROR) << "[" << directory_ << "] disk is full, refusing records: " << cause;
      executor_.post(on_full_);
    }
    return cause;
  }
  if (!online_.exchange(false, std::memory_order_acq_rel)) return cause;
  LOG(ERROR) << "[" << directory_ << "] log dir goes offline: " << cause;
  if (on_offline_) {
    executor_.post(
        [notify = on_offline_, directory = directory_, cause] { notify(directory, cause); });
  }
  return cause;
}

Result<> LogHealth::check_strictly(Result<> result) {
  if (result) return result;
  const Error& cause = result.error();
  if (env::io_error_kind(cause) != env::IoErrorKind::DiskFull) return fail(report(cause));
  return fail(report(Error(cause.code(), "cannot be tried again: " + cause.message())));
}

Result<> LogHealth::refuse(SpaceState state) const {
  // Room will not help: a dir that comes back does so with another health, and its logs anew.
  if (!is_online()) {
    return fail(ErrorCode::KafkaStorageError, "log dir " + directory_ + " is offline");
  }
  if (state == SpaceState::Full) {
    return fail(env::io_error("no record is written to " + directory_, ENOSPC));
  }
  return fail(ErrorCode::KafkaStorageError,
              "log dir " + directory_ + " has less room left than ottla.log.dir.min.free.* demand");
}

}  // namespace ottla::storage
