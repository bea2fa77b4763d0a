#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/api/api_server.h"
#include "broker/api/testing/local_groups.h"
#include "broker/api/testing/local_transactions.h"
#include "common/protocol/frame.h"
#include "common/testing/manual_clock.h"

/// For tests of the handlers: fakes of the services they call, and a way to ask and read answers
/// without a network.
namespace ottla::api {

/// The bytes of a payload, files included.
[[nodiscard]] inline SharedBuffer flatten(const Payload& payload) {
  auto flat = std::make_shared<Buffer>(payload.size());
  std::byte* at = flat->data();
  for (const PayloadPiece& piece : payload.pieces()) {
    if (const auto* const memory = std::get_if<MemoryRange>(&piece)) {
      at = std::copy(memory->bytes.begin(), memory->bytes.end(), at);
    } else {
      const auto& file = std::get<FileRange>(piece);
      const ssize_t got = ::pread(file.fd, at, file.length, static_cast<off_t>(file.position));
      EXPECT_EQ(got, static_cast<ssize_t>(file.length));
      at += file.length;
    }
  }
  return flat;
}

[[nodiscard]] inline Payload memory_payload(ByteView bytes) {
  const SharedBuffer copy = Buffer::copy_of(bytes);
  Payload payload;
  payload.append(MemoryRange{copy, copy->bytes()});
  return payload;
}

/// Runs tasks when told to.
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

/// Remembers what it was asked and answers what the test put in.
class FakeRecords final : public RecordService {
 public:
  void append(replica::AppendRequest request, env::Executor&,
              Callback<replica::AppendResult> done) override {
    replica::AppendResult result;
    for (const auto& partition : request.partitions) {
      const auto known = appended.find(partition.partition);
      result.push_back(known != appended.end() ? known->second : replica::AppendedPartition{});
      result.back().partition = partition.partition;
      if (known == appended.end()) result.back().error = ErrorCode::UnknownTopicOrPartition;
    }
    appends.push_back(std::move(request));
    if (hold) {
      held_append = std::move(done);
      held_result = std::move(result);
    } else {
      std::move(done)(std::move(result));
    }
  }
  void verify_transaction(replica::TransactionCheck check, env::Executor&,
                          Callback<std::vector<replica::VerifiedPartition>> done) override {
    checks.push_back(std::move(check));
    held_verification = std::move(done);
  }
  void append_markers(replica::TransactionMarker marker, env::Duration, env::Executor&,
                      Callback<std::vector<ErrorCode>> done) override {
    std::vector<ErrorCode> outcomes;
    for (const TopicPartition& partition : marker.partitions) {
      const auto known = appended.find(partition);
      outcomes.push_back(known != appended.end() ? known->second.error
                                                 : ErrorCode::UnknownTopicOrPartition);
    }
    markers.push_back(std::move(marker));
    std::move(done)(std::move(outcomes));
  }
  [[nodiscard]] Result<std::vector<storage::ActiveProducer>> active_producers(
      const TopicPartition& partition) const override {
    if (appended.contains(partition)) return producers;
    return fail(ErrorCode::NotLeaderOrFollower);
  }
  void fetch(replica::FetchRequest request, env::Executor&,
             Callback<replica::FetchResult> done) override {
    replica::FetchResult result;
    for (const auto& partition : request.partitions) {
      const auto known = fetched.find(partition.partition);
      if (known != fetched.end()) {
        result.push_back(known->second);
      } else {
        result.emplace_back().error = ErrorCode::UnknownTopicOrPartition;
      }
      result.back().partition = partition.partition;
    }
    fetches.push_back(std::move(request));
    std::move(done)(std::move(result));
  }
  void list_offsets(std::vector<replica::OffsetQuery> queries, replica::IsolationLevel isolation,
                    env::Executor&, Callback<std::vector<replica::ListedOffset>> done) override {
    std::vector<replica::ListedOffset> result;
    for (const auto& query : queries) {
      const auto known = listed.find(query.partition);
      result.push_back(known != listed.end() ? known->second : replica::ListedOffset{});
      result.back().partition = query.partition;
      if (known == listed.end()) result.back().error = ErrorCode::UnknownTopicOrPartition;
    }
    last_isolation = isolation;
    last_queries = std::move(queries);
    std::move(done)(std::move(result));
  }
  [[nodiscard]] std::vector<replica::EpochAnswer> offsets_for_leader_epochs(
      const std::vector<replica::EpochQuery>& queries) const override {
    std::vector<replica::EpochAnswer> result;
    for (const auto& query : queries) {
      replica::EpochAnswer answer{query.partition, ErrorCode::None, query.leader_epoch, Offset(7)};
      if (query.partition.topic != "orders") {
        answer = {query.partition, ErrorCode::UnknownTopicOrPartition, kUnknownLeaderEpoch,
                  kUnknownOffset};
      }
      result.push_back(answer);
    }
    return result;
  }

  void delete_records(std::vector<replica::DeleteRecordsQuery> queries, env::Duration timeout,
                      env::Executor&,
                      Callback<std::vector<replica::DeletedRecords>> done) override {
    std::vector<replica::DeletedRecords> result;
    for (const auto& query : queries) result.push_back({query.partition, {}, query.offset});
    deletions = std::move(queries);
    last_timeout = timeout;
    std::move(done)(std::move(result));
  }

  std::map<TopicPartition, replica::AppendedPartition> appended;
  std::map<TopicPartition, replica::FetchedPartition> fetched;
  std::map<TopicPartition, replica::ListedOffset> listed;
  std::vector<replica::AppendRequest> appends;
  std::vector<replica::TransactionCheck> checks;
  Callback<std::vector<replica::VerifiedPartition>> held_verification;
  std::vector<replica::TransactionMarker> markers;
  std::vector<storage::ActiveProducer> producers;
  std::vector<replica::FetchRequest> fetches;
  std::vector<replica::OffsetQuery> last_queries;
  std::vector<replica::DeleteRecordsQuery> deletions;
  env::Duration last_timeout{};
  replica::IsolationLevel last_isolation{};
  bool hold = false;
  Callback<replica::AppendResult> held_append;
  replica::AppendResult held_result;
};

class FakeLogDirs final : public LogDirService {
 public:
  void describe_log_dirs(env::Executor&,
                         Callback<std::vector<replica::LogDirDescription>> done) override {
    std::move(done)(described);
  }
  void alter_log_dirs(std::vector<replica::LogDirChange> wanted, env::Executor&,
                      Callback<std::vector<ErrorCode>> done) override {
    changes = std::move(wanted);
    outcomes.resize(changes.size());
    std::move(done)(outcomes);
  }

  std::vector<replica::LogDirDescription> described;
  std::vector<replica::LogDirChange> changes;
  std::vector<ErrorCode> outcomes;
};

class FakeController final : public controller::ControllerService {
 public:
  bool is_controller() const override { return active; }
  std::optional<BrokerId> active_controller() const override { return BrokerId(1); }
  void create_topics(controller::CreateTopicsRequest request,
                     Callback<std::vector<controller::CreatedTopic>> done) override {
    std::vector<controller::CreatedTopic> created;
    for (const auto& topic : request.topics) {
      controller::CreatedTopic outcome;
      outcome.name = topic.name;
      outcome.id = TopicId(1, 2);
      outcome.partitions = topic.partitions;
      outcome.replication_factor = topic.replication_factor;
      if (topic.name == "orders") {
        outcome.error = ErrorCode::TopicAlreadyExists;
        outcome.message = "Topic 'orders' already exists.";
      }
      created.push_back(std::move(outcome));
    }
    last_create = std::move(request);
    std::move(done)(std::move(created));
  }
  void delete_topics(controller::DeleteTopicsRequest request,
                     Callback<std::vector<controller::DeletedTopic>> done) override {
    std::vector<controller::DeletedTopic> deleted;
    for (const auto& topic : request.topics) {
      controller::DeletedTopic outcome{topic.name, topic.id, ErrorCode::None, ""};
      if (topic.name.empty()) {
        outcome.name = topic.id == TopicId(1, 1) ? "orders" : "";
        if (outcome.name.empty()) outcome.error = ErrorCode::UnknownTopicId;
      } else if (topic.name != "orders") {
        outcome.error = ErrorCode::UnknownTopicOrPartition;
      }
      deleted.push_back(std::move(outcome));
    }
    last_delete = std::move(request);
    std::move(done)(std::move(deleted));
  }
  void create_partitions(controller::CreatePartitionsRequest request,
                         Callback<std::vector<controller::AddedPartitions>> done) override {
    std::vector<controller::AddedPartitions> added;
    for (const auto& topic : request.topics) added.push_back({topic.topic, ErrorCode::None, ""});
    last_partitions = std::move(request);
    std::move(done)(std::move(added));
  }
  void auto_create_topics(std::vector<controller::NewTopic> topics, std::vector<cluster::Broker>,
                          Callback<std::vector<controller::CreatedTopic>> done) override {
    for (auto& topic : topics) auto_created.push_back(std::move(topic));
    auto_done.push_back(std::move(done));
  }
  void elect_leaders(controller::ElectLeadersRequest request,
                     Callback<controller::PartitionsReply> done) override {
    last_election = std::move(request);
    std::move(done)(partitions_reply);
  }
  void alter_reassignments(controller::AlterReassignmentsRequest request,
                           Callback<controller::PartitionsReply> done) override {
    last_reassignment = std::move(request);
    std::move(done)(partitions_reply);
  }
  void list_reassignments(std::optional<std::vector<TopicPartition>> of,
                          Callback<controller::ReassignmentsReply> done) override {
    last_listed = std::move(of);
    std::move(done)(reassignments_reply);
  }
  void describe(Callback<controller::ControllerDescription>) override {}
  void describe_health(std::vector<TopicPartition> partitions,
                       Callback<controller::ControllerHealth> done) override {
    last_health = std::move(partitions);
    std::move(done)(health);
  }
  void alter_partition(rpc::AlterPartitionRequest, Callback<rpc::AlterPartitionReply>) override {}
  void controlled_shutdown(rpc::ControlledShutdownRequest,
                           Callback<rpc::ControlledShutdownReply>) override {}
  void allocate_producer_ids(rpc::AllocateProducerIdsRequest,
                             Callback<rpc::AllocateProducerIdsReply>) override {}

  bool active = true;
  controller::CreateTopicsRequest last_create;
  controller::DeleteTopicsRequest last_delete;
  controller::CreatePartitionsRequest last_partitions;
  controller::ElectLeadersRequest last_election;
  controller::AlterReassignmentsRequest last_reassignment;
  std::optional<std::vector<TopicPartition>> last_listed;
  controller::PartitionsReply partitions_reply;
  std::vector<TopicPartition> last_health;
  controller::ControllerHealth health;
  controller::ReassignmentsReply reassignments_reply;
  std::vector<controller::NewTopic> auto_created;
  std::vector<Callback<std::vector<controller::CreatedTopic>>> auto_done;
};

class FakeTopicConfigs final : public TopicConfigs {
 public:
  [[nodiscard]] std::shared_ptr<const config::TopicConfig> topic_config(
      const std::string& topic) const override {
    const auto known = overrides.find(topic);
    std::vector<std::string> warnings;
    return std::make_shared<config::TopicConfig>(config::TopicConfig::resolve(
        config::BrokerValues(), known != overrides.end() ? known->second : config::Properties(),
        warnings));
  }
  std::map<std::string, config::Properties> overrides;
};

/// Hands out blocks of `size` ids at once, or keeps the question.
class FakeProducerIdBlocks final : public ProducerIdBlocks {
 public:
  void allocate(Callback<Result<rpc::AllocateProducerIdsReply>> done) override {
    ++asked;
    if (hold) {
      held = std::move(done);
      return;
    }
    std::move(done)(next_block());
  }
  [[nodiscard]] rpc::AllocateProducerIdsReply next_block() {
    rpc::AllocateProducerIdsReply reply{ErrorCode::None, ProducerId(next), size};
    next += size;
    return reply;
  }
  std::int32_t size = 1'000;
  std::int64_t next = 0;
  int asked = 0;
  bool hold = false;
  Callback<Result<rpc::AllocateProducerIdsReply>> held;
};

/// Keeps what was asked until the test goes on.
class FakePeerProof final : public PeerProof {
 public:
  void confirm(std::vector<BrokerId> brokers, Task done) override {
    confirmed = std::move(brokers);
    held = std::move(done);
  }
  void await_change(std::shared_ptr<const metadata::MetadataImage> /*seen*/,
                    env::MonotonicTime deadline, Task done) override {
    awaited_until = deadline;
    held = std::move(done);
  }
  void ask(Callback<bool> done) override {
    if (in_reach) return std::move(done)(*in_reach);
    asked = std::move(done);
  }
  void go_on() { std::move(held)(); }
  std::vector<BrokerId> confirmed;
  env::MonotonicTime awaited_until{};
  Task held;
  std::optional<bool> in_reach = true;  ///< Unset: the answer waits in `asked`.
  Callback<bool> asked;
};

/// What became of one request.
struct Outcome {
  enum class Kind { Waiting, Answered, Nothing, Closed };
  Kind kind = Kind::Waiting;
  SharedBuffer frame;  ///< When answered: with the size in front.
  bool next_allowed = false;
};

class CapturingSink final : public network::ResponseSink {
 public:
  explicit CapturingSink(std::shared_ptr<Outcome> outcome) : outcome_(std::move(outcome)) {}
  void respond(std::uint64_t, Payload response,
               std::shared_ptr<network::AnswerObserver> /*observer*/) override {
    outcome_->kind = Outcome::Kind::Answered;
    outcome_->frame = flatten(response);
  }
  void respond_nothing(std::uint64_t) override { outcome_->kind = Outcome::Kind::Nothing; }
  void close_connection(std::uint64_t) override { outcome_->kind = Outcome::Kind::Closed; }
  void allow_next(std::uint64_t) override { outcome_->next_allowed = true; }

 private:
  std::shared_ptr<Outcome> outcome_;
};

/// Broker 1 of brokers 1, 2 and 3 (3 is not live), which hold `orders` with id (1, 1): partition 0
/// led by 1, partition 1 led by 2, partition 2 led by the dead 3.
class ApiFixture : public ::testing::Test {
 protected:
  ApiFixture() {
    rpc::ClusterUpdate update;
    update.controller = BrokerId(2);
    update.full = true;
    update.live_brokers = {broker(1, "rack-a"), broker(2, "rack-b")};
    rpc::TopicUpdate orders{"orders", TopicId(1, 1), {}};
    for (const std::int32_t leader : {1, 2, 3}) {
      rpc::PartitionUpdate partition;
      partition.partition = leader - 1;
      partition.assignment.replicas = {BrokerId(leader), BrokerId(1)};
      if (leader == 1) partition.assignment.replicas = {BrokerId(1), BrokerId(2)};
      partition.state.leader = BrokerId(leader);
      partition.state.leader_epoch = LeaderEpoch(leader + 10);
      partition.state.isr = partition.assignment.replicas;
      orders.partitions.push_back(partition);
    }
    update.topics.push_back(orders);
    metadata.publish(metadata.image()->apply(update));
    connection->listener = "PLAINTEXT";
    connection->loop = std::shared_ptr<env::Executor>(&loop, [](env::Executor*) {});
  }

  static cluster::Broker broker(std::int32_t id, const std::string& rack) {
    cluster::Broker described;
    described.id = BrokerId(id);
    described.rack = rack;
    described.endpoints = {{"PLAINTEXT", "PLAINTEXT", "host" + std::to_string(id), 9092 + id},
                           {"INTERNAL", "PLAINTEXT", "inside" + std::to_string(id), 9192 + id}};
    return described;
  }

  ApiServer& server() {
    if (!server_) {
      server_ = std::make_unique<ApiServer>(
          Dependencies{BrokerId(1), "cluster-1", broker_config, metadata, records, log_dirs,
                       controller, topic_configs, producer_id_blocks, groups, transactions,
                       old_offsets, configs, clock, random, io_pool, &registry, peer_proof});
    }
    return *server_;
  }

  std::shared_ptr<Outcome> send_bytes(ByteView frame) {
    auto outcome = std::make_shared<Outcome>();
    server().handle({Buffer::copy_of(frame), connection},
                    network::Responder(std::make_shared<CapturingSink>(outcome), 0));
    return outcome;
  }

  template <class Request>
  std::shared_ptr<Outcome> send(const Request& request, std::int16_t version) {
    const auto frame = protocol::encode_request(request, protocol::ApiVersion(version), 42, "test");
    EXPECT_TRUE(frame.has_value()) << frame.error();
    return send_bytes(flatten(*frame)->bytes().subspan(4));
  }

  /// Asks and takes the answer; the test fails if there is none.
  template <class Response, class Request>
  Response ask(const Request& request, std::int16_t version) {
    const auto outcome = send(request, version);
    io_pool.run();
    loop.run();
    return read<Response>(*outcome, version);
  }

  template <class Response>
  Response read(const Outcome& outcome, std::int16_t version) {
    EXPECT_EQ(outcome.kind, Outcome::Kind::Answered) << Response::kName << " v" << version;
    if (outcome.kind != Outcome::Kind::Answered) return {};
    kept_.push_back(outcome.frame);  // record views point into it
    const MutableByteView frame = outcome.frame->bytes();
    EXPECT_EQ(load_big_endian<std::int32_t>(frame.data()),
              static_cast<std::int32_t>(frame.size()) - 4);
    const auto parsed =
        protocol::parse_response(frame.subspan(4), Response::kKey, protocol::ApiVersion(version));
    EXPECT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->correlation_id, 42);
    auto response = protocol::decode<Response>(parsed->body, protocol::ApiVersion(version));
    EXPECT_TRUE(response.has_value()) << response.error();
    return response ? *std::move(response) : Response();
  }

  // Calls that a fake still holds at the end take their times and count.
  testing::ManualClock clock;
  metrics::Registry registry;
  config::BrokerConfig broker_config;
  metadata::MetadataCache metadata;
  FakeRecords records;
  FakeLogDirs log_dirs;
  FakeController controller;
  FakeTopicConfigs topic_configs;
  FakeProducerIdBlocks producer_id_blocks;
  PeerProof* peer_proof = nullptr;  ///< Before the first request.
  env::SeededRandom random{1};
  LocalGroups groups{clock, random};
  LocalTransactions transactions{clock};
  FakeOldOffsets old_offsets;
  FakeConfigStore configs;
  ManualExecutor io_pool;
  ManualExecutor loop;
  std::shared_ptr<network::ConnectionInfo> connection = std::make_shared<network::ConnectionInfo>();

 private:
  std::unique_ptr<ApiServer> server_;
  std::vector<SharedBuffer> kept_;
};

}  // namespace ottla::api
