#include "cli/page.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace ottla::cli {
namespace {

constexpr std::size_t kTab = 8;

bool is_inside_a_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80;
}

/// How many bytes the first `columns` characters are.
std::size_t bytes_of(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  while (at < text.size() && columns > 0) {
    ++at;
    while (at < text.size() && is_inside_a_character(text[at])) ++at;
    --columns;
  }
  return at;
}

bool is_sign(char last) {
  return std::ispunct(static_cast<unsigned char>(last)) != 0 && last != '"';
}

/// Where a piece of at most `end` bytes had best end.
std::size_t end_of_piece(std::string_view text, std::size_t end) {
  const auto behind = [&](auto is_good) -> std::optional<std::size_t> {
    for (std::size_t earlier = end; earlier > end / 2; --earlier) {
      if (is_good(text[earlier - 1])) return earlier;
    }
    return std::nullopt;
  };
  if (const auto blank = behind([](char last) { return last == ' '; })) return *blank;
  if (const auto comma = behind([](char last) { return last == ','; })) return *comma;
  return behind(is_sign).value_or(end);
}

/// Breaks one line, which is too wide, at its tabs.
void print_broken(const Page& page, std::string_view line) {
  const std::size_t columns = *page.columns;
  std::size_t at = std::min(line.find_first_not_of(' '), line.size());  // where a field begins
  page.out << line.substr(0, at);
  line.remove_prefix(at);
  std::string gap;  // up to the next field, if it stands in this line
  bool is_first = true;
  while (true) {
    const std::size_t end = std::min(line.find('\t'), line.size());
    const std::string_view field = line.substr(0, end);
    if (!is_first && at + width_of(field) > columns) {
      at = std::min(2 * kTab, columns / 2);
      gap = '\n' + std::string(at, ' ');
    }
    const std::size_t room = columns > at ? columns - at : 1;
    const auto pieces = broken_to(field, std::max(room, kTab));
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (i > 0) gap = '\n' + std::string(at, ' ');
      if (!pieces[i].empty()) page.out << std::exchange(gap, "") << pieces[i];
    }
    if (end == line.size()) break;
    line.remove_prefix(end + 1);
    const std::size_t next = ((at + width_of(pieces.back())) / kTab + 1) * kTab;
    gap += std::string(next - at - width_of(pieces.back()), ' ');
    at = next;
    is_first = is_first && field.empty();
  }
  page.out << '\n';
}

std::size_t width_with_tabs(std::string_view line) {
  std::size_t at = 0;
  for (const char byte : line) {
    if (byte == '\t')
      at = (at / kTab + 1) * kTab;
    else if (!is_inside_a_character(byte))
      ++at;
  }
  return at;
}

}  // namespace

std::size_t width_of(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, is_inside_a_character));
}

std::vector<std::string> broken_to(std::string_view text, std::size_t columns) {
  std::vector<std::string> pieces;
  while (columns > 0 && width_of(text) > columns) {
    const std::size_t end = end_of_piece(text, bytes_of(text, columns));
    std::string_view piece = text.substr(0, end);
    if (piece.ends_with(' ')) piece.remove_suffix(1);
    pieces.emplace_back(piece);
    text.remove_prefix(end);
  }
  pieces.emplace_back(text);
  return pieces;
}

void print_lines(const Page& page, std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    if (page.columns && width_with_tabs(line) > *page.columns) {
      print_broken(page, line);
    } else {
      page.out << line << '\n';
    }
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

}  // namespace ottla::cli
