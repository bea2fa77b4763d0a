#include "common/protocol/frame.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "common/protocol/messages/api_versions.h"
#include "common/protocol/messages/controlled_shutdown.h"
#include "common/protocol/messages/fetch.h"
#include "common/protocol/printer.h"

namespace ottla::protocol {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

std::vector<std::byte> gathered(const Payload& payload) {
  std::vector<std::byte> bytes;
  for (const PayloadPiece& piece : payload.pieces()) {
    const ByteView part = std::get<MemoryRange>(piece).bytes;
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

MutableByteView without_size(std::vector<std::byte>& frame) {
  return MutableByteView(frame).subspan(4);
}

TEST(RequestFrame, HasTheFieldsOfHeaderV1) {
  // ApiVersions v0, correlation id 7, client id "me".
  auto frame = bytes_of({0, 18, 0, 0, 0, 0, 0, 7, 0, 2, 'm', 'e'});
  const auto request = parse_request(frame);
  ASSERT_TRUE(request.has_value()) << request.error();
  EXPECT_EQ(request->info->key, ApiKey::ApiVersions);
  EXPECT_EQ(request->version, ApiVersion(0));
  EXPECT_EQ(request->correlation_id, 7);
  EXPECT_EQ(request->client_id, "me");
  EXPECT_TRUE(request->body.empty());
}

TEST(RequestFrame, KeepsTheInt16ClientIdInFlexibleHeaders) {
  // ApiVersions v3: header v2 has tagged fields (none) after a client id with an int16 length.
  auto frame = bytes_of({0, 18, 0, 3, 0, 0, 0, 7, 0, 1, 'x', 0, 2, 'a', 2, 'b', 0});
  const auto request = parse_request(frame);
  ASSERT_TRUE(request.has_value()) << request.error();
  EXPECT_EQ(request->client_id, "x");
  const auto body = decode<ApiVersionsRequest>(request->body, request->version);
  ASSERT_TRUE(body.has_value()) << body.error();
  EXPECT_EQ(body->client_software_name, "a");
  EXPECT_EQ(body->client_software_version, "b");
}

TEST(RequestFrame, OfControlledShutdownV0HasNoClientId) {
  auto frame = bytes_of({0, 7, 0, 0, 0, 0, 0, 9, 0, 0, 0, 3});
  const auto request = parse_request(frame);
  ASSERT_TRUE(request.has_value()) << request.error();
  EXPECT_EQ(request->client_id, std::nullopt);
  const auto body = decode<ControlledShutdownRequest>(request->body, request->version);
  ASSERT_TRUE(body.has_value()) << body.error();
  EXPECT_EQ(body->broker_id, BrokerId(3));
}

TEST(RequestFrame, OfAnUnknownApiTellsKeyAndVersionOnly) {
  auto frame = bytes_of({0x7F, 0, 0, 5, 0, 0, 0, 1, 0xFF});
  const auto request = parse_request(frame);
  ASSERT_TRUE(request.has_value()) << request.error();
  EXPECT_EQ(request->info, nullptr);
  EXPECT_EQ(request->api_key, 0x7F00);
  EXPECT_EQ(request->version, ApiVersion(5));
}

TEST(RequestFrame, OfAnUnknownVersionIsParsedForItsRefusal) {
  auto frame = bytes_of({0, 18, 0, 99, 0, 0, 0, 7, 0, 1, 'x', 0, 42});
  const auto request = parse_request(frame);
  ASSERT_TRUE(request.has_value()) << request.error();
  EXPECT_EQ(request->version, ApiVersion(99));
  EXPECT_EQ(request->body.size(), 1U);
}

TEST(RequestFrame, RefusesATornHeader) {
  auto frame = bytes_of({0, 18, 0, 0, 0, 0, 0, 7, 0, 2, 'm'});
  const auto request = parse_request(frame);
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().code(), ErrorCode::InvalidRequest);
}

TEST(ResponseFrame, RoundTripsWithItsSizeInFront) {
  const FetchResponse response{.session_id = 12};
  const auto payload = encode_response(response, ApiVersion(12), 77);
  ASSERT_TRUE(payload.has_value()) << payload.error();
  auto frame = gathered(*payload);
  EXPECT_EQ(load_big_endian<std::int32_t>(frame.data()) + 4, std::ssize(frame));

  const auto parsed = parse_response(without_size(frame), ApiKey::Fetch, ApiVersion(12));
  ASSERT_TRUE(parsed.has_value()) << parsed.error();
  EXPECT_EQ(parsed->correlation_id, 77);
  const auto body = decode<FetchResponse>(parsed->body, ApiVersion(12));
  ASSERT_TRUE(body.has_value()) << body.error();
  EXPECT_EQ(*body, response);
}

TEST(FetchResponse, SendsRecordsFromAFileWithoutTouchingThem) {
  Payload file;
  file.append(FileRange{.owner = nullptr, .fd = 5, .position = 4096, .length = 1000});
  FetchResponse response;
  auto& partition = response.responses.emplace_back().partitions.emplace_back();
  partition.records = Records(std::move(file));

  const auto payload = encode_response(response, ApiVersion(4), 1);
  ASSERT_TRUE(payload.has_value()) << payload.error();
  ASSERT_EQ(payload->pieces().size(), 2U);
  EXPECT_EQ(std::get<FileRange>(payload->pieces()[1]).position, 4096U);
  const ByteView head = std::get<MemoryRange>(payload->pieces()[0]).bytes;
  EXPECT_EQ(load_big_endian<std::int32_t>(head.data()) + 4,
            static_cast<std::int64_t>(payload->size()));
  EXPECT_EQ(load_big_endian<std::int32_t>(head.data() + head.size() - 4), 1000);
}

TEST(Encode, RefusesAFieldThatTheVersionCannotTell) {
  FetchRequest request;
  request.topics.emplace_back().partitions.emplace_back().last_fetched_epoch = LeaderEpoch(3);
  const auto payload = encode(request, ApiVersion(11));
  ASSERT_FALSE(payload.has_value());
  EXPECT_EQ(payload.error().code(), ErrorCode::UnsupportedVersion);
  EXPECT_EQ(payload.error().message(),
            "FetchRequest.Topic.Partition.last_fetched_epoch cannot be told in version 11");
}

TEST(Encode, LeavesOutIgnorableFields) {
  const FetchRequest request{.rack_id = "r1"};
  EXPECT_TRUE(encode(request, ApiVersion(0)).has_value());
}

TEST(Encode, KnowsItsVersions) {
  const auto payload = encode(FetchRequest{}, ApiVersion(18));
  ASSERT_FALSE(payload.has_value());
  EXPECT_EQ(payload.error().message(), "FetchRequest has no version 18");
}

}  // namespace
}  // namespace ottla::protocol
