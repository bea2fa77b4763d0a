#pragma once

namespace ottla::rpc {

/// gRPC's queue for callbacks, which all channels and servers of the process share, ends with the
/// last of them. In gRPC 1.51 its thread then, once in some thousand times, gives back a reference
/// too many, and takes the process with it. With this it lives until the process ends. To be called
/// before a channel or a server is made. Thread: any. Inside common/rpc only.
void keep_callback_queue();

}  // namespace ottla::rpc
