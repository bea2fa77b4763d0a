// Logs on the real file system: what an append costs, and readers beside a writer.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <iostream>
#include <thread>

#include "broker/storage/log.h"
#include "common/record/record_batch_builder.h"

namespace ottla::storage {
namespace {

class LogOnDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/log.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override {
    log_ = nullptr;
    pool_.stop();
    std::filesystem::remove_all(root_);
  }

  void open() {
    auto log = Log::open({files_, clock_, pool_, health_, deletions_},
                         {.directory = root_ + "/t-0", .partition = {"t", 0}, .config = config_});
    ASSERT_TRUE(log) << log.error();
    log_ = *log;
  }

  SharedBuffer batch(std::size_t value_size) {
    record::RecordBatchBuilder builder({});
    builder.append(clock_.wall_now_ms(), as_bytes("key"), as_bytes(std::string(value_size, 'x')));
    return builder.build().value();
  }

  std::string root_;
  env::PosixFileSystem files_;
  env::SystemClock clock_;
  env::ThreadPool pool_{"io", 2};
  LogHealth health_{"dir", pool_, nullptr};
  DeferredDeletion deletions_{files_, pool_};
  std::shared_ptr<LogConfig> config_ = std::make_shared<LogConfig>();
  std::shared_ptr<Log> log_;
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Prints, for the eye: most of it is the kernel's copy into the page cache.
TEST_F(LogOnDisk, AppendsOf64KiBAreCheap) {
  constexpr int kAppends = 4096;  // 256 MiB
  config_->segment_bytes = 128 << 20;
  open();
  const SharedBuffer bytes = batch((64 << 10) - 80);
  const double before = cpu_seconds();
  for (int i = 0; i < kAppends; ++i) {
    ASSERT_TRUE(log_->append_as_leader(bytes->bytes(), LeaderEpoch(0)));
  }
  const double gigabytes = static_cast<double>(log_->size_bytes()) / 1e9;
  const double appended = cpu_seconds();
  std::uint64_t read = 0;
  for (Offset at{0}; at < log_->log_end_offset();) {
    const FetchData data = log_->read(at, {.max_bytes = 1 << 20, .whole_batches = true}).value();
    read += data.records.length;
    at = at + static_cast<std::int64_t>(data.records.length / bytes->size());
  }
  EXPECT_EQ(read, log_->size_bytes());
  std::cout << "append: " << (appended - before) / gigabytes
            << " CPU-s/GB, finding what to send in 1 MiB reads: "
            << (cpu_seconds() - appended) / gigabytes << " CPU-s/GB\n";
}

TEST_F(LogOnDisk, ReadersBesideAWriterSeeWholeBatchesInOrder) {
  config_->segment_bytes = 20'000;
  config_->index_interval_bytes = 300;
  config_->retention_bytes = 100'000;
  config_->retention_age.reset();
  config_->file_delete_delay = std::chrono::milliseconds(0);
  open();
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> batches_read = 0;
  std::vector<std::thread> threads;
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&] {
      Offset at{0};
      while (!done || at < log_->log_end_offset()) {
        const auto data = log_->read(at, {.max_bytes = 2000});
        if (!data) {
          // Retention overtook us.
          ASSERT_EQ(data.error().code(), ErrorCode::OffsetOutOfRange);
          at = log_->log_start_offset();
          continue;
        }
        const SharedBuffer bytes = read_slice(data->records).value();
        record::BatchIterator batches(bytes->bytes());
        while (const auto next = batches.next().value()) {
          ASSERT_GE(next->base_offset(), at);
          ASSERT_TRUE(next->validate_crc());
          at = next->next_offset();
          ++batches_read;
        }
        (void)log_->last_stable_offset(at);
        (void)log_->end_offset_for_epoch(LeaderEpoch(0));
      }
    });
  }
  threads.emplace_back([&] {
    while (!done) {
      ASSERT_TRUE(log_->delete_old_segments(log_->log_end_offset()));
      ASSERT_TRUE(log_->flush());
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(log_->append_as_leader(batch(static_cast<std::size_t>(i % 200))->bytes(),
                                       LeaderEpoch(i / 1000)));
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(batches_read, 0U);
  EXPECT_TRUE(health_.is_online());
  ASSERT_TRUE(log_->close());
}

}  // namespace
}  // namespace ottla::storage
