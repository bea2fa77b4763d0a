#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "common/rpc/replication.h"
#include "common/testing/simulated_world.h"

/// Replication streams between simulated brokers of one test: delays, cut links, broken streams,
/// crashed ends. For tests only.
namespace ottla::replica {

class SimulatedStreams {
 public:
  explicit SimulatedStreams(testing::SimulatedWorld& world)
      : world_(world), executor_(world.make_executor()) {}

  void attach(BrokerId broker, rpc::ReplicationService& service) { services_[broker] = &service; }
  /// The process is gone: its ends hear nothing, the others hear that the stream closed.
  void detach(BrokerId broker) {
    services_.erase(broker);
    break_streams([&](const Stream& s) { return s.follower == broker || s.leader == broker; },
                  broker);
  }
  void break_all() {
    break_streams([](const Stream&) { return true; }, kNoBroker);
  }
  /// Messages of one direction wait until `heal_all`; streams stay open.
  void cut(BrokerId from, BrokerId to) { cut_.insert({from, to}); }
  void heal_all() { cut_.clear(); }

  [[nodiscard]] std::unique_ptr<rpc::ReplicationTransport> transport() {
    return std::make_unique<Transport>(*this);
  }

 private:
  struct Stream {
    BrokerId follower;
    BrokerId leader;
    env::Executor* follower_executor = nullptr;
    env::Executor* leader_executor = nullptr;
    std::shared_ptr<rpc::FollowerHandler> follower_handler;
    std::shared_ptr<rpc::LeaderHandler> leader_handler;
    std::deque<rpc::FollowerMessage> to_leader;
    std::deque<rpc::LeaderMessage> to_follower;
    bool accepted = false;
    bool closed = false;
  };
  using StreamPointer = std::shared_ptr<Stream>;

  template <class Message>
  class Writer final : public rpc::StreamWriter<Message> {
   public:
    Writer(SimulatedStreams& net, StreamPointer stream, bool is_follower)
        : net_(net), stream_(std::move(stream)), is_follower_(is_follower) {}
    ~Writer() override {
      if (is_follower_) {
        stream_->follower_handler.reset();
      } else {
        stream_->leader_handler.reset();
      }
      net_.close(stream_, Error(ErrorCode::NetworkException, "closed by the other side"));
    }
    void send(Message message) override {
      if (stream_->closed) return;
      if constexpr (std::is_same_v<Message, rpc::FollowerMessage>) {
        stream_->to_leader.push_back(std::move(message));
        net_.deliver_later(stream_, true);
      } else {
        stream_->to_follower.push_back(std::move(message));
        net_.deliver_later(stream_, false);
      }
    }

   private:
    SimulatedStreams& net_;
    StreamPointer stream_;
    bool is_follower_;
  };

  class Transport final : public rpc::ReplicationTransport {
   public:
    explicit Transport(SimulatedStreams& net) : net_(net) {}
    std::unique_ptr<rpc::FollowerWriter> open(
        const cluster::Broker& leader, const rpc::StreamHello& hello, env::Executor& executor,
        std::shared_ptr<rpc::FollowerHandler> handler) override {
      auto stream = std::make_shared<Stream>();
      stream->follower = hello.follower;
      stream->leader = leader.id;
      stream->follower_executor = &executor;
      stream->follower_handler = std::move(handler);
      net_.streams_.push_back(stream);
      net_.later([&net = net_, stream, hello] { net.accept(stream, hello); });
      return std::make_unique<Writer<rpc::FollowerMessage>>(net_, stream, true);
    }

   private:
    SimulatedStreams& net_;
  };

  void later(Task task) {
    const std::uint64_t id = ++last_timer_;
    const env::Duration delay =
        std::chrono::microseconds(50 + world_.random().below(2000)) +
        (world_.random().below(100) == 0 ? std::chrono::milliseconds(60) : env::Duration{});
    timers_[id] = executor_->post_after(delay, [this, id, task = std::move(task)]() mutable {
      const env::TimerHandle done = std::move(timers_[id]);
      timers_.erase(id);
      std::move(task)();
    });
  }

  void accept(const StreamPointer& stream, const rpc::StreamHello& hello) {
    if (stream->closed) return;
    if (cut_.contains({stream->follower, stream->leader})) {
      return later([this, stream, hello] { accept(stream, hello); });
    }
    const auto service = services_.find(stream->leader);
    if (service == services_.end()) {
      return close(stream, Error(ErrorCode::NetworkException, "connection refused"));
    }
    auto accepted = service->second->accept(
        hello, std::make_unique<Writer<rpc::LeaderMessage>>(*this, stream, false));
    if (!accepted) return close(stream, accepted.error());
    stream->leader_executor = accepted->executor;
    stream->leader_handler = std::move(accepted->handler);
    stream->accepted = true;
  }

  /// One message of one direction, in order: whoever comes first takes the oldest.
  void deliver_later(const StreamPointer& stream, bool to_leader) {
    later([this, stream, to_leader] { deliver(stream, to_leader); });
  }
  void deliver(const StreamPointer& stream, bool to_leader) {
    if (stream->closed) return;
    const std::pair direction = to_leader ? std::pair(stream->follower, stream->leader)
                                          : std::pair(stream->leader, stream->follower);
    if (cut_.contains(direction) || !stream->accepted) return deliver_later(stream, to_leader);
    if (to_leader) {
      hand_over(stream->leader_executor, stream, stream->to_leader, &Stream::leader_handler);
    } else {
      hand_over(stream->follower_executor, stream, stream->to_follower, &Stream::follower_handler);
    }
  }
  template <class Message, class Handler>
  void hand_over(env::Executor* executor, const StreamPointer& stream, std::deque<Message>& queue,
                 std::shared_ptr<Handler> Stream::* handler) {
    if (queue.empty() || !((*stream).*handler)) return;
    executor->post([stream, message = std::move(queue.front()), handler]() mutable {
      if (const auto target = (*stream).*handler) target->on_message(std::move(message));
    });
    queue.pop_front();
  }

  void close(const StreamPointer& stream, const Error& cause) {
    if (std::exchange(stream->closed, true)) return;
    const auto tell = [&](env::Executor* executor, auto handler) {
      if (!((*stream).*handler)) return;
      executor->post([stream, cause, handler] {
        if (const auto target = std::exchange((*stream).*handler, nullptr)) {
          target->on_closed(cause);
        }
      });
    };
    tell(stream->follower_executor, &Stream::follower_handler);
    tell(stream->leader_executor, &Stream::leader_handler);
  }

  template <class Predicate>
  void break_streams(Predicate predicate, BrokerId dead) {
    for (auto at = streams_.begin(); at != streams_.end();) {
      const StreamPointer stream = at->lock();
      if (!stream) {
        at = streams_.erase(at);
        continue;
      }
      ++at;
      if (!predicate(*stream)) continue;
      // Of a closed one too: the dead process will not hear of it, and who holds it is held by it.
      if (stream->follower == dead) stream->follower_handler.reset();
      if (stream->leader == dead) stream->leader_handler.reset();
      close(stream, Error(ErrorCode::NetworkException, "connection reset"));
    }
  }

  testing::SimulatedWorld& world_;
  std::unique_ptr<env::Executor> executor_;
  std::map<BrokerId, rpc::ReplicationService*> services_;
  std::list<std::weak_ptr<Stream>> streams_;
  std::set<std::pair<BrokerId, BrokerId>> cut_;
  std::map<std::uint64_t, env::TimerHandle> timers_;
  std::uint64_t last_timer_ = 0;
};

}  // namespace ottla::replica
