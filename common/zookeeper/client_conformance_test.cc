#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <optional>
#include <set>

#include "common/testing/zookeeper_harness.h"
#include "common/zookeeper/client.h"

/// What client.h promises, of the simulated client and of the one over the C library on a real
/// server alike.
namespace ottla::zookeeper {
namespace {

using ::testing::ElementsAre;
using testing::ZooKeeperHarness;

constexpr SessionEvent::Kind kEstablished = SessionEvent::Kind::Established;
constexpr SessionEvent::Kind kSuspended = SessionEvent::Kind::Suspended;

/// Everything a client tells, in the order it came. Thread: any (its mutex).
class Recorder final : public ClientListener {
 public:
  void on_session(const SessionEvent& event) override {
    const std::lock_guard lock(mutex_);
    sessions_.push_back(event);
    log_.emplace_back(event.kind == kEstablished ? "established"
                      : event.kind == kSuspended ? "suspended"
                                                 : "expired");
  }
  void on_watch(const WatchEvent& event) override {
    static constexpr const char* kNames[] = {"created", "deleted", "changed", "children"};
    note(std::string(kNames[static_cast<std::size_t>(event.type)]) + " " + event.path);
  }
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    log_.push_back(std::move(what));
  }
  [[nodiscard]] std::vector<std::string> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  [[nodiscard]] bool has(const std::string& what) const {
    const std::lock_guard lock(mutex_);
    return std::find(log_.begin(), log_.end(), what) != log_.end();
  }
  [[nodiscard]] std::vector<SessionEvent> sessions() const {
    const std::lock_guard lock(mutex_);
    return sessions_;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    log_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> log_;
  std::vector<SessionEvent> sessions_;
};

class ClientConformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    harness = GetParam() == "Real" ? testing::real_zookeeper_harness()
                                   : testing::simulated_zookeeper_harness(std::stoull(GetParam()));
    if (!harness) GTEST_SKIP() << "needs integration-tests/with_zookeeper.py";
    client = harness->make_client("a");
    client->add_listener(recorder);
    client->start();
    ASSERT_TRUE(harness->wait([&] { return recorder.has("established"); }));
    recorder.clear();
  }

  /// Issues a call and waits for its result.
  template <class T, class Call>
  T ask(Call call) {
    struct Shared {
      std::mutex mutex;
      std::optional<T> result;
    };
    const auto shared = std::make_shared<Shared>();
    call([shared](T value) {
      const std::lock_guard lock(shared->mutex);
      shared->result = std::move(value);
    });
    const bool came = harness->wait([&] {
      const std::lock_guard lock(shared->mutex);
      return shared->result.has_value();
    });
    EXPECT_TRUE(came);
    const std::lock_guard lock(shared->mutex);
    return *std::move(shared->result);
  }
  ZkResult<Node> get(const std::string& path, Watch watch = Watch::No) {
    return ask<ZkResult<Node>>([&](auto done) { client->get(path, watch, std::move(done)); });
  }
  ZkResult<Stat> exists(const std::string& path, Watch watch = Watch::No) {
    return ask<ZkResult<Stat>>([&](auto done) { client->exists(path, watch, std::move(done)); });
  }
  ZkResult<std::vector<std::string>> children(const std::string& path, Watch watch = Watch::No) {
    return ask<ZkResult<std::vector<std::string>>>(
        [&](auto done) { client->children(path, watch, std::move(done)); });
  }
  ZkResult<OpResult> write(Op op) {
    return ask<ZkResult<OpResult>>([&](auto done) { client->write(op, std::move(done)); });
  }
  MultiResult multi(std::vector<Op> ops) {
    return ask<MultiResult>([&](auto done) { client->multi(ops, std::move(done)); });
  }
  static std::optional<ZkError> error_of(const auto& result) {
    return result ? std::nullopt : std::optional(result.error());
  }

  std::unique_ptr<ZooKeeperHarness> harness;
  Recorder recorder;
  std::unique_ptr<Client> client;
};

TEST_P(ClientConformance, NodesHaveDataAndVersions) {
  const auto created = write(Create{"/n", "one"});
  ASSERT_TRUE(created.has_value());
  EXPECT_EQ(created->path, "/n");
  EXPECT_EQ(created->stat.version, 0);
  EXPECT_GT(created->stat.czxid, 0);
  const auto set = write(Set{"/n", "two", 0});
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(set->path, "/n");
  EXPECT_EQ(set->stat.version, 1);
  EXPECT_EQ(set->stat.czxid, created->stat.czxid);
  EXPECT_GT(set->stat.mzxid, set->stat.czxid);
  const auto read = get("/n");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->data, "two");
  EXPECT_EQ(read->stat.mzxid, set->stat.mzxid);
  EXPECT_EQ(read->stat.ephemeral_owner, 0);
  EXPECT_EQ(exists("/n")->version, 1);
  EXPECT_TRUE(write(Delete{"/n", 1}).has_value());
  EXPECT_EQ(error_of(get("/n")), ZkError::NoNode);
}

TEST_P(ClientConformance, NullAndEmptyDataReadAsEmpty) {
  ASSERT_TRUE(write(Create{"/null", std::nullopt}).has_value());
  ASSERT_TRUE(write(Create{"/empty", ""}).has_value());
  ASSERT_TRUE(multi({Create{"/null2", std::nullopt}, Create{"/empty2", ""}}).has_value());
  for (const char* path : {"/null", "/empty", "/null2", "/empty2"}) EXPECT_EQ(get(path)->data, "");
  const std::string binary("a\0b", 3);
  ASSERT_TRUE(write(Create{"/binary", binary}).has_value());
  EXPECT_EQ(get("/binary")->data, binary);
}

TEST_P(ClientConformance, ErrorsTellWhatIsWrong) {
  EXPECT_EQ(error_of(write(Create{"/x/y", ""})), ZkError::NoNode);
  ASSERT_TRUE(write(Create{"/x", ""}).has_value());
  EXPECT_EQ(error_of(write(Create{"/x", ""})), ZkError::NodeExists);
  EXPECT_EQ(error_of(write(Set{"/x", "", 5})), ZkError::BadVersion);
  EXPECT_EQ(error_of(write(Set{"/none", "", 5})), ZkError::NoNode);
  EXPECT_EQ(error_of(write(Delete{"/x", 5})), ZkError::BadVersion);
  ASSERT_TRUE(write(Create{"/x/y", ""}).has_value());
  EXPECT_EQ(error_of(write(Delete{"/x"})), ZkError::NotEmpty);
  EXPECT_EQ(error_of(write(Delete{"/none"})), ZkError::NoNode);
  ASSERT_TRUE(write(Create{"/e", "", CreateMode::Ephemeral}).has_value());
  EXPECT_EQ(error_of(write(Create{"/e/c", ""})), ZkError::NoChildrenForEphemerals);
  EXPECT_EQ(error_of(write(Check{"/x", 5})), ZkError::BadVersion);
  EXPECT_EQ(error_of(write(Check{"/none", 0})), ZkError::NoNode);
  EXPECT_EQ(error_of(write(Check{"/x", 0})), std::nullopt);
  EXPECT_EQ(error_of(children("/none")), ZkError::NoNode);
  EXPECT_EQ(error_of(exists("/none")), ZkError::NoNode);
}

TEST_P(ClientConformance, ChildrenAreSortedAndCounted) {
  ASSERT_TRUE(write(Create{"/p", std::nullopt}).has_value());
  for (const char* name : {"c", "a", "b"}) {
    ASSERT_TRUE(write(Create{std::string("/p/") + name, ""}).has_value());
  }
  ASSERT_TRUE(write(Delete{"/p/b"}).has_value());
  EXPECT_EQ(children("/p"), (std::vector<std::string>{"a", "c"}));
  const auto stat = exists("/p");
  EXPECT_EQ(stat->children, 2);
  EXPECT_EQ(stat->children_version, 4);
  EXPECT_GT(stat->pzxid, stat->czxid);
}

TEST_P(ClientConformance, SequentialNodesCountCreations) {
  ASSERT_TRUE(write(Create{"/s", std::nullopt}).has_value());
  const auto append = [&] {
    return write(Create{"/s/n_", "", CreateMode::PersistentSequential})->path;
  };
  EXPECT_EQ(append(), "/s/n_0000000000");
  EXPECT_EQ(append(), "/s/n_0000000001");
  ASSERT_TRUE(write(Delete{"/s/n_0000000001"}).has_value());
  EXPECT_EQ(append(), "/s/n_0000000002");
  const auto in_multi = multi({Create{"/s/n_", "", CreateMode::PersistentSequential},
                               Create{"/s/n_", "", CreateMode::PersistentSequential}});
  ASSERT_TRUE(in_multi.has_value());
  EXPECT_EQ((*in_multi)[0].path, "/s/n_0000000003");
  EXPECT_EQ((*in_multi)[1].path, "/s/n_0000000004");
}

TEST_P(ClientConformance, AMultiIsOneTransaction) {
  ASSERT_TRUE(write(Create{"/epoch", "1"}).has_value());
  const auto result = multi({Check{"/epoch", 0}, Create{"/b", std::nullopt, CreateMode::Ephemeral},
                             Set{"/b", "data", 0}, Set{"/epoch", "2", 0}});
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ((*result)[1].path, "/b");
  EXPECT_EQ((*result)[2].stat.version, 1);
  EXPECT_EQ((*result)[2].stat.czxid, (*result)[2].stat.mzxid);
  EXPECT_EQ((*result)[2].stat.mzxid, (*result)[3].stat.mzxid);
  EXPECT_EQ((*result)[2].stat.ephemeral_owner, client->session_id());
}

TEST_P(ClientConformance, AFailingMultiChangesNothingAndNamesTheCulprit) {
  ASSERT_TRUE(write(Create{"/epoch", "1"}).has_value());
  const auto errors = [&](std::vector<Op> ops) {
    const auto result = multi(std::move(ops));
    return result ? std::vector<ZkError>() : result.error();
  };
  EXPECT_THAT(errors({Check{"/epoch", 7}, Create{"/a", ""}}),
              ElementsAre(ZkError::BadVersion, ZkError::RolledBack));
  EXPECT_THAT(errors({Create{"/a", ""}, Set{"/epoch", "x", 9}, Create{"/b", ""}}),
              ElementsAre(ZkError::RolledBack, ZkError::BadVersion, ZkError::RolledBack));
  EXPECT_THAT(errors({Create{"/a", ""}, Delete{"/none"}}),
              ElementsAre(ZkError::RolledBack, ZkError::NoNode));
  EXPECT_THAT(errors({Create{"/a", ""}, Create{"/a", ""}}),
              ElementsAre(ZkError::RolledBack, ZkError::NodeExists));
  EXPECT_THAT(errors({Create{"/a", ""}, Create{"/a/b", ""}, Delete{"/a"}}),
              ElementsAre(ZkError::RolledBack, ZkError::RolledBack, ZkError::NotEmpty));
  EXPECT_EQ(error_of(get("/a")), ZkError::NoNode);
  EXPECT_EQ(get("/epoch")->data, "1");
}

TEST_P(ClientConformance, AMultiReplacesANode) {
  const auto first = write(Create{"/controller", "1", CreateMode::Ephemeral});
  const auto result =
      multi({Delete{"/controller", 0}, Create{"/controller", "2", CreateMode::Ephemeral}});
  ASSERT_TRUE(result.has_value());
  EXPECT_GT(get("/controller")->stat.czxid, first->stat.czxid);
  EXPECT_EQ(get("/controller")->stat.version, 0);
}

TEST_P(ClientConformance, WatchesFireOnceAndBeforeWhatIsReadLater) {
  ASSERT_TRUE(write(Create{"/w", "1"}).has_value());
  ASSERT_TRUE(get("/w", Watch::Yes).has_value());
  ASSERT_TRUE(children("/w", Watch::Yes).has_value());
  ASSERT_TRUE(write(Set{"/w", "2"}).has_value());
  client->get("/w", Watch::No, [this](const ZkResult<Node>& n) { recorder.note(n->data); });
  ASSERT_TRUE(write(Set{"/w", "3"}).has_value());
  ASSERT_TRUE(write(Create{"/w/c", ""}).has_value());
  ASSERT_TRUE(write(Delete{"/w/c"}).has_value());
  EXPECT_THAT(recorder.log(), ElementsAre("changed /w", "2", "children /w"));
}

TEST_P(ClientConformance, ExistsWatchesWhatIsNotThereAndGetDoesNot) {
  EXPECT_EQ(error_of(get("/later", Watch::Yes)), ZkError::NoNode);
  EXPECT_EQ(error_of(children("/later", Watch::Yes)), ZkError::NoNode);
  ASSERT_TRUE(write(Create{"/later", ""}).has_value());
  ASSERT_TRUE(write(Delete{"/later"}).has_value());
  EXPECT_THAT(recorder.log(), ElementsAre());
  EXPECT_EQ(error_of(exists("/later", Watch::Yes)), ZkError::NoNode);
  ASSERT_TRUE(write(Create{"/later", ""}).has_value());
  EXPECT_TRUE(exists("/later", Watch::Yes).has_value());
  ASSERT_TRUE(write(Delete{"/later"}).has_value());
  EXPECT_THAT(recorder.log(), ElementsAre("created /later", "deleted /later"));
}

TEST_P(ClientConformance, OthersWritesAreWatchedToo) {
  ASSERT_TRUE(write(Create{"/o", "1"}).has_value());
  ASSERT_TRUE(get("/o", Watch::Yes).has_value());
  const auto other = harness->make_client("b");
  other->start();
  ASSERT_TRUE(ask<ZkResult<OpResult>>([&](auto done) {
                other->write(Set{"/o", "2"}, std::move(done));
              }).has_value());
  EXPECT_TRUE(harness->wait([&] { return recorder.has("changed /o"); }));
}

TEST_P(ClientConformance, ResultsComeInTheOrderOfTheCalls) {
  ASSERT_TRUE(write(Create{"/r", "0"}).has_value());
  constexpr int kCalls = 500;
  for (int i = 1; i <= kCalls; ++i) {
    client->write(Set{"/r", std::to_string(i)}, [this](const ZkResult<OpResult>& result) {
      recorder.note("set " + std::to_string(result->stat.version));
    });
    client->get("/r", Watch::No,
                [this](const ZkResult<Node>& node) { recorder.note("get " + node->data); });
  }
  ASSERT_TRUE(harness->wait([&] { return recorder.log().size() == 2 * kCalls; }));
  const auto log = recorder.log();
  for (int i = 1; i <= kCalls; ++i) {
    const auto at = static_cast<std::size_t>(i - 1) * 2;
    EXPECT_EQ(log[at], "set " + std::to_string(i));
    EXPECT_EQ(log[at + 1], "get " + std::to_string(i));
  }
}

TEST_P(ClientConformance, ClosingEndsTheSessionAndWhatIsPending) {
  const auto other = harness->make_client("b");
  other->start();
  const auto created = ask<ZkResult<OpResult>>([&](auto done) {
    other->write(Create{"/mine", "", CreateMode::Ephemeral}, std::move(done));
  });
  ASSERT_TRUE(created.has_value());
  EXPECT_NE(other->session_id(), 0);
  EXPECT_EQ(get("/mine")->stat.ephemeral_owner, other->session_id());
  int ended = 0;
  for (int i = 0; i < 100; ++i) {
    other->get("/mine", Watch::No, [&](const ZkResult<Node>&) { ++ended; });
  }
  other->close();
  const int ended_at_close = ended;
  EXPECT_EQ(other->session_id(), 0);
  EXPECT_TRUE(harness->wait([&] { return !exists("/mine").has_value(); }));
  EXPECT_EQ(ended, ended_at_close);
  EXPECT_EQ(ended, 100);
}

TEST_P(ClientConformance, ALostConnectionKeepsSessionEphemeralsAndWatches) {
  const std::int64_t session = client->session_id();
  ASSERT_TRUE(write(Create{"/e", "", CreateMode::Ephemeral}).has_value());
  ASSERT_TRUE(write(Create{"/w", "1"}).has_value());
  ASSERT_TRUE(get("/w", Watch::Yes).has_value());
  harness->drop("a");
  ASSERT_TRUE(harness->wait([&] { return recorder.has("established"); }));
  EXPECT_THAT(recorder.log(), ElementsAre("suspended", "established"));
  EXPECT_EQ(client->session_id(), session);
  EXPECT_TRUE(get("/e").has_value());
  ASSERT_TRUE(write(Set{"/w", "2"}).has_value());
  EXPECT_TRUE(harness->wait([&] { return recorder.has("changed /w"); }));
}

TEST_P(ClientConformance, ReadsAreRepeatedAndWritesEndUnknown) {
  ASSERT_TRUE(write(Create{"/r", "0"}).has_value());
  int unknown = 0;
  for (int round = 0; round < 20; ++round) {
    recorder.clear();
    for (int i = 0; i < 20; ++i) {
      client->get("/r", Watch::No, [this](const ZkResult<Node>& node) {
        recorder.note(node ? "read" : std::string("read ") + name_of(node.error()));
      });
      client->write(Set{"/r", "x"}, [this](const ZkResult<OpResult>& result) {
        recorder.note(result ? "set" : std::string("set ") + name_of(result.error()));
      });
    }
    harness->drop("a");
    const auto results = [&] {
      std::vector<std::string> lines;
      for (const std::string& line : recorder.log()) {
        if (line.starts_with("read") || line.starts_with("set")) lines.push_back(line);
      }
      return lines;
    };
    ASSERT_TRUE(harness->wait([&] { return results().size() == 40; }));
    const auto lines = results();
    for (std::size_t i = 0; i < lines.size(); i += 2) {
      EXPECT_EQ(lines[i], "read");
      EXPECT_TRUE(lines[i + 1] == "set" || lines[i + 1] == "set ConnectionLoss") << lines[i + 1];
      if (lines[i + 1] != "set") ++unknown;
    }
    ASSERT_TRUE(harness->wait([&] { return client->session_id() != 0; }));
  }
  EXPECT_GT(unknown, 0);
}

TEST_P(ClientConformance, AnExpiredSessionIsFollowedByANewOne) {
  const std::int64_t session = client->session_id();
  ASSERT_TRUE(write(Create{"/e", "", CreateMode::Ephemeral}).has_value());
  harness->cut("a");
  ASSERT_TRUE(harness->wait([&] { return recorder.has("suspended"); }));
  client->get("/e", Watch::No, [this](const ZkResult<Node>& node) {
    recorder.note(node ? "read" : name_of(node.error()));
  });
  harness->let_session_end();
  harness->heal("a");
  ASSERT_TRUE(harness->wait([&] { return recorder.has("established"); }));
  EXPECT_THAT(recorder.log(), ElementsAre("suspended", "SessionExpired", "expired", "established"));
  EXPECT_NE(client->session_id(), session);
  EXPECT_EQ(error_of(get("/e")), ZkError::NoNode);
  const auto sessions = recorder.sessions();
  EXPECT_EQ(sessions[2].session_id, session);
  EXPECT_EQ(sessions[3].session_id, client->session_id());
}

INSTANTIATE_TEST_SUITE_P(Simulated, ClientConformance, ::testing::Values("1", "2", "3", "4"));
INSTANTIATE_TEST_SUITE_P(Real, ClientConformance, ::testing::Values("Real"));

}  // namespace
}  // namespace ottla::zookeeper
