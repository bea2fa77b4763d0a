#include "broker/controller_channel.h"

#include <gtest/gtest.h>

namespace ottla::broker {
namespace {

/// A broker that is not in office itself, and knows who is.
class Elsewhere final : public controller::ControllerService {
 public:
  std::optional<BrokerId> in_office = BrokerId(2);

  bool is_controller() const override { return false; }
  std::optional<BrokerId> active_controller() const override { return in_office; }
  void create_topics(controller::CreateTopicsRequest,
                     Callback<std::vector<controller::CreatedTopic>>) override {}
  void delete_topics(controller::DeleteTopicsRequest,
                     Callback<std::vector<controller::DeletedTopic>>) override {}
  void create_partitions(controller::CreatePartitionsRequest,
                         Callback<std::vector<controller::AddedPartitions>>) override {}
  void auto_create_topics(std::vector<controller::NewTopic>, std::vector<cluster::Broker>,
                          Callback<std::vector<controller::CreatedTopic>>) override {}
  void elect_leaders(controller::ElectLeadersRequest,
                     Callback<controller::PartitionsReply>) override {}
  void alter_reassignments(controller::AlterReassignmentsRequest,
                           Callback<controller::PartitionsReply>) override {}
  void list_reassignments(std::optional<std::vector<TopicPartition>>,
                          Callback<controller::ReassignmentsReply>) override {}
  void describe(Callback<controller::ControllerDescription>) override {}
  void describe_health(std::vector<TopicPartition>,
                       Callback<controller::ControllerHealth>) override {}
  void alter_partition(rpc::AlterPartitionRequest, Callback<rpc::AlterPartitionReply>) override {}
  void controlled_shutdown(rpc::ControlledShutdownRequest,
                           Callback<rpc::ControlledShutdownReply>) override {}
  void allocate_producer_ids(rpc::AllocateProducerIdsRequest,
                             Callback<rpc::AllocateProducerIdsReply>) override {}
};

/// Takes requests, and answers when the test says so: a process may sleep.
class SleepyPeers final : public rpc::Peers {
 public:
  std::vector<Callback<Result<rpc::AlterPartitionReply>>> taken;

  std::shared_ptr<rpc::Peer> connect(const cluster::Broker& /*broker*/) override {
    return std::make_shared<SleepyPeer>(*this);
  }

 private:
  class SleepyPeer final : public rpc::Peer {
   public:
    explicit SleepyPeer(SleepyPeers& peers) : peers_(peers) {}
    void update_cluster(rpc::ClusterUpdate, env::Duration,
                        Callback<Result<rpc::ClusterUpdateReply>>) override {}
    void query_replica_logs(rpc::ReplicaLogQuery, env::Duration,
                            Callback<Result<rpc::ReplicaLogAnswer>>) override {}
    void alter_partition(rpc::AlterPartitionRequest, env::Duration,
                         Callback<Result<rpc::AlterPartitionReply>> done) override {
      peers_.taken.push_back(std::move(done));
    }
    void controlled_shutdown(rpc::ControlledShutdownRequest, env::Duration,
                             Callback<Result<rpc::ControlledShutdownReply>>) override {}
    void allocate_producer_ids(rpc::AllocateProducerIdsRequest, env::Duration,
                               Callback<Result<rpc::AllocateProducerIdsReply>>) override {}

   private:
    SleepyPeers& peers_;
  };
};

struct ControllerChannelTest : ::testing::Test {
  void SetUp() override {
    rpc::ClusterUpdate update{.controller = BrokerId(2), .full = true};
    update.live_brokers = {{.id = BrokerId(1)}, {.id = BrokerId(2)}, {.id = BrokerId(3)}};
    metadata.publish(metadata.told_image()->apply(update));
    channel.controller_spoke(ControllerEpoch(5));
  }
  void ask() {
    channel.alter({}, [this](const Result<rpc::AlterPartitionReply>& reply) {
      outcomes.push_back(reply ? reply->error : reply.error().code());
    });
  }

  Elsewhere local;
  metadata::MetadataCache metadata;
  SleepyPeers peers;
  std::vector<ErrorCode> outcomes;
  ControllerChannel channel{BrokerId(1), std::chrono::seconds(30), local, metadata, peers};
};

TEST_F(ControllerChannelTest, ANewControllerEndsWhatASleepingOneWasAsked) {
  ask();
  channel.controller_spoke(ControllerEpoch(5));  // the one that was asked
  EXPECT_TRUE(outcomes.empty());
  local.in_office = BrokerId(3);
  channel.controller_spoke(ControllerEpoch(6));
  EXPECT_EQ(outcomes, std::vector{ErrorCode::NetworkException});  // unknown: it is asked again
  // It wakes up: too late.
  std::move(peers.taken.at(0))(rpc::AlterPartitionReply{});
  EXPECT_EQ(outcomes.size(), 1U);
}

TEST_F(ControllerChannelTest, AnAnswerCountsOnceAndAnOlderControllerEndsNothing) {
  ask();
  channel.controller_spoke(ControllerEpoch(4));
  std::move(peers.taken.at(0))(rpc::AlterPartitionReply{});
  channel.controller_spoke(ControllerEpoch(6));
  EXPECT_EQ(outcomes, std::vector{ErrorCode::None});
}

}  // namespace
}  // namespace ottla::broker
