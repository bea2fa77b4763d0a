#include "common/protocol/printer.h"

#include <array>

namespace ottla::protocol {

void Printer::open() {
  text_ += '{';
  first_ = true;
}

void Printer::put_name(std::string_view name) {
  if (!first_) text_ += ", ";
  first_ = false;
  text_ += name;
  text_ += ": ";
}

void Printer::put(ErrorCode code) {
  const auto number = static_cast<std::int16_t>(code);
  text_ += error_code_from(number) ? std::string(name_of(code)) : std::to_string(number);
}

void Printer::put(const std::string& value) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  text_ += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      text_ += "\\x";
      text_ += kHex[byte >> 4];
      text_ += kHex[byte & 0xF];
    } else {
      text_ += c;
    }
  }
  text_ += '"';
}

void Printer::put(ByteView value) {
  text_ += "<" + std::to_string(value.size()) + " bytes>";
}

void Printer::put(const Records& value) {
  text_ += value.is_null() ? "null" : "<" + std::to_string(value.size()) + " bytes of records>";
}

}  // namespace ottla::protocol
