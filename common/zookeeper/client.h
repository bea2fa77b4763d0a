#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

#include "common/base/task.h"

namespace ottla::zookeeper {

/// Outcomes that callers branch on. ConnectionLoss means *unknown*: the operation may or may not
/// have been carried out; a writer reads the truth before it goes on.
enum class ZkError : std::uint8_t {
  NoNode,
  NodeExists,
  BadVersion,
  NotEmpty,
  NoChildrenForEphemerals,
  ConnectionLoss,
  SessionExpired,
  NoAuth,
  /// This operation of a multi was not tried, or undone, because another one of it failed.
  RolledBack,
  Other,
};
[[nodiscard]] const char* name_of(ZkError error);

template <class T>
using ZkResult = tl::expected<T, ZkError>;

/// zkVersion that matches any.
inline constexpr std::int32_t kAnyVersion = -1;

struct Stat {
  std::int64_t czxid = 0;
  std::int64_t mzxid = 0;
  std::int64_t pzxid = 0;
  std::int32_t version = 0;
  std::int32_t children_version = 0;
  std::int64_t ephemeral_owner = 0;
  std::int64_t modified_ms = 0;
  std::int64_t created_ms = 0;
  std::int32_t children = 0;
};

/// A znode's content; null data reads as an empty string.
struct Node {
  std::string data;
  Stat stat;
};

enum class CreateMode : std::uint8_t { Persistent, Ephemeral, PersistentSequential };

struct Create {
  std::string path;
  std::optional<std::string> data;  ///< nullopt writes a null buffer, as Kafka does for folders.
  CreateMode mode = CreateMode::Persistent;
};
struct Set {
  std::string path;
  std::string data;
  std::int32_t version = kAnyVersion;
};
struct Delete {
  std::string path;
  std::int32_t version = kAnyVersion;
};
struct Check {
  std::string path;
  std::int32_t version;
};
using Op = std::variant<Create, Set, Delete, Check>;

/// What a successful operation gives: the created path (with a sequential node's number), the stat
/// of what was set. The stat of a creation is filled only when it was a `write` alone; in a multi
/// ZooKeeper does not tell it.
struct OpResult {
  std::string path;
  Stat stat;
};
/// A multi is all or nothing. On failure each operation has its own error: the culprit's, and
/// RolledBack for the others.
using MultiResult = tl::expected<std::vector<OpResult>, std::vector<ZkError>>;

enum class WatchType : std::uint8_t { Created, Deleted, DataChanged, ChildrenChanged };
struct WatchEvent {
  WatchType type;
  std::string path;
};

/// One-shot, as ZooKeeper's are: a hint to read again. All watches are gone with the session.
enum class Watch : bool { No, Yes };

struct SessionEvent {
  enum class Kind : std::uint8_t {
    Established,  ///< Connected with `session_id`; a new session if it differs from the last one's.
    Suspended,    ///< Disconnected; the session may still live.
    Expired,      ///< The session is over: its ephemerals and watches are gone. A new one follows.
  };
  Kind kind;
  std::int64_t session_id = 0;
};

class ClientListener {
 public:
  virtual ~ClientListener() = default;
  virtual void on_session(const SessionEvent& event) = 0;
  virtual void on_watch(const WatchEvent& event) = 0;
};

/// An asynchronous, pipelined ZooKeeper client that keeps a session alive and makes a new one when
/// it expires. Paths are below the chroot of zookeeper.connect.
///
/// Order: operations are carried out and called back in the order they were issued, and a watch's
/// event is delivered before the result of a later read. Reads are repeated inside after a
/// connection loss (a repeated one may see the effect of writes issued after it); writes that were
/// on their way are not, they end with ConnectionLoss (unknown). Operations issued while there is
/// no connection wait for it. When a session expires every pending operation ends with
/// SessionExpired before the Expired event; a write that was on its way may have been carried out.
///
/// Thread: any. Callbacks come on the client's own thread (in a simulation: the only one): they
/// copy, post to their owner and return. No callback comes after the destructor or `close` returns;
/// neither may be called from a callback.
class Client {
 public:
  virtual ~Client() = default;

  /// Listeners are told of every session event and watch; added before `start`, never removed:
  /// they live until `close` has returned.
  virtual void add_listener(ClientListener& listener) = 0;
  virtual void start() = 0;
  /// Ends the session (its ephemerals vanish at once). Pending operations end with SessionExpired.
  virtual void close() = 0;

  virtual void get(std::string path, Watch watch, Callback<ZkResult<Node>> done) = 0;
  virtual void exists(std::string path, Watch watch, Callback<ZkResult<Stat>> done) = 0;
  /// Names, in order.
  virtual void children(std::string path, Watch watch,
                        Callback<ZkResult<std::vector<std::string>>> done) = 0;
  virtual void multi(std::vector<Op> ops, Callback<MultiResult> done) = 0;
  /// One operation alone.
  virtual void write(Op op, Callback<ZkResult<OpResult>> done) = 0;

  /// The live session's id, or 0.
  [[nodiscard]] virtual std::int64_t session_id() const = 0;
};

}  // namespace ottla::zookeeper
