#include "cli/entry_printer.h"

#include <boost/json.hpp>

namespace ottla::cli {
namespace {

std::string text_of(const EntryField& field) {
  if (!field.text.empty()) return field.text;
  if (const auto* text = field.value.if_string()) return std::string(*text);
  return boost::json::serialize(field.value);
}

}  // namespace

void EntryPrinter::print(std::initializer_list<EntryField> fields) const {
  if (as_json_) return print_json(fields);
  const char* separator = "";
  for (const EntryField& field : fields) {
    out_ << separator << field.name << ": " << text_of(field);
    separator = " ";
  }
  out_ << '\n';
}

void EntryPrinter::say(std::string_view line, std::initializer_list<EntryField> fields) const {
  if (as_json_) return print_json(fields);
  out_ << line << '\n';
}

void EntryPrinter::print_json(std::initializer_list<EntryField> fields) const {
  boost::json::object object{{"file", file_}};
  for (const EntryField& field : fields) object[field.name] = field.value;
  out_ << boost::json::serialize(object) << '\n';
}

}  // namespace ottla::cli
