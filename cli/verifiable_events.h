#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include <librdkafka/rdkafka.h>
#include <boost/json.hpp>

namespace ottla::cli {

/// The lines of the verifiable tools: one JSON object each, seen at once by who reads along.
class VerifiableEvents {
 public:
  explicit VerifiableEvents(std::ostream& out) : out_(out) {}

  /// `{"timestamp":<ms>,"name":"<name>",<fields>}`, in this order.
  void tell(std::string_view name, const boost::json::object& fields = {});
  /// The same with a last field that is no whole number; Boost.JSON writes those as 1E1.
  void tell(std::string_view name, const boost::json::object& fields, std::string_view last_name,
            double last_value);

 private:
  std::ostream& out_;
};

/// A decimal fraction as Java prints it, `10.0` for ten.
[[nodiscard]] std::string decimal_text(double number);

/// The class that Kafka's Java client throws for this error: what checks of the events look for.
[[nodiscard]] std::string java_exception_of(rd_kafka_resp_err_t error);

/// A record's key or value; null stays null.
[[nodiscard]] boost::json::value event_text(const void* data, std::size_t size);

}  // namespace ottla::cli
