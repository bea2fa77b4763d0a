#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "bench/load/options.h"
#include "bench/load/outcome.h"

namespace ottla::load {
namespace {

using SteadyClock = std::chrono::steady_clock;

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  char why[512];
  if (rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) die(why);
}

rd_kafka_t* create(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  char why[512];
  rd_kafka_t* client = rd_kafka_new(type, conf, why, sizeof why);
  if (client == nullptr) die(why);
  return client;
}

/// Reads one partition from where it ends now. A record says in its first bytes when it was due,
/// and whether it counts.
class Receiver {
 public:
  explicit Receiver(const Options& options) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", options.bootstrap);
    set(conf, "group.id", "not-used");
    set(conf, "enable.auto.commit", "false");
    set(conf, "socket.nagle.disable", "true");
    set(conf, "fetch.error.backoff.ms", "0");
    consumer_ = create(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(consumer_);
    rd_kafka_topic_partition_list_t* assignment = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(assignment, options.topic.c_str(), 0)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer_, assignment);
    rd_kafka_topic_partition_list_destroy(assignment);
    thread_ = std::jthread([this](const std::stop_token& stop) { receive(stop); });
  }

  [[nodiscard]] std::int64_t received() const { return received_; }

  std::vector<std::int64_t> finish() {
    thread_.request_stop();
    thread_.join();
    rd_kafka_consumer_close(consumer_);
    rd_kafka_destroy(consumer_);
    return std::move(latencies_ns_);
  }

 private:
  void receive(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer_, 100);
      if (message == nullptr) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        std::int64_t due = 0;
        std::memcpy(&due, message->payload, sizeof due);
        if (due > 0) {
          latencies_ns_.push_back(SteadyClock::now().time_since_epoch().count() - due);
        }
        ++received_;
      }
      rd_kafka_message_destroy(message);
    }
  }

  rd_kafka_t* consumer_ = nullptr;
  std::atomic<std::int64_t> received_ = 0;
  std::vector<std::int64_t> latencies_ns_;
  std::jthread thread_;
};

void send(rd_kafka_t* producer, const Options& options, std::int64_t due) {
  std::string value(std::max(options.record_bytes, sizeof due), 'x');
  std::memcpy(value.data(), &due, sizeof due);
  const rd_kafka_resp_err_t error =
      rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(options.topic.c_str()), RD_KAFKA_V_PARTITION(0),
                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                        RD_KAFKA_V_VALUE(value.data(), value.size()), RD_KAFKA_V_END);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) die(rd_kafka_err2str(error));
  rd_kafka_poll(producer, 0);
}

/// Records at a steady pace, each due at its time whatever became of the ones before: a stall is
/// counted for all that waited. The number of records.
std::int64_t send_steadily(rd_kafka_t* producer, const Options& options, double seconds,
                           bool counted) {
  const auto records = static_cast<std::int64_t>(options.rate * seconds);
  const auto begin = SteadyClock::now();
  for (std::int64_t i = 0; i < records; ++i) {
    const auto due = begin + std::chrono::nanoseconds(static_cast<std::int64_t>(
                                 static_cast<double>(i) * 1e9 / options.rate));
    std::this_thread::sleep_until(due);
    send(producer, options, counted ? due.time_since_epoch().count() : 0);
  }
  return records;
}

void wait_for(const Receiver& receiver, std::int64_t records) {
  const auto deadline = SteadyClock::now() + std::chrono::seconds(60);
  while (receiver.received() < records) {
    if (SteadyClock::now() > deadline) {
      die("only " + std::to_string(receiver.received()) + " of " + std::to_string(records) +
          " records came");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

void latency(const Options& options) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", options.bootstrap);
  set(conf, "acks", std::to_string(options.acks));
  set(conf, "linger.ms", "0");
  set(conf, "socket.nagle.disable", "true");
  rd_kafka_t* producer = create(RD_KAFKA_PRODUCER, conf);
  Receiver receiver(options);
  const std::int64_t warm = send_steadily(producer, options, options.seconds / 2, false);
  wait_for(receiver, warm);
  wait_for_go(options.wait);
  const auto begin = SteadyClock::now();
  Outcome outcome;
  outcome.requests = send_steadily(producer, options, options.seconds, true);
  wait_for(receiver, warm + outcome.requests);
  outcome.seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  outcome.bytes = outcome.requests * static_cast<std::int64_t>(options.record_bytes);
  outcome.latencies_ns = receiver.finish();
  rd_kafka_destroy(producer);
  outcome.print();
}

}  // namespace ottla::load
