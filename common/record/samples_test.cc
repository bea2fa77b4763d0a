// What an independent reader found in log directories of a real Kafka 3.9.1, against our reading.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/record/control_record.h"
#include "common/record/record_batch.h"
#include "common/record/records.h"

namespace ottla::record {
namespace {

using std::string;
namespace fs = std::filesystem;

const fs::path kSamples = OTTLA_SAMPLES_DIR;

string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

string count_and_range(const RecordBatchView& batch, std::int64_t& first, std::int64_t& last) {
  auto reader = RecordReader::open(batch).value();
  Record record;
  std::int64_t count = 0;
  while (reader.next(record).value()) {
    if (count++ == 0) first = record.offset.value();
    last = record.offset.value();
  }
  return std::to_string(count);
}

string flags_of(const RecordBatchView& batch) {
  string flags;
  if (batch.is_transactional()) flags += 'T';
  if (batch.is_control()) flags += 'C';
  if (batch.has_delete_horizon()) flags += 'H';
  return flags.empty() ? "-" : flags;
}

string control_of(const RecordBatchView& batch) {
  if (!batch.is_control()) return "-";
  return control_type(batch).value() == ControlType::Commit ? "COMMIT" : "ABORT";
}

/// One line as the reader that made the .tsv writes it. It knows nothing of what is inside snappy
/// and lz4 wrappers of formats 0 and 1: there it has "-".
string describe(const RecordBatchView& batch, std::size_t position) {
  std::ostringstream line;
  std::int64_t first = batch.base_offset().value();
  std::int64_t last = batch.last_offset().value();
  string count;
  if (batch.is_legacy()) {
    count = count_and_range(batch, first, last);
    EXPECT_EQ(last, batch.last_offset().value());
    EXPECT_EQ(last - first + 1, std::stoll(count));
  } else {
    count = std::to_string(*batch.record_count());
    std::int64_t ignored = 0;
    EXPECT_EQ(count_and_range(batch, ignored, ignored), count);
  }
  char crc[16];
  std::snprintf(crc, sizeof crc, "%08x", batch.crc());
  const bool opaque = batch.is_legacy() && batch.codec() > Codec::Gzip;
  line << position << '\t' << batch.size() << '\t' << int{batch.magic()} << '\t'
       << (opaque ? "-" : std::to_string(first)) << '\t' << last << '\t' << (opaque ? "-" : count)
       << '\t' << name_of(batch.codec()) << '\t' << crc << '\t'
       << (batch.validate_crc() ? "ok" : "BAD") << '\t' << batch.max_timestamp() << '\t';
  switch (batch.timestamp_type()) {
    case TimestampType::None:
      line << "-";
      break;
    case TimestampType::CreateTime:
      line << "create";
      break;
    case TimestampType::LogAppendTime:
      line << "append";
      break;
  }
  if (batch.is_legacy()) {
    line << "\t-\t-\t-\t-";
  } else {
    line << '\t' << batch.leader_epoch() << '\t' << batch.producer_id() << '\t'
         << batch.producer_epoch() << '\t' << batch.base_sequence();
  }
  line << '\t' << flags_of(batch) << '\t' << control_of(batch);
  return line.str();
}

std::vector<string> describe_all(const fs::path& dir) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (entry.path().extension() == ".log") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<string> lines;
  for (const fs::path& file : files) {
    const string bytes = read_file(file);
    const string prefix =
        file.parent_path().filename().string() + '\t' + file.filename().string() + '\t';
    BatchIterator batches(as_bytes(bytes));
    while (true) {
      const std::size_t position = batches.position();
      const auto batch = batches.next().value();
      if (!batch) break;
      lines.push_back(prefix + describe(*batch, position));
    }
    EXPECT_EQ(batches.position(), bytes.size()) << file;
  }
  return lines;
}

class Samples : public testing::TestWithParam<string> {};
INSTANTIATE_TEST_SUITE_P(Dirs, Samples, testing::Values("clean", "unclean"),
                         [](const auto& each) { return each.param; });

TEST_P(Samples, EveryBatchReadsAsTheIndependentReaderSaw) {
  std::vector<string> expected;
  std::istringstream listing(read_file(kSamples / (GetParam() + ".batches.tsv")));
  for (string line; std::getline(listing, line);) {
    if (!line.starts_with('#')) expected.push_back(line);
  }
  std::vector<string> found = describe_all(kSamples / GetParam());
  std::sort(expected.begin(), expected.end());
  std::sort(found.begin(), found.end());
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], expected[i]);
}

string as_lines(const string& partition) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kSamples / "clean" / partition)) {
    if (entry.path().extension() == ".log") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::ostringstream out;
  for (const fs::path& file : files) {
    const string bytes = read_file(file);
    BatchIterator batches(as_bytes(bytes));
    while (const auto batch = batches.next().value()) {
      auto reader = RecordReader::open(*batch).value();
      Record record;
      while (reader.next(record).value()) {
        out << record.offset << ' ' << (record.key ? as_text(*record.key) : "null") << ' '
            << (record.value ? as_text(*record.value) : "null");
        for (const Header& header : record.headers) {
          out << ' ' << header.key << '=' << (header.value ? as_text(*header.value) : "null");
        }
        out << '\n';
      }
    }
  }
  return out.str();
}

TEST(SampleRecords, AllCodecsHoldTheSameRecords) {
  const string gzip = as_lines("c-gzip-0");
  EXPECT_EQ(std::count(gzip.begin(), gzip.end(), '\n'), 200);
  EXPECT_NE(gzip.find(" nul=null"), string::npos);
  EXPECT_EQ(as_lines("c-snappy-0"), gzip);
  EXPECT_EQ(as_lines("c-lz4-0"), gzip);
  EXPECT_EQ(as_lines("c-zstd-0"), gzip);
}

TEST(SampleRecords, FormatsZeroAndOneHoldTheSameRecords) {
  const string v0 = as_lines("fmt-v0-0");
  EXPECT_EQ(std::count(v0.begin(), v0.end(), '\n'), 80);
  EXPECT_EQ(as_lines("fmt-v1-0"), v0);
}

}  // namespace
}  // namespace ottla::record
