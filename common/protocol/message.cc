#include "common/protocol/message.h"

#include <algorithm>
#include <optional>

namespace ottla::protocol {

tl::unexpected<Error> fail_version(std::string_view message, ApiVersion version) {
  return fail(ErrorCode::UnsupportedVersion,
              std::string(message) + " has no version " + std::to_string(version.value()));
}

bool same_bytes(ByteView a, ByteView b) {
  return std::ranges::equal(a, b);
}

bool same_bytes(const std::optional<ByteView>& a, const std::optional<ByteView>& b) {
  return a.has_value() == b.has_value() && (!a || same_bytes(*a, *b));
}

}  // namespace ottla::protocol
