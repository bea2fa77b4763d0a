#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace ottla::cli {

/// Rows under a header, in padded columns with a tab behind each, as those of Kafka's newer tools.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : header_(std::move(header)) {}

  /// As many cells as the header has.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void print(std::ostream& out) const;
  /// A list of objects; cells that are whole numbers become numbers.
  [[nodiscard]] std::string to_json() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace ottla::cli
