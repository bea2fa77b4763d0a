#include "common/config/broker_values.h"

#include <algorithm>
#include <cctype>

#include <glog/logging.h>

#include "common/config/tables.h"

namespace ottla::config {
namespace {

constexpr std::string_view kListenerPrefix = "listener.name.";

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

}  // namespace

const AnyKey* find_listener_key(std::string_view name) {
  if (!name.starts_with(kListenerPrefix)) return nullptr;
  name.remove_prefix(kListenerPrefix.size());
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return nullptr;
  const AnyKey* key = find_broker_key(name.substr(dot + 1));
  return key != nullptr && key->per_listener ? key : nullptr;
}

BrokerValues::BrokerValues() {
  for (const auto& key : broker_keys()) slots_.push_back({key.fallback(), Source::Default});
}

BrokerValues::BrokerValues(const std::vector<Layer>& layers, std::vector<std::string>& errors)
    : BrokerValues() {
  layers_ = layers;
  const auto keys = broker_keys();
  // From the weakest layer up, so that each stronger one writes over it.
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    for (const auto& [name, text] : layer->properties) {
      const AnyKey* key = find_broker_key(name);
      const AnyKey* of_listener = key == nullptr ? find_listener_key(name) : nullptr;
      if (key == nullptr && of_listener == nullptr) continue;
      auto value = parse(key != nullptr ? *key : *of_listener, text);
      if (!value) {
        errors.push_back(value.error().message());
      } else if (key != nullptr) {
        slots_.at(static_cast<std::size_t>(key - keys.data())) = {*std::move(value), layer->source};
      } else {
        of_listeners_.insert_or_assign(name, OfListener{*std::move(value), layer->source});
      }
    }
  }
}

const BrokerValues::Slot& BrokerValues::slot(std::string_view name) const {
  const AnyKey* key = find_broker_key(name);
  CHECK(key != nullptr) << "no row for broker key " << name;
  return slots_.at(static_cast<std::size_t>(key - broker_keys().data()));
}

const Value& BrokerValues::value(std::string_view name) const {
  return slot(name).value;
}
Source BrokerValues::source(std::string_view name) const {
  return slot(name).source;
}

std::vector<Synonym> BrokerValues::synonyms(std::span<const std::string_view> names) const {
  std::vector<Synonym> synonyms;
  for (const auto& layer : layers_) {
    for (const auto name : names) {
      if (const auto at = layer.properties.find(name); at != layer.properties.end()) {
        synonyms.push_back({std::string(name), at->second, layer.source});
      }
    }
  }
  for (const auto name : names) {
    const AnyKey* key = find_broker_key(name);
    auto fallback = key != nullptr ? to_text(key->fallback()) : std::nullopt;
    if (fallback) synonyms.push_back({std::string(name), std::move(fallback), Source::Default});
  }
  for (auto& synonym : synonyms) {
    const AnyKey* key = find_broker_key(synonym.name);
    if (key != nullptr && key->sensitive()) synonym.value.reset();
  }
  return synonyms;
}

const Value* BrokerValues::value_of_listener(std::string_view listener,
                                             std::string_view name) const {
  const std::string full =
      std::string(kListenerPrefix) + lower_case(listener) + "." + std::string(name);
  const auto at = of_listeners_.find(full);
  return at != of_listeners_.end() ? &at->second.value : nullptr;
}

}  // namespace ottla::config
