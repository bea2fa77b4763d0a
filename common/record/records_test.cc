#include "common/record/records.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/record/down_conversion.h"
#include "common/record/message_set.h"
#include "common/record/raw_batch_for_tests.h"
#include "common/record/record_batch_builder.h"
#include "common/record/validation.h"

namespace ottla::record {
namespace {

using std::string;

/// A record with bytes of its own.
struct Owned {
  std::int64_t offset = 0;
  std::int64_t timestamp = 0;
  std::optional<string> key = std::nullopt;
  std::optional<string> value = std::nullopt;
  std::vector<std::pair<string, std::optional<string>>> headers = {};

  friend bool operator==(const Owned&, const Owned&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Owned& record) {
    return out << "offset " << record.offset << " timestamp " << record.timestamp << " key "
               << record.key.value_or("null").size() << " value "
               << record.value.value_or("null").size() << " headers " << record.headers.size();
  }
};

std::optional<ByteView> view(const std::optional<string>& text) {
  if (!text) return std::nullopt;
  return as_bytes(*text);
}

std::optional<string> own(const std::optional<ByteView>& bytes) {
  if (!bytes) return std::nullopt;
  return string(as_text(*bytes));
}

Result<std::vector<Owned>> read_all(const RecordBatchView& batch,
                                    std::size_t limit = kDefaultBufferLimit) {
  OTTLA_TRY(auto reader, RecordReader::open(batch, limit));
  std::vector<Owned> records;
  Record record;
  while (true) {
    OTTLA_TRY(const bool more, reader.next(record));
    if (!more) return records;
    Owned owned{record.offset.value(), record.timestamp, own(record.key), own(record.value)};
    for (const Header& header : record.headers) {
      owned.headers.emplace_back(string(header.key), own(header.value));
    }
    records.push_back(std::move(owned));
  }
}

std::vector<Owned> read_set(ByteView bytes) {
  std::vector<Owned> records;
  BatchIterator batches(bytes);
  while (const auto batch = batches.next().value()) {
    EXPECT_TRUE(batch->validate_crc());
    const auto read = read_all(*batch).value();
    records.insert(records.end(), read.begin(), read.end());
  }
  EXPECT_EQ(batches.position(), bytes.size());
  return records;
}

class RandomRecords {
 public:
  explicit RandomRecords(unsigned seed) : random_(seed) {}

  std::vector<Owned> set(std::size_t count, bool headers) {
    std::vector<Owned> records;
    std::int64_t offset = number(0, 1'000'000);
    for (std::size_t i = 0; i < count; ++i) {
      Owned record{offset, number(0, 1'000'000'000'000), maybe_text(), maybe_text()};
      for (std::int64_t h = headers ? number(0, 3) : 0; h > 0; --h) {
        record.headers.emplace_back(text(number(0, 20)), maybe_text());
      }
      records.push_back(std::move(record));
      offset += number(1, 3);
    }
    return records;
  }
  std::int64_t number(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }

 private:
  string text(std::int64_t size) {
    string result(static_cast<std::size_t>(size), '\0');
    for (char& c : result) c = static_cast<char>(number(0, 7) == 0 ? number(0, 255) : 'a');
    return result;
  }
  std::optional<string> maybe_text() {
    switch (number(0, 9)) {
      case 0:
        return std::nullopt;
      case 1:
        return "";
      case 2:
        return text(number(1000, 70'000));
      default:
        return text(number(1, 100));
    }
  }

  std::mt19937_64 random_;
};

SharedBuffer build(const std::vector<Owned>& records, BatchOptions options) {
  if (!records.empty()) options.base_offset = Offset(records.front().offset);
  RecordBatchBuilder builder(options);
  for (const Owned& record : records) {
    std::vector<Header> headers;
    for (const auto& [key, value] : record.headers) headers.push_back({key, view(value)});
    builder.append_at(Offset(record.offset), record.timestamp, view(record.key), view(record.value),
                      headers);
  }
  return builder.build().value();
}

class EveryCodecRecords : public testing::TestWithParam<Codec> {};
INSTANTIATE_TEST_SUITE_P(Codecs, EveryCodecRecords,
                         testing::Values(Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4,
                                         Codec::Zstd),
                         [](const auto& each) { return string(name_of(each.param)); });

TEST_P(EveryCodecRecords, RandomSetsRoundTrip) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    RandomRecords random(seed);
    const auto records = random.set(static_cast<std::size_t>(random.number(1, 60)), true);
    const SharedBuffer bytes = build(records, {.codec = GetParam()});
    const auto batch = RecordBatchView::parse(bytes->bytes()).value();
    EXPECT_TRUE(batch.validate_crc());
    EXPECT_EQ(read_all(batch).value(), records) << "seed " << seed;
  }
}

TEST_P(EveryCodecRecords, TruncatedBatchesNeverReadAsGood) {
  const auto records = RandomRecords(1).set(5, true);
  const SharedBuffer bytes = build(records, {.codec = GetParam()});
  const std::size_t step = std::max<std::size_t>(1, bytes->size() / 3000);
  for (std::size_t cut = 0; cut < bytes->size(); cut += step) {
    const SharedBuffer shorter = Buffer::copy_of(bytes->bytes().first(cut));
    EXPECT_FALSE(RecordBatchView::parse(shorter->bytes()).has_value());
    if (cut < kBatchHeaderSize) continue;
    // The same with a length that claims the cut is the end: every record is missed, or damage
    // found.
    store_big_endian(shorter->data() + 8, static_cast<std::int32_t>(cut - kLogOverhead));
    const auto batch = RecordBatchView::parse(shorter->bytes()).value();
    EXPECT_FALSE(batch.validate_crc());
    if (const auto read = read_all(batch)) {
      EXPECT_EQ(*read, records) << "only a checksum was cut";
    }
  }
}

TEST_P(EveryCodecRecords, BitFlipsNeverCrash) {
  auto records = RandomRecords(2).set(3, true);
  for (Owned& record : records) record.value = "v";
  const SharedBuffer bytes = build(records, {.codec = GetParam()});
  for (std::size_t bit = 0; bit < std::min<std::size_t>(bytes->size(), 2000) * 8; ++bit) {
    const SharedBuffer copy = Buffer::copy_of(bytes->bytes());
    copy->data()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto batch = RecordBatchView::parse(copy->bytes());
    if (!batch) continue;
    EXPECT_TRUE(bit / 8 < 8 || (bit / 8 >= 12 && bit / 8 < 16) || !batch->validate_crc())
        << "byte " << bit / 8;
    (void)read_all(*batch);  // whatever it says
    // With a right checksum the same bytes pass through validation and back.
    MutableRecordBatch::parse(copy->bytes()).value().refresh_crc();
    (void)validate_records(copy->bytes(), {});
  }
}

TEST(RecordReader, UncompressedRecordsAreViewsIntoTheBatch) {
  const SharedBuffer bytes = build({{0, 5, "key", "value"}}, {});
  auto reader = RecordReader::open(RecordBatchView::parse(bytes->bytes()).value()).value();
  Record record;
  ASSERT_TRUE(reader.next(record).value());
  EXPECT_GE(record.value->data(), bytes->data());
  EXPECT_LT(record.value->data(), bytes->data() + bytes->size());
}

TEST(RecordReader, SequencesAndAppendTimeComeFromTheHeader) {
  BatchOptions options;
  options.base_sequence = 0x7fffffff;
  options.producer_id = ProducerId(1);
  options.timestamp_type = TimestampType::LogAppendTime;
  options.log_append_time = 4711;
  const SharedBuffer bytes = build({{0, 5, "a", "b"}, {1, 6, "a", "b"}}, options);
  auto reader = RecordReader::open(RecordBatchView::parse(bytes->bytes()).value()).value();
  Record record;
  ASSERT_TRUE(reader.next(record).value());
  EXPECT_EQ(record.sequence, 0x7fffffff);
  EXPECT_EQ(record.timestamp, 4711);
  ASSERT_TRUE(reader.next(record).value());
  EXPECT_EQ(record.sequence, 0);
}

TEST(RecordReader, OneRecordAboveTheLimitIsRefused) {
  const SharedBuffer bytes = build({{0, 5, "a", string(200'000, 'x')}}, {.codec = Codec::Lz4});
  const auto batch = RecordBatchView::parse(bytes->bytes()).value();
  EXPECT_EQ(read_all(batch, 100'000).error().code(), ErrorCode::MessageTooLarge);
  EXPECT_TRUE(read_all(batch, 300'000).has_value());
}

TEST(RecordReader, AnEmptiedBatchIsLegal) {
  const SharedBuffer bytes = build({}, {});
  const auto batch = RecordBatchView::parse(bytes->bytes()).value();
  EXPECT_EQ(batch.record_count(), 0);
  EXPECT_TRUE(read_all(batch).value().empty());
}

SharedBuffer build_set(const std::vector<Owned>& records, MessageSetBuilder::Options options) {
  GrowingBuffer out;
  MessageSetBuilder builder(options, out);
  for (const Owned& record : records) {
    builder.append(Offset(record.offset), record.timestamp, view(record.key), view(record.value));
  }
  EXPECT_TRUE(builder.finish().has_value());
  return out.take();
}

TEST(MessageSet, BothFormatsRoundTripWithEveryCodec) {
  for (const Codec codec : {Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4}) {
    for (const std::int8_t magic : {kMagicV0, kMagicV1}) {
      for (unsigned seed = 0; seed < 10; ++seed) {
        auto records = RandomRecords(seed).set(20, false);
        const SharedBuffer bytes = build_set(records, {.magic = magic, .codec = codec});
        if (magic == kMagicV0) {
          for (Owned& record : records) record.timestamp = kNoTimestamp;
        }
        EXPECT_EQ(read_set(bytes->bytes()), records);
        const auto first = RecordBatchView::parse(bytes->bytes()).value();
        if (codec != Codec::None) {
          EXPECT_EQ(first.last_offset().value(), records.back().offset);
          EXPECT_EQ(first.size(), bytes->size());
        }
      }
    }
  }
}

TEST(MessageSet, BitFlipsNeverCrash) {
  for (const Codec codec : {Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4}) {
    const SharedBuffer bytes =
        build_set({{0, 5, "key", "value"}, {1, 6, std::nullopt, "v"}}, {.codec = codec});
    for (std::size_t bit = 0; bit < bytes->size() * 8; ++bit) {
      const SharedBuffer copy = Buffer::copy_of(bytes->bytes());
      copy->data()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      auto batch = MutableRecordBatch::parse(copy->bytes());
      if (!batch) continue;
      (void)read_all(batch->view());
      batch->refresh_crc();
      (void)validate_records(copy->bytes(), {});
    }
  }
}

std::vector<Owned> without_headers(std::vector<Owned> records, std::int8_t magic) {
  for (Owned& record : records) {
    record.headers.clear();
    if (magic == kMagicV0) record.timestamp = kNoTimestamp;
  }
  return records;
}

TEST(DownConversion, KeepsOffsetsKeysAndValues) {
  for (const Codec codec : {Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4}) {
    for (const std::int8_t magic : {kMagicV0, kMagicV1}) {
      const auto records = RandomRecords(9).set(30, true);
      const SharedBuffer bytes = build(records, {.codec = codec});
      DownConverter converter(magic, Offset(records.front().offset), 1);
      EXPECT_TRUE(converter.add(RecordBatchView::parse(bytes->bytes()).value()).value())
          << "the first batch is taken whatever the budget";
      EXPECT_EQ(converter.next_offset().value(), records.back().offset + 1);
      EXPECT_EQ(read_set(converter.take()->bytes()), without_headers(records, magic));
    }
  }
}

TEST(DownConversion, StopsAtTheBudget) {
  const SharedBuffer bytes = build({{10, 5, "k", string(1000, 'x')}}, {});
  DownConverter converter(kMagicV1, Offset(10), 2500);
  auto batch = MutableRecordBatch::parse(bytes->bytes()).value();
  EXPECT_TRUE(converter.add(batch.view()).value());
  batch.set_base_offset(Offset(11));
  EXPECT_TRUE(converter.add(batch.view()).value());
  batch.set_base_offset(Offset(12));
  EXPECT_FALSE(converter.add(batch.view()).value());
  EXPECT_EQ(converter.next_offset(), Offset(12));
  EXPECT_LE(converter.size(), 2500U);
  EXPECT_EQ(read_set(converter.take()->bytes()).size(), 2U);
}

TEST(DownConversion, DropsControlBatchesAndGoesOnBehindThem) {
  const SharedBuffer marker = build({{10, 5, "kkkk", "vvvvvv"}}, {.control = true});
  DownConverter converter(kMagicV1, Offset(10), 1000);
  EXPECT_TRUE(converter.add(RecordBatchView::parse(marker->bytes()).value()).value());
  EXPECT_EQ(converter.size(), 0U);
  EXPECT_EQ(converter.next_offset(), Offset(11));
}

TEST(DownConversion, PlainRecordsBelowTheFetchOffsetAreLeftOut) {
  const std::vector<Owned> records{{10, 5, "a", "1"}, {11, 5, "b", "2"}, {12, 5, "c", "3"}};
  const SharedBuffer plain = build(records, {});
  DownConverter converter(kMagicV1, Offset(11), 1000);
  EXPECT_TRUE(converter.add(RecordBatchView::parse(plain->bytes()).value()).value());
  EXPECT_EQ(read_set(converter.take()->bytes()).front().offset, 11);

  const SharedBuffer packed = build(records, {.codec = Codec::Gzip});
  DownConverter whole(kMagicV1, Offset(11), 1000);
  EXPECT_TRUE(whole.add(RecordBatchView::parse(packed->bytes()).value()).value());
  EXPECT_EQ(read_set(whole.take()->bytes()).front().offset, 10);
}

TEST(DownConversion, ZstdCannotBeGivenToOldClients) {
  const SharedBuffer bytes = build({{0, 5, "a", "b"}}, {.codec = Codec::Zstd});
  DownConverter converter(kMagicV1, Offset(0), 1000);
  EXPECT_EQ(converter.add(RecordBatchView::parse(bytes->bytes()).value()).error().code(),
            ErrorCode::UnsupportedCompressionType);

  const SharedBuffer before = build({{0, 5, "a", "b"}}, {.codec = Codec::Lz4});
  DownConverter after_others(kMagicV1, Offset(0), 1000);
  EXPECT_TRUE(after_others.add(RecordBatchView::parse(before->bytes()).value()).value());
  EXPECT_FALSE(after_others.add(RecordBatchView::parse(bytes->bytes()).value()).value())
      << "what came before is not lost";
  EXPECT_EQ(after_others.next_offset(), Offset(1));
}

TEST(DownConversion, BatchesThatAreOldEnoughPassUnchanged) {
  const SharedBuffer v0 = build_set({{3, 5, "a", "b"}}, {.magic = kMagicV0});
  DownConverter converter(kMagicV1, Offset(3), 1000);
  EXPECT_TRUE(converter.add(RecordBatchView::parse(v0->bytes()).value()).value());
  EXPECT_EQ(as_text(converter.take()->bytes()), as_text(v0->bytes()));
}

TEST(DownConversion, AppendTimeIsKept) {
  BatchOptions options;
  options.timestamp_type = TimestampType::LogAppendTime;
  options.log_append_time = 777;
  options.codec = Codec::Gzip;
  const SharedBuffer bytes = build({{0, 5, "a", "b"}}, options);
  DownConverter converter(kMagicV1, Offset(0), 1000);
  EXPECT_TRUE(converter.add(RecordBatchView::parse(bytes->bytes()).value()).value());
  const SharedBuffer converted = converter.take();
  const auto message = RecordBatchView::parse(converted->bytes()).value();
  EXPECT_EQ(message.timestamp_type(), TimestampType::LogAppendTime);
  EXPECT_EQ(read_all(message).value().front().timestamp, 777);
}

TEST(DownConversion, FetchVersionsKnowTheirFormat) {
  EXPECT_EQ(magic_for_fetch(0), kMagicV0);
  EXPECT_EQ(magic_for_fetch(1), kMagicV0);
  EXPECT_EQ(magic_for_fetch(2), kMagicV1);
  EXPECT_EQ(magic_for_fetch(3), kMagicV1);
  EXPECT_EQ(magic_for_fetch(4), kMagicV2);
}

}  // namespace
}  // namespace ottla::record
