#include "broker/replica/partition_health.h"

#include <gtest/gtest.h>

namespace ottla::replica {
namespace {

using std::chrono::seconds;

env::MonotonicTime at(int second) {
  return env::MonotonicTime{} + seconds(second);
}

TEST(IsrHistory, KeepsTheLastRemovalOfEachBroker) {
  IsrHistory history;
  EXPECT_FALSE(history.removal_of(BrokerId(2)).has_value());
  history.removed({BrokerId(2), at(1), Offset(10), Offset(90), true});
  history.removed({BrokerId(3), at(2), Offset(20), Offset(90), false});
  history.removed({BrokerId(2), at(3), Offset(30), Offset(95), true});
  EXPECT_EQ(history.removal_of(BrokerId(2))->at, at(3));
  EXPECT_EQ(history.removal_of(BrokerId(3))->log_end_offset, Offset(20));
}

TEST(IsrHistory, KeepsTheLastRequestAndItsAnswer) {
  IsrHistory history;
  history.answered(ErrorCode::None);  // Of nothing that we asked.
  EXPECT_FALSE(history.last_request().has_value());
  history.asked({BrokerId(1)}, at(1));
  EXPECT_FALSE(history.last_request()->answer.has_value());
  history.answered(ErrorCode::NetworkException);
  EXPECT_EQ(history.last_request()->answer, ErrorCode::NetworkException);
  history.asked({BrokerId(1), BrokerId(2)}, at(2));
  EXPECT_FALSE(history.last_request()->answer.has_value());
  history.forget();
  EXPECT_FALSE(history.last_request().has_value());
}

}  // namespace
}  // namespace ottla::replica
