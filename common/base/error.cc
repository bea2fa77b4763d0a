#include "common/base/error.h"

#include <algorithm>
#include <array>

namespace ottla {
namespace {

struct ErrorCodeRow {
  ErrorCode code;
  std::string_view name;
  bool retriable;
  std::string_view text;
};

constexpr auto kErrorCodes = std::to_array<ErrorCodeRow>({
#define OTTLA_ERROR_CODE(number, name, wire_name, retriable, text) \
  {ErrorCode::name, #wire_name, retriable, text},
#include "common/base/error_codes.inc"
#undef OTTLA_ERROR_CODE
});

constexpr int kFirstNumber = -1;
static_assert(static_cast<int>(kErrorCodes.front().code) == kFirstNumber);
static_assert(static_cast<int>(kErrorCodes.back().code) - kFirstNumber + 1 ==
                  static_cast<int>(kErrorCodes.size()),
              "the table has a gap");

const ErrorCodeRow& row_of(ErrorCode code) {
  const int index = static_cast<int>(code) - kFirstNumber;
  const bool known = index >= 0 && index < static_cast<int>(kErrorCodes.size());
  return kErrorCodes[known ? static_cast<std::size_t>(index) : 0];
}

}  // namespace

std::string_view name_of(ErrorCode code) {
  return row_of(code).name;
}
std::string_view text_of(ErrorCode code) {
  return row_of(code).text;
}
bool is_retriable(ErrorCode code) {
  return row_of(code).retriable;
}

std::optional<ErrorCode> error_code_from(std::int16_t number) {
  const auto code = static_cast<ErrorCode>(number);
  if (row_of(code).code != code) return std::nullopt;
  return code;
}

std::ostream& operator<<(std::ostream& out, ErrorCode code) {
  return out << name_of(code);
}

std::string Error::describe() const {
  return message_.empty() ? std::string(text_of(code_)) : message_;
}

std::ostream& operator<<(std::ostream& out, const Error& error) {
  return out << error.code() << ": " << error.describe();
}

}  // namespace ottla
