#include "common/rpc/grpc_liveness.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "common/base/mutex.h"
#include "common/rpc/connect_probe.h"
#include "common/rpc/grpc_channel.h"
#include "proto/ottla/control.grpc.pb.h"

namespace ottla::rpc {

/// Counts what may still post to the executors, for the monitor's destructor.
class GrpcLivenessMonitor::InFlight {
 public:
  void add() {
    MutexLock lock(mutex_);
    ++count_;
  }
  void remove() {
    MutexLock lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void wait_for_none() OTTLA_NO_THREAD_SAFETY_ANALYSIS {
    MutexLock lock(mutex_);
    while (count_ > 0) none_.wait(lock);
  }

 private:
  Mutex mutex_{LockRank::Leaf};
  std::condition_variable_any none_;
  int count_ OTTLA_GUARDED_BY(mutex_) = 0;
};

namespace {

/// Questions that wait for the answer of one process.
constexpr std::size_t kMostConfirmations = 1000;

/// Keeps the count up for as long as it lives.
template <class Counter>
class Token {
 public:
  explicit Token(std::shared_ptr<Counter> counter) : counter_(std::move(counter)) {
    counter_->add();
  }
  ~Token() { counter_->remove(); }
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;

 private:
  std::shared_ptr<Counter> counter_;
};

/// Makes tokens; hides the monitor's private counter from the classes below.
using MakeToken = std::function<std::shared_ptr<void>()>;

/// One watched registration. All state belongs to the loop; gRPC's threads only post.
class Watch : public std::enable_shared_from_this<Watch> {
 public:
  Watch(GrpcLivenessMonitor::Options options, const env::Clock& clock, env::Executor& loop,
        env::Executor& blocking, MakeToken make_token, std::string endpoint,
        std::string start_nonce, absl::AnyInvocable<void(Liveness)> changed)
      : options_(options),
        clock_(clock),
        loop_(loop),
        blocking_(blocking),
        make_token_(std::move(make_token)),
        endpoint_(std::move(endpoint)),
        start_nonce_(std::move(start_nonce)),
        changed_(std::move(changed)),
        last_heard_(clock.now()) {}

  void start() {
    token_ = make_token_();
    loop_.post([self = shared_from_this()] {
      self->open_stream();
      self->tick();
    });
  }

  /// On the loop.
  void confirm(Task done) {
    if (stopped_) return;
    if (verdict_ == Liveness::ProcessDead) return std::move(done)();
    // Of one that stays silent; who waited longest has given up long ago.
    if (confirmations_.size() >= kMostConfirmations) confirmations_.pop_front();
    confirmations_.emplace_back(question_ + 1, std::move(done));
    ask();
  }

  /// No verdict is given once this has returned, if called on the loop; else soon after.
  void stop() {
    stopped_ = true;
    loop_.post([self = shared_from_this()] {
      self->timer_.reset();
      if (self->stream_) self->stream_->cancel();
      self->stream_.reset();
      self->confirmations_.clear();
      self->token_.reset();
    });
  }

 private:
  /// The client's half of the ping stream; lives until gRPC says it is done.
  class Stream final : public grpc::ClientBidiReactor<proto::Ping, proto::Pong>,
                       public std::enable_shared_from_this<Stream> {
   public:
    Stream(std::weak_ptr<Watch> watch, env::Executor& loop, std::shared_ptr<void> token,
           const std::string& endpoint)
        : watch_(std::move(watch)),
          loop_(loop),
          token_(std::move(token)),
          stub_(proto::Control::NewStub(make_channel(endpoint))) {}

    void open() {
      keep_alive_ = shared_from_this();
      stub_->async()->Watch(&context_, this);
      StartRead(&pong_);
      // Released in OnDone only; `hold` lets the loop start writes at any time until then.
      AddHold();
      StartCall();
    }
    /// On the loop.
    void ping(std::uint64_t number) {
      if (ended_) return;
      wanted_ = number;
      if (writing_) return;  // sent when that is done
      writing_ = true;
      ping_.set_number(number);
      StartWrite(&ping_);
    }
    /// On the loop.
    void cancel() {
      if (ended_) return;
      ended_ = true;
      context_.TryCancel();
      RemoveHold();
    }

    void OnReadDone(bool ok) override {
      if (!ok) return notify([](Watch& watch, Stream& stream) { watch.on_broken(stream); });
      notify([number = pong_.number(), nonce = pong_.start_nonce()](Watch& watch, Stream& stream) {
        watch.on_pong(stream, number, nonce);
      });
      StartRead(&pong_);
    }
    void OnWriteDone(bool ok) override {
      loop_.post([self = shared_from_this(), ok] {
        self->writing_ = false;
        if (ok) {
          if (self->wanted_ > self->ping_.number()) self->ping(self->wanted_);
        } else if (const auto watch = self->watch_.lock()) {
          watch->on_broken(*self);
        }
      });
    }
    void OnDone(const grpc::Status&) override {
      // The token first, on the loop's side: what was posted before still holds this stream.
      loop_.post([self = std::move(keep_alive_)] { self->token_.reset(); });
    }

   private:
    template <class Action>
    void notify(Action action) {
      loop_.post([self = shared_from_this(), action = std::move(action)] {
        if (const auto watch = self->watch_.lock()) {
          action(*watch, *self);
        } else {
          self->cancel();
        }
      });
    }

    std::weak_ptr<Watch> watch_;
    env::Executor& loop_;
    std::shared_ptr<void> token_;
    std::unique_ptr<proto::Control::Stub> stub_;
    grpc::ClientContext context_;
    proto::Ping ping_;
    proto::Pong pong_;
    std::uint64_t wanted_ = 0;  // loop
    bool writing_ = false;      // loop
    bool ended_ = false;        // loop
    std::shared_ptr<Stream> keep_alive_;
  };

  void open_stream() {
    if (stopped_) return;
    stream_ = std::make_shared<Stream>(weak_from_this(), loop_, make_token_(), endpoint_);
    stream_->open();
    ask();
  }

  void ask() {
    if (stream_) stream_->ping(++question_);
  }

  void tick() {
    if (stopped_) return;
    if (stream_) {
      ask();
    } else if (!probing_) {
      open_stream();
    }
    if (clock_.now() - last_heard_ > options_.suspicion_timeout &&
        verdict_ != Liveness::ProcessDead) {
      tell(Liveness::Silent);
    }
    timer_ = loop_.post_after(options_.ping_interval, [self = weak_from_this()] {
      if (const auto watch = self.lock()) watch->tick();
    });
  }

  void on_pong(Stream& stream, std::uint64_t answered, const std::string& nonce) {
    if (stopped_ || &stream != stream_.get()) return;
    if (!start_nonce_.empty() && nonce != start_nonce_) return tell(Liveness::ProcessDead);
    last_heard_ = clock_.now();
    tell(Liveness::Alive);
    settle(answered);
  }

  /// Runs the confirmations that waited for a question up to `answered`, which ascend.
  void settle(std::uint64_t answered) {
    while (!stopped_ && !confirmations_.empty() && confirmations_.front().first <= answered) {
      Task done = std::move(confirmations_.front().second);
      confirmations_.pop_front();
      std::move(done)();
    }
  }

  void on_broken(Stream& stream) {
    stream.cancel();
    if (stopped_ || &stream != stream_.get()) return;
    stream_.reset();
    probing_ = true;
    blocking_.post([self = shared_from_this(), token = make_token_()]() mutable {
      const ConnectOutcome outcome =
          probe_connect(self->endpoint_, self->options_.suspicion_timeout);
      self->loop_.post([self, outcome, token = std::move(token)] { self->on_probed(outcome); });
    });
  }

  void on_probed(ConnectOutcome outcome) {
    probing_ = false;
    if (stopped_) return;
    // Accepted: the stream is opened again now. Unknown: by the next tick; silence will tell.
    if (outcome == ConnectOutcome::Refused) tell(Liveness::ProcessDead);
    if (outcome == ConnectOutcome::Accepted) open_stream();
  }

  void tell(Liveness verdict) {
    if (verdict_ == verdict) return;
    // A dead process stays dead, and silence is no news of it. But its own nonce proves that it
    // lives: a firewall had refused the connection in its place.
    const bool was_mistaken = verdict == Liveness::Alive && !start_nonce_.empty();
    if (verdict_ == Liveness::ProcessDead && !was_mistaken) return;
    verdict_ = verdict;
    changed_(verdict);
    if (verdict == Liveness::ProcessDead) settle(question_ + 1);
  }

  const GrpcLivenessMonitor::Options options_;
  const env::Clock& clock_;
  env::Executor& loop_;
  env::Executor& blocking_;
  const MakeToken make_token_;
  const std::string endpoint_;
  const std::string start_nonce_;
  absl::AnyInvocable<void(Liveness)> changed_;

  std::atomic<bool> stopped_ = false;
  env::MonotonicTime last_heard_;
  std::optional<Liveness> verdict_;
  std::uint64_t question_ = 0;  ///< The number of the last ping; goes on over streams.
  std::deque<std::pair<std::uint64_t, Task>> confirmations_;  ///< By the question they wait for.
  std::shared_ptr<Stream> stream_;
  bool probing_ = false;
  env::TimerHandle timer_;
  std::shared_ptr<void> token_;  ///< From `start` until `stop` is done.
};

class WatchHandle final : public LivenessWatch {
 public:
  explicit WatchHandle(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}
  ~WatchHandle() override { watch_->stop(); }
  void confirm(Task done) override { watch_->confirm(std::move(done)); }

 private:
  std::shared_ptr<Watch> watch_;
};

}  // namespace

GrpcLivenessMonitor::GrpcLivenessMonitor(Options options, const env::Clock& clock,
                                         env::Executor& loop, env::Executor& blocking)
    : options_(options),
      clock_(clock),
      loop_(loop),
      blocking_(blocking),
      in_flight_(std::make_shared<InFlight>()) {}

GrpcLivenessMonitor::~GrpcLivenessMonitor() {
  in_flight_->wait_for_none();
}

std::unique_ptr<LivenessWatch> GrpcLivenessMonitor::watch(
    const cluster::Broker& broker, absl::AnyInvocable<void(Liveness)> changed) {
  if (!broker.grpc_endpoint) return nullptr;
  auto watch = std::make_shared<Watch>(
      options_, clock_, loop_, blocking_,
      [counter = in_flight_]() -> std::shared_ptr<void> {
        return std::make_shared<Token<InFlight>>(counter);
      },
      *broker.grpc_endpoint, broker.start_nonce, std::move(changed));
  watch->start();
  return std::make_unique<WatchHandle>(std::move(watch));
}

}  // namespace ottla::rpc
