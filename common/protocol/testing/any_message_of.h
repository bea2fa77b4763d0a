#pragma once

#include <utility>
#include <vector>

#include "common/protocol/message.h"
#include "common/protocol/printer.h"
#include "common/protocol/testing/any_message.h"

namespace ottla::protocol {

template <Message M, auto Fill>
class AnyMessageOf final : public AnyMessage {
 public:
  void fill(RandomContent& random, ApiVersion version) override {
    Fill(random, message_, version.value());
  }
  Result<> decode(Reader& in, ApiVersion version) override {
    OTTLA_TRY(message_, M::decode(in, version));
    return {};
  }
  Result<> encode(Writer& out, ApiVersion version) const override {
    return message_.encode(out, version);
  }
  std::string print() const override { return to_string(message_); }
  bool equals(const AnyMessage& other) const override {
    return message_ == static_cast<const AnyMessageOf&>(other).message_;
  }

 private:
  M message_;
};

template <Message M, auto Fill>
MessageType type_of() {
  MessageType type{.name = M::kName,
                   .key = std::nullopt,
                   .direction = Direction::Neither,
                   .versions = M::kVersions,
                   .first_flexible = M::kFirstFlexible,
                   .make = []() -> std::unique_ptr<AnyMessage> {
                     return std::make_unique<AnyMessageOf<M, Fill>>();
                   }};
  if constexpr (ApiMessage<M>) {
    type.key = M::kKey;
    type.direction = M::kName.ends_with("Request") ? Direction::Request : Direction::Response;
  }
  return type;
}

}  // namespace ottla::protocol
