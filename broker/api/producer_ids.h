#pragma once

#include <deque>
#include <memory>

#include "broker/api/services.h"
#include "broker/transaction/coordinator_core.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/mutex.h"
#include "common/base/task.h"

namespace ottla::api {

/// Gives out producer ids, each once in the life of the cluster, from blocks that the controller
/// hands to this broker. The next block is asked for before the current one is used up.
/// Thread: any.
class ProducerIds final : public transaction::ProducerIdSource {
 public:
  explicit ProducerIds(ProducerIdBlocks& blocks);
  ~ProducerIds() override;

  /// `done` is called inside the call when an id is at hand, else on the thread that brings the
  /// block. Errors: CoordinatorLoadInProgress, which clients retry, when no block can be had or
  /// too many wait for one.
  void next(Callback<Result<ProducerId>> done) override;

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace ottla::api
