#include "common/zookeeper/pipeline.h"

#include <gtest/gtest.h>

#include "common/zookeeper/c_client.h"

namespace ottla::zookeeper {
namespace {

class PipelineTest : public ::testing::Test {
 protected:
  void add_read(const std::string& name) { pipeline.add(GetRequest{name}, recording(name)); }
  void add_write(const std::string& name) {
    pipeline.add(WriteRequest{{Delete{name}}}, recording(name));
  }
  Callback<Reply> recording(const std::string& name) {
    return [this, name](const Reply& reply) {
      done += name + (reply.error ? std::string("!") + name_of(*reply.error) : "") + " ";
    };
  }
  /// Sends what may be sent; the attempts, in order.
  std::vector<Pipeline::Attempt> send() {
    std::vector<Pipeline::Attempt> attempts;
    while (const auto sending = pipeline.next()) attempts.push_back(sending->attempt);
    return attempts;
  }
  std::string delivered() {
    while (auto completed = pipeline.take_completed()) {
      std::move(completed->done)(std::move(completed->reply));
    }
    return std::exchange(done, "");
  }

  Pipeline pipeline{1, 2};
  std::string done;
};

TEST_F(PipelineTest, SendsNothingWithoutAConnectionAndNoMoreThanTheWindow) {
  add_read("a");
  add_read("b");
  add_read("c");
  EXPECT_TRUE(send().empty());
  pipeline.on_connected();
  const auto attempts = send();
  ASSERT_EQ(attempts.size(), 2U);
  pipeline.on_reply(attempts[0], Reply());
  EXPECT_EQ(delivered(), "a ");
  EXPECT_EQ(send().size(), 1U);
}

TEST_F(PipelineTest, ManyReadsTakeNoRoomFromWritesAndWritesNoneFromReads) {
  pipeline.on_connected();
  add_read("a");
  add_read("b");
  add_write("w");
  EXPECT_EQ(send().size(), 3U);
  add_write("x");
  add_read("c");  // behind a write that waits: the order is kept
  EXPECT_TRUE(send().empty());
}

TEST_F(PipelineTest, ALostConnectionRepeatsReadsAndEndsWritesInOrder) {
  pipeline.on_connected();
  add_read("r");
  add_write("w");
  add_write("waits");
  const auto first = send();
  pipeline.on_disconnected();
  // The write's outcome is known, but the read before it is not answered yet.
  EXPECT_EQ(delivered(), "");
  pipeline.on_connected();
  const auto second = send();
  ASSERT_EQ(second.size(), 2U);          // r again, and the write that had not been sent
  pipeline.on_reply(first[0], Reply());  // stale
  EXPECT_EQ(delivered(), "");
  pipeline.on_reply(second[0], Reply());
  EXPECT_EQ(delivered(), "r w!ConnectionLoss ");
  pipeline.on_reply(second[1], Reply());
  EXPECT_EQ(delivered(), "waits ");
  EXPECT_EQ(pipeline.pending(), 0U);
}

TEST_F(PipelineTest, W15TheEndOfTheSessionEndsEverything) {
  pipeline.on_connected();
  add_read("a");
  add_write("b");
  add_write("c");
  (void)send();
  pipeline.on_session_over();
  EXPECT_EQ(delivered(), "a!SessionExpired b!SessionExpired c!SessionExpired ");
  add_read("d");
  EXPECT_TRUE(send().empty());
  pipeline.on_connected();
  EXPECT_EQ(send().size(), 1U);
}

TEST_F(PipelineTest, AReadWhoseReplyIsALossWaitsForItsRepetition) {
  pipeline.on_connected();
  add_read("a");
  pipeline.on_reply(send().at(0), Reply::failed(ZkError::ConnectionLoss));
  EXPECT_EQ(delivered(), "");
  pipeline.on_reply(send().at(0), Reply());
  EXPECT_EQ(delivered(), "a ");
}

TEST(ConnectString, IsTakenApart) {
  const auto parse = [](std::string_view text) {
    const auto connect = parse_connect_string(text);
    return connect ? connect->servers + " " + connect->chroot : connect.error().describe();
  };
  EXPECT_EQ(parse("h:2181"), "h:2181 ");
  EXPECT_EQ(parse("h1:1, h2:2/kafka/a/"), "h1:1,h2:2 /kafka/a");
  EXPECT_EQ(parse("h1,[::1]"), "h1:2181,[::1]:2181 ");
  EXPECT_EQ(parse("h:1/"), "h:1 ");
  EXPECT_FALSE(parse_connect_string(""));
  EXPECT_FALSE(parse_connect_string("/chroot"));
  EXPECT_FALSE(parse_connect_string("h:1//x"));
  EXPECT_FALSE(parse_connect_string("h:port"));
}

TEST(CClient, WithoutAServerItWaitsAndCanBeClosed) {
  auto client = make_c_client({.connect = "127.0.0.1:1", .max_in_flight = 1});
  ASSERT_TRUE(client.has_value());
  (*client)->start();
  std::vector<ZkError> ended;
  for (int i = 0; i < 3; ++i) {
    (*client)->get("/", Watch::No,
                   [&](const ZkResult<Node>& node) { ended.push_back(node.error()); });
  }
  EXPECT_EQ((*client)->session_id(), 0);
  (*client)->close();
  EXPECT_EQ(ended, std::vector<ZkError>(3, ZkError::SessionExpired));
  (*client)->close();  // again does nothing
}

TEST(CClient, NeverStartedItCanBeDestroyed) {
  EXPECT_TRUE(make_c_client({.connect = "127.0.0.1:1"}).has_value());
}

}  // namespace
}  // namespace ottla::zookeeper
