#include "broker/network/frame_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace ottla::network {
namespace {

constexpr std::int32_t kMaxFrame = 100 * 1024 * 1024;

std::string frame_of(std::string_view body) {
  std::string frame(4, '\0');
  store_big_endian(reinterpret_cast<std::byte*>(frame.data()),
                   static_cast<std::int32_t>(body.size()));
  return frame.append(body);
}

/// Feeds `stream` in pieces of at most `piece` bytes; returns the frames that came out.
std::vector<std::string> feed(FrameReader& reader, std::string_view stream, std::size_t piece) {
  std::vector<std::string> frames;
  while (!stream.empty()) {
    const MutableByteView space = reader.space();
    const std::size_t count = std::min({piece, space.size(), stream.size()});
    std::memcpy(space.data(), stream.data(), count);
    stream.remove_prefix(count);
    reader.received(count);
    for (;;) {
      auto frame = reader.next();
      EXPECT_TRUE(frame.has_value());
      if (!frame || !*frame) break;
      frames.emplace_back(as_text((**frame)->bytes()));
    }
  }
  return frames;
}

TEST(FrameReader, CutsFramesWhereverTheStreamIsCut) {
  const std::string large(3'000, 'x');
  const std::vector<std::string> bodies = {"one", "", "two two", large, "three"};
  std::string stream;
  for (const std::string& body : bodies) stream += frame_of(body);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1'000U, 100'000U}) {
    FrameReader reader(kMaxFrame);
    EXPECT_EQ(feed(reader, stream, piece), bodies) << "pieces of " << piece;
    EXPECT_FALSE(reader.in_frame());
  }
}

TEST(FrameReader, AFrameLargerThanAllStepsComesOutWhole) {
  std::string body(9 * 1024 * 1024 + 17, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 3);
  FrameReader reader(kMaxFrame);
  EXPECT_EQ(feed(reader, frame_of(body) + frame_of("next"), 100'000),
            (std::vector<std::string>{body, "next"}));
}

TEST(FrameReader, ASizeAloneClaimsLittleMemory) {
  FrameReader reader(kMaxFrame);
  const std::string size = frame_of(std::string(0, ' ')).replace(0, 4, "\x06\x00\x00\x00", 4);
  EXPECT_TRUE(feed(reader, size, 4).empty());
  EXPECT_TRUE(reader.in_frame());
  EXPECT_LE(reader.space().size(), 1024U * 1024);
}

TEST(FrameReader, RefusesNegativeAndTooLargeSizes) {
  for (const std::string& size :
       {std::string("\xff\xff\xff\xff", 4), std::string("\x80\x00\x00\x00", 4),
        std::string("\x06\x40\x00\x01", 4), std::string("GET ")}) {
    FrameReader reader(kMaxFrame);
    std::memcpy(reader.space().data(), size.data(), size.size());
    reader.received(size.size());
    EXPECT_FALSE(reader.next().has_value());
  }
}

TEST(FrameReader, TakesAFrameOfExactlyTheLimit) {
  FrameReader reader(2'000);
  EXPECT_EQ(feed(reader, frame_of(std::string(2'000, 'a')), 512).size(), 1U);
}

}  // namespace
}  // namespace ottla::network
