// ottla-checker: an unmodified librdkafka producer and consumer that keep count.
//
//   ottla-checker produce --bootstrap-server B --topic T --partitions N --acks-file F
//                 [--seconds S] [--rate R] [--idempotent] [--value-bytes V] [--compression C]
//   ottla-checker verify  --bootstrap-server B --topic T --acks-file F
//
// `produce` sends numbered records to each partition in turn until S seconds have passed or its
// standard input closes, writes every acknowledged number to F, and prints counts and the longest
// time that a partition had no acknowledgement. `verify` reads the topic from the beginning and
// prints how many acknowledged records are lost, and how many records came twice or out of order.
// Both print one JSON object.
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace {

namespace po = boost::program_options;
using SteadyClock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& why) {
  std::cerr << "ottla-checker: " << why << '\n';
  std::exit(1);
}

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  char why[512];
  if (rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) die(why);
}

double seconds_between(SteadyClock::time_point from, SteadyClock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// A record's value: its number in the partition, padded.
std::string value_of(std::int64_t number, std::size_t bytes) {
  std::string value = std::to_string(number) + ' ';
  if (value.size() < bytes) value.append(bytes - value.size(), 'x');
  return value;
}

struct ProducedPartition {
  std::int64_t next = 0;
  std::optional<SteadyClock::time_point> last_ack;
  double longest_gap = 0;
};

struct Production {
  std::vector<ProducedPartition> partitions;
  std::ofstream acks;
  std::int64_t acknowledged = 0;
  std::int64_t failed = 0;
  std::map<std::string, std::int64_t> errors;
  double longest_latency = 0;
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& production = *static_cast<Production*>(opaque);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++production.failed;
    ++production.errors[rd_kafka_err2name(message->err)];
    return;
  }
  ++production.acknowledged;
  const auto now = SteadyClock::now();
  ProducedPartition& partition =
      production.partitions.at(static_cast<std::size_t>(message->partition));
  // From the first acknowledgement on: a client's own start is no outage.
  if (partition.last_ack) {
    partition.longest_gap =
        std::max(partition.longest_gap, seconds_between(*partition.last_ack, now));
  }
  partition.last_ack = now;
  production.longest_latency = std::max(
      production.longest_latency, static_cast<double>(rd_kafka_message_latency(message)) / 1e6);
  production.acks << message->partition << ' '
                  << std::strtoll(static_cast<const char*>(message->payload), nullptr, 10) << ' '
                  << message->offset << '\n';
}

bool stdin_closed() {
  pollfd wait{STDIN_FILENO, POLLIN, 0};
  if (::poll(&wait, 1, 0) <= 0) return false;
  char byte;
  return ::read(STDIN_FILENO, &byte, 1) <= 0;
}

int produce(const po::variables_map& options) {
  const int partitions = options["partitions"].as<int>();
  const double rate = options["rate"].as<double>();
  const double seconds = options["seconds"].as<double>();
  const auto value_bytes = options["value-bytes"].as<std::size_t>();
  const std::string topic = options["topic"].as<std::string>();

  Production production;
  production.partitions.resize(static_cast<std::size_t>(partitions));
  production.acks.open(options["acks-file"].as<std::string>());
  if (!production.acks) die("cannot write " + options["acks-file"].as<std::string>());

  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", options["bootstrap-server"].as<std::string>());
  set(conf, "acks", "all");
  set(conf, "compression.type", options["compression"].as<std::string>());
  set(conf, "linger.ms", "2");
  set(conf, "message.timeout.ms", "120000");
  set(conf, "retry.backoff.ms", "20");
  set(conf, "reconnect.backoff.ms", "20");
  set(conf, "reconnect.backoff.max.ms", "200");
  set(conf, "topic.metadata.refresh.fast.interval.ms", "50");
  set(conf, "log_level", "2");
  if (options.count("idempotent") != 0) {
    set(conf, "enable.idempotence", "true");
  } else {
    // Without idempotence only one request under way keeps the order over retries.
    set(conf, "max.in.flight.requests.per.connection", "1");
  }
  for (const std::string& property : options["producer-property"].as<std::vector<std::string>>()) {
    const std::size_t equals = property.find('=');
    if (equals == std::string::npos) die("--producer-property wants name=value: " + property);
    set(conf, property.substr(0, equals).c_str(), property.substr(equals + 1));
  }
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_conf_set_opaque(conf, &production);
  char why[512];
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (producer == nullptr) die(why);

  const auto start = SteadyClock::now();
  std::int64_t sent = 0;
  while (!(seconds > 0 && seconds_between(start, SteadyClock::now()) >= seconds)) {
    if (sent % 64 == 0) {
      production.acks.flush();
      if (stdin_closed()) break;
    }
    const double due =
        static_cast<double>(sent) / rate - seconds_between(start, SteadyClock::now());
    if (due > 0) {
      rd_kafka_poll(producer, std::max(1, static_cast<int>(due * 1000)));
      production.acks.flush();
      continue;
    }
    const auto index = static_cast<std::size_t>(sent % partitions);
    ProducedPartition& partition = production.partitions[index];
    const std::string value = value_of(partition.next, value_bytes);
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(static_cast<int>(index)),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(producer, 10);
      production.acks.flush();
      if (stdin_closed()) break;
      continue;
    }
    if (error == RD_KAFKA_RESP_ERR__FATAL) {
      const rd_kafka_resp_err_t cause = rd_kafka_fatal_error(producer, why, sizeof why);
      die(std::string(rd_kafka_err2name(cause)) + ": " + why);
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) die(rd_kafka_err2str(error));
    ++partition.next;
    ++sent;
    rd_kafka_poll(producer, 0);
  }
  rd_kafka_flush(producer, 130'000);
  const double elapsed = seconds_between(start, SteadyClock::now());
  rd_kafka_destroy(producer);

  double longest_gap = 0;
  for (const ProducedPartition& partition : production.partitions) {
    longest_gap = std::max(longest_gap, partition.longest_gap);
  }
  std::printf(
      "{\"sent\":%lld,\"acknowledged\":%lld,\"failed\":%lld,\"seconds\":%.3f,"
      "\"longest_gap_seconds\":%.3f,\"longest_latency_seconds\":%.3f,\"errors\":{",
      static_cast<long long>(sent), static_cast<long long>(production.acknowledged),
      static_cast<long long>(production.failed), elapsed, longest_gap, production.longest_latency);
  const char* separator = "";
  for (const auto& [name, count] : production.errors) {
    std::printf("%s\"%s\":%lld", separator, name.c_str(), static_cast<long long>(count));
    separator = ",";
  }
  std::printf("}}\n");
  return 0;
}

struct ReadPartition {
  std::set<std::int64_t> acknowledged;
  std::vector<bool> seen;
  std::int64_t last = -1;
  bool at_end = false;
};

int verify(const po::variables_map& options) {
  std::map<int, ReadPartition> partitions;
  std::ifstream acks(options["acks-file"].as<std::string>());
  int partition = 0;
  std::int64_t number = 0;
  std::int64_t offset = 0;
  std::int64_t acknowledged = 0;
  while (acks >> partition >> number >> offset) {
    partitions[partition].acknowledged.insert(number);
    ++acknowledged;
  }

  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", options["bootstrap-server"].as<std::string>());
  set(conf, "group.id", "not-used");
  set(conf, "enable.auto.commit", "false");
  set(conf, "enable.partition.eof", "true");
  set(conf, "auto.offset.reset", "earliest");
  set(conf, "check.crcs", "true");
  set(conf, "log_level", "2");
  char why[512];
  rd_kafka_t* consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
  if (consumer == nullptr) die(why);
  rd_kafka_poll_set_consumer(consumer);

  const std::string topic = options["topic"].as<std::string>();
  rd_kafka_topic_partition_list_t* assignment =
      rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size()));
  for (const auto& [index, unused] : partitions) {
    rd_kafka_topic_partition_list_add(assignment, topic.c_str(), index)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(consumer, assignment);
  rd_kafka_topic_partition_list_destroy(assignment);

  std::int64_t read = 0;
  std::int64_t duplicated = 0;
  std::int64_t reordered = 0;
  std::size_t open = partitions.size();
  auto last_news = SteadyClock::now();
  while (open > 0) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 200);
    if (message == nullptr) {
      if (seconds_between(last_news, SteadyClock::now()) > 60)
        die("no end of the partitions within 60 s");
      continue;
    }
    ReadPartition& at = partitions[message->partition];
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (!at.at_end) --open;
      at.at_end = true;
      last_news = SteadyClock::now();
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const std::int64_t value =
          std::strtoll(static_cast<const char*>(message->payload), nullptr, 10);
      const auto index = static_cast<std::size_t>(value);
      if (index >= at.seen.size()) at.seen.resize(index + 1024);
      if (at.seen[index]) {
        ++duplicated;
      } else {
        at.seen[index] = true;
        if (value < at.last) ++reordered;
        at.last = std::max(at.last, value);
      }
      ++read;
      last_news = SteadyClock::now();
    } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
      die(rd_kafka_message_errstr(message));
    }
    rd_kafka_message_destroy(message);
  }
  std::int64_t lost = 0;
  std::string example;
  for (const auto& [index, at] : partitions) {
    for (const std::int64_t wanted : at.acknowledged) {
      const auto slot = static_cast<std::size_t>(wanted);
      if (slot < at.seen.size() && at.seen[slot]) continue;
      if (lost++ == 0) example = std::to_string(index) + ":" + std::to_string(wanted);
    }
  }
  std::printf(
      "{\"acknowledged\":%lld,\"read\":%lld,\"lost\":%lld,\"duplicated\":%lld,\"reordered\":%lld,"
      "\"first_lost\":\"%s\"}\n",
      static_cast<long long>(acknowledged), static_cast<long long>(read),
      static_cast<long long>(lost), static_cast<long long>(duplicated),
      static_cast<long long>(reordered), example.c_str());
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  po::options_description flags("ottla-checker produce|verify");
  flags.add_options()("command", po::value<std::string>())("bootstrap-server",
                                                           po::value<std::string>()->required())(
      "topic", po::value<std::string>()->required())(
      "partitions", po::value<int>()->default_value(1))("acks-file",
                                                        po::value<std::string>()->required())(
      "seconds", po::value<double>()->default_value(0), "0: until standard input closes")(
      "rate", po::value<double>()->default_value(5000), "records per second")(
      "value-bytes", po::value<std::size_t>()->default_value(100))(
      "producer-property",
      po::value<std::vector<std::string>>()->composing()->default_value({}, ""),
      "NAME=VALUE of librdkafka, repeatable")(
      "compression", po::value<std::string>()->default_value("none"))("idempotent",
                                                                      "enable.idempotence");
  po::positional_options_description positions;
  positions.add("command", 1);
  po::variables_map options;
  try {
    po::store(po::command_line_parser(argc, argv).options(flags).positional(positions).run(),
              options);
    po::notify(options);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n' << flags;
    return 2;
  }
  const std::string command =
      options.count("command") != 0 ? options["command"].as<std::string>() : "";
  if (command == "produce") return produce(options);
  if (command == "verify") return verify(options);
  std::cerr << flags;
  return 2;
}
