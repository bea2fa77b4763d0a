#pragma once

#include <optional>
#include <string>

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

}  // namespace ottla::cli
