#pragma once

#include <optional>
#include <string>

#include "common/base/bytes.h"

namespace ottla::cli {

/// A record of __consumer_offsets for people, in the JSON of Kafka's kafka-dump-log: version and
/// fields of key and value, and in them the consumers' subscriptions and assignments.
struct GroupRecordText {
  std::string key;
  std::string payload;  ///< "<DELETE>" for a tombstone.
};
/// What cannot be understood says so.
[[nodiscard]] GroupRecordText group_record_text(std::optional<ByteView> key,
                                                std::optional<ByteView> value);

}  // namespace ottla::cli
