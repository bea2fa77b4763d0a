#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/uuid.h"
#include "common/protocol/message.h"

namespace ottla::protocol {

/// Puts a message into words for logs and debugging: `{topics: [{name: "a", ...}], ...}`. Shows
/// `bytes` and `records` as their size, and of a long array only the beginning.
class Printer {
 public:
  static constexpr std::size_t kAllElements = SIZE_MAX;

  explicit Printer(std::size_t max_elements = 32) : max_elements_(max_elements) {}

  void open();
  void close() { text_ += '}'; }
  template <class T>
  void field(std::string_view name, const T& value) {
    put_name(name);
    put(value);
  }
  /// A secret: tells whether it is there, not what it is.
  template <class T>
  void hidden(std::string_view name, const T& value) {
    put_name(name);
    text_ += is_null(value) ? "null" : "<hidden>";
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void put_name(std::string_view name);
  void put(bool value) { text_ += value ? "true" : "false"; }
  template <std::integral T>
  void put(T value) {
    text_ += std::to_string(value);
  }
  template <class Tag, class Rep>
  void put(Id<Tag, Rep> value) {
    put(value.value());
  }
  void put(double value) { text_ += std::to_string(value); }
  void put(ErrorCode code);
  void put(const Uuid& value) { text_ += value.to_string(); }
  void put(const std::string& value);
  void put(ByteView value);
  void put(const Records& value);
  template <class T>
  void put(const std::optional<T>& value) {
    if (value) {
      put(*value);
    } else {
      text_ += "null";
    }
  }
  template <class T>
  void put(const std::vector<T>& values) {
    text_ += '[';
    std::size_t shown = 0;
    for (const T& value : values) {
      if (shown > 0) text_ += ", ";
      if (shown == max_elements_) {
        text_ += "... " + std::to_string(values.size() - shown) + " more";
        break;
      }
      put(value);
      ++shown;
    }
    text_ += ']';
  }
  template <class T>
    requires requires(const T& value, Printer& out) { value.print(out); }
  void put(const T& value) {
    value.print(*this);
  }

  template <class T>
  static bool is_null(const std::optional<T>& value) {
    return !value.has_value();
  }
  template <class T>
  static bool is_null(const T&) {
    return false;
  }

  std::string text_;
  std::size_t max_elements_;
  bool first_ = true;
};

template <Message M>
[[nodiscard]] std::string to_string(const M& message, std::size_t max_elements = 32) {
  Printer printer(max_elements);
  message.print(printer);
  return std::string(M::kName) + printer.take();
}

template <Message M>
std::ostream& operator<<(std::ostream& out, const M& message) {
  return out << to_string(message);
}

}  // namespace ottla::protocol
