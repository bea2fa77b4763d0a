#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/task.h"
#include "common/zookeeper/client.h"

namespace ottla::zookeeper {

struct GetRequest {
  std::string path;
  Watch watch = Watch::No;
};
struct ExistsRequest {
  std::string path;
  Watch watch = Watch::No;
};
struct ChildrenRequest {
  std::string path;
  Watch watch = Watch::No;
};
/// A multi, or one operation alone.
struct WriteRequest {
  std::vector<Op> ops;
  bool alone = false;
};
using Request = std::variant<GetRequest, ExistsRequest, ChildrenRequest, WriteRequest>;

/// What came of a request. `error` unset is success; then the part that belongs to the request's
/// kind is filled. `errors` has each operation's own error when a write failed.
struct Reply {
  std::optional<ZkError> error;
  Node node;  ///< Get; its stat for Exists.
  std::vector<std::string> children;
  std::vector<OpResult> results;
  std::vector<ZkError> errors;

  [[nodiscard]] static Reply failed(ZkError error) {
    Reply reply;
    reply.error = error;
    return reply;
  }
};

/// Turns the typed calls of `Client` into requests, and replies into their results.
[[nodiscard]] Callback<Reply> deliver_node(Callback<ZkResult<Node>> done);
[[nodiscard]] Callback<Reply> deliver_stat(Callback<ZkResult<Stat>> done);
[[nodiscard]] Callback<Reply> deliver_children(Callback<ZkResult<std::vector<std::string>>> done);
[[nodiscard]] Callback<Reply> deliver_multi(std::size_t ops, Callback<MultiResult> done);
[[nodiscard]] Callback<Reply> deliver_single(Callback<ZkResult<OpResult>> done);

/// The order of a client's operations: what is sent when, what is repeated after a lost
/// connection, and in which order results are called back. Pure: no threads, no connection.
/// Owner and caller is the client's loop.
class Pipeline {
 public:
  /// Names one sending of one request; a repeated one gets another.
  using Attempt = std::uint64_t;

  /// Of writes and of reads: as many may be under way at once.
  Pipeline(std::size_t max_writes, std::size_t max_reads)
      : max_writes_(max_writes), max_reads_(max_reads) {}

  void add(Request request, Callback<Reply> done);

  /// The next request to be sent now, in order; null when the window is full, nothing waits, or
  /// there is no connection. Valid until the next call of anything here.
  struct Sending {
    Attempt attempt;
    const Request* request;
  };
  [[nodiscard]] std::optional<Sending> next();

  void on_connected() { connected_ = true; }
  /// Writes that were on their way end with ConnectionLoss, reads are sent again.
  void on_disconnected();
  /// Everything pending ends with SessionExpired.
  void on_session_over();
  /// A reply of ConnectionLoss to a read makes it wait to be sent again. Unknown attempts (ended
  /// otherwise before) are ignored.
  void on_reply(Attempt attempt, Reply reply);

  /// Results that may be called back now, in the order their operations were added.
  struct Completed {
    Callback<Reply> done;
    Reply reply;
  };
  [[nodiscard]] std::optional<Completed> take_completed();

  [[nodiscard]] std::size_t pending() const { return entries_.size(); }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

 private:
  struct Entry {
    Request request;
    Callback<Reply> done;
    Attempt attempt = 0;  ///< 0: not on its way.
    std::optional<Reply> reply;
  };

  void lose(Entry& entry);
  void no_longer_in_flight(const Entry& entry);

  const std::size_t max_writes_;
  const std::size_t max_reads_;
  std::deque<Entry> entries_;
  /// Entries before this one are on their way or done.
  std::size_t next_to_send_ = 0;
  std::size_t in_flight_ = 0;
  std::size_t writes_in_flight_ = 0;
  Attempt last_attempt_ = 0;
  bool connected_ = false;
};

}  // namespace ottla::zookeeper
