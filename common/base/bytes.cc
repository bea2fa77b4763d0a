#include "common/base/bytes.h"

namespace ottla {

SharedBuffer Buffer::copy_of(ByteView bytes) {
  auto copy = std::make_shared<Buffer>(bytes.size());
  if (!bytes.empty()) std::memcpy(copy->data(), bytes.data(), bytes.size());
  return copy;
}

}  // namespace ottla
