#include "common/rpc/grpc_replication.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>

#include "common/env/executor.h"
#include "common/rpc/grpc_peers.h"
#include "common/rpc/grpc_server.h"

namespace ottla::rpc {
namespace {

using std::chrono::seconds;

class IdleBroker final : public BrokerControl {
  void update_cluster(ClusterUpdate, Callback<ClusterUpdateReply> reply) override {
    std::move(reply)({});
  }
  void query_replica_logs(ReplicaLogQuery, Callback<ReplicaLogAnswer>) override {}
};
class NoController final : public ControllerControl {
  void alter_partition(AlterPartitionRequest, Callback<AlterPartitionReply>) override {}
  void controlled_shutdown(ControlledShutdownRequest, Callback<ControlledShutdownReply>) override {}
  void allocate_producer_ids(AllocateProducerIdsRequest,
                             Callback<AllocateProducerIdsReply>) override {}
};

/// What a handler heard, for a test thread that waits.
template <class Incoming>
class Recorder final : public StreamHandler<Incoming> {
 public:
  void on_message(Incoming message) override {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
    changed_.notify_all();
  }
  void on_closed(Error cause) override {
    const std::lock_guard lock(mutex_);
    closed_ = std::move(cause);
    changed_.notify_all();
  }
  bool wait_for_messages(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(10), [&] { return messages_.size() >= count; });
  }
  std::optional<Error> wait_for_close() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, seconds(10), [&] { return closed_.has_value(); });
    return closed_;
  }
  std::vector<Incoming> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Incoming> messages_;
  std::optional<Error> closed_;
};

class Service final : public ReplicationService {
 public:
  explicit Service(env::Executor& executor) : executor_(executor) {}
  Result<Accepted> accept(const StreamHello& hello, std::unique_ptr<LeaderWriter> writer) override {
    if (hello.leader_epoch != BrokerEpoch(200)) return fail(ErrorCode::StaleBrokerEpoch);
    writer_ = std::move(writer);
    return Accepted{&executor_, handler_};
  }

  std::unique_ptr<LeaderWriter> writer_;  // set before the follower's first message is heard
  std::shared_ptr<Recorder<FollowerMessage>> handler_ =
      std::make_shared<Recorder<FollowerMessage>>();

 private:
  env::Executor& executor_;
};

struct Fixture {
  Fixture() {
    const auto port = server.start();
    EXPECT_TRUE(port);
    leader.id = BrokerId(2);
    leader.grpc_endpoint = "127.0.0.1:" + std::to_string(*port);
  }

  std::unique_ptr<FollowerWriter> open(BrokerEpoch leader_epoch) {
    const StreamHello hello{BrokerId(1), BrokerEpoch(100), BrokerId(2), leader_epoch};
    return transport.open(leader, hello, follower_loop, received);
  }

  env::EventLoop leader_loop{"leader"};
  env::EventLoop follower_loop{"follower"};
  IdleBroker broker;
  NoController controller;
  Service service{leader_loop};
  GrpcReplicationServer streams{service};
  GrpcServer server{{.host = "127.0.0.1", .port = 0, .start_nonce = "n"},
                    broker,
                    controller,
                    streams.grpc_service()};
  GrpcReplication transport;
  cluster::Broker leader;
  std::shared_ptr<Recorder<LeaderMessage>> received = std::make_shared<Recorder<LeaderMessage>>();
};

std::string records_of(const PartitionPush& push) {
  std::string text;
  for (const MemoryRange& piece : push.records) text += as_text(piece.bytes);
  return text;
}

TEST(GrpcReplication, CarriesMessagesInOrderBothWays) {
  Fixture f;
  const auto writer = f.open(BrokerEpoch(200));
  FollowerMessage hello;
  hello.subscribe.push_back({.id = SubscriptionId(1), .topic_id = TopicId(1, 2)});
  writer->send(hello);
  ASSERT_TRUE(f.service.handler_->wait_for_messages(1));

  constexpr std::size_t kMessages = 200;
  for (std::size_t i = 0; i < kMessages; ++i) {
    const auto text =
        std::make_shared<std::string>(1000 * (i % 100), static_cast<char>('a' + i % 26));
    LeaderMessage message;
    message.partitions.push_back({.id = SubscriptionId(static_cast<std::uint32_t>(i)),
                                  .records = {{text, as_bytes(*text)}}});
    f.service.writer_->send(std::move(message));
  }
  ASSERT_TRUE(f.received->wait_for_messages(kMessages));
  const auto messages = f.received->messages();
  for (std::size_t i = 0; i < kMessages; ++i) {
    ASSERT_EQ(messages[i].partitions.at(0).id, SubscriptionId(static_cast<std::uint32_t>(i)));
    ASSERT_EQ(records_of(messages[i].partitions[0]),
              std::string(1000 * (i % 100), static_cast<char>('a' + i % 26)));
  }
}

// W24: control has a connection and threads of its own.
TEST(GrpcReplication, W24RecordsThatAreStuckDelayNoCommand) {
  Fixture f;
  const auto writer = f.open(BrokerEpoch(200));
  writer->send({.subscribe = {{.id = SubscriptionId(1), .topic_id = TopicId(1, 2)}}});
  ASSERT_TRUE(f.service.handler_->wait_for_messages(1));
  // Both ends' loops do something else for long, with 64 MiB of records on their way.
  std::promise<void> end_of_work;
  const std::shared_future<void> ended = end_of_work.get_future().share();
  f.leader_loop.post([ended] { ended.wait(); });
  f.follower_loop.post([ended] { ended.wait(); });
  const auto records = std::make_shared<std::string>(1 << 20, 'r');
  for (int i = 0; i < 64; ++i) {
    LeaderMessage message;
    message.partitions.push_back(
        {.id = SubscriptionId(1), .records = {{records, as_bytes(*records)}}});
    f.service.writer_->send(std::move(message));
  }
  const auto peer = GrpcPeers().connect(f.leader);
  for (int i = 0; i < 20; ++i) {
    std::promise<bool> answered;
    peer->update_cluster({}, seconds(5), [&](Result<ClusterUpdateReply> reply) {
      answered.set_value(reply.has_value());
    });
    EXPECT_TRUE(answered.get_future().get());
  }
  EXPECT_TRUE(f.received->messages().empty());
  end_of_work.set_value();
  EXPECT_TRUE(f.received->wait_for_messages(64));
}

TEST(GrpcReplication, ARefusalReachesTheFollowerAsItsCode) {
  Fixture f;
  const auto writer = f.open(BrokerEpoch(199));
  const auto cause = f.received->wait_for_close();
  ASSERT_TRUE(cause);
  EXPECT_EQ(cause->code(), ErrorCode::StaleBrokerEpoch);
}

TEST(GrpcReplication, EachSideHearsThatTheOtherClosed) {
  Fixture f;
  auto writer = f.open(BrokerEpoch(200));
  writer->send({});
  ASSERT_TRUE(f.service.handler_->wait_for_messages(1));
  writer.reset();
  EXPECT_TRUE(f.service.handler_->wait_for_close());

  f.service.handler_ = std::make_shared<Recorder<FollowerMessage>>();
  writer = f.open(BrokerEpoch(200));
  writer->send({});
  ASSERT_TRUE(f.service.handler_->wait_for_messages(1));
  f.service.writer_.reset();
  const auto cause = f.received->wait_for_close();
  ASSERT_TRUE(cause);
  EXPECT_EQ(cause->code(), ErrorCode::NetworkException);
}

TEST(GrpcReplication, NobodyThereClosesTheStream) {
  Fixture f;
  f.server.stop();
  const auto writer = f.open(BrokerEpoch(200));
  writer->send({});
  const auto cause = f.received->wait_for_close();
  ASSERT_TRUE(cause);
  EXPECT_EQ(cause->code(), ErrorCode::NetworkException);
}

TEST(GrpcReplication, StoppingTheServerEndsOpenStreams) {
  Fixture f;
  const auto writer = f.open(BrokerEpoch(200));
  writer->send({});
  ASSERT_TRUE(f.service.handler_->wait_for_messages(1));
  f.server.stop();
  EXPECT_TRUE(f.received->wait_for_close());
  EXPECT_TRUE(f.service.handler_->wait_for_close());
}

}  // namespace
}  // namespace ottla::rpc
