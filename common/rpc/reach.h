#pragma once

#include "common/base/task.h"

namespace ottla::rpc {

/// Whether this broker is a part of the cluster or cut off: who hears nobody may not judge others
/// by their silence. The verdicts of liveness watches alone do not tell it in time: of many brokers
/// that fell silent at once one is noticed first.
class Reach {
 public:
  virtual ~Reach() = default;
  /// `done(true)` as soon as at least half of the brokers (this one counts) have answered a
  /// question put after this call or are proven dead, `done(false)` after a moment. Thread: any.
  virtual void ask(Callback<bool> done) = 0;
};

}  // namespace ottla::rpc
