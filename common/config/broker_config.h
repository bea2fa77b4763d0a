#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/mutex.h"
#include "common/config/binding.h"
#include "common/config/broker_values.h"
#include "common/config/entry.h"
#include "common/config/key.h"
#include "common/config/properties.h"

namespace ottla::config {

/// The configuration of a running broker: server.properties, and over it what /config/brokers in
/// ZooKeeper says (KIP-226). Thread: any.
class BrokerConfig {
 public:
  struct Loaded {
    std::unique_ptr<BrokerConfig> config;
    std::vector<std::string> warnings;  ///< Unknown names and the like: for the log, once.
  };

  /// Checks every value and what must hold between them. The error's text has a line for each
  /// fault.
  [[nodiscard]] static Result<Loaded> load(const Properties& server_properties);

  /// Defaults only, for tests.
  BrokerConfig();

  /// The value as it is now. For a key that is not ReadOnly, hold a Binding instead.
  template <class T>
  [[nodiscard]] T get(const ConfigKey<T>& key) const {
    return values()->get(key);
  }
  template <class T>
  [[nodiscard]] Binding<T> bind(const ConfigKey<T>& key) {
    const MutexLock lock(mutex_);
    auto& cell = cells_[key.name];
    if (!cell) cell = std::make_shared<internal::TypedCell<T>>(values_->get(key));
    return Binding<T>(std::static_pointer_cast<internal::TypedCell<T>>(cell));
  }
  /// All values at one moment.
  [[nodiscard]] std::shared_ptr<const BrokerValues> values() const;
  /// After any dynamic change; topics' defaults may be among it.
  Subscription on_change(std::function<void()> callback);
  /// Whether the broker can put these values in effect: whoever would have to is asked before they
  /// are written. Called on any thread; waits for nothing. Null: nobody is asked.
  using Check = std::function<Result<>(const BrokerValues& wanted)>;
  void check_with(Check check);

  /// Whether these properties may be written as dynamic configuration in place of `before`: what is
  /// new or other may be changed at this level (`DynamicBroker` or `DynamicDefaultBroker`) and has
  /// an effect, values and what must hold between them are right, and the broker can do it. What
  /// another tool had left there does not hinder. Errors: InvalidConfig, InvalidRequest for a key
  /// that is read-only.
  [[nodiscard]] Result<> validate_dynamic(Source level, const Properties& properties,
                                          const Properties& before = {}) const;

  /// Puts what ZooKeeper holds for one level in effect, and tells whom it concerns. What is invalid
  /// is skipped and comes back as warnings: another tool may have written it. One caller at a time.
  std::vector<std::string> set_dynamic(Source level, const Properties& properties);

  /// All keys, sorted by name, then the dynamic ones that no table has: of those no value is told.
  [[nodiscard]] std::vector<Entry> describe() const;

 private:
  [[nodiscard]] std::vector<Layer> layers() const OTTLA_REQUIRES(mutex_);
  /// As they are, but for one level.
  [[nodiscard]] std::vector<Layer> layers_with(Source level, const Properties& properties) const
      OTTLA_EXCLUDES(mutex_);
  /// What another tool wrote of listeners, if it cannot be together with the rest.
  void drop_wrong_listeners(Source level, Properties& properties,
                            std::vector<std::string>& warnings) const OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<Entry> describe_unknown() const OTTLA_EXCLUDES(mutex_);

  mutable Mutex mutex_{LockRank::Leaf};
  Properties static_ OTTLA_GUARDED_BY(mutex_);
  Properties dynamic_default_ OTTLA_GUARDED_BY(mutex_);
  Properties dynamic_broker_ OTTLA_GUARDED_BY(mutex_);
  std::shared_ptr<const BrokerValues> values_ OTTLA_GUARDED_BY(mutex_);
  std::map<std::string_view, std::shared_ptr<internal::BindingCell>> cells_
      OTTLA_GUARDED_BY(mutex_);
  Check check_ OTTLA_GUARDED_BY(mutex_);
  Subscribers subscribers_;
};

}  // namespace ottla::config
