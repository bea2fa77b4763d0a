#include "broker/membership/config_watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/simulated_world.h"
#include "common/testing/simulated_zookeeper.h"

namespace ottla::membership {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using zookeeper::ConfigMap;
using zookeeper::Create;
using zookeeper::Delete;
using zookeeper::Op;
using zookeeper::Set;

class Told final : public ConfigListener {
 public:
  void topic_config(const std::string& topic, const ConfigMap& config) override {
    note("topic " + topic, config);
  }
  void broker_config(const std::string& broker, const ConfigMap& config) override {
    note("broker " + broker, config);
  }
  void configs_loaded() override { lines.emplace_back("loaded"); }

  std::vector<std::string> take() { return std::exchange(lines, {}); }

  std::vector<std::string> lines;

 private:
  void note(std::string line, const ConfigMap& config) {
    for (const auto& [key, value] : config) line += " " + key + "=" + value;
    lines.push_back(std::move(line));
  }
};

class ConfigWatcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* path : {"/config", "/config/changes", "/config/topics", "/config/brokers"}) {
      apply({Create{path, std::nullopt}});
    }
    apply({Create{"/config/topics/t", R"({"version":1,"config":{"a":"1"}})"}});
    apply({Create{"/config/topics/empty", R"({"version":1,"config":{}})"}});
    apply({Create{"/config/brokers/<default>", R"({"version":1,"config":{"d":"1"}})"}});
    // An old notification of something that happened before the start.
    apply({Create{"/config/changes/config_change_", R"({"version":2,"entity_path":"topics/t"})",
                  zookeeper::CreateMode::PersistentSequential}});
    client->add_listener(watcher);
    client->start();
    loop->post([this] { watcher.start(); });
    world.run_for(seconds(2));
    EXPECT_THAT(told.take(), ElementsAre("broker <default> d=1", "topic t a=1", "loaded"));
  }
  void TearDown() override { client->close(); }
  void apply(const std::vector<Op>& ops) { ASSERT_TRUE(ensemble.apply(ops).has_value()); }
  void change(const std::string& entity, const std::string& config) {
    apply({Set{"/config/" + entity, R"({"version":1,"config":)" + config + "}"}});
    apply({Create{"/config/changes/config_change_",
                  R"({"version":2,"entity_path":")" + entity + R"("})",
                  zookeeper::CreateMode::PersistentSequential}});
  }

  testing::SimulatedWorld world{5};
  testing::SimulatedZooKeeper ensemble{world};
  Told told;
  std::unique_ptr<zookeeper::Client> client = ensemble.make_client("a");
  std::unique_ptr<env::Executor> loop = world.make_executor();
  ConfigWatcher watcher{*client, *loop, world.clock(), world.random(), told};
};

TEST_F(ConfigWatcherTest, TellsWhatANotificationIsAbout) {
  change("topics/t", R"({"a":"2","b":"x"})");
  world.run_for(seconds(1));
  EXPECT_THAT(told.take(), ElementsAre("topic t a=2 b=x"));
  change("brokers/<default>", R"({})");
  change("topics/t", R"({"a":"3"})");
  world.run_for(seconds(1));
  EXPECT_THAT(told.take(), ::testing::UnorderedElementsAre("broker <default>", "topic t a=3"));
}

TEST_F(ConfigWatcherTest, TakesOldNotificationsAndIgnoresOtherEntities) {
  apply({Create{"/config/changes/config_change_",
                R"({"version":1,"entity_type":"topics","entity_name":"t"})",
                zookeeper::CreateMode::PersistentSequential},
         Create{"/config/changes/config_change_", "nonsense",
                zookeeper::CreateMode::PersistentSequential},
         Create{"/config/changes/config_change_",
                R"({"version":2,"entity_path":"users/u/clients/c"})",
                zookeeper::CreateMode::PersistentSequential},
         Set{"/config/topics/t", R"({"version":1,"config":{"a":"9"}})"}});
  world.run_for(seconds(1));
  EXPECT_THAT(told.take(), ElementsAre("topic t a=9"));
}

TEST_F(ConfigWatcherTest, FindsWhatHappenedWhileItHadNoSession) {
  ensemble.cut("a");
  world.run_for(seconds(10));
  change("topics/t", R"({"a":"5"})");
  apply({Delete{"/config/topics/empty"}});
  apply({Create{"/config/topics/new", R"({"version":1,"config":{"n":"1"}})"}});
  ensemble.heal("a");
  world.run_for(seconds(5));
  EXPECT_THAT(told.take(), ::testing::UnorderedElementsAre("topic new n=1", "topic t a=5"));
}

TEST_F(ConfigWatcherTest, TheAuditFindsWhatNobodyTold) {
  apply({Set{"/config/topics/t", R"({"version":1,"config":{"a":"7"}})"}});
  world.run_for(seconds(5));
  EXPECT_THAT(told.take(), ElementsAre());
  world.run_for(minutes(5));
  EXPECT_THAT(told.take(), ElementsAre("topic t a=7"));
  apply({Delete{"/config/topics/t"}});
  world.run_for(minutes(5));
  EXPECT_THAT(told.take(), ElementsAre("topic t"));
}

TEST_F(ConfigWatcherTest, RefreshReadsWhatANewTopicBrings) {
  apply({Create{"/config/topics/new", R"({"version":1,"config":{"n":"1"}})"}});
  loop->post([&] {
    watcher.refresh_topics({"new", "none"}, [&] { told.lines.emplace_back("refreshed"); });
  });
  world.run_for(seconds(1));
  EXPECT_THAT(told.take(), ElementsAre("topic new n=1", "refreshed"));
  // Deleted and created again under its name.
  apply({Delete{"/config/topics/new"}});
  loop->post(
      [&] { watcher.refresh_topics({"new"}, [&] { told.lines.emplace_back("refreshed"); }); });
  world.run_for(seconds(1));
  EXPECT_THAT(told.take(), ElementsAre("topic new", "refreshed"));
}

TEST_F(ConfigWatcherTest, RefreshDoesNotWaitForEverForZooKeeper) {
  apply({Create{"/config/topics/new", R"({"version":1,"config":{"n":"1"}})"}});
  ensemble.cut("a");
  loop->post([&] { watcher.refresh_topics({"new"}, [&] { told.lines.emplace_back("went on"); }); });
  world.run_for(seconds(2));
  EXPECT_THAT(told.take(), ElementsAre("went on"));
  ensemble.heal("a");
  world.run_for(seconds(30));
  EXPECT_THAT(told.take(), ElementsAre("topic new n=1"));
}

TEST_F(ConfigWatcherTest, DeletesNotificationsThatAreOld) {
  EXPECT_EQ(ensemble.children("/config/changes").size(), 1U);
  world.run_for(minutes(16));
  change("topics/t", R"({"a":"8"})");
  world.run_for(seconds(5));
  EXPECT_EQ(ensemble.children("/config/changes").size(), 1U);
  EXPECT_THAT(told.take(), ElementsAre("topic t a=8"));
}

TEST_F(ConfigWatcherTest, StoppedItTellsNothing) {
  loop->post([&] { watcher.stop(); });
  world.run_for(seconds(1));
  change("topics/t", R"({"a":"6"})");
  world.run_for(minutes(10));
  EXPECT_THAT(told.take(), ElementsAre());
}

}  // namespace
}  // namespace ottla::membership
