#include "broker/api/producer_ids.h"

#include <gmock/gmock.h>

#include "broker/api/testing/api_fixture.h"
#include "common/protocol/messages/init_producer_id.h"

namespace ottla::api {
namespace {

using protocol::InitProducerIdRequest;
using protocol::InitProducerIdResponse;
using ::testing::ElementsAre;

struct Taken {
  std::vector<std::int64_t> ids;
  std::vector<ErrorCode> errors;
  Callback<Result<ProducerId>> callback() {
    return [this](Result<ProducerId> id) {
      if (id) {
        ids.push_back(id->value());
      } else {
        errors.push_back(id.error().code());
      }
    };
  }
};

TEST(ProducerIds, GoesThroughBlocksWithoutAGap) {
  FakeProducerIdBlocks blocks;
  blocks.size = 3;
  ProducerIds ids(blocks);
  Taken taken;
  for (int i = 0; i < 7; ++i) ids.next(taken.callback());
  EXPECT_THAT(taken.ids, ElementsAre(0, 1, 2, 3, 4, 5, 6));
}

TEST(ProducerIds, AsksForTheNextBlockBeforeItIsNeeded) {
  FakeProducerIdBlocks blocks;
  ProducerIds ids(blocks);
  Taken taken;
  for (int i = 0; i < 890; ++i) ids.next(taken.callback());
  EXPECT_EQ(blocks.asked, 1);
  for (int i = 0; i < 20; ++i) ids.next(taken.callback());
  EXPECT_EQ(blocks.asked, 2);
}

TEST(ProducerIds, ThoseWhoWaitAreServedWhenTheBlockComes) {
  FakeProducerIdBlocks blocks;
  blocks.hold = true;
  ProducerIds ids(blocks);
  Taken taken;
  ids.next(taken.callback());
  ids.next(taken.callback());
  EXPECT_EQ(blocks.asked, 1);
  EXPECT_TRUE(taken.ids.empty());
  std::move(blocks.held)(blocks.next_block());
  EXPECT_THAT(taken.ids, ElementsAre(0, 1));
}

TEST(ProducerIds, AFailedRequestIsAnsweredAndAskedAgain) {
  FakeProducerIdBlocks blocks;
  blocks.hold = true;
  ProducerIds ids(blocks);
  Taken taken;
  ids.next(taken.callback());
  std::move(blocks.held)(fail(ErrorCode::NotController));
  EXPECT_THAT(taken.errors, ElementsAre(ErrorCode::CoordinatorLoadInProgress));
  blocks.hold = false;
  ids.next(taken.callback());
  EXPECT_THAT(taken.ids, ElementsAre(0));
}

class InitProducerIdHandler : public ApiFixture {};

InitProducerIdRequest idempotent() {
  InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  return request;
}

TEST_F(InitProducerIdHandler, GivesEachProducerItsOwnId) {
  for (std::int16_t version = 0; version <= 5; ++version) {
    const auto response = ask<InitProducerIdResponse>(idempotent(), version);
    EXPECT_EQ(response.error_code, ErrorCode::None);
    EXPECT_EQ(response.producer_id, ProducerId(version));
    EXPECT_EQ(response.producer_epoch, ProducerEpoch(0));
  }
}

TEST_F(InitProducerIdHandler, RefusesHalfOfAnOldIdentity) {
  InitProducerIdRequest request = idempotent();
  request.producer_id = ProducerId(5);
  EXPECT_EQ(ask<InitProducerIdResponse>(request, 3).error_code, ErrorCode::InvalidRequest);
  request.producer_epoch = ProducerEpoch(1);
  EXPECT_EQ(ask<InitProducerIdResponse>(request, 3).error_code, ErrorCode::None);
}

}  // namespace
}  // namespace ottla::api
