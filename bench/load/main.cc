// ottla-load: librdkafka as a steady load, the same for every broker under comparison.
//
//   ottla-load produce --bootstrap-server B --topic T --partitions N --megabytes M
//                      [--record-bytes 1024] [--batch-bytes 65536] [--acks all] [--compression
//                      none]
//   ottla-load consume --bootstrap-server B --topic T --partitions N --megabytes M
//
// Prints one JSON object: bytes of record values, seconds, this client's own CPU seconds.
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>

#include <boost/program_options.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace {

namespace po = boost::program_options;
using SteadyClock = std::chrono::steady_clock;

constexpr double kQuietSecondsAllowed = 30;

[[noreturn]] void die(const std::string& why) {
  std::cerr << "ottla-load: " << why << '\n';
  std::exit(1);
}

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  char why[512];
  if (rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) die(why);
}

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

void print_outcome(std::int64_t bytes, double seconds) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double cpu = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  std::printf("{\"bytes\":%lld,\"seconds\":%.3f,\"client_cpu_seconds\":%.3f}\n",
              static_cast<long long>(bytes), seconds, cpu);
}

rd_kafka_t* create(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  char why[512];
  rd_kafka_t* client = rd_kafka_new(type, conf, why, sizeof why);
  if (client == nullptr) die(why);
  return client;
}

struct Deliveries {
  std::int64_t acknowledged = 0;
  std::int64_t failed = 0;
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& deliveries = *static_cast<Deliveries*>(opaque);
  ++(message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? deliveries.acknowledged : deliveries.failed);
}

int produce(const po::variables_map& options) {
  const auto record_bytes = options["record-bytes"].as<std::size_t>();
  const auto total = options["megabytes"].as<std::int64_t>() * 1024 * 1024;
  const int partitions = options["partitions"].as<int>();
  Deliveries deliveries;
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", options["bootstrap-server"].as<std::string>());
  set(conf, "acks", options["acks"].as<std::string>());
  set(conf, "batch.size", std::to_string(options["batch-bytes"].as<int>()));
  set(conf, "linger.ms", "20");
  set(conf, "compression.type", options["compression"].as<std::string>());
  set(conf, "queue.buffering.max.kbytes", "65536");
  set(conf, "queue.buffering.max.messages", "200000");
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_conf_set_opaque(conf, &deliveries);
  rd_kafka_t* producer = create(RD_KAFKA_PRODUCER, conf);

  std::string value(record_bytes, '\0');
  std::mt19937 random(1);
  for (char& byte : value) byte = static_cast<char>('a' + random() % 26);

  const std::string topic = options["topic"].as<std::string>();
  const auto start = SteadyClock::now();
  std::int64_t records = 0;
  while (records * static_cast<std::int64_t>(record_bytes) < total) {
    const rd_kafka_resp_err_t error =
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic.c_str()),
                          RD_KAFKA_V_PARTITION(static_cast<int>(records / 64 % partitions)),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(value.data(), value.size()), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(producer, 20);
      continue;
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) die(rd_kafka_err2str(error));
    if (++records % 256 == 0) rd_kafka_poll(producer, 0);
  }
  rd_kafka_flush(producer, 120'000);
  const double seconds = seconds_since(start);
  rd_kafka_destroy(producer);
  if (deliveries.failed > 0 || deliveries.acknowledged != records) {
    die(std::to_string(deliveries.failed) + " records failed, " +
        std::to_string(deliveries.acknowledged) + " of " + std::to_string(records) +
        " acknowledged");
  }
  print_outcome(records * static_cast<std::int64_t>(record_bytes), seconds);
  return 0;
}

int consume(const po::variables_map& options) {
  const auto total = options["megabytes"].as<std::int64_t>() * 1024 * 1024;
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", options["bootstrap-server"].as<std::string>());
  set(conf, "group.id", "not-used");
  set(conf, "enable.auto.commit", "false");
  set(conf, "fetch.min.bytes", "65536");
  set(conf, "queued.max.messages.kbytes", "65536");
  rd_kafka_t* consumer = create(RD_KAFKA_CONSUMER, conf);
  rd_kafka_poll_set_consumer(consumer);
  const int partitions = options["partitions"].as<int>();
  rd_kafka_topic_partition_list_t* assignment = rd_kafka_topic_partition_list_new(partitions);
  for (int partition = 0; partition < partitions; ++partition) {
    rd_kafka_topic_partition_list_add(assignment, options["topic"].as<std::string>().c_str(),
                                      partition)
        ->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(consumer, assignment);
  rd_kafka_topic_partition_list_destroy(assignment);

  const auto start = SteadyClock::now();
  auto last_news = start;
  std::int64_t bytes = 0;
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);
  std::vector<rd_kafka_message_t*> batch(1000);
  while (bytes < total) {
    const ssize_t got = rd_kafka_consume_batch_queue(queue, 200, batch.data(), batch.size());
    for (ssize_t i = 0; i < got; ++i) {
      rd_kafka_message_t* message = batch[static_cast<std::size_t>(i)];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        bytes += static_cast<std::int64_t>(message->len);
      rd_kafka_message_destroy(message);
    }
    if (got > 0) last_news = SteadyClock::now();
    if (seconds_since(last_news) > kQuietSecondsAllowed) {
      die("only " + std::to_string(bytes) + " bytes came");
    }
  }
  const double seconds = seconds_since(start);
  print_outcome(bytes, seconds);
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  po::options_description flags("ottla-load produce|consume");
  flags.add_options()("command", po::value<std::string>())("bootstrap-server",
                                                           po::value<std::string>()->required())(
      "topic", po::value<std::string>()->required())("partitions",
                                                     po::value<int>()->default_value(1))(
      "megabytes", po::value<std::int64_t>()->default_value(256))(
      "record-bytes", po::value<std::size_t>()->default_value(1024))(
      "batch-bytes", po::value<int>()->default_value(65536))(
      "acks", po::value<std::string>()->default_value("all"))(
      "compression", po::value<std::string>()->default_value("none"));
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
  if (command == "consume") return consume(options);
  std::cerr << flags;
  return 2;
}
