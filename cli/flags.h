#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/page.h"
#include "common/base/error.h"

namespace ottla::cli {

/// One flag of a tool, declared once: parsing, --help and completion come from this row.
struct Flag {
  std::string_view name;     ///< Without the dashes.
  std::string_view value{};  ///< What the value is, for --help; empty: the flag takes none.
  std::string_view doc{};
  bool repeated = false;                   ///< May come several times.
  std::optional<std::string_view> bare{};  ///< May come without a value, and then means this one.
  std::string_view other_name_of{};        ///< Where Kafka has several names for one flag.
};

/// What stood on a command line.
class Arguments {
 public:
  /// `--name value`, `--name=value`, and any beginning of a name that fits only one flag, as
  /// Kafka's tools take it. Errors: InvalidRequest, with the name that was probably meant.
  /// Words that are no flags are taken where the tool has a use for them (`takes_words`), and so
  /// are options of such words: `ls -R`.
  [[nodiscard]] static Result<Arguments> parse(std::span<const Flag> flags,
                                               std::span<const std::string> words,
                                               bool takes_words = false);

  /// What stood there without a dash, in order: `explain partition orders-3`.
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const;
  [[nodiscard]] std::string value_or(std::string_view name, std::string_view otherwise) const;
  [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
  /// A whole number that is at least `least`. Errors: InvalidRequest.
  [[nodiscard]] Result<std::optional<std::int64_t>> number(std::string_view name,
                                                           std::int64_t least) const;
  /// The values of a flag like --property as name and value; a value is empty without `=`.
  [[nodiscard]] std::map<std::string, std::string> pairs(std::string_view name) const;

  /// The error if a flag that must be there is not.
  [[nodiscard]] Result<> require(std::string_view name) const;
  /// The error if more or fewer than one of these flags is there.
  [[nodiscard]] Result<std::string_view> exactly_one_of(
      std::span<const std::string_view> names) const;
  /// The error if one of these flags stands beside `name`.
  [[nodiscard]] Result<> refuse_with(std::string_view name,
                                     std::span<const std::string_view> others) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> words_;
};

/// Prints the table of flags for --help.
void print_help(const Page& page, std::span<const Flag> flags);

}  // namespace ottla::cli
