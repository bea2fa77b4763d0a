#include "common/protocol/testing/any_message.h"

#include <algorithm>
#include <vector>

namespace ottla::protocol {

// Generated: proto/kafka/generator/tables.py.
void add_messages_0(std::vector<MessageType>& to);
void add_messages_1(std::vector<MessageType>& to);
void add_messages_2(std::vector<MessageType>& to);
void add_messages_3(std::vector<MessageType>& to);

std::span<const MessageType> all_messages() {
  static const std::vector<MessageType> registered = [] {
    std::vector<MessageType> types;
    add_messages_0(types);
    add_messages_1(types);
    add_messages_2(types);
    add_messages_3(types);
    std::ranges::sort(types, {}, &MessageType::name);
    return types;
  }();
  return registered;
}

const MessageType* find_message(ApiKey key, Direction direction) {
  const auto types = all_messages();
  const auto at = std::ranges::find_if(types, [&](const MessageType& type) {
    return type.key == key && type.direction == direction;
  });
  return at != types.end() ? &*at : nullptr;
}

}  // namespace ottla::protocol
