#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include "common/base/error.h"

namespace ottla::cli {

/// A record on its way to the terminal; views into the client's memory.
struct ConsumedRecord {
  enum class TimestampKind : std::uint8_t { None, CreateTime, LogAppendTime };

  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp = -1;
  TimestampKind timestamp_kind = TimestampKind::None;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> headers;
};

/// Writes records as kafka-console-consumer does, by the same --property names: print.timestamp,
/// print.key, print.offset, print.partition, print.headers, print.value, key.separator,
/// line.separator, headers.separator, null.literal, key.deserializer, value.deserializer.
class RecordFormatter {
 public:
  /// Errors: InvalidRequest for a deserializer that is not built in. Unknown names are ignored.
  [[nodiscard]] static Result<RecordFormatter> parse(
      const std::map<std::string, std::string>& properties);

  void write(std::ostream& out, const ConsumedRecord& record) const;
  /// One JSON object and a line feed; with key and value of `decoded`, if that is there.
  void write_json(std::ostream& out, const ConsumedRecord& record,
                  const boost::json::object* decoded = nullptr) const;

 private:
  enum class Decoding : std::uint8_t { Text, Number };
  [[nodiscard]] static Result<Decoding> decoding_named(const std::string& name);
  [[nodiscard]] std::string shown(const std::optional<std::string_view>& bytes,
                                  Decoding decoding) const;

  bool timestamp_ = false;
  bool key_ = false;
  bool value_ = true;
  bool offset_ = false;
  bool partition_ = false;
  bool headers_ = false;
  std::string separator_ = "\t";
  std::string line_separator_ = "\n";
  std::string headers_separator_ = ",";
  std::string null_ = "null";
  Decoding key_decoding_ = Decoding::Text;
  Decoding value_decoding_ = Decoding::Text;
};

}  // namespace ottla::cli
