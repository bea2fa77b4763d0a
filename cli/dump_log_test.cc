#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "broker/group/group_snapshot.h"
#include "cli/tool.h"
#include "common/base/bytes.h"
#include "common/env/file_system.h"
#include "common/record/control_record.h"

namespace ottla::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A directory of its own, gone with the test.
class DumpLog : public testing::Test {
 protected:
  DumpLog() {
    std::string pattern = testing::TempDir() + "dump-log-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~DumpLog() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& content) const {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  struct Ran {
    int code = 0;
    std::string out;
    std::string err;
  };
  static Ran dump(const std::string& files, const std::string& flag = "",
                  const std::string& more = "") {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    Console console{in, out, err};
    std::vector<std::string> words = {"dump-log", "--files", files};
    if (!flag.empty()) words.push_back(flag);
    if (!more.empty()) words.push_back(more);
    const int code = run(words, console);
    return {code, out.str(), err.str()};
  }

  std::string directory_;
};

std::string marker_batch(std::int64_t timestamp) {
  const auto buffer = record::build_end_transaction_marker(
      ProducerId(1001), ProducerEpoch(3), {record::ControlType::Commit, 5}, timestamp);
  return std::string(as_text(buffer->bytes()));
}

std::string entry(std::initializer_list<std::pair<std::int64_t, std::size_t>> numbers) {
  std::string bytes;
  for (const auto& [number, size] : numbers) {
    for (std::size_t at = size; at-- > 0;) {
      bytes += static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * at));
    }
  }
  return bytes;
}

TEST_F(DumpLog, ShowsBatchesAndRecords) {
  const auto path = write("00000000000000000000.log", marker_batch(77));
  const auto ran = dump(path, "--print-data-log");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("Dumping " + path +
                                 "\nLog starting offset: 0\n"
                                 "baseOffset: 0 lastOffset: 0 count: 1 baseSequence: -1 "
                                 "lastSequence: -1 producerId: 1001 producerEpoch: 3"));
  EXPECT_THAT(ran.out, HasSubstr("isTransactional: true isControl: true deleteHorizonMs: "
                                 "OptionalLong.empty position: 0 CreateTime: 77 size: 78 magic: 2 "
                                 "compresscodec: none"));
  EXPECT_THAT(ran.out,
              HasSubstr("isvalid: true\n| offset: 0 CreateTime: 77 keySize: 4 valueSize: 6 "
                        "sequence: -1 headerKeys: [] endTxnMarker: COMMIT "
                        "coordinatorEpoch: 5\n"));
}

// W6: what an unclean election cut lies beside the partitions' directories.
TEST_F(DumpLog, ShowsWhatAnUncleanElectionCut) {
  const auto ran = dump(write("ottla-cut.orders-3.42-43.e7.cut", marker_batch(77)));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("Log starting offset: 42\nbaseOffset: 0 lastOffset: 0 count: 1"));
}

TEST_F(DumpLog, TellsOfATornTailAndABadChecksum) {
  std::string damaged = marker_batch(77);
  damaged.back() = static_cast<char>(damaged.back() + 1);
  const auto ran =
      dump(write("00000000000000000000.log", damaged + marker_batch(78).substr(0, 70)));
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("isvalid: false\n"));
  EXPECT_THAT(ran.out, HasSubstr("Found 70 invalid bytes at the end of 00000000000000000000.log"));
}

TEST_F(DumpLog, ComparesIndexesWithTheSegment) {
  write("00000000000000000000.log", marker_batch(77));
  const auto good = write("00000000000000000000.index", entry({{0, 4}, {0, 4}}));
  EXPECT_THAT(dump(good).out, HasSubstr("offset: 0 position: 0\n"));
  const auto bad = write("00000000000000000000.index", entry({{0, 4}, {0, 4}, {7, 4}, {40, 4}}));
  const auto ran = dump(bad, "--verify-index-only");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("offset 7 at position 40, where no batch begins"));
  EXPECT_THAT(dump(bad, "--index-sanity-check").out, HasSubstr("passed sanity check"));

  const auto none = write("00000000000000000000.index", "");
  EXPECT_EQ(dump(none, "--index-sanity-check").out,
            "Dumping " + none + "\n" + none + " is empty.\n");

  const auto times = write("00000000000000000000.timeindex", entry({{77, 8}, {0, 4}}));
  EXPECT_EQ(dump(times).out, "Dumping " + times + "\ntimestamp: 77 offset: 0\n");
  const auto wrong = write("00000000000000000000.timeindex", entry({{76, 8}, {0, 4}}));
  EXPECT_THAT(dump(wrong).err, HasSubstr("where the segment has 77"));
}

TEST_F(DumpLog, ShowsTransactionIndexes) {
  const auto path =
      write("00000000000000000010.txnindex", entry({{0, 2}, {1001, 8}, {11, 8}, {18, 8}, {19, 8}}));
  EXPECT_EQ(dump(path).out, "Dumping " + path +
                                "\nversion: 0 producerId: 1001 firstOffset: 11 lastOffset: 18 "
                                "lastStableOffset: 19\n");
}

TEST_F(DumpLog, DecodesTheRecordsOfGroupsAsKafkasToolDoes) {
  // Written, and printed so, by Kafka 3.9.1.
  const auto ran = dump(OTTLA_SAMPLES_DIR
                        "/clean/__consumer_offsets-0/"
                        "00000000000000000000.log",
                        "--offsets-decoder");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(
      ran.out,
      HasSubstr(R"(key: {"type":"2","data":{"group":"g-sample"}} payload: {"version":"3","data":{)"
                R"("protocolType":"consumer","generation":1,"protocol":"range",)"
                R"("leader":"consumer-g-sample-1-6c5a2fb6-2fc7-4276-9f63-ae391009c2c3",)"
                R"("currentStateTimestamp":1795236665363,"members":[{)"
                R"("memberId":"consumer-g-sample-1-6c5a2fb6-2fc7-4276-9f63-ae391009c2c3",)"
                R"("groupInstanceId":null,"clientId":"consumer-g-sample-1",)"
                R"("clientHost":"/127.0.0.1","rebalanceTimeout":300000,"sessionTimeout":45000,)"
                R"("subscription":{"topics":["plain"],"userData":null,"ownedPartitions":[],)"
                R"("generationId":-1,"rackId":null},"assignment":{"assignedPartitions":[{)"
                R"("topic":"plain","partitions":[0,1]}],"userData":null}}]}})"));
  EXPECT_THAT(ran.out, HasSubstr(R"(key: {"type":"1","data":{"group":"g-sample","topic":"plain",)"
                                 R"("partition":0}} payload: {"version":"3","data":{"offset":123,)"
                                 R"("leaderEpoch":0,"metadata":"meta-0",)"
                                 R"("commitTimestamp":1795236665465}})"));
}

TEST_F(DumpLog, DecodesTheRecordsOfTransactionsAsKafkasToolDoes) {
  // Written, and printed so, by Kafka 3.9.1.
  const auto ran = dump(OTTLA_SAMPLES_DIR "/clean/__transaction_state-1/00000000000000000000.log",
                        "--transaction-log-decoder");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out,
              HasSubstr("headerKeys: [] key: transaction_metadata::transactionalId=tx-sample "
                        "payload: producerId:1001,producerEpoch:0,state=Ongoing,partitions=[txn-0],"
                        "txnLastUpdateTimestamp=1795236664650,txnTimeoutMs=60000\n"));
  const auto groups = dump(OTTLA_SAMPLES_DIR "/clean/__consumer_offsets-0/00000000000000000000.log",
                           "--transaction-log-decoder");
  EXPECT_THAT(groups.out, HasSubstr("headerKeys: [] key: unknown::version=2\n"));
}

TEST_F(DumpLog, ShowsTheSmallFiles) {
  const auto epochs = write("leader-epoch-checkpoint", "0\n2\n3 0\n5 17\n");
  EXPECT_EQ(dump(epochs).out,
            "Dumping " + epochs + "\nepoch: 3 startOffset: 0\nepoch: 5 startOffset: 17\n");
  const auto points = write("recovery-point-offset-checkpoint", "0\n1\norders 2 17\n");
  EXPECT_THAT(dump(points).out, HasSubstr("topic: orders partition: 2 offset: 17\n"));
  const auto meta = write("meta.properties", "version=0\nbroker.id=7\ncluster.id=abc\n");
  EXPECT_THAT(dump(meta).out, HasSubstr("brokerId: 7\nclusterId: abc\n"));
  const auto topic = write("partition.metadata", "version: 0\ntopic_id: 3SzTX0fdQOq0n5G2eS_1Zw\n");
  EXPECT_THAT(dump(topic).out, HasSubstr("topicId: 3SzTX0fdQOq0n5G2eS_1Zw\n"));
}

TEST_F(DumpLog, ShowsFilesOnTheirWayInAndOutOfTheLog) {
  const std::string sample = OTTLA_SAMPLES_DIR "/clean/plain-0/00000000000000000000";
  for (const std::string kind : {".log", ".index", ".timeindex"}) {
    const auto shown = dump(sample + kind);
    ASSERT_EQ(shown.code, 0) << shown.err;
    for (const std::string stage : {".deleted", ".cleaned", ".swap"}) {
      env::PosixFileSystem files;
      (void)write("00000000000000000000.log" + stage,
                  env::read_file(files, sample + ".log").value());
      const auto copy = write("00000000000000000000" + kind + stage,
                              env::read_file(files, sample + kind).value());
      const auto ran = dump(copy);
      EXPECT_EQ(ran.code, 0) << copy << ran.err;
      EXPECT_EQ(ran.out.substr(ran.out.find('\n')), shown.out.substr(shown.out.find('\n')));
    }
  }
}

/// Each line, without the file's name, which must stand in each.
std::vector<std::string> objects(const std::string& text, const std::string& path) {
  std::vector<std::string> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    auto object = boost::json::parse(line).as_object();
    EXPECT_EQ(object.at("file").as_string(), path);
    object.stable_erase(object.find("file"));
    all.push_back(boost::json::serialize(object));
  }
  return all;
}

TEST_F(DumpLog, ShowsEveryFileAsJson) {
  const auto as_json = [&](const std::string& path) {
    const Ran ran = dump(path, "--json");
    EXPECT_EQ(ran.code, 0) << ran.err;
    return objects(ran.out, path);
  };
  const auto log = write("00000000000000000000.log", marker_batch(77));
  EXPECT_THAT(as_json(log),
              ElementsAre(HasSubstr(R"("baseOffset":0,"lastOffset":0,"position":0)")));
  const auto index = write("00000000000000000000.index", entry({{0, 4}, {0, 4}}));
  EXPECT_THAT(as_json(index), ElementsAre(R"({"offset":0,"position":0})"));
  EXPECT_THAT(objects(dump(index, "--json", "--index-sanity-check").out, index),
              ElementsAre(R"({"entries":1,"sane":true})"));
  EXPECT_THAT(as_json(write("00000000000000000000.timeindex", entry({{77, 8}, {0, 4}}))),
              ElementsAre(R"({"timestamp":77,"offset":0})"));
  EXPECT_THAT(as_json(write("00000000000000000010.txnindex",
                            entry({{0, 2}, {1001, 8}, {11, 8}, {18, 8}, {19, 8}}))),
              ElementsAre(R"({"version":0,"producerId":1001,"firstOffset":11,"lastOffset":18,)"
                          R"("lastStableOffset":19})"));
  EXPECT_THAT(as_json(write("leader-epoch-checkpoint", "0\n2\n3 0\n5 17\n")),
              ElementsAre(R"({"epoch":3,"startOffset":0})", R"({"epoch":5,"startOffset":17})"));
  EXPECT_THAT(as_json(write("recovery-point-offset-checkpoint", "0\n1\norders 2 17\n")),
              ElementsAre(R"({"topic":"orders","partition":2,"offset":17})"));
  EXPECT_THAT(as_json(write("meta.properties", "version=0\nbroker.id=7\ncluster.id=abc\n")),
              ElementsAre(R"({"brokerId":7})", R"({"clusterId":"abc"})"));
  EXPECT_THAT(
      as_json(write("partition.metadata", "version: 0\ntopic_id: 3SzTX0fdQOq0n5G2eS_1Zw\n")),
      ElementsAre(R"({"topicId":"3SzTX0fdQOq0n5G2eS_1Zw"})"));
  EXPECT_THAT(as_json(write(".kafka_cleanshutdown", "{\"version\":0}\n")),
              ElementsAre(R"({"text":"{\"version\":0}\n"})"));
  EXPECT_THAT(as_json(write("ottla-reserve", std::string(17, '\0'))),
              ElementsAre(R"({"bytes":17})"));
  group::GroupSnapshot snapshot{
      .end = Offset(50), .last_epoch = LeaderEpoch(4), .log_start_offset = Offset(1)};
  EXPECT_THAT(
      as_json(write("ottla-groups", group::encode_snapshot(snapshot))),
      ElementsAre(R"({"endOffset":50,"lastLeaderEpoch":4,"logStartOffset":1,"entries":0})"));
}

// Written by Kafka 3.9.1: a transaction that is open.
TEST_F(DumpLog, ShowsProducerSnapshotsInBothForms) {
  const std::string path = OTTLA_SAMPLES_DIR "/unclean/txn-0/00000000000000000010.snapshot";
  EXPECT_THAT(
      dump(path).out,
      HasSubstr("\nproducerId: 1001 producerEpoch: 0 coordinatorEpoch: -1 currentTxnFirstOffset: "
                "OptionalLong[0] lastTimestamp: 1700000000009 firstSequence: 0 lastSequence: 9 "
                "lastOffset: 9 offsetDelta: 9 timestamp: 1700000000009\n"));
  EXPECT_THAT(
      objects(dump(path, "--json").out, path),
      ElementsAre(R"({"producerId":1001,"producerEpoch":0,"coordinatorEpoch":-1,)"
                  R"("currentTxnFirstOffset":0,"lastTimestamp":1700000000009,"firstSequence":0,)"
                  R"("lastSequence":9,"lastOffset":9,"offsetDelta":9,"timestamp":1700000000009})"));
}

TEST_F(DumpLog, ShowsOttlasOwnFiles) {
  for (const std::string name : {".kafka_cleanshutdown", "ottla-boot", "ottla-put-aside",
                                 "ottla-moved-from", "ottla.directory.id"}) {
    const auto path = write(name, "some words");
    EXPECT_EQ(dump(path).out, "Dumping " + path + "\nsome words\n");
  }
  for (const std::string name : {"ottla-reserve", "ottla-disk-probe", "ottla-probe", ".lock"}) {
    const auto path = write(name, std::string(17, '\0'));
    EXPECT_EQ(dump(path).out, "Dumping " + path + "\n17 bytes without a meaning\n");
  }
}

TEST_F(DumpLog, ShowsTheSnapshotOfAGroupLog) {
  const TopicPartition partition{"orders", 3};
  const group::CommittedOffset committed{
      .offset = Offset(7), .leader_epoch = LeaderEpoch(2), .metadata = "m", .commit_time = 99};
  group::GroupSnapshot snapshot{
      .end = Offset(50), .last_epoch = LeaderEpoch(4), .log_start_offset = Offset(1)};
  snapshot.entries.push_back({.log_offset = Offset(40),
                              .record = group::offset_record("g", partition, committed).value()});
  snapshot.entries.push_back(
      {.log_offset = Offset(41),
       .record = group::ended_offset_record(
                     "g", partition,
                     {.committed = committed, .ended = 123, .why = group::OffsetEnd::Deleted})
                     .value()});
  const auto path = write("ottla-groups", group::encode_snapshot(snapshot));
  EXPECT_EQ(
      dump(path).out,
      "Dumping " + path +
          "\nsnapshot of groups: end offset: 50 last leader epoch: 4 log start offset: 1 "
          "entries: 2\n"
          R"(offset: 40 key: {"type":"1","data":{"group":"g","topic":"orders","partition":3}} )"
          R"(payload: {"version":"3","data":{"offset":7,"leaderEpoch":2,"metadata":"m",)"
          R"("commitTimestamp":99}})"
          "\n"
          R"(offset: 41 key: {"type":"20000","data":{"group":"g","topic":"orders","partition":3}} )"
          R"(payload: {"version":"20000","data":{"offset":7,"leaderEpoch":2,"metadata":"m",)"
          R"("commitTimestamp":99,"endedTimestamp":123,"why":"deleted"}})"
          "\n");
  EXPECT_EQ(dump(write("ottla-groups", "garbage")).code, 1);
}

TEST_F(DumpLog, SaysThatLogsOfOtherModesDoNotExist) {
  const Ran metadata = dump("a.log", "--cluster-metadata-decoder");
  EXPECT_EQ(metadata.code, 1);
  EXPECT_THAT(metadata.err, HasSubstr("is KRaft's"));
  EXPECT_THAT(dump("a.log", "--remote-log-metadata-decoder").err, HasSubstr("no tiered storage"));
}

TEST_F(DumpLog, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(dump(write("leader-epoch-checkpoint", "1\n")).code, 1);
  EXPECT_EQ(dump(write("other-checkpoint", "0\n")).code, 1);
  EXPECT_EQ(dump(directory_ + "/00000000000000000000.log").code, 1);
  EXPECT_EQ(dump(write("00000000000000000000.snapshot", "garbage of ten")).code, 1);
}

}  // namespace
}  // namespace ottla::cli
