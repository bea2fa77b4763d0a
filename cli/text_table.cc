#include "cli/text_table.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <boost/json.hpp>

namespace ottla::cli {
namespace {

boost::json::value value_of(const std::string& cell) {
  std::int64_t number = 0;
  const char* const end = cell.data() + cell.size();
  const auto parsed = std::from_chars(cell.data(), end, number);
  if (parsed.ec == std::errc{} && parsed.ptr == end) return number;
  return boost::json::value(cell);
}

}  // namespace

void TextTable::print(std::ostream& out) const {
  std::vector<std::size_t> widths;
  for (const std::string& name : header_) widths.push_back(name.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  const auto print_row = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out << row[i] << std::string(widths[i] - row[i].size(), ' ') << '\t';
    }
    out << '\n';
  };
  print_row(header_);
  for (const auto& row : rows_) print_row(row);
}

std::string TextTable::to_json() const {
  boost::json::array all;
  for (const auto& row : rows_) {
    boost::json::object object;
    for (std::size_t i = 0; i < row.size(); ++i) object[header_[i]] = value_of(row[i]);
    all.push_back(std::move(object));
  }
  return boost::json::serialize(all);
}

}  // namespace ottla::cli
