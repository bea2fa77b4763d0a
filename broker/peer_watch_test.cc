#include "broker/peer_watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/testing/simulated_world.h"

namespace ottla::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Verdicts are what the test says; who is heard answers questions at once.
class ToldLiveness final : public rpc::LivenessMonitor {
 public:
  std::unique_ptr<rpc::LivenessWatch> watch(
      const cluster::Broker& broker, absl::AnyInvocable<void(rpc::Liveness)> changed) override {
    changed_[broker.id] = std::move(changed);
    return std::make_unique<Watch>(*this, broker.id);
  }

  void set_silent(int broker, bool silent) {
    set_unheard(broker, silent);
    changed_.at(BrokerId(broker))(silent ? rpc::Liveness::Silent : rpc::Liveness::Alive);
  }
  /// Without a verdict yet.
  void set_unheard(int broker, bool unheard) {
    if (unheard) {
      unheard_.insert(BrokerId(broker));
    } else {
      unheard_.erase(BrokerId(broker));
    }
  }

 private:
  class Watch final : public rpc::LivenessWatch {
   public:
    Watch(ToldLiveness& all, BrokerId broker) : all_(all), broker_(broker) {}
    void confirm(Task done) override {
      if (!all_.unheard_.contains(broker_)) std::move(done)();
    }

   private:
    ToldLiveness& all_;
    BrokerId broker_;
  };

  std::map<BrokerId, absl::AnyInvocable<void(rpc::Liveness)>> changed_;
  std::set<BrokerId> unheard_;
};

/// Broker 1 of three.
struct PeerWatchTest : ::testing::Test {
  void SetUp() override {
    watch.on_cut_off([this](std::set<BrokerId> brokers) { cut_off_from = std::move(brokers); });
    register_brokers(3);
  }
  void TearDown() override { watch.stop(); }

  /// 1 to `last`, and nobody else.
  void register_brokers(int last) {
    rpc::ClusterUpdate update{.controller = BrokerId(2), .full = true};
    auto& brokers = update.live_brokers.emplace();
    for (int id = 1; id <= last; ++id) brokers.push_back({.id = BrokerId(id)});
    metadata.publish(metadata.told_image()->apply(update));
    watch.metadata_changed();
    world.run_for(milliseconds(1));
  }

  bool in_reach() {
    std::optional<bool> answer;
    watch.ask([&](bool in_reach) { answer = in_reach; });
    world.run_for(milliseconds(260));
    return answer.value();
  }

  ::ottla::testing::SimulatedWorld world{1};
  std::unique_ptr<env::Executor> loop = world.make_executor();
  metadata::MetadataCache metadata;
  ToldLiveness liveness;
  PeerWatch watch{BrokerId(1), liveness, metadata, world.clock(), *loop};
  std::set<BrokerId> cut_off_from;
};

TEST_F(PeerWatchTest, HalfOfTheBrokersAreEnough) {
  EXPECT_TRUE(in_reach());
  liveness.set_silent(3, true);
  EXPECT_TRUE(in_reach());
  EXPECT_EQ(cut_off_from, std::set<BrokerId>{});
}

TEST_F(PeerWatchTest, WhoseQuestionsAreNotAnsweredIsCutOffBeforeThereAreVerdicts) {
  liveness.set_unheard(2, true);
  liveness.set_unheard(3, true);
  EXPECT_FALSE(in_reach());
  liveness.set_unheard(2, false);
  EXPECT_TRUE(in_reach());
}

/// The cable is back. The connection to broker 2 takes longer to notice: it looks as if broker 2
/// alone were away.
TEST_F(PeerWatchTest, WhoIsJustBackJudgesNobody) {
  liveness.set_silent(2, true);
  liveness.set_silent(3, true);
  world.run_for(seconds(1));
  EXPECT_FALSE(in_reach());
  EXPECT_EQ(cut_off_from, (std::set<BrokerId>{BrokerId(2), BrokerId(3)}));
  liveness.set_silent(3, false);
  world.run_for(seconds(1));
  EXPECT_EQ(cut_off_from, std::set<BrokerId>{}) << "what it waits for itself it may know at once";
  EXPECT_FALSE(in_reach());
  world.run_for(seconds(1));
  EXPECT_TRUE(in_reach()) << "by now broker 2 would be heard";
}

/// Of four brokers three are silent. One of them is no broker any more: still two of three are.
TEST_F(PeerWatchTest, WhoIsGoneIsNotCountedAsHeard) {
  register_brokers(4);
  for (int id = 2; id <= 4; ++id) liveness.set_silent(id, true);
  register_brokers(3);
  world.run_for(seconds(5));
  liveness.set_silent(3, false);
  EXPECT_FALSE(in_reach()) << "it is just back";
  world.run_for(seconds(2));
  EXPECT_TRUE(in_reach());
}

TEST_F(PeerWatchTest, AQuestionThatWasMissedOnceIsNoCutOff) {
  liveness.set_unheard(3, true);
  liveness.set_silent(2, true);
  world.run_for(milliseconds(260));
  EXPECT_EQ(cut_off_from, std::set<BrokerId>{BrokerId(2)});
  liveness.set_unheard(3, false);
  EXPECT_TRUE(in_reach());
}

}  // namespace
}  // namespace ottla::broker
