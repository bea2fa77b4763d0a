#include "cli/replica_comparison.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/record/record_batch_builder.h"

namespace ottla::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Bytes = std::vector<std::byte>;

ByteView view_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// Records at these offsets, each with its offset as value.
Bytes batch(const std::vector<std::int64_t>& offsets, std::int32_t epoch = 1,
            const std::string& value = "v") {
  record::RecordBatchBuilder builder(
      {.base_offset = Offset(offsets.front()), .leader_epoch = LeaderEpoch(epoch)});
  for (const std::int64_t offset : offsets) {
    builder.append_at(Offset(offset), 1000, std::nullopt, view_of(value));
  }
  const auto built = builder.build();
  const ByteView bytes = (*built)->bytes();
  return {bytes.begin(), bytes.end()};
}

Bytes operator+(Bytes one, const Bytes& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

std::vector<ReplicaPieces> read(const std::vector<Bytes>& logs, bool by_record = false,
                                Offset from = Offset(0)) {
  std::vector<ReplicaPieces> replicas;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    replicas.push_back(
        read_pieces(BrokerId(static_cast<std::int32_t>(i) + 1), logs[i], from, by_record));
  }
  return replicas;
}

TEST(ReplicaPieces, AreTheWholeBatchesFromTheOffset) {
  Bytes sent = batch({0, 1}) + batch({2, 3, 4}) + batch({5});
  sent.erase(sent.end() - 3, sent.end());  // GCC 12 warns of resize with sanitizers
  const auto replica = read_pieces(BrokerId(1), sent, Offset(2), false);
  ASSERT_THAT(replica.pieces, SizeIs(1));
  EXPECT_EQ(replica.pieces[0].first, Offset(2));
  EXPECT_EQ(replica.pieces[0].last, Offset(4));
  EXPECT_EQ(replica.end, Offset(5));
}

TEST(ReplicaPieces, OfACompactedLogAreItsRecords) {
  const auto replica = read_pieces(BrokerId(1), batch({3, 7}), Offset(0), true);
  ASSERT_THAT(replica.pieces, SizeIs(2));
  EXPECT_EQ(replica.pieces[1].first, Offset(7));
  EXPECT_EQ(replica.end, Offset(8));
}

TEST(ReplicaPieces, ThatAreNoBatchesAreDamaged) {
  const auto replica = read_pieces(BrokerId(1), Bytes(100, std::byte{0x55}), Offset(4), false);
  ASSERT_THAT(replica.pieces, SizeIs(1));
  EXPECT_TRUE(replica.pieces[0].is_damaged);
  EXPECT_EQ(replica.end, Offset(5));
}

TEST(ReplicaComparison, EndsWhereTheShortestReplicaEnds) {
  const Bytes all = batch({0, 1}) + batch({2}) + batch({3});
  const auto result = compare_replicas(Offset(0), read({all, batch({0, 1}) + batch({2})}), false);
  EXPECT_THAT(result.differences, IsEmpty());
  EXPECT_EQ(result.end, Offset(3));
  EXPECT_EQ(compare_replicas(Offset(0), read({all, {}}), false).end, Offset(0));
}

TEST(ReplicaComparison, NamesWhoDiffersFromMost) {
  const Bytes good = batch({0}) + batch({1, 2}) + batch({3});
  const Bytes other = batch({0}) + batch({1, 2}, 1, "w") + batch({3});
  const auto result = compare_replicas(Offset(0), read({other, good, good}), false);
  ASSERT_THAT(result.differences, SizeIs(1));
  EXPECT_EQ(result.differences[0].offset, Offset(1));
  EXPECT_THAT(result.differences[0].versions[1].second, ElementsAre(BrokerId(1)));
  EXPECT_THAT(text_of(result.differences[0]), HasSubstr("broker 1 has (offsets 1 to 2, "));
  EXPECT_THAT(text_of(result.differences[0]), HasSubstr("brokers 2, 3 have (offsets 1 to 2, "));
  EXPECT_EQ(result.end, Offset(4));
}

TEST(ReplicaComparison, FindsOtherLeaderEpochsAndOtherBatches) {
  const auto epochs = compare_replicas(Offset(0), read({batch({0}, 1), batch({0}, 2)}), false);
  EXPECT_THAT(epochs.differences, SizeIs(1));
  const auto cut = compare_replicas(
      Offset(0), read({batch({0, 1}) + batch({2}), batch({0}) + batch({1}) + batch({2})}), false);
  ASSERT_THAT(cut.differences, SizeIs(1));
  EXPECT_EQ(cut.end, Offset(3));
}

TEST(ReplicaComparison, FindsWhatIsMissing) {
  const auto logs = {batch({0}) + batch({1}) + batch({2}), batch({0}) + batch({2})};
  const auto result = compare_replicas(Offset(0), read(logs), false);
  ASSERT_THAT(result.differences, SizeIs(1));
  EXPECT_EQ(result.differences[0].offset, Offset(1));
  EXPECT_THAT(text_of(result.differences[0]), HasSubstr("broker 2 has (nothing there)"));
}

TEST(ReplicaComparison, OfCompactedLogsAllowsGapsButNoOtherRecords) {
  const Bytes whole = batch({0, 1, 2, 3}) + batch({4});
  const auto gaps =
      compare_replicas(Offset(0), read({whole, batch({0, 3}) + batch({4})}, true), true);
  EXPECT_THAT(gaps.differences, IsEmpty());
  EXPECT_EQ(gaps.end, Offset(5));
  const auto other =
      compare_replicas(Offset(0), read({whole, batch({0, 3}, 1, "w") + batch({4})}, true), true);
  EXPECT_THAT(other.differences, SizeIs(2));
}

TEST(ReplicaComparison, TellsDamageThatAllHave) {
  Bytes damaged = batch({0}) + batch({1});
  damaged.back() ^= std::byte{1};
  const auto result = compare_replicas(Offset(0), read({damaged, damaged}), false);
  ASSERT_THAT(result.differences, SizeIs(1));
  EXPECT_EQ(result.differences[0].offset, Offset(1));
  EXPECT_THAT(text_of(result.differences[0]), HasSubstr("damaged"));
}

}  // namespace
}  // namespace ottla::cli
