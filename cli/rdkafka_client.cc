#include "cli/rdkafka_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <map>
#include <string_view>

namespace ottla::cli {
namespace {

// Names that Java's clients have and librdkafka knows under another one.
const std::map<std::string_view, std::string_view, std::less<>>& translated_names() {
  static const std::map<std::string_view, std::string_view, std::less<>> kNames = {
      {"delivery.timeout.ms", "message.timeout.ms"},
      {"max.request.size", "message.max.bytes"},
      {"metadata.max.age.ms", "topic.metadata.refresh.interval.ms"},
      {"receive.buffer.bytes", "socket.receive.buffer.bytes"},
      {"reconnect.backoff.max.ms", "reconnect.backoff.max.ms"},
      {"sasl.mechanism", "sasl.mechanisms"},
      {"send.buffer.bytes", "socket.send.buffer.bytes"},
      {"ssl.keystore.location", "ssl.keystore.location"},
      {"ssl.truststore.location", "ssl.ca.location"},
  };
  return kNames;
}

// Settings that mean nothing outside Java's clients.
constexpr std::array<std::string_view, 20> kJavaOnly = {
    "auto.include.jmx.reporter",
    "buffer.memory",
    "default.api.timeout.ms",
    "enable.metrics.push",  // nobody asks for them here (KIP-714)
    "exclude.internal.topics",
    "group.protocol",  // checked
    "group.remote.assignor",
    "interceptor.classes",
    "key.deserializer",
    "key.serializer",
    "max.block.ms",
    "max.poll.records",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "partitioner.class",
    "request.timeout.ms",  // of a consumer; a producer sets it itself
    "value.deserializer",
    "value.serializer",
};

volatile std::sig_atomic_t stop_signal = 0;
extern "C" void on_stop_signal(int signal) {
  stop_signal = signal;
}

void log_nothing_but_errors(const rd_kafka_t*, int level, const char* facility, const char* text) {
  constexpr int kError = 3;  // syslog's
  if (level <= kError) std::fprintf(stderr, "%s: %s\n", facility, text);
}

}  // namespace

tl::unexpected<Error> rdkafka_failure(std::string_view what, rd_kafka_resp_err_t error) {
  const auto known = error > 0 ? error_code_from(static_cast<std::int16_t>(error)) : std::nullopt;
  return fail(
      known.value_or(ErrorCode::UnknownServerError),
      std::string(what) + ": " + rd_kafka_err2str(error) + " (" + rd_kafka_err2name(error) + ")");
}

bool is_passing(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      return true;
    default:
      return false;
  }
}

Result<> check_group_protocol(std::string_view given, const std::string& protocol) {
  const bool is_classic = std::ranges::equal(protocol, std::string_view("classic"), {}, [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  if (is_classic) return {};
  return fail(
      ErrorCode::InvalidRequest,
      std::string(given) +
          ": must be classic, the one group protocol of a cluster with ZooKeeper (Kafka has "
          "the one of KIP-848 with KRaft only)");
}

Result<RdKafka<rd_kafka_conf_t>> rdkafka_conf(const config::Properties& properties,
                                              Console& console) {
  RdKafka<rd_kafka_conf_t> conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), log_nothing_but_errors);
  for (const auto& [name, value] : properties) {
    if (name == "group.protocol") OTTLA_TRY_VOID(check_group_protocol(name + "=" + value, value));
    std::string known = name;
    if (const auto translated = translated_names().find(name);
        translated != translated_names().end()) {
      known = translated->second;
    }
    std::array<char, 512> text{};
    const auto result =
        rd_kafka_conf_set(conf.get(), known.c_str(), value.c_str(), text.data(), text.size());
    if (result == RD_KAFKA_CONF_INVALID) {
      return fail(ErrorCode::InvalidConfig, name + "=" + value + ": " + text.data());
    }
    const bool java_only = std::ranges::find(kJavaOnly, name) != kJavaOnly.end();
    if (result == RD_KAFKA_CONF_UNKNOWN && !java_only) {
      console.err << "WARNING: " << name << ": unknown client setting, ignored\n";
    }
  }
  return conf;
}

Result<RdKafka<rd_kafka_t>> rdkafka_client(rd_kafka_type_t type, RdKafka<rd_kafka_conf_t> conf) {
  std::array<char, 512> text{};
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), text.data(), text.size());
  if (client == nullptr) return fail(ErrorCode::InvalidConfig, text.data());
  (void)conf.release();  // the client owns it now
  return RdKafka<rd_kafka_t>(client);
}

Result<std::string> bootstrap_servers(const Arguments& arguments) {
  const auto servers = arguments.has("bootstrap-server") ? arguments.value("bootstrap-server")
                                                         : arguments.value("broker-list");
  if (!servers) return fail(ErrorCode::InvalidRequest, "--bootstrap-server is missing");
  return *servers;
}

bool told_to_stop() {
  static const bool listening = [] {
    std::signal(SIGINT, on_stop_signal);
    std::signal(SIGTERM, on_stop_signal);
    return true;
  }();
  return listening && stop_signal != 0;
}

}  // namespace ottla::cli
