#include "common/protocol/testing/check_decoding.h"

#include <glog/logging.h>

#include <cstddef>
#include <variant>
#include <vector>

namespace ottla::protocol {
namespace {

std::vector<std::byte> encoded(const AnyMessage& message, ApiVersion version) {
  Writer out;
  const auto result = message.encode(out, version);
  CHECK(result.has_value()) << result.error() << ": " << message.print();
  std::vector<std::byte> bytes;
  const Payload payload = out.finish();
  for (const PayloadPiece& piece : payload.pieces()) {
    const ByteView part = std::get<MemoryRange>(piece).bytes;
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

}  // namespace

bool check_decoding(const MessageType& type, ApiVersion version, MutableByteView bytes) {
  Reader in(bytes);
  const auto message = type.make();
  if (!message->decode(in, version)) return false;
  CHECK(!message->print().empty());

  std::vector<std::byte> first = encoded(*message, version);
  Reader again{MutableByteView(first)};
  const auto copy = type.make();
  const auto result = copy->decode(again, version);
  CHECK(result.has_value()) << result.error() << ": " << message->print();
  CHECK_EQ(again.remaining(), 0U) << message->print();
  CHECK(encoded(*copy, version) == first) << message->print();
  return true;
}

}  // namespace ottla::protocol
