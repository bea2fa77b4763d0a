#include "broker/network/network.h"

#include <glog/logging.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <future>
#include <utility>

#include "broker/network/connection.h"
#include "broker/network/connection_limits.h"
#include "broker/network/listeners.h"
#include "broker/network/loop.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"

namespace ottla::network {
namespace {

constexpr std::chrono::seconds kLongestSweepInterval{5};
constexpr std::chrono::milliseconds kDrainCheckInterval{5};

std::chrono::milliseconds sweep_interval(std::chrono::milliseconds max_idle) {
  return std::clamp<std::chrono::milliseconds>(max_idle / 4, std::chrono::milliseconds(10),
                                               kLongestSweepInterval);
}

/// As limits and people name it: who comes over IPv4 to a socket for both has an IPv4 address.
std::string address_text(const boost::asio::ip::address& address) {
  using boost::asio::ip::make_address_v4;
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address.to_string();
  return make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).to_string();
}

/// Runs `work` on the loop and waits for it. Not from the loop itself.
void run_on(Loop& loop, Task work) {
  std::promise<void> done;
  loop.post([&done, &work] {
    std::move(work)();
    done.set_value();
  });
  done.get_future().wait();
}

Result<> outcome_of(const Listeners::Change& change) {
  if (change.faults.empty()) return {};
  std::string text;
  for (const std::string& fault : change.faults) text += (text.empty() ? "" : "; ") + fault;
  return fail(ErrorCode::InvalidConfig, std::move(text));
}

/// Of all listeners, or of one.
void drain_connections(Loop& loop, const std::optional<std::string>& listener = std::nullopt) {
  std::vector<std::shared_ptr<Connection>> open;
  for (const auto& [id, connection] : loop.connections()) {
    if (!listener || connection->listener() == *listener) open.push_back(connection);
  }
  for (const auto& connection : open) connection->drain();
}

}  // namespace

struct Network::State {
  State(NetworkOptions with, env::Executor& pool)
      : options(std::move(with)), io_pool(pool), limits(options.limits, clock) {}

  void accepted(boost::asio::ip::tcp::socket socket, std::shared_ptr<Loop> loop,
                const ListenerOptions& listener, Listeners::Totals& totals);
  void sweep_idle(const std::shared_ptr<Loop>& loop);
  void drain(env::Duration grace);
  [[nodiscard]] std::vector<std::shared_ptr<Loop>> all_loops() const OTTLA_EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    return loops;
  }
  [[nodiscard]] std::shared_ptr<Loop> next_home() OTTLA_EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    return loops[next_loop++ % in_use];
  }
  void add_loop() OTTLA_EXCLUDES(mutex) {
    const std::string name = "network-" + std::to_string(all_loops().size());
    auto loop = std::make_shared<Loop>(name.c_str());
    const MutexLock lock(mutex);
    loops.push_back(std::move(loop));
  }
  void begin_sweeps(const std::shared_ptr<Loop>& loop) {
    if (options.max_idle.count() < 0) return;
    loop->post([this, loop] { sweep_idle(loop); });
  }

  const NetworkOptions options;
  env::Executor& io_pool;
  env::SystemClock clock;
  ConnectionLimits limits;
  Listeners listeners{options, limits};
  RequestHandler* handler = nullptr;
  /// Guards what `set_threads` changes; no call is made under it.
  mutable Mutex mutex{LockRank::Network};
  /// Only grows: other parts have the first ones, and those that are not in use cost nothing.
  std::vector<std::shared_ptr<Loop>> loops OTTLA_GUARDED_BY(mutex);
  std::size_t in_use OTTLA_GUARDED_BY(mutex) = 0;  ///< The first of them.
  std::size_t next_loop OTTLA_GUARDED_BY(mutex) = 0;
  std::atomic<std::uint64_t> next_connection_id{1};
  std::atomic<std::int64_t> accepted_connections{0};
  std::atomic<std::int64_t> refused_connections{0};
  std::atomic<std::int64_t> expired_connections{0};
  std::atomic<std::int64_t> unsent_answers{0};
  bool stopped = false;
};

Network::Network(NetworkOptions options, env::Executor& io_pool)
    : state_(std::make_unique<State>(std::move(options), io_pool)) {
  for (int i = 0; i < state_->options.network_threads; ++i) state_->add_loop();
  const MutexLock lock(state_->mutex);
  state_->in_use = state_->loops.size();
}

Network::~Network() {
  stop(env::Duration::zero());
}

std::vector<env::Executor*> Network::loops() {
  std::vector<env::Executor*> all;
  for (const auto& loop : state_->all_loops()) all.push_back(loop.get());
  return all;
}

Result<> servable(const ListenerOptions& listener) {
  if (listener.security_protocol == "PLAINTEXT") return {};
  return fail(ErrorCode::InvalidConfig, "listener " + listener.name + ": security protocol " +
                                            listener.security_protocol +
                                            " is not served yet; use PLAINTEXT");
}

Result<> Network::bind(const std::vector<ListenerOptions>& listeners) {
  return outcome_of(state_->listeners.set(state_->all_loops().front(), listeners));
}

Result<> Network::set_listeners(const std::vector<ListenerOptions>& listeners) {
  const auto loops = state_->all_loops();
  const Listeners::Change change = state_->listeners.set(loops.front(), listeners);
  // Who was accepted before the socket was closed is on its loop, or comes before this task.
  for (const auto& loop : loops) {
    for (const std::string& name : change.gone) {
      loop->post([loop = loop.get(), name] { drain_connections(*loop, name); });
    }
  }
  return outcome_of(change);
}

Result<> Network::check_listeners(const std::vector<ListenerOptions>& listeners) const {
  return state_->listeners.try_out(state_->all_loops().front(), listeners);
}

std::vector<BoundListener> Network::listeners() const {
  return state_->listeners.standing();
}

void Network::start(RequestHandler& handler) {
  State& state = *state_;
  state.handler = &handler;
  state.listeners.start(
      [&state] { return state.next_home(); },
      [&state](auto socket, auto loop, const ListenerOptions& listener, auto& totals) {
        state.accepted(std::move(socket), std::move(loop), listener, totals);
      });
  for (const auto& loop : state.all_loops()) state.begin_sweeps(loop);
}

void Network::set_threads(int threads) {
  const auto wanted = static_cast<std::size_t>(threads);
  State& state = *state_;
  for (std::size_t have = state.all_loops().size(); have < wanted; ++have) {
    state.add_loop();
    state.begin_sweeps(state.all_loops().back());
  }
  {
    const MutexLock lock(state.mutex);
    state.in_use = wanted;
  }
  // Who was given one of these loops before is on it by now, or comes behind this task and stays
  // for as long as it likes.
  const auto all = state.all_loops();
  for (std::size_t i = wanted; i < all.size(); ++i) {
    all[i]->post([loop = all[i]] { drain_connections(*loop); });
  }
}

void Network::State::accepted(boost::asio::ip::tcp::socket socket, std::shared_ptr<Loop> loop,
                              const ListenerOptions& listener, Listeners::Totals& totals) {
  ++accepted_connections;
  ++totals.accepted;
  boost::system::error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) {  // It is gone already.
    ++totals.closed;
    return;
  }
  const std::string address = address_text(remote.address());
  if (!limits.admit(listener.name, address)) {
    ++refused_connections;
    ++totals.closed;
    return;
  }
  socket.set_option(boost::asio::ip::tcp::no_delay(true), error);
  socket.set_option(boost::asio::socket_base::keep_alive(true), error);
  socket.native_non_blocking(true, error);
  if (options.send_buffer_bytes > 0) {
    socket.set_option(boost::asio::socket_base::send_buffer_size(options.send_buffer_bytes), error);
  }

  auto info = std::make_shared<ConnectionInfo>();
  info->id = next_connection_id++;
  info->accepted = clock.now();
  info->listener = listener.name;
  info->security_protocol = listener.security_protocol;
  info->client_host = address;
  info->principal = "User:ANONYMOUS";
  info->loop = loop;
  Loop& home = *loop;
  home.post([this, loop, info, address, name = listener.name, &totals,
             socket = std::move(socket)]() mutable {
    const std::uint64_t id = info->id;
    auto connection =
        std::make_shared<Connection>(loop, std::move(socket), std::move(info), *handler, io_pool,
                                     clock, options.max_request_bytes, unsent_answers,
                                     [this, loop = loop.get(), id, address, name, &totals] {
                                       ++totals.closed;
                                       limits.release(name, address);
                                       loop->connections().erase(id);
                                     });
    loop->connections().emplace(id, connection);
    connection->start();
  });
}

void Network::State::sweep_idle(const std::shared_ptr<Loop>& loop) {
  const env::MonotonicTime now = clock.now();
  std::vector<std::shared_ptr<Connection>> idle;
  for (const auto& [id, connection] : loop->connections()) {
    const auto since = connection->idle_since();
    if (since && now - *since > options.max_idle) idle.push_back(connection);
  }
  expired_connections += static_cast<std::int64_t>(idle.size());
  for (const auto& connection : idle) connection->close();
  loop->sweep() =
      loop->post_after(sweep_interval(options.max_idle), [this, weak = std::weak_ptr<Loop>(loop)] {
        if (const auto still = weak.lock()) sweep_idle(still);
      });
}

void Network::set_connection_limits(ConnectionLimitOptions limits) {
  state_->limits.set(std::move(limits));
}

void Network::stop_accepting() {
  state_->listeners.close();
}

void Network::State::drain(env::Duration grace) {
  const auto all = all_loops();
  for (const auto& loop : all) run_on(*loop, [&loop] { drain_connections(*loop); });
  const env::MonotonicTime deadline = clock.now() + grace;
  while (limits.open() > 0 && clock.now() < deadline) {
    // Waits on the loop's timer: nothing signals each connection's end.
    std::promise<void> waited;
    const auto timer =
        all.front()->post_after(kDrainCheckInterval, [&waited] { waited.set_value(); });
    waited.get_future().wait();
  }
}

void Network::stop(env::Duration grace) {
  if (std::exchange(state_->stopped, true)) return;
  stop_accepting();
  state_->drain(grace);
  const auto all = state_->all_loops();
  for (const auto& loop : all) run_on(*loop, [&loop] { loop->sweep() = nullptr; });
  for (const auto& loop : all) loop->stop();
}

NetworkCounts Network::counts() const {
  return {state_->limits.open(), state_->accepted_connections.load(),
          state_->refused_connections.load(), state_->expired_connections.load(),
          state_->unsent_answers.load()};
}

std::map<std::string, ListenerCounts> Network::listener_counts() const {
  return state_->listeners.counts();
}

std::vector<env::Duration> Network::loop_times() const {
  std::vector<env::Duration> times;
  const auto all = state_->all_loops();
  const std::size_t in_use = [this] {
    const MutexLock lock(state_->mutex);
    return state_->in_use;
  }();
  for (std::size_t i = 0; i < std::min(in_use, all.size()); ++i) {
    times.push_back(all[i]->cpu_time());
  }
  return times;
}

}  // namespace ottla::network
