#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/zookeeper/client.h"

namespace ottla::testing {

/// The tree of a simulated ensemble: what transactions do to nodes, without sessions or time.
class SimulatedZnodes {
 public:
  SimulatedZnodes();

  struct Outcome {
    std::optional<zookeeper::ZkError> error;
    std::vector<zookeeper::ZkError> errors;  ///< Of each operation, when it failed.
    std::vector<zookeeper::OpResult> results;
    std::vector<zookeeper::WatchEvent> events;  ///< What watches may fire, in order.
  };
  /// All or nothing. `session` owns the ephemerals. `alone`: a single write tells the stat of a
  /// creation, a multi does not.
  Outcome apply(const std::vector<zookeeper::Op>& ops, std::int64_t zxid, std::int64_t session,
                std::int64_t now_ms, bool alone);

  [[nodiscard]] std::optional<zookeeper::Node> get(const std::string& path) const;
  /// nullopt: no such node.
  [[nodiscard]] std::optional<std::vector<std::string>> children(const std::string& path) const;
  /// Paths of the session's ephemerals, in order.
  [[nodiscard]] std::vector<std::string> ephemerals_of(std::int64_t session) const;

 private:
  struct Znode {
    std::string data;
    zookeeper::Stat stat;
    std::int32_t creations = 0;  ///< Of children: the next sequential number.
    std::set<std::string> children;
  };
  /// What touched nodes were before, to be put back in reverse.
  using UndoLog = std::vector<std::pair<std::string, std::optional<Znode>>>;
  struct Context {
    std::int64_t zxid;
    std::int64_t session;
    std::int64_t now_ms;
    UndoLog undo;
    Outcome outcome;
  };

  using Failure = std::optional<zookeeper::ZkError>;
  Failure apply_one(const zookeeper::Create& op, Context& context);
  Failure apply_one(const zookeeper::Set& op, Context& context);
  Failure apply_one(const zookeeper::Delete& op, Context& context);
  Failure apply_one(const zookeeper::Check& op, Context& context);

  Znode* find(const std::string& path);
  void remember(const std::string& path, Context& context);
  static zookeeper::Stat visible_stat(const Znode& node);

  std::map<std::string, Znode> nodes_;
};

/// "/a/b" -> "/a" and "b".
[[nodiscard]] std::pair<std::string, std::string> split_path(const std::string& path);

}  // namespace ottla::testing
