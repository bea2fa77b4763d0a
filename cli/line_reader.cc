#include "cli/line_reader.h"

#include <algorithm>

#include "cli/tool_properties.h"

namespace ottla::cli {
namespace {

tl::unexpected<Error> missing(std::string_view what, std::uint64_t number) {
  return fail(ErrorCode::InvalidRequest,
              "line " + std::to_string(number) + ": there is no " + std::string(what));
}

}  // namespace

Result<LineReader> LineReader::parse(const std::map<std::string, std::string>& properties) {
  LineReader reader;
  const ToolProperties settings(properties);
  settings.read("parse.key", reader.parse_key_);
  settings.read("parse.headers", reader.parse_headers_);
  settings.read("ignore.error", reader.ignore_error_);
  settings.read("key.separator", reader.key_separator_);
  settings.read("headers.delimiter", reader.headers_delimiter_);
  settings.read("headers.separator", reader.headers_separator_);
  settings.read("headers.key.separator", reader.headers_key_separator_);
  if (const auto at = properties.find("null.marker"); at != properties.end()) {
    reader.null_marker_ = at->second;
  }
  if (reader.headers_delimiter_ == reader.headers_separator_ ||
      reader.headers_delimiter_ == reader.headers_key_separator_ ||
      reader.headers_separator_ == reader.headers_key_separator_) {
    return fail(ErrorCode::InvalidRequest,
                "headers.delimiter, headers.separator and headers.key.separator must differ");
  }
  if (reader.key_separator_.empty()) {
    return fail(ErrorCode::InvalidRequest, "key.separator must not be empty");
  }
  return reader;
}

Result<LineRecord> LineReader::read(std::string_view line, std::uint64_t number) const {
  LineRecord record;
  if (parse_headers_) {
    const auto end = line.find(headers_delimiter_);
    if (end != std::string_view::npos) {
      OTTLA_TRY_VOID(read_headers(line.substr(0, end), number, record));
      line.remove_prefix(end + headers_delimiter_.size());
    } else if (!ignore_error_) {
      return missing("headers.delimiter", number);
    }
  }
  if (parse_key_) {
    const auto end = line.find(key_separator_);
    if (end != std::string_view::npos) {
      record.key = null_or(line.substr(0, end));
      line.remove_prefix(end + key_separator_.size());
    } else if (!ignore_error_) {
      return missing("key.separator", number);
    }
  }
  record.value = null_or(line);
  return record;
}

Result<> LineReader::read_headers(std::string_view text, std::uint64_t number,
                                  LineRecord& record) const {
  if (text.empty()) return {};
  for (;;) {
    const auto end = text.find(headers_separator_);
    const std::string_view header = text.substr(0, end);
    const auto separator = header.find(headers_key_separator_);
    if (separator != std::string_view::npos) {
      record.headers.emplace_back(
          std::string(header.substr(0, separator)),
          null_or(header.substr(separator + headers_key_separator_.size())));
    } else if (ignore_error_) {
      record.headers.emplace_back(std::string(header), std::nullopt);
    } else {
      return missing("headers.key.separator in \"" + std::string(header) + "\"", number);
    }
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + headers_separator_.size());
  }
}

std::optional<std::string> LineReader::null_or(std::string_view text) const {
  if (null_marker_ && text == *null_marker_) return std::nullopt;
  return std::string(text);
}

}  // namespace ottla::cli
