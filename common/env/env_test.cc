#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "common/env/clock.h"
#include "common/env/deadline_timer.h"
#include "common/env/executor.h"
#include "common/env/file_system.h"
#include "common/env/random.h"
#include "common/env/resizable_pool.h"

namespace ottla::env {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class PosixFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/env.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { ASSERT_TRUE(files_.remove_all(directory_)); }
  std::string path(const char* name) const { return directory_ + "/" + name; }

  PosixFileSystem files_;
  std::string directory_;
};

TEST_F(PosixFiles, ReadsBackWhatWasWrittenInPieces) {
  const auto file = files_.open(path("f"), OpenMode::CreateNew);
  ASSERT_TRUE(file);
  const ByteView pieces[] = {as_bytes("hello "), as_bytes(""), as_bytes("world")};
  ASSERT_TRUE((*file)->write_at(pieces, 0));
  EXPECT_EQ(*(*file)->size(), 11U);
  EXPECT_TRUE((*file)->is_cached(0, 11));
  EXPECT_EQ(*read_file(files_, path("f")), "hello world");
}

TEST_F(PosixFiles, TellsWhatIsInMemoryAndReadsIt) {
  const std::string content(1 << 20, 'x');
  const auto opened = files_.open(path("f"), OpenMode::CreateNew);
  ASSERT_TRUE(opened);
  const auto& file = *opened;
  const ByteView piece = as_bytes(content);
  ASSERT_TRUE(file->write_at(std::span(&piece, 1), 0));
  std::vector<std::byte> into(100);
  EXPECT_TRUE(file->is_cached(5000, 10));
  EXPECT_TRUE(file->is_cached(0, content.size()));
  EXPECT_EQ(*file->read_cached_at(into, content.size() - 60), 60U);
  EXPECT_EQ(*file->read_cached_at(into, content.size()), 0U);
  ASSERT_TRUE(file->sync());
  file->drop_cache(0, content.size());
  if (file->is_cached(0, content.size())) GTEST_SKIP() << "this file system is in memory";
  // Which pages are gone is the kernel's choice. Those behind what is read may be on their way: the
  // last one first, and again with all dropped anew.
  std::optional<std::uint64_t> missing;
  for (int round = 0; round < 20 && !missing; ++round) {
    file->drop_cache(0, content.size());
    for (std::uint64_t at = content.size() - 4096; at > 0 && !missing; at -= 4096) {
      const auto got = file->read_cached_at(into, at);
      ASSERT_TRUE(got) << got.error();
      if (!*got) missing = at;
    }
  }
  ASSERT_TRUE(missing);
  ASSERT_TRUE(file->read_at(into, *missing));
  EXPECT_TRUE(file->is_cached(*missing, into.size()));
  EXPECT_EQ(*file->read_cached_at(into, *missing), into.size());
}

TEST_F(PosixFiles, TellsWhyAnOpenFailed) {
  const auto missing = files_.open(path("none"), OpenMode::Read);
  ASSERT_FALSE(missing);
  EXPECT_EQ(io_error_kind(missing.error()), IoErrorKind::NotFound);
  ASSERT_TRUE(files_.open(path("f"), OpenMode::CreateNew));
  const auto taken = files_.open(path("f"), OpenMode::CreateNew);
  ASSERT_FALSE(taken);
  EXPECT_EQ(io_error_kind(taken.error()), IoErrorKind::Exists);
}

TEST_F(PosixFiles, ReplaceLeavesNoTemporaryFile) {
  ASSERT_TRUE(replace_file(files_, path("f"), "a long first content"));
  ASSERT_TRUE(replace_file(files_, path("f"), "second"));
  EXPECT_EQ(*read_file(files_, path("f")), "second");
  EXPECT_EQ(files_.list(directory_)->size(), 1U);
}

TEST_F(PosixFiles, LockExcludesASecondHolder) {
  auto first = files_.lock(path(".lock"));
  ASSERT_TRUE(first);
  EXPECT_FALSE(files_.lock(path(".lock")));
  first->reset();
  EXPECT_TRUE(files_.lock(path(".lock")));
}

TEST(EventLoop, RunsTasksInOrder) {
  EventLoop loop("test");
  std::vector<int> seen;
  std::promise<void> done;
  for (int i = 0; i < 100; ++i) loop.post([&, i] { seen.push_back(i); });
  loop.post([&] { done.set_value(); });
  done.get_future().wait();
  loop.stop();
  ASSERT_EQ(seen.size(), 100U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(DeadlineTimer, FiresAtTheEarliestDeadlineAndMayBeArmedAgain) {
  EventLoop loop("test");
  SystemClock clock;
  DeadlineTimer timer(clock, loop);
  std::promise<std::string> told;
  std::string fired;
  loop.post([&] {
    const MonotonicTime now = clock.now();
    timer.arm(std::nullopt, [&] { fired += "never"; });
    timer.arm(now + hours(1), [&] { fired += "replaced"; });
    timer.arm(now, [&] {
      fired += "first ";
      timer.arm(clock.now() + milliseconds(1), [&] {
        fired += "second";
        told.set_value(fired);
      });
    });
    timer.arm(now + hours(2), [&] { fired += "too late"; });
  });
  EXPECT_EQ(told.get_future().get(), "first second");
}

TEST(EventLoop, RunsTimersByTimeAndSkipsCancelledOnes) {
  EventLoop loop("test");
  std::promise<void> done;
  bool cancelled_ran = false;
  const TimerHandle never = loop.post_after(milliseconds(1), [&] { cancelled_ran = true; });
  never->cancel();
  std::vector<int> seen;
  const TimerHandle second = loop.post_after(milliseconds(20), [&] {
    seen.push_back(2);
    done.set_value();
  });
  const TimerHandle first = loop.post_after(milliseconds(5), [&] { seen.push_back(1); });
  const TimerHandle far = loop.post_after(hours(1), [&] { seen.push_back(3); });
  done.get_future().wait();
  loop.stop();
  EXPECT_EQ(seen, (std::vector<int>{1, 2}));
  EXPECT_FALSE(cancelled_ran);
}

TEST(ResizablePool, GrowsAndShrinksWhileItRuns) {
  ResizablePool pool("test", 1);
  std::atomic<int> waiting = 0;
  std::mutex gate;
  gate.lock();
  const auto hold = [&] {
    pool.post([&] {
      ++waiting;
      const std::lock_guard wait(gate);
    });
  };
  for (int i = 0; i < 3; ++i) hold();
  pool.resize(3);
  while (waiting < 3) std::this_thread::yield();  // three at once
  pool.resize(1);
  gate.unlock();
  std::promise<void> ran;
  pool.post([&] { ran.set_value(); });
  ran.get_future().wait();
  std::atomic<int> left = 100;
  for (int i = 0; i < 100; ++i) pool.post([&] { --left; });
  pool.stop();
  EXPECT_EQ(left, 0);
  pool.resize(2);  // nothing
}

TEST(ThreadPool, StopRunsWhatIsQueued) {
  std::atomic<int> ran = 0;
  ThreadPool pool("test", 3);
  for (int i = 0; i < 50; ++i) pool.post([&] { ++ran; });
  pool.stop();
  EXPECT_EQ(ran, 50);
}

TEST(SeededRandom, RepeatsItself) {
  SeededRandom a(7);
  SeededRandom b(7);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a.next(), b.next());
}

}  // namespace
}  // namespace ottla::env
