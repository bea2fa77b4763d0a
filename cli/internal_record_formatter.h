#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "cli/record_formatter.h"
#include "common/base/error.h"

namespace ottla::cli {

/// What Kafka's formatters of console-consumer for its own topics print: OffsetsMessageFormatter
/// and GroupMetadataMessageFormatter of __consumer_offsets, TransactionLogMessageFormatter of
/// __transaction_state. Those of org.apache.kafka.tools.consumer (3.9) print JSON, those that it
/// calls deprecated (kafka.coordinator..) the text of before. Records that are not of the
/// formatter's kind are left out. Unlike Kafka's 3.9.1 each JSON has a line of its own.
class InternalRecordFormatter {
 public:
  /// The formatter of a Java class; nullopt if it is none of these.
  [[nodiscard]] static std::optional<InternalRecordFormatter> named(std::string_view java_class);

  /// A line without its end; nullopt: not of this kind.
  [[nodiscard]] std::optional<std::string> line(const ConsumedRecord& record) const;
  /// {"key", "value"} as in Kafka's JSON, of either class; nullopt: not of this kind.
  [[nodiscard]] std::optional<boost::json::object> json(const ConsumedRecord& record) const;

 private:
  enum class Kind { Offsets, Groups, Transactions };
  InternalRecordFormatter(Kind kind, bool is_old) : kind_(kind), is_old_(is_old) {}

  Kind kind_;
  bool is_old_;  ///< The text of before 3.9.
};

}  // namespace ottla::cli
