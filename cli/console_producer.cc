// `ottla console-producer`: what kafka-console-producer does.
#include <cstdint>
#include <string>

#include <librdkafka/rdkafka.h>
#include <boost/json.hpp>

#include "cli/client_properties.h"
#include "cli/line_reader.h"
#include "cli/rdkafka_client.h"
#include "cli/tool.h"

namespace ottla::cli {
namespace {

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kJsonFlag,
    {.name = "broker-list", .value = "host:port,..", .doc = "old name of --bootstrap-server"},
    {.name = "topic", .value = "name", .doc = "where the records go"},
    {.name = "property",
     .value = "name=value",
     .doc = "how lines are read: parse.key, key.separator, parse.headers, headers.delimiter, "
            "headers.separator, headers.key.separator, ignore.error, null.marker",
     .repeated = true},
    {.name = "reader-config", .value = "file", .doc = "a file of such properties"},
    {.name = "line-reader", .value = "class", .doc = "only Kafka's own line reader is known"},
    {.name = "producer-property",
     .value = "name=value",
     .doc = "a client setting",
     .repeated = true},
    {.name = "producer.config", .value = "file", .doc = "client settings"},
    {.name = "compression-codec",
     .value = "codec",
     .doc = "none, gzip, snappy, lz4 or zstd; alone: gzip",
     .bare = "gzip"},
    {.name = "request-required-acks", .value = "acks", .doc = "0, 1 or all (-1), the default"},
    {.name = "request-timeout-ms", .value = "ms", .doc = "how long a broker may take"},
    {.name = "batch-size", .value = "bytes", .doc = "the size of batches"},
    {.name = "max-partition-memory-bytes", .value = "bytes", .doc = "the same"},
    {.name = "max-memory-bytes", .value = "bytes", .doc = "memory for records not sent yet"},
    {.name = "max-block-ms", .value = "ms", .doc = "accepted, without effect"},
    {.name = "message-send-max-retries", .value = "count", .doc = "attempts after the first"},
    {.name = "retry-backoff-ms", .value = "ms", .doc = "the pause before another attempt"},
    {.name = "metadata-expiry-ms", .value = "ms", .doc = "how old the picture of the cluster gets"},
    {.name = "socket-buffer-size", .value = "bytes", .doc = "the TCP send buffer"},
    {.name = "sync", .doc = "wait for each record before the next"},
    {.name = "timeout", .value = "ms", .doc = "how long a batch waits for more records"},
};

// Flags that only set a client setting.
constexpr std::pair<std::string_view, const char*> kFlagSettings[] = {
    {"compression-codec", "compression.type"},
    {"request-required-acks", "acks"},
    {"request-timeout-ms", "request.timeout.ms"},
    {"max-partition-memory-bytes", "batch.size"},
    {"batch-size", "batch.size"},
    {"message-send-max-retries", "retries"},
    {"retry-backoff-ms", "retry.backoff.ms"},
    {"metadata-expiry-ms", "metadata.max.age.ms"},
    {"socket-buffer-size", "send.buffer.bytes"},
    {"timeout", "linger.ms"},
};

/// What became of the records; told by delivery reports.
struct Deliveries {
  std::uint64_t sent = 0;
  std::uint64_t failed = 0;
  std::ostream* err = nullptr;
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& deliveries = *static_cast<Deliveries*>(opaque);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++deliveries.sent;
    return;
  }
  ++deliveries.failed;
  *deliveries.err << "A record for topic " << rd_kafka_topic_name(message->rkt) << " (key "
                  << message->key_len << " bytes, value " << message->len
                  << " bytes) was not delivered: " << rd_kafka_err2str(message->err) << " ("
                  << rd_kafka_err2name(message->err) << ")\n";
}

Result<ClientProperties> settings(const Arguments& arguments) {
  OTTLA_TRY(auto properties, ClientProperties::read(arguments.value("producer.config")));
  std::map<std::string, std::string> given = arguments.pairs("producer-property");
  for (const auto& [flag, name] : kFlagSettings) {
    if (const auto value = arguments.value(flag)) given[name] = *value;
  }
  if (const auto bytes = arguments.value("max-memory-bytes")) {
    OTTLA_TRY(const auto number, arguments.number("max-memory-bytes", 1024));
    given["queue.buffering.max.kbytes"] = std::to_string(*number / 1024);
  }
  OTTLA_TRY(given["bootstrap.servers"], bootstrap_servers(arguments));
  properties.override_with(given);
  properties.set_default("client.id", "console-producer");
  properties.set_default("acks", "all");
  // Java's defaults, where librdkafka's differ.
  properties.set_default("partitioner", "murmur2_random");
  properties.set_default("linger.ms", "1000");
  properties.set_default("delivery.timeout.ms", "120000");
  const auto acks = properties.all().find("acks")->second;
  if (acks == "all" || acks == "-1") properties.set_default("enable.idempotence", "true");
  return properties;
}

Result<LineReader> line_reader(const Arguments& arguments) {
  if (const auto name = arguments.value("line-reader");
      name && !name->ends_with("LineMessageReader")) {
    return fail(ErrorCode::InvalidRequest,
                "--line-reader " + *name + ": classes of Java cannot be loaded here");
  }
  OTTLA_TRY(auto properties, ClientProperties::read(arguments.value("reader-config")));
  properties.override_with(arguments.pairs("property"));
  return LineReader::parse({properties.all().begin(), properties.all().end()});
}

Result<> send(rd_kafka_t* producer, const std::string& topic, const LineRecord& record) {
  RdKafka<rd_kafka_headers_t> headers(rd_kafka_headers_new(record.headers.size()));
  for (const auto& [name, value] : record.headers) {
    rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()),
                        value ? value->data() : nullptr,
                        value ? static_cast<ssize_t>(value->size()) : 0);
  }
  const auto data_of = [](const std::optional<std::string>& text) {
    // Not null for an empty text: null is another value.
    return text ? const_cast<char*>(text->data())
                : nullptr;  // NOLINT(cppcoreguidelines-pro-type-const-cast): copied
  };
  const auto size_of = [](const std::optional<std::string>& text) {
    return text ? text->size() : std::size_t{0};
  };
  for (;;) {
    RdKafka<rd_kafka_headers_t> copy(rd_kafka_headers_copy(headers.get()));
    const auto error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(data_of(record.key), size_of(record.key)),
        RD_KAFKA_V_VALUE(data_of(record.value), size_of(record.value)),
        RD_KAFKA_V_HEADERS(copy.get()), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      (void)copy.release();  // librdkafka owns them now
      return {};
    }
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) return rdkafka_failure(topic, error);
    rd_kafka_poll(producer, 100);  // makes room
  }
}

/// Waits until every record has been delivered or given up.
void flush(rd_kafka_t* producer) {
  while (rd_kafka_flush(producer, 200) == RD_KAFKA_RESP_ERR__TIMED_OUT && !told_to_stop()) {
  }
}

Result<> send_lines(rd_kafka_t* producer, const LineReader& reader, const Arguments& arguments,
                    Console& console) {
  const std::string topic = *arguments.value("topic");
  std::string line;
  std::uint64_t number = 0;
  while (!told_to_stop() && std::getline(console.in, line)) {
    if (line.ends_with('\r')) line.pop_back();
    OTTLA_TRY(const LineRecord record, reader.read(line, ++number));
    OTTLA_TRY_VOID(send(producer, topic, record));
    if (arguments.has("sync"))
      flush(producer);
    else
      rd_kafka_poll(producer, 0);
  }
  return {};
}

Result<> run_console_producer(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(arguments.require("topic"));
  OTTLA_TRY(const auto reader, line_reader(arguments));
  OTTLA_TRY(const auto properties, settings(arguments));
  OTTLA_TRY(auto conf, rdkafka_conf(properties.all(), console));
  Deliveries deliveries;
  deliveries.err = &console.err;
  rd_kafka_conf_set_opaque(conf.get(), &deliveries);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
  OTTLA_TRY(const auto producer, rdkafka_client(RD_KAFKA_PRODUCER, std::move(conf)));

  const auto result = send_lines(producer.get(), reader, arguments, console);
  flush(producer.get());
  if (arguments.has("json")) {
    console.out << boost::json::serialize(boost::json::object{{"sent", deliveries.sent},
                                                              {"failed", deliveries.failed}})
                << '\n';
  }
  if (!result) return result;
  const auto lost =
      deliveries.failed + static_cast<std::uint64_t>(rd_kafka_outq_len(producer.get()));
  if (lost > 0) {
    return fail(ErrorCode::UnknownServerError, std::to_string(lost) +
                                                   " records were not delivered, " +
                                                   std::to_string(deliveries.sent) + " were");
  }
  return {};
}

}  // namespace

const Tool kConsoleProducerTool{.name = "console-producer",
                                .summary = "send lines of standard input as records",
                                .flags = kFlags,
                                .run = run_console_producer};

}  // namespace ottla::cli
