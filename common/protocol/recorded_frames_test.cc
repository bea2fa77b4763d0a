// Frames that Kafka 3.9.1, its clients of several generations and librdkafka exchanged: each is
// decoded to its last byte, and encoded again to the same bytes.
//
// testdata/frames.tsv has a line for each frame: q (request) or p (response), API key, version,
// hex without the size. OTTLA_FRAMES=file checks another recording of that form.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "common/protocol/frame.h"
#include "common/protocol/testing/any_message.h"
#include "common/protocol/testing/check_decoding.h"
#include "common/protocol/testing/random_content.h"

namespace ottla::protocol {
namespace {

struct Recorded {
  int line;
  Direction direction;
  ApiKey key;
  ApiVersion version;
  std::vector<std::byte> bytes;
};

std::vector<Recorded> recorded_frames() {
  const char* other = std::getenv("OTTLA_FRAMES");
  std::ifstream file(other != nullptr ? other : "testdata/frames.tsv");
  std::vector<Recorded> frames;
  std::string text;
  for (int line = 1; std::getline(file, text); ++line) {
    std::istringstream words(text);
    std::string direction, hex;
    std::int16_t key = 0, version = 0;
    words >> direction >> key >> version >> hex;
    Recorded frame{line,
                   direction == "q" ? Direction::Request : Direction::Response,
                   static_cast<ApiKey>(key),
                   ApiVersion(version),
                   {}};
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
      frame.bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(at, 2), nullptr, 16)));
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

std::vector<std::byte> without_size(const Payload& payload) {
  std::vector<std::byte> bytes;
  for (const PayloadPiece& piece : payload.pieces()) {
    const ByteView part = std::get<MemoryRange>(piece).bytes;
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  bytes.erase(bytes.begin(), bytes.begin() + 4);
  return bytes;
}

TEST(RecordedFrames, SurviveDamage) {
  RandomContent random(8);
  for (const Recorded& frame : recorded_frames()) {
    for (int round = 0; round < 50; ++round) {
      std::vector<std::byte> bytes = frame.bytes;
      for (std::size_t changes = 1 + random.below(3); changes > 0; --changes) {
        bytes[random.below(bytes.size())] = static_cast<std::byte>(random.next());
      }
      if (frame.direction == Direction::Request) {
        const auto request = parse_request(bytes);
        if (!request || request->info == nullptr) continue;
        check_decoding(*find_message(request->info->key, frame.direction), request->version,
                       request->body);
      } else {
        const auto response = parse_response(bytes, frame.key, frame.version);
        if (!response) continue;
        check_decoding(*find_message(frame.key, frame.direction), frame.version, response->body);
      }
    }
  }
}

TEST(RecordedFrames, AreUnderstoodToTheLastByteAndWrittenTheSameWay) {
  const auto frames = recorded_frames();
  ASSERT_FALSE(frames.empty());
  for (Recorded frame : frames) {
    SCOPED_TRACE("line " + std::to_string(frame.line) + ": " + std::string(name_of(frame.key)) +
                 " v" + std::to_string(frame.version.value()));
    const std::vector<std::byte> original = frame.bytes;
    MutableByteView body;
    FrameWriter out = [&] {
      if (frame.direction == Direction::Request) {
        const auto request = parse_request(frame.bytes);
        EXPECT_TRUE(request.has_value()) << request.error();
        EXPECT_EQ(request->info->key, frame.key);
        EXPECT_EQ(request->version, frame.version);
        body = request->body;
        return FrameWriter::request(frame.key, frame.version, request->correlation_id,
                                    request->client_id);
      }
      const auto response = parse_response(frame.bytes, frame.key, frame.version);
      EXPECT_TRUE(response.has_value()) << response.error();
      body = response->body;
      return FrameWriter::response(frame.key, frame.version, response->correlation_id);
    }();
    if (HasFailure()) return;

    const auto message = find_message(frame.key, frame.direction)->make();
    Reader in(body);
    const auto decoded = message->decode(in, frame.version);
    ASSERT_TRUE(decoded.has_value()) << decoded.error();
    ASSERT_EQ(in.remaining(), 0U) << message->print();
    ASSERT_TRUE(message->encode(out.body(), frame.version).has_value());
    const auto payload = out.finish();
    ASSERT_TRUE(payload.has_value()) << payload.error();
    ASSERT_EQ(without_size(*payload), original) << message->print();
  }
}

}  // namespace
}  // namespace ottla::protocol
