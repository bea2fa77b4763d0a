// Every verdict here was observed on Kafka 3.9.1 with the same bytes, sent with Produce v0 to v8.
#include "common/record/validation.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/record/compression.h"
#include "common/record/control_record.h"
#include "common/record/raw_batch_for_tests.h"
#include "common/record/record_batch.h"
#include "common/record/record_batch_builder.h"
#include "common/record/records.h"

namespace ottla::record {
namespace {

using raw::batch;
using raw::message;
using raw::record;
using raw::varint;
using std::string;
using testing::ElementsAre;

constexpr std::int64_t kNow = 2'000'000'000'000;
constexpr std::int64_t kHour = 3'600'000;

const string kTwo = record(0) + record(1);

string gzip(std::string_view plain) {
  GrowingBuffer out;
  EXPECT_TRUE(compress(Codec::Gzip, {}, as_bytes(plain), out).has_value());
  return string(as_text(out.bytes()));
}

string wrapper(std::string_view inner, raw::MessageFields fields) {
  const string packed = gzip(inner);
  fields.attributes = static_cast<std::int8_t>(fields.attributes | 1);
  fields.key = std::nullopt;
  fields.value = packed;
  return message(fields);
}

ValidationOptions at_now() {
  ValidationOptions options;
  options.now_ms = kNow;
  return options;
}

/// The verdict, and what would be appended at offset 100 in leader epoch 7.
struct Outcome {
  ErrorCode code = ErrorCode::None;
  ValidationFailure failure;
  ValidatedRecords validated;
  SharedBuffer input;

  [[nodiscard]] RecordBatchView stored() const {
    return RecordBatchView::parse(validated.bytes).value();
  }
};

Outcome validate(const string& bytes, const ValidationOptions& options = at_now()) {
  Outcome outcome;
  outcome.input = Buffer::copy_of(as_bytes(bytes));
  auto result = validate_records(outcome.input->bytes(), options);
  if (!result) {
    outcome.code = result.error().code;
    outcome.failure = result.error();
    EXPECT_NE(outcome.code, ErrorCode::None);
    return outcome;
  }
  outcome.validated = *std::move(result);
  if (outcome.validated.record_count > 0) {
    const Offset next = outcome.validated.assign_offsets(Offset(100), LeaderEpoch(7));
    EXPECT_EQ(next, Offset(100) + outcome.validated.record_count);
    EXPECT_TRUE(outcome.stored().validate_crc());
    EXPECT_EQ(outcome.stored().size(), outcome.validated.bytes.size()) << "one batch is stored";
  }
  return outcome;
}

std::vector<std::int64_t> offsets_of(const RecordBatchView& stored) {
  std::vector<std::int64_t> offsets;
  auto reader = RecordReader::open(stored).value();
  Record each;
  while (reader.next(each).value()) offsets.push_back(each.offset.value());
  return offsets;
}

TEST(ProduceFormat, FromVersion3OneBatchOfFormat2) {
  const string good = batch({.records = kTwo, .count = 2});
  const auto code = [](std::int16_t version, const string& bytes) {
    const auto result = check_produce_format(version, as_bytes(bytes));
    return result ? ErrorCode::None : result.error().code();
  };
  EXPECT_EQ(code(8, good), ErrorCode::None);
  EXPECT_EQ(code(8, good + good), ErrorCode::InvalidRecord);
  EXPECT_EQ(code(8, ""), ErrorCode::InvalidRecord);
  EXPECT_EQ(code(8, good.substr(0, good.size() - 3)), ErrorCode::InvalidRecord);
  EXPECT_EQ(code(8, good.substr(0, 16)), ErrorCode::InvalidRecord);
  EXPECT_EQ(code(3, message({.magic = 1})), ErrorCode::InvalidRecord);
  EXPECT_EQ(code(8, message({.magic = 0})), ErrorCode::InvalidRecord);
  EXPECT_EQ(code(8, batch({.records = kTwo, .count = 2, .magic = 3})), ErrorCode::CorruptMessage);
  EXPECT_EQ(code(8, good + string(5, '\0')), ErrorCode::None) << "a torn end is cut off";
  EXPECT_EQ(code(8, good + string(30, '\0')), ErrorCode::CorruptMessage);
  const string zstd = batch({.records = kTwo, .count = 2, .attributes = 4});
  EXPECT_EQ(code(6, zstd), ErrorCode::UnsupportedCompressionType);
  EXPECT_EQ(code(7, zstd), ErrorCode::None);
  // Older versions leave it all to the append.
  EXPECT_EQ(code(2, good + good), ErrorCode::None);
  EXPECT_EQ(code(2, ""), ErrorCode::None);
}

TEST(Validation, AGoodBatchIsPatchedInPlace) {
  const Outcome outcome =
      validate(batch({.records = record({.timestamp_delta = 0}) +
                                 record({.offset_delta = 1, .timestamp_delta = 5}),
                      .count = 2,
                      .base_timestamp = 1000,
                      .max_timestamp = 1005}));
  ASSERT_EQ(outcome.code, ErrorCode::None);
  EXPECT_EQ(outcome.validated.bytes.data(), outcome.input->data()) << "no copy";
  EXPECT_FALSE(outcome.validated.converted);
  EXPECT_EQ(outcome.validated.record_count, 2);
  EXPECT_EQ(outcome.validated.max_timestamp, 1005);
  EXPECT_EQ(outcome.validated.max_timestamp_offset_delta, 1);
  EXPECT_EQ(outcome.validated.log_append_time, -1);
  EXPECT_EQ(outcome.stored().base_offset(), Offset(100));
  EXPECT_EQ(outcome.stored().leader_epoch(), LeaderEpoch(7));
}

TEST(Validation, NothingToAppendIsNoError) {
  EXPECT_EQ(validate("").validated.record_count, 0);
  const string good = batch({.records = kTwo, .count = 2});
  EXPECT_EQ(validate(good.substr(0, good.size() - 3)).validated.record_count, 0);
}

TEST(Validation, BytesBehindTheLastWholeBatchAreCutOff) {
  const string good = batch({.records = kTwo, .count = 2});
  EXPECT_EQ(validate(good + string(5, '\0')).validated.bytes.size(), good.size());
}

struct Refused {
  const char* name;
  string bytes;
  ErrorCode code;
};
void PrintTo(const Refused& refused, std::ostream* out) {
  *out << refused.name;
}

class BadInput : public testing::TestWithParam<Refused> {};

TEST_P(BadInput, IsRefusedAsKafkaDoes) {
  EXPECT_EQ(validate(GetParam().bytes).code, GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(
    Headers, BadInput,
    testing::Values(
        Refused{"WrongCrc", batch({.records = kTwo, .count = 2, .crc_error = 1}),
                ErrorCode::CorruptMessage},
        Refused{"CountAboveRecords", batch({.records = kTwo, .count = 3}),
                ErrorCode::InvalidRecord},
        Refused{"CountBelowRecords", batch({.records = kTwo, .count = 1}),
                ErrorCode::InvalidRecord},
        Refused{"CountNotOffsets", batch({.records = kTwo, .count = 2, .last_offset_delta = 5}),
                ErrorCode::InvalidRecord},
        Refused{"CountZero", batch({.count = 0, .last_offset_delta = 0}), ErrorCode::InvalidRecord},
        Refused{"CountZeroNoOffsets", batch({.count = 0}), ErrorCode::InvalidRecord},
        Refused{"CountNegative", batch({.records = kTwo, .count = -1, .last_offset_delta = 1}),
                ErrorCode::InvalidRecord},
        Refused{"TwoBatches",
                batch({.records = kTwo, .count = 2}) + batch({.records = kTwo, .count = 2}),
                ErrorCode::InvalidRecord},
        Refused{"BaseOffset", batch({.records = kTwo, .count = 2, .base_offset = 5}),
                ErrorCode::InvalidRecord},
        Refused{"NegativeBaseOffset", batch({.records = kTwo, .count = 2, .base_offset = -1}),
                ErrorCode::InvalidRecord},
        Refused{"Control", batch({.records = kTwo, .count = 2, .attributes = 0x20}),
                ErrorCode::InvalidRecord},
        Refused{"ProducerWithoutSequence",
                batch({.records = kTwo, .count = 2, .producer_id = 1000, .producer_epoch = 0}),
                ErrorCode::InvalidRecord},
        Refused{"Codec5", batch({.records = kTwo, .count = 2, .attributes = 5}),
                ErrorCode::UnknownServerError},
        Refused{"Magic3", batch({.records = kTwo, .count = 2, .magic = 3}),
                ErrorCode::CorruptMessage},
        Refused{"ZeroLength", string(30, '\0'), ErrorCode::CorruptMessage}),
    [](const auto& each) { return string(each.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Records, BadInput,
    testing::Values(
        Refused{"LengthAbove",
                batch({.records = record({.length_error = 1}) + record(1), .count = 2}),
                ErrorCode::InvalidRecord},
        Refused{"LengthBelow",
                batch({.records = record({.length_error = -1}) + record(1), .count = 2}),
                ErrorCode::InvalidRecord},
        Refused{"ExtraInside", batch({.records = record({.extra = "xx"})}),
                ErrorCode::InvalidRecord},
        Refused{"ExtraBehind", batch({.records = record(0) + "zzz"}), ErrorCode::InvalidRecord},
        Refused{"HeaderCountTooHigh", batch({.records = record({.headers = varint(50)})}),
                ErrorCode::InvalidRecord},
        Refused{"HeaderCountNegative", batch({.records = record({.headers = varint(-1)})}),
                ErrorCode::InvalidRecord},
        Refused{"HeaderKeyNull",
                batch({.records = record({.headers = varint(1) + varint(-1) + varint(-1)})}),
                ErrorCode::InvalidRecord},
        Refused{"NegativeLength", batch({.records = varint(-3) + record(0)}),
                ErrorCode::InvalidRecord}),
    [](const auto& each) { return string(each.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Compressed, BadInput,
    testing::Values(
        Refused{"GzipGarbage", batch({.records = kTwo, .count = 2, .attributes = 1}),
                ErrorCode::UnknownServerError},
        Refused{"SnappyGarbage", batch({.records = kTwo, .count = 2, .attributes = 2}),
                ErrorCode::UnknownServerError},
        Refused{"Lz4Garbage", batch({.records = kTwo, .count = 2, .attributes = 3}),
                ErrorCode::UnknownServerError},
        Refused{"ZstdGarbage", batch({.records = kTwo, .count = 2, .attributes = 4}),
                ErrorCode::UnknownServerError},
        Refused{"GzipEmpty", batch({.count = 2, .attributes = 1}), ErrorCode::UnknownServerError},
        Refused{"SnappyEmpty", batch({.count = 2, .attributes = 2}), ErrorCode::UnknownServerError},
        Refused{"Lz4Empty", batch({.count = 2, .attributes = 3}), ErrorCode::UnknownServerError},
        Refused{"ZstdEmpty", batch({.count = 2, .attributes = 4}), ErrorCode::InvalidRecord},
        Refused{"CutOff", batch({.records = gzip(kTwo).substr(0, 20), .count = 2, .attributes = 1}),
                ErrorCode::UnknownServerError},
        Refused{"CountBelow", batch({.records = gzip(kTwo), .count = 1, .attributes = 1}),
                ErrorCode::InvalidRecord},
        Refused{"CountAbove", batch({.records = gzip(kTwo), .count = 3, .attributes = 1}),
                ErrorCode::InvalidRecord},
        Refused{"OffsetGap",
                batch({.records = gzip(record(0) + record(5)), .count = 2, .attributes = 1}),
                ErrorCode::UnknownServerError},
        Refused{"OffsetsSwapped",
                batch({.records = gzip(record(1) + record(0)), .count = 2, .attributes = 1}),
                ErrorCode::UnknownServerError},
        Refused{"ExtraInside", batch({.records = gzip(record({.extra = "xx"})), .attributes = 1}),
                ErrorCode::InvalidRecord},
        Refused{"HugeLength",
                batch({.records = gzip(varint(0x7fffffff) + record(0)), .attributes = 1}),
                ErrorCode::InvalidRecord},
        Refused{"LongVarint",
                batch({.records = gzip("\xff\xff\xff\xff\xff\x01" + record(0)), .attributes = 1}),
                ErrorCode::InvalidRecord}),
    [](const auto& each) { return string(each.param.name); });

INSTANTIATE_TEST_SUITE_P(
    OldFormats, BadInput,
    testing::Values(
        Refused{"MixedFormats", message({.magic = 0}) + message({.offset = 1, .magic = 1}),
                ErrorCode::InvalidRecord},
        Refused{"WrongCrc", message({.crc_error = 1}), ErrorCode::CorruptMessage},
        Refused{"NegativeTimestamp", message({.timestamp = -7}), ErrorCode::UnknownServerError},
        Refused{"TwoWrappers", wrapper(message({}), {}) + wrapper(message({}), {}),
                ErrorCode::InvalidRecord},
        Refused{"WrapperAndPlain", wrapper(message({}), {}) + message({}),
                ErrorCode::InvalidRecord},
        Refused{"NestedWrapper", wrapper(wrapper(message({}), {}), {}), ErrorCode::InvalidRecord},
        Refused{"EmptyWrapper", wrapper("", {}), ErrorCode::InvalidRecord},
        Refused{"NullWrapper", message({.attributes = 1, .value = std::nullopt}),
                ErrorCode::InvalidRecord},
        Refused{"NewerInside", wrapper(message({.magic = 1}), {.magic = 0}),
                ErrorCode::InvalidRecord},
        Refused{"OlderInside", wrapper(message({.magic = 0}), {.magic = 1}),
                ErrorCode::InvalidRecord},
        Refused{"WrongCrcInside", wrapper(message({}) + message({.offset = 1, .crc_error = 1}), {}),
                ErrorCode::CorruptMessage},
        Refused{"GarbageInside", message({.attributes = 1, .value = "nonsense"}),
                ErrorCode::UnknownServerError},
        Refused{"Zstd", message({.attributes = 4, .value = "nonsense"}), ErrorCode::InvalidRecord},
        Refused{"Codec5", message({.attributes = 5, .value = "x"}), ErrorCode::UnknownServerError},
        Refused{"KeyOverrun",
                raw::message_of(0, string("\1\0", 2) + raw::big_endian(std::int64_t{5}) +
                                       raw::big_endian(std::int32_t{1000}) + "abcdefgh"),
                ErrorCode::UnknownServerError}),
    [](const auto& each) { return string(each.param.name); });

TEST(Validation, UncompressedOffsetDeltasStayAsTheyAre) {
  const Outcome outcome = validate(batch({.records = record(3) + record(9), .count = 2}));
  ASSERT_EQ(outcome.code, ErrorCode::None);
  EXPECT_EQ(outcome.stored().last_offset(), Offset(101));
}

TEST(Validation, AWrongMaxTimestampIsCorrected) {
  const Outcome outcome =
      validate(batch({.records = record(0), .base_timestamp = 1000, .max_timestamp = 99999}));
  ASSERT_EQ(outcome.code, ErrorCode::None);
  EXPECT_EQ(outcome.stored().max_timestamp(), 1000);
}

TEST(Validation, BitsWithoutMeaningGoWhenTheAttributesAreWritten) {
  const Outcome rewritten = validate(
      batch({.records = record(0), .attributes = 0x4040, .base_timestamp = 1, .max_timestamp = 2}));
  EXPECT_EQ(rewritten.stored().attributes(), 0x40) << "the delete horizon bit is known, and stays";
  const Outcome untouched = validate(batch({.records = record(0), .attributes = 0x4000}));
  EXPECT_EQ(untouched.stored().attributes(), 0x4000);
}

TEST(Validation, NoTimestampIsAccepted) {
  const Outcome none = validate(batch({.records = record(0), .base_timestamp = -1}));
  ASSERT_EQ(none.code, ErrorCode::None);
  EXPECT_EQ(none.validated.max_timestamp, -1);
  EXPECT_EQ(none.validated.max_timestamp_offset_delta, -1);
  const Outcome negative = validate(batch({.records = record(0), .base_timestamp = -500}));
  ASSERT_EQ(negative.code, ErrorCode::None);
  EXPECT_EQ(negative.stored().max_timestamp(), -1);
}

TEST(Validation, LogAppendTimeReplacesTheMaxTimestamp) {
  ValidationOptions options = at_now();
  options.timestamp_type = TimestampType::LogAppendTime;
  for (const string& bytes :
       {batch({.records = kTwo, .count = 2, .base_timestamp = 5}),
        batch({.records = gzip(kTwo), .count = 2, .attributes = 1, .base_timestamp = 5}),
        message({.timestamp = 5}) + message({.offset = 1, .timestamp = 700})}) {
    const Outcome outcome = validate(bytes, options);
    ASSERT_EQ(outcome.code, ErrorCode::None);
    EXPECT_EQ(outcome.stored().timestamp_type(), TimestampType::LogAppendTime);
    EXPECT_EQ(outcome.stored().max_timestamp(), kNow);
    EXPECT_EQ(outcome.stored().base_timestamp(), 5) << "deltas stay as sent";
    EXPECT_EQ(outcome.validated.log_append_time, kNow);
    EXPECT_EQ(outcome.validated.max_timestamp_offset_delta, 1);
  }
  const Outcome claimed = validate(batch({.records = kTwo, .count = 2, .attributes = 8}), options);
  EXPECT_EQ(claimed.code, ErrorCode::InvalidTimestamp);
  EXPECT_EQ(claimed.failure.record_errors.size(), 2U);
}

TEST(Validation, AClaimedAppendTimeIsTakenAsCreateTime) {
  const string records = record(0) + record({.offset_delta = 1, .timestamp_delta = 5});
  const Outcome outcome =
      validate(batch({.records = records, .count = 2, .attributes = 8, .max_timestamp = 77}));
  ASSERT_EQ(outcome.code, ErrorCode::None);
  EXPECT_EQ(outcome.stored().timestamp_type(), TimestampType::CreateTime);
  EXPECT_EQ(outcome.stored().max_timestamp(), 77);
  EXPECT_EQ(validate(batch({.records = record(0), .attributes = 8, .base_timestamp = -1})).code,
            ErrorCode::InvalidTimestamp);
}

TEST(Validation, TimestampsOutOfRangeAreListed) {
  ValidationOptions options = at_now();
  options.timestamp_before_max_ms = kHour;
  options.timestamp_after_max_ms = kHour;
  const string records = record(0) + record({.offset_delta = 1, .timestamp_delta = -2 * kHour}) +
                         record({.offset_delta = 2, .timestamp_delta = 2 * kHour});
  for (const string& bytes :
       {batch({.records = records, .count = 3, .base_timestamp = kNow}),
        batch({.records = gzip(records), .count = 3, .attributes = 1, .base_timestamp = kNow})}) {
    const Outcome outcome = validate(bytes, options);
    EXPECT_EQ(outcome.code, ErrorCode::InvalidTimestamp);
    ASSERT_EQ(outcome.failure.record_errors.size(), 2U);
    EXPECT_EQ(outcome.failure.record_errors[0].batch_index, 1);
    EXPECT_EQ(outcome.failure.record_errors[1].batch_index, 2);
  }
  EXPECT_EQ(validate(batch({.records = record(0), .base_timestamp = -1}), options).code,
            ErrorCode::None);
}

TEST(Validation, ACompactedTopicNeedsKeys) {
  ValidationOptions options = at_now();
  options.compacted = true;
  const string records = record(0) + record({.offset_delta = 1, .key = std::nullopt});
  for (const string& bytes : {batch({.records = records, .count = 2}),
                              batch({.records = gzip(records), .count = 2, .attributes = 1}),
                              message({}) + message({.offset = 1, .key = std::nullopt})}) {
    const Outcome outcome = validate(bytes, options);
    EXPECT_EQ(outcome.code, ErrorCode::InvalidRecord);
    ASSERT_EQ(outcome.failure.record_errors.size(), 1U);
    EXPECT_EQ(outcome.failure.record_errors[0].batch_index, 1);
  }
  EXPECT_EQ(validate(batch({.records = record({.key = ""})}), options).code, ErrorCode::None);
}

// The meters of Kafka's BrokerTopicMetrics.
TEST(Validation, FaultsAreToldAsKafkaCountsThem) {
  const auto fault = [](const string& bytes) { return validate(bytes).failure.fault; };
  EXPECT_EQ(fault(batch({.records = kTwo, .count = 2, .crc_error = 1})), RecordFault::Checksum);
  EXPECT_EQ(fault(batch({.records = kTwo, .count = 3, .last_offset_delta = 5})),
            RecordFault::OffsetOrSequence);
  EXPECT_EQ(fault(batch({.records = kTwo, .count = 2, .attributes = 0x20})),
            RecordFault::OffsetOrSequence);
  EXPECT_EQ(fault(batch({.records = kTwo, .count = 2, .producer_id = 1000, .producer_epoch = 0})),
            RecordFault::OffsetOrSequence);
  EXPECT_EQ(fault(batch({.records = gzip(record(0) + record(5)), .count = 2, .attributes = 1})),
            RecordFault::OffsetOrSequence);
  EXPECT_EQ(fault(message({}) + batch({.records = kTwo, .count = 2})), RecordFault::Magic);
  EXPECT_EQ(fault(batch({.records = kTwo, .count = 2, .attributes = 5})), RecordFault::Other);

  ValidationOptions compacted = at_now();
  compacted.compacted = true;
  const string keyless =
      record({.key = std::nullopt}) + record({.offset_delta = 1, .key = std::nullopt}) + record(2);
  const Outcome outcome = validate(batch({.records = keyless, .count = 3}), compacted);
  EXPECT_EQ(outcome.failure.records_without_key, 2);
  EXPECT_EQ(outcome.failure.fault, RecordFault::Other);
}

TEST(Validation, SizeIsCheckedBeforeTheCrcAndAfterTheBaseOffset) {
  ValidationOptions options = at_now();
  options.max_message_bytes = 70;
  const string large = record({.value = "0123456789012345678901234567890"});
  EXPECT_EQ(validate(batch({.records = large}), options).code, ErrorCode::MessageTooLarge);
  EXPECT_EQ(validate(batch({.records = large, .crc_error = 1}), options).code,
            ErrorCode::MessageTooLarge);
  EXPECT_EQ(validate(batch({.records = large, .base_offset = 3}), options).code,
            ErrorCode::InvalidRecord);
  EXPECT_EQ(validate(batch({.records = record(0)}), options).code, ErrorCode::None);
}

TEST(Validation, SizeIsCheckedAgainAfterConversion) {
  ValidationOptions options = at_now();
  options.max_message_bytes = 150;
  options.target_codec = Codec::None;
  const string zeros(1000, '\0');
  EXPECT_EQ(
      validate(batch({.records = gzip(record({.value = zeros})), .attributes = 1}), options).code,
      ErrorCode::MessageTooLarge);
}

TEST(Validation, TheTopicsCodecIsUsed) {
  const string records = record(0) + record({.offset_delta = 1, .timestamp_delta = 5});
  for (const Codec target : {Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd}) {
    ValidationOptions options = at_now();
    options.target_codec = target;
    for (const string& bytes : {batch({.records = records,
                                       .count = 2,
                                       .attributes = 0x10,
                                       .producer_id = 4,
                                       .producer_epoch = 1,
                                       .base_sequence = 9}),
                                batch({.records = gzip(records),
                                       .count = 2,
                                       .attributes = 0x11,
                                       .max_timestamp = 1'000'005,
                                       .producer_id = 4,
                                       .producer_epoch = 1,
                                       .base_sequence = 9})}) {
      const Outcome outcome = validate(bytes, options);
      ASSERT_EQ(outcome.code, ErrorCode::None) << outcome.failure.message;
      const RecordBatchView stored = outcome.stored();
      EXPECT_EQ(stored.codec(), target);
      EXPECT_EQ(stored.max_timestamp(), 1'000'005);
      EXPECT_EQ(stored.producer_id(), ProducerId(4));
      EXPECT_EQ(stored.base_sequence(), 9);
      EXPECT_TRUE(stored.is_transactional());
      EXPECT_THAT(offsets_of(stored), ElementsAre(100, 101));
    }
  }
}

TEST(Validation, RecompressionPutsOffsetsRightAndDropsTheDeleteHorizon) {
  ValidationOptions options = at_now();
  options.target_codec = Codec::Gzip;
  const Outcome outcome =
      validate(batch({.records = record(3) + record(9), .count = 2, .attributes = 0x40}), options);
  ASSERT_EQ(outcome.code, ErrorCode::None);
  EXPECT_THAT(offsets_of(outcome.stored()), ElementsAre(100, 101));
  EXPECT_EQ(outcome.stored().attributes(), 1);
  EXPECT_EQ(validate(batch({.records = record(0), .base_timestamp = -500}), options).code,
            ErrorCode::UnknownServerError);
}

TEST(Validation, OldMessagesBecomeOneBatch) {
  const Outcome v1 = validate(message({.timestamp = 100}) +
                              message({.offset = 1, .timestamp = 300, .key = std::nullopt}) +
                              message({.offset = 2, .timestamp = 200, .value = std::nullopt}));
  ASSERT_EQ(v1.code, ErrorCode::None);
  EXPECT_EQ(v1.validated.record_count, 3);
  EXPECT_EQ(v1.stored().base_timestamp(), 100);
  EXPECT_EQ(v1.stored().max_timestamp(), 300);
  EXPECT_EQ(v1.stored().producer_id(), kNoProducerId);
  EXPECT_THAT(offsets_of(v1.stored()), ElementsAre(100, 101, 102));
  EXPECT_EQ(as_text(v1.stored().records()),
            record(0) + record({.offset_delta = 1, .timestamp_delta = 200, .key = std::nullopt}) +
                record({.offset_delta = 2, .timestamp_delta = 100, .value = std::nullopt}));

  const Outcome v0 = validate(message({.offset = 17, .magic = 0}));
  ASSERT_EQ(v0.code, ErrorCode::None);
  EXPECT_EQ(v0.stored().max_timestamp(), -1);
  EXPECT_THAT(offsets_of(v0.stored()), ElementsAre(100));
}

TEST(Validation, WrappersKeepTheirCodec) {
  const string right = message({.timestamp = 5}) + message({.offset = 1, .timestamp = 9});
  const string zeros = message({.timestamp = 5}) + message({.offset = 0, .timestamp = 9});
  for (const string& bytes : {wrapper(right, {.offset = 1, .timestamp = 9}),
                              wrapper(right, {.offset = 0}), wrapper(zeros, {.offset = 0})}) {
    const Outcome outcome = validate(bytes);
    ASSERT_EQ(outcome.code, ErrorCode::None) << "inner offsets of old clients do not matter";
    EXPECT_EQ(outcome.stored().codec(), Codec::Gzip);
    EXPECT_EQ(outcome.stored().base_timestamp(), 5);
    EXPECT_EQ(outcome.stored().max_timestamp(), 9);
    EXPECT_THAT(offsets_of(outcome.stored()), ElementsAre(100, 101));
  }
  const Outcome append_time =
      validate(wrapper(message({.timestamp = 5}), {.attributes = 8, .timestamp = 1234}));
  ASSERT_EQ(append_time.code, ErrorCode::None);
  EXPECT_EQ(append_time.stored().timestamp_type(), TimestampType::CreateTime);
  EXPECT_EQ(append_time.stored().max_timestamp(), 1234);
  const string cut = message({}) + message({.offset = 1});
  EXPECT_EQ(validate(wrapper(cut.substr(0, cut.size() - 1), {})).validated.record_count, 1);
}

TEST(Validation, BytesBehindAnOldMessagesValueAreIgnored) {
  EXPECT_EQ(validate(message({.extra = "abc"})).code, ErrorCode::None);
}

TEST(Validation, CoordinatorsMayWriteMarkersAndTheyStayPlain) {
  ValidationOptions options = at_now();
  options.origin = AppendOrigin::Coordinator;
  options.target_codec = Codec::Gzip;
  const SharedBuffer marker = build_end_transaction_marker(
      ProducerId(1), ProducerEpoch(0), {.type = ControlType::Commit, .coordinator_epoch = 3}, kNow);
  const Outcome outcome = validate(string(as_text(marker->bytes())), options);
  ASSERT_EQ(outcome.code, ErrorCode::None);
  EXPECT_EQ(outcome.stored().codec(), Codec::None);
  EXPECT_TRUE(outcome.stored().is_control());
}

TEST(Validation, ABombCostsNoMemory) {
  GrowingBuffer plain;
  constexpr std::int32_t kValueSize = 64 << 20;
  plain.append(as_bytes(varint(kValueSize + 10)));
  plain.append(as_bytes(string(1, '\0') + varint(0) + varint(0) + raw::nullable("k")));
  plain.append(as_bytes(varint(kValueSize)));
  std::memset(plain.claim(kValueSize), 0, kValueSize);
  plain.append(as_bytes(varint(0)));
  GrowingBuffer packed;
  ASSERT_TRUE(compress(Codec::Zstd, 1, plain.bytes(), packed).has_value());
  plain = GrowingBuffer();
  const Outcome outcome =
      validate(batch({.records = string(as_text(packed.bytes())), .attributes = 4}));
  EXPECT_EQ(outcome.code, ErrorCode::None);
}

TEST(Replicated, OffsetsRiseAndGapsAreLegal) {
  const auto at = [](std::int64_t offset) {
    return batch({.records = kTwo, .count = 2, .base_offset = offset});
  };
  const auto check = [](const string& bytes, std::int64_t expected) {
    return check_replicated(as_bytes(bytes), Offset(expected));
  };
  const auto good = check(at(10) + at(12) + at(20), 10);
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->first_offset, Offset(10));
  EXPECT_EQ(good->next_offset, Offset(22));
  EXPECT_EQ(good->offset_of_max_timestamp, Offset(11));
  EXPECT_EQ(check(at(10) + at(11), 10).error().code(), ErrorCode::OffsetOutOfRange);
  EXPECT_EQ(check(at(9), 10).error().code(), ErrorCode::OffsetOutOfRange);
  string damaged = at(10);
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_EQ(check(damaged, 10).error().code(), ErrorCode::CorruptMessage);
  const string torn = at(10) + at(12);
  EXPECT_EQ(check(torn.substr(0, torn.size() - 1), 10)->bytes.size(), torn.size() / 2);
}

}  // namespace
}  // namespace ottla::record
