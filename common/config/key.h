#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "common/config/allowed.h"
#include "common/config/value.h"

namespace ottla::config {

/// Whether a broker key can be changed while the broker runs (KIP-226).
enum class Dynamic : std::uint8_t {
  ReadOnly,     ///< Only at start.
  PerBroker,    ///< For each broker on its own.
  ClusterWide,  ///< For each broker, or for all as a cluster-wide default.
};
enum class Importance : std::uint8_t { High, Medium, Low };

[[nodiscard]] std::string_view name_of(Dynamic dynamic);
[[nodiscard]] std::string_view name_of(Importance importance);

/// How a C++ type is declared, parsed and taken out of a Value.
template <class T>
struct ValueTraits;

#define OTTLA_CONFIG_PLAIN_VALUE(T, TYPE)               \
  template <>                                           \
  struct ValueTraits<T> {                               \
    using Fallback = T;                                 \
    static constexpr ValueType kType = ValueType::TYPE; \
    static Value wrap(T value) {                        \
      return value;                                     \
    }                                                   \
    static T take(const Value& value) {                 \
      return std::get<T>(value);                        \
    }                                                   \
  };
OTTLA_CONFIG_PLAIN_VALUE(bool, Boolean)
OTTLA_CONFIG_PLAIN_VALUE(std::int16_t, Short)
OTTLA_CONFIG_PLAIN_VALUE(std::int32_t, Int)
OTTLA_CONFIG_PLAIN_VALUE(std::int64_t, Long)
OTTLA_CONFIG_PLAIN_VALUE(double, Double)
#undef OTTLA_CONFIG_PLAIN_VALUE

template <>
struct ValueTraits<std::string> {
  using Fallback = std::string_view;
  static constexpr ValueType kType = ValueType::String;
  static Value wrap(std::string_view value) { return std::string(value); }
  static std::string take(const Value& value) { return std::get<std::string>(value); }
};
/// A list's fallback is written as in a file: "delete,compact".
template <>
struct ValueTraits<List> {
  using Fallback = std::string_view;
  static constexpr ValueType kType = ValueType::List;
  static Value wrap(std::string_view value) { return *parse_value(ValueType::List, value); }
  static List take(const Value& value) { return std::get<List>(value); }
};
template <>
struct ValueTraits<Password> {
  using Fallback = std::string_view;
  static constexpr ValueType kType = ValueType::Password;
  static Value wrap(std::string_view value) { return Password(std::string(value)); }
  static Password take(const Value& value) { return std::get<Password>(value); }
};
/// A key that may be unset.
template <class T>
struct ValueTraits<std::optional<T>> {
  using Fallback = std::optional<typename ValueTraits<T>::Fallback>;
  static constexpr ValueType kType = ValueTraits<T>::kType;
  static Value wrap(const Fallback& value) {
    return value ? ValueTraits<T>::wrap(*value) : Value();
  }
  static std::optional<T> take(const Value& value) {
    if (std::holds_alternative<std::monostate>(value)) return std::nullopt;
    return ValueTraits<T>::take(value);
  }
};
/// An enum with a word for each enumerator: `constexpr std::array<std::string_view, N> words_of(E)`
/// beside the enum, in the enumerators' order, which starts at 0. Its key's `allowed` is
/// `one_word_of<E>()`.
template <class E>
  requires std::is_enum_v<E>
struct ValueTraits<E> {
  using Fallback = E;
  static constexpr ValueType kType = ValueType::String;
  static Value wrap(E value) {
    return std::string(words_of(E{}).at(static_cast<std::size_t>(value)));
  }
  static E take(const Value& value) {
    constexpr auto kWords = words_of(E{});
    const auto& word = std::get<std::string>(value);
    for (std::size_t at = 0; at < kWords.size(); ++at) {
      if (kWords.at(at) == word) return static_cast<E>(at);
    }
    return E{};  // Not reached: `allowed` has refused every other word.
  }
};
template <class E>
[[nodiscard]] constexpr Allowed one_word_of() {
  Allowed result;
  constexpr auto kWords = words_of(E{});
  static_assert(kWords.size() <= Allowed::kMaxChoices);
  for (std::size_t at = 0; at < kWords.size(); ++at) result.choices.at(at) = kWords.at(at);
  return result;
}

/// One broker key, declared once: parsing, validation, DescribeConfigs, dynamic updates and
/// docs/configuration.md come from this row. T is bool, a number, std::string, List, Password, an
/// enum with words, or std::optional of those for a key that may be unset.
template <class T>
struct ConfigKey {
  std::string_view name;
  typename ValueTraits<T>::Fallback fallback{};
  Allowed allowed{};
  Dynamic dynamic = Dynamic::ReadOnly;
  Importance importance = Importance::Medium;
  bool per_listener = false;  ///< `listener.name.<listener>.` in front: for that one alone.
  bool shown_if_set = false;  ///< DescribeConfigs names it only where it is set, as read-only.
  std::string_view doc{};
};

/// A broker key from which a topic key takes its default, and how many of the topic's units one of
/// its units is (log.retention.hours is 3600000 retention.ms).
struct BrokerDefault {
  std::string_view name{};
  std::int64_t scale = 1;
};

/// One topic key. Its default is the first of `broker_defaults` that has a value, else `fallback`.
/// All topic keys are dynamic.
template <class T>
struct TopicKey {
  std::string_view name;
  typename ValueTraits<T>::Fallback fallback{};
  Allowed allowed{};
  std::array<BrokerDefault, 3> broker_defaults{};
  Importance importance = Importance::Medium;
  std::string_view doc{};
};

/// How the doc of a key begins that is taken for Kafka's sake, and why follows.
inline constexpr std::string_view kWithoutEffect = "Accepted, without effect: ";

/// Any key with its type forgotten, as the tables hold it.
struct AnyKey {
  std::string_view name;
  ValueType type = ValueType::String;
  bool nullable = false;
  const void* row = nullptr;
  Value (*fallback_of)(const void* row) = nullptr;
  Allowed allowed{};
  Dynamic dynamic = Dynamic::ClusterWide;
  Importance importance = Importance::Medium;
  bool per_listener = false;
  bool shown_if_set = false;
  std::array<BrokerDefault, 3> broker_defaults{};
  std::string_view doc;

  template <class T>
  constexpr AnyKey(const ConfigKey<T>& key)  // NOLINT(google-explicit-constructor): table rows
      : AnyKey(key, static_cast<T*>(nullptr)) {
    dynamic = key.dynamic;
    per_listener = key.per_listener;
    shown_if_set = key.shown_if_set;
  }
  template <class T>
  constexpr AnyKey(const TopicKey<T>& key)  // NOLINT(google-explicit-constructor): table rows
      : AnyKey(key, static_cast<T*>(nullptr)) {
    broker_defaults = key.broker_defaults;
  }

  [[nodiscard]] Value fallback() const { return fallback_of(row); }
  [[nodiscard]] bool sensitive() const { return type == ValueType::Password; }

 private:
  template <class Key, class T>
  constexpr AnyKey(const Key& key, T*)
      : name(key.name),
        type(ValueTraits<T>::kType),
        nullable(requires(T value) { value.has_value(); }),
        row(&key),
        fallback_of([](const void* at) {
          return ValueTraits<T>::wrap(static_cast<const Key*>(at)->fallback);
        }),
        allowed(key.allowed),
        importance(key.importance),
        doc(key.doc) {}
};

/// Parses and validates one value of a key. The error is complete, for people:
/// `num.io.threads=0: must be at least 1 (default 8)`; its code is InvalidConfig.
[[nodiscard]] Result<Value> parse(const AnyKey& key, std::string_view text);

}  // namespace ottla::config
