#include "common/testing/simulated_zookeeper.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "common/testing/simulated_znodes.h"
#include "common/zookeeper/layout.h"
#include "common/zookeeper/node_data.h"
#include "common/zookeeper/pipeline.h"

namespace ottla::testing {

using zookeeper::ChildrenRequest;
using zookeeper::ClientListener;
using zookeeper::ExistsRequest;
using zookeeper::GetRequest;
using zookeeper::Op;
using zookeeper::Pipeline;
using zookeeper::Reply;
using zookeeper::Request;
using zookeeper::SessionEvent;
using zookeeper::Watch;
using zookeeper::WatchEvent;
using zookeeper::WatchType;
using zookeeper::WriteRequest;
using zookeeper::ZkError;

namespace {

constexpr std::int64_t kFirstSession = 0x1000;

Reply carried_out(SimulatedZnodes::Outcome& outcome) {
  Reply reply;
  reply.error = outcome.error;
  reply.errors = std::move(outcome.errors);
  reply.results = std::move(outcome.results);
  return reply;
}

}  // namespace

/// A TCP connection as both ends see it: messages keep their order, and what is on its way when it
/// breaks is lost, or was just in time.
struct Connection {
  bool open = true;
  std::int64_t session = 0;
  struct Message {
    Pipeline::Attempt attempt = 0;
    Request request;
  };
  struct Answer {
    std::optional<WatchEvent> event;  ///< Else the reply to `attempt`.
    Pipeline::Attempt attempt = 0;
    Reply reply;
  };
  std::deque<Message> requests;
  std::deque<Answer> answers;
  env::MonotonicTime last_request_at{};
  env::MonotonicTime last_answer_at{};
};

struct Session {
  std::set<std::string> data_watches;
  std::set<std::string> child_watches;
  std::vector<WatchEvent> missed;  ///< Fired while it had no connection.
  std::shared_ptr<Connection> connection;
  std::uint64_t expiry_timer = 0;
};

class SimulatedZooKeeper::SimulatedClient final : public zookeeper::Client {
 public:
  SimulatedClient(std::shared_ptr<Ensemble> ensemble, std::string name, std::size_t max_in_flight)
      : ensemble_(std::move(ensemble)),
        name_(std::move(name)),
        pipeline_(max_in_flight, max_in_flight) {}
  ~SimulatedClient() override { close(); }

  void add_listener(ClientListener& listener) override { listeners_.push_back(&listener); }
  void start() override;
  void close() override;

  void get(std::string path, Watch watch,
           Callback<zookeeper::ZkResult<zookeeper::Node>> done) override {
    add(GetRequest{std::move(path), watch}, zookeeper::deliver_node(std::move(done)));
  }
  void exists(std::string path, Watch watch,
              Callback<zookeeper::ZkResult<zookeeper::Stat>> done) override {
    add(ExistsRequest{std::move(path), watch}, zookeeper::deliver_stat(std::move(done)));
  }
  void children(std::string path, Watch watch,
                Callback<zookeeper::ZkResult<std::vector<std::string>>> done) override {
    add(ChildrenRequest{std::move(path), watch}, zookeeper::deliver_children(std::move(done)));
  }
  void multi(std::vector<Op> ops, Callback<zookeeper::MultiResult> done) override {
    const std::size_t count = ops.size();
    add(WriteRequest{std::move(ops), /*alone=*/false},
        zookeeper::deliver_multi(count, std::move(done)));
  }
  void write(Op op, Callback<zookeeper::ZkResult<zookeeper::OpResult>> done) override {
    WriteRequest request{.ops = {}, .alone = true};
    request.ops.push_back(std::move(op));
    add(std::move(request), zookeeper::deliver_single(std::move(done)));
  }
  [[nodiscard]] std::int64_t session_id() const override { return established_ ? session_ : 0; }

 private:
  friend class Ensemble;

  void add(Request request, Callback<Reply> done);
  void pump();
  void deliver();
  void tell(SessionEvent::Kind kind);
  void tell(const WatchEvent& event);

  std::shared_ptr<Ensemble> ensemble_;
  std::string name_;
  Pipeline pipeline_;
  std::vector<ClientListener*> listeners_;
  std::int64_t session_ = 0;
  bool established_ = false;
  bool started_ = false;
  bool closed_ = false;
  bool crashed_ = false;
  bool delivering_ = false;
  std::shared_ptr<Connection> connection_;
};

class SimulatedZooKeeper::Ensemble : public std::enable_shared_from_this<Ensemble> {
 public:
  Ensemble(SimulatedWorld& world, Options options)
      : world_(world), options_(options), executor_(world.make_executor()) {}

  std::unique_ptr<zookeeper::Client> make_client(const std::string& name) {
    auto client =
        std::make_unique<SimulatedClient>(shared_from_this(), name, options_.max_in_flight);
    clients_[name] = client.get();
    return client;
  }

  // --- The client's side ---

  void connect_later(SimulatedClient& client, env::Duration within) {
    const env::Duration delay(draw(within));
    after(delay, [this, name = client.name_, &client] {
      in_process(name, [this, name, &client] {
        if (is_live(name, client)) connect(client);
      });
    });
  }

  void send(SimulatedClient& client, Pipeline::Attempt attempt, const Request& request) {
    const auto connection = client.connection_;
    if (!connection->open) return;  // into the void: the client has not noticed yet
    connection->requests.push_back({attempt, request});
    connection->last_request_at = std::max(connection->last_request_at, world_.now() + delay());
    at(connection->last_request_at, [this, connection] { arrive(connection); });
    if (options_.connection_losses_per_million > 0 &&
        world_.random().below(1'000'000) < options_.connection_losses_per_million) {
      break_connection(client, /*silently=*/false);
    }
  }

  void close(SimulatedClient& client) {
    break_connection_without_notice(client);
    const auto found = clients_.find(client.name_);
    if (found != clients_.end() && found->second == &client) clients_.erase(found);
    const bool heard = running_ && !cut_.contains(client.name_) && !client.crashed_;
    if (heard && client.session_ != 0) end_session(client.session_);
  }

  // --- Faults ---

  void cut(const std::string& name) {
    cut_.insert(name);
    if (SimulatedClient* client = find(name)) {
      break_connection(*client, /*silently=*/world_.random().below(2) == 0);
    }
  }
  void cut_answers(const std::string& name) {
    if (!deaf_.insert(name).second) return;
    SimulatedClient* const client = find(name);
    if (client == nullptr || client->connection_ == nullptr) return;
    const env::Duration patience =
        options_.session_timeout / 3 + env::Duration(draw(options_.session_timeout / 3));
    after(patience, [this, name, client, connection = client->connection_] {
      if (!deaf_.contains(name) || !is_live(name, *client)) return;
      if (client->connection_ == connection) break_connection(*client, /*silently=*/false);
    });
  }
  void heal(const std::string& name) {
    cut_.erase(name);
    if (deaf_.erase(name) == 0) return;
    // What was sent meanwhile, again and again, comes at last.
    SimulatedClient* const client = find(name);
    if (client == nullptr || client->connection_ == nullptr) return;
    for (std::size_t held = client->connection_->answers.size(); held > 0; --held) {
      answer_is_there(client->connection_);
    }
  }
  void heal_all() {
    while (!deaf_.empty()) heal(std::string(*deaf_.begin()));
    cut_.clear();
  }
  void drop_connection(const std::string& name) {
    if (SimulatedClient* client = find(name)) break_connection(*client, false);
  }
  void expire(const std::string& name) {
    SimulatedClient* client = find(name);
    if (client == nullptr || client->session_ == 0) return;
    end_session(client->session_);
    break_connection(*client, false);
  }
  void forget_watches(const std::string& name) {
    SimulatedClient* client = find(name);
    if (client == nullptr || client->session_ == 0) return;
    Session& session = sessions_.at(client->session_);
    session.data_watches.clear();
    session.child_watches.clear();
  }
  void crash(const std::string& name) {
    SimulatedClient* client = find(name);
    if (client == nullptr) return;
    client->crashed_ = true;
    break_connection_without_notice(*client);
    clients_.erase(name);
  }
  void pause(const std::string& name) {
    paused_[name];
    SimulatedClient* client = find(name);
    if (client == nullptr) return;
    const auto session = sessions_.find(client->session_);
    if (session != sessions_.end()) start_expiry(session->first, session->second);
  }
  void resume(const std::string& name) {
    const auto held = paused_.extract(name);
    if (held.empty()) return;
    // What was answered before is still in the socket; then the truth comes out.
    for (Task& task : held.mapped()) std::move(task)();
    SimulatedClient* client = find(name);
    if (client == nullptr) return;
    const auto session = sessions_.find(client->session_);
    if (session == sessions_.end()) {
      break_connection(*client, /*silently=*/false);
    } else if (session->second.connection != nullptr) {
      cancel(session->second.expiry_timer);
    }
  }
  void stop() {
    running_ = false;
    for (auto& [id, session] : sessions_) cancel(session.expiry_timer);
    for (auto& [name, client] : std::map(clients_)) break_connection(*client, false);
  }
  void start() {
    if (std::exchange(running_, true)) return;
    for (auto& [id, session] : sessions_) start_expiry(id, session);
  }

  // --- Looking from outside ---

  [[nodiscard]] const SimulatedZnodes& znodes() const { return znodes_; }
  [[nodiscard]] std::int64_t zxid() const { return zxid_; }
  [[nodiscard]] const std::vector<Transaction>& history() const { return history_; }
  [[nodiscard]] std::int64_t session_of(const std::string& name) const {
    const auto found = clients_.find(name);
    if (found == clients_.end()) return 0;
    return sessions_.contains(found->second->session_) ? found->second->session_ : 0;
  }
  SimulatedZnodes::Outcome commit(const std::vector<Op>& ops, std::int64_t session, bool alone) {
    ++zxid_;
    auto outcome = znodes_.apply(ops, zxid_, session, world_.clock().wall_now_ms(), alone);
    if (!outcome.error) {
      history_.push_back({zxid_, session, ops});
      fire(outcome.events);
    }
    return outcome;
  }

 private:
  [[nodiscard]] env::Duration::rep draw(env::Duration below) {
    return static_cast<env::Duration::rep>(
        world_.random().below(static_cast<std::uint64_t>(below.count()) + 1));
  }
  [[nodiscard]] env::Duration delay() {
    return options_.min_delay + env::Duration(draw(options_.max_delay - options_.min_delay));
  }

  std::uint64_t after(env::Duration wait, Task task) {
    const std::uint64_t id = ++last_timer_;
    timers_[id] = executor_->post_after(wait, [this, id, task = std::move(task)]() mutable {
      const auto self = shared_from_this();
      const env::TimerHandle done = std::move(timers_.at(id));
      timers_.erase(id);
      std::move(task)();
    });
    return id;
  }
  /// What happens in the client's process, which may be paused.
  void in_process(const std::string& name, Task task) {
    const auto paused = paused_.find(name);
    if (paused == paused_.end()) {
      std::move(task)();
    } else {
      paused->second.push_back(std::move(task));
    }
  }
  std::uint64_t at(env::MonotonicTime when, Task task) {
    return after(when - world_.now(), std::move(task));
  }
  void cancel(std::uint64_t& timer) {
    timers_.erase(timer);
    timer = 0;
  }

  [[nodiscard]] SimulatedClient* find(const std::string& name) const {
    const auto found = clients_.find(name);
    return found == clients_.end() ? nullptr : found->second;
  }
  [[nodiscard]] bool is_live(const std::string& name, const SimulatedClient& client) const {
    return find(name) == &client;
  }

  void connect(SimulatedClient& client) {
    if (client.connection_ != nullptr || !client.started_) return;
    if (!running_ || cut_.contains(client.name_) || deaf_.contains(client.name_)) {
      connect_later(client, options_.max_reconnect_delay);
      return;
    }
    if (client.session_ != 0 && !sessions_.contains(client.session_)) {
      expired(client);
      return;
    }
    if (client.session_ == 0) {
      ++zxid_;
      client.session_ = ++last_session_;
      sessions_[client.session_];
    }
    Session& session = sessions_.at(client.session_);
    cancel(session.expiry_timer);
    auto connection = std::make_shared<Connection>();
    connection->session = client.session_;
    connection->last_request_at = connection->last_answer_at = world_.now();
    session.connection = connection;
    client.connection_ = connection;
    client.established_ = true;
    // As the real client sets its watches again on a new connection and hears what it missed.
    const std::vector<WatchEvent> missed = std::exchange(session.missed, {});
    for (const WatchEvent& event : missed) answer(connection, {.event = event, .reply = {}});
    client.tell(SessionEvent::Kind::Established);
    if (client.connection_ != connection) return;
    client.pipeline_.on_connected();
    client.pump();
  }

  void expired(SimulatedClient& client) {
    client.pipeline_.on_session_over();
    client.deliver();
    client.tell(SessionEvent::Kind::Expired);
    client.session_ = 0;
    if (!client.closed_) connect_later(client, options_.max_delay);
  }

  /// The client learns it now, or (`silently`) when it misses answers to its pings.
  void break_connection(SimulatedClient& client, bool silently) {
    if (client.connection_ == nullptr || !client.connection_->open) return;
    close_connection(client.connection_);
    const env::Duration notice =
        silently ? env::Duration(draw(options_.session_timeout * 2 / 3)) : delay();
    after(notice, [this, name = client.name_, &client, connection = client.connection_] {
      in_process(name, [this, name, &client, connection] {
        if (is_live(name, client) && client.connection_ == connection) disconnected(client);
      });
    });
  }

  void disconnected(SimulatedClient& client) {
    client.connection_ = nullptr;
    client.established_ = false;
    client.pipeline_.on_disconnected();
    client.deliver();
    client.tell(SessionEvent::Kind::Suspended);
    if (!client.closed_) connect_later(client, options_.max_reconnect_delay);
  }

  void break_connection_without_notice(SimulatedClient& client) {
    if (client.connection_ != nullptr && client.connection_->open) {
      close_connection(client.connection_);
    }
    client.connection_ = nullptr;
  }

  /// Of what is on its way to the ensemble, the first few still arrive.
  void close_connection(const std::shared_ptr<Connection>& connection) {
    const auto session = sessions_.find(connection->session);
    std::uint64_t arrive_in_time =
        running_ ? world_.random().below(connection->requests.size() + 1) : 0;
    while (arrive_in_time-- > 0) arrive(connection);
    connection->open = false;
    if (session == sessions_.end()) return;
    for (Connection::Answer& lost : connection->answers) {
      if (lost.event) miss(session->second, *lost.event);
    }
    session->second.connection = nullptr;
    if (running_) start_expiry(session->first, session->second);
  }

  // --- The ensemble's side ---

  void arrive(const std::shared_ptr<Connection>& connection) {
    if (!connection->open || connection->requests.empty()) return;
    const Connection::Message message = std::move(connection->requests.front());
    connection->requests.pop_front();
    const auto session = sessions_.find(connection->session);
    Reply reply = session == sessions_.end()
                      ? Reply::failed(ZkError::SessionExpired)
                      : std::visit(
                            [&](const auto& request) {
                              return carry_out(request, session->first, session->second);
                            },
                            message.request);
    answer(connection, {.event = {}, .attempt = message.attempt, .reply = std::move(reply)});
  }

  Reply carry_out(const GetRequest& request, std::int64_t, Session& session) {
    const auto node = znodes_.get(request.path);
    if (!node) return Reply::failed(ZkError::NoNode);
    if (request.watch == Watch::Yes) session.data_watches.insert(request.path);
    Reply reply;
    reply.node = *node;
    return reply;
  }
  Reply carry_out(const ExistsRequest& request, std::int64_t, Session& session) {
    if (request.watch == Watch::Yes) session.data_watches.insert(request.path);
    const auto node = znodes_.get(request.path);
    if (!node) return Reply::failed(ZkError::NoNode);
    Reply reply;
    reply.node.stat = node->stat;
    return reply;
  }
  Reply carry_out(const ChildrenRequest& request, std::int64_t, Session& session) {
    auto children = znodes_.children(request.path);
    if (!children) return Reply::failed(ZkError::NoNode);
    if (request.watch == Watch::Yes) session.child_watches.insert(request.path);
    Reply reply;
    reply.children = std::move(*children);
    return reply;
  }
  Reply carry_out(const WriteRequest& request, std::int64_t id, Session&) {
    auto outcome = commit(request.ops, id, request.alone);
    return carried_out(outcome);
  }

  void answer(const std::shared_ptr<Connection>& connection, Connection::Answer answer) {
    connection->answers.push_back(std::move(answer));
    connection->last_answer_at = std::max(connection->last_answer_at, world_.now() + delay());
    answer_is_there(connection);
  }

  /// When the last answer's time has come the client takes one, the oldest.
  void answer_is_there(const std::shared_ptr<Connection>& connection) {
    at(connection->last_answer_at, [this, connection] {
      const auto client = std::find_if(clients_.begin(), clients_.end(), [&](const auto& entry) {
        return entry.second->connection_ == connection;
      });
      if (client == clients_.end() || deaf_.contains(client->first)) return;
      in_process(client->first,
                 [this, name = client->first, connection] { receive_next(name, connection); });
    });
  }

  void receive_next(const std::string& name, const std::shared_ptr<Connection>& connection) {
    SimulatedClient* client = find(name);
    if (client == nullptr || client->connection_ != connection || !connection->open ||
        connection->answers.empty()) {
      return;
    }
    Connection::Answer next = std::move(connection->answers.front());
    connection->answers.pop_front();
    receive(*client, std::move(next));
  }

  static void receive(SimulatedClient& client, Connection::Answer answer) {
    if (answer.event) {
      client.tell(*answer.event);
      return;
    }
    client.pipeline_.on_reply(answer.attempt, std::move(answer.reply));
    client.deliver();
    client.pump();
  }

  void fire(const std::vector<WatchEvent>& events) {
    for (const WatchEvent& event : events) {
      for (auto& [id, session] : sessions_) {
        bool watched = false;
        if (event.type == WatchType::ChildrenChanged) {
          watched = session.child_watches.erase(event.path) > 0;
        } else {
          watched = session.data_watches.erase(event.path) > 0;
          if (event.type == WatchType::Deleted) {
            watched = session.child_watches.erase(event.path) > 0 || watched;
          }
        }
        if (!watched) continue;
        if (session.connection) {
          answer(session.connection, {.event = event, .reply = {}});
        } else {
          miss(session, event);
        }
      }
    }
  }

  static void miss(Session& session, const WatchEvent& event) {
    const bool known = std::any_of(
        session.missed.begin(), session.missed.end(),
        [&](const WatchEvent& m) { return m.type == event.type && m.path == event.path; });
    if (!known) session.missed.push_back(event);
  }

  void start_expiry(std::int64_t id, Session& session) {
    cancel(session.expiry_timer);
    // The ensemble looks at its sessions once per tick.
    const env::Duration late(draw(options_.session_timeout / 10));
    session.expiry_timer = after(options_.session_timeout + late, [this, id] { end_session(id); });
  }

  void end_session(std::int64_t id) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    cancel(found->second.expiry_timer);
    sessions_.erase(found);
    std::vector<Op> deletions;
    for (std::string& path : znodes_.ephemerals_of(id)) {
      deletions.push_back(zookeeper::Delete{std::move(path)});
    }
    // One transaction, as a closeSession is.
    if (!deletions.empty()) {
      (void)commit(deletions, id, /*alone=*/false);  // cannot fail: ephemerals have no children
    } else {
      ++zxid_;
    }
  }

  SimulatedWorld& world_;
  Options options_;
  std::unique_ptr<env::Executor> executor_;
  SimulatedZnodes znodes_;
  std::vector<Transaction> history_;
  std::int64_t zxid_ = 0;
  std::int64_t last_session_ = kFirstSession;
  bool running_ = true;
  std::map<std::int64_t, Session> sessions_;
  std::map<std::string, SimulatedClient*> clients_;
  std::set<std::string> cut_;
  std::set<std::string> deaf_;
  std::map<std::string, std::vector<Task>> paused_;  ///< With what waits for the resumption.
  std::map<std::uint64_t, env::TimerHandle> timers_;
  std::uint64_t last_timer_ = 0;
};

// --- SimulatedClient ---

void SimulatedZooKeeper::SimulatedClient::start() {
  started_ = true;
  ensemble_->connect_later(*this, std::chrono::milliseconds(1));
}

void SimulatedZooKeeper::SimulatedClient::close() {
  if (closed_) return;
  closed_ = true;
  established_ = false;
  ensemble_->close(*this);
  pipeline_.on_session_over();
  if (!crashed_) deliver();
  listeners_.clear();
}

void SimulatedZooKeeper::SimulatedClient::add(Request request, Callback<Reply> done) {
  if (crashed_) return;
  pipeline_.add(std::move(request), std::move(done));
  if (closed_) {
    pipeline_.on_session_over();
    return;
  }
  pump();
}

void SimulatedZooKeeper::SimulatedClient::pump() {
  while (connection_) {
    const auto sending = pipeline_.next();
    if (!sending) return;
    ensemble_->send(*this, sending->attempt, *sending->request);
  }
}

void SimulatedZooKeeper::SimulatedClient::deliver() {
  if (delivering_) return;
  delivering_ = true;
  while (auto completed = pipeline_.take_completed()) {
    std::move(completed->done)(std::move(completed->reply));
  }
  delivering_ = false;
}

void SimulatedZooKeeper::SimulatedClient::tell(SessionEvent::Kind kind) {
  for (ClientListener* listener : std::vector(listeners_)) {
    listener->on_session({.kind = kind, .session_id = session_});
  }
}

void SimulatedZooKeeper::SimulatedClient::tell(const WatchEvent& event) {
  for (ClientListener* listener : std::vector(listeners_)) listener->on_watch(event);
}

// --- SimulatedZooKeeper ---

SimulatedZooKeeper::SimulatedZooKeeper(SimulatedWorld& world, Options options)
    : ensemble_(std::make_shared<Ensemble>(world, options)) {}
SimulatedZooKeeper::~SimulatedZooKeeper() = default;

std::unique_ptr<zookeeper::Client> SimulatedZooKeeper::make_client(const std::string& name) {
  return ensemble_->make_client(name);
}
void SimulatedZooKeeper::cut(const std::string& client) {
  ensemble_->cut(client);
}
void SimulatedZooKeeper::cut_answers(const std::string& client) {
  ensemble_->cut_answers(client);
}
void SimulatedZooKeeper::heal(const std::string& client) {
  ensemble_->heal(client);
}
void SimulatedZooKeeper::heal_all() {
  ensemble_->heal_all();
}
void SimulatedZooKeeper::drop_connection(const std::string& client) {
  ensemble_->drop_connection(client);
}
void SimulatedZooKeeper::expire(const std::string& client) {
  ensemble_->expire(client);
}
void SimulatedZooKeeper::forget_watches(const std::string& client) {
  ensemble_->forget_watches(client);
}
void SimulatedZooKeeper::crash(const std::string& client) {
  ensemble_->crash(client);
}
void SimulatedZooKeeper::pause(const std::string& client) {
  ensemble_->pause(client);
}
void SimulatedZooKeeper::resume(const std::string& client) {
  ensemble_->resume(client);
}
void SimulatedZooKeeper::stop_ensemble() {
  ensemble_->stop();
}
void SimulatedZooKeeper::start_ensemble() {
  ensemble_->start();
}
std::optional<zookeeper::Node> SimulatedZooKeeper::node(const std::string& path) const {
  return ensemble_->znodes().get(path);
}
std::vector<std::string> SimulatedZooKeeper::children(const std::string& path) const {
  return ensemble_->znodes().children(path).value_or(std::vector<std::string>());
}
zookeeper::MultiResult SimulatedZooKeeper::apply(const std::vector<Op>& ops) {
  auto outcome = ensemble_->commit(ops, /*session=*/0, /*alone=*/false);
  if (outcome.error) return tl::unexpected(std::move(outcome.errors));
  return std::move(outcome.results);
}
std::int64_t SimulatedZooKeeper::session_of(const std::string& client) const {
  return ensemble_->session_of(client);
}
std::int64_t SimulatedZooKeeper::last_zxid() const {
  return ensemble_->zxid();
}
const std::vector<SimulatedZooKeeper::Transaction>& SimulatedZooKeeper::history() const {
  return ensemble_->history();
}

}  // namespace ottla::testing
