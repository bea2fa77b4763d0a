// Feeds bytes to a broker's side: header, then the body of whatever API the header names.
#include <cstddef>
#include <cstdint>

#include "common/protocol/frame.h"
#include "common/protocol/testing/any_message.h"
#include "common/protocol/testing/check_decoding.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ottla::protocol;
  const auto frame =
      ottla::Buffer::copy_of(ottla::ByteView(reinterpret_cast<const std::byte*>(data), size));
  const auto request = parse_request(frame->bytes());
  if (!request || request->info == nullptr) return 0;
  check_decoding(*find_message(request->info->key, Direction::Request), request->version,
                 request->body);
  return 0;
}
