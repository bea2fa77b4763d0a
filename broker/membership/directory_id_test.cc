#include "broker/membership/directory_id.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace ottla::membership {
namespace {

TEST(DirectoryId, StaysTheSameAndIsMadeAnewWhenBroken) {
  std::string directory = std::filesystem::temp_directory_path() / "ottla-directory-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  env::PosixFileSystem files;
  env::SeededRandom random(1);
  const auto first = directory_id(files, random, directory);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(directory_id(files, random, directory), first);
  ASSERT_TRUE(env::replace_file(files, directory + "/" + kDirectoryIdFile, "torn").has_value());
  const auto second = directory_id(files, random, directory);
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(second, first);
  std::filesystem::remove_all(directory);
}

TEST(DirectoryId, AnUnreadableDirectoryIsAnError) {
  env::PosixFileSystem files;
  env::SeededRandom random(1);
  EXPECT_FALSE(directory_id(files, random, "/nowhere/at/all").has_value());
}

}  // namespace
}  // namespace ottla::membership
