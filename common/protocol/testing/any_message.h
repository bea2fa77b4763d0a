#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/protocol/api.h"
#include "common/protocol/reader.h"
#include "common/protocol/testing/random_content.h"
#include "common/protocol/writer.h"

namespace ottla::protocol {

/// A message whose type is known at run time only.
class AnyMessage {
 public:
  virtual ~AnyMessage() = default;
  /// Fills in every field that the version has.
  virtual void fill(RandomContent& random, ApiVersion version) = 0;
  [[nodiscard]] virtual Result<> decode(Reader& in, ApiVersion version) = 0;
  [[nodiscard]] virtual Result<> encode(Writer& out, ApiVersion version) const = 0;
  [[nodiscard]] virtual std::string print() const = 0;
  /// `other` is of the same type.
  [[nodiscard]] virtual bool equals(const AnyMessage& other) const = 0;
};

enum class Direction : std::uint8_t { Request, Response, Neither };

struct MessageType {
  std::string_view name;
  std::optional<ApiKey> key;
  Direction direction;
  VersionRange versions;
  std::int16_t first_flexible;
  std::unique_ptr<AnyMessage> (*make)();
};

/// Every message of proto/kafka.
[[nodiscard]] std::span<const MessageType> all_messages();
/// Null if there is none.
[[nodiscard]] const MessageType* find_message(ApiKey key, Direction direction);

}  // namespace ottla::protocol
