#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "broker/storage/log_cleaner.h"
#include "common/record/record_batch_builder.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {

/// Logs in /a of a simulated disk, compacted ones, and what a cleaner of them needs.
class LogCleanerTest : public ::testing::Test {
 protected:
  LogCleanerTest() {
    config_->segment_bytes = 1000;
    config_->cleanup_compact = true;
    config_->cleanup_delete = false;
    LogStoreOptions options;
    options.directories = {"/a"};
    store_ = LogStore::open(files_, world_.clock(), world_.random(), *executor_, options, nullptr)
                 .value();
    EXPECT_TRUE(store_->set_identity(BrokerId(1), "cluster"));
    bool loaded = false;
    store_->load(
        [this](const std::string&) { return config_; },
        [&](const Result<std::vector<DirectoryLoad>>& outcome) { loaded = outcome.has_value(); });
    world_.run_for(std::chrono::seconds(1));
    EXPECT_TRUE(loaded);
    store_->start([this](const TopicPartition& partition) -> std::optional<Offset> {
      const auto log = store_->find(partition);
      return log ? std::optional(log->log_end_offset()) : std::nullopt;
    });
  }

  std::shared_ptr<Log> make_log(const std::string& topic, int batches) {
    auto log = store_->find_or_create({topic, 0}, TopicId(1, 2), config_).value();
    for (int i = 0; i < batches; ++i) append(*log, i % 3);
    return log;
  }

  /// A value of its own under the key "k" and the number.
  void append(Log& log, int key) {
    record::RecordBatchBuilder builder({});
    ++appended_;
    builder.append(1000 + appended_, as_bytes("k" + std::to_string(key)),
                   as_bytes(std::string(100, 'v') + std::to_string(10'000 + appended_)));
    EXPECT_TRUE(log.append_as_leader(builder.build().value()->bytes(), LeaderEpoch(0)));
  }

  LogCleaner::Dependencies world() {
    return {.files = files_,
            .clock = world_.clock(),
            .random = world_.random(),
            .make_executor =
                [this](std::size_t threads) {
                  threads_ = threads;
                  return world_.make_executor();
                },
            .logs = *store_,
            .metrics = &registry_};
  }

  /// The sum over all series of the metric.
  double shown(const metrics::Metric& metric) const {
    double sum = 0;
    for (const auto& sample : registry_.samples()) {
      if (*sample.metric == metric) sum += sample.value;
    }
    return sum;
  }

  int appended_ = 0;
  std::size_t threads_ = 0;
  metrics::Registry registry_;
  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_{1, &world_.clock()};
  std::unique_ptr<env::Executor> executor_ = world_.make_executor();
  std::shared_ptr<LogConfig> config_ = std::make_shared<LogConfig>();
  std::unique_ptr<LogStore> store_;
};

}  // namespace ottla::storage
