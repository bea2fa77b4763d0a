#include "broker/controller_channel.h"

#include <utility>

namespace ottla::broker {
namespace {

tl::unexpected<Error> nobody_in_office() {
  return fail(ErrorCode::NotController, "no broker is known to be the controller");
}

/// A reply as the local controller gives it, for a callback that expects a result.
template <class Reply>
Callback<Reply> as_result(Callback<Result<Reply>> done) {
  return [done = std::move(done)](Reply reply) mutable { std::move(done)(std::move(reply)); };
}

}  // namespace

class ControllerChannel::Asked {
 public:
  using Reply = Result<rpc::AlterPartitionReply>;

  explicit Asked(Callback<Reply> done) : done_(std::move(done)) {}

  void end(Reply reply) OTTLA_EXCLUDES(mutex_) {
    Callback<Reply> done;
    {
      MutexLock lock(mutex_);
      done = std::exchange(done_, nullptr);
    }
    if (done) std::move(done)(std::move(reply));
  }

 private:
  Mutex mutex_{LockRank::Leaf};
  Callback<Reply> done_ OTTLA_GUARDED_BY(mutex_);
};

void ControllerChannel::controller_spoke(ControllerEpoch epoch) {
  std::vector<std::weak_ptr<Asked>> older;
  {
    MutexLock lock(mutex_);
    if (epoch <= last_heard_) return;
    last_heard_ = epoch;
    older.swap(asked_);
  }
  for (const auto& weak : older) {
    if (const auto asked = weak.lock()) {
      asked->end(fail(ErrorCode::NetworkException, "another controller has taken office"));
    }
  }
}

void ControllerChannel::set_broker_epoch(BrokerEpoch epoch) {
  MutexLock lock(mutex_);
  broker_epoch_ = epoch;
}

void ControllerChannel::alter(std::vector<rpc::AlterPartition> partitions,
                              Callback<Result<rpc::AlterPartitionReply>> done) {
  rpc::AlterPartitionRequest request{
      .broker = self_, .broker_epoch = broker_epoch(), .partitions = std::move(partitions)};
  if (is_local()) return local_.alter_partition(std::move(request), as_result(std::move(done)));
  const auto peer = remote();
  if (!peer) return std::move(done)(nobody_in_office());
  const auto asked = std::make_shared<Asked>(std::move(done));
  {
    MutexLock lock(mutex_);
    std::erase_if(asked_, [](const auto& each) { return each.expired(); });
    asked_.push_back(asked);
  }
  peer->alter_partition(
      std::move(request), request_timeout_,
      [asked](Result<rpc::AlterPartitionReply> reply) { asked->end(std::move(reply)); });
}

void ControllerChannel::allocate(Callback<Result<rpc::AllocateProducerIdsReply>> done) {
  const rpc::AllocateProducerIdsRequest request{.broker = self_, .broker_epoch = broker_epoch()};
  if (is_local()) return local_.allocate_producer_ids(request, as_result(std::move(done)));
  const auto peer = remote();
  if (!peer) return std::move(done)(nobody_in_office());
  peer->allocate_producer_ids(request, request_timeout_, std::move(done));
}

void ControllerChannel::controlled_shutdown(Callback<Result<rpc::ControlledShutdownReply>> done) {
  const rpc::ControlledShutdownRequest request{.broker = self_, .broker_epoch = broker_epoch()};
  if (is_local()) return local_.controlled_shutdown(request, as_result(std::move(done)));
  const auto peer = remote();
  if (!peer) return std::move(done)(nobody_in_office());
  peer->controlled_shutdown(request, request_timeout_, std::move(done));
}

void ControllerChannel::report_slow_replicas(std::vector<rpc::SlowReplicasReport::Replica> replicas,
                                             std::uint64_t number,
                                             Callback<Result<rpc::SlowReplicasReply>> done) {
  rpc::SlowReplicasReport report{.broker = self_,
                                 .broker_epoch = broker_epoch(),
                                 .replicas = std::move(replicas),
                                 .number = number};
  if (is_local()) return local_.report_slow_replicas(std::move(report), as_result(std::move(done)));
  const auto peer = remote();
  if (!peer) return std::move(done)(nobody_in_office());
  peer->report_slow_replicas(std::move(report), request_timeout_, std::move(done));
}

ControllerEpoch ControllerChannel::last_heard() const {
  MutexLock lock(mutex_);
  return last_heard_;
}

BrokerEpoch ControllerChannel::broker_epoch() const {
  MutexLock lock(mutex_);
  return broker_epoch_;
}

std::shared_ptr<rpc::Peer> ControllerChannel::remote() {
  const auto image = metadata_.image();
  const BrokerId id = local_.active_controller().value_or(image->controller());
  const cluster::Broker* const broker = image->broker(id);
  if (broker == nullptr) return nullptr;
  Connection replaced;  // a peer's destructor must not run under the lock
  MutexLock lock(mutex_);
  if (connection_.broker != id || connection_.epoch != broker->epoch) {
    replaced = std::exchange(connection_, {id, broker->epoch, peers_.connect(*broker)});
  }
  return connection_.peer;
}

}  // namespace ottla::broker
