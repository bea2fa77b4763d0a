#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>

#include "common/env/executor.h"
#include "common/rpc/grpc_liveness.h"
#include "common/rpc/grpc_peers.h"
#include "common/rpc/grpc_server.h"

namespace ottla::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FakeBroker final : public BrokerControl {
 public:
  void update_cluster(ClusterUpdate update, Callback<ClusterUpdateReply> reply) override {
    if (drop_calls) return;
    last_update = std::move(update);
    std::move(reply)({ErrorCode::StaleControllerEpoch,
                      {{"orders", TopicId(1, 2), 3, ErrorCode::KafkaStorageError, true}}});
  }
  void query_replica_logs(ReplicaLogQuery query, Callback<ReplicaLogAnswer> reply) override {
    last_query = std::move(query);
    std::move(reply)({.error = ErrorCode::None,
                      .partitions = {{"orders", 1, ErrorCode::None, LeaderEpoch(4), Offset(77)}}});
  }

  ClusterUpdate last_update;
  ReplicaLogQuery last_query;
  bool drop_calls = false;
};

class FakeController final : public ControllerControl {
 public:
  void alter_partition(AlterPartitionRequest request,
                       Callback<AlterPartitionReply> reply) override {
    AlterPartitionReply answer;
    for (const AlterPartition& partition : request.partitions) {
      AlterPartitionOutcome& outcome = answer.partitions.emplace_back();
      outcome.topic = partition.topic;
      outcome.topic_id = partition.topic_id;
      outcome.state.isr = {partition.new_isr.at(0).broker};
      outcome.state.partition_epoch = partition.partition_epoch.next();
    }
    std::move(reply)(std::move(answer));
  }
  void controlled_shutdown(ControlledShutdownRequest,
                           Callback<ControlledShutdownReply> reply) override {
    std::move(reply)({.error = ErrorCode::NotController, .remaining = {}});
  }
  void allocate_producer_ids(AllocateProducerIdsRequest,
                             Callback<AllocateProducerIdsReply> reply) override {
    std::move(reply)({.error = ErrorCode::None, .first = ProducerId(1000), .count = 1000});
  }
  void report_slow_replicas(SlowReplicasReport report, Callback<SlowReplicasReply> reply) override {
    slow = std::move(report);
    std::move(reply)({.error = ErrorCode::StaleBrokerEpoch});
  }

  SlowReplicasReport slow;
};

/// A server on a port of the kernel's, and its registration as another broker would read it.
struct Endpoint {
  explicit Endpoint(std::string nonce, std::int32_t wanted_port = 0)
      : server({.host = "127.0.0.1", .port = wanted_port, .start_nonce = nonce}, broker_control,
               controller_control, nullptr) {
    const auto bound = server.start();
    EXPECT_TRUE(bound) << bound.error();
    port = bound.value_or(0);
    broker.id = BrokerId(1);
    broker.grpc_endpoint = "127.0.0.1:" + std::to_string(port);
    broker.start_nonce = std::move(nonce);
  }

  FakeBroker broker_control;
  FakeController controller_control;
  GrpcServer server;
  cluster::Broker broker;
  std::int32_t port = 0;
};

template <class Reply, class Call>
Result<Reply> wait_for(Call call) {
  std::promise<Result<Reply>> promise;
  call([&](Result<Reply> reply) { promise.set_value(std::move(reply)); });
  return promise.get_future().get();
}

TEST(GrpcPeer, CarriesAClusterUpdateWhole) {
  Endpoint endpoint("a");
  ClusterUpdate update;
  update.controller = BrokerId(7);
  update.controller_epoch = ControllerEpoch(8);
  update.receiver_epoch = BrokerEpoch(9);
  update.full = true;
  update.last_stop_settled = true;
  update.number = 7;
  update.incomplete = true;
  update.is_all = true;
  update.live_brokers = {endpoint.broker};
  update.live_brokers->at(0).last_stop = cluster::LastStop::HostCrash;
  update.live_brokers->at(0).rack = "r1";
  PartitionUpdate partition;
  partition.partition = 2;
  partition.assignment.replicas = {BrokerId(1), BrokerId(2)};
  partition.state.isr = {BrokerId(2)};
  partition.state.eligible_leaders = {BrokerId(1)};
  partition.state.last_known_eligible_leaders = {BrokerId(4)};
  partition.is_new = true;
  update.topics = {{"orders", TopicId(5, 6), {partition}}};
  update.stop_replicas = {{"old", TopicId(1, 1), 4, LeaderEpoch(3), true}};

  const auto peer = GrpcPeers().connect(endpoint.broker);
  const auto reply = wait_for<ClusterUpdateReply>(
      [&](auto done) { peer->update_cluster(update, seconds(5), std::move(done)); });

  ASSERT_TRUE(reply) << reply.error();
  EXPECT_EQ(reply->error, ErrorCode::StaleControllerEpoch);
  EXPECT_EQ(reply->outcomes.at(0).error, ErrorCode::KafkaStorageError);
  EXPECT_TRUE(reply->outcomes.at(0).log_is_lost);
  const ClusterUpdate& got = endpoint.broker_control.last_update;
  EXPECT_EQ(got.controller_epoch, ControllerEpoch(8));
  EXPECT_EQ(got.receiver_epoch, BrokerEpoch(9));
  EXPECT_TRUE(got.full);
  EXPECT_TRUE(got.last_stop_settled);
  EXPECT_EQ(got.number, 7U);
  EXPECT_TRUE(got.incomplete);
  EXPECT_TRUE(got.is_all);
  EXPECT_EQ(got.live_brokers, update.live_brokers);
  EXPECT_EQ(got.topics.at(0).id, TopicId(5, 6));
  EXPECT_EQ(got.topics.at(0).partitions.at(0).state, partition.state);
  EXPECT_EQ(got.topics.at(0).partitions.at(0).assignment, partition.assignment);
  EXPECT_TRUE(got.topics.at(0).partitions.at(0).is_new);
  EXPECT_EQ(got.stop_replicas.at(0).topic, "old");
  EXPECT_TRUE(got.stop_replicas.at(0).remove);
}

TEST(GrpcPeer, CarriesBrokersRequestsToTheController) {
  Endpoint endpoint("a");
  const auto peer = GrpcPeers().connect(endpoint.broker);
  AlterPartitionRequest request{
      .broker = BrokerId(1), .broker_epoch = BrokerEpoch(2), .partitions = {}};
  request.partitions.push_back({.topic = "orders",
                                .topic_id = TopicId(5, 6),
                                .partition = 0,
                                .leader_epoch = LeaderEpoch(3),
                                .partition_epoch = PartitionEpoch(4),
                                .new_isr = {{BrokerId(2), BrokerEpoch(11)}}});
  const auto altered = wait_for<AlterPartitionReply>(
      [&](auto done) { peer->alter_partition(request, seconds(5), std::move(done)); });
  ASSERT_TRUE(altered);
  EXPECT_EQ(altered->partitions.at(0).state.partition_epoch, PartitionEpoch(5));

  const auto ids = wait_for<AllocateProducerIdsReply>([&](auto done) {
    peer->allocate_producer_ids({BrokerId(1), BrokerEpoch(2)}, seconds(5), std::move(done));
  });
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->first, ProducerId(1000));

  SlowReplicasReport slow{.broker = BrokerId(1), .broker_epoch = BrokerEpoch(2), .replicas = {}};
  slow.replicas.push_back({"orders", TopicId(5, 6), 3});
  slow.number = 9;
  const auto heard = wait_for<SlowReplicasReply>(
      [&](auto done) { peer->report_slow_replicas(slow, seconds(5), std::move(done)); });
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->error, ErrorCode::StaleBrokerEpoch);
  EXPECT_EQ(endpoint.controller_control.slow.replicas.at(0).topic_id, TopicId(5, 6));
  EXPECT_EQ(endpoint.controller_control.slow.replicas.at(0).partition, 3);
  EXPECT_EQ(endpoint.controller_control.slow.number, 9U);

  const ReplicaLogQuery query{
      ControllerEpoch(8), BrokerEpoch(9), {{"orders", TopicId(1, 2), 3, LeaderEpoch(4)}}};
  const auto log = wait_for<ReplicaLogAnswer>(
      [&](auto done) { peer->query_replica_logs(query, seconds(5), std::move(done)); });
  const ReplicaLogQuery& asked = endpoint.broker_control.last_query;
  EXPECT_EQ(asked.receiver_epoch, BrokerEpoch(9));
  EXPECT_EQ(asked.partitions.at(0).topic_id, TopicId(1, 2));
  EXPECT_EQ(asked.partitions.at(0).leader_epoch, LeaderEpoch(4));
  ASSERT_TRUE(log);
  EXPECT_EQ(log->partitions.at(0).log_end_offset, Offset(77));
}

TEST(GrpcPeer, ADroppedCallEndsWithANetworkError) {
  Endpoint endpoint("a");
  endpoint.broker_control.drop_calls = true;
  const auto peer = GrpcPeers().connect(endpoint.broker);
  const auto reply = wait_for<ClusterUpdateReply>(
      [&](auto done) { peer->update_cluster({}, seconds(5), std::move(done)); });
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), ErrorCode::NetworkException);
}

TEST(GrpcServer, RefusesAPortInUse) {
  Endpoint first("a");
  Endpoint unused("b");
  FakeBroker broker;
  FakeController controller;
  GrpcServer second({.host = "127.0.0.1", .port = first.port, .start_nonce = "c"}, broker,
                    controller, nullptr);
  const auto bound = second.start();
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code(), ErrorCode::BrokerNotAvailable);
}

class LivenessTest : public testing::Test {
 protected:
  std::unique_ptr<LivenessWatch> watch(const cluster::Broker& broker) {
    return monitor_.watch(broker, [this](Liveness verdict) {
      const std::lock_guard lock(mutex_);
      verdicts_.push_back(verdict);
      arrived_.notify_all();
    });
  }
  Liveness next_verdict() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(arrived_.wait_for(lock, seconds(20), [this] { return !verdicts_.empty(); }));
    if (verdicts_.empty()) return Liveness::Silent;
    const Liveness verdict = verdicts_.front();
    verdicts_.pop_front();
    return verdict;
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Liveness> verdicts_;
  env::SystemClock clock_;
  env::ThreadPool blocking_{"blocking", 1};
  env::EventLoop loop_{"liveness"};
  GrpcLivenessMonitor monitor_{
      {.ping_interval = milliseconds(50), .suspicion_timeout = milliseconds(300)},
      clock_,
      loop_,
      blocking_};
};

TEST_F(LivenessTest, TellsAliveThenDeadWhenThePortRefuses) {
  auto endpoint = std::make_unique<Endpoint>("a");
  const auto watched = watch(endpoint->broker);
  EXPECT_EQ(next_verdict(), Liveness::Alive);
  endpoint.reset();
  EXPECT_EQ(next_verdict(), Liveness::ProcessDead);
}

TEST_F(LivenessTest, ConfirmsThatAProcessLivesOrIsDead) {
  auto endpoint = std::make_unique<Endpoint>("a");
  const auto watching = watch(endpoint->broker);
  ASSERT_EQ(next_verdict(), Liveness::Alive);
  for (int i = 0; i < 3; ++i) {
    std::promise<void> confirmed;
    loop_.post([&] { watching->confirm([&] { confirmed.set_value(); }); });
    confirmed.get_future().wait();
  }
  endpoint.reset();
  std::promise<void> confirmed;
  loop_.post([&] { watching->confirm([&] { confirmed.set_value(); }); });
  confirmed.get_future().wait();
  EXPECT_EQ(next_verdict(), Liveness::ProcessDead);
}

TEST_F(LivenessTest, AnotherStartOnTheSamePortProvesTheFirstDead) {
  Endpoint endpoint("second-start");
  endpoint.broker.start_nonce = "first-start";
  const auto watched = watch(endpoint.broker);
  EXPECT_EQ(next_verdict(), Liveness::ProcessDead);
}

TEST_F(LivenessTest, TheNonceProvesThatItWasNotDead) {
  auto endpoint = std::make_unique<Endpoint>("a");
  const std::int32_t port = endpoint->port;
  const auto watched = watch(endpoint->broker);
  ASSERT_EQ(next_verdict(), Liveness::Alive);
  endpoint.reset();  // as a firewall does that rejects for a while
  ASSERT_EQ(next_verdict(), Liveness::ProcessDead);
  endpoint = std::make_unique<Endpoint>("a", port);
  EXPECT_EQ(next_verdict(), Liveness::Alive);
}

TEST_F(LivenessTest, WhoServesNobodyIsSilentUntilItServesAgain) {
  std::atomic<bool> serves = true;
  FakeBroker broker;
  FakeController controller;
  GrpcServer server(
      {.host = "127.0.0.1", .port = 0, .start_nonce = "a", .serves = [&] { return serves.load(); }},
      broker, controller, nullptr);
  const auto port = server.start();
  ASSERT_TRUE(port);
  cluster::Broker node;
  node.grpc_endpoint = "127.0.0.1:" + std::to_string(*port);
  node.start_nonce = "a";
  const auto watched = watch(node);
  ASSERT_EQ(next_verdict(), Liveness::Alive);
  serves = false;
  ASSERT_EQ(next_verdict(), Liveness::Silent);
  serves = true;
  EXPECT_EQ(next_verdict(), Liveness::Alive);
}

TEST_F(LivenessTest, SilenceIsOnlySuspicion) {
  // A listener that accepts and never answers, as a stopped process does.
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  cluster::Broker broker;
  broker.grpc_endpoint = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  const auto watched = watch(broker);
  EXPECT_EQ(next_verdict(), Liveness::Silent);
  ::close(listener);
}

}  // namespace
}  // namespace ottla::rpc
