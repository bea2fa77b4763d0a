// Feeds bytes to a client's side. The first two bytes say which API and version was asked.
#include <cstddef>
#include <cstdint>

#include "common/protocol/frame.h"
#include "common/protocol/testing/any_message.h"
#include "common/protocol/testing/check_decoding.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ottla::protocol;
  if (size < 2) return 0;
  const auto apis = all_apis();
  const ApiInfo& api = apis[data[0] % apis.size()];
  const ApiVersion version(data[1]);
  const auto frame = ottla::Buffer::copy_of(
      ottla::ByteView(reinterpret_cast<const std::byte*>(data + 2), size - 2));
  const auto response = parse_response(frame->bytes(), api.key, version);
  if (!response) return 0;
  check_decoding(*find_message(api.key, Direction::Response), version, response->body);
  return 0;
}
