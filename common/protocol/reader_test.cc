#include "common/protocol/reader.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "common/protocol/writer.h"

namespace ottla::protocol {
namespace {

/// A reader over bytes of its own.
class Bytes {
 public:
  explicit Bytes(std::initializer_list<int> values) {
    for (const int value : values) bytes_.push_back(static_cast<std::byte>(value));
  }
  explicit Bytes(const Payload& payload) {
    for (const PayloadPiece& piece : payload.pieces()) {
      const ByteView part = std::get<MemoryRange>(piece).bytes;
      bytes_.insert(bytes_.end(), part.begin(), part.end());
    }
  }
  [[nodiscard]] Reader reader(bool flexible = false) {
    Reader in{MutableByteView(bytes_)};
    in.set_flexible(flexible);
    return in;
  }

 private:
  std::vector<std::byte> bytes_;
};

TEST(Reader, ReadsBigEndianNumbers) {
  Bytes bytes{0x01, 0xFF, 0xFE, 0x00, 0x00, 0x01, 0x00, 0xFF,
              0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xF6};
  Reader in = bytes.reader();
  bool flag = false;
  std::int16_t small = 0;
  LeaderEpoch epoch;
  Offset offset;
  in.read(flag);
  in.read(small);
  in.read(epoch);
  in.read(offset);
  EXPECT_TRUE(flag);
  EXPECT_EQ(small, -2);
  EXPECT_EQ(epoch, LeaderEpoch(256));
  EXPECT_EQ(offset, Offset(-10));
  EXPECT_FALSE(in.failed());
  EXPECT_EQ(in.remaining(), 0U);
}

TEST(Reader, KeepsErrorCodesThatHaveNoName) {
  Bytes bytes{0x03, 0xE7};
  Reader in = bytes.reader();
  ErrorCode code = ErrorCode::None;
  in.read(code);
  EXPECT_EQ(static_cast<int>(code), 999);
}

TEST(Reader, GivesZeroAfterTheFirstFailure) {
  Bytes bytes{0x00, 0x05, 'a'};
  Reader in = bytes.reader();
  std::string text = "old";
  std::int32_t number = 9;
  in.read(text);
  in.read(number);
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(number, 0);
  EXPECT_EQ(in.error("Fetch", ApiVersion(3)).message(),
            "Fetch v3: byte 2: the message ends too early");
}

TEST(Reader, TellsNullFromEmpty) {
  Bytes classic{0xFF, 0xFF, 0x00, 0x00};
  Reader in = classic.reader();
  std::optional<std::string> null = "x";
  std::optional<std::string> empty;
  in.read_nullable(null, true);
  in.read_nullable(empty, true);
  EXPECT_EQ(null, std::nullopt);
  EXPECT_EQ(empty, "");

  Bytes compact{0x00, 0x01};
  Reader flexible = compact.reader(true);
  flexible.read_nullable(null, true);
  flexible.read_nullable(empty, true);
  EXPECT_EQ(null, std::nullopt);
  EXPECT_EQ(empty, "");
  EXPECT_FALSE(flexible.failed());
}

TEST(Reader, RefusesNullWhereTheVersionHasNone) {
  Bytes bytes{0xFF, 0xFF};
  Reader in = bytes.reader();
  std::optional<std::string> text;
  in.read_nullable(text, false);
  EXPECT_TRUE(in.failed());
}

TEST(Reader, BelievesACountOnlyIfTheBytesCanHoldIt) {
  // 2^31 - 1 elements, and 2^30 elements of 16 bytes: nothing is allocated.
  Bytes classic{0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0};
  Reader in = classic.reader();
  std::vector<std::int64_t> numbers;
  EXPECT_FALSE(in.begin_array(numbers, 8));
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(numbers.capacity(), 0U);

  Bytes compact{0xFF, 0xFF, 0xFF, 0xFF, 0x0F};
  Reader flexible = compact.reader(true);
  EXPECT_FALSE(flexible.begin_array(numbers, 1));
  EXPECT_TRUE(flexible.failed());
}

TEST(Reader, BoundsTheMemoryOfAllArraysTogether) {
  struct Large {
    std::array<std::byte, 128> bytes;
  };
  // Each array alone is small enough; elements take one byte on the wire.
  std::vector<std::uint8_t> wire(4 << 20);
  for (int i = 0; i < 4; ++i) {
    store_big_endian<std::int32_t>(reinterpret_cast<std::byte*>(wire.data()) + 4 * i, 200'000);
  }
  Reader in(ByteView(reinterpret_cast<const std::byte*>(wire.data()), wire.size()));
  std::vector<Large> large;
  EXPECT_TRUE(in.begin_array(large, 1));
  EXPECT_TRUE(in.begin_array(large, 1));
  EXPECT_TRUE(in.begin_array(large, 1));
  EXPECT_FALSE(in.begin_array(large, 1));
  EXPECT_TRUE(in.failed());
}

TEST(Reader, AcceptsAsManyElementsAsFit) {
  Bytes bytes{0, 0, 0, 2, 0, 1, 0, 2};
  Reader in = bytes.reader();
  std::vector<std::int16_t> numbers;
  ASSERT_TRUE(in.begin_array(numbers, 2));
  for (auto& number : numbers) in.read(number);
  EXPECT_EQ(numbers, (std::vector<std::int16_t>{1, 2}));
}

TEST(Reader, RefusesVarintsOfMoreThan32Bits) {
  for (auto values : {std::initializer_list<int>{0xFF, 0xFF, 0xFF, 0xFF, 0x1F},
                      std::initializer_list<int>{0x80, 0x80, 0x80, 0x80, 0x80, 0x00}}) {
    Bytes bytes(values);
    Reader in = bytes.reader();
    EXPECT_EQ(in.read_unsigned_varint(), 0U);
    EXPECT_TRUE(in.failed());
  }
  Bytes largest{0xFF, 0xFF, 0xFF, 0xFF, 0x0F};
  Reader in = largest.reader();
  EXPECT_EQ(in.read_unsigned_varint(), std::numeric_limits<std::uint32_t>::max());
  EXPECT_FALSE(in.failed());
}

TEST(Reader, RefusesVarlongsOfMoreThan64Bits) {
  Bytes bytes{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02};
  Reader in = bytes.reader();
  EXPECT_EQ(in.read_varlong(), 0);
  EXPECT_TRUE(in.failed());
}

TEST(Reader, GivesRecordsThatCanBePatchedInTheFrame) {
  std::vector<std::byte> frame{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1},
                               std::byte{5}};
  Reader in{MutableByteView(frame)};
  Records records;
  in.read(records);
  ASSERT_EQ(records.size(), 1U);
  records.bytes()[0] = std::byte{6};
  EXPECT_EQ(frame[4], std::byte{6});

  Reader read_only{ByteView(frame)};
  read_only.read(records);
  EXPECT_TRUE(read_only.failed());
}

TEST(TaggedFields, AreSkippedWhenUnknown) {
  Bytes bytes{0x02, 0x00, 0x01, 0xAA, 0x05, 0x02, 0xBB, 0xCC, 0x77};
  Reader in = bytes.reader(true);
  in.skip_tagged_fields();
  EXPECT_FALSE(in.failed());
  EXPECT_EQ(in.remaining(), 1U);
}

TEST(TaggedFields, EndWhereTheirSizeSays) {
  // One field of 2 bytes that holds an int32.
  Bytes bytes{0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01};
  Reader in = bytes.reader(true);
  std::int32_t number = 0;
  for (TaggedFields tags(in); tags.next();) in.read(number);
  EXPECT_TRUE(in.failed());

  Bytes longer{0x01, 0x00, 0x05, 0x00, 0x00, 0x00, 0x01, 0x00};
  Reader rest = longer.reader(true);
  for (TaggedFields tags(rest); tags.next();) rest.read(number);
  EXPECT_TRUE(rest.failed());
}

TEST(TaggedFields, OfAHostileCountEndWithTheBytes) {
  Bytes bytes{0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00, 0x00};
  Reader in = bytes.reader(true);
  in.skip_tagged_fields();
  EXPECT_TRUE(in.failed());
}

TEST(Writer, AndReaderAgreeOnVarints) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{63}, std::int64_t{64}, std::int64_t{-65},
        std::int64_t{1} << 40, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()}) {
    Writer out;
    out.write_varlong(value);
    out.write_varint(static_cast<std::int32_t>(value));
    Bytes bytes(out.finish());
    Reader in = bytes.reader();
    EXPECT_EQ(in.read_varlong(), value);
    EXPECT_EQ(in.read_varint(), static_cast<std::int32_t>(value));
    EXPECT_EQ(in.remaining(), 0U);
    EXPECT_FALSE(in.failed());
  }
}

TEST(Writer, SpreadsLongContentOverChunks) {
  Writer out(8);
  const std::string text(20000, 'x');
  for (int i = 0; i < 100; ++i) {
    out.write(i);
    out.write(text);
  }
  const std::uint64_t size = out.size();
  Payload payload = out.finish();
  EXPECT_EQ(payload.size(), size);
  EXPECT_EQ(size, 100U * (4 + 2 + 20000));
  Bytes bytes(payload);
  Reader in = bytes.reader();
  for (int i = 0; i < 100; ++i) {
    int number = -1;
    std::string copy;
    in.read(number);
    in.read(copy);
    ASSERT_EQ(number, i);
    ASSERT_EQ(copy, text);
  }
  EXPECT_EQ(in.remaining(), 0U);
}

TEST(Writer, RefusesAStringThatNoLengthCanTell) {
  Writer out;
  out.write(std::string(32768, 'x'));
  ASSERT_FALSE(out.status().has_value());
  EXPECT_EQ(out.status().error().code(), ErrorCode::InvalidRequest);
}

TEST(Writer, SendsOwnedRecordsWithoutCopying) {
  const auto owner = Buffer::copy_of(as_bytes("0123456789"));
  Payload records;
  records.append(MemoryRange{owner, owner->bytes()});
  Writer out;
  out.write(std::int32_t{1});
  out.write(Records(std::move(records)));
  out.write(std::int32_t{2});
  const Payload payload = out.finish();
  ASSERT_EQ(payload.pieces().size(), 3U);
  EXPECT_EQ(std::get<MemoryRange>(payload.pieces()[1]).bytes.data(), owner->data());
  EXPECT_EQ(payload.size(), 4U + 4 + 10 + 4);
}

}  // namespace
}  // namespace ottla::protocol
