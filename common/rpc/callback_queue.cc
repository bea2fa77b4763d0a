#include "common/rpc/callback_queue.h"

#include <glog/logging.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

namespace ottla::rpc {

void keep_callback_queue() {
  // A server that listens nowhere uses the queue as long as it is there: for ever.
  static const grpc::Server* const user = [] {
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(new grpc::CallbackGenericService());
    return builder.BuildAndStart().release();
  }();
  CHECK(user != nullptr);
}

}  // namespace ottla::rpc
