#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "broker/transaction/simulated_transactions_for_tests.h"

namespace ottla::transaction {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Plan {
  std::uint64_t seed = 0;
  EndProtocol protocol = EndProtocol::KeepsEpoch;
  bool guards_connections = true;
  bool has_faults = true;
  /// Of all requests, those whose client does not wait for the answer and sends them again.
  std::uint64_t resent_percent = 10;
};

constexpr int kPartitions = 4;
constexpr int kClients = 3;
constexpr std::int32_t kShard = 0;

/// Two coordinators, one log, some partitions, clients that retry, and a network that loses and
/// delays: everything on one clock, from one seed.
class World {
 public:
  explicit World(const Plan& plan) : plan_(plan), random_(plan.seed) {
    config_.id_expiration = seconds(20);
    for (int i = 0; i < kPartitions; ++i) data_.emplace_back(verdicts_);
    // The epochs of some are almost used up.
    for (int i = 0; i < kClients; ++i) {
      TransactionImage image;
      image.producer_id = ProducerId(100 + i);
      image.producer_epoch = ProducerEpoch(static_cast<std::int16_t>(32'700 + i * 30));
      image.timeout_ms = 300;
      image.last_update = clock_.wall_now_ms();
      log_.appends.push_back({transaction_record(name_of_client(i), image).value()});
    }
    log_.committed = log_.appends.size();
    for (int i = 0; i < 2; ++i) start_broker(i);
    elect(0);
    for (int i = 0; i < kClients; ++i) step_later(clients_[i], i);
    later(milliseconds(50), [this] { look_around(); });
    if (plan_.has_faults) later(milliseconds(400), [this] { fault(); });
  }

  void run_for(env::Duration time) {
    const env::MonotonicTime until = clock_.now() + time;
    for (;;) {
      std::optional<env::MonotonicTime> next = events_.next();
      for (auto& broker : brokers_) {
        if (!broker) continue;
        const auto due = broker->core->next_deadline();
        if (due && (!next || *due < *next)) next = due;
      }
      if (!next || *next > until) break;
      clock_.advance_to(*next);
      for (auto& broker : brokers_) {
        if (broker) broker->core->run_due();
      }
      events_.run_due(clock_.now());
    }
    clock_.advance_to(until);
  }

  /// No more faults, no new transactions; what is open must come to its end.
  void heal() {
    healed_ = true;
    for (int i = 0; i < 2; ++i) {
      if (!brokers_[i]) start_broker(i);
    }
    elect(leader_ < 0 ? 0 : leader_);
  }

  void expect_sound() const {
    EXPECT_TRUE(verdicts_.complaints().empty()) << verdicts_.complaints().front();
    check_log();
  }
  void expect_settled() const {
    for (const DataPartition& partition : data_) EXPECT_EQ(partition.open(), 0u);
    for (const TransactionDescription& each : brokers_[leader_]->core->list({}).transactions) {
      EXPECT_TRUE(is_at_rest(each.image.state))
          << each.transactional_id << " is " << name_of(each.image.state);
    }
  }
  [[nodiscard]] const Verdicts& verdicts() const { return verdicts_; }

 private:
  struct Broker;

  class LogPort final : public TransactionLog {
   public:
    LogPort(World& world, int broker) : world_(world), broker_(broker) {}
    void append(std::int32_t, LeaderEpoch epoch, std::vector<LogRecord> records,
                Callback<ErrorCode> done) override {
      world_.append(broker_, epoch, std::move(records), std::move(done));
    }

   private:
    World& world_;
    int broker_;
  };
  class MarkerPort final : public MarkerChannel {
   public:
    MarkerPort(World& world, int broker) : world_(world), broker_(broker) {}
    void write(replica::TransactionMarker marker,
               Callback<std::vector<MarkerOutcome>> done) override {
      world_.send_markers(broker_, std::move(marker), std::move(done));
    }

   private:
    World& world_;
    int broker_;
  };
  struct Broker {
    Broker(World& world, int number, std::uint64_t start)
        : incarnation(start),
          log(world, number),
          markers(world, number),
          core(std::make_unique<CoordinatorCore>(world.config_, world.clock_, log, markers,
                                                 world.ids_)) {
      core->set_partition_count(1);
    }
    std::uint64_t incarnation;
    LogPort log;
    MarkerPort markers;
    std::unique_ptr<CoordinatorCore> core;
  };
  struct Connection {
    int broker = -1;
    std::uint64_t incarnation = 0;
    ConnectionTime accepted{};
    env::MonotonicTime last_delivery{};  ///< In order on one connection.
  };
  struct Client {
    enum class Step { Init, Begin, Add, End };
    Step step = Step::Init;
    std::uint64_t request = 0;  ///< Answers to others are dropped.
    Producer producer{};
    bool recovers = false;
    int transaction = -1;
    std::vector<int> wanted{};
    std::size_t added = 0;
    bool commit = false;
    std::shared_ptr<Connection> connection{};
  };

  static std::string name_of_client(int client) { return "client-" + std::to_string(client); }
  static TopicPartition partition(int number) { return {"data", number}; }

  bool percent(std::uint64_t part) { return random_.below(100) < part; }
  bool fault_percent(std::uint64_t part) { return plan_.has_faults && !healed_ && percent(part); }
  milliseconds some_time(int most) {
    return milliseconds(1 + static_cast<int>(random_.below(static_cast<std::uint64_t>(most))));
  }
  void later(env::Duration delay, Task task) { events_.add(clock_.now() + delay, std::move(task)); }
  /// Dropped when that broker's process is not there any more.
  void later_at(int broker, env::Duration delay, absl::AnyInvocable<void(Broker&) &&> task) {
    later(delay, [this, broker, incarnation = brokers_[broker]->incarnation,
                  task = std::move(task)]() mutable {
      auto& there = brokers_[broker];
      if (there && there->incarnation == incarnation) std::move(task)(*there);
    });
  }

  void start_broker(int number) {
    brokers_[number] = std::make_unique<Broker>(*this, number, ++incarnations_);
  }

  void elect(int broker) {
    const int old = leader_;
    leader_ = broker;
    log_.epoch = log_.epoch.next();
    if (old != broker) {
      // What was not committed may be lost with its leader.
      const std::size_t open = log_.appends.size() - log_.committed;
      log_.appends.resize(log_.committed + (open == 0 ? 0 : random_.below(open + 1)));
      if (old >= 0 && brokers_[old]) {
        later_at(old, some_time(200), [this, old](Broker& there) {
          if (leader_ != old) there.core->resign(kShard);
        });
      }
    }
    log_.committed = log_.appends.size();
    // Before it could be elected it has followed the other.
    if (old != broker) brokers_[broker]->core->resign(kShard);
    later_at(broker, some_time(30), [this, broker, epoch = log_.epoch](Broker& there) {
      if (epoch != log_.epoch) return;
      if (!there.core->begin_loading(kShard, epoch)) return;
      later_at(broker, some_time(50), [this, epoch](Broker& loaded) {
        if (epoch == log_.epoch) loaded.core->finish_loading(kShard, epoch, load());
      });
    });
  }

  LoadedTransactions load() const {
    MemoryLog memory;
    for (const auto& append : log_.appends) memory.write(kShard, append);
    return memory.load(kShard);
  }

  void append(int broker, LeaderEpoch epoch, std::vector<LogRecord> records,
              Callback<ErrorCode> done) {
    const auto answer = [&](env::Duration delay, ErrorCode outcome) {
      later_at(broker, delay,
               [outcome, done = std::move(done)](Broker&) mutable { std::move(done)(outcome); });
    };
    if (epoch != log_.epoch || broker != leader_) {
      return answer(some_time(100),
                    percent(50) ? ErrorCode::NotLeaderOrFollower : ErrorCode::RequestTimedOut);
    }
    if (fault_percent(5)) return answer(some_time(5), ErrorCode::NotEnoughReplicas);
    log_.appends.push_back(std::move(records));
    const std::size_t end = log_.appends.size();
    if (fault_percent(5)) {
      // Committed much later, or lost with its leader.
      answer(some_time(50), ErrorCode::RequestTimedOut);
      return later(some_time(300), [this, end, epoch] {
        if (epoch == log_.epoch) log_.committed = std::max(log_.committed, end);
      });
    }
    later_at(broker, some_time(10), [this, end, epoch, done = std::move(done)](Broker&) mutable {
      if (epoch != log_.epoch) return std::move(done)(ErrorCode::NotLeaderOrFollower);
      log_.committed = std::max(log_.committed, end);
      std::move(done)(ErrorCode::None);
    });
  }

  /// Each partition's marker goes its own way; one of a coordinator that has died may still come.
  void send_markers(int broker, replica::TransactionMarker marker,
                    Callback<std::vector<MarkerOutcome>> done) {
    struct Waiting {
      std::vector<MarkerOutcome> outcomes;
      std::size_t left;
      Callback<std::vector<MarkerOutcome>> done;
    };
    const std::size_t count = marker.partitions.size();
    const auto waiting = std::make_shared<Waiting>(
        Waiting{std::vector(count, MarkerOutcome::NotWritten), count, std::move(done)});
    const auto settle = [this, broker, waiting](env::Duration delay, std::size_t at,
                                                MarkerOutcome outcome) {
      if (!brokers_[broker]) return;
      later_at(broker, delay, [waiting, at, outcome](Broker&) {
        waiting->outcomes[at] = outcome;
        if (--waiting->left == 0) std::move(waiting->done)(std::move(waiting->outcomes));
      });
    };
    for (std::size_t i = 0; i < count; ++i) {
      if (fault_percent(20)) {
        settle(some_time(50), i, MarkerOutcome::NotWritten);
        continue;
      }
      auto& partition = data_.at(static_cast<std::size_t>(marker.partitions[i].partition));
      const bool is_answer_lost = fault_percent(10);
      later(some_time(20), [this, settle, i, marker, &partition, is_answer_lost, broker,
                            incarnation = brokers_[broker]->incarnation] {
        const MarkerOutcome outcome = partition.mark(marker);
        if (!brokers_[broker] || brokers_[broker]->incarnation != incarnation) return;
        settle(some_time(20), i, is_answer_lost ? MarkerOutcome::NotWritten : outcome);
      });
    }
  }

  void look_around() {
    for (auto& broker : brokers_) {
      if (!broker) continue;
      broker->core->abort_timed_out();
      broker->core->expire_ids();
    }
    later(milliseconds(50), [this] { look_around(); });
  }

  void fault() {
    if (healed_) return;
    switch (random_.below(3)) {
      case 0: {  // The leader dies.
        const int dead = leader_;
        brokers_[dead].reset();
        const int other = 1 - dead;
        if (!brokers_[other]) start_broker(other);
        later(some_time(100), [this, other] {
          if (brokers_[other]) elect(other);
        });
        later(some_time(300), [this, dead] {
          if (!brokers_[dead]) start_broker(dead);
        });
        break;
      }
      case 1:  // It is moved; the old one may not know for a while.
        if (brokers_[1 - leader_]) elect(1 - leader_);
        break;
      case 2: {  // A client dies; what it has sent is still on its way.
        const int number = static_cast<int>(random_.below(kClients));
        clients_[number] = Client{};
        clients_[number].request = ++requests_;
        step_later(clients_[number], number);
        break;
      }
    }
    later(some_time(800), [this] { fault(); });
  }

  // Clients.

  void step_later(Client& client, int number) {
    later(some_time(20), [this, number, request = client.request] {
      if (clients_[number].request == request) step(clients_[number], number);
    });
  }

  void step(Client& client, int number) {
    using Step = Client::Step;
    if (client.step == Step::Begin) {
      if (healed_) return;
      client.transaction = ++transactions_;
      verdicts_.begun(client.transaction);
      client.wanted.clear();
      for (int i = 0; i < kPartitions; ++i) {
        if (percent(50)) client.wanted.push_back(i);
      }
      if (client.wanted.empty()) client.wanted.push_back(0);
      client.added = 0;
      client.commit = percent(70);
      client.step = Step::Add;
    }
    if (leader_ < 0 || !brokers_[leader_]) return step_later(client, number);
    if (client.connection == nullptr || client.connection->broker != leader_ ||
        !brokers_[client.connection->broker] ||
        client.connection->incarnation != brokers_[client.connection->broker]->incarnation) {
      connect(client);
    }
    const std::uint64_t request = client.request = ++requests_;
    const auto connection = client.connection;
    const bool is_slow = fault_percent(plan_.resent_percent);
    if (is_slow) {
      // Its client gives up on the connection, and sends the same on another one.
      later(some_time(60), [this, number, request] {
        Client& impatient = clients_[number];
        if (impatient.request != request) return;
        impatient.connection = nullptr;
        step(impatient, number);
      });
    }
    env::MonotonicTime at = clock_.now() + (is_slow ? some_time(400) : some_time(10));
    at = std::max(at, connection->last_delivery);
    connection->last_delivery = at;
    auto send = [this, client, number, request, connection](Broker& there) mutable {
      if (there.incarnation != connection->incarnation) return;
      deliver(there, client, number, request, connection);
    };
    later_at(connection->broker, at - clock_.now(), std::move(send));
    // Lost with the broker, or for another reason.
    later(milliseconds(700), [this, number, request] {
      if (clients_[number].request != request) return;
      clients_[number].connection = nullptr;
      step(clients_[number], number);
    });
  }

  void connect(Client& client) {
    client.connection = std::make_shared<Connection>();
    client.connection->broker = leader_;
    client.connection->incarnation = brokers_[leader_]->incarnation;
    client.connection->accepted = clock_.now();
  }

  /// `client` is as it was when it sent this.
  void deliver(Broker& broker, const Client& client, int number, std::uint64_t request,
               const std::shared_ptr<Connection>& connection) {
    const ConnectionTime from = plan_.guards_connections ? connection->accepted : kNoConnection;
    const auto heard = [this, number, request, connection](auto then) {
      return [this, number, request, connection, then](const auto& answer) {
        later(some_time(10), [this, number, request, then, answer] {
          if (clients_[number].request != request) return;
          then(clients_[number], answer);
          step_later(clients_[number], number);
        });
      };
    };
    switch (client.step) {
      case Client::Step::Init: {
        InitProducerRequest init{.transactional_id = name_of_client(number),
                                 .timeout_ms = 300,
                                 .expected = std::nullopt,
                                 .connection = from};
        if (client.recovers) init.expected = client.producer;
        broker.core->init_producer(std::move(init),
                                   heard([](Client& now, const InitializedProducer& answer) {
                                     if (answer.error == ErrorCode::ProducerFenced)
                                       now.recovers = false;
                                     if (answer.error != ErrorCode::None) return;
                                     now.producer = answer.producer;
                                     now.step = Client::Step::Begin;
                                   }));
        return;
      }
      case Client::Step::Add: {
        const int to = client.wanted[client.added];
        broker.core->add_partitions(
            {.transactional_id = name_of_client(number),
             .producer = client.producer,
             .partitions = {partition(to)},
             .connection = plan_.protocol == EndProtocol::RaisesEpoch ? kNoConnection : from},
            heard([this, to](Client& now, const Answer& answer) {
              if (answer.is_late) now.connection = nullptr;
              if (answer.is_late || give_up(now, answer.error)) return;
              if (answer.error != ErrorCode::None) return;
              if (!data_[static_cast<std::size_t>(to)].write(now.producer, now.transaction)) {
                now.step = Client::Step::Init;
                return;
              }
              if (++now.added == now.wanted.size()) now.step = Client::Step::End;
            }));
        return;
      }
      case Client::Step::End:
        if (client.commit) verdicts_.commit_asked(client.transaction);
        broker.core->end(
            {.transactional_id = name_of_client(number),
             .producer = client.producer,
             .commit = client.commit,
             .protocol = plan_.protocol,
             .connection = plan_.protocol == EndProtocol::RaisesEpoch ? kNoConnection : from},
            heard([this](Client& now, const Answer& answer) {
              if (answer.is_late) now.connection = nullptr;
              if (answer.is_late || give_up(now, answer.error)) return;
              if (answer.error != ErrorCode::None) return;
              verdicts_.told(now.transaction, now.commit);
              if (plan_.protocol == EndProtocol::RaisesEpoch) {
                now.producer = answer.producer;
              }
              now.step = Client::Step::Begin;
              now.recovers = percent(10);
              if (now.recovers) now.step = Client::Step::Init;
            }));
        return;
      case Client::Step::Begin:
        return;
    }
  }

  static bool give_up(Client& client, ErrorCode error) {
    if (error != ErrorCode::ProducerFenced && error != ErrorCode::InvalidProducerIdMapping &&
        error != ErrorCode::InvalidTxnState) {
      return false;
    }
    client.step = Client::Step::Init;
    client.recovers = false;
    return true;
  }

  /// The order of the records, as every coordinator may come to read them.
  void check_log() const {
    std::map<std::string, TransactionImage> seen;
    for (std::size_t i = 0; i < log_.committed; ++i) {
      for (const LogRecord& record : log_.appends[i]) {
        std::optional<ByteView> value;
        if (record.value) value = as_bytes(*record.value);
        const auto entry = decode_entry(as_bytes(record.key), value).value().value();
        const auto before = seen.find(entry.transactional_id);
        if (entry.image && before != seen.end()) {
          check_step(before->second, *entry.image, entry.transactional_id);
        }
        if (entry.image) {
          seen[entry.transactional_id] = *entry.image;
        } else {
          EXPECT_TRUE(before == seen.end() || is_at_rest(before->second.state));
          seen.erase(entry.transactional_id);
        }
      }
    }
  }
  static void check_step(const TransactionImage& before, const TransactionImage& after,
                         const std::string& id) {
    SCOPED_TRACE(id + ": " + std::string(name_of(before.state)) + " -> " +
                 std::string(name_of(after.state)));
    EXPECT_TRUE(
        before.producer_id < after.producer_id ||
        (before.producer_id == after.producer_id && before.producer_epoch <= after.producer_epoch))
        << "an epoch goes back";
    // The same again is fine: its first append was of unknown outcome.
    if (before.state == after.state && before.partitions == after.partitions) return;
    EXPECT_TRUE(may_follow(before.state, after.state));
    EXPECT_FALSE(is_ending(before.state) && is_ending(after.state)) << "decided twice";
  }

  const Plan plan_;
  env::SeededRandom random_;
  TransactionConfig config_;
  testing::ManualClock clock_;
  CountingIds ids_;
  env::TimerQueue events_;
  StateLog log_;
  Verdicts verdicts_;
  std::vector<DataPartition> data_;
  std::array<std::unique_ptr<Broker>, 2> brokers_;
  std::array<Client, kClients> clients_;
  int leader_ = -1;
  std::uint64_t incarnations_ = 0;
  std::uint64_t requests_ = 0;
  int transactions_ = 0;
  bool healed_ = false;
};

void run(const Plan& plan) {
  SCOPED_TRACE("seed " + std::to_string(plan.seed));
  World world(plan);
  world.run_for(seconds(20));
  world.heal();
  world.run_for(seconds(10));
  world.expect_sound();
  world.expect_settled();
  EXPECT_GT(world.verdicts().commits(), 10u);
  EXPECT_GT(world.verdicts().aborts(), 2u);
}

/// More of them with OTTLA_SEEDS=2000.
std::uint64_t last_seed() {
  constexpr std::uint64_t kSeeds = 30;
  const char* const more = std::getenv("OTTLA_SEEDS");
  return more == nullptr ? kSeeds : std::strtoull(more, nullptr, 10);
}

TEST(TransactionSimulation, EndsEachTransactionInOneWayWhileCoordinatorsAndClientsDie) {
  for (std::uint64_t seed = 1; seed <= last_seed(); ++seed) run({.seed = seed});
}

TEST(TransactionSimulation, HoldsForClientsWhoseEpochRisesAtEachEnd) {
  for (std::uint64_t seed = 1; seed <= last_seed(); ++seed) {
    run({.seed = seed, .protocol = EndProtocol::RaisesEpoch});
  }
}

TEST(TransactionSimulation, HoldsWithManyRequestsSentTwice) {
  for (std::uint64_t seed = 1; seed <= last_seed(); ++seed)
    run({.seed = seed, .resent_percent = 40});
}

TEST(TransactionSimulation, WithoutTheGuardALateEndHitsTheNextTransaction) {
  // KAFKA-17754: the checker finds it, so it is the guard that keeps it away.
  std::size_t complaints = 0;
  for (std::uint64_t seed = 1; seed <= last_seed(); ++seed) {
    World world({.seed = seed, .guards_connections = false, .resent_percent = 40});
    world.run_for(seconds(20));
    complaints += world.verdicts().complaints().size();
  }
  EXPECT_GT(complaints, 0u);
}

}  // namespace
}  // namespace ottla::transaction
