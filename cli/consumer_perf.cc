// `ottla consumer-perf-test`: what kafka-consumer-perf-test does.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include <librdkafka/rdkafka.h>
#include <boost/json.hpp>

#include "cli/client_properties.h"
#include "cli/moment_text.h"
#include "cli/progress.h"
#include "cli/rdkafka_client.h"
#include "cli/tool.h"

namespace ottla::cli {
namespace {

using Clock = std::chrono::system_clock;
using std::chrono::milliseconds;

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kJsonFlag,
    {.name = "broker-list", .value = "host:port,..", .doc = "old name of --bootstrap-server"},
    {.name = "topic", .value = "name", .doc = "the topic to read"},
    {.name = "messages", .value = "count", .doc = "how many records"},
    {.name = "group", .value = "id", .doc = "the group; without it, one of its own"},
    {.name = "from-latest", .doc = "begin with what comes, not with the first record"},
    {.name = "fetch-size", .value = "bytes", .doc = "of a partition in a fetch; 1048576"},
    {.name = "socket-buffer-size", .value = "bytes", .doc = "the TCP receive buffer; 2097152"},
    {.name = "timeout", .value = "ms", .doc = "stop when no record comes for so long; 10000"},
    {.name = "consumer.config", .value = "file", .doc = "client settings"},
    kCommandConfigFlag,
    {.name = "show-detailed-stats", .doc = "a line for each interval"},
    {.name = "reporting-interval", .value = "ms", .doc = "how long an interval is; 5000"},
    {.name = "hide-header", .doc = "no first line with names"},
    {.name = "date-format",
     .value = "pattern",
     .doc = "of times: yyyy, MM, dd, HH, mm, ss and SSS; yyyy-MM-dd HH:mm:ss:SSS"},
    {.name = "print-metrics", .doc = "print the client's own figures at the end, as JSON"},
    {.name = "threads", .value = "count", .doc = "accepted, without effect"},
    {.name = "num-fetch-threads", .value = "count", .doc = "accepted, without effect"},
};

constexpr double kMiB = 1024.0 * 1024.0;
constexpr int kPollMs = 100;

struct Options {
  std::string topic{};
  std::uint64_t messages = 0;
  milliseconds timeout{10'000};
  milliseconds interval{5'000};
  bool is_detailed = false;
  bool is_json = false;
  std::string date_format = "yyyy-MM-dd HH:mm:ss:SSS";
};

/// What was consumed up to a moment.
struct Reading {
  Clock::time_point at{};
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;
  milliseconds rebalancing{};
};

/// Time without partitions counts as rebalancing; told by the client's callback.
struct Rebalances {
  Clock::time_point revoked = Clock::now();
  milliseconds lost{};
  bool has_partitions = false;
  std::string statistics{};
};

void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t error,
                  rd_kafka_topic_partition_list_t* partitions, void* opaque) {
  auto& rebalances = *static_cast<Rebalances*>(opaque);
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    rebalances.lost += std::chrono::duration_cast<milliseconds>(Clock::now() - rebalances.revoked);
    rebalances.has_partitions = true;
    rd_kafka_assign(client, partitions);
  } else {
    rebalances.revoked = Clock::now();
    rebalances.has_partitions = false;
    rd_kafka_assign(client, nullptr);
  }
}

int on_statistics(rd_kafka_t*, char* json, size_t size, void* opaque) {
  static_cast<Rebalances*>(opaque)->statistics.assign(json, size);
  return 0;
}

/// The columns that both kinds of lines end with.
std::string columns(const Reading& from, const Reading& to, std::uint64_t all_bytes,
                    std::uint64_t all_messages) {
  const auto seconds = [](auto duration) {
    return std::max(std::chrono::duration<double>(duration).count(), 1e-3);
  };
  const double elapsed = seconds(to.at - from.at);
  const milliseconds rebalancing = to.rebalancing - from.rebalancing;
  const auto whole = std::chrono::duration_cast<milliseconds>(to.at - from.at);
  const milliseconds fetching = std::max(whole - rebalancing, milliseconds(0));
  const double mib = static_cast<double>(to.bytes - from.bytes) / kMiB;
  const auto messages = static_cast<double>(to.messages - from.messages);
  std::array<char, 256> line{};
  std::snprintf(line.data(), line.size(), "%.4f, %.4f, %llu, %.4f, %lld, %lld, %.4f, %.4f",
                static_cast<double>(all_bytes) / kMiB, mib / elapsed,
                static_cast<unsigned long long>(all_messages), messages / elapsed,
                static_cast<long long>(rebalancing.count()),
                static_cast<long long>(fetching.count()), mib / seconds(fetching),
                messages / seconds(fetching));
  return line.data();
}

constexpr const char* kColumnNames =
    "data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, "
    "fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec";

Result<ClientProperties> settings(const Arguments& arguments) {
  OTTLA_TRY(auto properties, ClientProperties::read(arguments.has("command-config")
                                                        ? arguments.value("command-config")
                                                        : arguments.value("consumer.config")));
  std::map<std::string, std::string> given;
  OTTLA_TRY(given["bootstrap.servers"], bootstrap_servers(arguments));
  given["max.partition.fetch.bytes"] = arguments.value_or("fetch-size", "1048576");
  given["receive.buffer.bytes"] = arguments.value_or("socket-buffer-size", "2097152");
  given["auto.offset.reset"] = arguments.has("from-latest") ? "latest" : "earliest";
  given["check.crcs"] = "false";
  given["enable.partition.eof"] = "false";
  given["statistics.interval.ms"] = arguments.has("print-metrics") ? "1000" : "0";
  if (const auto group = arguments.value("group")) given["group.id"] = *group;
  properties.override_with(given);
  properties.set_default("group.id",
                         "perf-consumer-" + std::to_string(std::random_device{}() % 100'000));
  properties.set_default("client.id", "perf-consumer-client");
  return properties;
}

Result<Options> options_of(const Arguments& arguments) {
  Options options;
  options.topic = *arguments.value("topic");
  OTTLA_TRY(const auto messages, arguments.number("messages", 1));
  options.messages = static_cast<std::uint64_t>(*messages);
  OTTLA_TRY(const auto timeout, arguments.number("timeout", 0));
  if (timeout) options.timeout = milliseconds(*timeout);
  OTTLA_TRY(const auto interval, arguments.number("reporting-interval", 1));
  if (interval) options.interval = milliseconds(*interval);
  options.is_detailed = arguments.has("show-detailed-stats");
  options.is_json = arguments.has("json");
  options.date_format = arguments.value_or("date-format", options.date_format);
  return options;
}

void print_json(const Reading& start, const Reading& end, Console& console) {
  const double seconds = std::max(std::chrono::duration<double>(end.at - start.at).count(), 1e-3);
  const double mib = static_cast<double>(end.bytes) / kMiB;
  console.out << boost::json::serialize(boost::json::object{
                     {"messages", end.messages},
                     {"mb", mib},
                     {"seconds", seconds},
                     {"messagesPerSecond", static_cast<double>(end.messages) / seconds},
                     {"mbPerSecond", mib / seconds},
                     {"rebalanceMs", (end.rebalancing - start.rebalancing).count()}})
              << '\n';
}

Result<Reading> consume(rd_kafka_t* client, const Options& options, const Reading& start,
                        Rebalances& rebalances, Console& console) {
  Reading now = start;
  Reading reported = start;
  Clock::time_point last = Clock::now();
  Progress bar(console.err, console.err_columns, progress_clock(), "reading", options.messages);
  while (now.messages < options.messages && !told_to_stop()) {
    const RdKafka<rd_kafka_message_t> message(rd_kafka_consumer_poll(client, kPollMs));
    now.at = Clock::now();
    now.rebalancing = rebalances.lost;
    bar.at(now.messages);
    if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      last = now.at;
      ++now.messages;
      now.bytes += message->len + message->key_len;
    } else if (message && rd_kafka_message_errstr(message.get()) != nullptr &&
               message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      return rdkafka_failure(options.topic, message->err);
    } else if (now.at - last >= options.timeout) {
      bar.hide();
      console.err << "WARNING: Exiting before consuming the expected number of messages: timeout ("
                  << options.timeout.count()
                  << " ms) exceeded. You can use the --timeout option to increase the timeout.\n";
      break;
    }
    if (options.is_detailed && now.at - reported.at >= options.interval) {
      bar.hide();
      if (options.is_json) {
        print_json(reported, now, console);
      } else {
        console.out << java_time_text(now.at, options.date_format) << ", 0, "
                    << columns(reported, now, now.bytes, now.messages) << "\n";
      }
      console.out.flush();
      reported = now;
    }
  }
  now.at = Clock::now();
  return now;
}

Result<> run_consumer_perf_test(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(arguments.require("topic"));
  OTTLA_TRY_VOID(arguments.require("messages"));
  OTTLA_TRY(const Options options, options_of(arguments));
  OTTLA_TRY(const auto properties, settings(arguments));
  OTTLA_TRY(auto conf, rdkafka_conf(properties.all(), console));
  Rebalances rebalances;
  rd_kafka_conf_set_opaque(conf.get(), &rebalances);
  rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
  rd_kafka_conf_set_stats_cb(conf.get(), on_statistics);
  OTTLA_TRY(const auto client, rdkafka_client(RD_KAFKA_CONSUMER, std::move(conf)));
  rd_kafka_poll_set_consumer(client.get());

  const bool as_json = arguments.has("json");
  if (!arguments.has("hide-header") && !as_json) {
    console.out << (options.is_detailed ? "time, threadId, " : "start.time, end.time, ")
                << kColumnNames << "\n"
                << std::flush;
  }
  const RdKafka<rd_kafka_topic_partition_list_t> topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), arguments.value("topic")->c_str(),
                                    RD_KAFKA_PARTITION_UA);
  const Reading start{.at = Clock::now()};
  rebalances.revoked = start.at;
  const auto error = rd_kafka_subscribe(client.get(), topics.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return rdkafka_failure(*arguments.value("topic"), error);
  const auto end = consume(client.get(), options, start, rebalances, console);
  if (arguments.has("print-metrics") && rebalances.statistics.empty()) {
    const RdKafka<rd_kafka_message_t> unread(rd_kafka_consumer_poll(client.get(), 1500));
  }
  rd_kafka_consumer_close(client.get());
  if (!end) return fail(end.error());
  if (as_json) {
    print_json(start, *end, console);
  } else if (!options.is_detailed) {
    console.out << java_time_text(start.at, options.date_format) << ", "
                << java_time_text(end->at, options.date_format) << ", "
                << columns(start, *end, end->bytes, end->messages) << "\n";
  }
  if (arguments.has("print-metrics")) console.out << rebalances.statistics << "\n";
  return {};
}

}  // namespace

const Tool kConsumerPerfTestTool{.name = "consumer-perf-test",
                                 .summary = "measure how fast records are read",
                                 .flags = kFlags,
                                 .run = run_consumer_perf_test};

}  // namespace ottla::cli
