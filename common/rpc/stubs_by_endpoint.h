#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "common/rpc/grpc_channel.h"

namespace ottla::rpc {

/// One connection of a gRPC service for each endpoint. There are as many as brokers; those of a
/// broker that has moved go when there are too many. Inside common/rpc only. Thread: any.
template <class Service>
class StubsByEndpoint {
 public:
  using Stub = typename Service::Stub;

  [[nodiscard]] std::shared_ptr<Stub> to(const std::string& endpoint) OTTLA_EXCLUDES(mutex_) {
    constexpr std::size_t kMost = 1'000;
    std::map<std::string, std::shared_ptr<Stub>> dropped;  // not destroyed under the lock
    MutexLock lock(mutex_);
    if (stubs_.size() >= kMost) dropped.swap(stubs_);
    auto& stub = stubs_[endpoint];
    if (!stub) stub = Service::NewStub(make_channel(endpoint));
    return stub;
  }

 private:
  Mutex mutex_{LockRank::Leaf};
  std::map<std::string, std::shared_ptr<Stub>> stubs_ OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::rpc
