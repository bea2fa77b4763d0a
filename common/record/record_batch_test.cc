#include "common/record/record_batch.h"

#include <vector>

#include <gtest/gtest.h>

#include "common/record/control_record.h"
#include "common/record/record_batch_builder.h"
#include "common/record/sequence.h"

namespace ottla::record {
namespace {

SharedBuffer three_records(const BatchOptions& options = {}) {
  RecordBatchBuilder builder(options);
  builder.append(1000, as_bytes("a"), as_bytes("one"));
  builder.append(3000, std::nullopt, as_bytes("two"));
  builder.append(2000, as_bytes("c"), std::nullopt);
  return builder.build().value();
}

TEST(RecordBatchView, ReadsEveryHeaderField) {
  BatchOptions options;
  options.base_offset = Offset(77);
  options.leader_epoch = LeaderEpoch(5);
  options.producer_id = ProducerId(4242);
  options.producer_epoch = ProducerEpoch(3);
  options.base_sequence = 0x7fffffff;
  options.transactional = true;
  const SharedBuffer bytes = three_records(options);
  const auto batch = RecordBatchView::parse(bytes->bytes()).value();

  EXPECT_EQ(batch.size(), bytes->size());
  EXPECT_EQ(batch.magic(), 2);
  EXPECT_EQ(batch.base_offset(), Offset(77));
  EXPECT_EQ(batch.last_offset(), Offset(79));
  EXPECT_EQ(batch.next_offset(), Offset(80));
  EXPECT_EQ(batch.leader_epoch(), LeaderEpoch(5));
  EXPECT_EQ(batch.codec(), Codec::None);
  EXPECT_EQ(batch.timestamp_type(), TimestampType::CreateTime);
  EXPECT_TRUE(batch.is_transactional());
  EXPECT_FALSE(batch.is_control());
  EXPECT_EQ(batch.base_timestamp(), 1000);
  EXPECT_EQ(batch.max_timestamp(), 3000);
  EXPECT_EQ(batch.producer_id(), ProducerId(4242));
  EXPECT_EQ(batch.producer_epoch(), ProducerEpoch(3));
  EXPECT_EQ(batch.base_sequence(), 0x7fffffff);
  EXPECT_EQ(batch.last_sequence(), 1) << "sequences wrap to 0";
  EXPECT_EQ(batch.record_count(), 3);
  EXPECT_EQ(batch.delete_horizon_ms(), std::nullopt);
  EXPECT_TRUE(batch.validate_crc());
}

TEST(RecordBatchView, HeaderAloneIsEnoughToScanAFile) {
  const SharedBuffer bytes = three_records();
  const auto header = RecordBatchView::parse_header(bytes->bytes().first(kHeaderScanSize)).value();
  EXPECT_FALSE(header.is_whole());
  EXPECT_EQ(header.size(), bytes->size());
  EXPECT_EQ(header.record_count(), 3);
  EXPECT_FALSE(RecordBatchView::parse(bytes->bytes().first(kHeaderScanSize)).has_value());
  EXPECT_FALSE(RecordBatchView::parse_header(bytes->bytes().first(60)).has_value());
}

TEST(MutableRecordBatch, OffsetAndLeaderEpochAreOutsideTheCrc) {
  const SharedBuffer bytes = three_records();
  auto batch = MutableRecordBatch::parse(bytes->bytes()).value();
  batch.set_last_offset(Offset(1002));
  batch.set_leader_epoch(LeaderEpoch(9));
  EXPECT_EQ(batch->base_offset(), Offset(1000));
  EXPECT_EQ(batch->leader_epoch(), LeaderEpoch(9));
  EXPECT_TRUE(batch->validate_crc());
}

TEST(MutableRecordBatch, TimestampAndProducerStateRenewTheCrc) {
  const SharedBuffer bytes = three_records();
  auto batch = MutableRecordBatch::parse(bytes->bytes()).value();
  batch.set_max_timestamp(TimestampType::LogAppendTime, 555);
  EXPECT_EQ(batch->timestamp_type(), TimestampType::LogAppendTime);
  EXPECT_EQ(batch->max_timestamp(), 555);
  EXPECT_TRUE(batch->validate_crc());
  batch.set_producer_state(ProducerId(1), ProducerEpoch(2), 3, true);
  EXPECT_EQ(batch->base_sequence(), 3);
  EXPECT_TRUE(batch->is_transactional());
  EXPECT_TRUE(batch->validate_crc());
}

TEST(BatchIterator, StopsAtACutOffBatch) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < 3; ++i) {
    const SharedBuffer one = three_records();
    bytes.insert(bytes.end(), one->bytes().begin(), one->bytes().end());
  }
  const std::size_t size = bytes.size() / 3;
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    BatchIterator batches(ByteView(bytes).first(cut));
    std::size_t found = 0;
    while (batches.next().value()) ++found;
    EXPECT_EQ(found, cut / size);
    EXPECT_EQ(batches.position(), found * size);
  }
}

TEST(BatchIterator, RefusesImpossibleLengthsAndMagic) {
  for (const std::int32_t length : {-1, 0, 13, 48, std::numeric_limits<std::int32_t>::min()}) {
    const SharedBuffer bytes = three_records();
    store_big_endian(bytes->data() + 8, length);
    EXPECT_EQ(BatchIterator(bytes->bytes()).next().error().code(), ErrorCode::CorruptMessage);
  }
  for (const int magic : {3, 127, -1}) {
    const SharedBuffer bytes = three_records();
    bytes->data()[16] = static_cast<std::byte>(magic);
    EXPECT_EQ(BatchIterator(bytes->bytes()).next().error().code(), ErrorCode::CorruptMessage);
  }
  const SharedBuffer huge = three_records();
  store_big_endian(huge->data() + 8, std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(BatchIterator(huge->bytes()).next().value(), std::nullopt);
}

TEST(ControlRecord, MarkerIs78BytesAndReadsBack) {
  const SharedBuffer bytes =
      build_end_transaction_marker(ProducerId(1001), ProducerEpoch(7),
                                   {.type = ControlType::Commit, .coordinator_epoch = 12}, 99);
  EXPECT_EQ(bytes->size(), 78U);
  const auto batch = RecordBatchView::parse(bytes->bytes()).value();
  EXPECT_TRUE(batch.is_control());
  EXPECT_TRUE(batch.is_transactional());
  EXPECT_EQ(batch.base_sequence(), -1);
  EXPECT_EQ(batch.max_timestamp(), 99);
  EXPECT_EQ(control_type(batch).value(), ControlType::Commit);
  const auto marker = end_transaction_marker(batch).value();
  EXPECT_EQ(marker.type, ControlType::Commit);
  EXPECT_EQ(marker.coordinator_epoch, 12);
}

TEST(Sequence, WrapsToZero) {
  EXPECT_EQ(add_to_sequence(0, 5), 5);
  EXPECT_EQ(add_to_sequence(0x7fffffff, 1), 0);
  EXPECT_EQ(add_to_sequence(0x7ffffffe, 3), 1);
}

}  // namespace
}  // namespace ottla::record
