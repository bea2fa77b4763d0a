#pragma once

#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>

namespace ottla::cli {

/// A name and a value of an entry. `text` is how kafka-dump-log writes the value, where that is not
/// the value itself.
struct EntryField {
  template <class T>
  EntryField(std::string_view field_name, const T& field_value, std::string field_text = {})
      : name(field_name),
        value(boost::json::value_from(field_value)),
        text(std::move(field_text)) {}

  std::string_view name;
  boost::json::value value;
  std::string text;
};

/// Prints the entries of one file of a log dir: `offset: 5 position: 70`, or with --json an object
/// in a line, which names the file too.
class EntryPrinter {
 public:
  EntryPrinter(std::string file, bool as_json, std::ostream& out)
      : file_(std::move(file)), as_json_(as_json), out_(out) {}

  void print(std::initializer_list<EntryField> fields) const;
  /// What has no entries: a line of text, or these fields with --json.
  void say(std::string_view line, std::initializer_list<EntryField> fields) const;
  /// What text says by saying nothing: fields with --json.
  void conclude(std::initializer_list<EntryField> fields) const {
    if (as_json_) print_json(fields);
  }

  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  void print_json(std::initializer_list<EntryField> fields) const;

  const std::string file_;
  const bool as_json_;
  std::ostream& out_;
};

}  // namespace ottla::cli
