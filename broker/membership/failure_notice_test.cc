#include "broker/membership/failure_notice.h"

#include <gtest/gtest.h>

#include "common/testing/simulated_world.h"
#include "common/testing/simulated_zookeeper.h"
#include "common/zookeeper/layout.h"

namespace ottla::membership {
namespace {

using std::chrono::seconds;

class FailureNoticeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ensemble.apply({zookeeper::Create{parent, std::nullopt}}).has_value());
    client->start();
  }
  void TearDown() override { client->close(); }

  void post() {
    loop->post([this] { notice.post(); });
  }
  [[nodiscard]] std::size_t notices() const { return ensemble.children(parent).size(); }

  const std::string parent{zookeeper::layout::kLogDirEventNotification};
  testing::SimulatedWorld world{5};
  testing::SimulatedZooKeeper ensemble{world};
  std::unique_ptr<zookeeper::Client> client = ensemble.make_client("a");
  std::unique_ptr<env::Executor> loop = world.make_executor();
  FailureNotice notice{*client, *loop, world.random(), BrokerId(7)};
};

TEST_F(FailureNoticeTest, StandsInZooKeeperOnceForEachFailure) {
  post();
  ASSERT_TRUE(world.run_until_true([&] { return notices() == 1; }, seconds(5)));
  const auto node = ensemble.node(parent + "/" + ensemble.children(parent).front());
  EXPECT_EQ(node->data, R"({"version":1,"broker":7,"event":1})");
  world.run_for(seconds(30));
  EXPECT_EQ(notices(), 1U);
  post();
  EXPECT_TRUE(world.run_until_true([&] { return notices() == 2; }, seconds(5)));
}

TEST_F(FailureNoticeTest, IsRepeatedUntilZooKeeperTakesIt) {
  world.run_for(seconds(1));
  ensemble.stop_ensemble();
  post();
  world.run_for(seconds(3));
  ensemble.start_ensemble();
  EXPECT_TRUE(world.run_until_true([&] { return notices() >= 1; }, seconds(60)));
}

}  // namespace
}  // namespace ottla::membership
