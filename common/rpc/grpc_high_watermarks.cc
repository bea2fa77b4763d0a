#include "common/rpc/grpc_high_watermarks.h"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "common/base/mutex.h"
#include "common/rpc/grpc_call.h"
#include "common/rpc/stubs_by_endpoint.h"
#include "proto/ottla/high_watermarks.grpc.pb.h"

namespace ottla::rpc {
namespace {

proto::HighWatermarksQuery encode(const std::vector<TopicPartition>& partitions) {
  proto::HighWatermarksQuery query;
  proto::HighWatermarksQuery::Topic* topic = nullptr;
  for (const TopicPartition& each : partitions) {
    if (topic == nullptr || topic->name() != each.topic) {
      topic = query.add_topics();
      topic->set_name(each.topic);
    }
    topic->add_partitions(each.partition);
  }
  return query;
}

std::vector<TopicPartition> decode(const proto::HighWatermarksQuery& query) {
  std::vector<TopicPartition> partitions;
  for (const auto& topic : query.topics()) {
    for (const std::int32_t number : topic.partitions()) {
      partitions.push_back({topic.name(), number});
    }
  }
  return partitions;
}

void encode(const HighWatermarks& from, proto::HighWatermarksAnswer& to) {
  proto::HighWatermarksAnswer::Topic* topic = nullptr;
  for (const auto& [place, high_watermark] : from) {
    if (topic == nullptr || topic->name() != place.topic) {
      topic = to.add_topics();
      topic->set_name(place.topic);
    }
    auto& partition = *topic->add_partitions();
    partition.set_partition(place.partition);
    partition.set_high_watermark(high_watermark.value());
  }
}

HighWatermarks decode(const proto::HighWatermarksAnswer& answer) {
  HighWatermarks result;
  for (const auto& topic : answer.topics()) {
    for (const auto& partition : topic.partitions()) {
      result.emplace(TopicPartition{topic.name(), partition.partition()},
                     Offset(partition.high_watermark()));
    }
  }
  return result;
}

class HighWatermarkService final : public proto::HighWatermarks::CallbackService {
 public:
  explicit HighWatermarkService(const HighWatermarkSource& source) : source_(source) {}

  grpc::ServerUnaryReactor* Query(grpc::CallbackServerContext* context,
                                  const proto::HighWatermarksQuery* query,
                                  proto::HighWatermarksAnswer* answer) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    encode(source_.led_here(decode(*query)), *answer);
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const HighWatermarkSource& source_;
};

}  // namespace

/// What is under way, so that it can be ended. Callbacks hold it too.
class GrpcHighWatermarkPeers::Calls {
 public:
  using Id = std::uint64_t;

  /// nullopt after `stop`.
  [[nodiscard]] std::optional<Id> begin() OTTLA_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (stopped_) return std::nullopt;
    calls_[++last_];
    return last_;
  }

  void can_be_cancelled_by(Id call, const std::shared_ptr<grpc::ClientContext>& context)
      OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (const auto found = calls_.find(call); found != calls_.end()) found->second = context;
    const bool too_late = stopped_;
    lock.unlock();
    if (too_late) context->TryCancel();
  }

  void ended(Id call) OTTLA_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    calls_.erase(call);
    ended_.notify_all();
  }

  void stop() OTTLA_EXCLUDES(mutex_) OTTLA_NO_THREAD_SAFETY_ANALYSIS {
    MutexLock lock(mutex_);
    stopped_ = true;
    const auto calls = calls_;
    lock.unlock();
    for (const auto& [id, call] : calls) {
      if (const auto context = call.lock()) context->TryCancel();
    }
    lock.lock();
    ended_.wait(lock, [this] { return calls_.empty(); });
  }

  StubsByEndpoint<proto::HighWatermarks> stubs;

 private:
  Mutex mutex_{LockRank::Leaf};
  std::condition_variable_any ended_;
  bool stopped_ OTTLA_GUARDED_BY(mutex_) = false;
  Id last_ OTTLA_GUARDED_BY(mutex_) = 0;
  std::map<Id, std::weak_ptr<grpc::ClientContext>> calls_ OTTLA_GUARDED_BY(mutex_);
};

GrpcHighWatermarkPeers::GrpcHighWatermarkPeers() : calls_(std::make_shared<Calls>()) {}

GrpcHighWatermarkPeers::~GrpcHighWatermarkPeers() {
  stop();
}

void GrpcHighWatermarkPeers::stop() {
  calls_->stop();
}

void GrpcHighWatermarkPeers::ask(const cluster::Broker& to, std::vector<TopicPartition> partitions,
                                 env::Duration timeout, Callback<Result<HighWatermarks>> done) {
  if (!to.grpc_endpoint) return std::move(done)(fail(ErrorCode::NetworkException));
  const auto id = calls_->begin();
  if (!id) return std::move(done)(fail(ErrorCode::NetworkException));
  using Async = proto::HighWatermarks::StubInterface::async_interface;
  const auto stub = calls_->stubs.to(*to.grpc_endpoint);
  const auto context =
      call_unary<Async>(*stub->async(), encode(partitions), timeout, &Async::Query,
                        [calls = calls_, id = *id, stub, done = std::move(done)](
                            Result<proto::HighWatermarksAnswer*> answered) mutable {
                          if (answered) {
                            std::move(done)(decode(**answered));
                          } else {
                            std::move(done)(fail(std::move(answered).error()));
                          }
                          done = nullptr;  // what it holds may go once nothing is under way
                          calls->ended(id);
                        });
  calls_->can_be_cancelled_by(*id, context);
}

std::unique_ptr<grpc::Service> make_high_watermark_service(const HighWatermarkSource& source) {
  return std::make_unique<HighWatermarkService>(source);
}

}  // namespace ottla::rpc
