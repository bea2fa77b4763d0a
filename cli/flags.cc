#include "cli/flags.h"

#include <algorithm>
#include <charconv>

namespace ottla::cli {
namespace {

tl::unexpected<Error> wrong(std::string message) {
  return fail(ErrorCode::InvalidRequest, std::move(message));
}

/// How many letters must be added, left out, changed or swapped with the next to make one of the
/// other.
std::size_t distance(std::string_view one, std::string_view other) {
  std::vector<std::vector<std::size_t>> rows(one.size() + 1,
                                             std::vector<std::size_t>(other.size() + 1));
  for (std::size_t i = 0; i <= one.size(); ++i) {
    for (std::size_t j = 0; j <= other.size(); ++j) {
      if (i == 0 || j == 0) {
        rows[i][j] = i + j;
        continue;
      }
      const std::size_t changed = rows[i - 1][j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, changed});
      const bool is_swap =
          i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
      if (is_swap) rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[one.size()][other.size()];
}

tl::unexpected<Error> unknown_flag(std::span<const Flag> flags, std::string_view name) {
  const std::size_t most_mistakes = std::min<std::size_t>(2, name.size() / 3);
  const std::string what = "--" + std::string(name) + ": unknown flag; ";
  const auto nearest = std::ranges::min_element(
      flags, {}, [&](const Flag& flag) { return distance(name, flag.name); });
  if (nearest != flags.end() && distance(name, nearest->name) <= most_mistakes) {
    return wrong(what + "is --" + std::string(nearest->name) + " meant?");
  }
  const bool asks_brokers =
      std::ranges::any_of(flags, [](const Flag& flag) { return flag.name == "bootstrap-server"; });
  if (name == "zookeeper" && asks_brokers) {
    return wrong(what + "like Kafka's since 3.0 this tool asks the brokers: --bootstrap-server");
  }
  return wrong(what + "see --help");
}

Result<const Flag*> find_flag(std::span<const Flag> flags, std::string_view name) {
  std::vector<const Flag*> fitting;
  for (const auto& flag : flags) {
    if (flag.name == name) return &flag;
    if (!name.empty() && flag.name.starts_with(name)) fitting.push_back(&flag);
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty()) return unknown_flag(flags, name);
  std::string names;
  for (const auto* flag : fitting) names += " --" + std::string(flag->name);
  return wrong("--" + std::string(name) + ": could be any of" + names);
}

/// `-R` of `zookeeper-shell HOST:PORT ls -R /`: one letter behind a command, or one with which no
/// flag begins.
bool is_option_of_a_command(std::span<const Flag> flags, std::string_view word,
                            std::size_t words_before) {
  const bool is_letter = word.size() == 2 && word[1] != '-';
  return is_letter && (words_before >= 2 || std::ranges::none_of(flags, [&](const Flag& flag) {
                         return flag.name.starts_with(word[1]);
                       }));
}

bool looks_like_flag(std::string_view word) {
  return word.size() > 2 && word.starts_with("--");
}

}  // namespace

Result<Arguments> Arguments::parse(std::span<const Flag> flags, std::span<const std::string> words,
                                   bool takes_words) {
  Arguments arguments;
  for (std::size_t at = 0; at < words.size(); ++at) {
    std::string_view word = words[at];
    if (!word.starts_with('-') && takes_words) {
      arguments.words_.push_back(words[at]);
      continue;
    }
    if (!word.starts_with('-')) return wrong("\"" + words[at] + "\": a flag was expected here");
    if (takes_words && is_option_of_a_command(flags, word, arguments.words_.size())) {
      arguments.words_.push_back(words[at]);
      continue;
    }
    word.remove_prefix(word.starts_with("--") ? 2 : 1);
    const auto equals = word.find('=');
    OTTLA_TRY(const Flag* flag, find_flag(flags, word.substr(0, equals)));
    const std::string name = "--" + std::string(flag->name);

    std::string value;
    if (equals != std::string_view::npos) {
      if (flag->value.empty()) return wrong(name + ": takes no value");
      value = word.substr(equals + 1);
    } else if (!flag->value.empty()) {
      const bool more = at + 1 < words.size() && !looks_like_flag(words[at + 1]);
      if (more)
        value = words[++at];
      else if (flag->bare)
        value = *flag->bare;
      else
        return wrong(name + ": needs a value: " + std::string(flag->value));
    }
    auto& values =
        arguments
            .values_[std::string(flag->other_name_of.empty() ? flag->name : flag->other_name_of)];
    if (!values.empty() && !flag->repeated) return wrong(name + ": stands there twice");
    values.push_back(std::move(value));
  }
  return arguments;
}

std::optional<std::string> Arguments::value(std::string_view name) const {
  const auto at = values_.find(name);
  if (at == values_.end()) return std::nullopt;
  return at->second.back();
}

std::string Arguments::value_or(std::string_view name, std::string_view otherwise) const {
  return value(name).value_or(std::string(otherwise));
}

std::vector<std::string> Arguments::values(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? std::vector<std::string>{} : at->second;
}

Result<std::optional<std::int64_t>> Arguments::number(std::string_view name,
                                                      std::int64_t least) const {
  const auto text = value(name);
  if (!text) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number < least) {
    return wrong("--" + std::string(name) + " " + *text + ": must be a whole number, at least " +
                 std::to_string(least));
  }
  return number;
}

std::map<std::string, std::string> Arguments::pairs(std::string_view name) const {
  std::map<std::string, std::string> pairs;
  for (const auto& text : values(name)) {
    const auto equals = text.find('=');
    pairs[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
  }
  return pairs;
}

Result<> Arguments::require(std::string_view name) const {
  if (!has(name)) return wrong("--" + std::string(name) + " is missing");
  return {};
}

Result<std::string_view> Arguments::exactly_one_of(std::span<const std::string_view> names) const {
  std::vector<std::string_view> found;
  std::string all;
  for (const auto name : names) {
    if (has(name)) found.push_back(name);
    all += " --" + std::string(name);
  }
  if (found.size() != 1) return wrong("give exactly one of" + all);
  return found.front();
}

Result<> Arguments::refuse_with(std::string_view name,
                                std::span<const std::string_view> others) const {
  for (const auto other : others) {
    if (has(other)) {
      return wrong("--" + std::string(other) + " does not go together with --" + std::string(name));
    }
  }
  return {};
}

void print_help(const Page& page, std::span<const Flag> flags) {
  const auto left_of = [](const Flag& flag) {
    std::string left = "  --" + std::string(flag.name);
    if (!flag.value.empty()) {
      left += flag.bare ? " [" + std::string(flag.value) + "]" : " " + std::string(flag.value);
    }
    return left;
  };
  std::vector<const Flag*> sorted;
  std::size_t width = 0;
  for (const auto& flag : flags) {
    sorted.push_back(&flag);
    width = std::max(width, left_of(flag).size());
  }
  std::ranges::sort(sorted, {}, [](const Flag* flag) { return flag->name; });
  constexpr std::size_t kLeastForDocs = 20;
  const std::size_t indent = width + 2;
  const bool is_narrow = page.columns && *page.columns >= indent + kLeastForDocs;
  for (const auto* flag : sorted) {
    std::string left = left_of(*flag);
    left.resize(indent, ' ');
    const std::string doc = std::string(flag->doc) + (flag->repeated ? " (any number)" : "");
    const auto lines =
        is_narrow ? broken_to(doc, *page.columns - indent) : std::vector<std::string>{doc};
    for (const std::string& line : lines) {
      page.out << left << line << '\n';
      left.assign(indent, ' ');
    }
  }
}

}  // namespace ottla::cli
