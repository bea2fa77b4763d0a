#include "broker/replica/coordinator_load.h"

#include <glog/logging.h>

#include <utility>

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"

namespace ottla::replica {
namespace {

using std::chrono::milliseconds;

/// Between two attempts.
constexpr milliseconds kRetry{1'000};

class CommitCallback final : public CommitWaiter {
 public:
  explicit CommitCallback(Callback<ErrorCode> done) : done_(std::move(done)) {}
  void on_commit_decided(std::uint32_t, ErrorCode outcome) override { std::move(done_)(outcome); }

 private:
  Callback<ErrorCode> done_;
};

}  // namespace

CoordinatorLoad::CoordinatorLoad(TopicPartition partition, LeaderEpoch epoch, Dependencies with)
    : partition_(std::move(partition)), epoch_(epoch), with_(with), began_(with.clock.now()) {}

void CoordinatorLoad::start(std::function<storage::LogWalk::Sink()> new_sink,
                            std::function<bool()> is_wanted, Callback<Loaded> done) {
  new_sink_ = std::move(new_sink);
  is_wanted_ = std::move(is_wanted);
  done_ = std::move(done);
  attempt();
}

void CoordinatorLoad::cancel() {
  is_cancelled_ = true;
  retry_.reset();
}

/// One attempt.
struct CoordinatorLoad::Reading {
  storage::LogWalk walk;
  storage::LogWalk::Sink sink;
};

void CoordinatorLoad::attempt() {
  if (is_over()) return;
  auto log = with_.replicas.leader_log(partition_);
  if (!log) return attempt_later(log.error());
  using Torn = storage::LogWalk::Torn;
  const auto reading = std::make_shared<Reading>(
      Reading{storage::LogWalk(*std::move(log), with_.buffer_bytes,
                               others_have_all() ? Torn::Fail : Torn::LeaveOut),
              new_sink_()});
  with_.io_pool.post([self = shared_from_this(), reading] { self->read_on(reading); });
}

/// On the pool; between two buffers others have their turns.
void CoordinatorLoad::read_on(const std::shared_ptr<Reading>& reading) {
  const auto more = reading->walk.read_some(reading->sink);
  if (more && *more) {
    return with_.io_pool.post([self = shared_from_this(), reading] { self->read_on(reading); });
  }
  Result<> outcome;
  if (!more) outcome = fail(more.error());
  if (!more && more.error().code() == ErrorCode::KafkaStorageError) {
    (void)reading->walk.log().report(more.error());  // the attempt fails in any case
  }
  with_.loop.post([self = shared_from_this(), reading, outcome = std::move(outcome)] {
    self->on_read(reading, outcome);
  });
}

void CoordinatorLoad::on_read(const std::shared_ptr<Reading>& reading, const Result<>& outcome) {
  if (is_over()) return;
  if (!outcome) {
    // If no other has the log by now, the next attempt takes what can be read.
    if (outcome.error().code() == ErrorCode::CorruptMessage && others_have_all()) {
      with_.replicas.give_up_log(partition_, epoch_, outcome.error());
    }
    return attempt_later(outcome.error());
  }
  const auto held = with_.replicas.partition(partition_);
  if (!held) return attempt_later(Error(ErrorCode::NotLeaderOrFollower));
  held->await_commit(
      reading->walk.end(), epoch_,
      std::make_shared<CommitCallback>([self = shared_from_this(), reading](ErrorCode decided) {
        self->with_.loop.post(
            [self, reading, decided] { self->on_commit_decided(reading, decided); });
      }),
      0);
}

void CoordinatorLoad::on_commit_decided(const std::shared_ptr<Reading>& reading,
                                        ErrorCode decided) {
  if (is_over()) return;
  // Too few replicas in sync stop commits, not what was committed before.
  if (decided != ErrorCode::None && decided != ErrorCode::NotEnoughReplicasAfterAppend) {
    return attempt_later(Error(decided));
  }
  const Loaded loaded{.damaged_batches = reading->walk.damaged_batches(),
                      .torn_segments = reading->walk.torn_segments(),
                      .took = std::chrono::duration_cast<milliseconds>(with_.clock.now() - began_)};
  if (loaded.damaged_batches > 0) {
    LOG(ERROR) << "[" << partition_ << "] " << loaded.damaged_batches
               << " batches could not be read and were left out";
  }
  if (loaded.torn_segments > 0) {
    LOG(ERROR) << "[" << partition_ << "] " << loaded.torn_segments
               << " segments are damaged, and no other replica in the ISR has the log: what it"
                  " coordinates may be older than it was, or missing";
  }
  std::move(done_)(loaded);
}

/// Whether another replica can lead in our place without a loss.
bool CoordinatorLoad::others_have_all() const {
  const auto held = with_.replicas.partition(partition_);
  if (!held) return false;
  const auto view = held->view();
  return view.leader_epoch == epoch_ && view.isr.size() > 1;
}

void CoordinatorLoad::attempt_later(const Error& why) {
  LOG(ERROR) << "[" << partition_ << "] cannot be loaded, is tried again: " << why;
  retry_ = with_.loop.post_after(kRetry, [self = shared_from_this()] { self->attempt(); });
}

}  // namespace ottla::replica
