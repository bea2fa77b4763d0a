#include "broker/transaction/log_records.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "broker/transaction/transaction_loader.h"
#include "common/record/records.h"

namespace ottla::transaction {
namespace {

std::string kafkas_log() {
  std::ifstream in(OTTLA_SAMPLES_DIR "/clean/__transaction_state-1/00000000000000000000.log",
                   std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void load(TransactionLoader& loader, ByteView log) {
  record::BatchIterator batches(log);
  while (const auto batch = batches.next().value()) loader.add(*batch);
}

TEST(KafkasTransactionLog, IsWrittenByteForByte) {
  const std::string log = kafkas_log();
  ASSERT_FALSE(log.empty());
  record::BatchIterator batches(as_bytes(log));
  std::size_t count = 0;
  while (const auto batch = batches.next().value()) {
    auto reader = record::RecordReader::open(*batch).value();
    record::Record record;
    while (reader.next(record).value()) {
      ++count;
      const auto entry = decode_entry(*record.key, record.value).value().value();
      const LogRecord ours = transaction_record(entry.transactional_id, *entry.image).value();
      EXPECT_EQ(ours.key, as_text(*record.key));
      EXPECT_EQ(*ours.value, as_text(*record.value));
      const SharedBuffer built = build_batch({ours}, record.timestamp).value();
      // But for the offset and the leader's epoch, which the leader gives.
      constexpr std::size_t kGiven = 16;
      EXPECT_EQ(as_text(built->bytes().subspan(kGiven)), as_text(batch->bytes().subspan(kGiven)));
    }
  }
  EXPECT_EQ(count, 13u);
}

TEST(KafkasTransactionLog, IsLoaded) {
  const std::string log = kafkas_log();
  TransactionLoader loader;
  load(loader, as_bytes(log));
  EXPECT_EQ(loader.records(), 13u);
  EXPECT_EQ(loader.unreadable(), 0u);
  const LoadedTransactions loaded = loader.finish();
  ASSERT_EQ(loaded.size(), 2u);
  EXPECT_EQ(loaded.at("tx-sample").state, TransactionState::CompleteCommit);
  const TransactionImage& open = loaded.at("tx-open");
  EXPECT_EQ(open.state, TransactionState::Ongoing);
  EXPECT_EQ(open.producer_id, ProducerId(1002));
  EXPECT_EQ(open.timeout_ms, 900'000);
  EXPECT_EQ(open.partitions, (std::set<TopicPartition>{{"txn", 0}}));
}

TEST(TransactionRecord, OfARisingEpochComesBack) {
  TransactionImage image;
  image.producer_id = ProducerId(5);
  image.producer_epoch = ProducerEpoch(32767);
  image.timeout_ms = 10;
  image.state = TransactionState::PrepareCommit;
  image.partitions = {{"a", 1}, {"a", 2}, {"b", 0}};
  image.last_update = 70;
  image.start_time = 60;
  image.previous_producer_id = ProducerId(4);
  image.next_producer_id = ProducerId(6);
  image.epoch_rose_at_end = true;
  const LogRecord record = transaction_record("id", image).value();
  EXPECT_EQ(load_big_endian<std::int16_t>(as_bytes(*record.value).data()), 1);
  const auto entry = decode_entry(as_bytes(record.key), as_bytes(*record.value)).value().value();
  EXPECT_EQ(*entry.image, image);
}

TEST(TransactionLoader, LeavesOutWhatItCannotRead) {
  TransactionImage image;
  image.producer_id = ProducerId(5);
  image.producer_epoch = ProducerEpoch(0);
  LogRecord broken = transaction_record("broken", image).value();
  broken.value->resize(7);
  LogRecord newer = transaction_record("newer", image).value();
  newer.key[1] = 9;
  const SharedBuffer batch = build_batch({transaction_record("gone", image).value(), broken, newer,
                                          transaction_record("good", image).value(),
                                          transaction_tombstone("gone").value()},
                                         1)
                                 .value();
  TransactionLoader loader;
  load(loader, batch->bytes());
  EXPECT_EQ(loader.records(), 5u);
  EXPECT_EQ(loader.unreadable(), 1u);
  const LoadedTransactions loaded = loader.finish();
  EXPECT_EQ(loaded.size(), 1u);
  EXPECT_TRUE(loaded.contains("good"));
}

}  // namespace
}  // namespace ottla::transaction
