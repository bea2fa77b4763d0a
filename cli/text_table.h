#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/page.h"

namespace ottla::cli {

struct TableColumn {
  // Names of columns without more, and those of text, are the most frequent.
  TableColumn(const char* column_name)  // NOLINT(google-explicit-constructor)
      : name(column_name) {}
  TableColumn(const char* column_name, std::size_t at_least, bool may_break = false)
      : name(column_name), least(at_least), breaks(may_break) {}

  std::string name;
  std::size_t least = 0;  ///< Kafka's tools make it so wide, whatever stands in it.
  bool breaks = false;    ///< Text, which goes on in the next line where the page is narrow.
};
/// A column of names or other text.
[[nodiscard]] inline TableColumn text_column(const char* name, std::size_t least = 0) {
  return {name, least, true};
}

/// What stands between columns.
enum class TableStyle : std::uint8_t {
  Tabs,           ///< Padded, and a tab behind each, as Kafka's newer tools have it.
  Blanks,         ///< A blank; the last column is not padded.
  BlanksToTheEnd  ///< A blank; the last column is padded too.
};

/// Rows under a header. On a page that is too narrow for Kafka's layout columns are as wide as what
/// stands in them, and if that is too wide still the widest columns of text are broken.
class TextTable {
 public:
  explicit TextTable(std::vector<TableColumn> columns, TableStyle style = TableStyle::Tabs)
      : columns_(std::move(columns)), style_(style) {}

  /// As many cells as there are columns.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void print(const Page& page) const;
  /// A list of objects; cells that are whole numbers become numbers.
  [[nodiscard]] std::string to_json() const;

 private:
  [[nodiscard]] std::vector<std::string> header() const;
  /// The widest cell of each column, and at least `columns_[i].least` with `as_kafkas`.
  [[nodiscard]] std::vector<std::size_t> widths(bool as_kafkas) const;
  [[nodiscard]] std::vector<std::size_t> narrow_widths(std::size_t columns) const;
  void print_whole(std::ostream& out, const std::vector<std::size_t>& widths) const;
  static void print_broken(std::ostream& out, const std::vector<std::string>& row,
                           const std::vector<std::size_t>& widths);

  std::vector<TableColumn> columns_;
  TableStyle style_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace ottla::cli
