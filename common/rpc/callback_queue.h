#pragma once

namespace ottla::rpc {

/// Makes gRPC's queue for callbacks, which all channels and servers of the process share, as we
/// want it. To be called before a channel or a server is made. Thread: any. Inside common/rpc only.
///
/// It lasts until the process ends. Else it ends with its last user, and in gRPC 1.51 its thread
/// then, once in some thousand times, gives back a reference too many, and takes the process with
/// it.
///
/// One thread waits for events, or one for every eight cores. gRPC 1.51 starts 2 to 16, and the one
/// that an event wakes first wakes another to wait in its place: a futex and two switches for each
/// event, an eighth of all that brokers spent on a small record. It has no option for that: the
/// others are parked in calls that do not end. So no callback may wait for another one; ours post
/// to loops and return.
///
/// Abseil does not look for deadlocks at each of gRPC's locks, as it does in Debian's packages.
void prepare_callback_queue();

}  // namespace ottla::rpc
