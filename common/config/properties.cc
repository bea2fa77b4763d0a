#include "common/config/properties.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace ottla::config {
namespace {

constexpr std::string_view kBlanks = " \t\f";

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

std::optional<std::uint32_t> four_hex_digits(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t code = 0;
  for (const char c : text.substr(0, 4)) {
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<std::uint32_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<std::uint32_t>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
      digit = static_cast<std::uint32_t>(c - 'A' + 10);
    else
      return std::nullopt;
    code = code * 16 + digit;
  }
  return code;
}

/// Resolves backslash escapes; nothing for a broken \u.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  std::uint32_t high_surrogate = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      if (text[at] != '\\') out += text[at];
      continue;
    }
    const char escaped = text[++at];
    switch (escaped) {
      case 't':
        out += '\t';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 'f':
        out += '\f';
        break;
      case 'u': {
        const auto code = four_hex_digits(text.substr(at + 1));
        if (!code) return std::nullopt;
        at += 4;
        if (*code >= 0xD800 && *code < 0xDC00) {
          high_surrogate = *code;
        } else if (*code >= 0xDC00 && *code < 0xE000 && high_surrogate != 0) {
          append_utf8(out, 0x10000 + ((high_surrogate - 0xD800) << 10) + (*code - 0xDC00));
          high_surrogate = 0;
        } else {
          append_utf8(out, *code);
        }
        break;
      }
      default:
        out += escaped;
    }
  }
  return out;
}

struct LogicalLine {
  std::string text;
  std::size_t number = 0;
};

bool ends_with_odd_backslashes(std::string_view line) {
  std::size_t count = 0;
  while (count < line.size() && line[line.size() - 1 - count] == '\\') ++count;
  return count % 2 == 1;
}

/// Lines without comments and blank ones, continued lines joined.
std::vector<LogicalLine> logical_lines(std::string_view text) {
  std::vector<LogicalLine> lines;
  bool continued = false;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = text.find_first_of("\r\n");
    std::string_view line = text.substr(0, end);
    const bool crlf = end != std::string_view::npos && text.substr(end, 2) == "\r\n";
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + (crlf ? 2 : 1));
    ++number;
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (!continued && (line.empty() || line.front() == '#' || line.front() == '!')) continue;
    if (!continued) lines.push_back({.text = {}, .number = number});
    continued = ends_with_odd_backslashes(line);
    if (continued) line.remove_suffix(1);
    lines.back().text += line;
  }
  return lines;
}

/// Where the name ends: at the first `=`, `:` or blank that is not escaped.
std::size_t end_of_name(std::string_view line) {
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '\\')
      ++at;
    else if (line[at] == '=' || line[at] == ':' || kBlanks.find(line[at]) != kBlanks.npos)
      return at;
  }
  return line.size();
}

std::string_view without_separator(std::string_view rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
  if (!rest.empty() && (rest.front() == '=' || rest.front() == ':')) {
    rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
  }
  return rest;
}

}  // namespace

Result<Properties> parse_properties(std::string_view text) {
  Properties properties;
  for (const auto& line : logical_lines(text)) {
    const std::string_view whole = line.text;
    const std::size_t name_end = end_of_name(whole);
    auto name = unescape(whole.substr(0, name_end));
    auto value = unescape(without_separator(whole.substr(name_end)));
    if (!name || !value) {
      return fail(ErrorCode::InvalidConfig,
                  "line " + std::to_string(line.number) +
                      ": \\u must be followed by four hexadecimal digits");
    }
    properties.insert_or_assign(*std::move(name), *std::move(value));
  }
  return properties;
}

Result<Properties> read_properties(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::InvalidConfig, path + ": " + std::strerror(errno));
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) return fail(ErrorCode::InvalidConfig, path + ": cannot be read");
  auto properties = parse_properties(text.str());
  if (!properties)
    return fail(ErrorCode::InvalidConfig, path + ", " + properties.error().message());
  return properties;
}

Result<> override_property(Properties& properties, std::string_view assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return fail(ErrorCode::InvalidConfig,
                "--override " + std::string(assignment) + ": must be name=value");
  }
  properties.insert_or_assign(std::string(assignment.substr(0, equals)),
                              std::string(assignment.substr(equals + 1)));
  return {};
}

}  // namespace ottla::config
