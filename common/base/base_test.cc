#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "common/base/bytes.h"
#include "common/base/checksum.h"
#include "common/base/error.h"
#include "common/base/fifo.h"
#include "common/base/id.h"
#include "common/base/mutex.h"
#include "common/base/payload.h"
#include "common/base/task.h"
#include "common/base/topic_partition.h"
#include "common/base/uuid.h"

namespace ottla {
namespace {

TEST(ErrorCodeTable, NamesCodesAsKafkaDoes) {
  EXPECT_EQ(name_of(ErrorCode::NotLeaderOrFollower), "NOT_LEADER_OR_FOLLOWER");
  EXPECT_EQ(static_cast<int>(ErrorCode::FencedLeaderEpoch), 74);
  EXPECT_TRUE(is_retriable(ErrorCode::NotLeaderOrFollower));
  EXPECT_FALSE(is_retriable(ErrorCode::InvalidTopicException));
}

TEST(ErrorCodeTable, RefusesNumbersThatKafkaDoesNotHave) {
  EXPECT_EQ(error_code_from(6), ErrorCode::NotLeaderOrFollower);
  EXPECT_EQ(error_code_from(128), std::nullopt);
  EXPECT_EQ(error_code_from(-2), std::nullopt);
  EXPECT_EQ(name_of(static_cast<ErrorCode>(999)), "UNKNOWN_SERVER_ERROR");
}

Result<int> half_of(int number) {
  if (number % 2 != 0) return fail(ErrorCode::InvalidRequest, "odd");
  return number / 2;
}

Result<int> quarter_of(int number) {
  OTTLA_TRY(const int half, half_of(number));
  return half_of(half);
}

TEST(OttlaTry, PassesTheErrorOn) {
  EXPECT_EQ(quarter_of(8), 2);
  ASSERT_FALSE(quarter_of(6));
  EXPECT_EQ(quarter_of(6).error(), Error(ErrorCode::InvalidRequest, "odd"));
}

TEST(Checksum, MatchesKnownVectors) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xCBF43926U);
}

TEST(Checksum, CanBeTakenPieceByPiece) {
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xE3069283U);
  EXPECT_EQ(crc32(as_bytes("6789"), crc32(as_bytes("12345"))), 0xCBF43926U);
}

TEST(Uuid, TextIsUnpaddedBase64Url) {
  const Uuid id(0x0123456789abcdefULL, 0xfedcba9876543210ULL);
  EXPECT_EQ(id.to_string(), "ASNFZ4mrze_-3LqYdlQyEA");
  EXPECT_EQ(Uuid::parse("ASNFZ4mrze_-3LqYdlQyEA"), id);
  EXPECT_EQ(Uuid::parse("ASNFZ4mrze_-3LqYdlQyEA=="), id);
  EXPECT_EQ(id.to_hex(), "0123456789abcdeffedcba9876543210");
}

TEST(Uuid, RefusesOtherText) {
  EXPECT_EQ(Uuid::parse(""), std::nullopt);
  EXPECT_EQ(Uuid::parse("ASNFZ4mrze+-3LqYdlQyEA"), std::nullopt);
  EXPECT_EQ(Uuid::parse("short"), std::nullopt);
}

TEST(BigEndian, RoundTrips) {
  std::byte raw[8];
  store_big_endian<std::int64_t>(raw, 0x0102030405060708);
  EXPECT_EQ(raw[0], std::byte{1});
  EXPECT_EQ(load_big_endian<std::int64_t>(raw), 0x0102030405060708);
  EXPECT_EQ(load_big_endian<std::int16_t>(raw), 0x0102);
}

TEST(Fifo, IsAQueueWhateverItsHistory) {
  Fifo<std::unique_ptr<int>> fifo;
  std::mt19937 random(1);
  int next_in = 0;
  int next_out = 0;
  for (int step = 0; step < 20000; ++step) {
    const bool grows = step / 2000 % 2 == 0;
    if (fifo.empty() || random() % 5 < (grows ? 3U : 2U)) {
      fifo.push_back(std::make_unique<int>(next_in++));
    } else {
      ASSERT_EQ(*fifo.front(), next_out++);
      fifo.pop_front();
    }
    ASSERT_EQ(fifo.size(), static_cast<std::size_t>(next_in - next_out));
    if (fifo.empty()) continue;
    ASSERT_EQ(*fifo[fifo.size() - 1], next_in - 1);
    ASSERT_EQ(std::distance(fifo.begin(), fifo.end()), next_in - next_out);
  }
  fifo.clear();
  EXPECT_TRUE(fifo.empty());
}

TEST(Fifo, LetsGoOfWhatIsTakenOut) {
  Fifo<std::shared_ptr<int>> fifo;
  const auto one = std::make_shared<int>(1);
  fifo.push_back(one);
  fifo.push_back(std::make_shared<int>(2));
  fifo.pop_front();
  EXPECT_EQ(one.use_count(), 1);
}

TEST(Payload, CountsBytesAndDropsEmptyPieces) {
  Payload payload;
  payload.append(MemoryRange{nullptr, as_bytes("abc")});
  payload.append(MemoryRange{nullptr, {}});
  payload.append(FileRange{nullptr, 3, 10, 20});
  EXPECT_EQ(payload.size(), 23U);
  EXPECT_EQ(payload.pieces().size(), 2U);
}

#ifndef NDEBUG
TEST(LockRankDeathTest, AbortsOnAWrongOrder) {
  EXPECT_DEATH(
      {
        Mutex log(LockRank::Log);
        Mutex partition(LockRank::Partition);
        MutexLock first(log);
        MutexLock second(partition);
      },
      "lock order violated");
}
#endif

}  // namespace
}  // namespace ottla
