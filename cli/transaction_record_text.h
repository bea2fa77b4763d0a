#pragma once

#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "common/base/bytes.h"

namespace ottla::cli {

/// A record of __transaction_state for people, in the words of Kafka's kafka-dump-log.
struct TransactionRecordText {
  std::string key;
  std::optional<std::string> payload;  ///< "<DELETE>" for a tombstone; none for an unknown key.
};
/// What cannot be understood says so.
[[nodiscard]] TransactionRecordText transaction_record_text(std::optional<ByteView> key,
                                                            std::optional<ByteView> value);

/// {"key": {"version", "data"}, "value": {"version", "data"} or null}, as Kafka's formatter of
/// console-consumer has it. Nullopt: without a key that has a version.
[[nodiscard]] std::optional<boost::json::object> transaction_record_json(
    std::optional<ByteView> key, std::optional<ByteView> value);
/// `tx::TransactionMetadata(transactionalId=tx, ..)`, of that formatter before 3.9, from the "data"
/// of key and value; without a value it is a tombstone.
[[nodiscard]] std::string transaction_record_old_text(const boost::json::object& key,
                                                      const boost::json::object* value);

}  // namespace ottla::cli
