#include "cli/text_table.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <numeric>

#include <boost/json.hpp>

namespace ottla::cli {
namespace {

constexpr std::size_t kTab = 8;
/// A column is not made narrower than this.
constexpr std::size_t kNarrowest = 8;
/// On a narrow page.
constexpr std::size_t kGap = 2;

boost::json::value value_of(const std::string& cell) {
  std::int64_t number = 0;
  const char* const end = cell.data() + cell.size();
  const auto parsed = std::from_chars(cell.data(), end, number);
  if (parsed.ec == std::errc{} && parsed.ptr == end) return number;
  return boost::json::value(cell);
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t has = width_of(text);
  if (has < width) text.append(width - has, ' ');
  return text;
}

/// How wide a row of such columns becomes.
std::size_t total(const std::vector<std::size_t>& widths, TableStyle style) {
  if (style != TableStyle::Tabs) {
    return std::accumulate(widths.begin(), widths.end(), widths.size() - 1);
  }
  std::size_t at = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    at += widths[i];
    if (i + 1 < widths.size()) at = (at / kTab + 1) * kTab;
  }
  return at;
}

/// Of CURRENT-OFFSET that of CURRENT-.
std::size_t width_of_broken(std::string_view name) {
  std::size_t width = 0;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('-'), name.size() - 1) + 1;
    width = std::max(width, end);
    name.remove_prefix(end);
  }
  return width;
}

}  // namespace

std::vector<std::string> TextTable::header() const {
  std::vector<std::string> names;
  for (const TableColumn& column : columns_) names.push_back(column.name);
  return names;
}

std::vector<std::size_t> TextTable::widths(bool as_kafkas) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = std::max(as_kafkas ? columns_[i].least : 0, width_of(columns_[i].name));
    for (const auto& row : rows_) width = std::max(width, width_of(row[i]));
    widths.push_back(width);
  }
  return widths;
}

std::vector<std::size_t> TextTable::narrow_widths(std::size_t columns) const {
  std::vector<std::size_t> narrow = widths(/*as_kafkas=*/false);
  const auto all = [&] {
    return std::accumulate(narrow.begin(), narrow.end(), kGap * (narrow.size() - 1));
  };
  if (all() <= columns) return narrow;
  // Names of columns may be broken; numbers may not.
  for (std::size_t i = 0; i < narrow.size(); ++i) {
    if (columns_[i].breaks) continue;
    narrow[i] = width_of_broken(columns_[i].name);
    for (const auto& row : rows_) narrow[i] = std::max(narrow[i], width_of(row[i]));
  }
  while (all() > columns) {
    std::size_t* widest = nullptr;
    for (std::size_t i = 0; i < narrow.size(); ++i) {
      if (!columns_[i].breaks || narrow[i] <= kNarrowest) continue;
      if (widest == nullptr || narrow[i] > *widest) widest = &narrow[i];
    }
    if (widest == nullptr) break;
    --*widest;
  }
  return narrow;
}

void TextTable::print(const Page& page) const {
  const std::vector<std::size_t> as_kafkas = widths(/*as_kafkas=*/true);
  if (!page.columns || total(as_kafkas, style_) <= *page.columns) {
    return print_whole(page.out, as_kafkas);
  }
  const std::vector<std::size_t> narrow = narrow_widths(*page.columns);
  print_broken(page.out, header(), narrow);
  for (const auto& row : rows_) print_broken(page.out, row, narrow);
}

void TextTable::print_whole(std::ostream& out, const std::vector<std::size_t>& widths) const {
  const auto print_row = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool is_last = i + 1 == row.size();
      out << (is_last && style_ == TableStyle::Blanks ? row[i] : padded(row[i], widths[i]));
      if (style_ == TableStyle::Tabs)
        out << '\t';
      else if (!is_last)
        out << ' ';
    }
    out << '\n';
  };
  print_row(header());
  for (const auto& row : rows_) print_row(row);
}

void TextTable::print_broken(std::ostream& out, const std::vector<std::string>& row,
                             const std::vector<std::size_t>& widths) {
  std::vector<std::vector<std::string>> cells;
  std::size_t height = 1;
  for (std::size_t i = 0; i < row.size(); ++i) {
    cells.push_back(broken_to(row[i], widths[i]));
    height = std::max(height, cells.back().size());
  }
  for (std::size_t line = 0; line < height; ++line) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) text.append(kGap, ' ');
      text += padded(line < cells[i].size() ? cells[i][line] : "", widths[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << '\n';
  }
}

std::string TextTable::to_json() const {
  boost::json::array all;
  for (const auto& row : rows_) {
    boost::json::object object;
    for (std::size_t i = 0; i < row.size(); ++i) object[columns_[i].name] = value_of(row[i]);
    all.push_back(std::move(object));
  }
  return boost::json::serialize(all);
}

}  // namespace ottla::cli
