#include "broker/membership/failure_notice.h"

#include <glog/logging.h>

#include <utility>

namespace ottla::membership {

void FailureNotice::post() {
  if (stopped_) return;
  if (std::exchange(writing_, true)) {
    again_ = true;
    return;
  }
  write();
}

void FailureNotice::stop() {
  stopped_ = true;
  retry_.reset();
}

void FailureNotice::write() {
  store_.notify_log_dir_failure(broker_, [this](zookeeper::StoreResult<> written) {
    if (stopped_) return;
    if (!written) {  // Twice told is no harm.
      retry_ = loop_.post_after(back_off_.next(), [this] { write(); });
      return;
    }
    LOG(INFO) << "[broker " << broker_
              << "] the controller is told that other replicas are offline than before";
    back_off_.reset();
    writing_ = false;
    if (std::exchange(again_, false)) post();
  });
}

}  // namespace ottla::membership
