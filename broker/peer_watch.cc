#include "broker/peer_watch.h"

#include <chrono>

namespace ottla::broker {
namespace {

/// A live process on a live host answers within a few milliseconds, a dying one has closed its
/// connections by then. For one that does neither, clients need not wait longer.
constexpr std::chrono::milliseconds kLongestConfirmation{50};

}  // namespace

/// Ends with the last of the things it awaits or when time is up. Thread: loop.
class PeerWatch::Wait {
 public:
  explicit Wait(Task done) : done_(std::move(done)) {}

  void await_one() { ++awaited_; }
  void one_came() {
    if (--awaited_ == 0) end();
  }
  [[nodiscard]] bool ended() const { return !done_; }
  void end() {
    if (!done_) return;
    timer_.reset();
    std::move(std::exchange(done_, nullptr))();
  }
  /// Does not keep the wait alive: whom it waits for does.
  static void end_within(env::Duration longest, const std::shared_ptr<Wait>& wait,
                         env::Executor& loop) {
    wait->timer_ = loop.post_after(longest, [weak = std::weak_ptr<Wait>(wait)] {
      if (const auto late = weak.lock()) late->end();
    });
  }

 private:
  Task done_;
  int awaited_ = 0;
  env::TimerHandle timer_;
};

void PeerWatch::metadata_changed() {
  loop_.post([this] { look(); });
}

void PeerWatch::stop() {
  stopped_ = true;
  watches_.clear();
  waiting_for_change_.clear();
}

void PeerWatch::confirm(std::vector<BrokerId> brokers, Task done) {
  loop_.post([this, brokers = std::move(brokers), done = std::move(done)]() mutable {
    if (stopped_) return;
    const auto wait = std::make_shared<Wait>(std::move(done));
    wait->await_one();  // until all are asked
    for (const BrokerId broker : brokers) {
      const auto first = watches_.lower_bound({broker, BrokerEpoch(0)});
      if (first == watches_.end() || first->first.first != broker || !first->second) continue;
      wait->await_one();
      first->second->confirm([wait] { wait->one_came(); });
    }
    Wait::end_within(kLongestConfirmation, wait, loop_);
    wait->one_came();
  });
}

void PeerWatch::await_change(std::shared_ptr<const metadata::MetadataImage> seen,
                             env::MonotonicTime deadline, Task done) {
  loop_.post([this, seen = std::move(seen), deadline, done = std::move(done)]() mutable {
    if (stopped_) return;
    // A change that came on the way here woke nobody.
    if (metadata_.told_image() != seen) return std::move(done)();
    std::erase_if(waiting_for_change_, [](const auto& wait) { return wait->ended(); });
    const auto wait = std::make_shared<Wait>(std::move(done));
    Wait::end_within(deadline - clock_.now(), wait, loop_);
    waiting_for_change_.push_back(wait);
  });
}

void PeerWatch::look() {
  if (stopped_) return;
  for (const auto& wait : std::exchange(waiting_for_change_, {})) wait->end();
  const auto image = metadata_.told_image();
  std::erase_if(watches_, [&](const auto& watch) {
    const cluster::Broker* const broker = image->broker(watch.first.first);
    return broker == nullptr || broker->epoch != watch.first.second;
  });
  for (const auto& [id, broker] : image->brokers()) {
    if (id == self_) continue;
    auto& watch = watches_[{id, broker.epoch}];
    if (watch) continue;
    watch = liveness_.watch(broker, [this, id = id, epoch = broker.epoch](rpc::Liveness liveness) {
      if (liveness == rpc::Liveness::Silent) return;  // a suspicion is the controller's to judge
      metadata_.set_dead(id, epoch, liveness == rpc::Liveness::ProcessDead);
    });
  }
}

}  // namespace ottla::broker
