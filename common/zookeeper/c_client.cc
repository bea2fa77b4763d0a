#include "common/zookeeper/c_client.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <map>
#include <utility>

#include <glog/logging.h>
#include <zookeeper/zookeeper.h>

#include "common/env/executor.h"
#include "common/zookeeper/layout.h"
#include "common/zookeeper/pipeline.h"

namespace ottla::zookeeper {
namespace {

using std::chrono::milliseconds;

constexpr env::Duration kMinBackOff = milliseconds(100);
constexpr env::Duration kMaxBackOff = std::chrono::seconds(5);
/// At most so long `close` waits for answers to what was sent.
constexpr env::Duration kPatienceAtClose = milliseconds(500);
constexpr std::size_t kSequenceDigits = 10;
/// A new controller reads a node for each partition before anything else; reads cost the servers
/// little.
constexpr std::size_t kReadsForEachWrite = 20;

/// What ended the connection or the session under way leaves the outcome unknown; the session's own
/// event tells which of the two it was.
ZkError zk_error(int rc) {
  switch (rc) {
    case ZNONODE:
      return ZkError::NoNode;
    case ZNODEEXISTS:
      return ZkError::NodeExists;
    case ZBADVERSION:
      return ZkError::BadVersion;
    case ZNOTEMPTY:
      return ZkError::NotEmpty;
    case ZNOCHILDRENFOREPHEMERALS:
      return ZkError::NoChildrenForEphemerals;
    case ZNOAUTH:
      return ZkError::NoAuth;
    case ZRUNTIMEINCONSISTENCY:
      return ZkError::RolledBack;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZSESSIONEXPIRED:
    case ZSESSIONMOVED:
    case ZCLOSING:
    case ZINVALIDSTATE:
    case ZAUTHFAILED:
      return ZkError::ConnectionLoss;
    default:
      return ZkError::Other;
  }
}

Stat stat_from(const ::Stat& stat) {
  return {.czxid = stat.czxid,
          .mzxid = stat.mzxid,
          .pzxid = stat.pzxid,
          .version = stat.version,
          .children_version = stat.cversion,
          .ephemeral_owner = stat.ephemeralOwner,
          .modified_ms = stat.mtime,
          .created_ms = stat.ctime,
          .children = stat.numChildren};
}

int flags_of(CreateMode mode) {
  switch (mode) {
    case CreateMode::Persistent:
      return 0;
    case CreateMode::Ephemeral:
      return ZOO_EPHEMERAL;
    case CreateMode::PersistentSequential:
      return ZOO_PERSISTENT_SEQUENTIAL;
  }
  return 0;
}

const char* data_of(const Create& op) {
  return op.data ? op.data->data() : nullptr;
}
int length_of(const Create& op) {
  return op.data ? static_cast<int>(op.data->size()) : -1;
}

/// The C library's own log: its warnings are mostly about servers that refuse, which the client
/// tells in its own words, so they are for those who look closely.
void log_message(const char* message) {
  VLOG(1) << "ZooKeeper C client: " << message;
}

class CClient;

/// One request on its way: keeps the memory that the library writes results to.
struct Call {
  CClient* client = nullptr;
  std::uint64_t generation = 0;
  Pipeline::Attempt attempt = 0;
  env::MonotonicTime sent{};
  std::int64_t session = 0;  ///< Of a chroot's creation.
  // Of a multi, for each operation:
  std::vector<zoo_op_result_t> results;
  std::vector<::Stat> stats;
  std::vector<std::string> result_paths;
};

/// All state is the loop's; the library's threads copy what they have and post it there.
/// Thread: any.
class CClient final : public Client {
 public:
  CClient(ClientSettings settings, ConnectString connect)
      : settings_(std::move(settings)),
        connect_(std::move(connect)),
        pipeline_(settings_.max_in_flight, settings_.max_in_flight * kReadsForEachWrite) {}
  ~CClient() override { close(); }

  void add_listener(ClientListener& listener) override { listeners_.push_back(&listener); }
  void start() override {
    loop_.post([this] {
      open();
      warn_while_disconnected();
    });
  }
  void close() override;

  void get(std::string path, Watch watch, Callback<ZkResult<Node>> done) override {
    add(GetRequest{std::move(path), watch}, deliver_node(std::move(done)));
  }
  void exists(std::string path, Watch watch, Callback<ZkResult<Stat>> done) override {
    add(ExistsRequest{std::move(path), watch}, deliver_stat(std::move(done)));
  }
  void children(std::string path, Watch watch,
                Callback<ZkResult<std::vector<std::string>>> done) override {
    add(ChildrenRequest{std::move(path), watch}, deliver_children(std::move(done)));
  }
  void multi(std::vector<Op> ops, Callback<MultiResult> done) override {
    const std::size_t count = ops.size();
    add(WriteRequest{std::move(ops), /*alone=*/false}, deliver_multi(count, std::move(done)));
  }
  void write(Op op, Callback<ZkResult<OpResult>> done) override {
    WriteRequest request{.ops = {}, .alone = true};
    request.ops.push_back(std::move(op));
    add(std::move(request), deliver_single(std::move(done)));
  }
  [[nodiscard]] std::int64_t session_id() const override { return session_id_.load(); }

 private:
  /// What the library hands back with session events and watches.
  struct Context {
    CClient* client;
    std::uint64_t generation;
  };

  // --- On the library's threads ---
  static void on_watcher(zhandle_t* handle, int type, int state, const char* path, void* context);
  static void on_data(int rc, const char* value, int length, const ::Stat* stat, const void* data);
  static void on_stat(int rc, const ::Stat* stat, const void* data);
  static void on_strings(int rc, const String_vector* strings, const void* data);
  static void on_created(int rc, const char* path, const ::Stat* stat, const void* data);
  static void on_void(int rc, const void* data);
  static void on_multi(int rc, const void* data);
  static void on_chroot(int rc, const char* path, const void* data);
  static void finish(const Call& call, Reply reply);
  static Call& call_of(const void* data) { return *static_cast<Call*>(const_cast<void*>(data)); }

  // --- On the loop ---
  void add(Request request, Callback<Reply> done);
  void open();
  void close_handle();
  void shut_down();
  void reopen_later();
  void warn_while_disconnected();
  void on_session_state(int state, std::int64_t session);
  void on_connected(std::int64_t session);
  void on_disconnected();
  void on_expired();
  void make_chroot(std::int64_t session);
  void pump();
  void answered(Pipeline::Attempt attempt);
  void deliver();
  void tell(SessionEvent::Kind kind, std::int64_t session);

  int send(const GetRequest& request, Call& call);
  int send(const ExistsRequest& request, Call& call);
  int send(const ChildrenRequest& request, Call& call);
  int send(const WriteRequest& request, Call& call);
  int send_alone(const Op& op, Call& call);

  [[nodiscard]] std::string server_path(const std::string& path) const {
    if (connect_.chroot.empty()) return path;
    return path == "/" ? connect_.chroot : connect_.chroot + path;
  }
  [[nodiscard]] std::string client_path(std::string_view path) const {
    if (path.starts_with(connect_.chroot)) path.remove_prefix(connect_.chroot.size());
    return path.empty() ? "/" : std::string(path);
  }

  const ClientSettings settings_;
  const ConnectString connect_;
  std::vector<ClientListener*> listeners_;  ///< Fixed from `start` on.
  std::atomic<std::int64_t> session_id_{0};
  std::atomic<bool> closed_{false};

  Pipeline pipeline_;
  zhandle_t* handle_ = nullptr;
  std::unique_ptr<Context> context_;
  std::uint64_t generation_ = 0;
  std::map<Pipeline::Attempt, std::unique_ptr<Call>> calls_;
  std::unique_ptr<Call> chroot_call_;
  std::size_t chroot_made_ = 0;  ///< Length of the part of the chroot that exists.
  std::int64_t session_ = 0;     ///< The last one that was established.
  bool connected_ = false;
  bool closing_ = false;  ///< Nothing is sent any more.
  bool shut_down_ = false;
  std::promise<void> ended_;
  env::Duration back_off_ = kMinBackOff;
  env::Duration disconnected_for_{};
  env::TimerHandle reopen_timer_;
  env::TimerHandle warn_timer_;
  env::TimerHandle close_timer_;

  env::SystemClock clock_;
  env::EventLoop loop_{"zookeeper"};
};

// --- Starting, sessions, ending ---

void CClient::open() {
  if (shut_down_ || closing_) return;
  context_ = std::make_unique<Context>(Context{this, ++generation_});
  const auto timeout = std::chrono::duration_cast<milliseconds>(settings_.session_timeout).count();
  handle_ = zookeeper_init2(connect_.servers.c_str(), &CClient::on_watcher,
                            static_cast<int>(timeout), nullptr, context_.get(), 0, &log_message);
  if (handle_ != nullptr) return;
  LOG(WARNING) << "ZooKeeper: cannot start a session with " << connect_.servers << ": "
               << std::strerror(errno) << "; trying again in "
               << std::chrono::duration_cast<milliseconds>(back_off_).count() << " ms";
  reopen_later();
}

void CClient::reopen_later() {
  reopen_timer_ = loop_.post_after(back_off_, [this] { open(); });
  back_off_ = std::min(back_off_ * 2, kMaxBackOff);
}

void CClient::close_handle() {
  if (handle_ == nullptr) return;
  ++generation_;  // whatever still comes from this handle is stale
  zookeeper_close(std::exchange(handle_, nullptr));
  // Its threads have ended: nobody writes to these any more.
  calls_.clear();
  chroot_call_.reset();
  context_.reset();
}

void CClient::close() {
  if (closed_.exchange(true)) return;
  loop_.post([this] {
    closing_ = true;
    if (!connected_ || pipeline_.in_flight() == 0) return shut_down();
    // A socket that is closed with answers unread is reset, and the server may never see the end of
    // the session: its ephemerals would stay until the timeout.
    close_timer_ = loop_.post_after(kPatienceAtClose, [this] { shut_down(); });
  });
  ended_.get_future().wait();
  loop_.stop();
}

void CClient::shut_down() {
  if (shut_down_) return;
  shut_down_ = true;
  session_id_ = 0;
  pipeline_.on_session_over();
  deliver();
  reopen_timer_.reset();
  warn_timer_.reset();
  close_timer_.reset();
  close_handle();
  ended_.set_value();
}

void CClient::warn_while_disconnected() {
  if (shut_down_) return;
  if (connected_) {
    disconnected_for_ = {};
  } else if (disconnected_for_ > env::Duration::zero()) {
    LOG(WARNING) << "ZooKeeper: no connection to " << connect_.servers << " for "
                 << std::chrono::duration_cast<std::chrono::seconds>(disconnected_for_).count()
                 << " s; still trying";
  }
  if (!connected_) disconnected_for_ += settings_.connection_timeout;
  warn_timer_ =
      loop_.post_after(settings_.connection_timeout, [this] { warn_while_disconnected(); });
}

void CClient::on_session_state(int state, std::int64_t session) {
  if (state == ZOO_CONNECTED_STATE) {
    on_connected(session);
  } else if (state == ZOO_CONNECTING_STATE || state == ZOO_ASSOCIATING_STATE ||
             state == ZOO_NOTCONNECTED_STATE) {
    on_disconnected();
  } else if (state == ZOO_EXPIRED_SESSION_STATE) {
    on_expired();
  } else if (state == ZOO_AUTH_FAILED_STATE) {
    if (settings_.auth_failures) settings_.auth_failures->add();
    LOG(ERROR) << "ZooKeeper: authentication with " << connect_.servers << " failed";
    on_expired();
  }
}

void CClient::on_connected(std::int64_t session) {
  back_off_ = kMinBackOff;
  if (chroot_made_ < connect_.chroot.size()) {
    make_chroot(session);
    return;
  }
  connected_ = true;
  session_ = session;
  disconnected_for_ = {};
  session_id_ = session;
  tell(SessionEvent::Kind::Established, session);
  pipeline_.on_connected();
  pump();
}

void CClient::on_disconnected() {
  if (!connected_) return;
  connected_ = false;
  pipeline_.on_disconnected();
  deliver();
  tell(SessionEvent::Kind::Suspended, session_);
  if (closing_) shut_down();
}

void CClient::on_expired() {
  connected_ = false;
  session_id_ = 0;
  pipeline_.on_session_over();
  deliver();
  if (session_ != 0) tell(SessionEvent::Kind::Expired, std::exchange(session_, 0));
  close_handle();
  if (closing_) return shut_down();
  // At once the first time; a server that goes on refusing sessions is asked ever less often.
  if (back_off_ == kMinBackOff) {
    back_off_ *= 2;
    open();
  } else {
    reopen_later();
  }
}

void CClient::make_chroot(std::int64_t session) {
  const std::size_t end =
      std::min(connect_.chroot.find('/', chroot_made_ + 1), connect_.chroot.size());
  chroot_call_ = std::make_unique<Call>();
  chroot_call_->client = this;
  chroot_call_->generation = generation_;
  chroot_call_->attempt = end;
  chroot_call_->session = session;
  const std::string path = connect_.chroot.substr(0, end);
  (void)zoo_acreate(handle_, path.c_str(), nullptr, -1, &ZOO_OPEN_ACL_UNSAFE, 0,
                    &CClient::on_chroot, chroot_call_.get());
}

void CClient::tell(SessionEvent::Kind kind, std::int64_t session) {
  for (ClientListener* listener : listeners_) {
    listener->on_session({.kind = kind, .session_id = session});
  }
}

// --- Requests ---

void CClient::add(Request request, Callback<Reply> done) {
  loop_.post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (shut_down_) return;
    pipeline_.add(std::move(request), std::move(done));
    pump();
  });
}

void CClient::pump() {
  if (closing_) {
    if (pipeline_.in_flight() == 0) shut_down();
    return;
  }
  while (const auto sending = pipeline_.next()) {
    auto owned = std::make_unique<Call>();
    Call& call = *owned;
    call.client = this;
    call.generation = generation_;
    call.attempt = sending->attempt;
    call.sent = clock_.now();
    calls_.emplace(sending->attempt, std::move(owned));
    const int rc =
        std::visit([&](const auto& request) { return send(request, call); }, *sending->request);
    if (rc == ZOK) continue;
    // Refused before it left: the library keeps no pointer to the call.
    const Pipeline::Attempt attempt = sending->attempt;
    calls_.erase(attempt);
    const ZkError error = zk_error(rc);
    pipeline_.on_reply(attempt, Reply::failed(error));
    if (error == ZkError::ConnectionLoss) {
      // The handle is closing or expired; its event is on the way.
      pipeline_.on_disconnected();
    }
    deliver();
  }
}

int CClient::send(const GetRequest& request, Call& call) {
  return zoo_aget(handle_, server_path(request.path).c_str(), request.watch == Watch::Yes,
                  &CClient::on_data, &call);
}

int CClient::send(const ExistsRequest& request, Call& call) {
  return zoo_aexists(handle_, server_path(request.path).c_str(), request.watch == Watch::Yes,
                     &CClient::on_stat, &call);
}

int CClient::send(const ChildrenRequest& request, Call& call) {
  return zoo_aget_children(handle_, server_path(request.path).c_str(), request.watch == Watch::Yes,
                           &CClient::on_strings, &call);
}

int CClient::send(const WriteRequest& request, Call& call) {
  if (request.alone && !std::holds_alternative<Check>(request.ops.front())) {
    return send_alone(request.ops.front(), call);
  }
  const std::size_t count = request.ops.size();
  call.results.resize(count);
  call.stats.resize(count);
  call.result_paths.resize(count);
  std::vector<zoo_op_t> ops(count);
  std::vector<std::string> paths;
  paths.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Op& op = request.ops[i];
    paths.push_back(server_path(std::visit([](const auto& o) { return o.path; }, op)));
    const char* path = paths.back().c_str();
    if (const auto* create = std::get_if<Create>(&op)) {
      call.result_paths[i].resize(paths.back().size() + kSequenceDigits + 2);
      zoo_create_op_init(&ops[i], path, data_of(*create), length_of(*create), &ZOO_OPEN_ACL_UNSAFE,
                         flags_of(create->mode), call.result_paths[i].data(),
                         static_cast<int>(call.result_paths[i].size()));
    } else if (const auto* set = std::get_if<Set>(&op)) {
      zoo_set_op_init(&ops[i], path, set->data.data(), static_cast<int>(set->data.size()),
                      set->version, &call.stats[i]);
    } else if (const auto* remove = std::get_if<Delete>(&op)) {
      zoo_delete_op_init(&ops[i], path, remove->version);
    } else if (const auto* check = std::get_if<Check>(&op)) {
      zoo_check_op_init(&ops[i], path, check->version);
    }
  }
  return zoo_amulti(handle_, static_cast<int>(count), ops.data(), call.results.data(),
                    &CClient::on_multi, &call);
}

int CClient::send_alone(const Op& op, Call& call) {
  if (const auto* create = std::get_if<Create>(&op)) {
    return zoo_acreate2(handle_, server_path(create->path).c_str(), data_of(*create),
                        length_of(*create), &ZOO_OPEN_ACL_UNSAFE, flags_of(create->mode),
                        &CClient::on_created, &call);
  }
  if (const auto* set = std::get_if<Set>(&op)) {
    call.result_paths.push_back(set->path);
    return zoo_aset(handle_, server_path(set->path).c_str(), set->data.data(),
                    static_cast<int>(set->data.size()), set->version, &CClient::on_stat, &call);
  }
  const auto& remove = std::get<Delete>(op);
  return zoo_adelete(handle_, server_path(remove.path).c_str(), remove.version, &CClient::on_void,
                     &call);
}

void CClient::deliver() {
  while (auto completed = pipeline_.take_completed()) {
    std::move(completed->done)(std::move(completed->reply));
  }
}

// --- The library's threads ---

void CClient::on_watcher(zhandle_t* handle, int type, int state, const char* path, void* context) {
  const Context from = *static_cast<Context*>(context);
  if (type == ZOO_SESSION_EVENT) {
    const std::int64_t session = zoo_client_id(handle)->client_id;
    from.client->loop_.post([from, state, session] {
      if (from.client->generation_ == from.generation) {
        from.client->on_session_state(state, session);
      }
    });
    return;
  }
  WatchEvent event{.type = WatchType::Created, .path = {}};
  if (type == ZOO_CREATED_EVENT) {
    event.type = WatchType::Created;
  } else if (type == ZOO_DELETED_EVENT) {
    event.type = WatchType::Deleted;
  } else if (type == ZOO_CHANGED_EVENT) {
    event.type = WatchType::DataChanged;
  } else if (type == ZOO_CHILD_EVENT) {
    event.type = WatchType::ChildrenChanged;
  } else {
    return;
  }
  event.path = from.client->client_path(path);
  from.client->loop_.post([from, event = std::move(event)] {
    if (from.client->generation_ != from.generation) return;
    for (ClientListener* listener : from.client->listeners_) listener->on_watch(event);
  });
}

void CClient::answered(Pipeline::Attempt attempt) {
  const auto call = calls_.extract(attempt);
  if (call.empty() || !settings_.latency_us) return;
  settings_.latency_us->record(
      std::chrono::duration_cast<std::chrono::microseconds>(clock_.now() - call.mapped()->sent)
          .count());
}

void CClient::finish(const Call& call, Reply reply) {
  CClient* client = call.client;
  client->loop_.post([client, generation = call.generation, attempt = call.attempt,
                      reply = std::move(reply)]() mutable {
    if (client->generation_ != generation) return;
    client->answered(attempt);
    client->pipeline_.on_reply(attempt, std::move(reply));
    client->deliver();
    client->pump();
  });
}

void CClient::on_data(int rc, const char* value, int length, const ::Stat* stat, const void* data) {
  if (rc != ZOK) return finish(call_of(data), Reply::failed(zk_error(rc)));
  Reply reply;
  if (length > 0) reply.node.data.assign(value, static_cast<std::size_t>(length));
  reply.node.stat = stat_from(*stat);
  finish(call_of(data), std::move(reply));
}

void CClient::on_stat(int rc, const ::Stat* stat, const void* data) {
  Call& call = call_of(data);
  if (rc != ZOK) return finish(call, Reply::failed(zk_error(rc)));
  Reply reply;
  reply.node.stat = stat_from(*stat);
  if (!call.result_paths.empty()) {  // a Set
    reply.results.push_back({call.result_paths.front(), reply.node.stat});
  }
  finish(call, std::move(reply));
}

void CClient::on_strings(int rc, const String_vector* strings, const void* data) {
  if (rc != ZOK) return finish(call_of(data), Reply::failed(zk_error(rc)));
  Reply reply;
  reply.children.assign(strings->data, strings->data + strings->count);
  finish(call_of(data), std::move(reply));
}

void CClient::on_created(int rc, const char* path, const ::Stat* stat, const void* data) {
  Call& call = call_of(data);
  if (rc != ZOK) return finish(call, Reply::failed(zk_error(rc)));
  Reply reply;
  reply.results.push_back({call.client->client_path(path), stat_from(*stat)});
  finish(call, std::move(reply));
}

void CClient::on_void(int rc, const void* data) {
  finish(call_of(data), rc == ZOK ? Reply() : Reply::failed(zk_error(rc)));
}

void CClient::on_multi(int rc, const void* data) {
  Call& call = call_of(data);
  if (rc == ZOK) {
    Reply reply;
    for (std::size_t i = 0; i < call.results.size(); ++i) {
      OpResult result;
      // The buffer was filled up to a terminating zero.
      if (!call.result_paths[i].empty()) {
        result.path = call.client->client_path(call.result_paths[i].c_str());
      }
      result.stat = stat_from(call.stats[i]);
      reply.results.push_back(std::move(result));
    }
    return finish(call, std::move(reply));
  }
  Reply reply = Reply::failed(zk_error(rc));
  if (reply.error != ZkError::ConnectionLoss) {
    for (const zoo_op_result_t& result : call.results) {
      reply.errors.push_back(result.err == ZOK ? ZkError::RolledBack : zk_error(result.err));
    }
  }
  finish(call, std::move(reply));
}

void CClient::on_chroot(int rc, const char*, const void* data) {
  const Call& call = call_of(data);
  CClient* client = call.client;
  client->loop_.post(
      [client, generation = call.generation, end = call.attempt, session = call.session, rc] {
        if (client->generation_ != generation) return;
        if (rc == ZOK || rc == ZNODEEXISTS) {
          client->chroot_made_ = end;
          client->on_connected(session);
        } else if (zk_error(rc) != ZkError::ConnectionLoss) {
          LOG(ERROR) << "ZooKeeper: cannot create the chroot " << client->connect_.chroot << ": "
                     << zerror(rc);
          client->on_expired();
        }
      });
}

}  // namespace

Result<ConnectString> parse_connect_string(std::string_view text) {
  const auto invalid = [&](const char* what) {
    return fail(ErrorCode::InvalidConfig, "zookeeper.connect=" + std::string(text) + ": " + what +
                                              " (host:port[,host:port...][/chroot])");
  };
  ConnectString connect;
  const std::size_t slash = text.find('/');
  std::string_view servers = text.substr(0, slash);
  if (slash != std::string_view::npos) {
    std::string_view chroot = text.substr(slash);
    while (chroot.ends_with('/')) chroot.remove_suffix(1);
    if (chroot.find("//") != std::string_view::npos) return invalid("the chroot has an empty part");
    connect.chroot = std::string(chroot);
  }
  while (!servers.empty()) {
    const std::size_t comma = servers.find(',');
    std::string server(servers.substr(0, comma));
    servers.remove_prefix(comma == std::string_view::npos ? servers.size() : comma + 1);
    std::erase(server, ' ');
    if (server.empty()) continue;
    const std::size_t colon = server.rfind(':');
    const bool has_port =
        colon != std::string::npos && server.find(']', colon) == std::string::npos;
    if (!has_port) {
      server += ":2181";
    } else if (!layout::parse_number(std::string_view(server).substr(colon + 1))) {
      return invalid("a port is not a number");
    }
    if (!connect.servers.empty()) connect.servers += ',';
    connect.servers += server;
  }
  if (connect.servers.empty()) return invalid("names no server");
  return connect;
}

Result<std::unique_ptr<Client>> make_c_client(ClientSettings settings) {
  OTTLA_TRY(ConnectString connect, parse_connect_string(settings.connect));
  zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
  return std::make_unique<CClient>(std::move(settings), std::move(connect));
}

}  // namespace ottla::zookeeper
