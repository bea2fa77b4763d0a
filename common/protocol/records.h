#pragma once

#include <cstdint>
#include <utility>
#include <variant>

#include "common/base/bytes.h"
#include "common/base/payload.h"

namespace ottla::protocol {

/// The records field of Produce and Fetch; its bytes are never copied on the way.
///
/// Decoded, it is a view into the request's frame, writable because produce stamps offsets and
/// leader epochs in place. To be encoded, it is either a Payload (file ranges or owned memory,
/// sent as they are), or a view, whose bytes are copied into the message since nobody owns them.
class Records {
 public:
  /// Null.
  Records() = default;
  explicit Records(MutableByteView view) : held_(view) {}
  explicit Records(Payload payload) : held_(std::move(payload)) {}

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(held_); }
  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }

  /// The bytes of a decoded field; empty for null and for a Payload.
  [[nodiscard]] MutableByteView bytes() const;
  /// Null unless made from a Payload.
  [[nodiscard]] const Payload* payload() const { return std::get_if<Payload>(&held_); }

  /// Same bytes. Two payloads with file ranges are the same only if their ranges are.
  friend bool operator==(const Records& a, const Records& b);

 private:
  std::variant<std::monostate, MutableByteView, Payload> held_;
};

}  // namespace ottla::protocol
