#include "cli/record_formatter.h"

#include <boost/json.hpp>

#include "cli/tool_properties.h"
#include "common/base/bytes.h"

namespace ottla::cli {
namespace {

std::string_view name_of(ConsumedRecord::TimestampKind kind) {
  switch (kind) {
    case ConsumedRecord::TimestampKind::None:
      return "NO_TIMESTAMP";
    case ConsumedRecord::TimestampKind::CreateTime:
      return "CreateTime";
    case ConsumedRecord::TimestampKind::LogAppendTime:
      return "LogAppendTime";
  }
  return "NO_TIMESTAMP";
}

/// The bytes as the big-endian number that Java's serializers for whole numbers write.
std::optional<std::int64_t> number_in(std::string_view bytes) {
  const std::byte* at = as_bytes(bytes).data();
  switch (bytes.size()) {
    case 2:
      return load_big_endian<std::int16_t>(at);
    case 4:
      return load_big_endian<std::int32_t>(at);
    case 8:
      return load_big_endian<std::int64_t>(at);
    default:
      return std::nullopt;
  }
}

boost::json::value json_of(const std::optional<std::string_view>& text) {
  if (!text) return nullptr;
  return boost::json::string(*text);
}

}  // namespace

Result<RecordFormatter::Decoding> RecordFormatter::decoding_named(const std::string& name) {
  constexpr std::string_view kPackage = "org.apache.kafka.common.serialization.";
  std::string_view bare = name;
  if (bare.starts_with(kPackage)) bare.remove_prefix(kPackage.size());
  if (bare == "StringDeserializer" || bare == "ByteArrayDeserializer" ||
      bare == "BytesDeserializer" || bare == "ByteBufferDeserializer") {
    return Decoding::Text;
  }
  if (bare == "IntegerDeserializer" || bare == "LongDeserializer" || bare == "ShortDeserializer") {
    return Decoding::Number;
  }
  return fail(ErrorCode::InvalidRequest,
              "deserializer " + name +
                  ": must be of org.apache.kafka.common.serialization: String, "
                  "ByteArray, Integer, Long or Short");
}

Result<RecordFormatter> RecordFormatter::parse(
    const std::map<std::string, std::string>& properties) {
  RecordFormatter formatter;
  const ToolProperties settings(properties);
  settings.read("print.timestamp", formatter.timestamp_);
  settings.read("print.key", formatter.key_);
  settings.read("print.value", formatter.value_);
  settings.read("print.offset", formatter.offset_);
  settings.read("print.partition", formatter.partition_);
  settings.read("print.headers", formatter.headers_);
  settings.read("key.separator", formatter.separator_);
  settings.read("line.separator", formatter.line_separator_);
  settings.read("headers.separator", formatter.headers_separator_);
  settings.read("null.literal", formatter.null_);
  std::string deserializer;
  settings.read("key.deserializer", deserializer);
  if (!deserializer.empty()) {
    OTTLA_TRY(formatter.key_decoding_, decoding_named(deserializer));
  }
  deserializer.clear();
  settings.read("value.deserializer", deserializer);
  if (!deserializer.empty()) {
    OTTLA_TRY(formatter.value_decoding_, decoding_named(deserializer));
  }
  return formatter;
}

std::string RecordFormatter::shown(const std::optional<std::string_view>& bytes,
                                   Decoding decoding) const {
  if (!bytes) return null_;
  if (decoding == Decoding::Number) {
    if (const auto number = number_in(*bytes)) return std::to_string(*number);
  }
  return std::string(*bytes);
}

void RecordFormatter::write(std::ostream& out, const ConsumedRecord& record) const {
  bool first = true;
  const auto next = [&]() -> std::ostream& {
    if (!first) out << separator_;
    first = false;
    return out;
  };
  if (timestamp_) {
    next() << name_of(record.timestamp_kind);
    if (record.timestamp_kind != ConsumedRecord::TimestampKind::None) {
      out << ':' << record.timestamp;
    }
  }
  if (partition_) next() << "Partition:" << record.partition;
  if (offset_) next() << "Offset:" << record.offset;
  if (headers_) {
    next();
    if (record.headers.empty()) out << "NO_HEADERS";
    bool first_header = true;
    for (const auto& [name, value] : record.headers) {
      if (!first_header) out << headers_separator_;
      first_header = false;
      out << name << ':' << shown(value, Decoding::Text);
    }
  }
  if (key_) next() << shown(record.key, key_decoding_);
  if (value_) next() << shown(record.value, value_decoding_);
  if (!first) out << line_separator_;
}

void RecordFormatter::write_json(std::ostream& out, const ConsumedRecord& record,
                                 const boost::json::object* kafkas_own) const {
  boost::json::array headers;
  for (const auto& [name, value] : record.headers) {
    headers.push_back({{"key", boost::json::string(name)}, {"value", json_of(value)}});
  }
  const auto decoded = [&](const auto& bytes, Decoding decoding) -> boost::json::value {
    if (bytes && decoding == Decoding::Number) {
      if (const auto number = number_in(*bytes)) return *number;
    }
    return json_of(bytes);
  };
  boost::json::object object{{"topic", boost::json::string(record.topic)},
                             {"partition", record.partition},
                             {"offset", record.offset},
                             {"timestamp", record.timestamp},
                             {"timestampType", boost::json::string(name_of(record.timestamp_kind))},
                             {"headers", std::move(headers)},
                             {"key", decoded(record.key, key_decoding_)},
                             {"value", decoded(record.value, value_decoding_)}};
  if (kafkas_own != nullptr) {
    object["key"] = kafkas_own->at("key");
    object["value"] = kafkas_own->at("value");
  }
  out << boost::json::serialize(object) << '\n';
}

}  // namespace ottla::cli
