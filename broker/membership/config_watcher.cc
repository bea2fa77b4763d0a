#include "broker/membership/config_watcher.h"

#include <glog/logging.h>

#include <memory>
#include <set>
#include <utility>

#include "common/zookeeper/layout.h"

namespace ottla::membership {

using zookeeper::ConfigChanges;
using zookeeper::ConfigMap;
using zookeeper::SessionEvent;
using zookeeper::StoreResult;
using zookeeper::Watch;
using zookeeper::layout::ConfigEntity;

namespace {

constexpr const char* kTypes[] = {"topics", "brokers"};

}  // namespace

ConfigWatcher::ConfigWatcher(zookeeper::Client& client, env::Executor& loop,
                             const env::Clock& clock, env::Random& random, ConfigListener& listener,
                             ConfigWatcherSettings settings)
    : store_(client, loop),
      postbox_(loop),
      loop_(loop),
      clock_(clock),
      listener_(listener),
      settings_(settings),
      back_off_(random) {}

void ConfigWatcher::start() {
  started_ = true;
  read_all();
}

void ConfigWatcher::stop() {
  started_ = false;
  ++read_number_;
  timer_.reset();
  refreshes_.clear();
}

void ConfigWatcher::on_session(const SessionEvent& event) {
  if (event.kind != SessionEvent::Kind::Established) return;
  postbox_.post([this] {
    if (started_) read_all();
  });
}

void ConfigWatcher::on_watch(const zookeeper::WatchEvent& event) {
  if (zookeeper::layout::locate(event.path).place != zookeeper::layout::Place::ConfigChanges) {
    return;
  }
  postbox_.post([this] {
    if (started_) read_changes();
  });
}

void ConfigWatcher::read_all() {
  const std::uint64_t number = ++read_number_;
  timer_.reset();
  // The watch is set before anything is read: what changes from now on is told.
  read_changes();
  struct Reading {
    std::map<std::string, Configs> found;
    bool failed = false;
    std::size_t missing = std::size(kTypes);
  };
  const auto reading = std::make_shared<Reading>();
  for (const char* type : kTypes) {
    store_.load_configs(type, [this, number, reading, type](StoreResult<Configs> configs) {
      if (configs) {
        reading->found[type] = *std::move(configs);
      } else {
        reading->failed = true;
      }
      if (--reading->missing > 0 || number != read_number_) return;
      if (reading->failed) return read_all_later();
      back_off_.reset();
      for (const auto& [each, found] : reading->found) take(each, found);
      if (!std::exchange(loaded_, true)) listener_.configs_loaded();
      timer_ = loop_.post_after(settings_.audit_interval, [this] { read_all(); });
    });
  }
}

void ConfigWatcher::read_all_later() {
  timer_ = loop_.post_after(back_off_.next(), [this] { read_all(); });
}

void ConfigWatcher::read_changes() {
  std::set<std::string> seen;
  for (const auto& [name, created_ms] : seen_changes_) seen.insert(name);
  store_.read_config_changes(std::move(seen), Watch::Yes,
                             [this](const StoreResult<ConfigChanges>& changes) {
                               if (!started_) return;
                               if (changes) {
                                 on_changes(*changes);
                               } else {
                                 read_all_later();
                               }
                             });
}

void ConfigWatcher::on_changes(const ConfigChanges& changes) {
  std::set<ConfigEntity> entities;
  for (const ConfigChanges::Change& change : changes.fresh) {
    seen_changes_[change.name] = change.created_ms;
    if (change.entity) entities.insert(*change.entity);
  }
  for (const ConfigEntity& entity : entities) {
    if (entity.type() == "topics" || entity.type() == "brokers") read_entity(entity);
  }
  forget_old_changes(changes.standing);
}

void ConfigWatcher::forget_old_changes(const std::vector<std::string>& standing) {
  const std::set<std::string> still_there(standing.begin(), standing.end());
  std::erase_if(seen_changes_, [&](const auto& seen) { return !still_there.contains(seen.first); });
  const std::int64_t lifetime_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(settings_.notification_lifetime)
          .count();
  std::vector<std::string> old;
  for (const auto& [name, created_ms] : seen_changes_) {
    if (clock_.wall_now_ms() - created_ms > lifetime_ms) old.push_back(name);
  }
  store_.delete_config_changes(old);
}

void ConfigWatcher::read_entity(const ConfigEntity& entity, Task done) {
  store_.read_config(
      entity, [this, entity, done = std::move(done)](const StoreResult<ConfigMap>& config) mutable {
        if (!started_) return;
        if (config) {
          set(std::string(entity.type()), std::string(entity.name()), *config);
        } else {
          read_all_later();
        }
        if (done) std::move(done)();
      });
}

void ConfigWatcher::refresh_topics(const std::vector<std::string>& topics, Task done) {
  if (topics.empty()) return std::move(done)();
  std::vector<ConfigEntity> entities;
  for (const std::string& topic : topics) entities.push_back(ConfigEntity::topic(topic));
  refresh_entities(entities, std::move(done));
}

void ConfigWatcher::refresh(const ConfigEntity& entity, Task done) {
  refresh_entities({entity}, std::move(done));
}

void ConfigWatcher::refresh_entities(const std::vector<ConfigEntity>& entities, Task done) {
  const std::uint64_t number = ++refresh_number_;
  refreshes_[number] = {
      entities.size(), std::move(done),
      loop_.post_after(settings_.refresh_patience, [this, number] { end_refresh(number); })};
  for (const ConfigEntity& entity : entities) {
    read_entity(entity, [this, number] {
      const auto refresh = refreshes_.find(number);
      if (refresh != refreshes_.end() && --refresh->second.missing == 0) end_refresh(number);
    });
  }
}

void ConfigWatcher::end_refresh(std::uint64_t number) {
  if (auto ended = refreshes_.extract(number)) std::move(ended.mapped().done)();
}

void ConfigWatcher::take(const std::string& type, const Configs& found) {
  const Configs before = known_[type];
  for (const auto& [name, config] : before) {
    if (!found.contains(name)) set(type, name, {});
  }
  for (const auto& [name, config] : found) set(type, name, config);
}

void ConfigWatcher::set(const std::string& type, const std::string& name, const ConfigMap& config) {
  Configs& configs = known_[type];
  const auto known = configs.find(name);
  const bool same = known == configs.end() ? config.empty() : known->second == config;
  if (config.empty()) {
    configs.erase(name);
  } else {
    configs[name] = config;
  }
  if (same) return;
  if (type == "topics") {
    listener_.topic_config(name, config);
  } else {
    listener_.broker_config(name, config);
  }
}

}  // namespace ottla::membership
