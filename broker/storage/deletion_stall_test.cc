// Deleting never stalls produce or fetch: whatever is asked of the disk meanwhile, and however long
// the disk takes for it.
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <map>

#include "broker/storage/log_store.h"
#include "common/env/executor.h"
#include "common/record/record_batch_builder.h"
#include "common/testing/intercepted_file_system.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Of a client that no lock keeps from its answer, on the busiest machine.
constexpr seconds kAnswers{20};

class DeletionStallTest : public ::testing::Test {
 protected:
  void SetUp() override {
    config_->segment_bytes = 1000;
    config_->retention_bytes = 2000;
    config_->file_delete_delay = milliseconds(1000);
    LogStoreOptions options;
    options.directories = {"/a"};
    store_ = LogStore::open(slow_, world_.clock(), world_.random(), *executor_, options,
                            [](const std::string&, const Error&) { FAIL(); })
                 .value();
    ASSERT_TRUE(store_->set_identity(BrokerId(7), "cluster"));
    bool loaded = false;
    store_->load([this](const std::string&) { return config_; },
                 [&](const Result<std::vector<DirectoryLoad>>&) { loaded = true; });
    ASSERT_TRUE(world_.run_until_true([&] { return loaded; }, seconds(1)));
    store_->start([this](const TopicPartition& partition) -> std::optional<Offset> {
      const auto log = store_->find(partition);
      return log ? std::optional(log->log_end_offset()) : std::nullopt;
    });
    log_ = make({"t", 0});
    other_ = make({"other", 0});
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(append(*log_));
    ASSERT_TRUE(append(*other_));
    ASSERT_GT(log_->segment_count(), 4U);
  }

  std::shared_ptr<Log> make(const TopicPartition& partition) {
    return store_->find_or_create(partition, TopicId(1, 2), config_).value();
  }
  static bool append(Log& log) {
    record::RecordBatchBuilder builder({});
    builder.append(1, as_bytes("key"), as_bytes(std::string(100, 'v')));
    return log.append_as_leader(builder.build().value()->bytes(), LeaderEpoch(3)).has_value();
  }
  static bool read_last(const Log& log) {
    const auto data = log.read(Offset(log.log_end_offset().value() - 1), {});
    return data && data->records.length > 0;
  }

  /// While the disk is at this operation, a producer and a consumer come by.
  void visit(std::string_view operation) {
    if (!is_deleting_ || operation == "open") return;  // a roll creates files, as an append's does
    ++visits_[std::string(operation)];
    std::promise<bool> outcome;
    auto answered = outcome.get_future();
    clients_.post([&] {
      const bool took = append(*log_);
      const bool gave = read_last(*log_);
      outcome.set_value((is_topic_deleted_ || (took && gave)) && append(*other_) &&
                        read_last(*other_));
    });
    ASSERT_EQ(answered.wait_for(kAnswers), std::future_status::ready)
        << operation << " is done under a lock that appends or reads need";
    EXPECT_TRUE(answered.get());
  }
  template <class Work>
  void while_deleting(Work work) {
    is_deleting_ = true;
    work();
    is_deleting_ = false;
  }

  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_{1, &world_.clock()};
  testing::InterceptedFileSystem slow_{
      files_, [this](std::string_view operation, const std::string&) { visit(operation); }};
  std::unique_ptr<env::Executor> executor_ = world_.make_executor();
  env::EventLoop clients_{"clients"};
  std::shared_ptr<LogConfig> config_ = std::make_shared<LogConfig>();
  std::unique_ptr<LogStore> store_;
  std::shared_ptr<Log> log_;
  std::shared_ptr<Log> other_;
  bool is_deleting_ = false;
  bool is_topic_deleted_ = false;  ///< Its producer is refused, but at once.
  std::map<std::string, int> visits_;
};

TEST_F(DeletionStallTest, RetentionRenamesWithoutLocks) {
  while_deleting([&] { EXPECT_GT(store_->delete_old_segments(), 2); });
  EXPECT_GT(visits_["rename"], 6) << "a log, and its indexes, of each segment";
  EXPECT_GT(visits_["sync_directory"], 0) << "of the checkpoint";
}

TEST_F(DeletionStallTest, FilesAreRemovedWithoutLocks) {
  ASSERT_GT(store_->delete_old_segments(), 2);
  while_deleting([&] { world_.run_for(seconds(2)); });
  EXPECT_GT(visits_["remove"], 6);
}

TEST_F(DeletionStallTest, RecordsAreDeletedWithoutLocks) {
  const Offset end = log_->log_end_offset();
  while_deleting([&] {
    ASSERT_TRUE(log_->raise_log_start_offset(end, end));
    EXPECT_GT(store_->delete_old_segments(), 2);
  });
  EXPECT_GT(visits_["rename"], 6);
}

TEST_F(DeletionStallTest, ATopicIsDeletedWithoutLocks) {
  is_topic_deleted_ = true;
  while_deleting([&] {
    ASSERT_TRUE(store_->remove({"t", 0}, milliseconds(1000)));
    world_.run_for(seconds(2));
  });
  EXPECT_GT(visits_["rename"], 0);
  EXPECT_GT(visits_["remove"], 0);
}

}  // namespace
}  // namespace ottla::storage
