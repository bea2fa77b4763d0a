#include "common/testing/simulated_file_system.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace ottla::testing {
namespace {

std::shared_ptr<env::File> create(SimulatedFileSystem& files, const std::string& path,
                                  std::string_view content) {
  auto file = files.open(path, env::OpenMode::CreateOrOpen).value();
  const ByteView piece = as_bytes(content);
  EXPECT_TRUE(file->write_at(std::span(&piece, 1), 0));
  return file;
}

TEST(SimulatedFileSystem, AProcessCrashLosesNothingButOpenFiles) {
  SimulatedFileSystem files(1);
  ASSERT_TRUE(files.create_directories("/d"));
  const auto file = create(files, "/d/f", "hello");
  const std::string boot = files.boot_id();
  auto lock = files.lock("/d/.lock");
  ASSERT_TRUE(lock);
  EXPECT_FALSE(files.lock("/d/.lock"));
  files.crash_process();
  EXPECT_TRUE(files.lock("/d/.lock"));
  EXPECT_EQ(*env::read_file(files, "/d/f"), "hello");
  EXPECT_FALSE(file->size());
  EXPECT_EQ(files.boot_id(), boot);
}

TEST(SimulatedFileSystem, AHostCrashKeepsWhatWasSyncedAndTearsTheRest) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SimulatedFileSystem files(seed);
    ASSERT_TRUE(files.create_directories("/d"));
    ASSERT_TRUE(files.sync_directory("/"));
    const auto file = create(files, "/d/f", "abc");
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(files.sync_directory("/d"));
    const ByteView more = as_bytes("defg");
    ASSERT_TRUE(file->write_at(std::span(&more, 1), 3));
    const std::string boot = files.boot_id();
    files.crash_host();
    EXPECT_NE(files.boot_id(), boot);
    const std::string left = env::read_file(files, "/d/f").value();
    ASSERT_TRUE(left.starts_with("abc"));
    ASSERT_LE(left.size(), 7U);
    seen.insert(left);
  }
  for (const char* torn : {"abc", "abcd", "abcde", "abcdef", "abcdefg"}) {
    EXPECT_TRUE(seen.contains(torn)) << torn;
  }
}

TEST(SimulatedFileSystem, NamesMayBeLostUntilTheirDirectoryIsSynced) {
  int renamed = 0;
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimulatedFileSystem files(seed);
    ASSERT_TRUE(files.create_directories("/d"));
    ASSERT_TRUE(files.sync_directory("/"));
    ASSERT_TRUE(create(files, "/d/old", "x")->sync());
    ASSERT_TRUE(files.sync_directory("/d"));
    ASSERT_TRUE(files.rename("/d/old", "/d/new"));
    if (seed % 2 == 0) {
      ASSERT_TRUE(files.sync_directory("/d"));
    }
    files.crash_host();
    const bool is_new = files.exists("/d/new").value();
    EXPECT_NE(is_new, files.exists("/d/old").value());
    if (seed % 2 == 0) {
      EXPECT_TRUE(is_new);
    }
    (is_new ? renamed : lost)++;
  }
  EXPECT_GT(lost, 0);
  EXPECT_GT(renamed, 50);
}

TEST(SimulatedFileSystem, AFullDiskTakesAPart) {
  SimulatedFileSystem files(1);
  const auto file = create(files, "/f", "12345");
  files.set_free_bytes(3);
  const ByteView more = as_bytes("6789a");
  const auto written = file->write_at(std::span(&more, 1), 5);
  ASSERT_FALSE(written);
  EXPECT_EQ(env::io_error_kind(written.error()), env::IoErrorKind::DiskFull);
  EXPECT_EQ(*file->size(), 8U);
}

TEST(SimulatedFileSystem, FaultsAndStopsFailOperations) {
  SimulatedFileSystem files(1);
  const auto file = create(files, "/f", "12345");
  files.set_fault(
      [](std::string_view operation, const std::string&) { return operation == "sync" ? EIO : 0; });
  EXPECT_FALSE(file->sync());
  EXPECT_TRUE(file->truncate(3));
  files.set_fault(nullptr);
  files.stop_after(2);
  EXPECT_TRUE(file->sync());
  EXPECT_FALSE(file->sync());
  EXPECT_FALSE(files.list("/"));
  files.crash_process();
  EXPECT_TRUE(files.list("/"));
}

}  // namespace
}  // namespace ottla::testing
