#pragma once

#include <concepts>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/uuid.h"
#include "common/protocol/api.h"
#include "common/protocol/fwd.h"
#include "common/protocol/records.h"
#include "common/protocol/version.h"

/// What the generated messages (common/protocol/messages/*.h) are made of, and what they offer:
///
///   static Result<M> decode(Reader& in, ApiVersion version);
///       Fields that the version lacks have their defaults. `bytes` and `records` are views into
///       the buffer that is read, so they live as long as the frame. Bytes behind the message stay
///       unread; like Kafka, callers ignore them.
///       Errors: UnsupportedVersion; InvalidRequest for bytes that are no such message.
///   Result<> encode(Writer& out, ApiVersion version) const;
///       A field that the version lacks must have its default, unless the schema says `ignorable`;
///       else UnsupportedVersion. InvalidRequest for null where the version has no null, and for a
///       string above 32767 bytes. After an error `out` holds a broken message: drop it.
///   operator==, operator<<, to_string
///       Texts leave out secrets and the contents of bytes and records, and cut long arrays.
///
/// An error code without a name in our table keeps its number.
namespace ottla::protocol {

template <class M>
concept Message = requires(const M& message, Printer& printer) {
  { M::kName } -> std::convertible_to<std::string_view>;
  M::kVersions;
  message.print(printer);
};

/// A request or a response: a message that belongs to an API.
template <class M>
concept ApiMessage = Message<M> && requires { M::kKey; };

[[nodiscard]] tl::unexpected<Error> fail_version(std::string_view message, ApiVersion version);
[[nodiscard]] bool same_bytes(ByteView a, ByteView b);
[[nodiscard]] bool same_bytes(const std::optional<ByteView>& a, const std::optional<ByteView>& b);

}  // namespace ottla::protocol
