#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "cli/environment.h"
#include "cli/flags.h"
#include "cli/line_reader.h"
#include "cli/partition_filter.h"
#include "cli/record_formatter.h"
#include "cli/replica_assignment.h"
#include "cli/tool.h"
#include "cli/topic_description.h"
#include "cli/topic_filter.h"

namespace ottla::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::Pair;

constexpr Flag kSomeFlags[] = {
    {.name = "topic", .value = "name", .doc = "the topic"},
    {.name = "topics-with-overrides", .doc = "a switch"},
    {.name = "partitions", .value = "count", .doc = "a number"},
    {.name = "property", .value = "k=v", .doc = "pairs", .repeated = true},
    {.name = "compression-codec", .value = "codec", .doc = "codec", .bare = "gzip"},
};

Result<Arguments> parse(std::vector<std::string> words) {
  return Arguments::parse(kSomeFlags, words);
}

std::string fault_of(std::vector<std::string> words) {
  const auto arguments = parse(std::move(words));
  return arguments ? "no fault" : arguments.error().message();
}

TEST(Arguments, TakeValuesInBothForms) {
  const auto arguments =
      parse({"--topic", "a", "--partitions=3", "--property", "x=1", "--property", "y=a=b"});
  ASSERT_TRUE(arguments) << arguments.error();
  EXPECT_EQ(arguments->value("topic"), "a");
  EXPECT_EQ(**arguments->number("partitions", 1), 3);
  EXPECT_THAT(arguments->pairs("property"), ElementsAre(Pair("x", "1"), Pair("y", "a=b")));
  EXPECT_FALSE(arguments->has("topics-with-overrides"));
}

TEST(Arguments, TakeTheBeginningOfANameThatFitsOneFlag) {
  EXPECT_EQ(parse({"--part", "3"})->value("partitions"), "3");
  EXPECT_EQ(parse({"--topic", "3"})->value("topic"), "3");
  EXPECT_EQ(fault_of({"--to", "3"}), "--to: could be any of --topic --topics-with-overrides");
}

TEST(Arguments, GiveAFlagWithoutItsValueTheBareOne) {
  EXPECT_EQ(parse({"--compression-codec", "--topic", "a"})->value("compression-codec"), "gzip");
  EXPECT_EQ(parse({"--compression-codec"})->value("compression-codec"), "gzip");
  EXPECT_EQ(parse({"--compression-codec", "zstd"})->value("compression-codec"), "zstd");
}

TEST(Arguments, TakeAnotherNameForTheSame) {
  constexpr Flag kFlags[] = {
      kCommandConfigFlag,
      {.name = "config", .value = "file", .doc = "the same", .other_name_of = "command-config"}};
  const std::vector<std::string> words = {"--config", "mine"};
  EXPECT_EQ(Arguments::parse(kFlags, words)->value("command-config"), "mine");
  const std::vector<std::string> both = {"--config", "mine", "--command-config", "yours"};
  EXPECT_THAT(Arguments::parse(kFlags, both).error().message(), HasSubstr("twice"));
}

TEST(Arguments, LeaveOptionsToTheWordsTheyStandBehind) {
  const std::vector<std::string> words = {"host", "-t", "a"};
  const auto arguments = Arguments::parse(kSomeFlags, words, true);
  EXPECT_THAT(arguments.error().message(), HasSubstr("could be any of"));  // -t begins a flag
  const auto listed = Arguments::parse(kSomeFlags, std::vector<std::string>{"ls", "-R", "/"}, true);
  ASSERT_TRUE(listed) << listed.error();
  EXPECT_THAT(listed->words(), ElementsAre("ls", "-R", "/"));
  const std::vector<std::string> behind = {"host", "set", "-t", "1", "/a"};
  EXPECT_EQ(Arguments::parse(kSomeFlags, behind, true)->words(), behind);  // behind a command
  EXPECT_THAT(fault_of({"-R"}), HasSubstr("unknown flag"));  // where no words are taken
}

TEST(Arguments, SayWhatIsWrong) {
  EXPECT_THAT(fault_of({"--nope"}), HasSubstr("unknown flag"));
  EXPECT_THAT(fault_of({"--topic"}), HasSubstr("needs a value"));
  EXPECT_THAT(fault_of({"--topics-with-overrides=1"}), HasSubstr("takes no value"));
  EXPECT_THAT(fault_of({"--topic", "a", "--topic", "b"}), HasSubstr("twice"));
  EXPECT_THAT(fault_of({"a"}), HasSubstr("a flag was expected"));
  EXPECT_EQ(parse({"--partitions", "0"})->number("partitions", 1).error().message(),
            "--partitions 0: must be a whole number, at least 1");
}

TEST(Arguments, NameTheFlagThatWasProbablyMeant) {
  EXPECT_EQ(fault_of({"--tpoic", "a"}), "--tpoic: unknown flag; is --topic meant?");
  EXPECT_EQ(fault_of({"--partition-s", "1"}),
            "--partition-s: unknown flag; is --partitions meant?");
  EXPECT_EQ(fault_of({"--x"}), "--x: unknown flag; see --help");
}

TEST(Arguments, SendWhoAsksZooKeeperToTheBrokers) {
  constexpr Flag kFlags[] = {kBootstrapServerFlag};
  const std::vector<std::string> words = {"--zookeeper", "z:2181"};
  EXPECT_THAT(Arguments::parse(kFlags, words).error().message(), HasSubstr("--bootstrap-server"));
  EXPECT_THAT(fault_of({"--zookeeper", "z:2181"}), HasSubstr("see --help"));  // it asks nobody
}

TEST(Tools, HaveFlagsThatAreDeclaredOnceAndExplained) {
  for (const Tool* tool : all_tools()) {
    std::set<std::string_view> names;
    for (const auto& flag : tool->flags) {
      EXPECT_TRUE(names.insert(flag.name).second) << tool->name << " --" << flag.name;
      EXPECT_FALSE(flag.doc.empty()) << tool->name << " --" << flag.name;
    }
    EXPECT_TRUE(names.contains("json")) << tool->name;
  }
}

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};
Ran run_words(std::vector<std::string> words) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Console console{in, out, err};
  const int code = run(words, console);
  return {code, out.str(), err.str()};
}

TEST(Tools, HelpThemselves) {
  for (const Tool* tool : all_tools()) {
    const auto ran = run_words({std::string(tool->name), "--help"});
    EXPECT_EQ(ran.code, 0);
    for (const auto& flag : tool->flags) {
      EXPECT_THAT(ran.out, HasSubstr("--" + std::string(flag.name)));
    }
    EXPECT_THAT(run_words({"completion"}).out, HasSubstr(std::string(tool->name) + ")"));
  }
}

TEST(Tools, HelpWithinTheTerminal) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Console console{in, out, err, 80};
  EXPECT_EQ(run(std::vector<std::string>{"topics", "--help"}, console), 0);
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_THAT(out.str(), HasSubstr("--topics-with-overrides"));
}

TEST(Tools, AnswerToTheNamesOfKafkasScripts) {
  for (const auto& script : script_names()) {
    EXPECT_EQ(run_words({script, "--help"}).code, 0) << script;
  }
  EXPECT_THAT(script_names(), IsSupersetOf({"kafka-topics.sh", "zookeeper-shell.sh"}));
  EXPECT_THAT(script_names(), Not(Contains("kafka-drill.sh")));
  EXPECT_EQ(run_words({"scripts"}).code, 0);
  EXPECT_EQ(run_words({"kafka-get-offsets", "--help"}).code, 0);
  const auto ran = run_words({"nope"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("no tool \"nope\""));
}

TEST(Tools, RefuseWhatDoesNotGoTogetherBeforeTheyConnect) {
  EXPECT_THAT(run_words({"topics", "--list", "--create"}).err, HasSubstr("exactly one of"));
  EXPECT_THAT(run_words({"topics", "--list", "--partitions", "1"}).err,
              HasSubstr("does not go together"));
  EXPECT_THAT(run_words({"topics", "--list"}).err, HasSubstr("--bootstrap-server is missing"));
  EXPECT_THAT(run_words({"console-consumer", "--topic", "a", "--offset", "1"}).err,
              HasSubstr("--partition"));
  EXPECT_THAT(run_words({"get-offsets", "--time", "soon"}).err, HasSubstr("--time soon"));
}

TEST(Tools, SayWhatToDoInstead) {
  for (const auto& [words, told] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"configs", "--zookeeper", "z:1", "--describe"}, "give --bootstrap-server"},
           {{"configs", "--zk-tls-config-file", "f", "--describe"}, "give --bootstrap-server"},
           {{"configs", "--bootstrap-controller", "c:1", "--describe"}, "no such controllers"},
           {{"cluster", "cluster-id", "--bootstrap-controller", "c:1"}, "no such controllers"},
           {{"cluster", "unregister"}, "the broker's session"},
           {{"zookeeper-shell", "z:1", "-zk-tls-config-file", "f", "ls", "/"}, "not encrypted"},
           {{"topics", "--zookeeper", "z:1", "--list"}, "--bootstrap-server"},
       }) {
    const auto ran = run_words(words);
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err, HasSubstr(told));
  }
}

TEST(Environment, StandsForFlagsThatAreNotThere) {
  const Environment environment = [](const char* name) -> std::optional<std::string> {
    if (std::string_view(name) == "OTTLA_BOOTSTRAP_SERVER") return "broker:9092";
    return std::string_view(name) == "OTTLA_COMMAND_CONFIG" ? std::optional("client.properties")
                                                            : std::nullopt;
  };
  const auto added = [&](const Tool& tool, std::vector<std::string> words) {
    const auto all = with_environment(tool, words, environment);
    EXPECT_TRUE(std::equal(words.begin(), words.end(), all.begin()));
    return std::vector<std::string>(all.begin() + static_cast<std::ptrdiff_t>(words.size()),
                                    all.end());
  };
  EXPECT_THAT(added(kTopicsTool, {"--list"}), ElementsAre("--bootstrap-server", "broker:9092",
                                                          "--command-config", "client.properties"));
  EXPECT_THAT(added(kTopicsTool, {"--list", "--bootstrap-s", "other:1"}),
              ElementsAre("--command-config", "client.properties"));
  EXPECT_THAT(added(kClusterTool, {"may-restart", "--command-config", "mine"}),
              ElementsAre("--bootstrap-server", "broker:9092"));
  EXPECT_THAT(added(kClusterTool, {"--zookeeper", "zk:2181"}), Not(Contains("broker:9092")));
  EXPECT_THAT(added(kLeaderElectionTool, {"--admin.config", "mine"}),
              ElementsAre("--bootstrap-server", "broker:9092"));
  EXPECT_THAT(added(kProducerPerfTestTool, {"--producer.config", "mine"}), ElementsAre());
  EXPECT_THAT(added(kDumpLogTool, {"--files", "0.log"}), ElementsAre());
  EXPECT_THAT(added(kTopicsTool, {"--no-such-flag"}), ElementsAre());
  const auto empty = with_environment(kTopicsTool, std::vector<std::string>{"--list"},
                                      [](const char*) { return std::string(); });
  EXPECT_THAT(empty, ElementsAre("--list"));
}

TEST(ReplicaAssignment, ReadsBrokersOfEachPartition) {
  EXPECT_THAT(
      *parse_replica_assignment("0:1, 1:2"),
      ElementsAre(ElementsAre(BrokerId(0), BrokerId(1)), ElementsAre(BrokerId(1), BrokerId(2))));
  EXPECT_FALSE(parse_replica_assignment("0:1,1"));
  EXPECT_FALSE(parse_replica_assignment("0:0"));
  EXPECT_FALSE(parse_replica_assignment("0:x"));
  EXPECT_FALSE(parse_replica_assignment("0:1,,1:0"));
}

TEST(TopicFilter, FitsWholeNames) {
  const auto filter = TopicFilter::parse("orders.*, bills");
  ASSERT_TRUE(filter);
  EXPECT_TRUE(filter->accepts("orders-1"));
  EXPECT_TRUE(filter->accepts("bills"));
  EXPECT_FALSE(filter->accepts("old-orders"));
  EXPECT_FALSE(TopicFilter::parse("(").has_value());
}

TEST(PartitionFilter, ReadsListsAsGetOffsetsDoes) {
  const auto filter = PartitionFilter::parse_list("a:0,b:2-4,c:5-,d:-2,e,:9");
  ASSERT_TRUE(filter) << filter.error();
  EXPECT_TRUE(filter->accepts("a", 0));
  EXPECT_FALSE(filter->accepts("a", 1));
  EXPECT_TRUE(filter->accepts("b", 3));
  EXPECT_FALSE(filter->accepts("b", 4));
  EXPECT_TRUE(filter->accepts("c", 100));
  EXPECT_TRUE(filter->accepts("d", 1));
  EXPECT_FALSE(filter->accepts("d", 2));
  EXPECT_TRUE(filter->accepts("e", 7));
  EXPECT_TRUE(filter->accepts("z", 9));
  EXPECT_FALSE(PartitionFilter::parse_list("a:x").has_value());
}

TEST(TopicDescription, PrintsTheLinesThatScriptsParse) {
  TopicDescription topic;
  topic.name = "a";
  topic.topic_id = *Uuid::parse("JvLaX752QoO0yqO2HfguIA");
  topic.own_configs = {{"retention.ms", "1"}, {"cleanup.policy", "compact"}};
  topic.partitions = {{.partition = 0, .leader = 1, .replicas = {1, 0}, .isr = {1}},
                      {.partition = 1, .leader = -1, .replicas = {0, 1}, .isr = {0}}};
  std::ostringstream out;
  print_topic_line(out, topic);
  for (const auto& partition : topic.partitions) print_partition_line(out, topic, partition);
  EXPECT_EQ(out.str(),
            "Topic: a\tTopicId: JvLaX752QoO0yqO2HfguIA\tPartitionCount: 2\tReplicationFactor: 2\t"
            "Configs: cleanup.policy=compact,retention.ms=1\n"
            "\tTopic: a\tPartition: 0\tLeader: 1\tReplicas: 1,0\tIsr: 1\tElr: N/A\tLastKnownElr: "
            "N/A\n"
            "\tTopic: a\tPartition: 1\tLeader: none\tReplicas: 0,1\tIsr: 0\tElr: N/A\t"
            "LastKnownElr: N/A\n");
  EXPECT_EQ(to_json(topic).at("partitions").at(0).at("isr"), boost::json::parse("[1]"));
}

// KIP-352
TEST(TopicDescription, AReplicaThatIsBeingAddedNeedNotBeInSync) {
  PartitionDescription partition{.partition = 0, .leader = 1, .replicas = {4, 1, 2}, .isr = {1, 2}};
  EXPECT_TRUE(partition.is_under_replicated());
  partition.adding = {4};
  partition.removing = {2};
  EXPECT_FALSE(partition.is_under_replicated());
  TopicDescription topic;
  topic.name = "a";
  topic.partitions = {partition};
  EXPECT_EQ(topic.replication_factor(), 2U);
  std::ostringstream out;
  print_partition_line(out, topic, partition);
  EXPECT_EQ(out.str(),
            "\tTopic: a\tPartition: 0\tLeader: 1\tReplicas: 4,1,2\tIsr: 1,2\tAdding Replicas: 4\t"
            "Removing Replicas: 2\tElr: N/A\tLastKnownElr: N/A\n");
  EXPECT_EQ(to_json(topic).at("partitions").at(0).at("addingReplicas"), boost::json::parse("[4]"));
  partition.isr = {1};
  EXPECT_TRUE(partition.is_under_replicated());
}

std::string formatted(const std::map<std::string, std::string>& properties,
                      const ConsumedRecord& record) {
  const auto formatter = RecordFormatter::parse(properties);
  if (!formatter) return formatter.error().message();
  std::ostringstream out;
  formatter->write(out, record);
  return out.str();
}

TEST(RecordFormatter, PrintsInKafkasOrder) {
  ConsumedRecord record;
  record.topic = "t";
  record.partition = 2;
  record.offset = 7;
  record.timestamp = 99;
  record.timestamp_kind = ConsumedRecord::TimestampKind::CreateTime;
  record.key = "k";
  record.value = "v";
  EXPECT_EQ(formatted({}, record), "v\n");
  EXPECT_EQ(formatted({{"print.key", "true"},
                       {"print.timestamp", "true"},
                       {"print.offset", "true"},
                       {"print.partition", "true"},
                       {"print.headers", "true"}},
                      record),
            "CreateTime:99\tPartition:2\tOffset:7\tNO_HEADERS\tk\tv\n");
  record.headers = {{"h", "1"}, {"i", std::nullopt}};
  record.value.reset();
  EXPECT_EQ(formatted({{"print.headers", "true"}, {"key.separator", "|"}, {"line.separator", ";"}},
                      record),
            "h:1,i:null|null;");
}

TEST(RecordFormatter, DecodesNumbers) {
  ConsumedRecord record;
  const std::string number("\0\0\0\0\0\0\1\2", 8);
  record.value = number;
  EXPECT_EQ(
      formatted({{"value.deserializer", "org.apache.kafka.common.serialization.LongDeserializer"}},
                record),
      "258\n");
  EXPECT_THAT(formatted({{"value.deserializer", "com.example.Avro"}}, record),
              HasSubstr("com.example.Avro"));
}

TEST(RecordFormatter, WritesJson) {
  ConsumedRecord record;
  record.topic = "t";
  record.value = "say \"hi\"";
  std::ostringstream out;
  RecordFormatter::parse({})->write_json(out, record);
  const auto object = boost::json::parse(out.str());
  EXPECT_EQ(object.at("value").as_string(), "say \"hi\"");
  EXPECT_TRUE(object.at("key").is_null());
}

TEST(LineReader, ReadsKeysAndHeaders) {
  const auto reader = LineReader::parse({{"parse.key", "true"}, {"parse.headers", "true"}});
  ASSERT_TRUE(reader);
  const auto record = reader->read("h:1,i:\tk\tv\tw", 1);
  ASSERT_TRUE(record) << record.error();
  EXPECT_EQ(record->key, "k");
  EXPECT_EQ(record->value, "v\tw");
  EXPECT_THAT(record->headers, ElementsAre(Pair("h", "1"), Pair("i", "")));
  EXPECT_THAT(reader->read("h:1\tno key", 3).error().message(), HasSubstr("line 3"));
}

TEST(LineReader, KnowsTheNullMarker) {
  const auto reader =
      LineReader::parse({{"parse.key", "true"}, {"key.separator", ":"}, {"null.marker", "-"}});
  const auto record = reader->read("-:-", 1);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->key, std::nullopt);
  EXPECT_EQ(record->value, std::nullopt);
}

TEST(LineReader, IgnoresErrorsWhenTold) {
  const auto reader = LineReader::parse({{"parse.key", "true"}, {"ignore.error", "true"}});
  const auto record = reader->read("all of it", 1);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->key, std::nullopt);
  EXPECT_EQ(record->value, "all of it");
}

TEST(LineReader, RefusesEqualSeparators) {
  EXPECT_FALSE(LineReader::parse({{"headers.separator", "\t"}}).has_value());
}

}  // namespace
}  // namespace ottla::cli
