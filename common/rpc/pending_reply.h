#pragma once

#include <grpcpp/grpcpp.h>

#include <utility>

namespace ottla::rpc {

/// Ends a call exactly once: with the reply, or, when the service dropped it (it is stopping), with
/// UNAVAILABLE, so that no caller and no `stop` waits for ever. Inside common/rpc only.
template <class Reply, class Message>
class PendingReply {
 public:
  PendingReply(grpc::ServerUnaryReactor* reactor, Message* message)
      : reactor_(reactor), message_(message) {}
  PendingReply(PendingReply&& other) noexcept
      : reactor_(std::exchange(other.reactor_, nullptr)), message_(other.message_) {}
  PendingReply& operator=(PendingReply&&) = delete;
  ~PendingReply() {
    if (reactor_ != nullptr) {
      reactor_->Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the broker is stopping"));
    }
  }

  void operator()(Reply reply) && {
    encode(reply, *message_);
    std::exchange(reactor_, nullptr)->Finish(grpc::Status::OK);
  }

 private:
  grpc::ServerUnaryReactor* reactor_;
  Message* message_;
};

}  // namespace ottla::rpc
