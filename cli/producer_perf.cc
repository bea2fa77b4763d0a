// `ottla producer-perf-test`: what kafka-producer-perf-test does.
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "cli/client_properties.h"
#include "cli/latency_report.h"
#include "cli/progress.h"
#include "cli/rdkafka_client.h"
#include "cli/send_pace.h"
#include "cli/tool.h"

namespace ottla::cli {
namespace {

using Clock = LatencyReport::Clock;
using std::chrono::milliseconds;

constexpr Flag kFlags[] = {
    kJsonFlag,
    {.name = "topic", .value = "name", .doc = "where the records go"},
    {.name = "num-records", .value = "count", .doc = "how many records"},
    {.name = "record-size", .value = "bytes", .doc = "the size of each, filled at random"},
    {.name = "payload-file", .value = "file", .doc = "values are taken from here at random"},
    {.name = "payload-delimiter", .value = "text", .doc = "between the values there; a line end"},
    {.name = "payload-monotonic", .doc = "the values are numbers that count up"},
    {.name = "throughput",
     .value = "records/s",
     .doc = "no more than so many in a second; -1: no limit"},
    {.name = "producer-props",
     .value = "name=value ..",
     .doc = "client settings, several behind each other"},
    {.name = "producer.config", .value = "file", .doc = "client settings"},
    {.name = "bootstrap-server", .value = "host:port,..", .doc = "as bootstrap.servers"},
    {.name = "print-metrics", .doc = "print the client's own figures at the end, as JSON"},
    {.name = "transactional-id", .value = "id", .doc = "write in transactions"},
    {.name = "transaction-duration-ms",
     .value = "ms",
     .doc = "how long each transaction is; 3000 with --transactional-id"},
};

constexpr milliseconds kReportInterval{5000};
constexpr int kTransactionMs = 30'000;

/// Where values come from.
class Payloads {
 public:
  static Result<Payloads> of(const Arguments& arguments) {
    Payloads payloads;
    const std::string_view kinds[] = {"record-size", "payload-file", "payload-monotonic"};
    OTTLA_TRY(const std::string_view kind, arguments.exactly_one_of(kinds));
    payloads.is_monotonic_ = kind == "payload-monotonic";
    if (kind == "record-size") {
      OTTLA_TRY(const auto size, arguments.number("record-size", 1));
      std::string value(static_cast<std::size_t>(*size), ' ');
      for (char& c : value) c = static_cast<char>('A' + payloads.random_() % 26);
      payloads.values_.push_back(std::move(value));
    } else if (kind == "payload-file") {
      OTTLA_TRY_VOID(payloads.read(*arguments.value("payload-file"),
                                   arguments.value_or("payload-delimiter", "\n")));
    }
    return payloads;
  }

  [[nodiscard]] std::string next() {
    if (is_monotonic_) return std::to_string(number_++);
    return values_.size() == 1 ? values_.front() : values_[random_() % values_.size()];
  }

 private:
  Result<> read(const std::string& path, std::string delimiter) {
    std::ifstream file(path);
    if (!file) return fail(ErrorCode::InvalidConfig, path + ": cannot be read");
    if (delimiter == "\\n" || delimiter.empty()) delimiter.assign(1, '\n');
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t end = std::min(all.find(delimiter, at), all.size());
      values_.push_back(all.substr(at, end - at));
      at = end + delimiter.size();
    }
    if (values_.empty()) return fail(ErrorCode::InvalidConfig, path + ": is empty");
    return {};
  }

  std::mt19937 random_{0};  // the same values in each run
  std::vector<std::string> values_;
  bool is_monotonic_ = false;
  std::uint64_t number_ = 0;
};

/// What the callbacks write to.
struct Run {
  LatencyReport report;
  std::uint64_t failed = 0;
  std::string statistics{};
  Console& console;
};

std::int64_t in_us(Clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& run = *static_cast<Run*>(opaque);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (++run.failed <= 10) {
      run.console.err << "A record was not delivered: " << rd_kafka_err2str(message->err) << "\n";
    }
    return;
  }
  const auto sent = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(message->_private));
  run.report.record(milliseconds((in_us(Clock::now()) - sent) / 1000), message->len);
}

int on_statistics(rd_kafka_t*, char* json, size_t size, void* opaque) {
  static_cast<Run*>(opaque)->statistics.assign(json, size);
  return 0;
}

Result<ClientProperties> settings(const Arguments& arguments) {
  OTTLA_TRY(auto properties, ClientProperties::read(arguments.value("producer.config")));
  std::map<std::string, std::string> given = arguments.pairs("producer-props");
  for (const std::string& word : arguments.words()) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      return fail(ErrorCode::InvalidRequest, word + ": is no flag and no name=value");
    }
    given[word.substr(0, equals)] = word.substr(equals + 1);
  }
  if (const auto servers = arguments.value("bootstrap-server"))
    given["bootstrap.servers"] = *servers;
  if (const auto id = arguments.value("transactional-id")) given["transactional.id"] = *id;
  properties.override_with(given);
  // Java's defaults, where librdkafka's differ.
  properties.set_default("client.id", "perf-producer-client");
  properties.set_default("acks", "all");
  properties.set_default("enable.idempotence", "true");
  properties.set_default("linger.ms", "0");
  // A transaction may not end before what is in it.
  properties.set_default("delivery.timeout.ms",
                         arguments.has("transactional-id") ? "60000" : "120000");
  properties.set_default("statistics.interval.ms", arguments.has("print-metrics") ? "1000" : "0");
  if (!properties.all().contains("bootstrap.servers")) {
    return fail(ErrorCode::InvalidRequest,
                "say where the brokers are: --producer-props bootstrap.servers=host:port");
  }
  return properties;
}

Result<> check(rd_kafka_error_t* refusal, const char* what) {
  const RdKafka<rd_kafka_error_t> error(refusal);
  if (!error) return {};
  return fail(ErrorCode::UnknownServerError,
              std::string(what) + ": " + rd_kafka_error_string(error.get()));
}

/// Transactions that follow each other, or none.
class Transactions {
 public:
  static Result<Transactions> begin(rd_kafka_t* producer, const Arguments& arguments) {
    Transactions transactions;
    OTTLA_TRY(const auto duration, arguments.number("transaction-duration-ms", 1));
    if (!arguments.has("transactional-id")) {
      if (!duration) return transactions;
      return fail(ErrorCode::InvalidRequest, "--transaction-duration-ms needs --transactional-id");
    }
    transactions.duration_ = milliseconds(duration.value_or(3000));
    transactions.producer_ = producer;
    OTTLA_TRY_VOID(check(rd_kafka_init_transactions(producer, kTransactionMs), "transactions"));
    OTTLA_TRY_VOID(check(rd_kafka_begin_transaction(producer), "transaction"));
    transactions.began_ = Clock::now();
    return transactions;
  }
  Result<> go_on(Clock::time_point now) {
    if (producer_ == nullptr || now - began_ < duration_) return {};
    OTTLA_TRY_VOID(commit());
    OTTLA_TRY_VOID(check(rd_kafka_begin_transaction(producer_), "transaction"));
    began_ = Clock::now();
    return {};
  }
  Result<> commit() {
    if (producer_ == nullptr) return {};
    ++committed_;
    return check(rd_kafka_commit_transaction(producer_, kTransactionMs), "commit");
  }
  [[nodiscard]] std::uint64_t committed() const { return committed_; }

 private:
  rd_kafka_t* producer_ = nullptr;
  milliseconds duration_{};
  Clock::time_point began_{};
  std::uint64_t committed_ = 0;
};

Result<> send_one(rd_kafka_t* producer, const std::string& topic, const std::string& value) {
  for (;;) {
    const auto error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),  // NOLINT: copied
        RD_KAFKA_V_OPAQUE(reinterpret_cast<void*>(static_cast<std::intptr_t>(in_us(Clock::now())))),
        RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) return rdkafka_failure(topic, error);
    rd_kafka_poll(producer, 10);  // makes room
  }
}

Result<> send_all(rd_kafka_t* producer, const Arguments& arguments, Payloads payloads,
                  std::uint64_t count, double per_second, Run& run) {
  const std::string topic = *arguments.value("topic");
  OTTLA_TRY(Transactions transactions, Transactions::begin(producer, arguments));
  // With --json the only line of the result is the last.
  std::ostream& out = arguments.has("json") ? run.console.err : run.console.out;
  Progress progress(run.console.err, run.console.err_columns, progress_clock(), "sending", count);
  const auto say_when_due = [&](Clock::time_point now) {
    progress.at(run.report.count());
    const std::string line = run.report.line_when_due(now, kReportInterval);
    if (line.empty()) return;
    progress.hide();
    out << line << std::flush;
  };
  const SendPace pace(per_second, Clock::now());
  for (std::uint64_t sent = 0; sent < count && !told_to_stop(); ++sent) {
    const Clock::time_point due = pace.due(sent);
    while (Clock::now() < due && !told_to_stop()) {
      rd_kafka_poll(producer, 0);
      std::this_thread::sleep_for(
          std::min<Clock::duration>(due - Clock::now(), std::chrono::milliseconds(1)));
    }
    OTTLA_TRY_VOID(send_one(producer, topic, payloads.next()));
    rd_kafka_poll(producer, 0);
    const Clock::time_point now = Clock::now();
    OTTLA_TRY_VOID(transactions.go_on(now));
    say_when_due(now);
  }
  while (rd_kafka_flush(producer, 200) == RD_KAFKA_RESP_ERR__TIMED_OUT && !told_to_stop()) {
    say_when_due(Clock::now());
  }
  return transactions.commit();
}

Result<> run_producer_perf_test(const Arguments& arguments, Console& console) {
  for (const char* flag : {"topic", "num-records", "throughput"}) {
    OTTLA_TRY_VOID(arguments.require(flag));
  }
  OTTLA_TRY(const auto count, arguments.number("num-records", 1));
  OTTLA_TRY(const auto per_second, arguments.number("throughput", -1));
  OTTLA_TRY(Payloads payloads, Payloads::of(arguments));
  OTTLA_TRY(const auto properties, settings(arguments));
  OTTLA_TRY(auto conf, rdkafka_conf(properties.all(), console));
  const auto expected = static_cast<std::uint64_t>(*count);
  Run run{.report = LatencyReport(expected, Clock::now()), .console = console};
  rd_kafka_conf_set_opaque(conf.get(), &run);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
  rd_kafka_conf_set_stats_cb(conf.get(), on_statistics);
  OTTLA_TRY(const auto producer, rdkafka_client(RD_KAFKA_PRODUCER, std::move(conf)));
  const auto result = send_all(producer.get(), arguments, std::move(payloads), expected,
                               static_cast<double>(*per_second), run);
  console.out << (arguments.has("json") ? run.report.json(Clock::now())
                                        : run.report.summary(Clock::now()));
  if (arguments.has("print-metrics")) {
    if (run.statistics.empty()) rd_kafka_poll(producer.get(), 1500);
    console.out << run.statistics << "\n";
  }
  if (!result) return result;
  const std::uint64_t lost =
      run.failed + static_cast<std::uint64_t>(rd_kafka_outq_len(producer.get()));
  if (lost > 0) {
    return fail(ErrorCode::UnknownServerError,
                std::to_string(lost) + " records were not delivered");
  }
  return {};
}

}  // namespace

const Tool kProducerPerfTestTool{.name = "producer-perf-test",
                                 .summary = "measure how fast records are taken",
                                 .flags = kFlags,
                                 .words = "[NAME=VALUE..] behind --producer-props",
                                 .run = run_producer_perf_test};

}  // namespace ottla::cli
