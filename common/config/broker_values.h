#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/entry.h"
#include "common/config/key.h"
#include "common/config/properties.h"

namespace ottla::config {

/// One layer of broker configuration: names and values as given, and what they count as.
struct Layer {
  Source source = Source::StaticBroker;
  Properties properties;
};

/// The key of `listener.name.<listener>.<key>`, if it can be set for a listener alone.
[[nodiscard]] const AnyKey* find_listener_key(std::string_view name);

/// The values of all broker keys at one moment. Thread: immutable.
class BrokerValues {
 public:
  /// The first layer that has a valid value for a key wins; a key in none has its default. Texts
  /// about invalid values are added to `errors`, complete for people.
  BrokerValues(const std::vector<Layer>& layers, std::vector<std::string>& errors);
  /// Defaults only.
  BrokerValues();

  template <class T>
  [[nodiscard]] T get(const ConfigKey<T>& key) const {
    return ValueTraits<T>::take(value(key.name));
  }
  /// The value by name, which must be one of broker_keys(): CHECKed.
  [[nodiscard]] const Value& value(std::string_view name) const;
  [[nodiscard]] Source source(std::string_view name) const;
  [[nodiscard]] bool is_set(std::string_view name) const { return source(name) != Source::Default; }

  /// Every place that has a value for one of these keys, the strongest first, as DescribeConfigs
  /// lists synonyms.
  [[nodiscard]] std::vector<Synonym> synonyms(std::span<const std::string_view> names) const;

  /// What `listener.name.<listener>.<key>` says, if it is set: a limit of this listener alone.
  /// `key` is `per_listener`.
  template <class T>
  [[nodiscard]] std::optional<T> get_of_listener(std::string_view listener,
                                                 const ConfigKey<T>& key) const {
    const Value* const set = value_of_listener(listener, key.name);
    return set == nullptr ? std::nullopt : std::optional(ValueTraits<T>::take(*set));
  }
  /// All that are set for a listener: the full name, its value and where that comes from.
  struct OfListener {
    Value value;
    Source source = Source::Default;
  };
  [[nodiscard]] const std::map<std::string, OfListener, std::less<>>& of_listeners() const {
    return of_listeners_;
  }

 private:
  struct Slot {
    Value value;
    Source source = Source::Default;
  };
  [[nodiscard]] const Slot& slot(std::string_view name) const;
  [[nodiscard]] const Value* value_of_listener(std::string_view listener,
                                               std::string_view name) const;

  std::vector<Layer> layers_;
  std::vector<Slot> slots_;  // in the order of broker_keys()
  std::map<std::string, OfListener, std::less<>> of_listeners_;
};

}  // namespace ottla::config
