#include "broker/quota/throttled_replicas.h"

#include <charconv>
#include <optional>
#include <string_view>

namespace ottla::quota {
namespace {

std::optional<std::int32_t> number_of(std::string_view text) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::shared_ptr<const ThrottledReplicas> ThrottledReplicas::parse(
    const std::vector<std::string>& elements) {
  auto throttled = std::make_shared<ThrottledReplicas>();
  for (const std::string& element : elements) {
    if (element == "*") throttled->all_ = true;
    const auto colon = element.find(':');
    if (colon == std::string::npos) continue;
    const auto partition = number_of(std::string_view(element).substr(0, colon));
    const auto broker = number_of(std::string_view(element).substr(colon + 1));
    if (partition && broker) throttled->replicas_.emplace(*partition, BrokerId(*broker));
  }
  if (!throttled->all_ && throttled->replicas_.empty()) return nullptr;
  return throttled;
}

}  // namespace ottla::quota
