// `ottla console-consumer`: what kafka-console-consumer does. Without --group it reads partitions
// by number, needs no group coordinator, and leaves nothing behind in the cluster.
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "cli/client_properties.h"
#include "cli/internal_record_formatter.h"
#include "cli/rdkafka_client.h"
#include "cli/record_formatter.h"
#include "cli/tool.h"
#include "cli/topic_filter.h"

namespace ottla::cli {
namespace {

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    {.name = "json", .doc = "print each record as a JSON object in a line"},
    {.name = "topic", .value = "name", .doc = "the topic to read"},
    {.name = "include", .value = "regex", .doc = "the topics to read"},
    {.name = "whitelist", .value = "regex", .doc = "old name of --include"},
    {.name = "partition", .value = "number", .doc = "read only this partition"},
    {.name = "offset", .value = "number", .doc = "where to begin: an offset, earliest or latest"},
    {.name = "from-beginning", .doc = "begin with the first record, not with the next to come"},
    {.name = "max-messages", .value = "count", .doc = "stop after so many records"},
    {.name = "timeout-ms", .value = "ms", .doc = "stop when no record comes for this long"},
    {.name = "group", .value = "id", .doc = "read as a member of this group"},
    {.name = "isolation-level",
     .value = "level",
     .doc = "read_committed, or read_uncommitted, the default"},
    {.name = "property",
     .value = "name=value",
     .doc = "how records are printed: print.timestamp, print.key, print.offset, print.partition, "
            "print.headers, print.value, key.separator, line.separator, headers.separator, "
            "null.literal, key.deserializer, value.deserializer",
     .repeated = true},
    {.name = "formatter-config", .value = "file", .doc = "a file of such properties"},
    {.name = "formatter",
     .value = "class",
     .doc = "Kafka's Default-, Logging- or NoOpMessageFormatter; of __consumer_offsets Offsets- or "
            "GroupMetadataMessageFormatter, of __transaction_state TransactionLogMessageFormatter"},
    {.name = "key-deserializer",
     .value = "class",
     .doc = "String, ByteArray, Integer, Long, Short"},
    {.name = "value-deserializer", .value = "class", .doc = "the same"},
    {.name = "consumer-property",
     .value = "name=value",
     .doc = "a client setting",
     .repeated = true},
    {.name = "consumer.config", .value = "file", .doc = "client settings"},
    {.name = "skip-message-on-error", .doc = "go on after an error of a partition"},
    {.name = "enable-systest-events", .doc = "print shutdown_complete at the end"},
};

using Clock = std::chrono::steady_clock;
constexpr int kPollMs = 100;
constexpr int kMetadataMs = 10000;
constexpr std::chrono::seconds kRefresh{5};

std::optional<std::string_view> view_of(const void* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

ConsumedRecord record_of(const rd_kafka_message_t* message) {
  ConsumedRecord record;
  record.topic = rd_kafka_topic_name(message->rkt);
  record.partition = message->partition;
  record.offset = message->offset;
  record.key = view_of(message->key, message->key_len);
  record.value = view_of(message->payload, message->len);
  rd_kafka_timestamp_type_t type{};
  record.timestamp = rd_kafka_message_timestamp(message, &type);
  if (type == RD_KAFKA_TIMESTAMP_CREATE_TIME) {
    record.timestamp_kind = ConsumedRecord::TimestampKind::CreateTime;
  } else if (type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME) {
    record.timestamp_kind = ConsumedRecord::TimestampKind::LogAppendTime;
  }
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t at = 0;
         rd_kafka_header_get_all(headers, at, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++at) {
      record.headers.emplace_back(name, view_of(value, size));
    }
  }
  return record;
}

/// Where records come from. Both kinds give null when nothing came within a short while.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;
  [[nodiscard]] virtual Result<RdKafka<rd_kafka_message_t>> next() = 0;
};

/// Members of a group get their partitions, and where they begin, from the coordinator.
class GroupSource final : public Source {
 public:
  explicit GroupSource(RdKafka<rd_kafka_t> client) : client_(std::move(client)) {}
  ~GroupSource() override { rd_kafka_consumer_close(client_.get()); }

  [[nodiscard]] Result<> subscribe(const std::string& topic) {
    const RdKafka<rd_kafka_topic_partition_list_t> topics(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    const auto error = rd_kafka_subscribe(client_.get(), topics.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return rdkafka_failure(topic, error);
    return {};
  }
  [[nodiscard]] Result<> assign(const std::string& topic, std::int32_t partition,
                                std::int64_t offset) {
    const RdKafka<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
    const auto error = rd_kafka_assign(client_.get(), list.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return rdkafka_failure(topic, error);
    return {};
  }
  [[nodiscard]] Result<RdKafka<rd_kafka_message_t>> next() override {
    return RdKafka<rd_kafka_message_t>(rd_kafka_consumer_poll(client_.get(), kPollMs));
  }

 private:
  RdKafka<rd_kafka_t> client_;
};

/// All partitions of some topics (or one), without a group. Looks for new ones now and then.
class PartitionSource final : public Source {
 public:
  PartitionSource(RdKafka<rd_kafka_t> client, TopicFilter filter,
                  std::optional<std::string> literal, std::optional<std::int32_t> partition,
                  std::int64_t offset, Console& console)
      : client_(std::move(client)),
        queue_(rd_kafka_queue_new(client_.get())),
        filter_(std::move(filter)),
        literal_(std::move(literal)),
        partition_(partition),
        offset_(offset),
        console_(console) {}

  ~PartitionSource() override {
    for (const auto& [topic, number] : reading_) {
      rd_kafka_consume_stop(topics_.at(topic).get(), number);
    }
    topics_.clear();
    queue_.reset();
  }

  [[nodiscard]] Result<RdKafka<rd_kafka_message_t>> next() override {
    // The consumer's clock is the terminal's: no simulation runs this.
    const bool nothing_yet = reading_.empty();
    if (Clock::now() >= refresh_at_) {
      OTTLA_TRY_VOID(look_for_partitions());
      refresh_at_ = Clock::now() + (reading_.empty() ? std::chrono::seconds(1) : kRefresh);
      if (nothing_yet && reading_.empty() && !warned_) {
        warned_ = true;
        console_.err << "WARNING: there is no such topic or partition yet; waiting for it\n";
      }
    }
    rd_kafka_poll(client_.get(), 0);
    return RdKafka<rd_kafka_message_t>(rd_kafka_consume_queue(queue_.get(), kPollMs));
  }

 private:
  [[nodiscard]] Result<> look_for_partitions() {
    rd_kafka_topic_t* only = literal_ ? topic(*literal_) : nullptr;
    const rd_kafka_metadata_t* raw = nullptr;
    const auto error =
        rd_kafka_metadata(client_.get(), only == nullptr ? 1 : 0, only, &raw, kMetadataMs);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      // Once it reads, the client looks after lost connections by itself.
      if (!reading_.empty()) return {};
      return rdkafka_failure("no broker can be asked", error);
    }
    const RdKafka<const rd_kafka_metadata_t> metadata(raw);
    for (int at = 0; at < metadata->topic_cnt; ++at) {
      const auto& found = metadata->topics[at];
      const std::string name = found.topic;
      if (!literal_ && !filter_.accepts(name)) continue;
      for (int number = 0; number < found.partition_cnt; ++number) {
        OTTLA_TRY_VOID(start(name, found.partitions[number].id));
      }
    }
    first_look_ = false;
    return {};
  }

  [[nodiscard]] Result<> start(const std::string& name, std::int32_t number) {
    if (partition_ && number != *partition_) return {};
    if (!reading_.emplace(name, number).second) return {};
    // A partition that comes later is new: all of it is "next to come".
    const std::int64_t from = first_look_ || partition_ ? offset_ : RD_KAFKA_OFFSET_BEGINNING;
    if (rd_kafka_consume_start_queue(topic(name), number, from, queue_.get()) != 0) {
      return rdkafka_failure(name + "-" + std::to_string(number), rd_kafka_last_error());
    }
    return {};
  }

  rd_kafka_topic_t* topic(const std::string& name) {
    auto& topic = topics_[name];
    if (!topic) topic.reset(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
    return topic.get();
  }

  RdKafka<rd_kafka_t> client_;
  RdKafka<rd_kafka_queue_t> queue_;
  std::map<std::string, RdKafka<rd_kafka_topic_t>> topics_;
  std::set<std::pair<std::string, std::int32_t>> reading_;
  TopicFilter filter_;
  std::optional<std::string> literal_;
  std::optional<std::int32_t> partition_;
  std::int64_t offset_;
  Console& console_;
  Clock::time_point refresh_at_{};
  bool first_look_ = true;
  bool warned_ = false;
};

Result<std::int64_t> first_offset(const Arguments& arguments) {
  const auto text = arguments.value("offset");
  if (!text) {
    return arguments.has("from-beginning") ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
  }
  if (!arguments.has("partition")) {
    return fail(ErrorCode::InvalidRequest, "--offset needs --partition");
  }
  if (arguments.has("from-beginning")) {
    return fail(ErrorCode::InvalidRequest, "--from-beginning does not go together with --offset");
  }
  if (*text == "earliest") return RD_KAFKA_OFFSET_BEGINNING;
  if (*text == "latest") return RD_KAFKA_OFFSET_END;
  OTTLA_TRY(const auto number, arguments.number("offset", 0));
  return *number;
}

Result<ClientProperties> settings(const Arguments& arguments) {
  OTTLA_TRY(auto properties, ClientProperties::read(arguments.value("consumer.config")));
  auto given = arguments.pairs("consumer-property");
  OTTLA_TRY(given["bootstrap.servers"], bootstrap_servers(arguments));
  if (const auto group = arguments.value("group")) given["group.id"] = *group;
  if (arguments.has("from-beginning")) given["auto.offset.reset"] = "earliest";
  properties.override_with(given);
  properties.set_default("isolation.level",
                         arguments.value_or("isolation-level", "read_uncommitted"));
  properties.set_default("client.id", "console-consumer");
  properties.set_default("auto.offset.reset", "latest");
  properties.set_default("allow.auto.create.topics", "true");
  return properties;
}

Result<RecordFormatter> formatter(const Arguments& arguments) {
  OTTLA_TRY(auto properties, ClientProperties::read(arguments.value("formatter-config")));
  properties.override_with(arguments.pairs("property"));
  if (const auto name = arguments.value("key-deserializer")) {
    properties.override_with({{"key.deserializer", *name}});
  }
  if (const auto name = arguments.value("value-deserializer")) {
    properties.override_with({{"value.deserializer", *name}});
  }
  return RecordFormatter::parse({properties.all().begin(), properties.all().end()});
}

/// How records are printed.
struct Format {
  RecordFormatter plain;
  bool is_json = false;
  bool is_quiet = false;  ///< They are only counted.
  std::optional<InternalRecordFormatter> of_kafkas_own{};

  void write(std::ostream& out, const ConsumedRecord& record) const {
    if (is_quiet) return;
    if (of_kafkas_own) return write_own(out, record);
    is_json ? plain.write_json(out, record) : plain.write(out, record);
  }

 private:
  void write_own(std::ostream& out, const ConsumedRecord& record) const {
    if (is_json) {
      const auto decoded = of_kafkas_own->json(record);
      if (decoded) plain.write_json(out, record, &*decoded);
    } else if (const auto line = of_kafkas_own->line(record)) {
      out << *line << '\n';
    }
  }
};

Result<Format> format_of(const Arguments& arguments) {
  OTTLA_TRY(RecordFormatter plain, formatter(arguments));
  Format format{.plain = std::move(plain), .is_json = arguments.has("json")};
  const auto name = arguments.value("formatter");
  // The one that logs does so only where Kafka's tools are told to log more than warnings.
  if (!name || name->ends_with("DefaultMessageFormatter") ||
      name->ends_with("LoggingMessageFormatter")) {
    return format;
  }
  format.is_quiet = name->ends_with("NoOpMessageFormatter");
  format.of_kafkas_own = InternalRecordFormatter::named(*name);
  if (format.is_quiet || format.of_kafkas_own) return format;
  return fail(ErrorCode::InvalidRequest,
              "--formatter " + *name +
                  ": classes of Java cannot be loaded here; known are those of Kafka: "
                  "DefaultMessageFormatter, LoggingMessageFormatter, NoOpMessageFormatter, "
                  "OffsetsMessageFormatter, GroupMetadataMessageFormatter, "
                  "TransactionLogMessageFormatter");
}

Result<std::unique_ptr<Source>> open_source(const Arguments& arguments, Console& console) {
  const bool by_name = arguments.has("topic");
  const auto include =
      arguments.has("include") ? arguments.value("include") : arguments.value("whitelist");
  if (by_name == include.has_value()) {
    return fail(ErrorCode::InvalidRequest, "give exactly one of --topic and --include");
  }
  OTTLA_TRY(const auto partition, arguments.number("partition", 0));
  if (partition && !by_name) return fail(ErrorCode::InvalidRequest, "--partition needs --topic");
  OTTLA_TRY(const auto offset, first_offset(arguments));
  OTTLA_TRY(const auto properties, settings(arguments));
  OTTLA_TRY(auto conf, rdkafka_conf(properties.all(), console));
  OTTLA_TRY(auto client, rdkafka_client(RD_KAFKA_CONSUMER, std::move(conf)));

  if (properties.all().contains("group.id")) {
    auto source = std::make_unique<GroupSource>(std::move(client));
    if (partition) {
      OTTLA_TRY_VOID(
          source->assign(*arguments.value("topic"), static_cast<std::int32_t>(*partition), offset));
    } else {
      // librdkafka takes a leading ^ as "this is a regular expression".
      OTTLA_TRY_VOID(
          source->subscribe(by_name ? *arguments.value("topic") : "^(" + *include + ")$"));
    }
    return source;
  }
  OTTLA_TRY(auto filter, TopicFilter::parse(include.value_or("")));
  std::optional<std::int32_t> number;
  if (partition) number = static_cast<std::int32_t>(*partition);
  return std::make_unique<PartitionSource>(std::move(client), std::move(filter),
                                           arguments.value("topic"), number, offset, console);
}

Result<> consume(Source& source, const Arguments& arguments, const Format& format, Console& console,
                 std::uint64_t& count) {
  OTTLA_TRY(const auto most, arguments.number("max-messages", -1));
  OTTLA_TRY(const auto timeout, arguments.number("timeout-ms", -1));
  auto last = Clock::now();
  while (!told_to_stop()) {
    if (most && *most >= 0 && std::cmp_greater_equal(count, *most)) break;
    OTTLA_TRY(const auto message, source.next());
    if (!message) {
      console.out.flush();
      const bool late =
          timeout && *timeout >= 0 && Clock::now() - last >= std::chrono::milliseconds(*timeout);
      if (late) break;
      continue;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (is_passing(message->err) || arguments.has("skip-message-on-error")) continue;
      return rdkafka_failure(rd_kafka_message_errstr(message.get()), message->err);
    }
    last = Clock::now();
    ++count;
    format.write(console.out, record_of(message.get()));
    if (!console.out) return fail(ErrorCode::UnknownServerError, "the output is closed");
  }
  return {};
}

Result<> run_console_consumer(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const auto format, format_of(arguments));
  std::uint64_t count = 0;
  Result<> result;
  {
    OTTLA_TRY(const auto source, open_source(arguments, console));
    result = consume(*source, arguments, format, console, count);
  }
  console.out.flush();
  console.err << "Processed a total of " << count << " messages\n";
  if (arguments.has("enable-systest-events")) {
    console.out << (arguments.has("json") ? R"({"name":"shutdown_complete"})" : "shutdown_complete")
                << '\n';
  }
  return result;
}

}  // namespace

const Tool kConsoleConsumerTool{.name = "console-consumer",
                                .summary = "print the records of topics",
                                .flags = kFlags,
                                .run = run_console_consumer};

}  // namespace ottla::cli
