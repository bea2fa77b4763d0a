#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.h"

namespace ottla::cli {

/// A record read from a line.
struct LineRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

/// Makes records of lines as kafka-console-producer does, by the same --property names: parse.key,
/// key.separator, parse.headers, headers.delimiter, headers.separator, headers.key.separator,
/// ignore.error, null.marker. A line is `headers <delimiter> key <separator> value`.
class LineReader {
 public:
  /// Errors: InvalidRequest where separators are not told apart. Unknown names are ignored.
  [[nodiscard]] static Result<LineReader> parse(
      const std::map<std::string, std::string>& properties);

  /// Errors: InvalidRequest for a line without a separator, unless ignore.error.
  [[nodiscard]] Result<LineRecord> read(std::string_view line, std::uint64_t number) const;

 private:
  [[nodiscard]] Result<> read_headers(std::string_view text, std::uint64_t number,
                                      LineRecord& record) const;
  [[nodiscard]] std::optional<std::string> null_or(std::string_view text) const;

  bool parse_key_ = false;
  bool parse_headers_ = false;
  bool ignore_error_ = false;
  std::string key_separator_ = "\t";
  std::string headers_delimiter_ = "\t";
  std::string headers_separator_ = ",";
  std::string headers_key_separator_ = ":";
  std::optional<std::string> null_marker_;
};

}  // namespace ottla::cli
