#include "common/record/compression.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/record/xxhash32.h"

namespace ottla::record {
namespace {

using std::string;

constexpr std::size_t kLimit = std::size_t{64} << 20;

string sample_text(std::size_t size, unsigned seed, int alphabet) {
  std::mt19937 random(seed);
  string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random() % static_cast<unsigned>(alphabet));
  return text;
}

SharedBuffer compressed(Codec codec, std::string_view text, std::optional<int> level = {},
                        Lz4Header lz4 = Lz4Header::Standard) {
  GrowingBuffer out;
  EXPECT_TRUE(compress(codec, level, as_bytes(text), out, lz4).has_value());
  return out.take();
}

string hex(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  string text;
  for (const std::byte b : bytes) {
    text += kDigits[static_cast<unsigned>(b) >> 4];
    text += kDigits[static_cast<unsigned>(b) & 15];
  }
  return text;
}

class EveryCodec : public testing::TestWithParam<Codec> {};
INSTANTIATE_TEST_SUITE_P(Codecs, EveryCodec,
                         testing::Values(Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd),
                         [](const auto& each) { return string(name_of(each.param)); });

TEST_P(EveryCodec, RoundTripsAllSizes) {
  for (const std::size_t size : {0, 1, 100, 4096, 32767, 32768, 32769, 65537, 1'000'000}) {
    for (const int alphabet : {2, 256}) {
      const string text = sample_text(size, static_cast<unsigned>(size), alphabet);
      const SharedBuffer packed = compressed(GetParam(), text);
      const auto plain = decompress(GetParam(), packed->bytes(), kLimit);
      ASSERT_TRUE(plain.has_value()) << plain.error();
      EXPECT_EQ(as_text((*plain)->bytes()), text);
    }
  }
}

TEST_P(EveryCodec, ReadsInPiecesOfAnySize) {
  const string text = sample_text(100'000, 7, 4);
  const SharedBuffer packed = compressed(GetParam(), text);
  for (const std::size_t piece : {1, 7, 1000, 40'000}) {
    auto source = Decompressor::open(GetParam(), packed->bytes()).value();
    string got;
    std::vector<std::byte> room(piece);
    while (const std::size_t size = source->read(room).value()) {
      got += as_text(ByteView(room).first(size));
    }
    EXPECT_EQ(got, text);
  }
}

TEST_P(EveryCodec, EveryTruncationIsAnErrorOrAPrefix) {
  const string text = sample_text(3000, 3, 8);
  const SharedBuffer packed = compressed(GetParam(), text);
  for (std::size_t cut = 0; cut < packed->size(); ++cut) {
    const auto plain = decompress(GetParam(), packed->bytes().first(cut), kLimit);
    if (plain) {
      EXPECT_TRUE(text.starts_with(as_text((*plain)->bytes())));
    }
  }
}

TEST_P(EveryCodec, BitFlipsNeverCrash) {
  const string text = sample_text(600, 5, 8);
  const SharedBuffer packed = compressed(GetParam(), text);
  for (std::size_t bit = 0; bit < packed->size() * 8; ++bit) {
    const SharedBuffer copy = Buffer::copy_of(packed->bytes());
    copy->data()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto plain = decompress(GetParam(), copy->bytes(), kLimit);
    if (plain) {
      EXPECT_LE((*plain)->size(), kLimit);
    }
  }
}

TEST_P(EveryCodec, ABombStopsAtTheLimit) {
  const string zeros(8 << 20, '\0');
  const SharedBuffer packed = compressed(GetParam(), zeros);
  EXPECT_EQ(decompress(GetParam(), packed->bytes(), zeros.size() - 1).error().code(),
            ErrorCode::MessageTooLarge);
  EXPECT_EQ(decompress(GetParam(), packed->bytes(), zeros.size()).value()->size(), zeros.size());
}

TEST(Compression, LevelsAreUsedAndChecked) {
  const string text = sample_text(200'000, 1, 6);
  EXPECT_LT(compressed(Codec::Gzip, text, 9)->size(), compressed(Codec::Gzip, text, 1)->size());
  EXPECT_LT(compressed(Codec::Zstd, text, 19)->size(), compressed(Codec::Zstd, text, -50)->size());
  EXPECT_LT(compressed(Codec::Lz4, text, 12)->size(), compressed(Codec::Lz4, text)->size());
  GrowingBuffer out;
  EXPECT_FALSE(compress(Codec::Gzip, 77, as_bytes(text), out).has_value());
}

TEST(Compression, UnknownCodecsAreRefused) {
  for (const int number : {0, 5, 6, 7}) {
    EXPECT_FALSE(Decompressor::open(static_cast<Codec>(number), {}).has_value());
  }
}

TEST(Compression, NamesAreThoseOfCompressionType) {
  EXPECT_EQ(codec_from_name("uncompressed"), Codec::None);
  EXPECT_EQ(codec_from_name("zstd"), Codec::Zstd);
  EXPECT_EQ(codec_from_name("producer"), std::nullopt);
  EXPECT_EQ(name_of(Codec::Lz4), "lz4");
}

TEST(Snappy, WritesTheJavaFraming) {
  const SharedBuffer packed = compressed(Codec::Snappy, "hello");
  EXPECT_TRUE(hex(packed->bytes())
                  .starts_with("82534e4150505900"
                               "00000001"
                               "00000001"
                               "00000007"));
}

TEST(Snappy, ReadsRawBlocks) {
  // A raw block: length 5 as varint, one literal of 5 bytes.
  const string raw = string("\x05\x10", 2) + "hello";
  EXPECT_EQ(as_text(decompress(Codec::Snappy, as_bytes(raw), kLimit).value()->bytes()), "hello");
}

TEST(Snappy, AClaimedLengthIsNotBelieved) {
  const string liar("\xff\xff\xff\xff\x0f\x00", 6);  // 4 GiB
  EXPECT_EQ(decompress(Codec::Snappy, as_bytes(liar), kLimit).error().code(),
            ErrorCode::UnknownServerError);
}

TEST(Snappy, StreamsOneBehindTheOtherAreOne) {
  GrowingBuffer out;
  ASSERT_TRUE(compress(Codec::Snappy, {}, as_bytes("one"), out).has_value());
  ASSERT_TRUE(compress(Codec::Snappy, {}, as_bytes("two"), out).has_value());
  EXPECT_EQ(as_text(decompress(Codec::Snappy, out.bytes(), kLimit).value()->bytes()), "onetwo");
}

TEST(Gzip, SeveralMembersAndGarbageBehindThem) {
  GrowingBuffer out;
  ASSERT_TRUE(compress(Codec::Gzip, {}, as_bytes("one"), out).has_value());
  ASSERT_TRUE(compress(Codec::Gzip, {}, as_bytes("two"), out).has_value());
  out.append(as_bytes("garbage behind"));
  EXPECT_EQ(as_text(decompress(Codec::Gzip, out.bytes(), kLimit).value()->bytes()), "onetwo");
}

TEST(Lz4, FormatV0HeaderChecksumCoversTheMagic) {
  const SharedBuffer v0 = compressed(Codec::Lz4, "hello hello hello", {}, Lz4Header::FormatV0);
  const SharedBuffer standard = compressed(Codec::Lz4, "hello hello hello");
  // 04224d18, flags 60, descriptor 40, then the checksum: 0x82 as the standard has it.
  EXPECT_TRUE(hex(standard->bytes()).starts_with("04224d18604082")) << hex(standard->bytes());
  EXPECT_NE(v0->data()[6], standard->data()[6]);
  EXPECT_FALSE(decompress(Codec::Lz4, v0->bytes(), kLimit).has_value());
  for (const SharedBuffer& either : {v0, standard}) {
    EXPECT_EQ(
        as_text(
            decompress(Codec::Lz4, either->bytes(), kLimit, Lz4Header::FormatV0).value()->bytes()),
        "hello hello hello");
  }
}

TEST(XxHash32, MatchesKnownValues) {
  EXPECT_EQ(xxhash32({}), 0x02cc5d05U);
  EXPECT_EQ(xxhash32(as_bytes("a")), 0x550d7456U);
  EXPECT_EQ(xxhash32(as_bytes("abc")), 0x32d153ffU);
  EXPECT_EQ(xxhash32(as_bytes("Nobody inspects the spammish repetition")), 0xe2293b2fU);
}

}  // namespace
}  // namespace ottla::record
