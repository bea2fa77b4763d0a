#pragma once

#include "common/base/bytes.h"
#include "common/protocol/testing/any_message.h"

namespace ottla::protocol {

/// Decodes bytes of unknown origin, and dies unless what was understood can be printed, encoded,
/// decoded again and encoded to the same bytes. Returns whether the bytes were understood.
bool check_decoding(const MessageType& type, ApiVersion version, MutableByteView bytes);

}  // namespace ottla::protocol
