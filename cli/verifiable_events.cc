#include "cli/verifiable_events.h"

#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "common/base/error.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

// Those whose names do not follow from the name of the code.
constexpr std::pair<rd_kafka_resp_err_t, std::string_view> kIrregular[] = {
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, "TimeoutException"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, "TimeoutException"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, "TimeoutException"},
    {RD_KAFKA_RESP_ERR__TRANSPORT, "NetworkException"},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "NetworkException"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "UnknownTopicOrPartitionException"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "UnknownTopicOrPartitionException"},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, "TimeoutException"},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "RecordTooLargeException"},
    {RD_KAFKA_RESP_ERR_UNKNOWN, "UnknownServerException"},
};

/// `NOT_ENOUGH_REPLICAS` -> `NotEnoughReplicasException`.
std::string class_of(std::string_view code) {
  std::string name;
  bool begins_word = true;
  for (const char c : code) {
    const bool is_letter = c >= 'A' && c <= 'Z';
    if (c != '_') name += is_letter && !begins_word ? static_cast<char>(c - 'A' + 'a') : c;
    begins_word = c == '_';
  }
  return name.ends_with("Exception") ? name : name + "Exception";
}

std::string line_of(std::string_view name, const json::object& fields) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  json::object event{
      {"timestamp", std::chrono::duration_cast<std::chrono::milliseconds>(now).count()},
      {"name", name}};
  for (const auto& field : fields) event.insert(field);
  return json::serialize(event);
}

}  // namespace

void VerifiableEvents::tell(std::string_view name, const json::object& fields) {
  out_ << line_of(name, fields) << std::endl;
}

void VerifiableEvents::tell(std::string_view name, const json::object& fields,
                            std::string_view last_name, double last_value) {
  std::string line = line_of(name, fields);
  line.pop_back();
  out_ << line << ",\"" << last_name << "\":" << decimal_text(last_value) << "}" << std::endl;
}

std::string decimal_text(double number) {
  std::array<char, 400> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::fixed)
          .ptr;
  std::string text(digits.data(), end);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string java_exception_of(rd_kafka_resp_err_t error) {
  const std::string package = "org.apache.kafka.common.errors.";
  for (const auto& [code, name] : kIrregular) {
    if (code == error) return package + std::string(name);
  }
  const auto known = error > 0 ? error_code_from(static_cast<std::int16_t>(error)) : std::nullopt;
  return known ? package + class_of(name_of(*known)) : "org.apache.kafka.common.KafkaException";
}

json::value event_text(const void* data, std::size_t size) {
  if (data == nullptr) return nullptr;
  return json::value(json::string_view(static_cast<const char*>(data), size));
}

}  // namespace ottla::cli
