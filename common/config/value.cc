#include "common/config/value.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>
#include <type_traits>

namespace ottla::config {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

Result<Value> parse_boolean(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  if (lower == "true") return true;
  if (lower == "false") return false;
  return fail(ErrorCode::InvalidConfig, "must be true or false");
}

template <class T>
Result<Value> parse_integer(std::string_view text) {
  std::string_view digits = text;
  if (digits.size() > 1 && digits.front() == '+' && digits.at(1) != '-') digits.remove_prefix(1);
  T number{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return fail(ErrorCode::InvalidConfig,
                "must be a whole number from " + std::to_string(std::numeric_limits<T>::min()) +
                    " to " + std::to_string(std::numeric_limits<T>::max()));
  }
  return number;
}

Result<Value> parse_double(std::string_view text) {
  double number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || std::isnan(number)) {
    return fail(ErrorCode::InvalidConfig, "must be a number");
  }
  return number;
}

List parse_list(std::string_view text) {
  List list;
  while (!text.empty()) {
    const auto comma = text.find(',');
    list.emplace_back(trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) list.emplace_back();
  }
  return list;
}

std::string text_of_double(double number) {
  // Java writes 1.0, not 1: the shape that clients and files know.
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number);
  std::string text(buffer, end);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  if (const auto e = text.find("e+"); e != std::string::npos) text.replace(e, 2, "E");
  if (const auto e = text.find('e'); e != std::string::npos) text.replace(e, 1, "E");
  return text;
}

}  // namespace

std::string_view name_of(ValueType type) {
  switch (type) {
    case ValueType::Unknown:
      return "unknown";
    case ValueType::Boolean:
      return "boolean";
    case ValueType::String:
      return "string";
    case ValueType::Int:
      return "int";
    case ValueType::Short:
      return "short";
    case ValueType::Long:
      return "long";
    case ValueType::Double:
      return "double";
    case ValueType::List:
      return "list";
    case ValueType::Class:
      return "class";
    case ValueType::Password:
      return "password";
  }
  return "string";
}

Result<Value> parse_value(ValueType type, std::string_view text) {
  const std::string_view trimmed = trim(text);
  switch (type) {
    case ValueType::Boolean:
      return parse_boolean(trimmed);
    case ValueType::Int:
      return parse_integer<std::int32_t>(trimmed);
    case ValueType::Short:
      return parse_integer<std::int16_t>(trimmed);
    case ValueType::Long:
      return parse_integer<std::int64_t>(trimmed);
    case ValueType::Double:
      return parse_double(trimmed);
    case ValueType::List:
      return parse_list(trimmed);
    case ValueType::Password:
      return Password(std::string(trimmed));
    case ValueType::Unknown:
    case ValueType::String:
    case ValueType::Class:
      return std::string(trimmed);
  }
  return std::string(trimmed);
}

std::optional<std::string> to_text(const Value& value) {
  return std::visit(
      [](const auto& held) -> std::optional<std::string> {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return std::nullopt;
        } else if constexpr (std::is_same_v<T, bool>) {
          return held ? "true" : "false";
        } else if constexpr (std::is_same_v<T, double>) {
          return text_of_double(held);
        } else if constexpr (std::is_integral_v<T>) {
          return std::to_string(held);
        } else if constexpr (std::is_same_v<T, List>) {
          std::string text;
          for (const auto& element : held) text += (text.empty() ? "" : ",") + element;
          return text;
        } else if constexpr (std::is_same_v<T, Password>) {
          return held.reveal();
        } else {
          return held;
        }
      },
      value);
}

}  // namespace ottla::config
