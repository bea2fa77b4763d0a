#pragma once

#include <optional>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "common/base/bytes.h"

namespace ottla::cli {

/// A record of __consumer_offsets for people, in the JSON of Kafka's kafka-dump-log: version and
/// fields of key and value, and in them the consumers' subscriptions and assignments.
struct GroupRecordText {
  std::string key;
  std::string payload;  ///< "<DELETE>" for a tombstone.
};
/// The same in parts, as Kafka's formatters of console-consumer have it: versions are numbers, and
/// what members said (subscription, assignment) is Base64.
struct GroupRecordJson {
  std::int16_t type = -1;      ///< 0, 1: an offset; 2: a group; 20000: an offset that has ended.
  boost::json::object key;     ///< {"version", "data"}
  boost::json::value value;    ///< {"version", "data"}; null for a tombstone.
  bool is_understood = false;  ///< Else "data" of key or value is "unknown".
};
/// Nullopt: without a key that has a version.
[[nodiscard]] std::optional<GroupRecordJson> group_record_json(std::optional<ByteView> key,
                                                               std::optional<ByteView> value);

/// What cannot be understood says so.
[[nodiscard]] GroupRecordText group_record_text(std::optional<ByteView> key,
                                                std::optional<ByteView> value);

}  // namespace ottla::cli
