#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/zookeeper/client.h"
#include "common/zookeeper/store.h"

namespace ottla::zookeeper {

[[nodiscard]] StoreError store_error(ZkError error);

/// Several operations of a controller in one transaction, each with an outcome of its own: when one
/// of them cannot be carried out, the transaction is sent again without it and without the others
/// of its item. Pure; the store sends `transaction()` and brings the result back until
/// `finished()`.
class FencedBatch {
 public:
  struct Item {
    Op op;
    /// Operations with the same number stand and fall together.
    std::size_t item = 0;
    /// This error is as good as success (a folder that exists, a node that is gone).
    std::optional<ZkError> fine;
  };

  FencedBatch(ControllerFence fence, std::vector<Item> items);

  [[nodiscard]] bool finished() const { return live_.empty(); }
  /// The check of the controller's epoch, and what is still to be done.
  [[nodiscard]] std::vector<Op> transaction() const;
  void on_result(MultiResult result);

  /// For each operation, in the order given: what came of it, with its stat if it was a Set.
  [[nodiscard]] const std::vector<StoreResult<Stat>>& outcomes() const { return outcomes_; }
  /// The first error of all, if there is one.
  [[nodiscard]] StoreResult<> overall() const;

 private:
  void drop(std::size_t live_index, ZkError error);

  ControllerFence fence_;
  std::vector<Item> items_;
  std::vector<std::size_t> live_;  ///< Indexes into `items_`.
  std::vector<StoreResult<Stat>> outcomes_;
};

}  // namespace ottla::zookeeper
