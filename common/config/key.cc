#include "common/config/key.h"

namespace ottla::config {

std::string_view name_of(Dynamic dynamic) {
  switch (dynamic) {
    case Dynamic::ReadOnly:
      return "read-only";
    case Dynamic::PerBroker:
      return "per-broker";
    case Dynamic::ClusterWide:
      return "cluster-wide";
  }
  return "read-only";
}

std::string_view name_of(Importance importance) {
  switch (importance) {
    case Importance::High:
      return "high";
    case Importance::Medium:
      return "medium";
    case Importance::Low:
      return "low";
  }
  return "medium";
}

Result<Value> parse(const AnyKey& key, std::string_view text) {
  const auto refuse = [&](const std::string& what) {
    const auto fallback = to_text(key.fallback());
    const std::string shown = key.sensitive() ? "[hidden]" : std::string(text);
    return fail(ErrorCode::InvalidConfig, std::string(key.name) + "=" + shown + ": " + what +
                                              " (default " +
                                              (!fallback           ? "unset"
                                               : fallback->empty() ? "empty"
                                                                   : *fallback) +
                                              ")");
  };
  auto value = parse_value(key.type, text);
  if (!value) return refuse(value.error().message());
  if (const auto wrong = violation(key.allowed, *value)) return refuse(*wrong);
  return value;
}

}  // namespace ottla::config
