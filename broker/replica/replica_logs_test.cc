#include "broker/replica/replica_logs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "broker/storage/log_store.h"
#include "common/record/record_batch_builder.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::replica {
namespace {

const BrokerId kOther(1);
const BrokerId kUs(3);
const TopicId kTopicId(1, 2);
const TopicId kLaterTopicId(7, 7);
const TopicPartition kPartition{"t", 0};

class ReplicaLogsTest : public ::testing::Test {
 protected:
  void SetUp() override { start(); }

  void start() {
    executor_ = world_.make_executor();
    auto opened = storage::LogStore::open(files_, world_.clock(), world_.random(), *executor_,
                                          {.directories = {"/a"}}, /*on_offline=*/nullptr);
    ASSERT_TRUE(opened) << opened.error();
    store_ = *std::move(opened);
    ASSERT_TRUE(store_->set_identity(kUs, "cluster"));
    bool is_loaded = false;
    store_->load([this](const std::string&) { return config_; },
                 [&](const auto& outcome) { is_loaded = outcome.has_value(); });
    world_.run_for(std::chrono::seconds(1));
    ASSERT_TRUE(is_loaded);
    ASSERT_TRUE(store_->confirm_boot());
    logs_ = std::make_unique<ReplicaLogs>(kUs, *store_);
  }

  /// Of a process that ended as in a crash, with what a crash of the host takes.
  void restart_without(const std::string& path) {
    logs_ = nullptr;
    executor_ = world_.make_executor();
    store_ = nullptr;
    ASSERT_TRUE(files_.remove_all(path));
    start();
  }

  Result<std::shared_ptr<storage::Log>> take(const rpc::PartitionUpdate& update,
                                             const TopicId& id = kTopicId) {
    const ReplicaLogs::Wanted wanted{kPartition, id, update};
    OTTLA_TRY_VOID(logs_->put_aside_unnamed(wanted));
    return logs_->open(wanted, config_);
  }
  [[nodiscard]] bool is_lost(const rpc::PartitionUpdate& update) {
    return logs_->is_lost({kPartition, kTopicId, update});
  }
  rpc::ReplicaLogAnswer::Partition tell(LeaderEpoch epoch,
                                        LeaderEpoch role_epoch = kUnknownLeaderEpoch) {
    return logs_->tell({kPartition.topic, kTopicId, kPartition.partition, epoch}, role_epoch);
  }

  /// A log of ours with this many records of epoch 4.
  std::shared_ptr<storage::Log> make_log(int records, const TopicId& id = kTopicId) {
    auto log = *store_->find_or_create(kPartition, id, config_);
    for (int i = 0; i < records; ++i) {
      record::RecordBatchBuilder builder({});
      builder.append(world_.clock().wall_now_ms(), std::nullopt, as_bytes("value"));
      EXPECT_TRUE(log->append_as_leader(builder.build().value()->bytes(), LeaderEpoch(4)));
    }
    return log;
  }

  static rpc::PartitionUpdate update(cluster::PartitionState state) {
    return {.partition = kPartition.partition,
            .assignment = {.replicas = {kOther, kUs}},
            .state = std::move(state)};
  }
  std::ptrdiff_t strays() {
    const auto names = files_.list("/a").value();
    return std::ranges::count_if(
        names, [](const env::DirectoryEntry& entry) { return entry.name.ends_with("-stray"); });
  }

  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_{1, &world_.clock()};
  std::shared_ptr<const storage::LogConfig> config_ = std::make_shared<storage::LogConfig>();
  std::unique_ptr<env::Executor> executor_;
  std::unique_ptr<storage::LogStore> store_;
  std::unique_ptr<ReplicaLogs> logs_;
};

TEST_F(ReplicaLogsTest, ANewPartitionGetsALogAndKeepsIt) {
  rpc::PartitionUpdate first = update({.leader = kUs, .isr = {kOther, kUs}});
  first.is_new = true;
  const auto log = take(first);
  ASSERT_TRUE(log) << log.error();
  first.is_new = false;
  EXPECT_EQ(take(first).value(), *log);
  EXPECT_EQ(strays(), 0);
}

// A broker that was cut off while a topic was deleted and made again.
TEST_F(ReplicaLogsTest, ALogOfADeletedTopicIsPutAside) {
  make_log(2);
  rpc::PartitionUpdate later = update({.leader = kOther, .isr = {kOther, kUs}});
  EXPECT_EQ(take(later, kLaterTopicId).error().code(), ErrorCode::InconsistentTopicId)
      << "in the ISR it is what the controller means: the id is wrong (W5)";
  later.is_new = true;
  EXPECT_EQ(take(later, kLaterTopicId).value()->log_end_offset(), Offset(0));
  EXPECT_EQ(store_->topic_id(kPartition), kLaterTopicId);
  EXPECT_EQ(strays(), 1);
}

// A host crash took partition.metadata, which a log's first flush syncs, and left records of a
// topic that was then deleted and made again.
TEST_F(ReplicaLogsTest, ALogWithoutAnIdIsNotTakenForTheNewTopics) {
  const std::string directory = make_log(3)->directory();
  restart_without(directory + "/partition.metadata");
  EXPECT_EQ(take(update({.leader = kNoBroker, .isr = {kOther}})).error().code(),
            ErrorCode::InconsistentTopicId);
  EXPECT_EQ(store_->topic_id(kPartition), std::nullopt);
  EXPECT_EQ(take(update({.leader = kOther, .isr = {kOther}})).value()->log_end_offset(), Offset(0));
  EXPECT_EQ(store_->topic_id(kPartition), kTopicId);
  EXPECT_EQ(strays(), 1);
}

// In the ISR it is what the controller means: it may be all that is left. Unless the topic was
// created after the crash, though the first to tell of it came late, when its replicas were no news
// any more.
TEST_F(ReplicaLogsTest, ALogWithoutAnIdThatIsCountedOnStaysIfItCanBeMeant) {
  const std::string directory = make_log(2)->directory();
  restart_without(directory + "/partition.metadata");
  rpc::PartitionUpdate member = update({.leader = kUs, .isr = {kOther, kUs}});
  member.created_since = true;
  EXPECT_EQ(take(member).value()->log_end_offset(), Offset(0));

  ASSERT_TRUE(store_->remove(kPartition, std::chrono::milliseconds(0)));
  make_log(2);
  restart_without(directory + "/partition.metadata");
  member.created_since = false;
  EXPECT_EQ(take(member).value()->log_end_offset(), Offset(2));
}

// W1: a log was moved away, or its log dir left log.dirs. An empty one must not pass for it.
TEST_F(ReplicaLogsTest, NoEmptyLogTakesThePlaceOfOneThatIsCountedOn) {
  for (const cluster::PartitionState& trusted :
       {cluster::PartitionState{.leader = kUs, .isr = {kUs}},
        cluster::PartitionState{.leader = kOther, .isr = {kOther}, .eligible_leaders = {kUs}}}) {
    for (int i = 0; i < 2; ++i) {  // the first answer may have got lost
      EXPECT_EQ(take(update(trusted)).error().code(), ErrorCode::KafkaStorageError);
      EXPECT_TRUE(is_lost(update(trusted)));
    }
  }
  EXPECT_EQ(store_->find(kPartition), nullptr);
  const rpc::PartitionUpdate doubted = update({.leader = kOther,
                                               .isr = {kOther},
                                               .eligible_leaders = {kUs},
                                               .last_known_eligible_leaders = {kUs}});
  EXPECT_FALSE(is_lost(doubted));
  EXPECT_TRUE(take(doubted));
}

TEST_F(ReplicaLogsTest, APartitionThatWasCreatedSinceTheStartHasLostNoLog) {
  rpc::PartitionUpdate member = update({.leader = kOther, .isr = {kOther, kUs}});
  EXPECT_TRUE(is_lost(member));
  member.created_since = true;
  EXPECT_FALSE(is_lost(member));
  EXPECT_TRUE(take(member));
}

// It is chosen for what it told: then the controller knows. A role of before does not count.
TEST_F(ReplicaLogsTest, WhoIsAskedForALogThatIsGoneLeadsWithAnEmptyOneOnlyInALaterEpoch) {
  EXPECT_EQ(tell(LeaderEpoch(4)).error, ErrorCode::UnknownTopicOrPartition);
  cluster::PartitionState state{.leader = kUs, .leader_epoch = LeaderEpoch(4), .isr = {kUs}};
  EXPECT_TRUE(is_lost(update(state)));
  state.leader_epoch = LeaderEpoch(5);
  EXPECT_TRUE(take(update(state)));
  EXPECT_EQ(tell(LeaderEpoch(5)).error, ErrorCode::None);
}

// The question was under way while the replica took its role in a later epoch.
TEST_F(ReplicaLogsTest, ALateQuestionExcusesNoLostLog) {
  EXPECT_EQ(tell(LeaderEpoch(4), LeaderEpoch(5)).error, ErrorCode::UnknownTopicOrPartition);
  EXPECT_TRUE(is_lost(update({.leader = kUs, .leader_epoch = LeaderEpoch(5), .isr = {kUs}})));
}

TEST_F(ReplicaLogsTest, TellsWhatStandsHere) {
  const auto log = make_log(2);
  EXPECT_EQ(tell(LeaderEpoch(4)).log_end_offset, Offset(2));
  EXPECT_EQ(tell(LeaderEpoch(4)).last_epoch, LeaderEpoch(4));
  // All its records were deleted: it is no older for that.
  ASSERT_TRUE(log->raise_log_start_offset(Offset(2), Offset(2)));
  EXPECT_EQ(tell(LeaderEpoch(4)).log_end_offset, Offset(2));
  EXPECT_EQ(tell(LeaderEpoch(4)).last_epoch, LeaderEpoch(4));
  EXPECT_EQ(
      logs_->tell({kPartition.topic, kLaterTopicId, 0, LeaderEpoch(4)}, kUnknownLeaderEpoch).error,
      ErrorCode::InconsistentTopicId);
}

TEST_F(ReplicaLogsTest, ALogThatWasGivenUpIsKeptUntilAnotherReplicaLeads) {
  using GivenUp = ReplicaLogs::GivenUp;
  const auto judge = [&](cluster::PartitionState state) {
    return logs_->judge_given_up(kPartition, state);
  };
  const auto log = make_log(2);
  EXPECT_EQ(judge({.leader = kOther, .isr = {kOther}}), GivenUp::No);
  logs_->give_up(kPartition, log);
  EXPECT_EQ(judge({.leader = kOther, .isr = {kOther, kUs}}), GivenUp::Waits);
  EXPECT_EQ(judge({.leader = kNoBroker, .isr = {kOther}}), GivenUp::Waits);
  EXPECT_EQ(judge({.leader = kOther, .isr = {kOther}}), GivenUp::IsReplaced);
  EXPECT_TRUE(logs_->put_aside_given_up(kPartition));
  EXPECT_EQ(strays(), 1);
  // Whoever counts on it again counts on what is not here any more.
  rpc::PartitionUpdate member = update({.leader = kOther, .isr = {kOther, kUs}});
  member.created_since = true;
  EXPECT_TRUE(is_lost(member));
}

TEST_F(ReplicaLogsTest, ALogThatWasGivenUpIsServedOnByTheLastWhoHasIt) {
  logs_->give_up(kPartition, make_log(2));
  EXPECT_EQ(logs_->judge_given_up(kPartition, {.leader = kUs, .isr = {kUs}}),
            ReplicaLogs::GivenUp::No);
  EXPECT_EQ(take(update({.leader = kUs, .isr = {kUs}})).value()->log_end_offset(), Offset(2));
}

// A topic that is made anew has lost nothing of the one before.
TEST_F(ReplicaLogsTest, WhatWasLostOfATopicEndsWithIt) {
  logs_->give_up(kPartition, make_log(2));
  ASSERT_TRUE(logs_->put_aside_given_up(kPartition));
  EXPECT_EQ(logs_->remove({.topic = kPartition.topic, .topic_id = kTopicId, .remove = true}),
            ErrorCode::None);
  rpc::PartitionUpdate first = update({.leader = kUs, .isr = {kOther, kUs}});
  first.is_new = true;
  EXPECT_TRUE(take(first, kLaterTopicId));
}

// W13: a stale command must not delete a newer topic's log.
TEST_F(ReplicaLogsTest, RemovingNeedsTheTopicId) {
  make_log(1);
  EXPECT_EQ(logs_->remove({.topic = kPartition.topic, .topic_id = kLaterTopicId}),
            ErrorCode::InconsistentTopicId);
  EXPECT_NE(store_->find(kPartition), nullptr);
  const rpc::StopReplica command{.topic = kPartition.topic, .topic_id = kTopicId};
  EXPECT_EQ(logs_->remove(command), ErrorCode::None);
  EXPECT_EQ(store_->find(kPartition), nullptr);
  EXPECT_EQ(logs_->remove(command), ErrorCode::None) << "it may be repeated";
}

}  // namespace
}  // namespace ottla::replica
