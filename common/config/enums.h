#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ottla::config {

/// `compression.type`: a codec that the broker enforces, or Producer: as the producer sent it.
enum class CompressionType : std::uint8_t { Producer, Uncompressed, Gzip, Snappy, Lz4, Zstd };
constexpr std::array<std::string_view, 6> words_of(CompressionType) {
  return {"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"};
}

/// `message.timestamp.type`; the enumerators are the batch attribute's bit.
enum class TimestampType : std::uint8_t { CreateTime, LogAppendTime };
constexpr std::array<std::string_view, 2> words_of(TimestampType) {
  return {"CreateTime", "LogAppendTime"};
}

/// How a listener talks; the enumerators are the numbers of Kafka's SecurityProtocol on the wire.
enum class SecurityProtocol : std::uint8_t { Plaintext, Ssl, SaslPlaintext, SaslSsl };
constexpr std::array<std::string_view, 4> words_of(SecurityProtocol) {
  return {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
}

}  // namespace ottla::config
