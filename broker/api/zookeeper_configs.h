#pragma once

#include <functional>

#include "broker/api/services.h"
#include "common/zookeeper/store.h"

namespace ottla::api {

/// Changes configs below /config, each with its notification in one transaction that is conditional
/// on what was read: two brokers that change one config at the same time lose neither change, as
/// they may in Kafka.
/// Thread: any. Edits and callbacks run on `loop`; destroyed when it has ended.
class ZooKeeperConfigs final : public ConfigStore {
 public:
  /// Makes this broker take over a config that was just written; calls back on any thread.
  using Settle = std::function<void(const zookeeper::layout::ConfigEntity& entity, Task done)>;

  ZooKeeperConfigs(zookeeper::Client& client, env::Executor& loop, Settle settle);

  void edit(zookeeper::layout::ConfigEntity entity, Edit edit, Callback<Result<>> done) override;

 private:
  struct Change;

  void attempt(std::shared_ptr<Change> change);

  const Settle settle_;
  zookeeper::Store store_;
};

}  // namespace ottla::api
