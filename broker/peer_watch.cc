#include "broker/peer_watch.h"

#include <chrono>
#include <ranges>

namespace ottla::broker {
namespace {

/// A live process on a live host answers within a few milliseconds, a dying one has closed its
/// connections by then. For one that does neither, clients need not wait longer.
constexpr std::chrono::milliseconds kLongestConfirmation{50};
/// Who is not heard by half of the brokers within this time is cut off.
constexpr std::chrono::milliseconds kLongestQuestion{250};
constexpr std::chrono::milliseconds kAskForReachAgain{300};
/// After a cut of a second or two TCP may send again only so much later.
constexpr std::chrono::milliseconds kSettling{2000};

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
    const env::TimerHandle ended = std::move(timer_);
    std::move(std::exchange(done_, nullptr))();
  }
  void end_within(env::Duration longest, env::Executor& loop) {
    timer_ = loop.post_after(longest, [this] { end(); });
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
  waits_.clear();
  silent_.clear();
}

void PeerWatch::confirm(std::vector<BrokerId> brokers, Task done) {
  loop_.post([this, brokers = std::move(brokers), done = std::move(done)]() mutable {
    if (stopped_) return;
    const auto wait = begin(std::move(done), kLongestConfirmation);
    wait->await_one();  // until all are asked
    for (const BrokerId broker : brokers) {
      const auto first = watches_.lower_bound({broker, BrokerEpoch(0)});
      if (first == watches_.end() || first->first.first != broker || !first->second) continue;
      wait->await_one();
      first->second->confirm([wait] { wait->one_came(); });
    }
    wait->one_came();
  });
}

void PeerWatch::ask(Callback<bool> done) {
  loop_.post([this, done = std::move(done)]() mutable {
    if (stopped_) return;
    if (!settled_at_ || clock_.now() < *settled_at_) return std::move(done)(false);
    ask_now(std::move(done));
  });
}

void PeerWatch::ask_now(Callback<bool> done) {
  const auto missing = std::make_shared<std::size_t>(others_for_half());
  if (*missing == 0) return std::move(done)(true);
  const auto wait =
      begin([missing, done = std::move(done)]() mutable { std::move(done)(*missing == 0); },
            kLongestQuestion);
  wait->await_one();
  for (const auto& [registration, watch] : watches_) {
    if (!watch) continue;
    watch->confirm([wait, missing] {
      if (*missing > 0 && --*missing == 0) wait->one_came();
    });
  }
}

void PeerWatch::await_change(std::shared_ptr<const metadata::MetadataImage> seen,
                             env::MonotonicTime deadline, Task done) {
  loop_.post([this, seen = std::move(seen), deadline, done = std::move(done)]() mutable {
    if (stopped_) return;
    // A change that came on the way here woke nobody.
    if (metadata_.told_image() != seen) return std::move(done)();
    std::erase_if(waiting_for_change_, [](const auto& wait) { return wait->ended(); });
    waiting_for_change_.push_back(begin(std::move(done), deadline - clock_.now()));
  });
}

/// Owned here until it has ended: those it waits for may go without a word.
std::shared_ptr<PeerWatch::Wait> PeerWatch::begin(Task done, env::Duration longest) {
  std::erase_if(waits_, [](const auto& wait) { return wait->ended(); });
  const auto wait = std::make_shared<Wait>(std::move(done));
  wait->end_within(longest, loop_);
  waits_.push_back(wait);
  return wait;
}

void PeerWatch::look() {
  if (stopped_) return;
  for (const auto& wait : std::exchange(waiting_for_change_, {})) wait->end();
  const auto image = metadata_.told_image();
  std::vector<Registration> gone;
  for (const auto& [peer, watch] : watches_) {
    const cluster::Broker* const broker = image->broker(peer.first);
    if (broker == nullptr || broker->epoch != peer.second) gone.push_back(peer);
  }
  for (const Registration& peer : gone) watches_.erase(peer);
  for (const auto& [id, broker] : image->brokers()) {
    if (id == self_) continue;
    auto& watch = watches_[{id, broker.epoch}];
    if (watch) continue;
    watch = liveness_.watch(broker, [this, peer = Registration(id, broker.epoch)](
                                        rpc::Liveness verdict) { judge(peer, verdict); });
  }
  // Once all who are there are counted.
  for (const Registration& peer : gone) no_longer_silent(peer);
  note_who_is_heard();
}

/// A suspicion is the controller's to judge, but for what this broker waits for itself.
void PeerWatch::judge(const Registration& peer, rpc::Liveness verdict) {
  if (stopped_) return;
  if (verdict == rpc::Liveness::Silent) return believe_silence(peer);
  no_longer_silent(peer);
  metadata_.set_dead(peer.first, peer.second, verdict == rpc::Liveness::ProcessDead);
}

void PeerWatch::believe_silence(const Registration& peer) {
  silent_[peer].reset();
  note_who_is_heard();
  ask_now([this, peer](bool in_reach) {
    const auto silent = silent_.find(peer);
    if (silent == silent_.end()) return;
    set_cut_off(!in_reach);
    if (in_reach) return tell_silence_(peer.first, true);
    silent->second = loop_.post_after(kAskForReachAgain, [this, peer] { believe_silence(peer); });
  });
}

void PeerWatch::no_longer_silent(const Registration& peer) {
  if (silent_.erase(peer) == 0) return;
  note_who_is_heard();
  tell_silence_(peer.first, false);
  if (out_of_reach_.empty()) return;
  set_cut_off(true);
  // Others may have been believed silent before this broker knew that it was cut off.
  const auto still_silent = std::views::keys(silent_);
  for (const Registration& other : std::vector(still_silent.begin(), still_silent.end())) {
    believe_silence(other);
  }
}

void PeerWatch::note_who_is_heard() {
  if (watches_.size() - silent_.size() < others_for_half()) {
    settled_at_.reset();
  } else if (!settled_at_) {
    settled_at_ = clock_.now() + kSettling;
  }
}

void PeerWatch::set_cut_off(bool cut_off) {
  std::set<BrokerId> out_of_reach;
  if (cut_off) {
    for (const auto& [peer, timer] : silent_) out_of_reach.insert(peer.first);
  }
  if (out_of_reach == out_of_reach_) return;
  out_of_reach_ = out_of_reach;
  tell_cut_off_(std::move(out_of_reach));
}

}  // namespace ottla::broker
