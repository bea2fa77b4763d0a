#pragma once

#include <map>
#include <string>

namespace ottla::cli {

/// The --property settings of a console tool. What is not named stays as it is.
class ToolProperties {
 public:
  explicit ToolProperties(const std::map<std::string, std::string>& properties)
      : properties_(properties) {}

  void read(const char* name, bool& flag) const {
    const auto at = properties_.find(name);
    if (at != properties_.end()) flag = at->second == "true" || at->second == "TRUE";
  }
  void read(const char* name, std::string& text) const {
    const auto at = properties_.find(name);
    if (at != properties_.end()) text = at->second;
  }

 private:
  const std::map<std::string, std::string>& properties_;
};

}  // namespace ottla::cli
