#include "common/config/broker_config.h"

#include <algorithm>
#include <array>

#include "common/config/broker_keys.h"
#include "common/config/broker_settings.h"
#include "common/config/log_keys.h"
#include "common/config/network_keys.h"
#include "common/config/replication_keys.h"
#include "common/config/tables.h"

namespace ottla::config {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

/// `ssl.keystore.location` of `listener.name.internal.ssl.keystore.location`.
std::string_view without_listener(std::string_view name) {
  constexpr std::string_view kPrefix = "listener.name.";
  if (!name.starts_with(kPrefix)) return name;
  const auto dot = name.find('.', kPrefix.size());
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

std::string warning_for_unknown(std::string_view name) {
  const std::string_view bare = without_listener(name);
  if (std::ranges::binary_search(kafka_keys_without_effect(), bare)) {
    return std::string(name) + ": has no effect in this release of Ottla";
  }
  if (const AnyKey* topic_key = find_topic_key(name)) {
    const auto broker_name = topic_key->broker_defaults.front().name;
    return std::string(name) + ": is a key of topics and ignored here" +
           (broker_name.empty() ? "" : "; for all topics set " + std::string(broker_name));
  }
  const auto nearest = nearest_broker_key(name);
  return std::string(name) + ": unknown name, ignored" +
         (nearest.empty() ? "" : "; did you mean " + std::string(nearest) + "?");
}

std::vector<std::string> warnings_for(const Properties& properties) {
  std::vector<std::string> warnings;
  for (const auto& [name, value] : properties) {
    const AnyKey* key = find_broker_key(name);
    const bool known = key != nullptr;
    if (known && key->doc.starts_with(kWithoutEffect) && value != to_text(key->fallback())) {
      warnings.push_back(name + "=" + value +
                         ": has no effect: " + std::string(key->doc.substr(kWithoutEffect.size())));
    }
    if (known || find_listener_key(name) != nullptr) continue;
    const AnyKey* of_listener = find_broker_key(without_listener(name));
    if (of_listener != nullptr && of_listener->name != name) {
      warnings.push_back(name + "=" + value + ": has no effect: there is one " +
                         std::string(of_listener->name) + " for all listeners");
      continue;
    }
    warnings.push_back(warning_for_unknown(name));
  }
  return warnings;
}

/// Of the broker, or of a listener alone.
const AnyKey* find_key(std::string_view name) {
  const AnyKey* key = find_broker_key(name);
  return key != nullptr ? key : find_listener_key(name);
}

/// Nobody could connect any more, nor take it back. Kafka refuses these while it runs, too.
bool locks_everybody_out(const AnyKey& key, std::string_view value) {
  return key.per_listener && value == "0";
}

/// Why a key may not be set at this level, or nothing.
std::optional<std::string> refusal(Source level, std::string_view name, std::string_view value) {
  const AnyKey* key = find_key(name);
  const AnyKey* of_listener = key == nullptr ? find_broker_key(without_listener(name)) : nullptr;
  if (of_listener != nullptr) {
    return std::string(name) +
           ": has no effect in this release of Ottla, which has one for all listeners";
  }
  if (key == nullptr &&
      std::ranges::binary_search(kafka_keys_without_effect(), without_listener(name))) {
    return std::string(name) + ": has no effect in this release of Ottla";
  }
  if (key == nullptr) return std::nullopt;  // kept, as Kafka keeps what plug-ins may read
  if (key->dynamic == Dynamic::ReadOnly && key->doc.starts_with(kWithoutEffect)) {
    return std::string(name) + ": has no effect in this release of Ottla";
  }
  if (key->dynamic == Dynamic::ReadOnly) {
    return std::string(name) +
           ": cannot be changed while the broker runs; set it in "
           "server.properties and restart";
  }
  if (locks_everybody_out(*key, value)) {
    return std::string(name) + "=0: nobody could connect any more; it must be at least 1";
  }
  if (key->dynamic == Dynamic::PerBroker && level == Source::DynamicDefaultBroker) {
    return std::string(name) + ": can only be set for one broker, not as default of all";
  }
  return std::nullopt;
}

/// Thread counts change in steps (KIP-226): at least half, at most double of what runs.
constexpr const ConfigKey<std::int32_t>* kThreadCounts[] = {
    &kNumIoThreads,      &kNumNetworkThreads, &kNumReplicaFetchers, &kNumRecoveryThreadsPerDataDir,
    &kBackgroundThreads, &kLogCleanerThreads};

/// What each of them says may be right, and wrong together.
constexpr std::string_view kOfListeners[] = {kListeners.name, kAdvertisedListeners.name,
                                             kListenerSecurityProtocolMap.name};

/// What of these layers is wrong together.
std::vector<std::string> faults_of(const std::vector<Layer>& layers) {
  std::vector<std::string> of_single_values;
  return cross_key_faults(BrokerValues(layers, of_single_values));
}

std::vector<std::string> step_faults(const BrokerValues& current, const BrokerValues& wanted) {
  std::vector<std::string> faults;
  for (const auto* key : kThreadCounts) {
    const std::int64_t before = current.get(*key);
    const std::int64_t after = wanted.get(*key);
    if (after == before || (after >= 1 && after >= before / 2 && after <= before * 2)) continue;
    faults.push_back(std::string(key->name) + "=" + std::to_string(after) +
                     ": must be at least 1, at least half and at most double of what it is now, " +
                     std::to_string(before));
  }
  return faults;
}

}  // namespace

BrokerConfig::BrokerConfig() : values_(std::make_shared<BrokerValues>()) {}

Result<BrokerConfig::Loaded> BrokerConfig::load(const Properties& server_properties) {
  std::vector<std::string> faults;
  auto values = std::make_shared<BrokerValues>(
      std::vector<Layer>{{Source::StaticBroker, server_properties}}, faults);
  if (const auto roles = server_properties.find("process.roles");
      roles != server_properties.end() && !roles->second.empty()) {
    faults.push_back("process.roles=" + roles->second +
                     ": must be unset: Ottla runs with ZooKeeper, not in KRaft mode");
  }
  if (faults.empty()) faults = cross_key_faults(*values);
  if (!faults.empty()) return fail(ErrorCode::InvalidConfig, joined(faults));

  Loaded loaded;
  loaded.config = std::make_unique<BrokerConfig>();
  loaded.warnings = warnings_for(server_properties);
  const MutexLock lock(loaded.config->mutex_);
  loaded.config->static_ = server_properties;
  loaded.config->values_ = std::move(values);
  return loaded;
}

std::shared_ptr<const BrokerValues> BrokerConfig::values() const {
  const MutexLock lock(mutex_);
  return values_;
}

Subscription BrokerConfig::on_change(std::function<void()> callback) {
  return subscribers_.add(std::move(callback));
}

void BrokerConfig::check_with(Check check) {
  const MutexLock lock(mutex_);
  check_ = std::move(check);
}

std::vector<Layer> BrokerConfig::layers() const {
  return {{Source::DynamicBroker, dynamic_broker_},
          {Source::DynamicDefaultBroker, dynamic_default_},
          {Source::StaticBroker, static_}};
}

std::vector<Layer> BrokerConfig::layers_with(Source level, const Properties& properties) const {
  std::vector<Layer> candidate;
  {
    const MutexLock lock(mutex_);
    candidate = layers();
  }
  for (auto& layer : candidate) {
    if (layer.source == level) layer.properties = properties;
  }
  return candidate;
}

Result<> BrokerConfig::validate_dynamic(Source level, const Properties& properties,
                                        const Properties& before) const {
  std::vector<std::string> faults;
  Properties wanted;
  for (const auto& [name, value] : properties) {
    const auto stood = before.find(name);
    const bool is_new = stood == before.end() || stood->second != value;
    auto why = refusal(level, name, value);
    if (why && is_new) faults.push_back(*std::move(why));
    // What stands there and is wrong is not in effect either.
    const AnyKey* key = find_key(name);
    if (is_new || (!why && (key == nullptr || parse(*key, value)))) wanted.emplace(name, value);
  }
  if (!faults.empty()) return fail(ErrorCode::InvalidRequest, joined(faults));

  const BrokerValues values(layers_with(level, wanted), faults);
  if (faults.empty()) {
    faults = cross_key_faults(values);
    // What is wrong already is not this change's fault.
    for (const std::string& known : cross_key_faults(*this->values())) std::erase(faults, known);
  }
  if (faults.empty()) faults = step_faults(*this->values(), values);
  if (!faults.empty()) return fail(ErrorCode::InvalidConfig, joined(faults));
  const Check check = [this] {
    const MutexLock lock(mutex_);
    return check_;
  }();
  return check ? check(values) : Result<>();
}

void BrokerConfig::drop_wrong_listeners(Source level, Properties& properties,
                                        std::vector<std::string>& warnings) const {
  Properties others = properties;
  for (const std::string_view name : kOfListeners) others.erase(std::string(name));
  if (others.size() == properties.size()) return;
  std::vector<std::string> faults = faults_of(layers_with(level, properties));
  for (const std::string& known : faults_of(layers_with(level, others))) {
    std::erase(faults, known);
  }
  if (faults.empty()) return;
  properties = std::move(others);
  for (const std::string& fault : faults) {
    warnings.push_back(fault + "; what is set there of listeners is not applied");
  }
}

std::vector<std::string> BrokerConfig::set_dynamic(Source level, const Properties& properties) {
  std::vector<std::string> warnings;
  Properties accepted;
  for (const auto& [name, value] : properties) {
    auto why = refusal(level, name, value);
    const AnyKey* key = find_key(name);
    if (!why && key != nullptr) {
      if (auto parsed = parse(*key, value); !parsed) why = parsed.error().message();
    }
    if (why)
      warnings.push_back(*std::move(why));
    else
      accepted.emplace(name, value);
    if (!why && key == nullptr) warnings.push_back(warning_for_unknown(name));
  }
  drop_wrong_listeners(level, accepted, warnings);

  std::vector<std::pair<std::string_view, std::shared_ptr<internal::BindingCell>>> cells;
  std::shared_ptr<const BrokerValues> values;
  {
    const MutexLock lock(mutex_);
    (level == Source::DynamicBroker ? dynamic_broker_ : dynamic_default_) = std::move(accepted);
    // The file's values are right, and those of ZooKeeper have just been sifted: no faults here.
    std::vector<std::string> faults;
    values_ = values = std::make_shared<BrokerValues>(layers(), faults);
    cells.assign(cells_.begin(), cells_.end());
  }
  for (const auto& [name, cell] : cells) {
    if (cell->store(values->value(name))) cell->subscribers.notify();
  }
  subscribers_.notify();
  return warnings;
}

std::vector<Entry> BrokerConfig::describe() const {
  const auto values = this->values();
  std::vector<Entry> entries;
  for (const auto& key : broker_keys()) {
    if (key.shown_if_set && !values->is_set(key.name)) continue;
    const std::array<std::string_view, 1> names = {key.name};
    entries.push_back({.name = std::string(key.name),
                       .value = key.sensitive() ? std::nullopt : to_text(values->value(key.name)),
                       .source = values->source(key.name),
                       .type = key.type,
                       .read_only = key.dynamic == Dynamic::ReadOnly || key.shown_if_set,
                       .sensitive = key.sensitive(),
                       .synonyms = values->synonyms(names),
                       .doc = key.doc});
    // A default of what is only shown where it is set is no synonym of it.
    if (key.shown_if_set) {
      std::erase_if(entries.back().synonyms,
                    [](const Synonym& synonym) { return synonym.source == Source::Default; });
    }
  }
  for (const auto& [name, set] : values->of_listeners()) {
    const std::array<std::string_view, 1> names = {name};
    entries.push_back({.name = name,
                       .value = to_text(set.value),
                       .source = set.source,
                       .type = find_listener_key(name)->type,
                       .read_only = false,
                       .sensitive = false,
                       .synonyms = values->synonyms(names),
                       .doc = find_listener_key(name)->doc});
  }
  for (Entry& entry : describe_unknown()) entries.push_back(std::move(entry));
  return entries;
}

std::vector<Entry> BrokerConfig::describe_unknown() const {
  const MutexLock lock(mutex_);
  std::map<std::string, Entry> entries;
  for (const Layer& layer : layers()) {
    if (layer.source == Source::StaticBroker) continue;
    for (const auto& [name, value] : layer.properties) {
      if (find_key(name) != nullptr) continue;
      Entry& entry = entries[name];
      if (entry.synonyms.empty()) entry.source = layer.source;
      entry.name = name;
      entry.type = ValueType::Unknown;
      entry.read_only = true;
      entry.sensitive = true;
      entry.synonyms.push_back({name, std::nullopt, layer.source});
    }
  }
  std::vector<Entry> sorted;
  for (auto& [name, entry] : entries) sorted.push_back(std::move(entry));
  return sorted;
}

}  // namespace ottla::config
