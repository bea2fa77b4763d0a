#include "broker/api/zookeeper_offsets.h"

#include <charconv>
#include <optional>
#include <utility>

#include "broker/api/gather.h"
#include "common/zookeeper/layout.h"

namespace ottla::api {
namespace {

using zookeeper::ZkError;

/// A write after a lost connection may or may not have been done; to do it again does no harm.
constexpr int kMostAttempts = 5;

/// A name that would be another path.
bool is_one_node(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

ErrorCode code_of(ZkError error) {
  switch (error) {
    case ZkError::ConnectionLoss:
    case ZkError::SessionExpired:
      return ErrorCode::CoordinatorNotAvailable;
    case ZkError::NoAuth:
      return ErrorCode::GroupAuthorizationFailed;
    case ZkError::NoNode:
    case ZkError::NodeExists:
    case ZkError::BadVersion:
    case ZkError::NotEmpty:
    case ZkError::NoChildrenForEphemerals:
    case ZkError::RolledBack:
    case ZkError::Other:
      break;
  }
  return ErrorCode::UnknownServerError;
}

/// Sets one node, or creates it with the folders above it.
class NodeWrite : public std::enable_shared_from_this<NodeWrite> {
 public:
  NodeWrite(zookeeper::Client& client, std::string path, std::string data, Callback<ErrorCode> done)
      : client_(client), path_(std::move(path)), data_(std::move(data)), done_(std::move(done)) {}

  void set() {
    ++attempts_;
    client_.write(zookeeper::Set{path_, data_, zookeeper::kAnyVersion},
                  [self = shared_from_this()](const zookeeper::ZkResult<zookeeper::OpResult>& r) {
                    if (r) return self->finish(ErrorCode::None);
                    if (r.error() == ZkError::NoNode) return self->create();
                    self->again(r.error());
                  });
  }

 private:
  /// Folders that exist are fine. The operations are carried out in their order.
  void create() {
    for (std::size_t slash = path_.find('/', 1); slash != std::string::npos;
         slash = path_.find('/', slash + 1)) {
      client_.write(zookeeper::Create{path_.substr(0, slash), std::nullopt,
                                      zookeeper::CreateMode::Persistent},
                    [](const zookeeper::ZkResult<zookeeper::OpResult>&) {});
    }
    client_.write(zookeeper::Create{path_, data_, zookeeper::CreateMode::Persistent},
                  [self = shared_from_this()](const zookeeper::ZkResult<zookeeper::OpResult>& r) {
                    if (r) return self->finish(ErrorCode::None);
                    self->again(r.error());
                  });
  }

  void again(ZkError error) {
    const bool may_pass = error == ZkError::ConnectionLoss || error == ZkError::SessionExpired ||
                          error == ZkError::NodeExists || error == ZkError::NoNode;
    if (may_pass && attempts_ < kMostAttempts) return set();
    finish(code_of(error));
  }

  void finish(ErrorCode outcome) { std::move(done_)(outcome); }

  zookeeper::Client& client_;
  const std::string path_;
  const std::string data_;
  Callback<ErrorCode> done_;
  int attempts_ = 0;
};

OldOffsets::Fetched read(const zookeeper::ZkResult<zookeeper::Node>& node) {
  // Kafka's answer for an offset that was never committed.
  if (!node && node.error() == ZkError::NoNode)
    return {.error = ErrorCode::UnknownTopicOrPartition};
  if (!node) return {.error = code_of(node.error())};
  std::int64_t offset = 0;
  const std::string& text = node->data;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (error != std::errc() || end != text.data() + text.size()) {
    return {.error = ErrorCode::UnknownServerError};
  }
  return {.offset = Offset(offset), .error = ErrorCode::None};
}

}  // namespace

void ZooKeeperOffsets::commit(const std::string& group, std::vector<Item> offsets,
                              Callback<std::vector<ErrorCode>> done) {
  if (offsets.empty() || !is_one_node(group)) {
    return std::move(done)(std::vector<ErrorCode>(offsets.size(), ErrorCode::InvalidGroupId));
  }
  const auto gather = std::make_shared<Gather<ErrorCode>>(offsets.size(), std::move(done));
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    std::make_shared<NodeWrite>(client_,
                                zookeeper::layout::consumer_offset(group, offsets[i].partition),
                                std::to_string(offsets[i].offset.value()),
                                [gather, i](ErrorCode outcome) { gather->settle(i, outcome); })
        ->set();
  }
}

void ZooKeeperOffsets::fetch(const std::string& group,
                             const std::vector<TopicPartition>& partitions,
                             Callback<std::vector<Fetched>> done) {
  if (partitions.empty() || !is_one_node(group)) {
    return std::move(done)(
        std::vector<Fetched>(partitions.size(), {.error = ErrorCode::InvalidGroupId}));
  }
  const auto gather = std::make_shared<Gather<Fetched>>(partitions.size(), std::move(done));
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    client_.get(zookeeper::layout::consumer_offset(group, partitions[i]), zookeeper::Watch::No,
                [gather, i](const zookeeper::ZkResult<zookeeper::Node>& node) {
                  gather->settle(i, read(node));
                });
  }
}

}  // namespace ottla::api
