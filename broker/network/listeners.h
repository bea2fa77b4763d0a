#pragma once

// Private to broker/network: brings in Asio.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/network/acceptor.h"
#include "broker/network/network.h"
#include "common/base/mutex.h"

namespace ottla::network {

/// The sockets that clients connect to, by listener name, and what was counted on each.
/// Thread: `set`, `start` and `close` one at a time and not from a loop; the rest any (mutex_).
class Listeners {
 public:
  struct Totals {
    std::atomic<std::int64_t> accepted{0};
    std::atomic<std::int64_t> closed{0};
  };
  using Accepted =
      std::function<void(Acceptor::Socket, std::shared_ptr<Loop>, const ListenerOptions&, Totals&)>;
  struct Change {
    std::vector<std::string> gone;    ///< Names that do not stand any more.
    std::vector<std::string> faults;  ///< What could not be opened, and why.
  };

  Listeners(const NetworkOptions& network, ConnectionLimits& limits)
      : network_(network), limits_(limits) {}

  /// Opens, moves and closes until just `wanted` stand. What cannot move stays where it was. Before
  /// `start` they are bound and take nobody.
  [[nodiscard]] Change set(const std::shared_ptr<Loop>& loop,
                           const std::vector<ListenerOptions>& wanted);
  /// Whether `set` would succeed, as far as that can be told without doing it: not where a name
  /// would have to be resolved, nor where a listener that stands may be in the way.
  [[nodiscard]] Result<> try_out(const std::shared_ptr<Loop>& loop,
                                 const std::vector<ListenerOptions>& wanted) const;
  void start(Acceptor::NextLoop next_loop, Accepted accepted);
  /// Closes all.
  void close();

  [[nodiscard]] std::vector<BoundListener> standing() const;
  /// Of all that ever stood.
  [[nodiscard]] std::map<std::string, ListenerCounts> counts() const;

 private:
  using Acceptors = std::map<std::string, std::shared_ptr<Acceptor>>;

  [[nodiscard]] Acceptors all() const;
  Result<> open(const std::shared_ptr<Loop>& loop, const ListenerOptions& listener);
  void close(const std::shared_ptr<Acceptor>& acceptor);
  void start(const std::shared_ptr<Acceptor>& acceptor);

  const NetworkOptions& network_;
  ConnectionLimits& limits_;
  Acceptor::NextLoop next_loop_;
  Accepted accepted_;  ///< Empty until `start`.
  mutable Mutex mutex_{LockRank::Network};
  Acceptors acceptors_ OTTLA_GUARDED_BY(mutex_);
  std::map<std::string, Totals> totals_ OTTLA_GUARDED_BY(mutex_);  ///< Only grows.
};

}  // namespace ottla::network
