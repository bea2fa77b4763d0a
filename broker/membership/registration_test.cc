#include "broker/membership/registration.h"

#include <gtest/gtest.h>

#include <mutex>
#include <optional>

#include "broker/membership/cluster_entry.h"
#include "common/testing/simulated_world.h"
#include "common/testing/simulated_zookeeper.h"
#include "common/testing/zookeeper_harness.h"
#include "common/zookeeper/layout.h"
#include "common/zookeeper/node_data.h"

namespace ottla::membership {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::SimulatedWorld;
using testing::SimulatedZooKeeper;

constexpr const char* kNode = "/brokers/ids/1";

cluster::Broker broker_of(const std::string& nonce, std::vector<Uuid> directories) {
  cluster::Broker broker{.id = BrokerId(1)};
  broker.endpoints = {{"PLAINTEXT", "PLAINTEXT", "host", 9092}};
  broker.grpc_endpoint = "host:9192";
  broker.start_nonce = nonce;
  broker.directory_ids = std::move(directories);
  broker.boot_id = "this boot";
  return broker;
}

/// What a registration tells, as one line.
class Events final : public RegistrationListener {
 public:
  void registered(BrokerEpoch epoch) override {
    const std::lock_guard lock(mutex_);
    epochs_.push_back(epoch);
  }
  void lost(const std::string&) override {
    const std::lock_guard lock(mutex_);
    ++losses_;
  }
  [[nodiscard]] std::vector<BrokerEpoch> epochs() const {
    const std::lock_guard lock(mutex_);
    return epochs_;
  }
  [[nodiscard]] int losses() const {
    const std::lock_guard lock(mutex_);
    return losses_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<BrokerEpoch> epochs_;
  int losses_ = 0;
};

/// One broker process.
struct Process {
  Process(SimulatedWorld& world, SimulatedZooKeeper& ensemble, std::string process_name)
      : name(std::move(process_name)),
        client(ensemble.make_client(name)),
        loop(world.make_executor()),
        registration(*client, *loop, world.clock(), world.random(), events) {
    client->add_listener(registration);
    client->start();
  }
  ~Process() { client->close(); }

  void start(const cluster::Broker& broker) {
    loop->post([this, broker] { registration.start(broker); });
  }
  [[nodiscard]] bool is_registered() const {
    return registration.status() == RegistrationStatus::Registered;
  }

  std::string name;
  Events events;
  std::unique_ptr<zookeeper::Client> client;
  std::unique_ptr<env::Executor> loop;
  BrokerRegistration registration;
};

class RegistrationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ensemble
                    .apply({zookeeper::Create{"/brokers", std::nullopt},
                            zookeeper::Create{"/brokers/ids", std::nullopt}})
                    .has_value());
  }
  bool until_registered(const Process& process, env::Duration limit = seconds(60)) {
    return world.run_until_true([&] { return process.is_registered(); }, limit);
  }
  [[nodiscard]] cluster::Broker standing() const {
    const auto node = ensemble.node(kNode);
    return *zookeeper::decode_broker(BrokerId(1), node->data, BrokerEpoch(node->stat.czxid));
  }

  SimulatedWorld world{3};
  SimulatedZooKeeper ensemble{world};
  const Uuid directory{11, 12};
};

TEST_F(RegistrationTest, CreatesTheNodeAsKafkaDoes) {
  Process process(world, ensemble, "a");
  process.start(broker_of("n1", {directory}));
  ASSERT_TRUE(until_registered(process));
  const auto node = ensemble.node(kNode);
  EXPECT_EQ(node->stat.version, 1);
  EXPECT_EQ(process.events.epochs(), std::vector<BrokerEpoch>{BrokerEpoch(node->stat.czxid)});
  EXPECT_EQ(process.registration.epoch(), BrokerEpoch(node->stat.czxid));
  EXPECT_EQ(standing().start_nonce, "n1");
}

TEST_F(RegistrationTest, RegistersAgainAfterTheSessionEnded) {
  Process process(world, ensemble, "a");
  process.start(broker_of("n1", {directory}));
  ASSERT_TRUE(until_registered(process));
  ensemble.expire("a");
  ASSERT_TRUE(
      world.run_until_true([&] { return process.events.epochs().size() == 2; }, seconds(60)));
  EXPECT_EQ(process.events.losses(), 1);
  EXPECT_GT(process.events.epochs()[1], process.events.epochs()[0]);
  EXPECT_EQ(ensemble.node(kNode)->stat.ephemeral_owner, ensemble.session_of("a"));
}

TEST_F(RegistrationTest, KeepsItsEpochOverALostConnection) {
  Process process(world, ensemble, "a");
  process.start(broker_of("n1", {directory}));
  ASSERT_TRUE(until_registered(process));
  ensemble.drop_connection("a");
  world.run_for(seconds(5));
  EXPECT_TRUE(process.is_registered());
  EXPECT_EQ(process.events.epochs().size(), 1U);
  EXPECT_EQ(process.events.losses(), 0);
}

TEST_F(RegistrationTest, ARestartAfterACrashReplacesTheStaleNodeAtOnce) {
  auto old_process = std::make_unique<Process>(world, ensemble, "a");
  old_process->start(broker_of("n1", {directory}));
  ASSERT_TRUE(until_registered(*old_process));
  ensemble.crash("a");
  const BrokerEpoch old_epoch = old_process->registration.epoch();
  old_process.reset();

  Process process(world, ensemble, "a2");
  process.start(broker_of("n2", {Uuid(1, 1), directory}));
  ASSERT_TRUE(until_registered(process, milliseconds(500)));
  EXPECT_GT(process.registration.epoch(), old_epoch);
  EXPECT_EQ(standing().start_nonce, "n2");
  // The end of the old session takes nothing away.
  world.run_for(seconds(30));
  EXPECT_TRUE(process.is_registered());
  EXPECT_EQ(process.events.losses(), 0);
}

TEST_F(RegistrationTest, AnotherBrokersNodeIsWaitedFor) {
  auto other = std::make_unique<Process>(world, ensemble, "other");
  other->start(broker_of("x", {Uuid(9, 9)}));
  ASSERT_TRUE(until_registered(*other));
  Process process(world, ensemble, "a");
  process.start(broker_of("n1", {directory}));
  world.run_for(seconds(60));
  EXPECT_EQ(process.registration.status(), RegistrationStatus::ForeignNode);
  EXPECT_TRUE(other->is_registered());
  ensemble.crash("other");
  other.reset();
  ASSERT_TRUE(until_registered(process, seconds(7)));
  EXPECT_EQ(standing().start_nonce, "n1");
}

TEST_F(RegistrationTest, AKafkaBrokersNodeIsWaitedForWhateverItsEndpoint) {
  cluster::Broker kafka{.id = BrokerId(1)};
  kafka.endpoints = {{"PLAINTEXT", "PLAINTEXT", "host", 9092}};
  ASSERT_TRUE(
      ensemble.apply({zookeeper::Create{kNode, zookeeper::encode_broker(kafka)}}).has_value());
  Process process(world, ensemble, "a");
  process.start(broker_of("n1", {directory}));
  world.run_for(seconds(30));
  EXPECT_EQ(process.registration.status(), RegistrationStatus::ForeignNode);
  ASSERT_TRUE(ensemble.apply({zookeeper::Delete{kNode}}).has_value());
  EXPECT_TRUE(until_registered(process, milliseconds(500)));
}

TEST_F(RegistrationTest, ADirectoryOfAnotherBootProvesNothing) {
  // A copy of the disk in another machine; or this machine was started anew.
  Process other(world, ensemble, "other");
  other.start(broker_of("x", {directory}));
  ASSERT_TRUE(until_registered(other));
  Process process(world, ensemble, "a");
  cluster::Broker elsewhere = broker_of("n1", {directory});
  elsewhere.boot_id = "another boot";
  process.start(elsewhere);
  world.run_for(seconds(30));
  EXPECT_EQ(process.registration.status(), RegistrationStatus::ForeignNode);
  EXPECT_TRUE(other.is_registered());
}

TEST_F(RegistrationTest, OneThatWasReplacedDoesNotFightBack) {
  Process first(world, ensemble, "a");
  first.start(broker_of("n1", {directory}));
  ASSERT_TRUE(until_registered(first));
  // A copy of the directory on the same machine, with the same id.
  Process copy(world, ensemble, "copy");
  copy.start(broker_of("n2", {directory}));
  ASSERT_TRUE(until_registered(copy));
  world.run_for(seconds(60));
  EXPECT_TRUE(copy.is_registered());
  EXPECT_EQ(copy.events.epochs().size(), 1U);
  EXPECT_EQ(first.registration.status(), RegistrationStatus::ForeignNode);
  EXPECT_EQ(first.events.losses(), 1);
}

TEST_F(RegistrationTest, ADeletedNodeIsCreatedAgain) {
  Process process(world, ensemble, "a");
  process.start(broker_of("n1", {directory}));
  ASSERT_TRUE(until_registered(process));
  ASSERT_TRUE(ensemble.apply({zookeeper::Delete{kNode}}).has_value());
  ASSERT_TRUE(
      world.run_until_true([&] { return process.events.epochs().size() == 2; }, seconds(10)));
  EXPECT_EQ(process.events.losses(), 1);
}

TEST_F(RegistrationTest, OtherEndpointsAreWrittenInPlace) {
  Process process(world, ensemble, "a");
  process.start(broker_of("n1", {directory}));
  ASSERT_TRUE(until_registered(process));
  cluster::Broker moved = broker_of("n1", {directory});
  moved.endpoints[0].port = 9999;
  process.loop->post([&] { process.registration.update(moved); });
  ASSERT_TRUE(
      world.run_until_true([&] { return standing().endpoints[0].port == 9999; }, seconds(10)));
  world.run_for(seconds(10));
  EXPECT_EQ(process.events.epochs().size(), 1U);
  EXPECT_EQ(ensemble.node(kNode)->stat.version, 2);
}

TEST_F(RegistrationTest, ComesBackWhateverHappensToItsConnection) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimulatedWorld faulty_world(seed);
    SimulatedZooKeeper faulty(faulty_world, {.connection_losses_per_million = 50'000});
    ASSERT_TRUE(faulty
                    .apply({zookeeper::Create{"/brokers", std::nullopt},
                            zookeeper::Create{"/brokers/ids", std::nullopt}})
                    .has_value());
    Process process(faulty_world, faulty, "a");
    process.start(broker_of("n1", {directory}));
    for (int round = 0; round < 10; ++round) {
      faulty_world.run_for(milliseconds(faulty_world.random().below(4000)));
      switch (faulty_world.random().below(4)) {
        case 0:
          faulty.cut("a");
          faulty_world.run_for(milliseconds(faulty_world.random().below(12'000)));
          faulty.heal("a");
          break;
        case 1:
          faulty.expire("a");
          break;
        case 2:
          if (faulty.node(kNode)) (void)faulty.apply({zookeeper::Delete{kNode}});
          break;
        default:
          faulty.drop_connection("a");
      }
    }
    ASSERT_TRUE(faulty_world.run_until_true(
        [&] {
          const auto node = faulty.node(kNode);
          return process.is_registered() && node &&
                 node->stat.ephemeral_owner == faulty.session_of("a") &&
                 BrokerEpoch(node->stat.czxid) == process.registration.epoch();
        },
        seconds(60)))
        << "seed " << seed;
  }
}

TEST(JudgeNode, FollowsTheTable) {
  const cluster::Broker self = broker_of("me", {Uuid(1, 1), Uuid(2, 2)});
  const auto node = [](const std::string& nonce, std::vector<Uuid> ids, std::int64_t session) {
    return zookeeper::Versioned<cluster::Broker>{
        .value = broker_of(nonce, std::move(ids)), .version = 1, .ephemeral_owner = session};
  };
  const OwnTraces fresh{.session_id = 5, .former_sessions = {3}};
  const OwnTraces known{.session_id = 5, .former_sessions = {3}, .was_registered = true};
  EXPECT_EQ(judge_node(self, fresh, node("me", {}, 5)), NodeVerdict::Adopt);
  cluster::Broker returned = self;
  returned.log_dirs_returned = 1;
  EXPECT_EQ(judge_node(returned, fresh, node("me", {}, 5)), NodeVerdict::Replace);
  EXPECT_EQ(judge_node(self, fresh, node("me", {}, 4)), NodeVerdict::Replace);
  EXPECT_EQ(judge_node(self, fresh, node("x", {}, 3)), NodeVerdict::Replace);
  EXPECT_EQ(judge_node(self, fresh, node("x", {Uuid(2, 2)}, 4)), NodeVerdict::Replace);
  EXPECT_EQ(judge_node(self, known, node("x", {Uuid(2, 2)}, 4)), NodeVerdict::Wait);
  EXPECT_EQ(judge_node(self, fresh, node("x", {Uuid(7, 7)}, 4)), NodeVerdict::Wait);
  EXPECT_EQ(judge_node(self, fresh, node("", {}, 4)), NodeVerdict::Wait);
}

/// The whole way into a cluster, on either ZooKeeper.
class EnterAndRegister : public ::testing::TestWithParam<std::string> {};

TEST_P(EnterAndRegister, FromAnEmptyZooKeeperAndAgainOverAStaleNode) {
  const auto harness = GetParam() == "Real" ? testing::real_zookeeper_harness()
                                            : testing::simulated_zookeeper_harness(7);
  if (!harness) GTEST_SKIP() << "needs integration-tests/with_zookeeper.py";
  struct Member {
    Member(testing::ZooKeeperHarness& harness, const std::string& name)
        : client(harness.make_client(name)),
          loop(harness.make_loop()),
          entry(*client, *loop, harness.random(), {}),
          registration(*client, *loop, harness.clock(), harness.random(), events) {
      client->add_listener(registration);
      client->start();
      loop->post([this] {
        entry.enter([this](const Result<ClusterIdentity>& found) {
          const std::lock_guard lock(mutex);
          identity = *found;
        });
      });
    }
    ~Member() {
      client->close();
      loop.reset();
    }
    bool entered() {
      const std::lock_guard lock(mutex);
      return identity.has_value();
    }

    Events events;
    std::mutex mutex;
    std::optional<ClusterIdentity> identity;
    std::unique_ptr<zookeeper::Client> client;
    std::unique_ptr<env::Executor> loop;
    ClusterEntry entry;
    BrokerRegistration registration;
  };
  Member first(*harness, "first");
  ASSERT_TRUE(harness->wait([&] { return first.entered(); }));
  EXPECT_EQ(first.identity->broker_id, BrokerId(1001));
  first.loop->post([&] { first.registration.start(broker_of("n1", {Uuid(1, 2)})); });
  ASSERT_TRUE(harness->wait([&] { return first.events.epochs().size() == 1; }));

  Member second(*harness, "second");
  ASSERT_TRUE(harness->wait([&] { return second.entered(); }));
  EXPECT_EQ(second.identity->cluster_id, first.identity->cluster_id);
  EXPECT_EQ(second.identity->broker_id, BrokerId(1002));
  // The same log directory: the first one's process is gone, as far as the second can know.
  second.loop->post([&] { second.registration.start(broker_of("n2", {Uuid(1, 2)})); });
  ASSERT_TRUE(harness->wait([&] { return second.events.epochs().size() == 1; }));
  ASSERT_TRUE(harness->wait([&] { return first.events.losses() == 1; }));
  EXPECT_GT(second.events.epochs()[0], first.events.epochs()[0]);
  harness->cut("second");
  harness->let_session_end();
  harness->heal("second");
  // On a real server both were cut: whoever comes first has the node, and the other waits.
  EXPECT_TRUE(harness->wait([&] {
    return first.registration.status() == RegistrationStatus::Registered ||
           second.registration.status() == RegistrationStatus::Registered;
  }));
}

INSTANTIATE_TEST_SUITE_P(Simulated, EnterAndRegister, ::testing::Values("Simulated"));
INSTANTIATE_TEST_SUITE_P(Real, EnterAndRegister, ::testing::Values("Real"));

}  // namespace
}  // namespace ottla::membership
