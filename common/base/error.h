#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace ottla {

/// Kafka's error codes, as they stand on the wire. The table is error_codes.inc.
enum class ErrorCode : std::int16_t {
#define OTTLA_ERROR_CODE(number, name, wire_name, retriable, text) name = number,
#include "common/base/error_codes.inc"
#undef OTTLA_ERROR_CODE
};

/// "NOT_LEADER_OR_FOLLOWER". For a number outside the table: "UNKNOWN_SERVER_ERROR".
[[nodiscard]] std::string_view name_of(ErrorCode code);
/// One English sentence for people, without a final stop; empty for None.
[[nodiscard]] std::string_view text_of(ErrorCode code);
/// Whether Kafka's clients try again after this code.
[[nodiscard]] bool is_retriable(ErrorCode code);
/// The code with this wire number, if the table has it.
[[nodiscard]] std::optional<ErrorCode> error_code_from(std::int16_t number);
std::ostream& operator<<(std::ostream& out, ErrorCode code);

/// An operating error: a code for clients and a text for people. The text may be empty (hot paths
/// build no strings); `describe` then gives the table's text.
class [[nodiscard]] Error {
 public:
  explicit Error(ErrorCode code) : code_(code) {}
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] ErrorCode code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  /// The message, or the table's text when there is none.
  [[nodiscard]] std::string describe() const;

  friend bool operator==(const Error&, const Error&) = default;

 private:
  ErrorCode code_;
  std::string message_;
};
std::ostream& operator<<(std::ostream& out, const Error& error);

template <class T = void>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code) {
  return tl::unexpected<Error>(Error(code));
}
[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error(code, std::move(message)));
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace ottla

#define OTTLA_CONCAT_INNER(a, b) a##b
#define OTTLA_CONCAT(a, b) OTTLA_CONCAT_INNER(a, b)

/// OTTLA_TRY(declaration, expression): binds the value of a Result, or returns its error.
#define OTTLA_TRY(declaration, ...) \
  OTTLA_TRY_IMPL(OTTLA_CONCAT(ottla_try_, __LINE__), return, declaration, __VA_ARGS__)
/// The same in a coroutine.
#define OTTLA_CO_TRY(declaration, ...) \
  OTTLA_TRY_IMPL(OTTLA_CONCAT(ottla_try_, __LINE__), co_return, declaration, __VA_ARGS__)
#define OTTLA_TRY_IMPL(result, return_word, declaration, ...)        \
  auto result = (__VA_ARGS__);                                       \
  if (!result) return_word ::ottla::fail(std::move(result).error()); \
  declaration = *std::move(result)

/// OTTLA_TRY_VOID(expression): returns the error of a Result<void>, if it has one.
#define OTTLA_TRY_VOID(...)                                    \
  do {                                                         \
    if (auto ottla_try_void = (__VA_ARGS__); !ottla_try_void)  \
      return ::ottla::fail(std::move(ottla_try_void).error()); \
  } while (false)
