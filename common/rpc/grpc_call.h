#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "common/base/error.h"
#include "common/base/task.h"
#include "common/env/clock.h"

/// Unary calls as callbacks. Inside common/rpc only.
namespace ottla::rpc {

[[nodiscard]] inline Error error_of(const grpc::Status& status) {
  const ErrorCode code = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED
                             ? ErrorCode::RequestTimedOut
                             : ErrorCode::NetworkException;
  return Error(code, status.error_message());
}

/// What lives as long as a call is under way.
template <class Request, class Reply>
struct UnaryCall {
  grpc::ClientContext context;
  Request request;
  Reply reply;
  Callback<Result<Reply*>> done;
};

/// Calls `method` of `async`; `done` gets the reply, which is good during the callback. What it
/// gives back can cancel the call.
template <class Async, class Request, class Reply>
std::shared_ptr<grpc::ClientContext> call_unary(
    Async& async, Request request, env::Duration timeout,
    void (Async::*method)(grpc::ClientContext*, const Request*, Reply*,
                          std::function<void(grpc::Status)>),
    std::type_identity_t<Callback<Result<Reply*>>> done) {
  auto call = std::make_shared<UnaryCall<Request, Reply>>();
  call->context.set_deadline(std::chrono::system_clock::now() + timeout);
  call->request = std::move(request);
  call->done = std::move(done);
  (async.*method)(&call->context, &call->request, &call->reply, [call](grpc::Status status) {
    if (!status.ok()) return std::move(call->done)(fail(error_of(status)));
    std::move(call->done)(&call->reply);
  });
  return {call, &call->context};
}

}  // namespace ottla::rpc
