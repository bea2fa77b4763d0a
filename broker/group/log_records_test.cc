#include "broker/group/log_records.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "broker/group/group_loader.h"
#include "broker/group/log_batch.h"
#include "common/protocol/frame.h"
#include "common/protocol/messages/group_log.h"
#include "common/protocol/versioned_bytes.h"
#include "common/protocol/writer.h"
#include "common/record/control_record.h"
#include "common/record/record_batch_builder.h"

namespace ottla::group {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A partition of __consumer_offsets that Kafka 3.9.1 wrote.
std::string sample(int partition) {
  const std::string path = "../../integration-tests/samples/clean/__consumer_offsets-" +
                           std::to_string(partition) + "/00000000000000000000.log";
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

LoadedGroups load(std::string_view log) {
  GroupLoader loader;
  EXPECT_TRUE(loader.add(as_bytes(log)));
  EXPECT_EQ(loader.unreadable(), 0u);
  return loader.finish();
}

TEST(PartitionOf, IsJavasHashWithItsRealAbsoluteValue) {
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("g-sample"), -505877040);
  EXPECT_EQ(java_hash("polygenelubricants"), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(partition_of("polygenelubricants", 50), 0);
  EXPECT_EQ(java_hash("größe-😀"), 175616671);
  EXPECT_EQ(java_length("größe-😀"), 8u);
  // The samples say where Kafka put them.
  EXPECT_EQ(partition_of("g-sample", 2), 0);
  EXPECT_EQ(partition_of("g-simple", 2), 0);
  EXPECT_EQ(partition_of("txgroup", 2), 1);
}

TEST(KafkasLog, IsUnderstood) {
  const LoadedGroups groups = load(sample(0));
  ASSERT_THAT(groups, SizeIs(2));
  const Group& group = *groups.at("g-sample");
  EXPECT_EQ(group.state(), GroupState::Empty);
  EXPECT_EQ(group.generation(), 2);
  EXPECT_EQ(group.protocol_type(), "consumer");
  EXPECT_EQ(group.protocol(), std::nullopt);
  EXPECT_EQ(group.leader(), std::nullopt);
  EXPECT_EQ(group.state_time(), 1795236665473);
  const StoredOffset* const stored = group.offsets.find({"plain", 0});
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(stored->committed.offset, Offset(123));
  EXPECT_EQ(stored->committed.leader_epoch, LeaderEpoch(0));
  EXPECT_EQ(stored->committed.metadata, "meta-0");
  EXPECT_EQ(stored->log_offset, Offset(1));
  EXPECT_EQ(group.offsets.find({"plain", 1})->committed.offset, Offset(300));
  const Group& simple = *groups.at("g-simple");
  EXPECT_EQ(simple.protocol_type(), std::nullopt);
  EXPECT_EQ(simple.offsets.find({"c-zstd", 0})->committed.offset, Offset(77));
}

TEST(KafkasLog, OffsetsOfACommittedTransactionCount) {
  const LoadedGroups groups = load(sample(1));
  const Group& group = *groups.at("txgroup");
  EXPECT_EQ(group.offsets.find({"idem", 0})->committed.offset, Offset(42));
  EXPECT_EQ(group.offsets.find({"idem", 0})->committed.metadata, "in-txn");
  EXPECT_FALSE(group.offsets.is_unstable({"idem", 0}));
}

TEST(KafkasLog, OffsetsOfAnOpenTransactionAreUnstable) {
  const std::string log = sample(1);
  const auto first = record::RecordBatchView::parse(as_bytes(log));
  const LoadedGroups groups = load(std::string_view(log).substr(0, first->size()));
  const Group& group = *groups.at("txgroup");
  EXPECT_EQ(group.offsets.find({"idem", 0}), nullptr);
  EXPECT_TRUE(group.offsets.is_unstable({"idem", 0}));
}

TEST(KafkasLog, IsWrittenByteForByte) {
  const std::string log = sample(0);
  record::BatchIterator batches(as_bytes(log));
  int seen = 0;
  while (true) {
    const auto batch = batches.next();
    ASSERT_TRUE(batch);
    if (!*batch) break;
    std::vector<LogRecord> records;
    auto reader = record::RecordReader::open(**batch);
    record::Record record;
    while (*reader->next(record)) {
      const auto entry = decode_entry(*record.key, record.value);
      ASSERT_TRUE(entry && *entry);
      if (const auto* const offset = std::get_if<OffsetEntry>(&**entry)) {
        records.push_back(*offset_record(offset->group, offset->partition, *offset->committed));
      } else {
        const auto& group = std::get<GroupEntry>(**entry);
        records.push_back(*group_record(group.group, *group.image));
      }
    }
    const auto ours = build_batch(records, record::Codec::None, (*batch)->max_timestamp());
    ASSERT_TRUE(ours);
    auto patched = record::MutableRecordBatch::parse((*ours)->bytes());
    patched->set_base_offset((*batch)->base_offset());
    patched->set_leader_epoch((*batch)->leader_epoch());
    EXPECT_EQ(as_text((*ours)->bytes()), as_text((*batch)->bytes())) << "batch " << seen;
    ++seen;
  }
  EXPECT_EQ(seen, 4);
}

// All versions.

template <class M>
std::string versioned(const M& message, std::int16_t version) {
  protocol::Writer out;
  out.write(version);
  EXPECT_TRUE(message.encode(out, protocol::ApiVersion(version)));
  std::string bytes;
  const Payload payload = out.finish();
  for (const auto& piece : payload.pieces()) bytes += as_text(std::get<MemoryRange>(piece).bytes);
  return bytes;
}

TEST(OffsetValue, IsReadInAllVersions) {
  protocol::OffsetCommitKey key;
  key.group = "g";
  key.topic = "t";
  key.partition = 3;
  for (std::int16_t version = 0; version <= 4; ++version) {
    protocol::OffsetCommitValue value;
    value.offset = Offset(9);
    value.leader_epoch = LeaderEpoch(2);
    value.metadata = "m";
    value.commit_timestamp = 5;
    if (version == 1) value.expire_timestamp = 77;
    const auto entry = decode_entry(as_bytes(versioned(key, version == 0 ? 0 : 1)),
                                    as_bytes(versioned(value, version)));
    ASSERT_TRUE(entry && *entry) << version;
    const auto& offset = std::get<OffsetEntry>(**entry);
    EXPECT_EQ(offset.partition, (TopicPartition{"t", 3}));
    EXPECT_EQ(offset.committed->offset, Offset(9));
    EXPECT_EQ(offset.committed->leader_epoch, LeaderEpoch(version >= 3 ? 2 : -1));
    EXPECT_EQ(offset.committed->expire_time,
              version == 1 ? std::optional<env::WallTimeMs>(77) : std::nullopt);
  }
}

TEST(GroupValue, IsReadInAllVersions) {
  protocol::GroupMetadataKey key;
  key.group = "g";
  for (std::int16_t version = 0; version <= 4; ++version) {
    protocol::GroupMetadataValue value;
    value.protocol_type = "consumer";
    value.generation = 4;
    value.protocol = "range";
    value.leader = "m";
    value.current_state_timestamp = 5;
    auto& member = value.members.emplace_back();
    member.member_id = "m";
    member.group_instance_id = "i";
    member.rebalance_timeout = 60;
    member.session_timeout = 10;
    member.subscription = as_bytes("sub");
    const auto entry =
        decode_entry(as_bytes(versioned(key, 2)), as_bytes(versioned(value, version)));
    ASSERT_TRUE(entry && *entry) << version;
    const GroupImage& image = *std::get<GroupEntry>(**entry).image;
    EXPECT_EQ(image.members[0].rebalance_timeout_ms, version == 0 ? 10 : 60);
    EXPECT_EQ(image.members[0].instance_id,
              version >= 3 ? std::optional<std::string>("i") : std::nullopt);
    EXPECT_EQ(image.state_time.has_value(), version >= 2);
  }
}

TEST(Expiry, TravelsInVersionOne) {
  const auto record = offset_record("g", {"t", 0}, {.offset = Offset(1), .expire_time = 99});
  ASSERT_TRUE(record);
  EXPECT_EQ(load_big_endian<std::int16_t>(as_bytes(*record->value).data()), 1);
  const auto entry = decode_entry(as_bytes(record->key), as_bytes(*record->value));
  EXPECT_EQ(std::get<OffsetEntry>(**entry).committed->expire_time, 99);
}

TEST(Keys, OfANewerKafkaAreSkipped) {
  const std::string key("\0\3\0\1g", 5);
  const auto entry = decode_entry(as_bytes(key), as_bytes("whatever"));
  ASSERT_TRUE(entry);
  EXPECT_EQ(*entry, std::nullopt);
  EXPECT_FALSE(decode_entry(as_bytes("\xff"), std::nullopt));
}

// Loading.

std::string batch_text(const std::vector<LogRecord>& records) {
  return std::string(as_text((*build_batch(records, record::Codec::Zstd, 1))->bytes()));
}

TEST(Loading, LaterRecordsCountAndTombstonesRemove) {
  const TopicPartition a{"t", 0};
  const TopicPartition b{"t", 1};
  std::string log = batch_text({*offset_record("g", a, {.offset = Offset(1)}),
                                *offset_record("g", b, {.offset = Offset(2)}),
                                *offset_record("h", a, {.offset = Offset(3)})});
  log += batch_text({*offset_record("g", a, {.offset = Offset(9)})});
  log += batch_text({*offset_tombstone("g", b), *offset_tombstone("h", a)});
  log += batch_text({*group_record("i", {.protocol_type = "consumer", .generation = 3})});
  log += batch_text({*group_tombstone("i")});
  const LoadedGroups groups = load(log);
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(groups.at("g")->offsets.find(a)->committed.offset, Offset(9));
  EXPECT_EQ(groups.at("g")->offsets.find(b), nullptr);
}

TEST(Loading, ABadRecordTakesNothingElseAway) {
  const TopicPartition a{"t", 0};
  std::string log = batch_text({{std::string("\0\1\0\x7f", 4), "x"},
                                {"", "x"},
                                *offset_record("g", a, {.offset = Offset(1)})});
  log += batch_text({{std::string("\0\2\0\1i", 5), "\0\x63"}});
  GroupLoader loader;
  EXPECT_TRUE(loader.add(as_bytes(log)));
  EXPECT_EQ(loader.unreadable(), 3u);
  EXPECT_EQ(loader.finish().at("g")->offsets.find(a)->committed.offset, Offset(1));
}

std::string transactional(std::int64_t producer, Offset at, const LogRecord& record) {
  record::RecordBatchBuilder builder({.base_offset = at,
                                      .producer_id = ProducerId(producer),
                                      .producer_epoch = ProducerEpoch(0),
                                      .base_sequence = 0,
                                      .transactional = true});
  builder.append(1, as_bytes(record.key), as_bytes(*record.value));
  return std::string(as_text((*builder.build())->bytes()));
}
std::string marker(std::int64_t producer, record::ControlType type) {
  return std::string(as_text(record::build_end_transaction_marker(
                                 ProducerId(producer), ProducerEpoch(0), {.type = type}, 1)
                                 ->bytes()));
}

TEST(Loading, OfATransactionAndACommitTheLaterRecordCounts) {
  const TopicPartition a{"t", 0};
  const TopicPartition b{"t", 1};
  const auto at = [](const std::string& text, Offset offset) {
    auto buffer = Buffer::copy_of(as_bytes(text));
    record::MutableRecordBatch::parse(buffer->bytes())->set_base_offset(offset);
    return std::string(as_text(buffer->bytes()));
  };
  std::string log = transactional(1, Offset(0), *offset_record("g", a, {.offset = Offset(10)}));
  log += at(batch_text({*offset_record("g", a, {.offset = Offset(20)})}), Offset(1));
  log += transactional(1, Offset(2), *offset_record("g", b, {.offset = Offset(30)}));
  log += transactional(2, Offset(3), *offset_record("g", b, {.offset = Offset(40)}));
  log += marker(1, record::ControlType::Commit);
  log += marker(2, record::ControlType::Abort);
  const LoadedGroups groups = load(log);
  EXPECT_EQ(groups.at("g")->offsets.find(a)->committed.offset, Offset(20));
  EXPECT_EQ(groups.at("g")->offsets.find(b)->committed.offset, Offset(30));
  EXPECT_FALSE(groups.at("g")->offsets.is_unstable(b));
}

/// Kafka's formatter takes a value of version 0 to 4 for a group's; early builds wrote 0.
TEST(LogRecords, TheValueOfAnEndedOffsetIsNoneOfKafkas) {
  const EndedOffset ended{
      .committed = {.offset = Offset(7), .metadata = "m"}, .ended = 5, .why = OffsetEnd::Deleted};
  LogRecord record = ended_offset_record("g", {"orders", 3}, ended).value();
  EXPECT_EQ(protocol::version_of(as_bytes(*record.value)).value(), 20000);
  record.value->replace(0, 2, 2, '\0');
  const auto entry = decode_entry(as_bytes(record.key), as_bytes(*record.value));
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ(std::get<EndedOffsetEntry>(**entry).ended->committed.offset, Offset(7));
}

}  // namespace
}  // namespace ottla::group
