#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

namespace ottla::rpc {

/// A channel with a TCP connection of its own (gRPC would share one between equal targets), which
/// reconnects quickly: the peers are few and near. Inside common/rpc only.
[[nodiscard]] std::shared_ptr<grpc::Channel> make_channel(const std::string& endpoint);

}  // namespace ottla::rpc
