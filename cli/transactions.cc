// `ottla transactions`: what kafka-transactions does.
#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "cli/progress.h"
#include "cli/text_table.h"
#include "cli/tool.h"
#include "cli/transaction_client.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "duration-filter",
     .value = "ms",
     .doc = "list: only transactions that run for longer"},
    {.name = "transactional-id", .value = "name", .doc = "describe: this one"},
    {.name = "topic", .value = "name", .doc = "a partition's topic"},
    {.name = "partition", .value = "number", .doc = "a partition"},
    {.name = "broker-id",
     .value = "id",
     .doc = "describe-producers: as this replica knows them; find-hanging: in the partitions that "
            "this broker holds"},
    {.name = "max-transaction-timeout",
     .value = "minutes",
     .doc = "find-hanging: the brokers' transaction.max.timeout.ms; 15"},
    {.name = "start-offset",
     .value = "n",
     .doc = "abort: the transaction that begins at this offset of the partition"},
    {.name = "producer-id", .value = "id", .doc = "abort, with the two below: whose transaction"},
    {.name = "producer-epoch", .value = "n", .doc = "abort: the producer's epoch"},
    {.name = "coordinator-epoch", .value = "n", .doc = "abort: the coordinator's last epoch"},
};

struct Session {
  const Arguments& arguments;
  Console& console;
  TransactionClient client;

  void print(const TextTable& table) const {
    if (arguments.has("json")) {
      console.out << table.to_json() << '\n';
    } else {
      table.print(console.page());
    }
  }
};

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string number_text(std::int64_t number) {
  return number < 0 ? "None" : std::to_string(number);
}

Result<std::optional<TopicPartition>> partition_of(const Arguments& arguments) {
  const auto topic = arguments.value("topic");
  OTTLA_TRY(const auto number, arguments.number("partition", 0));
  if (!topic && number) return fail(ErrorCode::InvalidRequest, "--partition needs --topic");
  if (!topic || !number) return std::nullopt;
  return TopicPartition{*topic, static_cast<std::int32_t>(*number)};
}

Result<TopicPartition> one_partition(const Arguments& arguments) {
  OTTLA_TRY_VOID(arguments.require("topic"));
  OTTLA_TRY_VOID(arguments.require("partition"));
  OTTLA_TRY(const auto number, arguments.number("partition", 0));
  return TopicPartition{*arguments.value("topic"), static_cast<std::int32_t>(*number)};
}

Result<std::optional<BrokerId>> broker_of(const Arguments& arguments) {
  OTTLA_TRY(const auto number, arguments.number("broker-id", 0));
  if (!number) return std::nullopt;
  return BrokerId(static_cast<std::int32_t>(*number));
}

Result<> list(Session& session) {
  OTTLA_TRY(const auto longer_than, session.arguments.number("duration-filter", 0));
  OTTLA_TRY_VOID(session.client.learn(std::nullopt));
  OTTLA_TRY(const auto listed, session.client.list({}, longer_than.value_or(-1)));
  TextTable table(
      {text_column("TransactionalId"), "Coordinator", "ProducerId", "TransactionState"});
  for (const TransactionListing& one : listed) {
    table.add({one.transactional_id, std::to_string(one.coordinator.value()),
               std::to_string(one.producer_id.value()), one.state});
  }
  session.print(table);
  return {};
}

Result<> describe(Session& session) {
  OTTLA_TRY_VOID(session.arguments.require("transactional-id"));
  OTTLA_TRY_VOID(session.client.learn(std::nullopt));
  OTTLA_TRY(const TransactionView view,
            session.client.describe(*session.arguments.value("transactional-id")));
  const auto& state = view.described;
  std::string partitions;
  for (const auto& topic : state.topics) {
    for (const std::int32_t partition : topic.partitions) {
      partitions += (partitions.empty() ? "" : ",") + topic.topic + '-' + std::to_string(partition);
    }
  }
  const std::int64_t start = state.transaction_start_time_ms;
  TextTable table({"CoordinatorId", text_column("TransactionalId"), "ProducerId", "ProducerEpoch",
                   "TransactionState", "TransactionTimeoutMs", "CurrentTransactionStartTimeMs",
                   "TransactionDurationMs", text_column("TopicPartitions")});
  table.add({std::to_string(view.coordinator.value()), state.transactional_id,
             std::to_string(state.producer_id.value()),
             std::to_string(state.producer_epoch.value()), state.transaction_state,
             std::to_string(state.transaction_timeout_ms), number_text(start),
             start < 0 ? "None" : std::to_string(now_ms() - start), partitions});
  session.print(table);
  return {};
}

Result<> describe_producers(Session& session) {
  OTTLA_TRY(const TopicPartition partition, one_partition(session.arguments));
  OTTLA_TRY(const auto replica, broker_of(session.arguments));
  OTTLA_TRY_VOID(session.client.learn(partition.topic));
  OTTLA_TRY(const auto producers, session.client.producers(partition, replica));
  TextTable table({"ProducerId", "ProducerEpoch", "LatestCoordinatorEpoch", "LastSequence",
                   "LastTimestamp", "CurrentTransactionStartOffset"});
  for (const ActiveProducer& producer : producers) {
    table.add({std::to_string(producer.producer_id.value()),
               std::to_string(producer.producer_epoch), std::to_string(producer.coordinator_epoch),
               std::to_string(producer.last_sequence), std::to_string(producer.last_timestamp),
               number_text(producer.current_txn_start_offset.value())});
  }
  session.print(table);
  return {};
}

struct Candidate {
  TopicPartition partition;
  ActiveProducer producer;
};

/// Open transactions that are older than any may become.
Result<std::vector<Candidate>> old_transactions(Session& session) {
  OTTLA_TRY(const auto minutes, session.arguments.number("max-transaction-timeout", 0));
  OTTLA_TRY(const auto only, partition_of(session.arguments));
  OTTLA_TRY(const auto broker, broker_of(session.arguments));
  const std::int64_t oldest = now_ms() - minutes.value_or(15) * 60'000;
  std::vector<Candidate> candidates;
  Progress progress(session.console.err, session.console.err_columns, progress_clock(),
                    "asking partitions", session.client.partitions().size());
  std::uint64_t asked = 0;
  for (const auto& [partition, replicas] : session.client.partitions()) {
    progress.at(asked++);
    if (only && partition != *only) continue;
    if (broker && std::ranges::find(replicas, *broker) == replicas.end()) continue;
    const auto producers = session.client.producers(partition, broker);
    if (!producers) {
      progress.hide();
      session.console.err << "skipped: " << producers.error().describe() << '\n';
      continue;
    }
    for (const ActiveProducer& producer : *producers) {
      if (producer.current_txn_start_offset.value() < 0 || producer.last_timestamp >= oldest) {
        continue;
      }
      candidates.push_back({partition, producer});
    }
  }
  return candidates;
}

/// A transaction hangs when no coordinator would ever end it in this partition.
Result<bool> is_hanging(Session& session, const Candidate& candidate,
                        const std::map<ProducerId, std::string>& ids) {
  const auto id = ids.find(candidate.producer.producer_id);
  if (id == ids.end()) return true;
  const auto view = session.client.describe(id->second);
  if (!view && view.error().code() == ErrorCode::TransactionalIdNotFound) return true;
  if (!view) return fail(view.error());
  return view->described.producer_id != candidate.producer.producer_id ||
         !view->holds(candidate.partition);
}

Result<> find_hanging(Session& session) {
  if (!session.arguments.has("topic") && !session.arguments.has("broker-id")) {
    return fail(ErrorCode::InvalidRequest, "find-hanging needs --topic or --broker-id");
  }
  OTTLA_TRY_VOID(session.client.learn(session.arguments.value("topic")));
  OTTLA_TRY(const auto candidates, old_transactions(session));
  std::set<ProducerId> producers;
  for (const Candidate& candidate : candidates) producers.insert(candidate.producer.producer_id);
  std::map<ProducerId, std::string> ids;
  if (!producers.empty()) {
    OTTLA_TRY(const auto listed, session.client.list(producers, -1));
    for (const auto& one : listed) ids[one.producer_id] = one.transactional_id;
  }
  TextTable table({text_column("Topic"), "Partition", "ProducerId", "ProducerEpoch",
                   "CoordinatorEpoch", "StartOffset", "LastTimestamp", "Duration(min)"});
  for (const Candidate& candidate : candidates) {
    OTTLA_TRY(const bool hangs, is_hanging(session, candidate, ids));
    if (!hangs) continue;
    const ActiveProducer& producer = candidate.producer;
    table.add({candidate.partition.topic, std::to_string(candidate.partition.partition),
               std::to_string(producer.producer_id.value()),
               std::to_string(producer.producer_epoch), std::to_string(producer.coordinator_epoch),
               std::to_string(producer.current_txn_start_offset.value()),
               std::to_string(producer.last_timestamp),
               std::to_string((now_ms() - producer.last_timestamp) / 60'000)});
  }
  session.print(table);
  return {};
}

Result<AbortSpec> spec_by_offset(Session& session, const TopicPartition& partition) {
  OTTLA_TRY(const auto offset, session.arguments.number("start-offset", 0));
  OTTLA_TRY(const auto producers, session.client.producers(partition, std::nullopt));
  for (const ActiveProducer& producer : producers) {
    if (producer.current_txn_start_offset.value() != *offset) continue;
    return AbortSpec{partition, producer.producer_id,
                     static_cast<std::int16_t>(producer.producer_epoch),
                     std::max(producer.coordinator_epoch, 0)};
  }
  return fail(ErrorCode::InvalidRequest, "no transaction is open in " + partition.to_string() +
                                             " that begins at offset " + std::to_string(*offset));
}

Result<AbortSpec> spec_by_producer(const Arguments& arguments, const TopicPartition& partition) {
  for (const std::string_view name : {"producer-id", "producer-epoch", "coordinator-epoch"}) {
    if (!arguments.has(name)) {
      return fail(ErrorCode::InvalidRequest,
                  "abort needs --start-offset, or --producer-id, --producer-epoch and "
                  "--coordinator-epoch");
    }
  }
  OTTLA_TRY(const auto id, arguments.number("producer-id", 0));
  OTTLA_TRY(const auto epoch, arguments.number("producer-epoch", 0));
  OTTLA_TRY(const auto coordinator, arguments.number("coordinator-epoch", -1));
  return AbortSpec{partition, ProducerId(*id), static_cast<std::int16_t>(*epoch),
                   static_cast<std::int32_t>(*coordinator)};
}

Result<> abort(Session& session) {
  OTTLA_TRY(const TopicPartition partition, one_partition(session.arguments));
  constexpr std::array<std::string_view, 3> kOther = {"producer-id", "producer-epoch",
                                                      "coordinator-epoch"};
  if (session.arguments.has("start-offset")) {
    OTTLA_TRY_VOID(session.arguments.refuse_with("start-offset", kOther));
  }
  OTTLA_TRY_VOID(session.client.learn(partition.topic));
  OTTLA_TRY(const AbortSpec spec, session.arguments.has("start-offset")
                                      ? spec_by_offset(session, partition)
                                      : spec_by_producer(session.arguments, partition));
  OTTLA_TRY_VOID(session.client.abort(spec));
  if (session.arguments.has("json")) {
    const json::object aborted{{"topic", partition.topic},
                               {"partition", partition.partition},
                               {"producerId", spec.producer_id.value()},
                               {"producerEpoch", spec.producer_epoch},
                               {"coordinatorEpoch", spec.coordinator_epoch}};
    session.console.out << json::serialize(json::object{{"aborted", aborted}}) << '\n';
    return {};
  }
  session.console.err << "aborted in " << partition << ": producer " << spec.producer_id
                      << ", epoch " << spec.producer_epoch << '\n';
  return {};
}

Result<> run_transactions(const Arguments& arguments, Console& console) {
  using Command = Result<> (*)(Session&);
  static const std::map<std::string, Command> kCommands = {
      {"list", list},
      {"describe", describe},
      {"describe-producers", describe_producers},
      {"find-hanging", find_hanging},
      {"abort", abort},
  };
  const auto& words = arguments.words();
  const auto command = words.size() == 1 ? kCommands.find(words[0]) : kCommands.end();
  if (command == kCommands.end()) {
    return fail(ErrorCode::InvalidRequest,
                "one of list, describe, describe-producers, find-hanging, abort is needed");
  }
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  Session session{arguments, console, TransactionClient(std::move(client))};
  return command->second(session);
}

}  // namespace

const Tool kTransactionsTool{.name = "transactions",
                             .summary = "transactions: list, describe, find and abort hanging ones",
                             .flags = kFlags,
                             .words = "list|describe|describe-producers|find-hanging|abort",
                             .run = run_transactions};

}  // namespace ottla::cli
