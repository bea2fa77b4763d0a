// ottla-group-member BOOTSTRAP TOPIC GROUP [NAME=VALUE ...]: an unmodified librdkafka consumer that
// is a member of a group until its standard input ends, or SIGTERM comes. Prints what happens as
// clients/java/Group.java does. An offset is stored for the next commit after its record was
// printed: what was committed was printed, also when the process is killed. (kcat drops a record
// that arrives with its SIGTERM, and commits it.)
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>
#include <string_view>

namespace {

volatile std::sig_atomic_t terminated = 0;

[[noreturn]] void die(const std::string& why) {
  std::cerr << "ottla-group-member: " << why << '\n';
  std::exit(1);
}

void set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char why[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) {
    die(why);
  }
}

bool stdin_closed() {
  pollfd wait{STDIN_FILENO, POLLIN, 0};
  if (::poll(&wait, 1, 0) <= 0) return false;
  char byte;
  return ::read(STDIN_FILENO, &byte, 1) <= 0;
}

void say(std::string_view what, const rd_kafka_topic_partition_list_t* partitions) {
  std::set<int> numbers;
  for (int i = 0; i < partitions->cnt; ++i) numbers.insert(partitions->elems[i].partition);
  std::string line(what);
  char separator = ' ';
  for (const int number : numbers) {
    line += separator + std::to_string(number);
    separator = ',';
  }
  std::puts(line.c_str());
}

void on_rebalance(rd_kafka_t* consumer, rd_kafka_resp_err_t event,
                  rd_kafka_topic_partition_list_t* partitions, void*) {
  const bool gains = event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  say(gains                                     ? "assigned"
      : rd_kafka_assignment_lost(consumer) != 0 ? "lost"
                                                : "revoked",
      partitions);
  if (std::string_view(rd_kafka_rebalance_protocol(consumer)) == "COOPERATIVE") {
    rd_kafka_error_t* const error = gains ? rd_kafka_incremental_assign(consumer, partitions)
                                          : rd_kafka_incremental_unassign(consumer, partitions);
    if (error != nullptr) die(rd_kafka_error_string(error));
  } else {
    rd_kafka_assign(consumer, gains ? partitions : nullptr);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) die("BOOTSTRAP TOPIC GROUP [NAME=VALUE ...]");
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::signal(SIGTERM, [](int) { terminated = 1; });

  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", argv[1]);
  set(conf, "group.id", argv[3]);
  set(conf, "auto.offset.reset", "earliest");
  set(conf, "enable.auto.offset.store", "false");
  set(conf, "log_level", "2");
  for (int i = 4; i < argc; ++i) {
    const std::string setting = argv[i];
    const auto equals = setting.find('=');
    if (equals == std::string::npos) die("NAME=VALUE: " + setting);
    set(conf, setting.substr(0, equals), setting.substr(equals + 1));
  }
  rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
  char why[512];
  rd_kafka_t* const consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
  if (consumer == nullptr) die(why);
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t* const topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
  if (rd_kafka_subscribe(consumer, topics) != RD_KAFKA_RESP_ERR_NO_ERROR) die("cannot subscribe");
  rd_kafka_topic_partition_list_destroy(topics);

  while (terminated == 0 && !stdin_closed()) {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(consumer, 100);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      std::printf("record %d %lld %.*s\n", static_cast<int>(message->partition),
                  static_cast<long long>(message->offset), static_cast<int>(message->len),
                  static_cast<const char*>(message->payload));
      // Refused when the partition has just been taken away: the next owner reads it again.
      (void)rd_kafka_offset_store(message->rkt, message->partition, message->offset);
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return 0;
}
