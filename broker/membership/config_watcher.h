#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "broker/membership/back_off.h"
#include "common/base/task.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/random.h"
#include "common/zookeeper/client.h"
#include "common/zookeeper/node_data.h"
#include "common/zookeeper/postbox.h"
#include "common/zookeeper/store.h"

namespace ottla::membership {

/// Told on the watcher's loop, of differences only.
class ConfigListener {
 public:
  virtual ~ConfigListener() = default;
  /// /config/topics/T; empty when the node is gone.
  virtual void topic_config(const std::string& topic, const zookeeper::ConfigMap& config) = 0;
  /// /config/brokers/N, by the id as text or "<default>".
  virtual void broker_config(const std::string& broker, const zookeeper::ConfigMap& config) = 0;
  /// Everything that stood in ZooKeeper has been told once: the broker may go on with its start.
  virtual void configs_loaded() = 0;
};

struct ConfigWatcherSettings {
  /// All is read again so often, for tools that write a config without telling.
  env::Duration audit_interval = std::chrono::minutes(5);
  /// So long `refresh` waits for ZooKeeper at most.
  env::Duration refresh_patience = std::chrono::milliseconds(500);
  /// Notifications older than this are deleted by whoever meets them.
  env::Duration notification_lifetime = std::chrono::minutes(15);
};

/// Keeps up with topic and broker configs. Notifications below /config/changes are hints: the
/// config itself is read. After each session event, and now and then, everything is read again and
/// compared.
/// Thread: `loop`. The client is told of it with `add_listener`, before its start; destroyed after
/// the client was closed.
class ConfigWatcher final : public zookeeper::ClientListener {
 public:
  ConfigWatcher(zookeeper::Client& client, env::Executor& loop, const env::Clock& clock,
                env::Random& random, ConfigListener& listener, ConfigWatcherSettings settings = {});

  /// Begins to read; before, session events are ignored.
  void start();
  void stop();

  /// Reads the configs of topics that were just created: no notification tells of those (as in
  /// Kafka, where a broker reads them when it gets its first replica). Differences are told before
  /// `done`, which comes all the same, late, when ZooKeeper does not answer; what is missing then
  /// is told when it is known. After `stop` nothing is called.
  void refresh_topics(const std::vector<std::string>& topics, Task done);

  /// Reads one config again, as `refresh_topics` does.
  void refresh(const zookeeper::layout::ConfigEntity& entity, Task done);

  // ClientListener, on the client's thread.
  void on_session(const zookeeper::SessionEvent& event) override;
  void on_watch(const zookeeper::WatchEvent& event) override;

 private:
  using Configs = std::map<std::string, zookeeper::ConfigMap>;

  void read_all();
  void read_all_later();
  void read_changes();
  void read_entity(const zookeeper::layout::ConfigEntity& entity, Task done = {});
  void refresh_entities(const std::vector<zookeeper::layout::ConfigEntity>& entities, Task done);
  void on_changes(const zookeeper::ConfigChanges& changes);
  void forget_old_changes(const std::vector<std::string>& standing);
  void end_refresh(std::uint64_t number);
  /// Makes `known` equal to `found`, telling each difference.
  void take(const std::string& type, const Configs& found);
  void set(const std::string& type, const std::string& name, const zookeeper::ConfigMap& config);

  zookeeper::Store store_;
  zookeeper::Postbox postbox_;
  env::Executor& loop_;
  const env::Clock& clock_;
  ConfigListener& listener_;
  const ConfigWatcherSettings settings_;
  BackOff back_off_;

  bool started_ = false;
  bool loaded_ = false;
  std::map<std::string, Configs> known_;  ///< By type: "topics", "brokers".
  /// When the notifications were made that stand there and were seen.
  std::map<std::string, std::int64_t> seen_changes_;
  std::uint64_t read_number_ = 0;
  struct Refresh {
    std::size_t missing;
    Task done;
    env::TimerHandle patience;
  };
  std::map<std::uint64_t, Refresh> refreshes_;
  std::uint64_t refresh_number_ = 0;
  env::TimerHandle timer_;
};

}  // namespace ottla::membership
