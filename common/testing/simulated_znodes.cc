#include "common/testing/simulated_znodes.h"

#include <algorithm>
#include <cstdio>

namespace ottla::testing {

using zookeeper::CreateMode;
using zookeeper::WatchType;
using zookeeper::ZkError;

std::pair<std::string, std::string> split_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

SimulatedZnodes::SimulatedZnodes() {
  nodes_["/"];
}

SimulatedZnodes::Outcome SimulatedZnodes::apply(const std::vector<zookeeper::Op>& ops,
                                                std::int64_t zxid, std::int64_t session,
                                                std::int64_t now_ms, bool alone) {
  Context context{.zxid = zxid, .session = session, .now_ms = now_ms, .undo = {}, .outcome = {}};
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const Failure failure =
        std::visit([&](const auto& op) { return apply_one(op, context); }, ops[i]);
    if (!failure) continue;
    for (auto& [path, before] : std::vector(context.undo.rbegin(), context.undo.rend())) {
      if (before) {
        nodes_[path] = std::move(*before);
      } else {
        nodes_.erase(path);
      }
    }
    Outcome failed;
    failed.error = failure;
    failed.errors.assign(ops.size(), ZkError::RolledBack);
    failed.errors[i] = *failure;
    return failed;
  }
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const bool creation = std::holds_alternative<zookeeper::Create>(ops[i]);
    if (creation && !alone) context.outcome.results[i].stat = {};
  }
  return std::move(context.outcome);
}

SimulatedZnodes::Failure SimulatedZnodes::apply_one(const zookeeper::Create& op, Context& context) {
  auto [parent_path, name] = split_path(op.path);
  Znode* parent = find(parent_path);
  if (parent == nullptr) return ZkError::NoNode;
  std::string path = op.path;
  if (op.mode == CreateMode::PersistentSequential) {
    char digits[16];
    std::snprintf(digits, sizeof digits, "%010d", parent->creations);
    path += digits;
    name += digits;
  }
  if (find(path) != nullptr) return ZkError::NodeExists;
  if (parent->stat.ephemeral_owner != 0) return ZkError::NoChildrenForEphemerals;

  remember(parent_path, context);
  remember(path, context);
  ++parent->creations;
  parent->children.insert(name);
  parent->stat.pzxid = context.zxid;
  Znode& node = nodes_[path];
  node.data = op.data.value_or("");
  node.stat.czxid = node.stat.mzxid = node.stat.pzxid = context.zxid;
  node.stat.created_ms = node.stat.modified_ms = context.now_ms;
  if (op.mode == CreateMode::Ephemeral) node.stat.ephemeral_owner = context.session;
  context.outcome.results.push_back({path, visible_stat(node)});
  context.outcome.events.push_back({WatchType::Created, path});
  context.outcome.events.push_back({WatchType::ChildrenChanged, parent_path});
  return std::nullopt;
}

SimulatedZnodes::Failure SimulatedZnodes::apply_one(const zookeeper::Set& op, Context& context) {
  Znode* node = find(op.path);
  if (node == nullptr) return ZkError::NoNode;
  if (op.version != zookeeper::kAnyVersion && op.version != node->stat.version) {
    return ZkError::BadVersion;
  }
  remember(op.path, context);
  node->data = op.data;
  ++node->stat.version;
  node->stat.mzxid = context.zxid;
  node->stat.modified_ms = context.now_ms;
  context.outcome.results.push_back({op.path, visible_stat(*node)});
  context.outcome.events.push_back({WatchType::DataChanged, op.path});
  return std::nullopt;
}

SimulatedZnodes::Failure SimulatedZnodes::apply_one(const zookeeper::Delete& op, Context& context) {
  Znode* node = find(op.path);
  if (node == nullptr) return ZkError::NoNode;
  if (op.version != zookeeper::kAnyVersion && op.version != node->stat.version) {
    return ZkError::BadVersion;
  }
  if (!node->children.empty()) return ZkError::NotEmpty;
  const auto [parent_path, name] = split_path(op.path);
  remember(parent_path, context);
  remember(op.path, context);
  Znode* parent = find(parent_path);
  parent->children.erase(name);
  parent->stat.pzxid = context.zxid;
  nodes_.erase(op.path);
  context.outcome.results.push_back({op.path, {}});
  context.outcome.events.push_back({WatchType::Deleted, op.path});
  context.outcome.events.push_back({WatchType::ChildrenChanged, parent_path});
  return std::nullopt;
}

SimulatedZnodes::Failure SimulatedZnodes::apply_one(const zookeeper::Check& op, Context& context) {
  const Znode* node = find(op.path);
  if (node == nullptr) return ZkError::NoNode;
  if (op.version != zookeeper::kAnyVersion && op.version != node->stat.version) {
    return ZkError::BadVersion;
  }
  context.outcome.results.push_back({op.path, {}});
  return std::nullopt;
}

SimulatedZnodes::Znode* SimulatedZnodes::find(const std::string& path) {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : &found->second;
}

void SimulatedZnodes::remember(const std::string& path, Context& context) {
  const Znode* node = find(path);
  context.undo.emplace_back(path, node == nullptr ? std::nullopt : std::optional(*node));
}

zookeeper::Stat SimulatedZnodes::visible_stat(const Znode& node) {
  zookeeper::Stat stat = node.stat;
  stat.children = static_cast<std::int32_t>(node.children.size());
  // Creations plus deletions of children.
  stat.children_version = node.creations * 2 - stat.children;
  return stat;
}

std::optional<zookeeper::Node> SimulatedZnodes::get(const std::string& path) const {
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return std::nullopt;
  return zookeeper::Node{found->second.data, visible_stat(found->second)};
}

std::optional<std::vector<std::string>> SimulatedZnodes::children(const std::string& path) const {
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return std::nullopt;
  return std::vector(found->second.children.begin(), found->second.children.end());
}

std::vector<std::string> SimulatedZnodes::ephemerals_of(std::int64_t session) const {
  std::vector<std::string> paths;
  for (const auto& [path, node] : nodes_) {
    if (node.stat.ephemeral_owner == session) paths.push_back(path);
  }
  return paths;
}

}  // namespace ottla::testing
