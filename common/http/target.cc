#include <optional>
#include <string>
#include <utility>

#include "common/http/server.h"

namespace ottla::http {
namespace {

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

Result<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (plus_is_space && text[at] == '+') {
      result += ' ';
    } else if (text[at] != '%') {
      result += text[at];
    } else {
      const auto high = at + 2 < text.size() ? hex_digit(text[at + 1]) : std::nullopt;
      const auto low = at + 2 < text.size() ? hex_digit(text[at + 2]) : std::nullopt;
      if (!high || !low) return fail(ErrorCode::InvalidRequest, "a % without two hex digits");
      result += static_cast<char>(*high * 16 + *low);
      at += 2;
    }
  }
  return result;
}

}  // namespace

Result<Request> parse_target(std::string_view target) {
  if (!target.starts_with('/')) return fail(ErrorCode::InvalidRequest, "the target is no path");
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  Request request;
  OTTLA_TRY(request.path, percent_decoded(target.substr(0, mark), false));
  std::string_view rest = mark == std::string_view::npos ? "" : target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    OTTLA_TRY(std::string name, percent_decoded(pair.substr(0, equals), true));
    OTTLA_TRY(
        std::string value,
        percent_decoded(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true));
    if (!name.empty()) request.query[std::move(name)] = std::move(value);
  }
  return request;
}

}  // namespace ottla::http
