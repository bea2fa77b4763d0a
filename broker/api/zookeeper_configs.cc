#include "broker/api/zookeeper_configs.h"

#include <utility>

namespace ottla::api {

using zookeeper::ReadConfig;
using zookeeper::StoreError;
using zookeeper::StoreResult;

namespace {

/// Each one more only when another was faster or an answer was lost.
constexpr int kMostAttempts = 20;

tl::unexpected<Error> failure(StoreError error) {
  switch (error) {
    case StoreError::NoNode:
      return fail(ErrorCode::UnknownTopicOrPartition, "The topic is gone.");
    case StoreError::Unknown:
    case StoreError::SessionExpired:
      return fail(ErrorCode::RequestTimedOut,
                  "The connection to ZooKeeper was lost: the change may have been made.");
    case StoreError::Malformed:
      return fail(ErrorCode::UnknownServerError,
                  "What ZooKeeper holds for this config cannot be understood; the log says why.");
    case StoreError::NodeExists:
    case StoreError::BadVersion:
    case StoreError::ControllerMoved:
    case StoreError::Other:
      break;
  }
  return fail(ErrorCode::UnknownServerError,
              std::string("ZooKeeper: ") + zookeeper::name_of(error));
}

}  // namespace

struct ZooKeeperConfigs::Change {
  zookeeper::layout::ConfigEntity entity;
  Edit edit;
  Callback<Result<>> done;
  int attempts = 0;
};

ZooKeeperConfigs::ZooKeeperConfigs(zookeeper::Client& client, env::Executor& loop, Settle settle)
    : settle_(std::move(settle)), store_(client, loop) {}

void ZooKeeperConfigs::edit(zookeeper::layout::ConfigEntity entity, Edit edit,
                            Callback<Result<>> done) {
  attempt(std::make_shared<Change>(
      Change{.entity = std::move(entity), .edit = std::move(edit), .done = std::move(done)}));
}

void ZooKeeperConfigs::attempt(std::shared_ptr<Change> change) {
  ++change->attempts;
  const auto entity = change->entity;
  store_.read_config_node(entity, [this, change](StoreResult<ReadConfig> read) {
    if (!read) return std::move(change->done)(failure(read.error()));
    auto wanted = change->edit(read->config);
    if (!wanted) return std::move(change->done)(fail(wanted.error()));
    if (!*wanted) return std::move(change->done)(Result<>());
    store_.replace_config(
        change->entity, **std::move(wanted), read->version, [this, change](StoreResult<> written) {
          if (written) {
            return settle_(change->entity, [change] { std::move(change->done)(Result<>()); });
          }
          // After a lost answer too: an edit that is made twice gives the same.
          const bool may_pass =
              written.error() == StoreError::BadVersion || written.error() == StoreError::Unknown;
          if (may_pass && change->attempts < kMostAttempts) return attempt(change);
          std::move(change->done)(failure(written.error()));
        });
  });
}

}  // namespace ottla::api
