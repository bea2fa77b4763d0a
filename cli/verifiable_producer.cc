// `ottla verifiable-producer`: what kafka-verifiable-producer does.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <librdkafka/rdkafka.h>
#include <boost/json.hpp>

#include "cli/client_properties.h"
#include "cli/progress.h"
#include "cli/rdkafka_client.h"
#include "cli/send_pace.h"
#include "cli/tool.h"
#include "cli/verifiable_events.h"

namespace ottla::cli {
namespace {

using Clock = SendPace::Clock;
using std::chrono::milliseconds;

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    {.name = "json", .doc = "accepted: the output is JSON in any case"},
    {.name = "broker-list", .value = "host:port,..", .doc = "old name of --bootstrap-server"},
    {.name = "topic", .value = "name", .doc = "where the records go"},
    {.name = "max-messages",
     .value = "count",
     .doc = "how many records; -1, the default: until it is stopped"},
    {.name = "throughput",
     .value = "records/s",
     .doc = "no more than so many in a second; -1, the default: no limit"},
    {.name = "acks", .value = "acks", .doc = "0, 1 or -1, the default: all"},
    {.name = "producer.config",
     .value = "file",
     .doc = "client settings; what a flag says goes before them"},
    {.name = "message-create-time",
     .value = "ms",
     .doc = "records bear this time and, as time goes by, later ones; -1, the default: now"},
    {.name = "value-prefix", .value = "number", .doc = "values are PREFIX.0, PREFIX.1 .."},
    {.name = "repeating-keys", .value = "n", .doc = "keys are 0 to n-1, again and again"},
};

constexpr int kLastAnswersMs = 30'000;

struct Options {
  std::string topic;
  std::int64_t most = -1;
  std::int64_t per_second = -1;
  std::optional<std::int64_t> create_time_ms{};
  std::string prefix{};
  std::int64_t keys = 0;  ///< None.
};

Result<Options> options_of(const Arguments& arguments) {
  OTTLA_TRY_VOID(arguments.require("topic"));
  Options options{.topic = *arguments.value("topic")};
  OTTLA_TRY(const auto most, arguments.number("max-messages", -1));
  OTTLA_TRY(const auto per_second, arguments.number("throughput", -1));
  OTTLA_TRY(const auto create_time, arguments.number("message-create-time", -1));
  OTTLA_TRY(const auto prefix, arguments.number("value-prefix", 0));
  OTTLA_TRY(const auto keys, arguments.number("repeating-keys", 1));
  options.most = most.value_or(-1);
  options.per_second = per_second.value_or(-1);
  if (create_time.value_or(-1) >= 0) options.create_time_ms = create_time;
  if (prefix) options.prefix = std::to_string(*prefix) + ".";
  options.keys = keys.value_or(0);
  return options;
}

Result<ClientProperties> settings(const Arguments& arguments) {
  OTTLA_TRY(auto properties, ClientProperties::read(arguments.value("producer.config")));
  std::map<std::string, std::string> given;
  OTTLA_TRY(given["bootstrap.servers"], bootstrap_servers(arguments));
  if (const auto acks = arguments.value("acks")) given["acks"] = *acks;
  properties.override_with(given);
  properties.set_default("client.id", "verifiable-producer");
  properties.set_default("acks", "-1");
  // As Kafka's: what fails is told, not sent again, so that no record is there twice.
  properties.set_default("retries", "0");
  // Java's defaults, where librdkafka's differ.
  properties.set_default("partitioner", "murmur2_random");
  properties.set_default("linger.ms", "0");
  properties.set_default("delivery.timeout.ms", "120000");
  // Told to stop, it still waits for the answers to what it has taken.
  properties.set_default("queue.buffering.max.messages", "10000");
  return properties;
}

/// Every record that was sent ends as one event: it arrived, or it did not.
struct Run {
  VerifiableEvents events;
  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
};

void tell_failure(Run& run, const std::string& topic, boost::json::value key,
                  boost::json::value value, rd_kafka_resp_err_t error) {
  run.events.tell("producer_send_error", {{"topic", topic},
                                          {"key", std::move(key)},
                                          {"value", std::move(value)},
                                          {"exception", "class " + java_exception_of(error)},
                                          {"message", rd_kafka_err2str(error)}});
}

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& run = *static_cast<Run*>(opaque);
  const std::string topic = rd_kafka_topic_name(message->rkt);
  boost::json::value key = event_text(message->key, message->key_len);
  boost::json::value value = event_text(message->payload, message->len);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return tell_failure(run, topic, std::move(key), std::move(value), message->err);
  }
  ++run.acknowledged;
  run.events.tell("producer_send_success",
                  {{"key", std::move(key)},
                   {"value", std::move(value)},
                   {"offset", std::max<std::int64_t>(message->offset, -1)},  // acks=0 tells none
                   {"topic", topic},
                   {"partition", message->partition}});
}

void send(rd_kafka_t* producer, const Options& options, Run& run, milliseconds since_start) {
  const auto number = static_cast<std::int64_t>(run.sent++);
  const std::string value = options.prefix + std::to_string(number);
  const std::string key = options.keys > 0 ? std::to_string(number % options.keys) : "";
  const void* const key_data = options.keys > 0 ? key.data() : nullptr;
  const std::int64_t timestamp =
      options.create_time_ms ? *options.create_time_ms + since_start.count() : 0;  // 0: now
  for (;;) {
    const auto error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(options.topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key_data, key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),  // NOLINT: copied
        RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return tell_failure(run, options.topic, event_text(key_data, key.size()),
                          event_text(value.data(), value.size()), error);
    }
    rd_kafka_poll(producer, 10);  // makes room
  }
}

void send_all(rd_kafka_t* producer, const Options& options, Run& run, Clock::time_point start,
              Console& console) {
  const auto most = static_cast<std::uint64_t>(std::max<std::int64_t>(options.most, 0));
  Progress progress(console.err, columns_beside_output(console), progress_clock(), "sending", most);
  const SendPace pace(static_cast<double>(options.per_second), start);
  const auto is_more = [&] {
    return !told_to_stop() &&
           (options.most < 0 || run.sent < static_cast<std::uint64_t>(options.most));
  };
  while (is_more()) {
    progress.at(run.acknowledged);
    const auto now = Clock::now();
    if (options.per_second == 0 || now < pace.due(run.sent)) {
      rd_kafka_poll(producer, 1);
      continue;
    }
    send(producer, options, run, std::chrono::duration_cast<milliseconds>(now - start));
    rd_kafka_poll(producer, 0);
  }
}

/// Waits for the answers; records without one when time is up are told as failed.
void settle(rd_kafka_t* producer) {
  if (rd_kafka_flush(producer, kLastAnswersMs) == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  while (rd_kafka_outq_len(producer) > 0) rd_kafka_poll(producer, 100);
}

Result<> run_verifiable_producer(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const Options options, options_of(arguments));
  OTTLA_TRY(const auto properties, settings(arguments));
  OTTLA_TRY(auto conf, rdkafka_conf(properties.all(), console));
  Run run{.events = VerifiableEvents(console.out)};
  rd_kafka_conf_set_opaque(conf.get(), &run);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
  OTTLA_TRY(const auto producer, rdkafka_client(RD_KAFKA_PRODUCER, std::move(conf)));

  const auto start = Clock::now();
  run.events.tell("startup_complete");
  send_all(producer.get(), options, run, start, console);
  settle(producer.get());
  const std::chrono::duration<double> took = Clock::now() - start;
  run.events.tell("shutdown_complete");
  run.events.tell(
      "tool_data",
      {{"sent", run.sent}, {"acked", run.acknowledged}, {"target_throughput", options.per_second}},
      "avg_throughput", static_cast<double>(run.acknowledged) / took.count());
  return {};
}

}  // namespace

const Tool kVerifiableProducerTool{
    .name = "verifiable-producer",
    .summary = "send counted records and tell of each, as JSON, what became of it",
    .flags = kFlags,
    .run = run_verifiable_producer};

}  // namespace ottla::cli
