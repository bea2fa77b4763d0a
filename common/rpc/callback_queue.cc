#include "common/rpc/callback_queue.h"

#include <absl/synchronization/mutex.h>
#include <glog/logging.h>
#include <grpc/support/cpu.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <semaphore>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace ottla::rpc {
namespace {

/// What gRPC 1.51 calls the threads of the queue. Other versions may have none, and use for other
/// work what would be parked: there nobody is.
constexpr const char* kThreadName = "nexting_thread";
/// Threads name themselves when they first run. A look takes some ten microseconds.
constexpr int kLooks = 200;
constexpr unsigned kCoresForAThread = 8;

std::size_t count_threads() {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream file(task.path() / "comm");
    std::string name;
    count += std::getline(file, name) && name == kThreadName ? 1 : 0;
  }
  return count;
}

/// Keeps the thread that brings it a call, unless no more would be left than are to be.
class Park final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    const bool stays = parked_ + threads_left_ < count_threads();
    if (stays) ++parked_;
    is_full_ = !stays;
    answered_.release();
    if (!stays) return CallbackGenericService::CreateReactor(context);
    std::binary_semaphore never(0);
    never.acquire();
    return nullptr;
  }

  /// For the call that was made last: false if there was no place for it.
  bool took_it() {
    answered_.acquire();
    return !is_full_;
  }

 private:
  const std::size_t threads_left_ = std::max(gpr_cpu_num_cores() / kCoresForAThread, 1U);
  // Calls are made one after the other.
  std::atomic<std::size_t> parked_ = 0;
  std::atomic<bool> is_full_ = false;
  std::binary_semaphore answered_{0};
};

class Call final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Call(grpc::GenericStub& stub) {
    stub.PrepareBidiStreamingCall(&context_, "/ottla.Park/Stay", {}, this);
    StartCall();
  }

 private:
  grpc::ClientContext context_;
};

/// A server that listens nowhere: it uses the queue as long as it is there.
class Keeper {
 public:
  Keeper() {
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(&park_);
    server_ = builder.BuildAndStart();
    CHECK(server_ != nullptr);
    for (int i = 0; i < kLooks && count_threads() < 2; ++i) std::this_thread::yield();
    stub_ = std::make_unique<grpc::GenericStub>(server_->InProcessChannel({}));
    do {
      calls_.push_back(std::make_unique<Call>(*stub_));
    } while (park_.took_it());
  }

 private:
  Park park_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::GenericStub> stub_;
  std::vector<std::unique_ptr<Call>> calls_;
};

}  // namespace

void prepare_callback_queue() {
  static const Keeper* const keeper = [] {
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    return new Keeper();
  }();
  CHECK(keeper != nullptr);
}

}  // namespace ottla::rpc
