#include "common/zookeeper/fenced_batch.h"

#include <string>

#include "common/zookeeper/layout.h"

namespace ottla::zookeeper {

StoreError store_error(ZkError error) {
  switch (error) {
    case ZkError::NoNode:
      return StoreError::NoNode;
    case ZkError::NodeExists:
      return StoreError::NodeExists;
    case ZkError::BadVersion:
      return StoreError::BadVersion;
    case ZkError::ConnectionLoss:
      return StoreError::Unknown;
    case ZkError::SessionExpired:
      return StoreError::SessionExpired;
    case ZkError::NotEmpty:
    case ZkError::NoChildrenForEphemerals:
    case ZkError::NoAuth:
    case ZkError::RolledBack:
    case ZkError::Other:
      return StoreError::Other;
  }
  return StoreError::Other;
}

FencedBatch::FencedBatch(ControllerFence fence, std::vector<Item> items)
    : fence_(fence), items_(std::move(items)), outcomes_(items_.size()) {
  for (std::size_t i = 0; i < items_.size(); ++i) live_.push_back(i);
}

std::vector<Op> FencedBatch::transaction() const {
  std::vector<Op> ops;
  ops.reserve(live_.size() + 1);
  ops.push_back(Check{std::string(layout::kControllerEpoch), fence_.epoch_version});
  for (const std::size_t index : live_) ops.push_back(items_[index].op);
  return ops;
}

void FencedBatch::on_result(MultiResult result) {
  if (result) {
    for (std::size_t i = 0; i < live_.size(); ++i) outcomes_[live_[i]] = (*result)[i + 1].stat;
    live_.clear();
    return;
  }
  const std::vector<ZkError>& errors = result.error();
  // The check failed, or something (a lost connection) that concerns the whole.
  std::optional<StoreError> whole;
  if (errors[0] == ZkError::BadVersion || errors[0] == ZkError::NoNode) {
    whole = StoreError::ControllerMoved;
  } else if (errors[0] != ZkError::RolledBack) {
    whole = store_error(errors[0]);
  }
  std::size_t culprit = 0;
  while (culprit < live_.size() && errors[culprit + 1] == ZkError::RolledBack) ++culprit;
  if (!whole && culprit == live_.size()) whole = StoreError::Other;
  if (!whole) {
    drop(culprit, errors[culprit + 1]);
    return;
  }
  for (const std::size_t index : live_) outcomes_[index] = tl::unexpected(*whole);
  live_.clear();
}

void FencedBatch::drop(std::size_t live_index, ZkError error) {
  const std::size_t index = live_[live_index];
  if (items_[index].fine == error) {
    live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(live_index));
    return;
  }
  std::erase_if(live_, [&](std::size_t other) {
    if (items_[other].item != items_[index].item) return false;
    outcomes_[other] = tl::unexpected(store_error(error));
    return true;
  });
}

StoreResult<> FencedBatch::overall() const {
  for (const auto& outcome : outcomes_) {
    if (!outcome) return tl::unexpected(outcome.error());
  }
  return {};
}

}  // namespace ottla::zookeeper
