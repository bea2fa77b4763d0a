#include "common/rpc/replication_codec.h"

#include <gtest/gtest.h>

#include <random>

namespace ottla::rpc {
namespace {

std::vector<std::byte> join(const EncodedMessage& message) {
  std::vector<std::byte> bytes = message.header;
  for (const MemoryRange& piece : message.records) {
    bytes.insert(bytes.end(), piece.bytes.begin(), piece.bytes.end());
  }
  return bytes;
}

/// The bytes in pieces of at most `most`.
std::vector<MemoryRange> cut(ByteView bytes, std::size_t most) {
  std::vector<MemoryRange> pieces;
  for (std::size_t at = 0; at < bytes.size(); at += most) {
    pieces.push_back({nullptr, bytes.subspan(at, std::min(most, bytes.size() - at))});
  }
  return pieces;
}

LeaderMessage example() {
  LeaderMessage message;
  message.partitions.push_back(
      {.id = SubscriptionId(1),
       .high_watermark = Offset(10),
       .log_start_offset = Offset(2),
       .log_end_offset = Offset(20),
       .records = {{nullptr, as_bytes("first batch ")}, {nullptr, as_bytes("second batch")}}});
  message.partitions.push_back({.id = SubscriptionId(2),
                                .error = ErrorCode::OffsetOutOfRange,
                                .log_start_offset = Offset(5),
                                .log_end_offset = Offset(6),
                                .records = {}});
  message.partitions.push_back({.id = SubscriptionId(3),
                                .divergence = PartitionPush::Divergence{LeaderEpoch(4), Offset(44)},
                                .records = {}});
  return message;
}

std::string records_of(const PartitionPush& push) {
  std::string text;
  for (const MemoryRange& piece : push.records) text += as_text(piece.bytes);
  return text;
}

TEST(ReplicationCodec, LeaderMessagesSurviveAnyCuts) {
  const std::vector<std::byte> bytes = join(encode(example()));
  for (std::size_t most = 1; most <= bytes.size(); ++most) {
    const auto decoded = decode_leader_message(cut(bytes, most));
    ASSERT_TRUE(decoded) << decoded.error();
    ASSERT_EQ(decoded->partitions.size(), 3U);
    EXPECT_EQ(records_of(decoded->partitions[0]), "first batch second batch");
    EXPECT_EQ(decoded->partitions[0].high_watermark, Offset(10));
    EXPECT_EQ(decoded->partitions[0].log_start_offset, Offset(2));
    EXPECT_EQ(decoded->partitions[0].log_end_offset, Offset(20));
    EXPECT_EQ(decoded->partitions[1].error, ErrorCode::OffsetOutOfRange);
    EXPECT_TRUE(decoded->partitions[1].records.empty());
    ASSERT_TRUE(decoded->partitions[2].divergence);
    EXPECT_EQ(decoded->partitions[2].divergence->leader_epoch, LeaderEpoch(4));
    EXPECT_EQ(decoded->partitions[2].divergence->end_offset, Offset(44));
  }
}

TEST(ReplicationCodec, RecordsAreNotCopied) {
  const std::vector<std::byte> bytes = join(encode(example()));
  const auto decoded = decode_leader_message(cut(bytes, bytes.size()));
  ASSERT_TRUE(decoded);
  const ByteView records = decoded->partitions[0].records.at(0).bytes;
  EXPECT_GE(records.data(), bytes.data());
  EXPECT_LE(records.data() + records.size(), bytes.data() + bytes.size());
}

TEST(ReplicationCodec, HelloAndFollowerMessagesComeBack) {
  const StreamHello hello{BrokerId(1), BrokerEpoch(100), BrokerId(2), BrokerEpoch(200)};
  const std::vector<std::byte> hello_bytes = join(encode(hello));
  const auto decoded_hello = decode_hello(cut(hello_bytes, 3));
  ASSERT_TRUE(decoded_hello);
  EXPECT_EQ(decoded_hello->follower, BrokerId(1));
  EXPECT_EQ(decoded_hello->leader_epoch, BrokerEpoch(200));

  FollowerMessage message;
  message.consumed_bytes = 1 << 20;
  message.subscribe.push_back({.id = SubscriptionId(9),
                               .topic_id = TopicId(3, 4),
                               .topic = "orders",
                               .partition = 5,
                               .current_leader_epoch = LeaderEpoch(6),
                               .fetch_offset = Offset(7),
                               .last_fetched_epoch = LeaderEpoch(5),
                               .log_start_offset = Offset(1)});
  message.unsubscribe.push_back(SubscriptionId(8));
  message.progress.push_back({SubscriptionId(7), Offset(70), Offset(7)});
  message.resume.push_back(SubscriptionId(6));
  message.no_room = {SubscriptionId(5), SubscriptionId(4)};
  message.confirmed = {{SubscriptionId(2), 1ULL << 40}};
  const std::vector<std::byte> bytes = join(encode(message));
  const auto decoded = decode_follower_message(cut(bytes, 5));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->consumed_bytes, 1U << 20);
  ASSERT_EQ(decoded->subscribe.size(), 1U);
  EXPECT_EQ(decoded->subscribe[0].topic_id, TopicId(3, 4));
  EXPECT_EQ(decoded->subscribe[0].topic, "orders");
  EXPECT_EQ(decoded->subscribe[0].last_fetched_epoch, LeaderEpoch(5));
  ASSERT_EQ(decoded->unsubscribe.size(), 1U);
  ASSERT_EQ(decoded->progress.size(), 1U);
  EXPECT_EQ(decoded->progress[0].log_end_offset, Offset(70));
  EXPECT_TRUE(decoded->pause.empty());
  EXPECT_EQ(decoded->resume, message.resume);
  EXPECT_EQ(decoded->no_room, message.no_room);
  ASSERT_EQ(decoded->confirmed.size(), 1U);
  EXPECT_EQ(decoded->confirmed[0].id, SubscriptionId(2));
  EXPECT_EQ(decoded->confirmed[0].question, 1ULL << 40);
}

TEST(ReplicationCodec, EveryPrefixAndRandomDamageIsRefusedOrDecoded) {
  const std::vector<std::byte> bytes = join(encode(example()));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_leader_message(cut(ByteView(bytes).first(size), 16))) << size;
  }
  std::mt19937 random(5);
  for (int run = 0; run < 50'000; ++run) {
    std::vector<std::byte> damaged = bytes;
    for (int i = 0; i < 3; ++i) {
      damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    }
    const auto pieces = cut(damaged, 1 + random() % 40);
    (void)decode_leader_message(pieces);  // must not crash; any verdict is right
    (void)decode_follower_message(pieces);
    (void)decode_hello(pieces);
  }
}

TEST(ReplicationCodec, AHostileCountAllocatesNothing) {
  std::vector<std::byte> bytes = join(encode(LeaderMessage{}));
  store_big_endian(bytes.data() + 2, std::uint32_t{0xFFFFFFFF});
  EXPECT_FALSE(decode_leader_message(cut(bytes, 64)));
}

}  // namespace
}  // namespace ottla::rpc
