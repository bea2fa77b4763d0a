#include "common/config/allowed.h"

#include <algorithm>

namespace ottla::config {
namespace {

constexpr std::int64_t kNoLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kNoMost = std::numeric_limits<std::int64_t>::max();

bool in_range(const Allowed& allowed, const Value& value) {
  // Compared as integers where both are: a double does not hold every long.
  return std::visit(
      [&](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
          return (held >= allowed.least && held <= allowed.most) || held == allowed.exception;
        } else if constexpr (std::is_same_v<T, double>) {
          return (allowed.least == kNoLeast || held >= static_cast<double>(allowed.least)) &&
                 (allowed.most == kNoMost || held <= static_cast<double>(allowed.most));
        } else {
          return true;
        }
      },
      value);
}

bool has_choices(const Allowed& allowed) {
  return !allowed.choices.front().empty();
}

bool is_choice(const Allowed& allowed, std::string_view word) {
  return !word.empty() && std::ranges::find(allowed.choices, word) != allowed.choices.end();
}

bool fits_choices(const Allowed& allowed, const Value& value) {
  if (const auto* word = std::get_if<std::string>(&value)) return is_choice(allowed, *word);
  if (const auto* list = std::get_if<List>(&value)) {
    return std::ranges::all_of(*list, [&](const auto& word) { return is_choice(allowed, word); });
  }
  return true;
}

bool is_empty(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->empty();
  if (const auto* list = std::get_if<List>(&value)) return list->empty();
  return false;
}

}  // namespace

std::string describe(const Allowed& allowed) {
  std::string text;
  if (has_choices(allowed)) {
    for (const auto choice : allowed.choices) {
      if (!choice.empty()) text += (text.empty() ? "one of " : ", ") + std::string(choice);
    }
  } else if (allowed.least != kNoLeast && allowed.most != kNoMost) {
    text = "from " + std::to_string(allowed.least) + " to " + std::to_string(allowed.most);
  } else if (allowed.least != kNoLeast) {
    text = "at least " + std::to_string(allowed.least);
  } else if (allowed.most != kNoMost) {
    text = "at most " + std::to_string(allowed.most);
  } else if (allowed.non_empty) {
    text = "not empty";
  }
  if (allowed.exception) text += ", or " + std::to_string(*allowed.exception);
  return text;
}

std::optional<std::string> violation(const Allowed& allowed, const Value& value) {
  const bool fits = in_range(allowed, value) &&
                    (!has_choices(allowed) || fits_choices(allowed, value)) &&
                    !(allowed.non_empty && is_empty(value));
  if (!fits) {
    const bool list = std::holds_alternative<List>(value);
    return (list ? "each element must be " : "must be ") + describe(allowed);
  }
  if (allowed.check != nullptr) return allowed.check(value);
  return std::nullopt;
}

}  // namespace ottla::config
