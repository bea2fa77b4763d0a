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

/// Lives on in the tasks that are under way.
class CoordinatorLoad::Attempts : public std::enable_shared_from_this<Attempts> {
 public:
  Attempts(TopicPartition partition, LeaderEpoch epoch, Dependencies with, Read read,
           Callback<Loaded> done)
      : partition_(std::move(partition)),
        epoch_(epoch),
        with_(with),
        began_(with.clock.now()),
        read_(std::move(read)),
        done_(std::move(done)) {}

  void attempt();
  void end() {
    is_over_ = true;
    retry_.reset();
  }

 private:
  void on_read(const Result<storage::Walked>& walked);
  void on_commit_decided(const storage::Walked& walked, ErrorCode decided);
  void attempt_later(const Error& why);
  [[nodiscard]] bool others_have_all() const;

  const TopicPartition partition_;
  const LeaderEpoch epoch_;
  const Dependencies with_;
  const env::MonotonicTime began_;
  const Read read_;
  Callback<Loaded> done_;
  env::TimerHandle retry_;
  bool is_over_ = false;
};

CoordinatorLoad::CoordinatorLoad(TopicPartition partition, LeaderEpoch epoch, Dependencies with,
                                 Read read, Callback<Loaded> done)
    : attempts_(std::make_shared<Attempts>(std::move(partition), epoch, with, std::move(read),
                                           std::move(done))) {
  attempts_->attempt();
}

CoordinatorLoad::~CoordinatorLoad() {
  attempts_->end();
}

void CoordinatorLoad::Attempts::attempt() {
  if (is_over_) return;
  auto log = with_.replicas.leader_log(partition_);
  if (!log) return attempt_later(log.error());
  using Torn = storage::LogWalk::Torn;
  read_(*std::move(log), others_have_all() ? Torn::Fail : Torn::LeaveOut,
        [self = shared_from_this()](Result<storage::Walked> walked) {
          self->with_.loop.post([self, walked = std::move(walked)] { self->on_read(walked); });
        });
}

void CoordinatorLoad::Attempts::on_read(const Result<storage::Walked>& walked) {
  if (is_over_) return;
  if (!walked) {
    // If no other has the log by now, the next attempt takes what can be read.
    if (walked.error().code() == ErrorCode::CorruptMessage && others_have_all()) {
      with_.replicas.give_up_log(partition_, epoch_, walked.error());
    }
    return attempt_later(walked.error());
  }
  const auto held = with_.replicas.partition(partition_);
  if (!held) return attempt_later(Error(ErrorCode::NotLeaderOrFollower));
  held->await_commit(walked->end, epoch_,
                     std::make_shared<CommitCallback>(
                         [self = shared_from_this(), walked = *walked](ErrorCode decided) {
                           self->with_.loop.post([self, walked, decided] {
                             self->on_commit_decided(walked, decided);
                           });
                         }),
                     0);
}

void CoordinatorLoad::Attempts::on_commit_decided(const storage::Walked& walked,
                                                  ErrorCode decided) {
  if (is_over_) return;
  // Too few replicas in sync stop commits, not what was committed before.
  if (decided != ErrorCode::None && decided != ErrorCode::NotEnoughReplicasAfterAppend) {
    return attempt_later(Error(decided));
  }
  if (walked.damaged_batches > 0) {
    LOG(ERROR) << "[" << partition_ << "] " << walked.damaged_batches
               << " batches could not be read and were left out";
  }
  if (walked.torn_segments > 0) {
    LOG(ERROR) << "[" << partition_ << "] " << walked.torn_segments
               << " segments are damaged, and no other replica in the ISR has the log: what it"
                  " coordinates may be older than it was, or missing";
  }
  std::move(done_)({.is_whole = walked.damaged_batches + walked.torn_segments == 0,
                    .took = std::chrono::duration_cast<milliseconds>(with_.clock.now() - began_)});
}

/// Whether another replica can lead in our place without a loss.
bool CoordinatorLoad::Attempts::others_have_all() const {
  const auto held = with_.replicas.partition(partition_);
  if (!held) return false;
  const auto view = held->view();
  return view.leader_epoch == epoch_ && view.isr.size() > 1;
}

void CoordinatorLoad::Attempts::attempt_later(const Error& why) {
  LOG(ERROR) << "[" << partition_ << "] cannot be loaded, is tried again: " << why;
  retry_ = with_.loop.post_after(kRetry, [self = shared_from_this()] { self->attempt(); });
}

}  // namespace ottla::replica
