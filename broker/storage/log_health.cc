#include "broker/storage/log_health.h"

#include <glog/logging.h>

#include "common/env/file_system.h"

namespace ottla::storage {

Error LogHealth::report(Error cause) {
  if (cause.code() != ErrorCode::KafkaStorageError) return cause;
  if (env::io_error_kind(cause) == env::IoErrorKind::DiskFull) {
    LOG_EVERY_T(WARNING, 10) << "[" << directory_ << "] disk is full, refusing writes: " << cause;
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

}  // namespace ottla::storage
