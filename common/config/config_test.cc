#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/broker_config.h"
#include "common/config/broker_keys.h"
#include "common/config/broker_settings.h"
#include "common/config/listeners.h"
#include "common/config/log_keys.h"
#include "common/config/network_keys.h"
#include "common/config/ottla_keys.h"
#include "common/config/reference.h"
#include "common/config/replication_keys.h"
#include "common/config/tables.h"
#include "common/config/topic_config.h"
#include "common/config/zookeeper_keys.h"

namespace ottla::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

/// The least that a broker needs.
Properties file(Properties more = {}) {
  more.emplace("zookeeper.connect", "zk:2181");
  return more;
}

std::string fault_of(Properties more) {
  const auto loaded = BrokerConfig::load(file(std::move(more)));
  return loaded ? "no fault" : loaded.error().message();
}

std::vector<std::string> warnings_of(Properties more) {
  const auto loaded = BrokerConfig::load(file(std::move(more)));
  return loaded ? loaded->warnings : std::vector<std::string>{loaded.error().message()};
}

BrokerValues values_of(Properties more) {
  std::vector<std::string> errors;
  BrokerValues values({{Source::StaticBroker, file(std::move(more))}}, errors);
  EXPECT_THAT(errors, ElementsAre());
  return values;
}

TEST(Properties, ReadsWhatJavaReads) {
  const auto properties = parse_properties(
      "# comment\n"
      "! comment too\n"
      "  a = 1 \n"
      "b:2\n"
      "c 3\r\n"
      "d\n"
      "key\\ with\\=signs = v\\u00e4l\\tue\n"
      "list = one,\\\n"
      "       two\n"
      "path=C:\\\\temp\n"
      "smile=\\uD83D\\uDE00\n"
      "a=again\n"
      "equals = x=y\n");
  ASSERT_TRUE(properties) << properties.error();
  EXPECT_EQ(*properties, (Properties{{"a", "again"},
                                     {"b", "2"},
                                     {"c", "3"},
                                     {"d", ""},
                                     {"key with=signs", "v\u00e4l\tue"},
                                     {"list", "one,two"},
                                     {"path", "C:\\temp"},
                                     {"smile", "\U0001F600"},
                                     {"equals", "x=y"}}));
}

TEST(Properties, NamesTheLineOfABrokenEscape) {
  const auto properties = parse_properties("a=1\nb=\\u12\n");
  ASSERT_FALSE(properties);
  EXPECT_THAT(properties.error().message(), HasSubstr("line 2"));
}

TEST(Properties, TakesOverrides) {
  Properties properties{{"a", "1"}};
  EXPECT_TRUE(override_property(properties, "a=2=3"));
  EXPECT_EQ(properties.at("a"), "2=3");
  EXPECT_FALSE(override_property(properties, "novalue"));
}

TEST(BrokerConfig, SaysWhatIsWrongWhatIsAllowedAndTheDefault) {
  EXPECT_EQ(fault_of({{"num.io.threads", "0"}}),
            "num.io.threads=0: must be at least 1 (default 8)");
  EXPECT_EQ(
      fault_of({{"num.io.threads", "many"}}),
      "num.io.threads=many: must be a whole number from -2147483648 to 2147483647 (default 8)");
  EXPECT_EQ(fault_of({{"compression.type", "brotli"}}),
            "compression.type=brotli: must be one of producer, uncompressed, gzip, snappy, lz4, "
            "zstd (default producer)");
  EXPECT_EQ(
      fault_of({{"log.cleanup.policy", "delete,shrink"}}),
      "log.cleanup.policy=delete,shrink: each element must be one of compact, delete (default "
      "delete)");
  EXPECT_EQ(fault_of({{"log.preallocate", "yes"}}),
            "log.preallocate=yes: must be true or false (default false)");
  EXPECT_EQ(fault_of({{"compression.gzip.level", "0"}}),
            "compression.gzip.level=0: must be from 1 to 9, or -1 (default -1)");
}

TEST(BrokerConfig, KnowsTheNamesOfReleases) {
  for (const char* name : {"0.8.2.2", "0.10.2-IV0", "2.8", "2.8-IV1", "3.9-IV0", "3.9"}) {
    EXPECT_EQ(fault_of({{"inter.broker.protocol.version", name}}), "no fault") << name;
  }
  for (const char* name : {"", "3", "4.0", "3.9-beta", "0.7.0", "new"}) {
    EXPECT_THAT(fault_of({{"inter.broker.protocol.version", name}}), HasSubstr("3.9-IV0")) << name;
  }
}

TEST(BrokerConfig, TellsAllFaultsAtOnce) {
  EXPECT_THAT(fault_of({{"num.io.threads", "0"}, {"num.network.threads", "x"}}),
              testing::AllOf(HasSubstr("num.io.threads=0"), HasSubstr("num.network.threads=x")));
}

TEST(BrokerConfig, NeedsZooKeeper) {
  const auto loaded = BrokerConfig::load({});
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message(), HasSubstr("zookeeper.connect"));
}

TEST(BrokerConfig, RefusesKRaft) {
  EXPECT_THAT(fault_of({{"process.roles", "broker,controller"}}), HasSubstr("process.roles"));
}

TEST(BrokerConfig, WarnsOfUnknownNamesWithTheNearestOne) {
  EXPECT_THAT(warnings_of({{"num.io.thread", "3"}}),
              ElementsAre("num.io.thread: unknown name, ignored; did you mean num.io.threads?"));
  EXPECT_THAT(warnings_of({{"my.plugin.setting", "3"}}),
              ElementsAre("my.plugin.setting: unknown name, ignored"));
  EXPECT_THAT(warnings_of({{"retention.ms", "3"}}),
              ElementsAre("retention.ms: is a key of topics and ignored here; for all topics set "
                          "log.retention.ms"));
  EXPECT_THAT(
      warnings_of({{"socket.connection.setup.timeout.ms", "3"},
                   {"listener.name.internal.ssl.keystore.location", "/x"}}),
      ElementsAre("listener.name.internal.ssl.keystore.location: has no effect in this "
                  "release of Ottla",
                  "socket.connection.setup.timeout.ms: has no effect in this release of Ottla"));
  EXPECT_THAT(warnings_of({{"num.replica.fetchers", "1"}}), ElementsAre());
  EXPECT_THAT(warnings_of({{"num.replica.fetchers", "4"}}),
              ElementsAre(StartsWith("num.replica.fetchers=4: has no effect: one stream")));
  EXPECT_THAT(warnings_of({{"queued.max.requests", "500"}, {"replica.fetch.max.bytes", "1048576"}}),
              ElementsAre());
  EXPECT_THAT(warnings_of({{"queued.max.requests", "100"}, {"replica.fetch.max.bytes", "2"}}),
              ElementsAre(StartsWith("queued.max.requests=100: has no effect: "),
                          StartsWith("replica.fetch.max.bytes=2: has no effect: ")));
  EXPECT_THAT(
      warnings_of({{"listener.name.plaintext.num.network.threads", "3"}}),
      ElementsAre("listener.name.plaintext.num.network.threads=3: has no effect: there is one "
                  "num.network.threads for all listeners"));
}

TEST(BrokerConfig, HoldsWhatMustHoldBetweenKeys) {
  EXPECT_THAT(fault_of({{"broker.id", "1001"}}), HasSubstr("reserved.broker.max.id"));
  EXPECT_EQ(fault_of({{"broker.id", "1001"}, {"broker.id.generation.enable", "false"}}),
            "no fault");
  EXPECT_THAT(fault_of({{"broker.id", "1"}, {"node.id", "2"}}), HasSubstr("node.id=2"));
  EXPECT_THAT(fault_of({{"replica.fetch.wait.max.ms", "40000"}}),
              HasSubstr("replica.lag.time.max.ms"));
  EXPECT_THAT(fault_of({{"log.retention.ms", "0"}}), HasSubstr("log.retention.ms=0"));
  EXPECT_THAT(fault_of({{"log.dirs", "/a,/b,/a"}}), HasSubstr("twice"));
  EXPECT_THAT(fault_of({{"log.cleaner.dedupe.buffer.size", "1000"}}), HasSubstr("1048576"));
  EXPECT_THAT(fault_of({{"inter.broker.listener.name", "PLAINTEXT"},
                        {"security.inter.broker.protocol", "PLAINTEXT"}}),
              HasSubstr("security.inter.broker.protocol"));
  EXPECT_THAT(fault_of({{"inter.broker.listener.name", "INTERNAL"}}), HasSubstr("INTERNAL"));
  EXPECT_THAT(fault_of({{"replica.selector.class", "com.example.Mine"}}),
              HasSubstr("RackAwareReplicaSelector"));
}

TEST(BrokerConfig, TakesTheStrongestLayer) {
  const auto loaded = BrokerConfig::load(file({{"num.io.threads", "4"}}));
  ASSERT_TRUE(loaded) << loaded.error();
  auto& config = *loaded->config;
  const auto threads = config.bind(kNumIoThreads);
  const auto rack = config.bind(kBrokerRack);
  EXPECT_EQ(threads.get(), 4);
  EXPECT_EQ(rack.get(), std::nullopt);

  int changes = 0;
  {
    const auto subscription = threads.on_change([&] { ++changes; });
    EXPECT_THAT(config.set_dynamic(Source::DynamicDefaultBroker, {{"num.io.threads", "5"}}),
                ElementsAre());
    EXPECT_EQ(threads.get(), 5);
    config.set_dynamic(Source::DynamicBroker, {{"num.io.threads", "6"}});
    EXPECT_EQ(threads.get(), 6);
    config.set_dynamic(Source::DynamicDefaultBroker, {});
    EXPECT_EQ(threads.get(), 6);
  }
  EXPECT_EQ(changes, 2);
  config.set_dynamic(Source::DynamicBroker, {});
  EXPECT_EQ(config.get(kNumIoThreads), 4);
  EXPECT_EQ(changes, 2);
}

TEST(BrokerConfig, SkipsWhatIsInvalidInZooKeeper) {
  BrokerConfig config;
  const auto warnings = config.set_dynamic(
      Source::DynamicDefaultBroker,
      {{"num.io.threads", "-3"}, {"broker.id", "7"}, {"message.max.bytes", "1000"}});
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("broker.id"), HasSubstr("num.io.threads=-3")));
  EXPECT_EQ(config.get(kNumIoThreads), 8);
  EXPECT_EQ(config.get(kMessageMaxBytes), 1000);
}

TEST(BrokerConfig, RefusesReadOnlyKeysAsDynamic) {
  const auto loaded = BrokerConfig::load(file());
  const auto& config = *loaded->config;
  EXPECT_EQ(config.validate_dynamic(Source::DynamicBroker, {{"broker.id", "7"}}).error().code(),
            ErrorCode::InvalidRequest);
  EXPECT_EQ(
      config.validate_dynamic(Source::DynamicDefaultBroker, {{"listeners", "PLAINTEXT://:9093"}})
          .error()
          .code(),
      ErrorCode::InvalidRequest);
  EXPECT_EQ(
      config.validate_dynamic(Source::DynamicBroker, {{"num.io.threads", "0"}}).error().code(),
      ErrorCode::InvalidConfig);
  EXPECT_TRUE(config.validate_dynamic(Source::DynamicBroker, {{"num.io.threads", "4"}}));
}

TEST(BrokerConfig, ThreadsAreChangedInSteps) {
  const auto loaded = BrokerConfig::load(file({{"log.cleaner.threads", "4"}}));
  const auto fits = [&](const std::string& threads) {
    return loaded->config
        ->validate_dynamic(Source::DynamicBroker, {{"log.cleaner.threads", threads}})
        .has_value();
  };
  EXPECT_TRUE(fits("2") && fits("4") && fits("8"));
  EXPECT_FALSE(fits("0") || fits("1") || fits("9"));
}

TEST(BrokerConfig, DescribesEveryPlaceThatHasAValue) {
  const auto loaded = BrokerConfig::load(file({{"num.io.threads", "4"}}));
  loaded->config->set_dynamic(Source::DynamicBroker, {{"num.io.threads", "6"}});
  for (const auto& entry : loaded->config->describe()) {
    if (entry.name != "num.io.threads") continue;
    EXPECT_EQ(entry.value, "6");
    EXPECT_EQ(entry.source, Source::DynamicBroker);
    EXPECT_FALSE(entry.read_only);
    EXPECT_THAT(entry.synonyms, ElementsAre(Synonym{"num.io.threads", "6", Source::DynamicBroker},
                                            Synonym{"num.io.threads", "4", Source::StaticBroker},
                                            Synonym{"num.io.threads", "8", Source::Default}));
  }
}

TEST(BrokerValues, HasValuesOfOneListener) {
  const auto values =
      values_of({{"max.connections", "4"}, {"listener.name.internal.max.connections", "2"}});
  EXPECT_EQ(values.get_of_listener("INTERNAL", kMaxConnections), 2);
  EXPECT_EQ(values.get_of_listener("EXTERNAL", kMaxConnections), std::nullopt);
}

TEST(BrokerConfig, LimitsOfAListenerChangeWhileItRuns) {
  const std::string name = "listener.name.internal.max.connections";
  const auto loaded = BrokerConfig::load({{"zookeeper.connect", "z:2181"}, {name, "2"}});
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->warnings, ElementsAre());
  BrokerConfig& config = *loaded->config;
  for (const auto level : {Source::DynamicBroker, Source::DynamicDefaultBroker}) {
    EXPECT_TRUE(config.validate_dynamic(level, {{name, "7"}}));
    EXPECT_FALSE(config.validate_dynamic(level, {{name, "many"}}));
    EXPECT_FALSE(config.validate_dynamic(level, {{name, "-1"}}));
    EXPECT_FALSE(config.validate_dynamic(level, {{name, "0"}}));
    EXPECT_FALSE(config.validate_dynamic(level, {{"max.connection.creation.rate", "0"}}));
  }
  EXPECT_THAT(config.set_dynamic(Source::DynamicBroker, {{name, "7"}}), ElementsAre());
  EXPECT_EQ(config.values()->get_of_listener("INTERNAL", kMaxConnections), 7);
  EXPECT_THAT(config.set_dynamic(Source::DynamicDefaultBroker, {{name, "x"}}), SizeIs(1));

  const auto entries = config.describe();
  const auto entry = std::ranges::find(entries, name, &Entry::name);
  ASSERT_NE(entry, entries.end());
  EXPECT_EQ(entry->value, "7");
  EXPECT_EQ(entry->source, Source::DynamicBroker);
  EXPECT_FALSE(entry->sensitive);
  EXPECT_THAT(entry->synonyms, ElementsAre(Synonym{name, "7", Source::DynamicBroker},
                                           Synonym{name, "2", Source::StaticBroker}));
}

class DynamicListeners : public testing::Test {
 protected:
  Result<> change(const Properties& properties) {
    return config.validate_dynamic(Source::DynamicBroker, properties);
  }
  [[nodiscard]] std::size_t count() const { return listeners(*config.values())->size(); }

  static constexpr const char* kTwo = "PLAINTEXT://:9092,OUTER://:9093";
  static constexpr const char* kProtocols = "PLAINTEXT:PLAINTEXT,OUTER:PLAINTEXT";
  const BrokerConfig::Loaded loaded = *BrokerConfig::load({{"zookeeper.connect", "z:2181"}});
  BrokerConfig& config = *loaded.config;
};

TEST_F(DynamicListeners, AreOfOneBroker) {
  const Properties two = {{"listeners", kTwo}, {"listener.security.protocol.map", kProtocols}};
  EXPECT_EQ(config.validate_dynamic(Source::DynamicDefaultBroker, two).error().code(),
            ErrorCode::InvalidRequest);
  ASSERT_TRUE(change(two));
  EXPECT_THAT(config.set_dynamic(Source::DynamicBroker, two), ElementsAre());
  EXPECT_EQ(count(), 2U);
  EXPECT_TRUE(change({}));
}

TEST_F(DynamicListeners, MustBeRightTogether) {
  EXPECT_FALSE(change({{"listeners", kTwo}})) << "a name without a protocol";
  EXPECT_FALSE(
      change({{"listeners", "OUTER://:9093"}, {"listener.security.protocol.map", kProtocols}}))
      << "none for brokers";
  EXPECT_FALSE(change({{"advertised.listeners", "OUTER://a:9093"},
                       {"listener.security.protocol.map", kProtocols}}));
}

TEST_F(DynamicListeners, WhatAnotherToolWroteWrongIsLeftOutAltogether) {
  const auto warnings = config.set_dynamic(
      Source::DynamicBroker,
      {{"listeners", kTwo}, {"advertised.listeners", "PLAINTEXT://a:1"}, {"num.io.threads", "6"}});
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings.front(), HasSubstr("OUTER has no security protocol"));
  EXPECT_EQ(count(), 1U);
  EXPECT_EQ(config.get(kAdvertisedListeners), std::nullopt);
  EXPECT_EQ(config.get(kNumIoThreads), 6);
}

TEST_F(DynamicListeners, TheBrokerIsAskedWhetherItCan) {
  std::string asked;
  config.check_with([&](const BrokerValues& wanted) -> Result<> {
    asked = wanted.get(kListeners);
    return fail(ErrorCode::InvalidConfig, "in use");
  });
  EXPECT_EQ(change({{"listeners", "PLAINTEXT://:1"}}).error().message(), "in use");
  EXPECT_EQ(asked, "PLAINTEXT://:1");
  asked.clear();
  EXPECT_FALSE(change({{"listeners", "PLAINTEXT"}}));
  EXPECT_EQ(asked, "") << "only what is right in itself";
  config.check_with(nullptr);
  EXPECT_TRUE(change({{"listeners", "PLAINTEXT://:1"}}));
}

TEST(BrokerSettings, ReadsLogDirsAndIds) {
  EXPECT_THAT(log_dirs(values_of({{"log.dirs", " /a, /b,"}})), ElementsAre("/a", "/b"));
  EXPECT_THAT(log_dirs(values_of({{"log.dir", "/c"}})), ElementsAre("/c"));
  EXPECT_EQ(broker_id(values_of({})), std::nullopt);
  EXPECT_EQ(broker_id(values_of({{"node.id", "3"}})), 3);
  EXPECT_EQ(zookeeper_connection_timeout(values_of({})), std::chrono::seconds(18));
}

TEST(Listeners, ReadsNamesProtocolsHostsAndPorts) {
  const auto values =
      values_of({{"listeners", "internal://:9092, EXTERNAL://[::1]:9093"},
                 {"listener.security.protocol.map", "INTERNAL:PLAINTEXT,EXTERNAL:SSL"},
                 {"advertised.listeners", "INTERNAL://kafka-1:9092"},
                 {"inter.broker.listener.name", "internal"}});
  const auto bound = listeners(values);
  ASSERT_TRUE(bound) << bound.error();
  EXPECT_THAT(*bound, ElementsAre(Listener{"INTERNAL", SecurityProtocol::Plaintext, "", 9092},
                                  Listener{"EXTERNAL", SecurityProtocol::Ssl, "::1", 9093}));
  EXPECT_THAT(*advertised_listeners(values),
              ElementsAre(Listener{"INTERNAL", SecurityProtocol::Plaintext, "kafka-1", 9092}));
  EXPECT_EQ(*inter_broker_listener_name(values), "INTERNAL");
  EXPECT_THAT(cross_key_faults(values), ElementsAre());
}

TEST(Listeners, RefusesWhatCannotWork) {
  EXPECT_THAT(fault_of({{"listeners", "PLAINTEXT"}}), HasSubstr("NAME://host:port"));
  EXPECT_THAT(fault_of({{"listeners", "PLAINTEXT://:99999"}}), HasSubstr("0 to 65535"));
  EXPECT_THAT(fault_of({{"listeners", "MINE://:9092"}}),
              HasSubstr("listener.security.protocol.map"));
  EXPECT_THAT(fault_of({{"listeners", "PLAINTEXT://a:1,SSL://:1"}}), HasSubstr("port 1"));
  EXPECT_THAT(fault_of({{"listeners", "PLAINTEXT://a:1,PLAINTEXT://b:2"}}), HasSubstr("twice"));
  EXPECT_THAT(fault_of({{"listeners", "PLAINTEXT://0.0.0.0:9092"}}),
              HasSubstr("cannot be announced"));
  EXPECT_THAT(fault_of({{"advertised.listeners", "SSL://a:1"}}), HasSubstr("not among listeners"));
}

TEST(TopicConfig, TakesDefaultsFromTheBrokerInKafkasOrder) {
  std::vector<std::string> warnings;
  const auto retention = [&](Properties broker, Properties topic = {}) {
    return TopicConfig::resolve(values_of(std::move(broker)), topic, warnings)
        .get(topic::kRetentionMs);
  };
  EXPECT_EQ(retention({}), 604800000);
  EXPECT_EQ(retention({{"log.retention.hours", "2"}}), 7200000);
  EXPECT_EQ(retention({{"log.retention.hours", "2"}, {"log.retention.minutes", "3"}}), 180000);
  EXPECT_EQ(retention({{"log.retention.minutes", "3"}, {"log.retention.ms", "4"}}), 4);
  EXPECT_EQ(retention({{"log.retention.hours", "-1"}}), -1);
  EXPECT_EQ(retention({{"log.retention.ms", "4"}}, {{"retention.ms", "5"}}), 5);
  EXPECT_THAT(warnings, ElementsAre());
}

TEST(TopicConfig, GivesTypedSettings) {
  std::vector<std::string> warnings;
  const auto config = TopicConfig::resolve(
      values_of({{"log.roll.hours", "1"}, {"log.flush.scheduler.interval.ms", "99"}}),
      {{"cleanup.policy", "compact"},
       {"compression.type", "zstd"},
       {"message.timestamp.type", "LogAppendTime"},
       {"message.timestamp.difference.max.ms", "1000"},
       {"message.timestamp.after.max.ms", "10"},
       {"no.such.key", "1"},
       {"segment.bytes", "none"}},
      warnings);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("no.such.key"), HasSubstr("segment.bytes=none")));
  const TopicSettings settings = config.settings();
  EXPECT_TRUE(settings.compact);
  EXPECT_FALSE(settings.delete_old);
  EXPECT_EQ(settings.compression_type, CompressionType::Zstd);
  EXPECT_EQ(settings.timestamp_type, TimestampType::LogAppendTime);
  EXPECT_EQ(settings.timestamp_before_max_ms, 1000);
  EXPECT_EQ(settings.timestamp_after_max_ms, 10);
  EXPECT_EQ(settings.segment_ms, 3600000);
  EXPECT_EQ(settings.segment_bytes, 1073741824);
  EXPECT_EQ(settings.flush_ms, 99);
  EXPECT_EQ(settings.max_message_bytes, 1048588);
  EXPECT_FALSE(config.overrides().contains("segment.bytes"));
}

TEST(TopicConfig, ValidatesWhatIsToBeWritten) {
  const BrokerValues broker;
  const auto fault = [&](const Properties& topic) {
    const auto result = validate_topic_config(broker, topic);
    return result ? "no fault" : result.error().message();
  };
  EXPECT_EQ(fault({{"retention.ms", "1000"}, {"cleanup.policy", "compact,delete"}}), "no fault");
  EXPECT_EQ(fault({{"retention.ms", "-2"}}),
            "retention.ms=-2: must be at least -1 (default 604800000)");
  EXPECT_THAT(fault({{"nope", "1"}}), HasSubstr("nope"));
  EXPECT_THAT(fault({{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "5"}}),
              HasSubstr("max.compaction.lag.ms"));
  EXPECT_THAT(fault({{"remote.storage.enable", "true"}}), HasSubstr("tiered"));
  EXPECT_EQ(fault({{"leader.replication.throttled.replicas", "0:1,1:2"}}), "no fault");
  EXPECT_EQ(fault({{"leader.replication.throttled.replicas", "*"}}), "no fault");
  EXPECT_THAT(fault({{"leader.replication.throttled.replicas", "1"}}),
              HasSubstr("partition:broker"));
}

TEST(TopicConfig, DescribesWhereAValueComesFrom) {
  const auto broker = values_of({{"log.retention.hours", "2"}});
  std::vector<std::string> warnings;
  const auto config = TopicConfig::resolve(broker, {{"retention.ms", "5"}}, warnings);
  for (const auto& entry : config.describe(broker)) {
    if (entry.name == "retention.ms") {
      EXPECT_EQ(entry.source, Source::DynamicTopic);
      EXPECT_THAT(entry.synonyms,
                  ElementsAre(Synonym{"retention.ms", "5", Source::DynamicTopic},
                              Synonym{"log.retention.hours", "2", Source::StaticBroker},
                              Synonym{"log.retention.hours", "168", Source::Default}));
    }
    if (entry.name == "preallocate") {
      EXPECT_EQ(entry.source, Source::Default);
    }
  }
}

TEST(Tables, DeclareEachNameOnceAndExplainIt) {
  for (const auto keys : {broker_keys(), topic_keys()}) {
    std::set<std::string_view> names;
    for (const auto& key : keys) {
      EXPECT_TRUE(names.insert(key.name).second) << key.name;
      EXPECT_FALSE(key.doc.empty()) << key.name;
      EXPECT_FALSE(violation(key.allowed, key.fallback())) << key.name << ": its own default";
    }
  }
}

TEST(Tables, TopicDefaultsNameBrokerKeys) {
  for (const auto& key : topic_keys()) {
    for (const auto& from : key.broker_defaults) {
      if (from.name.empty()) continue;
      EXPECT_NE(find_broker_key(from.name), nullptr) << from.name;
    }
  }
}

TEST(Tables, NamesWithoutEffectHaveNoRow) {
  EXPECT_TRUE(std::ranges::is_sorted(kafka_keys_without_effect()));
  for (const auto name : kafka_keys_without_effect()) {
    EXPECT_EQ(find_broker_key(name), nullptr) << name;
  }
}

TEST(Value, IsWrittenAsJavaWritesIt) {
  EXPECT_EQ(to_text(Value(0.5)), "0.5");
  EXPECT_EQ(to_text(Value(1.0)), "1.0");
  EXPECT_EQ(to_text(Value(std::numeric_limits<double>::max())), "1.7976931348623157E308");
  EXPECT_EQ(to_text(Value(List{"a", "b"})), "a,b");
  EXPECT_EQ(to_text(Value()), std::nullopt);
}

TEST(Reference, IsThePageInDocs) {
  std::ifstream page(OTTLA_DOCS "/configuration.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  EXPECT_TRUE(text == reference()) << "run: ottla_config_doc docs/configuration.md";
}

}  // namespace
}  // namespace ottla::config
