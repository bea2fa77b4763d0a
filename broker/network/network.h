#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/network/request.h"
#include "common/base/error.h"
#include "common/env/executor.h"

namespace ottla::network {

/// Where one listener binds. An empty host is every address of the machine; port 0 lets the
/// kernel choose.
struct ListenerOptions {
  std::string name = "PLAINTEXT";
  std::string security_protocol = "PLAINTEXT";  ///< Only PLAINTEXT can be served today.
  std::string host{};
  std::uint16_t port = 9092;

  friend bool operator==(const ListenerOptions&, const ListenerOptions&) = default;
};

/// How many connections there may be, and how many new ones in a second.
struct ConnectionLimit {
  std::int32_t most = INT32_MAX;            ///< max.connections
  std::int32_t new_per_second = INT32_MAX;  ///< max.connection.creation.rate

  friend bool operator==(const ConnectionLimit&, const ConnectionLimit&) = default;
};

struct ConnectionLimitOptions {
  ConnectionLimit all{};
  std::map<std::string, ConnectionLimit> by_listener{};  ///< Those with a limit of their own.
  /// Brokers come on it, and clients on others: what is set for all does not hold it up.
  std::optional<std::string> protected_listener{};
  std::int32_t most_per_ip = INT32_MAX;                    ///< max.connections.per.ip
  std::map<std::string, std::int32_t> per_ip_overrides{};  ///< by address
};

/// From server.properties, under the same names.
struct NetworkOptions {
  int network_threads = 3;                             ///< num.network.threads
  std::int32_t max_request_bytes = 100 * 1024 * 1024;  ///< socket.request.max.bytes
  int send_buffer_bytes = 100 * 1024;           ///< socket.send.buffer.bytes; -1: the kernel's
  int receive_buffer_bytes = 100 * 1024;        ///< socket.receive.buffer.bytes; -1: the kernel's
  int listen_backlog = 50;                      ///< socket.listen.backlog.size
  std::chrono::milliseconds max_idle{600'000};  ///< connections.max.idle.ms; negative: never
  ConnectionLimitOptions limits{};
};

/// A listener with the address it really got.
struct BoundListener {
  std::string name;
  std::string security_protocol;
  std::string host{};
  std::uint16_t port = 0;
};

/// Totals since the start of one listener.
struct ListenerCounts {
  std::int64_t accepted = 0;
  std::int64_t closed = 0;
  env::Duration blocked{};  ///< For which it took nobody in, for a limit.
};

struct NetworkCounts {
  std::int64_t open_connections = 0;
  std::int64_t accepted_connections = 0;
  std::int64_t refused_connections = 0;  ///< By max.connections.per.ip.
  std::int64_t expired_connections = 0;  ///< By connections.max.idle.ms.
  std::int64_t unsent_answers = 0;       ///< Wait for their turn, or to be sent.
};

/// Whether such a listener can be served at all. Errors: InvalidConfig, which names the listener.
[[nodiscard]] Result<> servable(const ListenerOptions& listener);

/// The broker's listeners, its event loops and all client connections.
/// Thread: any; bind, start, set_listeners and the stops one at a time.
class Network {
 public:
  /// `io_pool` reads what is not in the page cache before it is sent.
  Network(NetworkOptions options, env::Executor& io_pool);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// The event loops of the beginning; they run from construction on, so that other parts can use
  /// them before the first listener opens. Valid until destruction, and they run until then.
  [[nodiscard]] std::vector<env::Executor*> loops();

  /// Binds all listeners, without taking connections yet: ports are known before the broker
  /// registers itself.
  Result<> bind(const std::vector<ListenerOptions>& listeners);
  /// Opens the bound listeners. `handler` must live until `stop` has returned.
  void start(RequestHandler& handler);
  /// Changes `listeners` while running, between `start` and `stop`. Connections of a listener that
  /// is gone get the answers that they wait for and are closed; those of one that moves stay. One
  /// call at a time, not from a loop. Errors: InvalidConfig tells what could not be opened: a
  /// listener that was to move stays where it was, and the others have changed.
  Result<> set_listeners(const std::vector<ListenerOptions>& listeners);
  /// Whether `set_listeners` would succeed, as far as that can be told before; waits for nothing.
  [[nodiscard]] Result<> check_listeners(const std::vector<ListenerOptions>& listeners) const;
  /// Those that stand now, with their ports.
  [[nodiscard]] std::vector<BoundListener> listeners() const;
  /// Changes num.network.threads while running: more loops take connections, or fewer. Those of a
  /// loop that is to take none any more get the answers that they wait for and are closed, as in
  /// Kafka: their clients come back on another. One call at a time, not from a loop.
  void set_threads(int threads);
  /// Changes max.connections and its kin while running; who is connected stays.
  void set_connection_limits(ConnectionLimitOptions limits);

  /// Closes the listeners; open connections are served on.
  void stop_accepting();
  /// Takes no further requests, lets those under way be answered for up to `grace`, closes all
  /// connections, ends the loops. Idempotent.
  void stop(env::Duration grace);

  [[nodiscard]] NetworkCounts counts() const;
  /// By listener.
  [[nodiscard]] std::map<std::string, ListenerCounts> listener_counts() const;
  /// Processor time of each event loop's thread since its start, of those that take connections:
  /// what is left is idle.
  [[nodiscard]] std::vector<env::Duration> loop_times() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ottla::network
