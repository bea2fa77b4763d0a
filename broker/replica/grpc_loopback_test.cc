#include <glog/logging.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "broker/storage/log.h"
#include "broker/storage/log_store.h"
#include "common/env/executor.h"
#include "common/env/file_system.h"
#include "common/env/random.h"
#include "common/record/record_batch_builder.h"
#include "common/rpc/grpc_replication.h"
#include "common/rpc/grpc_server.h"

// Replicas with real threads, files and gRPC on the loopback.
namespace ottla::replica {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kTopic = "orders";
const TopicId kTopicId{17, 4};
constexpr int kBrokers = 3;

class NoController final : public rpc::ControllerControl {
  void alter_partition(rpc::AlterPartitionRequest, Callback<rpc::AlterPartitionReply>) override {}
  void controlled_shutdown(rpc::ControlledShutdownRequest,
                           Callback<rpc::ControlledShutdownReply>) override {}
  void allocate_producer_ids(rpc::AllocateProducerIdsRequest,
                             Callback<rpc::AllocateProducerIdsReply>) override {}
};
class NoBrokerControl final : public rpc::BrokerControl {
  void update_cluster(rpc::ClusterUpdate, Callback<rpc::ClusterUpdateReply>) override {}
  void query_replica_logs(rpc::ReplicaLogQuery, Callback<rpc::ReplicaLogAnswer>) override {}
};
class NoIsrChanges final : public IsrChanges {
  void alter(std::vector<rpc::AlterPartition>,
             Callback<Result<rpc::AlterPartitionReply>>) override {}
};
class DefaultConfigs final : public TopicConfigs {
  TopicConfig topic_config(const std::string&) const override {
    return {std::make_shared<storage::LogConfig>(), 2};
  }
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = ::testing::TempDir() + "/ottla-replica-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TemporaryDirectory() { (void)env::PosixFileSystem().remove_all(path); }
  std::string path;
};

struct Broker {
  Broker(int number, const std::string& directory) : id(number), epoch(100 + number), io("io", 2) {
    auto opened = storage::LogStore::open(files, clock, random, io, {.directories = {directory}},
                                          [](const std::string&, const Error&) {});
    CHECK(opened) << opened.error();
    logs = *std::move(opened);
    std::promise<void> loaded;
    logs->load([](const std::string&) { return std::make_shared<const storage::LogConfig>(); },
               [&](const auto&) { loaded.set_value(); });
    loaded.get_future().wait();
    replicas = std::make_unique<Replicas>(
        ReplicasConfig{.broker = id}, Replicas::Dependencies{.clock = clock,
                                                             .executors = {control, {&stream}, io},
                                                             .logs = *logs,
                                                             .metadata = metadata,
                                                             .topics = configs,
                                                             .isr_changes = isr,
                                                             .transport = transport});
    replicas->set_broker_epoch(epoch);
    replicas->start();
    streams = std::make_unique<rpc::GrpcReplicationServer>(*replicas);
    server = std::make_unique<rpc::GrpcServer>(
        rpc::GrpcServer::Options{.host = "127.0.0.1", .port = 0, .start_nonce = "n"}, no_control,
        no_controller, streams->grpc_service());
    endpoint = "127.0.0.1:" + std::to_string(server->start().value());
  }
  ~Broker() {
    replicas->stop();
    server->stop();
    clients.stop();
    stream.stop();
    control.stop();
    io.stop();
  }

  BrokerId id;
  BrokerEpoch epoch;
  env::SystemClock clock;
  env::SystemRandom random;
  env::PosixFileSystem files;
  env::EventLoop control{"control"};
  env::EventLoop stream{"stream"};
  env::EventLoop clients{"clients"};
  env::ThreadPool io;
  metadata::MetadataCache metadata;
  DefaultConfigs configs;
  NoIsrChanges isr;
  NoController no_controller;
  NoBrokerControl no_control;
  rpc::GrpcReplication transport;
  std::unique_ptr<storage::LogStore> logs;
  std::unique_ptr<Replicas> replicas;
  std::unique_ptr<rpc::GrpcReplicationServer> streams;
  std::unique_ptr<rpc::GrpcServer> server;
  std::string endpoint;
};

class Cluster {
 public:
  explicit Cluster(int partitions) {
    for (int b = 1; b <= kBrokers; ++b) {
      brokers.push_back(
          std::make_unique<Broker>(b, directory_.path + "/broker-" + std::to_string(b)));
    }
    for (const auto& broker : brokers) {
      live_.push_back(
          {.id = broker->id, .epoch = broker->epoch, .grpc_endpoint = broker->endpoint});
    }
    for (std::int32_t p = 0; p < partitions; ++p) {
      rpc::PartitionUpdate update{.partition = p, .is_new = true};
      for (int b = 1; b <= kBrokers; ++b) update.assignment.replicas.push_back(BrokerId(b));
      update.state.isr = update.assignment.replicas;
      partitions_.push_back(update);
    }
    elect(BrokerId(1), LeaderEpoch(0));
  }

  void elect(BrokerId leader, LeaderEpoch epoch) {
    for (rpc::PartitionUpdate& update : partitions_) {
      update.state.leader = leader;
      update.state.leader_epoch = epoch;
    }
    for (const auto& broker : brokers) {
      rpc::ClusterUpdate update{.controller = BrokerId(1),
                                .controller_epoch = ControllerEpoch(1),
                                .receiver_epoch = broker->epoch,
                                .full = true,
                                .live_brokers = live_,
                                .topics = {{kTopic, kTopicId, partitions_}}};
      std::promise<ErrorCode> done;
      broker->replicas->update_cluster(
          update, [&](const rpc::ClusterUpdateReply& reply) { done.set_value(reply.error); });
      EXPECT_EQ(done.get_future().get(), ErrorCode::None);
    }
  }
  [[nodiscard]] Replicas& replicas(int number) {
    return *brokers.at(static_cast<std::size_t>(number - 1))->replicas;
  }

  /// Waits for equal logs and high watermarks.
  bool settle(int partitions) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      bool same = true;
      for (std::int32_t p = 0; p < partitions; ++p) {
        const auto end = replicas(1).partition({kTopic, p})->view().log->log_end_offset();
        for (int b = 1; b <= kBrokers; ++b) {
          const auto partition = replicas(b).partition({kTopic, p});
          same = same && partition->view().log->log_end_offset() == end &&
                 partition->high_watermark() == end;
        }
      }
      if (same) return true;
      std::this_thread::yield();
    }
    return false;
  }

 private:
  TemporaryDirectory directory_;
  std::vector<cluster::Broker> live_;
  std::vector<rpc::PartitionUpdate> partitions_;

 public:
  std::vector<std::unique_ptr<Broker>> brokers;
};

/// Keeps `in_flight` acks=all appends under way until `total` were acknowledged.
class Producer {
 public:
  Producer(Broker& leader, int partitions, std::size_t batch_bytes)
      : leader_(leader), partitions_(partitions) {
    record::RecordBatchBuilder builder({});
    const std::string value(1024, 'x');
    while (builder.uncompressed_size() < batch_bytes) {
      builder.append(1'700'000'000'000, std::nullopt, as_bytes(value));
    }
    batch_ = builder.build().value();
  }

  std::size_t batch_size() const { return batch_->size(); }
  void run(int total, int in_flight) {
    left_ = total;
    for (int i = 0; i < in_flight; ++i) next(i);
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(
        changed_.wait_for(lock, seconds(60), [&] { return acknowledged_ + failed_ >= total; }));
    EXPECT_EQ(failed_, 0);
  }

 private:
  void next(int number) {
    {
      const std::lock_guard lock(mutex_);
      if (left_ == 0) return;
      --left_;
    }
    leader_.clients.post([this, number] {
      const SharedBuffer batch = Buffer::copy_of(batch_->bytes());
      AppendRequest request{
          .partitions = {{.partition = {kTopic, number % partitions_}, .records = batch->bytes()}},
          .owner = batch,
          .acks = Acks::All,
          .timeout = seconds(10)};
      leader_.replicas->append(
          std::move(request), leader_.clients, [this, number](const AppendResult& result) {
            next(number);
            // Last, and under the lock: who waits destroys this.
            const std::lock_guard lock(mutex_);
            (result[0].error == ErrorCode::None ? acknowledged_ : failed_) += 1;
            changed_.notify_one();
          });
    });
  }

  Broker& leader_;
  int partitions_;
  SharedBuffer batch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int left_ = 0;
  int acknowledged_ = 0;
  int failed_ = 0;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

TEST(GrpcLoopback, AcknowledgedRecordsAreOnAllReplicasAndSurviveAFailover) {
  constexpr int kPartitions = 3;
  Cluster cluster(kPartitions);
  Producer producer(*cluster.brokers[0], kPartitions, 20'000);
  producer.run(300, 12);
  ASSERT_TRUE(cluster.settle(kPartitions));

  cluster.elect(BrokerId(2), LeaderEpoch(1));
  Producer second(*cluster.brokers[1], kPartitions, 5'000);
  second.run(300, 12);
  ASSERT_TRUE(cluster.settle(kPartitions));
  for (std::int32_t p = 0; p < kPartitions; ++p) {
    const auto bytes = [&](int broker) {
      const auto log = cluster.replicas(broker).partition({kTopic, p})->view().log;
      const auto data = log->read(Offset(0), {.whole_batches = true}).value();
      const SharedBuffer read = storage::read_slice(data.records).value();
      return std::string(as_text(read->bytes()));
    };
    EXPECT_GT(bytes(1).size(), 500'000U);
    EXPECT_EQ(bytes(1), bytes(2));
    EXPECT_EQ(bytes(1), bytes(3));
  }
}

// All three brokers' work for acks=all, without the network between client and leader. Prints what
// it costs; OTTLA_LOOPBACK_MB sets the amount.
TEST(GrpcLoopback, CostOfAcksAllWithThreeReplicas) {
  const char* const wanted = std::getenv("OTTLA_LOOPBACK_MB");
  const int megabytes = wanted != nullptr ? std::atoi(wanted) : 16;
  constexpr int kPartitions = 6;
  Cluster cluster(kPartitions);
  Producer producer(*cluster.brokers[0], kPartitions, 64'000);
  producer.run(50, 10);
  const double cpu = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  const int batches =
      static_cast<int>(static_cast<std::size_t>(megabytes) * 1'000'000 / producer.batch_size());
  producer.run(batches, 10);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const double gigabytes = static_cast<double>(producer.batch_size()) * batches / 1e9;
  std::printf("%.2f GB in %.2f s: %.0f MB/s, %.2f CPU-s/GB\n", gigabytes, took.count(),
              gigabytes * 1000 / took.count(), (cpu_seconds() - cpu) / gigabytes);
  EXPECT_TRUE(cluster.settle(kPartitions));
}

}  // namespace
}  // namespace ottla::replica
