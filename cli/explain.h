#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/tool.h"

namespace ottla::cli {

/// One kind of thing that `ottla explain` can speak about: `explain group billing`.
struct ExplainSubject {
  std::string_view name;     ///< "group"
  std::string_view object;   ///< What is named after it, for the error: "NAME".
  std::string_view summary;  ///< For the help.
  /// Whether an object that stands alone (`explain orders-3`) is this subject's; null: never.
  bool (*is_meant_by)(const std::string& object);
  /// `object` is never empty.
  Result<> (*run)(const std::string& object, const Arguments& arguments, Console& console);
};

// One for each file explain_*.cc.
extern const ExplainSubject kExplainBroker;
extern const ExplainSubject kExplainGroup;
extern const ExplainSubject kExplainPartition;

/// All subjects; add yours here, in the table of explain.cc, and its flags to kFlags there.
[[nodiscard]] std::span<const ExplainSubject* const> explain_subjects();

/// The subject and the object that these words name. Errors: InvalidRequest, with what may stand
/// there.
struct ExplainTarget {
  const ExplainSubject* subject = nullptr;
  std::string object;
};
[[nodiscard]] Result<ExplainTarget> explain_target(std::span<const std::string> words);

}  // namespace ottla::cli
