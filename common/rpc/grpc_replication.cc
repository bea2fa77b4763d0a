#include "common/rpc/grpc_replication.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <charconv>
#include <condition_variable>
#include <deque>
#include <set>
#include <string>
#include <utility>

#include "common/base/mutex.h"
#include "common/rpc/grpc_channel.h"
#include "common/rpc/replication_codec.h"

namespace ottla::rpc {
namespace {

constexpr const char* kMethod = "/ottla.Replication/Stream";
/// The status text of a refused stream is this and the error code's number.
constexpr std::string_view kRefusal = "refused: ";

void release_owner(void* owner) {
  delete static_cast<std::shared_ptr<const void>*>(owner);
}

/// The message as slices: record bytes are referenced, not copied.
grpc::ByteBuffer to_byte_buffer(EncodedMessage message) {
  std::vector<grpc::Slice> slices;
  slices.reserve(1 + message.records.size());
  slices.emplace_back(message.header.data(), message.header.size());
  for (MemoryRange& range : message.records) {
    if (range.bytes.empty()) continue;
    void* const bytes = const_cast<std::byte*>(range.bytes.data());  // gRPC only reads it
    auto* const owner = new std::shared_ptr<const void>(std::move(range.owner));
    slices.emplace_back(bytes, range.bytes.size(), release_owner, owner);
  }
  return {slices.data(), slices.size()};
}

/// The received slices, kept alive by the ranges into them.
std::vector<MemoryRange> to_ranges(const grpc::ByteBuffer& buffer) {
  auto slices = std::make_shared<std::vector<grpc::Slice>>();
  std::vector<MemoryRange> ranges;
  if (!buffer.Dump(slices.get()).ok()) return ranges;
  ranges.reserve(slices->size());
  for (const grpc::Slice& slice : *slices) {
    ranges.push_back({slices, {reinterpret_cast<const std::byte*>(slice.begin()), slice.size()}});
  }
  return ranges;
}

Result<LeaderMessage> decode(const std::vector<MemoryRange>& received, const LeaderMessage*) {
  return decode_leader_message(received);
}
Result<FollowerMessage> decode(const std::vector<MemoryRange>& received, const FollowerMessage*) {
  return decode_follower_message(received);
}

Error to_error(const grpc::Status& status) {
  const std::string text = status.error_message();
  if (text.starts_with(kRefusal)) {
    std::int16_t number = 0;
    const char* const begin = text.data() + kRefusal.size();
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
    const auto code = error_code_from(number);
    if (error == std::errc{} && code) return Error(*code, "the leader refused the stream");
  }
  return Error(ErrorCode::NetworkException, text.empty() ? "the stream was closed" : text);
}

/// What both ends of a stream have in common. `Reactor` is gRPC's client or server reactor. The
/// object lives until gRPC's OnDone at least.
/// Thread: any (mutex_, LockRank::Stream).
template <class Reactor, class Outgoing, class Incoming>
class StreamEnd : public Reactor,
                  public std::enable_shared_from_this<StreamEnd<Reactor, Outgoing, Incoming>> {
 public:
  using Handler = StreamHandler<Incoming>;

  /// Queues a message unless the stream has ended.
  void send(grpc::ByteBuffer message) {
    MutexLock lock(mutex_);
    if (ended_) return;
    queue_.push_back(std::move(message));
    write_next();
  }

  /// The owner of the writer is gone: the handler hears nothing more.
  void close() {
    {
      MutexLock lock(mutex_);
      handler_.reset();
      executor_ = nullptr;
    }
    end();
  }

 protected:
  /// Ends the stream from this side: once.
  virtual void do_end() = 0;

  void hear(env::Executor& executor, std::shared_ptr<Handler> handler) {
    MutexLock lock(mutex_);
    executor_ = &executor;
    handler_ = std::move(handler);
  }

  void read_next() { this->StartRead(&incoming_); }

  /// Takes the message that was read; false if it makes no sense.
  bool deliver() {
    auto message = decode(to_ranges(incoming_), static_cast<const Incoming*>(nullptr));
    incoming_.Clear();
    if (!message) return false;
    MutexLock lock(mutex_);
    if (executor_ == nullptr) return true;
    executor_->post([self = this->shared_from_this(), message = *std::move(message)]() mutable {
      if (const std::shared_ptr<Handler> handler = self->handler()) {
        handler->on_message(std::move(message));
      }
    });
    return true;
  }

  void on_write_done(bool ok) {
    bool finish = false;
    {
      MutexLock lock(mutex_);
      writing_ = false;
      if (!queue_.empty()) queue_.pop_front();
      if (ok && !ended_) write_next();
      finish = may_finish();
    }
    if (finish) do_finish();
    if (!ok) end();
  }

  /// Ends the stream from this side, unless it has ended; `is_over`: gRPC said so, and its status
  /// is on the way.
  void end(bool is_over = false) {
    {
      MutexLock lock(mutex_);
      if (std::exchange(ended_, true)) return;
      ++holds_;  // gRPC's objects stay until do_end is through
    }
    if (!is_over) do_end();
    release();
  }

  /// Nothing finishes between `hold` and `release`.
  void hold() {
    MutexLock lock(mutex_);
    ++holds_;
  }
  void release() {
    bool finish = false;
    {
      MutexLock lock(mutex_);
      --holds_;
      finish = may_finish();
    }
    if (finish) do_finish();
  }

  /// All that was started from outside has ended: gRPC may say OnDone.
  virtual void do_finish() = 0;

  void done(const Error& cause) {
    {
      MutexLock lock(mutex_);
      ended_ = true;
      queue_.clear();
      if (executor_ != nullptr) {
        executor_->post([self = this->shared_from_this(), cause] {
          const std::shared_ptr<Handler> handler = self->handler();
          self->forget_handler();
          if (handler) handler->on_closed(cause);
        });
      }
    }
  }

  grpc::ByteBuffer incoming_;

 private:
  /// True once: when the stream has ended and nothing of ours is under way.
  bool may_finish() OTTLA_REQUIRES(mutex_) {
    if (!ended_ || writing_ || holds_ > 0 || finished_) return false;
    finished_ = true;
    return true;
  }
  void write_next() OTTLA_REQUIRES(mutex_) {
    if (writing_ || queue_.empty()) return;
    writing_ = true;
    this->StartWrite(&queue_.front());
  }
  std::shared_ptr<Handler> handler() {
    MutexLock lock(mutex_);
    return handler_;
  }
  void forget_handler() {
    MutexLock lock(mutex_);
    handler_.reset();
    executor_ = nullptr;
  }

  Mutex mutex_{LockRank::Stream};
  std::deque<grpc::ByteBuffer> queue_ OTTLA_GUARDED_BY(mutex_);
  bool writing_ OTTLA_GUARDED_BY(mutex_) = false;
  int holds_ OTTLA_GUARDED_BY(mutex_) = 0;
  bool ended_ OTTLA_GUARDED_BY(mutex_) = false;
  bool finished_ OTTLA_GUARDED_BY(mutex_) = false;
  env::Executor* executor_ OTTLA_GUARDED_BY(mutex_) = nullptr;
  std::shared_ptr<Handler> handler_ OTTLA_GUARDED_BY(mutex_);
};

template <class End, class Outgoing>
class Writer final : public StreamWriter<Outgoing> {
 public:
  explicit Writer(std::shared_ptr<End> end) : end_(std::move(end)) {}
  ~Writer() override { end_->close(); }
  void send(Outgoing message) override { end_->send(to_byte_buffer(encode(std::move(message)))); }

 private:
  std::shared_ptr<End> end_;
};

using ClientReactor = grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

class ClientEnd;

/// The streams that were opened: those that gRPC still uses, and those it is through with, which
/// are freed on a thread that is not gRPC's. Thread: any (mutex_, LockRank::Leaf).
class OpenStreams {
 public:
  void add(const std::shared_ptr<ClientEnd>& stream) OTTLA_EXCLUDES(mutex_) {
    std::vector<std::shared_ptr<ClientEnd>> through;  // freed outside the lock
    MutexLock lock(mutex_);
    through.swap(through_);
    open_.insert(stream);
    lock.unlock();
    through.clear();
    lock.lock();
  }
  /// gRPC's last word about a stream.
  void on_done(std::shared_ptr<ClientEnd> stream) OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    open_.erase(stream);
    through_.push_back(std::move(stream));
    changed_.notify_all();
  }
  void end_all() OTTLA_EXCLUDES(mutex_);

 private:
  Mutex mutex_{LockRank::Leaf};
  std::condition_variable_any changed_;
  std::set<std::shared_ptr<ClientEnd>> open_ OTTLA_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<ClientEnd>> through_ OTTLA_GUARDED_BY(mutex_);
};

class ClientEnd final : public StreamEnd<ClientReactor, FollowerMessage, LeaderMessage> {
 public:
  ClientEnd(const std::string& endpoint, std::shared_ptr<OpenStreams> streams)
      : streams_(std::move(streams)), channel_(make_channel(endpoint)), stub_(channel_) {}

  void start(const StreamHello& hello, env::Executor& executor,
             std::shared_ptr<FollowerHandler> handler) {
    streams_->add(std::static_pointer_cast<ClientEnd>(shared_from_this()));
    hear(executor, std::move(handler));
    stub_.PrepareBidiStreamingCall(&context_, kMethod, {}, this);
    AddHold();  // writes start outside of reactions; removed by do_finish
    send(to_byte_buffer(encode(hello)));
    read_next();
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (ok && deliver()) {
      read_next();
    } else {
      end(/*is_over=*/!ok);
    }
  }
  void OnWriteDone(bool ok) override { on_write_done(ok); }
  void OnDone(const grpc::Status& status) override {
    done(to_error(status));
    const std::shared_ptr<OpenStreams> streams = streams_;
    streams->on_done(std::static_pointer_cast<ClientEnd>(shared_from_this()));
  }

 private:
  void do_end() override { context_.TryCancel(); }
  void do_finish() override { RemoveHold(); }

  const std::shared_ptr<OpenStreams> streams_;
  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
};

void OpenStreams::end_all() {
  std::vector<std::shared_ptr<ClientEnd>> open;
  {
    MutexLock lock(mutex_);
    open.assign(open_.begin(), open_.end());
  }
  for (const auto& stream : open) stream->close();
  open.clear();
  std::vector<std::shared_ptr<ClientEnd>> through;
  MutexLock lock(mutex_);
  while (!open_.empty()) changed_.wait(lock);
  through.swap(through_);
  lock.unlock();
  through.clear();
  lock.lock();
}

class ServerEnd final
    : public StreamEnd<grpc::ServerGenericBidiReactor, LeaderMessage, FollowerMessage> {
 public:
  ServerEnd(ReplicationService& service, grpc::GenericCallbackServerContext* context)
      : service_(service), context_(context) {}

  void start() {
    self_ = shared_from_this();
    read_next();
  }

  void OnReadDone(bool ok) override {
    if (ok && accepted_) ok = deliver();
    if (ok && !accepted_) {
      hold();  // a refused writer is dropped inside `accept`: the status goes out first
      ok = accepted_ = accept();
      if (!ok) end();
      release();
    }
    if (ok) {
      read_next();
    } else {
      end();
    }
  }
  void OnWriteDone(bool ok) override { on_write_done(ok); }
  void OnDone() override {
    done(Error(ErrorCode::NetworkException, "the follower closed the stream"));
    const auto self = std::move(self_);  // may be the last reference
  }

 private:
  bool accept() {
    const auto hello = decode_hello(to_ranges(incoming_));
    if (!hello) return refuse(hello.error());
    const auto self = std::static_pointer_cast<ServerEnd>(shared_from_this());
    auto accepted =
        service_.accept(*hello, std::make_unique<Writer<ServerEnd, LeaderMessage>>(self));
    if (!accepted) return refuse(accepted.error());
    hear(*accepted->executor, std::move(accepted->handler));
    return true;
  }
  bool refuse(const Error& cause) {
    status_ = grpc::Status(
        grpc::StatusCode::FAILED_PRECONDITION,
        std::string(kRefusal) + std::to_string(static_cast<std::int16_t>(cause.code())));
    return false;
  }
  void do_end() override {
    if (accepted_) context_->TryCancel();  // a write that the follower does not take ends, too
  }
  void do_finish() override { Finish(status_); }

  ReplicationService& service_;
  grpc::GenericCallbackServerContext* context_;
  std::shared_ptr<StreamEnd> self_;  ///< Until gRPC's OnDone.
  bool accepted_ = false;
  grpc::Status status_;
};

}  // namespace

class GrpcReplication::Streams final : public OpenStreams {};

GrpcReplication::GrpcReplication() : streams_(std::make_shared<Streams>()) {}

GrpcReplication::~GrpcReplication() {
  streams_->end_all();
}

std::unique_ptr<FollowerWriter> GrpcReplication::open(const cluster::Broker& leader,
                                                      const StreamHello& hello,
                                                      env::Executor& executor,
                                                      std::shared_ptr<FollowerHandler> handler) {
  if (!leader.grpc_endpoint) return nullptr;
  auto end = std::make_shared<ClientEnd>(*leader.grpc_endpoint, streams_);
  end->start(hello, executor, std::move(handler));
  return std::make_unique<Writer<ClientEnd, FollowerMessage>>(std::move(end));
}

class GrpcReplicationServer::Impl final : public grpc::CallbackGenericService {
 public:
  explicit Impl(ReplicationService& service) : service_(service) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (context->method() != kMethod) return CallbackGenericService::CreateReactor(context);
    const auto end = std::make_shared<ServerEnd>(service_, context);
    end->start();
    return end.get();  // keeps itself alive until OnDone
  }

 private:
  ReplicationService& service_;
};

GrpcReplicationServer::GrpcReplicationServer(ReplicationService& service)
    : impl_(std::make_unique<Impl>(service)) {}
GrpcReplicationServer::~GrpcReplicationServer() = default;

grpc::CallbackGenericService* GrpcReplicationServer::grpc_service() {
  return impl_.get();
}

}  // namespace ottla::rpc
