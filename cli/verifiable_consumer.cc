// `ottla verifiable-consumer`: what kafka-verifiable-consumer does.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <librdkafka/rdkafka.h>
#include <boost/json.hpp>

#include "cli/client_properties.h"
#include "cli/progress.h"
#include "cli/rdkafka_client.h"
#include "cli/tool.h"
#include "cli/verifiable_events.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;
using PartitionList = RdKafka<rd_kafka_topic_partition_list_t>;

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    {.name = "json", .doc = "accepted: the output is JSON in any case"},
    {.name = "broker-list", .value = "host:port,..", .doc = "old name of --bootstrap-server"},
    {.name = "topic", .value = "name", .doc = "the topic to read"},
    {.name = "group-id", .value = "id", .doc = "the group"},
    {.name = "group-instance-id", .value = "id", .doc = "be a static member of this name"},
    {.name = "group-protocol", .value = "classic", .doc = "the only one that is known here"},
    {.name = "group-remote-assignor",
     .value = "name",
     .doc = "accepted, without effect: the classic protocol has none"},
    {.name = "session-timeout", .value = "ms", .doc = "of the member; 30000"},
    {.name = "max-messages",
     .value = "count",
     .doc = "how many records; -1, the default: until it is stopped"},
    {.name = "enable-autocommit", .doc = "offsets are committed now and then, and nothing told"},
    {.name = "reset-policy",
     .value = "policy",
     .doc = "where to begin without a committed offset: earliest, the default, latest or none"},
    {.name = "assignment-strategy",
     .value = "class",
     .doc = "RangeAssignor, the default, RoundRobinAssignor or CooperativeStickyAssignor; several "
            "with commas between them"},
    {.name = "consumer.config",
     .value = "file",
     .doc = "client settings; what a flag says goes before them"},
    {.name = "verbose", .doc = "tell each record"},
};

constexpr int kPollMs = 100;
constexpr std::size_t kMostInBatch = 500;  // Java's max.poll.records

/// librdkafka's names of Java's assignors.
Result<std::string> assignors_of(const std::string& classes) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"RangeAssignor", "range"},
      {"RoundRobinAssignor", "roundrobin"},
      {"CooperativeStickyAssignor", "cooperative-sticky"}};
  std::string names;
  for (std::size_t at = 0; at <= classes.size();) {
    const std::size_t end = std::min(classes.find(',', at), classes.size());
    const std::string_view whole = std::string_view(classes).substr(at, end - at);
    const std::string_view simple =
        whole.substr(whole.rfind('.') == whole.npos ? 0 : whole.rfind('.') + 1);
    const auto* const known = std::ranges::find_if(
        kNames, [&](const auto& pair) { return simple == pair.first || simple == pair.second; });
    if (known == std::end(kNames)) {
      return fail(ErrorCode::InvalidRequest,
                  "--assignment-strategy " + std::string(whole) +
                      ": must be RangeAssignor, RoundRobinAssignor or CooperativeStickyAssignor");
    }
    names += (names.empty() ? "" : ",") + std::string(known->second);
    at = end + 1;
  }
  return names;
}

Result<std::string> reset_policy(const Arguments& arguments) {
  const std::string policy = arguments.value_or("reset-policy", "earliest");
  if (policy == "earliest" || policy == "latest") return policy;
  if (policy == "none") return "error";  // as librdkafka calls it
  return fail(ErrorCode::InvalidRequest,
              "--reset-policy " + policy + ": must be earliest, latest or none");
}

Result<ClientProperties> settings(const Arguments& arguments) {
  const std::string protocol = arguments.value_or("group-protocol", "classic");
  OTTLA_TRY_VOID(check_group_protocol("--group-protocol " + protocol, protocol));
  OTTLA_TRY(auto properties, ClientProperties::read(arguments.value("consumer.config")));
  OTTLA_TRY(const auto session_timeout, arguments.number("session-timeout", 1));
  std::map<std::string, std::string> given;
  OTTLA_TRY(given["bootstrap.servers"], bootstrap_servers(arguments));
  OTTLA_TRY(given["auto.offset.reset"], reset_policy(arguments));
  OTTLA_TRY(given["partition.assignment.strategy"],
            assignors_of(arguments.value_or("assignment-strategy", "RangeAssignor")));
  given["group.id"] = *arguments.value("group-id");
  if (const auto id = arguments.value("group-instance-id")) given["group.instance.id"] = *id;
  given["session.timeout.ms"] = std::to_string(session_timeout.value_or(30'000));
  given["enable.auto.commit"] = arguments.has("enable-autocommit") ? "true" : "false";
  properties.override_with(given);
  properties.set_default("client.id", "verifiable-consumer");
  // Java's defaults, where librdkafka's differ.
  properties.set_default("allow.auto.create.topics", "true");
  properties.set_default("isolation.level", "read_uncommitted");
  return properties;
}

json::array names_of(const rd_kafka_topic_partition_list_t& list) {
  json::array names;
  for (int i = 0; i < list.cnt; ++i) {
    names.push_back({{"topic", list.elems[i].topic}, {"partition", list.elems[i].partition}});
  }
  return names;
}

/// What one poll of Java's consumer would give: told and committed as one.
class Batch {
 public:
  void add(const std::string& topic, std::int32_t partition, std::int64_t offset) {
    Range& range = ranges_.try_emplace({topic, partition}, Range{0, offset, offset}).first->second;
    ++range.count;
    range.last = offset;
    ++count_;
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] json::object event() const {
    json::array partitions;
    for (const auto& [name, range] : ranges_) {
      partitions.push_back({{"topic", name.first},
                            {"partition", name.second},
                            {"count", range.count},
                            {"minOffset", range.first},
                            {"maxOffset", range.last}});
    }
    return {{"count", count_}, {"partitions", std::move(partitions)}};
  }
  /// What to commit when all of it is done with.
  [[nodiscard]] PartitionList next_offsets() const {
    PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(ranges_.size())));
    for (const auto& [name, range] : ranges_) {
      rd_kafka_topic_partition_list_add(list.get(), name.first.c_str(), name.second)->offset =
          range.last + 1;
    }
    return list;
  }

 private:
  struct Range {
    std::size_t count = 0;
    std::int64_t first = 0;
    std::int64_t last = 0;
  };
  std::map<std::pair<std::string, std::int32_t>, Range> ranges_;
  std::size_t count_ = 0;
};

/// Thread: the one that polls; librdkafka calls back on it.
class VerifiableConsumer {
 public:
  VerifiableConsumer(const Arguments& arguments, std::int64_t most, Console& console)
      : topic_(*arguments.value("topic")),
        most_(most),
        commits_(!arguments.has("enable-autocommit")),
        is_verbose_(arguments.has("verbose")),
        events_(console.out),
        console_(console) {}

  Result<> run(RdKafka<rd_kafka_conf_t> conf);

 private:
  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t error,
                           rd_kafka_topic_partition_list_t* partitions, void* opaque) {
    static_cast<VerifiableConsumer*>(opaque)->rebalance(error, *partitions);
  }
  void rebalance(rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t& partitions);
  Result<> poll_batch();
  void take(const rd_kafka_message_t& message);
  /// Tells what has come and, unless the client does that by itself, commits it.
  void finish_batch();
  [[nodiscard]] bool is_done() const { return told_to_stop() || (most_ >= 0 && taken_ >= most_); }

  const std::string topic_;
  const std::int64_t most_;
  const bool commits_;
  const bool is_verbose_;
  VerifiableEvents events_;
  Console& console_;
  RdKafka<rd_kafka_t> client_;
  std::int64_t taken_ = 0;
  Batch batch_;
};

Result<> VerifiableConsumer::run(RdKafka<rd_kafka_conf_t> conf) {
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
  OTTLA_TRY(client_, rdkafka_client(RD_KAFKA_CONSUMER, std::move(conf)));
  rd_kafka_poll_set_consumer(client_.get());
  const PartitionList topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), topic_.c_str(), RD_KAFKA_PARTITION_UA);
  events_.tell("startup_complete");
  const auto subscribed = rd_kafka_subscribe(client_.get(), topics.get());
  if (subscribed != RD_KAFKA_RESP_ERR_NO_ERROR) return rdkafka_failure(topic_, subscribed);
  Result<> result;
  Progress progress(console_.err, columns_beside_output(console_), progress_clock(), "reading",
                    static_cast<std::uint64_t>(std::max<std::int64_t>(most_, 0)));
  while (result && !is_done()) {
    result = poll_batch();
    progress.at(static_cast<std::uint64_t>(taken_));
  }
  progress.hide();
  rd_kafka_consumer_close(client_.get());  // gives the partitions back
  events_.tell("shutdown_complete");
  return result;
}

void VerifiableConsumer::rebalance(rd_kafka_resp_err_t error,
                                   rd_kafka_topic_partition_list_t& partitions) {
  const bool is_assigned = error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  const bool is_cooperative =
      std::string_view(rd_kafka_rebalance_protocol(client_.get())) == "COOPERATIVE";
  if (!is_assigned) finish_batch();
  events_.tell(is_assigned ? "partitions_assigned" : "partitions_revoked",
               {{"partitions", names_of(partitions)}});
  if (is_cooperative) {
    const RdKafka<rd_kafka_error_t> refused(
        is_assigned ? rd_kafka_incremental_assign(client_.get(), &partitions)
                    : rd_kafka_incremental_unassign(client_.get(), &partitions));
    if (refused) console_.err << topic_ << ": " << rd_kafka_error_string(refused.get()) << "\n";
  } else {
    rd_kafka_assign(client_.get(), is_assigned ? &partitions : nullptr);
  }
}

Result<> VerifiableConsumer::poll_batch() {
  int wait_ms = kPollMs;
  while (batch_.count() < kMostInBatch && !is_done()) {
    const RdKafka<rd_kafka_message_t> message(rd_kafka_consumer_poll(client_.get(), wait_ms));
    if (!message) break;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      take(*message);
      wait_ms = 0;  // what is there already, and no more
    } else if (!is_passing(message->err)) {
      finish_batch();
      return rdkafka_failure(rd_kafka_message_errstr(message.get()), message->err);
    }
  }
  finish_batch();
  return {};
}

void VerifiableConsumer::take(const rd_kafka_message_t& message) {
  const std::string topic = rd_kafka_topic_name(message.rkt);
  ++taken_;
  batch_.add(topic, message.partition, message.offset);
  if (!is_verbose_) return;
  events_.tell("record_data", {{"key", event_text(message.key, message.key_len)},
                               {"value", event_text(message.payload, message.len)},
                               {"topic", topic},
                               {"partition", message.partition},
                               {"offset", message.offset}});
}

void VerifiableConsumer::finish_batch() {
  const Batch batch = std::exchange(batch_, Batch());
  if (batch.count() == 0) return;
  events_.tell("records_consumed", batch.event());
  if (!commits_) return;
  const PartitionList offsets = batch.next_offsets();
  json::array told;
  for (int i = 0; i < offsets->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = offsets->elems[i];
    told.push_back({{"topic", one.topic}, {"partition", one.partition}, {"offset", one.offset}});
  }
  const auto error = rd_kafka_commit(client_.get(), offsets.get(), 0);
  json::object event{{"offsets", std::move(told)}};
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) event["error"] = rd_kafka_err2str(error);
  event["success"] = error == RD_KAFKA_RESP_ERR_NO_ERROR;
  events_.tell("offsets_committed", event);
}

Result<> run_verifiable_consumer(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(arguments.require("topic"));
  OTTLA_TRY_VOID(arguments.require("group-id"));
  OTTLA_TRY(const auto most, arguments.number("max-messages", -1));
  OTTLA_TRY(const auto properties, settings(arguments));
  OTTLA_TRY(auto conf, rdkafka_conf(properties.all(), console));
  return VerifiableConsumer(arguments, most.value_or(-1), console).run(std::move(conf));
}

}  // namespace

const Tool kVerifiableConsumerTool{
    .name = "verifiable-consumer",
    .summary = "read as a member of a group and tell, as JSON, what happens to it",
    .flags = kFlags,
    .run = run_verifiable_consumer};

}  // namespace ottla::cli
