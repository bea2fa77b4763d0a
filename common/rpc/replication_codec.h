#pragma once

#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/payload.h"
#include "common/rpc/replication.h"

/// The bytes of the replication stream's messages (docs/replication.md): big-endian, a kind, a
/// version, fixed fields; in a leader's message the records of all partitions follow the header, in
/// the order of the partitions. Decoders take any input; records are never copied.
namespace ottla::rpc {

/// The header's bytes, then the records as they lie.
struct EncodedMessage {
  std::vector<std::byte> header;
  std::vector<MemoryRange> records;
};

[[nodiscard]] EncodedMessage encode(const StreamHello& hello);
[[nodiscard]] EncodedMessage encode(const FollowerMessage& message);
[[nodiscard]] EncodedMessage encode(LeaderMessage message);

/// `received` are the message's bytes, cut anywhere. Errors: InvalidRequest, saying what is wrong.
[[nodiscard]] Result<StreamHello> decode_hello(const std::vector<MemoryRange>& received);
[[nodiscard]] Result<FollowerMessage> decode_follower_message(
    const std::vector<MemoryRange>& received);
/// The records are ranges of `received`.
[[nodiscard]] Result<LeaderMessage> decode_leader_message(const std::vector<MemoryRange>& received);

}  // namespace ottla::rpc
