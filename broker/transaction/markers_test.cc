#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "broker/transaction/marker_receiver.h"
#include "broker/transaction/marker_sender.h"

namespace ottla::transaction {
namespace {

constexpr BrokerId kSelf{1};
constexpr BrokerId kOther{2};
using Outcomes = std::vector<MarkerOutcome>;

class ManualExecutor final : public env::Executor {
 public:
  void post(Task task) override { tasks_.push_back(std::move(task)); }
  env::TimerHandle post_after(env::Duration, Task) override { return nullptr; }
  void run() {
    while (!tasks_.empty()) {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      std::move(task)();
    }
  }

 private:
  std::deque<Task> tasks_;
};

/// Appends what it is given; answers when told to.
class FakeWriter final : public MarkerWriter {
 public:
  void append(replica::TransactionMarker marker, Callback<std::vector<ErrorCode>> done) override {
    const std::size_t count = marker.partitions.size();
    written.push_back(std::move(marker));
    std::move(done)(std::vector<ErrorCode>(count, answer));
  }
  std::vector<replica::TransactionMarker> written;
  ErrorCode answer = ErrorCode::None;
};

class FakePeers final : public rpc::TransactionPeers {
 public:
  void write_markers(const cluster::Broker& to, rpc::NumberedMarkers markers, env::Duration,
                     Callback<Result<protocol::WriteTxnMarkersResponse>> done) override {
    EXPECT_EQ(to.id, kOther);
    sent.push_back({std::move(markers), std::move(done)});
  }
  void add_partitions(const cluster::Broker&, protocol::AddPartitionsToTxnRequest, env::Duration,
                      Callback<Result<protocol::AddPartitionsToTxnResponse>>) override {}

  struct Sent {
    rpc::NumberedMarkers markers;
    Callback<Result<protocol::WriteTxnMarkersResponse>> done;
    void answer(ErrorCode error) { std::move(done)(answer_all(markers.request, error)); }
  };
  std::deque<Sent> sent;
};

std::string nonce_of(BrokerId broker) {
  return "start of " + std::to_string(broker.value());
}

/// orders-0 is led here, orders-1 and bills-0 by the other broker, orders-2 by nobody.
class MarkersTest : public ::testing::Test {
 protected:
  MarkersTest() {
    rpc::ClusterUpdate update;
    update.full = true;
    update.live_brokers.emplace();
    for (const BrokerId id : {kSelf, kOther}) {
      cluster::Broker broker;
      broker.id = id;
      broker.start_nonce = nonce_of(id);
      update.live_brokers->push_back(broker);
    }
    update.topics.push_back(topic("orders", {kSelf, kOther, kNoBroker}));
    update.topics.push_back(topic("bills", {kOther}));
    update.is_all = true;
    metadata_.publish(metadata_.image()->apply(update));
  }
  static rpc::TopicUpdate topic(const std::string& name, const std::vector<BrokerId>& leaders) {
    rpc::TopicUpdate topic;
    topic.name = name;
    for (std::size_t i = 0; i < leaders.size(); ++i) {
      rpc::PartitionUpdate partition;
      partition.partition = static_cast<std::int32_t>(i);
      partition.assignment.replicas = {kSelf, kOther};
      partition.state.leader = leaders[i];
      topic.partitions.push_back(partition);
    }
    return topic;
  }
  static replica::TransactionMarker marker(std::vector<TopicPartition> partitions,
                                           std::int64_t producer = 7) {
    replica::TransactionMarker marker;
    marker.producer_id = ProducerId(producer);
    marker.producer_epoch = ProducerEpoch(2);
    marker.coordinator_epoch = 5;
    marker.is_commit = true;
    marker.partitions = std::move(partitions);
    return marker;
  }
  std::shared_ptr<Outcomes> write(replica::TransactionMarker wanted) {
    const auto got = std::make_shared<Outcomes>();
    sender_.write(std::move(wanted), [got](Outcomes told) { *got = std::move(told); });
    loop_.run();
    return got;
  }

  ErrorCode write_numbered(std::uint64_t number, std::string sender = nonce_of(kOther),
                           std::string receiver = nonce_of(kSelf)) {
    rpc::NumberedMarkers markers{.sender = kOther,
                                 .sender_nonce = std::move(sender),
                                 .receiver_nonce = std::move(receiver),
                                 .number = number};
    auto& marker = markers.request.markers.emplace_back();
    marker.topics.push_back({.name = "orders", .partition_indexes = {0}});
    ErrorCode told{};
    receiver_.write(std::move(markers), [&](const protocol::WriteTxnMarkersResponse& response) {
      told = response.markers[0].topics[0].partitions[0].error_code;
    });
    return told;
  }

  metadata::MetadataCache metadata_;
  ManualExecutor loop_;
  FakePeers peers_;
  FakeWriter writer_;
  MarkerReceiver receiver_{writer_, nonce_of(kSelf), metadata_};
  MarkerSender sender_{{.self = kSelf,
                        .nonce = nonce_of(kSelf),
                        .metadata = metadata_,
                        .peers = peers_,
                        .here = receiver_,
                        .loop = loop_,
                        .timeout = std::chrono::seconds(1)}};
};

TEST_F(MarkersTest, GoToTheLeaderOfEachPartition) {
  const auto got = write(marker({{"orders", 0}, {"bills", 0}, {"orders", 1}, {"orders", 2}}));
  ASSERT_EQ(writer_.written.size(), 1u);
  EXPECT_EQ(writer_.written[0].partitions, (std::vector<TopicPartition>{{"orders", 0}}));
  EXPECT_EQ(writer_.written[0].producer_epoch, ProducerEpoch(2));
  EXPECT_EQ(writer_.written[0].coordinator_epoch, 5);
  EXPECT_TRUE(writer_.written[0].is_commit);
  ASSERT_EQ(peers_.sent.size(), 1u);
  EXPECT_EQ(peers_.sent[0].markers.request.markers[0].topics.size(), 2u);
  EXPECT_TRUE(got->empty()) << "one partition is still unknown";
  peers_.sent[0].answer(ErrorCode::None);
  loop_.run();
  using enum MarkerOutcome;
  EXPECT_EQ(*got, (Outcomes{Written, Written, Written, NotWritten}));
}

TEST_F(MarkersTest, ForADeletedPartitionAreNotSent) {
  const auto got = write(marker({{"gone", 0}, {"orders", 9}}));
  EXPECT_EQ(*got, (Outcomes{MarkerOutcome::Gone, MarkerOutcome::Gone}));
}

TEST_F(MarkersTest, AreKeptForAPartitionThatMayOnlyNotBeKnownYet) {
  metadata_.publish(metadata_.told_image()->apply({}));  // more is to come
  EXPECT_EQ(*write(marker({{"gone", 0}})), Outcomes{MarkerOutcome::NotWritten});
  metadata_.publish(std::make_shared<metadata::MetadataImage>());  // nothing was told
  EXPECT_EQ(*write(marker({{"gone", 0}})), Outcomes{MarkerOutcome::NotWritten});
}

TEST_F(MarkersTest, WaitForTheRequestThatIsUnderWayAndGoTogether) {
  const auto first = write(marker({{"bills", 0}}, 1));
  const auto second = write(marker({{"bills", 0}}, 2));
  const auto third = write(marker({{"orders", 1}}, 3));
  ASSERT_EQ(peers_.sent.size(), 1u);
  peers_.sent[0].answer(ErrorCode::None);
  loop_.run();
  ASSERT_EQ(peers_.sent.size(), 2u);
  EXPECT_EQ(peers_.sent[1].markers.request.markers.size(), 2u);
  EXPECT_GT(peers_.sent[1].markers.number, peers_.sent[0].markers.number);
  peers_.sent[1].answer(ErrorCode::NotLeaderOrFollower);
  loop_.run();
  EXPECT_EQ(*first, Outcomes{MarkerOutcome::Written});
  EXPECT_EQ(*second, Outcomes{MarkerOutcome::NotWritten});
  EXPECT_EQ(*third, Outcomes{MarkerOutcome::NotWritten});
}

TEST_F(MarkersTest, OfUnknownOutcomeAreNotWritten) {
  const auto got = write(marker({{"bills", 0}}));
  std::move(peers_.sent[0].done)(fail(ErrorCode::RequestTimedOut));
  loop_.run();
  EXPECT_EQ(*got, Outcomes{MarkerOutcome::NotWritten});
  const auto again = write(marker({{"bills", 0}}));
  std::move(peers_.sent[1].done)(protocol::WriteTxnMarkersResponse{});
  loop_.run();
  EXPECT_EQ(*again, Outcomes{MarkerOutcome::NotWritten}) << "no answer to this question";
}

TEST_F(MarkersTest, TellWhatThePartitionHasSeen) {
  writer_.answer = ErrorCode::InvalidProducerEpoch;
  EXPECT_EQ(*write(marker({{"orders", 0}})), Outcomes{MarkerOutcome::Superseded});
  writer_.answer = ErrorCode::TransactionCoordinatorFenced;
  EXPECT_EQ(*write(marker({{"orders", 0}})), Outcomes{MarkerOutcome::NotWritten});
}

TEST_F(MarkersTest, ThatWereOvertakenAreNotWritten) {
  // Its sender has given number 1 up, sent it again as 2, and gone on with the next transaction.
  EXPECT_EQ(write_numbered(2), ErrorCode::None);
  EXPECT_EQ(write_numbered(1), ErrorCode::RequestTimedOut);
  EXPECT_EQ(write_numbered(2), ErrorCode::RequestTimedOut);
  EXPECT_EQ(writer_.written.size(), 1u);
}

// It was under way for so long that one of the two was started anew, who does not know the numbers
// of before: the transaction was ended since, and the next one has the same epoch (found by the
// simulation, seed 1470 of then).
TEST_F(MarkersTest, OfAnotherStartAreNotWritten) {
  EXPECT_EQ(write_numbered(7, nonce_of(kOther), "an earlier start"), ErrorCode::RequestTimedOut);
  EXPECT_EQ(write_numbered(7, "an earlier start"), ErrorCode::RequestTimedOut);
  EXPECT_TRUE(writer_.written.empty());
  EXPECT_EQ(write_numbered(1, nonce_of(kOther), ""), ErrorCode::None) << "the receiver tells none";
}

}  // namespace
}  // namespace ottla::transaction
