#include "common/rpc/grpc_high_watermarks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>
#include <utility>

#include "common/rpc/grpc_server.h"

namespace ottla::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::Pair;

class NoBroker final : public BrokerControl {
  void update_cluster(ClusterUpdate, Callback<ClusterUpdateReply>) override {}
  void query_replica_logs(ReplicaLogQuery, Callback<ReplicaLogAnswer>) override {}
};

class NoController final : public ControllerControl {
  void alter_partition(AlterPartitionRequest, Callback<AlterPartitionReply>) override {}
  void controlled_shutdown(ControlledShutdownRequest, Callback<ControlledShutdownReply>) override {}
  void allocate_producer_ids(AllocateProducerIdsRequest,
                             Callback<AllocateProducerIdsReply>) override {}
};

/// Leads every partition with an even number.
class EvenOnes final : public HighWatermarkSource {
  [[nodiscard]] HighWatermarks led_here(const std::vector<TopicPartition>& asked) const override {
    HighWatermarks told;
    for (const TopicPartition& each : asked) {
      if (each.partition % 2 == 0) told.emplace(each, Offset(100 + each.partition));
    }
    return told;
  }
};

cluster::Broker broker_at(int port) {
  cluster::Broker broker;
  broker.id = BrokerId(1);
  broker.grpc_endpoint = "127.0.0.1:" + std::to_string(port);
  return broker;
}

Result<HighWatermarks> ask(GrpcHighWatermarkPeers& peers, const cluster::Broker& broker,
                           std::vector<TopicPartition> partitions, env::Duration timeout) {
  std::promise<Result<HighWatermarks>> answer;
  peers.ask(broker, std::move(partitions), timeout,
            [&](Result<HighWatermarks> told) { answer.set_value(std::move(told)); });
  return answer.get_future().get();
}

TEST(GrpcHighWatermarks, TellsWhatTheAskedBrokerLeads) {
  NoBroker broker;
  NoController controller;
  EvenOnes source;
  GrpcServer server({.host = "127.0.0.1", .port = 0, .start_nonce = "a"}, broker, controller,
                    nullptr, nullptr, &source);
  const auto port = server.start();
  ASSERT_TRUE(port);
  GrpcHighWatermarkPeers peers;
  const auto told =
      ask(peers, broker_at(*port), {{"a", 0}, {"a", 1}, {"a", 2}, {"b", 4}}, seconds(30));
  ASSERT_TRUE(told) << told.error();
  EXPECT_THAT(*told, ElementsAre(Pair(TopicPartition{"a", 0}, Offset(100)),
                                 Pair(TopicPartition{"a", 2}, Offset(102)),
                                 Pair(TopicPartition{"b", 4}, Offset(104))));
}

TEST(GrpcHighWatermarks, ABrokerWithoutAnEndpointIsNotReached) {
  GrpcHighWatermarkPeers peers;
  const auto told = ask(peers, {}, {{"a", 0}}, seconds(30));
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code(), ErrorCode::NetworkException);
}

/// Takes connections, and never says anything.
class SilentPort {
 public:
  SilentPort() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_, 16), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentPort() { ::close(socket_); }
  [[nodiscard]] int port() const { return port_; }

 private:
  int socket_;
  int port_ = 0;
};

TEST(GrpcHighWatermarks, ASilentBrokerCostsTheTimeout) {
  const SilentPort silent;
  GrpcHighWatermarkPeers peers;
  const auto told = ask(peers, broker_at(silent.port()), {{"a", 0}}, milliseconds(50));
  ASSERT_FALSE(told);
}

TEST(GrpcHighWatermarks, StopEndsWhatIsUnderWayAndWhatComesLater) {
  const SilentPort silent;
  GrpcHighWatermarkPeers peers;
  int ended = 0;
  const auto count = [&](const Result<HighWatermarks>& told) {
    EXPECT_FALSE(told);
    ++ended;
  };
  const auto began = std::chrono::steady_clock::now();
  peers.ask(broker_at(silent.port()), {{"a", 0}}, std::chrono::hours(1), count);
  peers.stop();
  EXPECT_EQ(ended, 1);
  peers.ask(broker_at(silent.port()), {{"a", 0}}, std::chrono::hours(1), count);
  EXPECT_EQ(ended, 2);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::minutes(1));
}

}  // namespace
}  // namespace ottla::rpc
