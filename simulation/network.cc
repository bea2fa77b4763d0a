#include "simulation/network.h"

#include <algorithm>
#include <deque>
#include <optional>

namespace ottla::simulation {

using std::chrono::milliseconds;

Network::Network(testing::SimulatedWorld& world, Options options)
    : world_(world), options_(options), executor_(world.make_executor()) {}

Network::~Network() = default;

const Network::Process* Network::find(const std::string& endpoint) const {
  const auto found = processes_.find(endpoint);
  return found == processes_.end() ? nullptr : &found->second;
}

env::Duration Network::draw_delay() {
  const auto range = static_cast<std::uint64_t>((options_.delay_max - options_.delay_min).count());
  env::Duration delay = options_.delay_min + env::Duration(world_.random().below(range));
  if (draw(degraded_ ? 300 : options_.slow_per_mille)) {
    const auto slow = static_cast<std::uint64_t>(options_.slow_delay.count());
    delay += env::Duration(world_.random().below(slow));
  }
  return delay;
}

void Network::note_arrival(const std::pair<std::string, std::string>& way, std::uint64_t number) {
  std::uint64_t& latest = latest_arrived_[way];
  if (number < latest) ++counts_["a call is overtaken"];
  latest = std::max(latest, number);
}

env::Duration Network::draw_lateness() {
  return milliseconds(1000 + world_.random().below(900));
}

void Network::after(env::Duration delay, Task task) {
  const std::uint64_t number = ++last_timer_;
  timers_[number] = executor_->post_after(delay, [this, number, task = std::move(task)]() mutable {
    timers_.erase(number);
    std::move(task)();
  });
}

// Replication streams.

/// Both halves of one stream. Messages of a direction arrive in order; while a direction is cut
/// they wait, as bytes wait in a kernel that sends them again and again.
class Network::Stream : public std::enable_shared_from_this<Network::Stream> {
 public:
  Stream(Network& network, std::string follower_endpoint, std::string leader_endpoint,
         const Process& follower, BrokerId leader)
      : network_(network),
        follower_{std::move(follower_endpoint), follower.start_nonce, follower.broker, {}, {}, {}},
        leader_{std::move(leader_endpoint), "", leader, {}, {}, {}} {}

  struct End {
    std::string endpoint;
    std::string start_nonce;  ///< Whose end it is: a process that is gone hears nothing.
    BrokerId broker;
    env::MonotonicTime last_arrival;
    std::deque<Task> held;  ///< Arrived, but the direction to this end is cut.
    env::Executor* executor;
  };

  void open(rpc::StreamHello hello, env::Executor& executor,
            std::shared_ptr<rpc::FollowerHandler> handler);
  void send_to_leader(rpc::FollowerMessage message);
  void send_to_follower(rpc::LeaderMessage message);
  /// One side closed its half, or the connection broke.
  void close(const Error& cause);
  void release_held();
  [[nodiscard]] bool touches(const std::string& endpoint) const {
    return follower_.endpoint == endpoint || leader_.endpoint == endpoint;
  }
  /// The side at `endpoint` is gone: it hears nothing any more.
  void forget(const std::string& endpoint) {
    if (follower_.endpoint == endpoint) follower_handler_.reset();
    if (leader_.endpoint == endpoint) leader_handler_.reset();
  }

 private:
  template <class Outgoing>
  class Writer final : public rpc::StreamWriter<Outgoing> {
   public:
    Writer(std::shared_ptr<Stream> stream, void (Stream::*method)(Outgoing), bool is_follower)
        : stream_(std::move(stream)), send_(method), is_follower_(is_follower) {}
    ~Writer() override {
      // The closing side hears nothing more.
      (is_follower_ ? stream_->drop_follower() : stream_->drop_leader());
      stream_->close(Error(ErrorCode::NetworkException, "the other side closed the stream"));
    }
    void send(Outgoing message) override { (stream_.get()->*send_)(std::move(message)); }

   private:
    std::shared_ptr<Stream> stream_;
    void (Stream::*send_)(Outgoing);
    bool is_follower_;
  };
  friend class SimulatedTransport;

  void drop_follower() { follower_handler_.reset(); }
  void drop_leader() { leader_handler_.reset(); }
  void accept(const rpc::StreamHello& hello);
  void deliver(const End& from, End& to, Task task);
  void arrive(const End& from, End& to, Task task);
  [[nodiscard]] bool alive(const End& end) const {
    const Process* const process = network_.find(end.endpoint);
    return process != nullptr && process->start_nonce == end.start_nonce;
  }

  Network& network_;
  End follower_;
  End leader_;
  std::shared_ptr<rpc::FollowerHandler> follower_handler_;
  std::shared_ptr<rpc::LeaderHandler> leader_handler_;
  std::deque<rpc::FollowerMessage> before_accept_;
  bool accepted_ = false;
  bool closed_ = false;
};

void Network::Stream::open(rpc::StreamHello hello, env::Executor& executor,
                           std::shared_ptr<rpc::FollowerHandler> handler) {
  follower_.executor = &executor;
  follower_handler_ = std::move(handler);
  network_.streams_.push_back(weak_from_this());
  network_.after(network_.draw_delay(),
                 [self = shared_from_this(), hello] { self->accept(hello); });
}

void Network::Stream::accept(const rpc::StreamHello& hello) {
  if (closed_) return;
  const Process* const process = network_.find(leader_.endpoint);
  if (process == nullptr || network_.is_cut(follower_.broker, leader_.broker)) {
    return close(Error(ErrorCode::NetworkException, "no connection"));
  }
  leader_.start_nonce = process->start_nonce;
  auto accepted = process->replication->accept(
      hello, std::make_unique<Writer<rpc::LeaderMessage>>(shared_from_this(),
                                                          &Stream::send_to_follower, false));
  if (!accepted) return close(accepted.error());
  leader_.executor = accepted->executor;
  leader_handler_ = std::move(accepted->handler);
  accepted_ = true;
  while (!before_accept_.empty()) {
    rpc::FollowerMessage message = std::move(before_accept_.front());
    before_accept_.pop_front();
    send_to_leader(std::move(message));
  }
}

void Network::Stream::send_to_leader(rpc::FollowerMessage message) {
  if (closed_) return;
  if (!accepted_) return before_accept_.push_back(std::move(message));
  if (network_.hides_fetched_epochs_) {
    for (rpc::Subscription& wanted : message.subscribe) {
      wanted.last_fetched_epoch = kUnknownLeaderEpoch;
    }
  }
  deliver(follower_, leader_, [self = shared_from_this(), message = std::move(message)]() mutable {
    if (const auto handler = self->leader_handler_) handler->on_message(std::move(message));
  });
}

void Network::Stream::send_to_follower(rpc::LeaderMessage message) {
  if (closed_) return;
  deliver(leader_, follower_, [self = shared_from_this(), message = std::move(message)]() mutable {
    if (const auto handler = self->follower_handler_) handler->on_message(std::move(message));
  });
}

void Network::Stream::deliver(const End& from, End& to, Task task) {
  const env::MonotonicTime now = network_.world_.now();
  to.last_arrival = std::max(now + network_.draw_delay(), to.last_arrival);
  network_.after(to.last_arrival - now,
                 [self = shared_from_this(), &from, &to, task = std::move(task)]() mutable {
                   self->arrive(from, to, std::move(task));
                 });
}

void Network::Stream::arrive(const End& from, End& to, Task task) {
  if (closed_) return;
  if (!to.held.empty() || network_.is_cut(from.broker, to.broker)) {
    to.held.push_back(std::move(task));
  } else if (alive(to) && to.executor != nullptr) {
    to.executor->post(std::move(task));
  }
}

void Network::Stream::release_held() {
  for (End* const end : {&follower_, &leader_}) {
    std::deque<Task> held = std::exchange(end->held, {});
    for (Task& task : held) {
      if (!closed_ && alive(*end) && end->executor != nullptr) end->executor->post(std::move(task));
    }
  }
}

void Network::Stream::close(const Error& cause) {
  if (std::exchange(closed_, true)) return;
  const auto follower = std::exchange(follower_handler_, nullptr);
  const auto leader = std::exchange(leader_handler_, nullptr);
  follower_.held.clear();
  leader_.held.clear();
  network_.after(network_.draw_delay(), [self = shared_from_this(), follower, leader, cause] {
    if (follower && self->alive(self->follower_)) {
      self->follower_.executor->post([follower, cause] { follower->on_closed(cause); });
    }
    if (leader && self->alive(self->leader_)) {
      self->leader_.executor->post([leader, cause] { leader->on_closed(cause); });
    }
  });
}

class Network::SimulatedTransport final : public rpc::ReplicationTransport {
 public:
  SimulatedTransport(Network& network, std::string endpoint)
      : network_(network), endpoint_(std::move(endpoint)) {}

  std::unique_ptr<rpc::FollowerWriter> open(
      const cluster::Broker& leader, const rpc::StreamHello& hello, env::Executor& executor,
      std::shared_ptr<rpc::FollowerHandler> handler) override {
    const Process* const self = network_.find(endpoint_);
    if (self == nullptr || !leader.grpc_endpoint) return nullptr;
    auto stream =
        std::make_shared<Stream>(network_, endpoint_, *leader.grpc_endpoint, *self, leader.id);
    stream->open(hello, executor, std::move(handler));
    return std::make_unique<Stream::Writer<rpc::FollowerMessage>>(std::move(stream),
                                                                  &Stream::send_to_leader, true);
  }

 private:
  Network& network_;
  std::string endpoint_;
};

// Calls.

class Network::SimulatedPeer final : public rpc::Peer {
 public:
  SimulatedPeer(Network& network, std::string from, std::string to, BrokerId target)
      : network_(network), from_(std::move(from)), to_(std::move(to)), target_(target) {}

  void update_cluster(rpc::ClusterUpdate update, env::Duration timeout,
                      Callback<Result<rpc::ClusterUpdateReply>> done) override {
    call<rpc::ClusterUpdateReply>(
        timeout, std::move(done),
        [update = std::move(update)](const Process& process, auto reply) mutable {
          process.broker_control->update_cluster(std::move(update), std::move(reply));
        });
  }
  void query_replica_logs(rpc::ReplicaLogQuery query, env::Duration timeout,
                          Callback<Result<rpc::ReplicaLogAnswer>> done) override {
    call<rpc::ReplicaLogAnswer>(
        timeout, std::move(done),
        [query = std::move(query)](const Process& process, auto reply) mutable {
          process.broker_control->query_replica_logs(std::move(query), std::move(reply));
        });
  }
  void alter_partition(rpc::AlterPartitionRequest request, env::Duration timeout,
                       Callback<Result<rpc::AlterPartitionReply>> done) override {
    call<rpc::AlterPartitionReply>(
        timeout, std::move(done),
        [request = std::move(request)](const Process& process, auto reply) mutable {
          process.controller_control->alter_partition(std::move(request), std::move(reply));
        },
        network_.isr_requests_are_late_ ? network_.draw_lateness() : env::Duration::zero());
  }
  void controlled_shutdown(rpc::ControlledShutdownRequest request, env::Duration timeout,
                           Callback<Result<rpc::ControlledShutdownReply>> done) override {
    call<rpc::ControlledShutdownReply>(
        timeout, std::move(done), [request](const Process& process, auto reply) {
          process.controller_control->controlled_shutdown(request, std::move(reply));
        });
  }
  void allocate_producer_ids(rpc::AllocateProducerIdsRequest request, env::Duration timeout,
                             Callback<Result<rpc::AllocateProducerIdsReply>> done) override {
    call<rpc::AllocateProducerIdsReply>(
        timeout, std::move(done), [request](const Process& process, auto reply) {
          process.controller_control->allocate_producer_ids(request, std::move(reply));
        });
  }
  void report_slow_replicas(rpc::SlowReplicasReport report, env::Duration timeout,
                            Callback<Result<rpc::SlowReplicasReply>> done) override {
    call<rpc::SlowReplicasReply>(
        timeout, std::move(done),
        [report = std::move(report)](const Process& process, auto reply) mutable {
          process.controller_control->report_slow_replicas(std::move(report), std::move(reply));
        });
  }
  void write_markers(rpc::NumberedMarkers markers, env::Duration timeout,
                     Callback<Result<protocol::WriteTxnMarkersResponse>> done) {
    call<protocol::WriteTxnMarkersResponse>(
        timeout, std::move(done),
        [markers = std::move(markers)](const Process& process, auto reply) mutable {
          process.transactions->write_markers(std::move(markers), std::move(reply));
        });
  }
  void add_partitions(protocol::AddPartitionsToTxnRequest request, env::Duration timeout,
                      Callback<Result<protocol::AddPartitionsToTxnResponse>> done) {
    call<protocol::AddPartitionsToTxnResponse>(
        timeout, std::move(done),
        [request = std::move(request)](const Process& process, auto reply) mutable {
          process.transactions->add_partitions(std::move(request), std::move(reply));
        });
  }

 private:
  /// One call on its way; whatever happens, `done` runs once on the caller, if that still lives.
  template <class Reply>
  struct Call {
    Network& network;
    std::string from;
    std::string caller_nonce;
    Callback<Result<Reply>> done;

    void end(Result<Reply> result) {
      if (!done) return;
      auto ending = std::exchange(done, nullptr);
      const Process* const caller = network.find(from);
      if (caller == nullptr || caller->start_nonce != caller_nonce) return;
      caller->inbound->post([ending = std::move(ending), result = std::move(result)]() mutable {
        std::move(ending)(std::move(result));
      });
    }
  };

  /// A late copy of a call, whose answer nobody hears.
  template <class Reply, class Deliver>
  static void deliver_again(Network& network, const std::string& to, const Deliver& deliver) {
    const auto latest = static_cast<std::uint64_t>(network.options_.duplicate_delay.count());
    network.after(
        env::Duration(network.world_.random().below(latest)), [&network, to, deliver]() mutable {
          const Process* const process = network.find(to);
          if (process == nullptr) return;
          process->inbound->post(
              [&network, to, nonce = process->start_nonce, deliver = std::move(deliver)]() mutable {
                const Process* const still = network.find(to);
                if (still == nullptr || still->start_nonce != nonce) return;
                deliver(*still, Callback<Reply>([](Reply) {}));
              });
        });
  }

  template <class Reply, class Deliver>
  void call(env::Duration timeout, Callback<Result<Reply>> done, Deliver deliver,
            env::Duration lateness = env::Duration::zero()) {
    const Process* const caller = network_.find(from_);
    if (caller == nullptr) return;
    auto call = std::make_shared<Call<Reply>>(
        Call<Reply>{network_, from_, caller->start_nonce, std::move(done)});
    network_.after(timeout, [call] { call->end(fail(ErrorCode::RequestTimedOut)); });
    Network& network = network_;
    const BrokerId caller_id = caller->broker;
    network_.after(lateness + network_.draw_delay(), [call, &network, to = to_, target = target_,
                                                      caller_id, number = ++network_.last_call_,
                                                      deliver = std::move(deliver)]() mutable {
      if (network.is_cut(caller_id, target)) return;  // the timeout will tell
      const Process* const process = network.find(to);
      if (process == nullptr) return call->end(fail(ErrorCode::NetworkException));
      if (network.is_lost()) {
        ++network.counts_["a request is lost"];
        return call->end(fail(ErrorCode::NetworkException));
      }
      network.note_arrival({call->from, to}, number);
      if (network.draw(network.options_.duplicated_per_mille)) {
        ++network.counts_["a request arrives twice"];
        deliver_again<Reply>(network, to, deliver);
      }
      auto reply = [call, &network, target, caller_id](Reply answer) {
        network.after(network.draw_delay(),
                      [call, &network, target, caller_id, answer = std::move(answer)]() mutable {
                        if (network.is_cut(target, caller_id)) return;
                        if (network.is_lost()) {
                          ++network.counts_["a reply is lost"];
                          return call->end(fail(ErrorCode::NetworkException));
                        }
                        call->end(std::move(answer));
                      });
      };
      process->inbound->post([&network, to, nonce = process->start_nonce,
                              deliver = std::move(deliver), reply]() mutable {
        const Process* const still = network.find(to);
        if (still != nullptr && still->start_nonce == nonce) {
          deliver(*still, Callback<Reply>(std::move(reply)));
        }
      });
    });
  }

  Network& network_;
  std::string from_;
  std::string to_;
  BrokerId target_;
};

class Network::SimulatedPeers final : public rpc::Peers {
 public:
  SimulatedPeers(Network& network, std::string endpoint)
      : network_(network), endpoint_(std::move(endpoint)) {}
  std::shared_ptr<rpc::Peer> connect(const cluster::Broker& broker) override {
    if (!broker.grpc_endpoint) return nullptr;
    return std::make_shared<SimulatedPeer>(network_, endpoint_, *broker.grpc_endpoint, broker.id);
  }

 private:
  Network& network_;
  std::string endpoint_;
};

class Network::SimulatedTransactionPeers final : public rpc::TransactionPeers {
 public:
  SimulatedTransactionPeers(Network& network, std::string endpoint)
      : network_(network), endpoint_(std::move(endpoint)) {}

  void write_markers(const cluster::Broker& to, rpc::NumberedMarkers markers, env::Duration timeout,
                     Callback<Result<protocol::WriteTxnMarkersResponse>> done) override {
    if (!to.grpc_endpoint) return std::move(done)(fail(ErrorCode::NetworkException));
    SimulatedPeer(network_, endpoint_, *to.grpc_endpoint, to.id)
        .write_markers(std::move(markers), timeout, std::move(done));
  }
  void add_partitions(const cluster::Broker& to, protocol::AddPartitionsToTxnRequest request,
                      env::Duration timeout,
                      Callback<Result<protocol::AddPartitionsToTxnResponse>> done) override {
    if (!to.grpc_endpoint) return std::move(done)(fail(ErrorCode::NetworkException));
    SimulatedPeer(network_, endpoint_, *to.grpc_endpoint, to.id)
        .add_partitions(std::move(request), timeout, std::move(done));
  }

 private:
  Network& network_;
  std::string endpoint_;
};

// Liveness.

/// Pings with the same verdicts as rpc::GrpcLivenessMonitor's.
class Network::SimulatedLiveness final : public rpc::LivenessMonitor {
 public:
  SimulatedLiveness(Network& network, std::string endpoint)
      : network_(network), endpoint_(std::move(endpoint)) {}

  std::unique_ptr<rpc::LivenessWatch> watch(
      const cluster::Broker& broker, absl::AnyInvocable<void(rpc::Liveness)> changed) override {
    if (!broker.grpc_endpoint) return nullptr;
    auto watch = std::make_shared<Watch>(network_, endpoint_, broker, std::move(changed));
    watch->ping();
    return std::make_unique<Handle>(std::move(watch));
  }

 private:
  class Watch : public std::enable_shared_from_this<Watch> {
   public:
    Watch(Network& network, std::string self, const cluster::Broker& target,
          absl::AnyInvocable<void(rpc::Liveness)> changed)
        : network_(network),
          self_(std::move(self)),
          endpoint_(*target.grpc_endpoint),
          start_nonce_(target.start_nonce),
          target_(target.id),
          last_heard_(network.world_.now()),
          changed_(std::move(changed)) {}

    void stop() { stopped_ = true; }

    /// The ping reaches the target's inbound executor, so that a paused process does not answer.
    void ping() {
      const Process* const self = network_.find(self_);
      if (stopped_ || self == nullptr) return;
      const BrokerId self_id = self->broker;
      ask(self_id, nullptr);
      if (network_.world_.now() - last_heard_ > network_.options_.suspicion_timeout) {
        tell(rpc::Liveness::Silent);
      }
      network_.after(network_.options_.ping_interval,
                     [watch = shared_from_this()] { watch->ping(); });
    }

    void confirm(Task done) {
      const Process* const self = network_.find(self_);
      if (stopped_ || self == nullptr) return;
      ask(self->broker, std::make_shared<Task>(std::move(done)));
    }

   private:
    using Question = std::shared_ptr<Task>;  ///< Null for a mere ping.

    void ask(BrokerId self_id, Question question) {
      network_.after(network_.draw_delay(),
                     [watch = shared_from_this(), self_id, question = std::move(question)] {
                       watch->on_ping(self_id, question);
                     });
    }

    void on_ping(BrokerId self_id, const Question& question) {
      if (stopped_ || network_.is_cut(self_id, target_)) return;
      const Process* const process = network_.find(endpoint_);
      if (process == nullptr || process->start_nonce != start_nonce_) {
        if (network_.is_cut(target_, self_id)) return;
        tell(rpc::Liveness::ProcessDead);
        answer(question);
        return;
      }
      process->inbound->post([watch = shared_from_this(), self_id, question] {
        watch->network_.after(watch->network_.draw_delay(), [watch, self_id, question] {
          if (watch->stopped_ || watch->network_.is_cut(watch->target_, self_id)) return;
          watch->last_heard_ = watch->network_.world_.now();
          watch->tell(rpc::Liveness::Alive);
          watch->answer(question);
        });
      });
    }

    void answer(const Question& question) {
      const Process* const self = network_.find(self_);
      if (question == nullptr || self == nullptr) return;
      self->inbound->post([watch = shared_from_this(), question] {
        if (!watch->stopped_) std::move (*question)();
      });
    }

    void tell(rpc::Liveness verdict) {
      if (verdict_ == verdict || verdict_ == rpc::Liveness::ProcessDead) return;
      const Process* const self = network_.find(self_);
      if (self == nullptr) return;
      verdict_ = verdict;
      self->inbound->post([watch = shared_from_this(), verdict] {
        if (!watch->stopped_) watch->changed_(verdict);
      });
    }

    Network& network_;
    std::string self_;
    std::string endpoint_;
    std::string start_nonce_;
    BrokerId target_;
    env::MonotonicTime last_heard_;
    std::optional<rpc::Liveness> verdict_;
    absl::AnyInvocable<void(rpc::Liveness)> changed_;
    bool stopped_ = false;
  };
  class Handle final : public rpc::LivenessWatch {
   public:
    explicit Handle(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}
    ~Handle() override { watch_->stop(); }
    void confirm(Task done) override { watch_->confirm(std::move(done)); }

   private:
    std::shared_ptr<Watch> watch_;
  };

  Network& network_;
  std::string endpoint_;
};

void Network::attach(const std::string& endpoint, Process process) {
  processes_.insert_or_assign(endpoint, std::move(process));
}

void Network::detach(const std::string& endpoint) {
  processes_.erase(endpoint);
  for (const auto& weak : std::list(streams_)) {
    const auto stream = weak.lock();
    if (!stream || !stream->touches(endpoint)) continue;
    stream->forget(endpoint);
    stream->close(Error(ErrorCode::NetworkException, "connection reset"));
  }
  streams_.remove_if([](const auto& stream) { return stream.expired(); });
}

void Network::heal_all() {
  cut_.clear();
  for (const auto& weak : std::list(streams_)) {
    if (const auto stream = weak.lock()) stream->release_held();
  }
}

void Network::break_streams() {
  for (const auto& weak : std::list(streams_)) {
    if (const auto stream = weak.lock()) {
      stream->close(Error(ErrorCode::NetworkException, "connection reset"));
    }
  }
}

std::unique_ptr<rpc::Peers> Network::peers_of(const std::string& endpoint) {
  return std::make_unique<SimulatedPeers>(*this, endpoint);
}
std::unique_ptr<rpc::TransactionPeers> Network::transaction_peers_of(const std::string& endpoint) {
  return std::make_unique<SimulatedTransactionPeers>(*this, endpoint);
}
std::unique_ptr<rpc::LivenessMonitor> Network::liveness_of(const std::string& endpoint) {
  return std::make_unique<SimulatedLiveness>(*this, endpoint);
}
std::unique_ptr<rpc::ReplicationTransport> Network::transport_of(const std::string& endpoint) {
  return std::make_unique<SimulatedTransport>(*this, endpoint);
}

}  // namespace ottla::simulation
