#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/payload.h"
#include "common/protocol/frame.h"
#include "common/protocol/version.h"
#include "common/protocol/writer.h"

/// Messages that stand in records' keys and values: an int16 version in front, then the message in
/// that version.
namespace ottla::protocol {

/// Errors: InvalidRequest, for a string that a flexible request can carry and this form cannot.
template <class M>
[[nodiscard]] Result<std::string> encode_versioned(const M& message, std::int16_t version) {
  Writer out;
  out.write(version);
  OTTLA_TRY_VOID(message.encode(out, ApiVersion(version)));
  const Payload payload = out.finish();
  std::string bytes;
  bytes.reserve(payload.size());
  for (const PayloadPiece& piece : payload.pieces()) {
    bytes += as_text(std::get<MemoryRange>(piece).bytes);
  }
  return bytes;
}

/// The version in front. Errors: CorruptMessage.
[[nodiscard]] inline Result<std::int16_t> version_of(ByteView bytes) {
  if (bytes.size() < sizeof(std::int16_t)) {
    return fail(ErrorCode::CorruptMessage, "no version in front");
  }
  return load_big_endian<std::int16_t>(bytes.data());
}

/// What follows the version, which `version_of` has read. Errors: CorruptMessage.
template <class M>
[[nodiscard]] Result<M> decode_versioned(ByteView bytes, std::int16_t version) {
  auto message = decode<M>(bytes.subspan(sizeof(std::int16_t)), ApiVersion(version));
  if (!message) return fail(ErrorCode::CorruptMessage, message.error().describe());
  return *std::move(message);
}

}  // namespace ottla::protocol
