// `ottla e2e-latency`: what kafka-e2e-latency does.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <boost/json.hpp>

#include "cli/client_properties.h"
#include "cli/progress.h"
#include "cli/rdkafka_client.h"
#include "cli/tool.h"

namespace ottla::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Flag kFlags[] = {kJsonFlag};

constexpr std::chrono::seconds kLongest{60};  ///< For one record, there and back.
constexpr int kMetadataMs = 30'000;
constexpr int kReportEach = 1000;

struct Options {
  std::string brokers;
  std::string topic;
  int messages = 0;
  std::string acks;
  std::size_t bytes = 0;
  std::optional<std::string> file;
};

Result<std::int64_t> number_of(const std::string& word, const char* name) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size() || number < 1) {
    return fail(ErrorCode::InvalidRequest, std::string(name) + ": " + word + " is no number");
  }
  return number;
}

Result<Options> options_of(const std::vector<std::string>& words) {
  if (words.size() != 5 && words.size() != 6) {
    return fail(ErrorCode::InvalidRequest,
                "usage: ottla e2e-latency BROKERS TOPIC MESSAGES ACKS BYTES [PROPERTIES]");
  }
  Options options{.brokers = words[0], .topic = words[1], .acks = words[3]};
  OTTLA_TRY(const auto messages, number_of(words[2], "MESSAGES"));
  OTTLA_TRY(const auto bytes, number_of(words[4], "BYTES"));
  options.messages = static_cast<int>(messages);
  options.bytes = static_cast<std::size_t>(bytes);
  if (options.acks != "1" && options.acks != "all") {
    return fail(ErrorCode::InvalidRequest,
                "ACKS: must be 1 or all: with 0 nothing tells when a record has arrived");
  }
  if (words.size() == 6) options.file = words[5];
  return options;
}

Result<RdKafka<rd_kafka_t>> client(rd_kafka_type_t type, const Options& options,
                                   const std::map<std::string, std::string>& own,
                                   Console& console) {
  OTTLA_TRY(auto properties, ClientProperties::read(options.file));
  properties.override_with({{"bootstrap.servers", options.brokers}});
  properties.override_with(own);
  OTTLA_TRY(auto conf, rdkafka_conf(properties.all(), console));
  return rdkafka_client(type, std::move(conf));
}

/// Reads all partitions from their ends on.
Result<> assign_to_ends(rd_kafka_t* consumer, const std::string& topic) {
  RdKafka<rd_kafka_topic_t> handle(rd_kafka_topic_new(consumer, topic.c_str(), nullptr));
  const rd_kafka_metadata_t* raw = nullptr;
  const auto error = rd_kafka_metadata(consumer, 0, handle.get(), &raw, kMetadataMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return rdkafka_failure(topic, error);
  const RdKafka<const rd_kafka_metadata_t> metadata(raw);
  if (raw->topic_cnt != 1 || raw->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return rdkafka_failure(
        topic, raw->topic_cnt == 1 ? raw->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  }
  const int count = raw->topics[0].partition_cnt;
  const RdKafka<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(count));
  for (int partition = 0; partition < count; ++partition) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const auto asked = rd_kafka_query_watermark_offsets(consumer, topic.c_str(), partition, &low,
                                                        &high, kMetadataMs);
    if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return rdkafka_failure(topic, asked);
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = high;
  }
  const auto assigned = rd_kafka_assign(consumer, list.get());
  if (assigned != RD_KAFKA_RESP_ERR_NO_ERROR) return rdkafka_failure(topic, assigned);
  return {};
}

Result<> send(rd_kafka_t* producer, const Options& options, const std::string& value) {
  const auto error = rd_kafka_producev(
      producer, RD_KAFKA_V_TOPIC(options.topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_END);  // NOLINT
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return rdkafka_failure(options.topic, error);
  const auto flushed = rd_kafka_flush(producer, kMetadataMs);
  if (flushed != RD_KAFKA_RESP_ERR_NO_ERROR) return rdkafka_failure(options.topic, flushed);
  return {};
}

Result<> receive(rd_kafka_t* consumer, const Options& options, const std::string& expected) {
  const auto deadline = Clock::now() + kLongest;
  while (Clock::now() < deadline && !told_to_stop()) {
    const RdKafka<rd_kafka_message_t> message(rd_kafka_consumer_poll(consumer, 100));
    if (!message) continue;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return rdkafka_failure(options.topic, message->err);
    if (std::string(static_cast<const char*>(message->payload), message->len) == expected)
      return {};
    return fail(ErrorCode::UnknownServerError,
                "another record came than the one that was sent: who else writes to " +
                    options.topic + "?");
  }
  return fail(ErrorCode::RequestTimedOut, "a record did not come back within 60 s");
}

Result<> run_e2e_latency(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const Options options, options_of(arguments.words()));
  OTTLA_TRY(const auto consumer, client(RD_KAFKA_CONSUMER, options,
                                        {{"group.id", "test-group"},
                                         {"enable.auto.commit", "false"},
                                         {"fetch.wait.max.ms", "0"},
                                         {"auto.offset.reset", "latest"}},
                                        console));
  OTTLA_TRY(const auto producer, client(RD_KAFKA_PRODUCER, options,
                                        {{"acks", options.acks}, {"linger.ms", "0"}}, console));
  rd_kafka_poll_set_consumer(consumer.get());
  OTTLA_TRY_VOID(assign_to_ends(consumer.get(), options.topic));

  std::mt19937 random(0);
  std::vector<double> took_ms;
  double sum = 0;
  Progress progress(console.err, console.err_columns, progress_clock(), "measuring",
                    static_cast<std::uint64_t>(options.messages));
  for (int number = 0; number < options.messages && !told_to_stop(); ++number) {
    progress.at(static_cast<std::uint64_t>(number));
    std::string value(options.bytes, ' ');
    for (char& c : value) c = static_cast<char>('A' + random() % 26);
    const auto began = Clock::now();
    OTTLA_TRY_VOID(send(producer.get(), options, value));
    OTTLA_TRY_VOID(receive(consumer.get(), options, value));
    took_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
    sum += took_ms.back();
    if (number % kReportEach == 0 && !arguments.has("json")) {
      progress.hide();
      console.out << number << '\t' << took_ms.back() << std::endl;
    }
  }
  progress.hide();
  if (took_ms.empty()) return {};
  std::sort(took_ms.begin(), took_ms.end());
  const auto quantile = [&](double part) {
    return static_cast<long long>(
        took_ms[static_cast<std::size_t>(part * static_cast<double>(took_ms.size()))]);
  };
  const double average = sum / static_cast<double>(took_ms.size());
  if (arguments.has("json")) {
    console.out << boost::json::serialize(boost::json::object{{"averageMs", average},
                                                              {"p50Ms", quantile(0.5)},
                                                              {"p99Ms", quantile(0.99)},
                                                              {"p999Ms", quantile(0.999)}})
                << '\n';
    return {};
  }
  std::array<char, 200> text{};
  std::snprintf(text.data(), text.size(),
                "Avg latency: %.4f ms\nPercentiles: 50th = %lld, 99th = %lld, 99.9th = %lld\n",
                average, quantile(0.5), quantile(0.99), quantile(0.999));
  console.out << text.data();
  return {};
}

}  // namespace

const Tool kE2eLatencyTool{.name = "e2e-latency",
                           .summary = "measure how long a record takes from producer to consumer",
                           .flags = kFlags,
                           .words = "BROKERS TOPIC MESSAGES ACKS BYTES [PROPERTIES]",
                           .run = run_e2e_latency};

}  // namespace ottla::cli
