#include "broker/replica/truncation.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "broker/replica/preferred_replica.h"
#include "broker/storage/leader_epochs.h"

namespace ottla::replica {
namespace {

storage::EpochEndOffset end(std::int32_t epoch, std::int64_t offset) {
  return {LeaderEpoch(epoch), Offset(offset)};
}

TEST(Position, FitsInsideTheSameEpoch) {
  EXPECT_EQ(judge_position(Offset(10), LeaderEpoch(3), end(3, 20), Offset(0), Offset(25)),
            FetchPosition::Fits);
  EXPECT_EQ(judge_position(Offset(20), LeaderEpoch(3), end(3, 20), Offset(0), Offset(25)),
            FetchPosition::Fits);
}

TEST(Position, DivergesBehindTheEndOfItsEpochOrInAnUnknownOne) {
  EXPECT_EQ(judge_position(Offset(21), LeaderEpoch(3), end(3, 20), Offset(0), Offset(25)),
            FetchPosition::Diverged);
  EXPECT_EQ(judge_position(Offset(10), LeaderEpoch(3), end(2, 12), Offset(0), Offset(25)),
            FetchPosition::Diverged);
  EXPECT_EQ(judge_position(Offset(10), LeaderEpoch(3), {}, Offset(0), Offset(25)),
            FetchPosition::Diverged);
}

TEST(Position, IsOutOfRangeOutsideTheLog) {
  EXPECT_EQ(judge_position(Offset(4), LeaderEpoch(3), end(3, 20), Offset(5), Offset(25)),
            FetchPosition::OutOfRange);
  EXPECT_EQ(judge_position(Offset(26), kUnknownLeaderEpoch, {}, Offset(5), Offset(25)),
            FetchPosition::OutOfRange);
  EXPECT_EQ(judge_position(Offset(25), kUnknownLeaderEpoch, {}, Offset(5), Offset(25)),
            FetchPosition::Fits);
}

TEST(TruncationPoint, IsTheSmallerEndOfTheCommonEpoch) {
  EXPECT_EQ(truncation_point(end(3, 20), end(3, 30), Offset(5), Offset(40)).offset, Offset(20));
  EXPECT_EQ(truncation_point(end(3, 20), end(3, 15), Offset(5), Offset(40)).offset, Offset(15));
}

TEST(TruncationPoint, WithoutACommonEpochTheForeignSuffixGoes) {
  // KIP-279: leader has epoch 2 until 20, we have nothing of 2; our epoch 1 ends at 12.
  const TruncationPoint point = truncation_point(end(2, 20), end(1, 12), Offset(5), Offset(40));
  EXPECT_EQ(point.offset, Offset(12));
  EXPECT_TRUE(point.compare_again);
}

TEST(TruncationPoint, IsTheHighWatermarkOnlyIfTheLeaderKnowsNoEpoch) {
  const TruncationPoint point = truncation_point({}, {}, Offset(5), Offset(40));
  EXPECT_EQ(point.offset, Offset(5));
  EXPECT_FALSE(point.compare_again);
}

TEST(OutOfRange, CutsOrStartsAnew) {
  using Kind = OutOfRangeRemedy::Kind;
  OutOfRangeRemedy remedy = out_of_range_remedy(Offset(0), Offset(50), Offset(10), Offset(40));
  EXPECT_EQ(remedy.kind, Kind::TruncateTo);
  EXPECT_EQ(remedy.offset, Offset(40));
  remedy = out_of_range_remedy(Offset(0), Offset(5), Offset(10), Offset(40));
  EXPECT_EQ(remedy.kind, Kind::StartAnewAt);
  EXPECT_EQ(remedy.offset, Offset(10));
  remedy = out_of_range_remedy(Offset(45), Offset(50), Offset(10), Offset(40));
  EXPECT_EQ(remedy.kind, Kind::StartAnewAt);
}

/// A log as the epochs of its records.
struct Model {
  std::vector<std::int32_t> records;

  [[nodiscard]] storage::LeaderEpochs epochs() const {
    storage::LeaderEpochs result;
    for (std::size_t i = 0; i < records.size(); ++i) {
      result.assign(LeaderEpoch(records[i]), Offset(static_cast<std::int64_t>(i)));
    }
    return result;
  }
  [[nodiscard]] Offset log_end() const { return Offset(static_cast<std::int64_t>(records.size())); }
  [[nodiscard]] LeaderEpoch last_epoch() const {
    return records.empty() ? kUnknownLeaderEpoch : LeaderEpoch(records.back());
  }
};

// KIP-101/279: two logs that share a prefix and part after it agree again, and nothing of the
// common prefix is lost. Within one epoch a record at an offset is the same everywhere.
TEST(Truncation, EndsAtTheCommonPrefix) {
  std::mt19937 random(7);
  for (int run = 0; run < 20'000; ++run) {
    std::vector<std::int32_t> common;
    std::int32_t epoch = 0;
    for (auto n = random() % 6; n > 0; --n) {
      epoch += static_cast<std::int32_t>(random() % 2);
      common.push_back(epoch);
    }
    // The epochs after the parting are used by one side only.
    Model leader{common};
    Model follower{common};
    for (auto n = random() % 8; n > 0; --n) {
      epoch += 1;
      Model& side = random() % 2 == 0 ? leader : follower;
      for (auto records = 1 + random() % 3; records > 0; --records) side.records.push_back(epoch);
    }
    // What a leader does before anything else: its own epoch begins at its log end offset.
    storage::LeaderEpochs leader_epochs = leader.epochs();
    leader_epochs.assign(LeaderEpoch(epoch + 1), leader.log_end());
    for (int round = 0;; ++round) {
      ASSERT_LT(round, 20) << "does not end";
      const LeaderEpoch last = follower.last_epoch();
      const storage::EpochEndOffset told = leader_epochs.end_offset_for(last, leader.log_end());
      const FetchPosition position =
          judge_position(follower.log_end(), last, told, Offset(0), leader.log_end());
      if (position == FetchPosition::Fits) break;
      Offset cut;
      if (position == FetchPosition::Diverged) {
        const storage::EpochEndOffset own =
            follower.epochs().end_offset_for(told.leader_epoch, follower.log_end());
        // The high watermark lies in the common prefix.
        cut = truncation_point(told, own, Offset(0), follower.log_end()).offset;
      } else {
        cut =
            out_of_range_remedy(Offset(0), follower.log_end(), Offset(0), leader.log_end()).offset;
      }
      ASSERT_LT(cut, follower.log_end()) << "no progress";
      follower.records.resize(static_cast<std::size_t>(cut.value()));
    }
    ASSERT_GE(follower.records.size(), std::min(common.size(), leader.records.size()));
    ASSERT_LE(follower.records.size(), leader.records.size());
    ASSERT_TRUE(
        std::equal(follower.records.begin(), follower.records.end(), leader.records.begin()));
  }
}

TEST(PreferredReplica, IsTheFurthestInTheClientsRackUnlessTheLeaderIsThere) {
  const std::vector<ReadCandidate> candidates{
      {.broker = BrokerId(1), .rack = "a", .is_leader = true},
      {.broker = BrokerId(2), .rack = "b", .log_end_offset = Offset(50)},
      {.broker = BrokerId(3), .rack = "b", .log_end_offset = Offset(60)}};
  EXPECT_EQ(select_replica(candidates, "a", Offset(10)), std::nullopt);
  EXPECT_EQ(select_replica(candidates, "b", Offset(10)), BrokerId(3));
  EXPECT_EQ(select_replica(candidates, "b", Offset(61)), std::nullopt);
  EXPECT_EQ(select_replica(candidates, "c", Offset(10)), std::nullopt);
}

}  // namespace
}  // namespace ottla::replica
