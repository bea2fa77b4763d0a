#pragma once

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace ottla::cli {

/// Where text for people goes, and how wide that is: a terminal has columns, a file or a pipe has
/// as many as are needed, so that scripts find every row in one line.
struct Page {
  std::ostream& out;
  std::optional<std::size_t> columns{};
};

/// How many columns a text takes: the characters of UTF-8, not its bytes.
[[nodiscard]] std::size_t width_of(std::string_view text);

/// The text in pieces of `columns` at most, broken behind a blank, a comma or another sign where
/// there is one in the second half of a piece. At least one piece.
[[nodiscard]] std::vector<std::string> broken_to(std::string_view text, std::size_t columns);

/// Lines of text, and lines whose fields stand between tabs, as `topics --describe` has them. One
/// that is wider than the page goes on in the next, indented, from field to field.
void print_lines(const Page& page, std::string_view lines);

}  // namespace ottla::cli
