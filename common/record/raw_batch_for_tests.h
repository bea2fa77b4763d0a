#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/checksum.h"
#include "common/record/format.h"

namespace ottla::record::raw {

// Record bytes written by hand, right or wrong as a test wants them: nothing here is checked.

template <class T>
std::string big_endian(T value) {
  std::string bytes(sizeof value, '\0');
  store_big_endian(reinterpret_cast<std::byte*>(bytes.data()), value);
  return bytes;
}

inline std::string varint(std::int64_t value) {
  auto raw = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  std::string bytes;
  for (; raw >= 0x80; raw >>= 7) bytes += static_cast<char>((raw & 0x7f) | 0x80);
  return bytes + static_cast<char>(raw);
}

inline std::string nullable(std::optional<std::string_view> bytes) {
  if (!bytes) return varint(-1);
  return varint(static_cast<std::int64_t>(bytes->size())) + std::string(*bytes);
}

struct RecordFields {
  std::int32_t offset_delta = 0;
  std::int64_t timestamp_delta = 0;
  std::optional<std::string_view> key = "k";
  std::optional<std::string_view> value = "v";
  std::string headers = varint(0);
  std::string extra{};            ///< Behind the headers, counted in the length.
  std::int64_t length_error = 0;  ///< Added to the length.
};

inline std::string record(const RecordFields& fields) {
  const std::string body = std::string(1, '\0') + varint(fields.timestamp_delta) +
                           varint(fields.offset_delta) + nullable(fields.key) +
                           nullable(fields.value) + fields.headers + fields.extra;
  return varint(static_cast<std::int64_t>(body.size()) + fields.length_error) + body;
}
inline std::string record(std::int32_t offset_delta) {
  return record({.offset_delta = offset_delta});
}

struct BatchFields {
  std::string records{};
  std::int32_t count = 1;
  std::optional<std::int32_t> last_offset_delta = std::nullopt;  ///< count - 1
  std::int16_t attributes = 0;
  std::int64_t base_offset = 0;
  std::int64_t base_timestamp = 1'000'000;
  std::optional<std::int64_t> max_timestamp = std::nullopt;  ///< base_timestamp
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::int8_t magic = kMagicV2;
  std::uint32_t crc_error = 0;  ///< Xored into the CRC.
};

inline std::string batch(const BatchFields& fields) {
  const std::string checked = big_endian(fields.attributes) +
                              big_endian(fields.last_offset_delta.value_or(fields.count - 1)) +
                              big_endian(fields.base_timestamp) +
                              big_endian(fields.max_timestamp.value_or(fields.base_timestamp)) +
                              big_endian(fields.producer_id) + big_endian(fields.producer_epoch) +
                              big_endian(fields.base_sequence) + big_endian(fields.count) +
                              fields.records;
  return big_endian(fields.base_offset) +
         big_endian(static_cast<std::int32_t>(checked.size() + 9)) + big_endian(std::int32_t{-1}) +
         static_cast<char>(fields.magic) +
         big_endian(crc32c(as_bytes(checked)) ^ fields.crc_error) + checked;
}

struct MessageFields {
  std::int64_t offset = 0;
  std::int8_t magic = kMagicV1;
  std::int8_t attributes = 0;
  std::int64_t timestamp = 0;
  std::optional<std::string_view> key = "k";
  std::optional<std::string_view> value = "v";
  std::string extra{};
  std::uint32_t crc_error = 0;
};

/// An entry whose content is `checked`, from the magic on.
inline std::string message_of(std::int64_t offset, std::string_view checked,
                              std::uint32_t crc_error = 0) {
  return big_endian(offset) + big_endian(static_cast<std::int32_t>(checked.size() + 4)) +
         big_endian(crc32(as_bytes(checked)) ^ crc_error) + std::string(checked);
}

inline std::string sized(std::optional<std::string_view> bytes) {
  if (!bytes) return big_endian(std::int32_t{-1});
  return big_endian(static_cast<std::int32_t>(bytes->size())) + std::string(*bytes);
}

inline std::string message(const MessageFields& fields) {
  std::string checked{static_cast<char>(fields.magic), static_cast<char>(fields.attributes)};
  if (fields.magic != kMagicV0) checked += big_endian(fields.timestamp);
  return message_of(fields.offset, checked + sized(fields.key) + sized(fields.value) + fields.extra,
                    fields.crc_error);
}

}  // namespace ottla::record::raw
