#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/protocol/testing/any_message.h"
#include "common/protocol/testing/check_decoding.h"

namespace ottla::protocol {
namespace {

std::vector<std::byte> encoded(const AnyMessage& message, ApiVersion version) {
  Writer out;
  const auto result = message.encode(out, version);
  EXPECT_TRUE(result.has_value()) << result.error();
  std::vector<std::byte> bytes;
  const Payload payload = out.finish();
  for (const PayloadPiece& piece : payload.pieces()) {
    const ByteView part = std::get<MemoryRange>(piece).bytes;
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

class EveryMessage : public testing::TestWithParam<MessageType> {
 protected:
  /// Calls `run` with messages of random content, some of each version.
  template <class Run>
  void for_each(int times, Run run) {
    const MessageType& type = GetParam();
    for (std::int16_t number = type.versions.first; number <= type.versions.last; ++number) {
      SCOPED_TRACE(std::string(type.name) + " v" + std::to_string(number));
      for (int seed = 0; seed < times; ++seed) {
        RandomContent random(static_cast<std::uint64_t>(seed) * 1000 +
                             static_cast<std::uint64_t>(number));
        const auto message = type.make();
        message->fill(random, ApiVersion(number));
        run(*message, ApiVersion(number), random);
        if (HasFailure()) return;
      }
    }
  }
};

TEST_P(EveryMessage, IsTheSameAfterEncodingAndDecoding) {
  for_each(50, [&](const AnyMessage& message, ApiVersion version, RandomContent&) {
    std::vector<std::byte> bytes = encoded(message, version);
    Reader in{MutableByteView(bytes)};
    const auto copy = GetParam().make();
    const auto result = copy->decode(in, version);
    ASSERT_TRUE(result.has_value()) << result.error() << '\n' << message.print();
    EXPECT_EQ(in.remaining(), 0U);
    EXPECT_TRUE(copy->equals(message)) << message.print() << '\n' << copy->print();
    EXPECT_EQ(encoded(*copy, version), bytes);
  });
}

TEST_P(EveryMessage, IsRefusedWhenCutAnywhere) {
  for_each(2, [&](const AnyMessage& message, ApiVersion version, RandomContent&) {
    const std::vector<std::byte> bytes = encoded(message, version);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      // A block of its own, so that the address sanitizer sees a read behind the end.
      std::vector<std::byte> cut(bytes.begin(),
                                 bytes.begin() + static_cast<std::ptrdiff_t>(length));
      Reader in{MutableByteView(cut)};
      const auto result = GetParam().make()->decode(in, version);
      ASSERT_FALSE(result.has_value()) << "cut to " << length << " of " << bytes.size();
      ASSERT_EQ(result.error().code(), ErrorCode::InvalidRequest);
    }
  });
}

TEST_P(EveryMessage, SurvivesDamage) {
  for_each(40, [&](const AnyMessage& message, ApiVersion version, RandomContent& random) {
    std::vector<std::byte> bytes = encoded(message, version);
    if (bytes.empty()) return;
    for (std::size_t changes = 1 + random.below(4); changes > 0; --changes) {
      bytes[random.below(bytes.size())] = static_cast<std::byte>(random.next());
    }
    check_decoding(GetParam(), version, bytes);
  });
}

INSTANTIATE_TEST_SUITE_P(Kafka, EveryMessage,
                         testing::ValuesIn(all_messages().begin(), all_messages().end()),
                         [](const auto& message) { return std::string(message.param.name); });

}  // namespace
}  // namespace ottla::protocol
