#include "cli/log_verifier.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/tool.h"

namespace ottla::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A log dir that Kafka 3.9.1 closed cleanly, to be damaged.
class LogVerifier : public testing::Test {
 protected:
  LogVerifier() {
    std::string pattern = testing::TempDir() + "verify-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    std::filesystem::copy(OTTLA_SAMPLES_DIR "/clean", directory_,
                          std::filesystem::copy_options::recursive);
  }
  ~LogVerifier() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void flip(const std::string& name, std::size_t position) const {
    std::string content = read(name);
    content.at(position) = static_cast<char>(content.at(position) ^ 0x55);
    write(name, content);
  }
  void cut(const std::string& name, std::size_t by) const {
    std::filesystem::resize_file(path(name), std::filesystem::file_size(path(name)) - by);
  }
  void crashed() const { std::filesystem::remove(path(".kafka_cleanshutdown")); }

  std::vector<Finding> findings(const std::string& below = "") const {
    env::PosixFileSystem files;
    Verification found;
    const auto result = verify_directory(files, below.empty() ? directory_ : path(below), found);
    EXPECT_TRUE(result) << result.error();
    return found.findings;
  }
  /// The only one there is.
  void expect_damage(const std::string& file, const std::string& problem,
                     Finding::Severity severity = Finding::Severity::Damage) const {
    const auto all = findings();
    ASSERT_THAT(all, SizeIs(1)) << testing::PrintToString([&] {
      std::string text;
      for (const Finding& one : all) text += one.file + ": " + one.problem + "\n";
      return text;
    }());
    EXPECT_EQ(all[0].file, path(file));
    EXPECT_THAT(all[0].problem, HasSubstr(problem));
    EXPECT_EQ(all[0].severity, severity);
  }

  std::string directory_;
};

const std::string kMiddle = "plain-0/00000000000000000150";

TEST_F(LogVerifier, FindsNothingWhereKafkaLeftThingsInOrder) {
  EXPECT_THAT(findings(), IsEmpty());
  std::filesystem::copy(
      OTTLA_SAMPLES_DIR "/unclean", directory_,
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  crashed();
  for (const Finding& finding : findings()) {
    EXPECT_EQ(finding.severity, Finding::Severity::Note) << finding.file << finding.problem;
  }
}

TEST_F(LogVerifier, FindsADamagedRecordInAMiddleSegment) {
  flip(kMiddle + ".log", 600);
  expect_damage(kMiddle + ".log", "its CRC does not match");
  EXPECT_GT(findings()[0].position, 0U);
  EXPECT_LE(findings()[0].position, 600U);
  crashed();
  EXPECT_EQ(findings()[0].severity, Finding::Severity::Damage);
}

TEST_F(LogVerifier, ReadsOnBehindAHeaderThatIsNone) {
  // The length of the first batch.
  flip(kMiddle + ".log", 8);
  const auto all = findings("plain-0");
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all[0].position, 0U);
  EXPECT_THAT(all[0].problem, HasSubstr("by the offset index"));
}

TEST_F(LogVerifier, FindsAMissingSegment) {
  for (const std::string suffix : {".log", ".index", ".timeindex", ".snapshot"}) {
    std::filesystem::remove(path(kMiddle + suffix));
  }
  expect_damage("plain-0/00000000000000000230.log", "offsets 150 to 229 are missing");
}

TEST_F(LogVerifier, ATornTailIsDamageUnlessTheBrokerCrashed) {
  cut("plain-0/00000000000000000230.log", 10);
  for (const std::string suffix : {".index", ".timeindex"}) {
    std::filesystem::remove(path("plain-0/00000000000000000230" + suffix));
  }
  const auto tail = [&] {
    for (const Finding& finding : findings("plain-0")) {
      if (finding.file.ends_with(".log")) return finding;
    }
    return Finding{};
  };
  EXPECT_THAT(tail().problem, HasSubstr("are no whole batch"));
  EXPECT_EQ(tail().severity, Finding::Severity::Damage);
  crashed();
  EXPECT_THAT(tail().problem, HasSubstr("a start cuts them"));
  EXPECT_EQ(tail().severity, Finding::Severity::Note);
}

TEST_F(LogVerifier, ComparesIndexesWithTheirSegment) {
  flip(kMiddle + ".index", 15);  // the position of the second entry
  expect_damage(kMiddle + ".index", "no such batch begins there");
  EXPECT_EQ(findings()[0].position, 8U);
}

TEST_F(LogVerifier, ComparesTimeIndexesWithTheirSegment) {
  flip(kMiddle + ".timeindex", 12 + 11);  // the offset of the second entry
  const auto all = findings();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all[0].file, path(kMiddle + ".timeindex"));
}

TEST_F(LogVerifier, ComparesTransactionIndexesWithTheMarkers) {
  flip("txn-0/00000000000000000010.txnindex", 9);  // the producer
  expect_damage("txn-0/00000000000000000010.txnindex", "where no marker of producer");
}

TEST_F(LogVerifier, ReadsProducerSnapshots) {
  flip("idem-0/00000000000000000100.snapshot", 20);
  expect_damage("idem-0/00000000000000000100.snapshot", "");
}

TEST_F(LogVerifier, ComparesLeaderEpochsWithTheBatches) {
  write("plain-0/leader-epoch-checkpoint", "0\n2\n0 0\n3 200\n");
  expect_damage("plain-0/leader-epoch-checkpoint", "says epoch 3 at offset");
  write("plain-0/leader-epoch-checkpoint", "0\n2\n0 0\n3 1000\n");
  expect_damage("plain-0/leader-epoch-checkpoint", "behind the log's end 300");
  write("plain-0/leader-epoch-checkpoint", "0\n3\n0 0\n");
  expect_damage("plain-0/leader-epoch-checkpoint", "says 3 entries, has 1");
}

TEST_F(LogVerifier, ComparesCheckpointsWithTheLogs) {
  write("log-start-offset-checkpoint", "0\n2\ntrimmed 0 37\nplain 0 301\n");
  expect_damage("log-start-offset-checkpoint", "plain-0: 301 is behind the log's end 300");
  write("log-start-offset-checkpoint", "0\n1\ntrimmed 0 37\n");
  write("cleaner-offset-checkpoint", "0\n2\ncompacted 0 330\nnever-seen 3 1\n");
  expect_damage("cleaner-offset-checkpoint", "never-seen-3, which has no directory",
                Finding::Severity::Note);
}

TEST_F(LogVerifier, ReadsMetaPropertiesAndTopicIds) {
  write("plain-0/partition.metadata", "version: 0\ntopic_id: ???\n");
  expect_damage("plain-0/partition.metadata", "");
  std::filesystem::copy(OTTLA_SAMPLES_DIR "/clean/plain-0/partition.metadata",
                        path("plain-0/partition.metadata"),
                        std::filesystem::copy_options::overwrite_existing);
  write("meta.properties", "version=0\nbroker.id=7\n");
  expect_damage("meta.properties", "");
}

TEST_F(LogVerifier, RefusesOtherDirectories) {
  env::PosixFileSystem files;
  Verification found;
  std::filesystem::create_directory(path("elsewhere"));
  EXPECT_FALSE(verify_directory(files, path("elsewhere"), found));
  EXPECT_FALSE(verify_directory(files, path("nowhere"), found));
}

TEST_F(LogVerifier, IsATool) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Console console{in, out, err};
  const std::vector<std::string> words = {"dump-log", "--verify", directory_ + "/", "--json"};
  EXPECT_EQ(run(words, console), 0) << err.str();
  EXPECT_EQ(out.str(),
            "{\"partitions\":19,\"segments\":29,\"batches\":200,\"bytes\":73723,"
            "\"findings\":[]}\n");
  flip(kMiddle + ".log", 600);
  out.str("");
  EXPECT_EQ(run(words, console), 1);
  EXPECT_THAT(out.str(),
              HasSubstr("\"severity\":\"damage\",\"file\":\"" + path(kMiddle) + ".log\""));
  out.str("");
  EXPECT_EQ(run({{"dump-log", "--verify", path("plain-0") + "," + path("idem-0")}}, console), 1);
  EXPECT_THAT(out.str(), HasSubstr("2 partitions, 5 segments"));
  EXPECT_THAT(out.str(), HasSubstr("1 damages, 0 notes"));
}

}  // namespace
}  // namespace ottla::cli
