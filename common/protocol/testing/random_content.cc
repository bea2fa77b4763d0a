#include "common/protocol/testing/random_content.h"

namespace ottla::protocol {

void RandomContent::fill(Uuid& to) {
  to = chance(true) ? Uuid() : Uuid(next(), next());
}

void RandomContent::fill(std::string& to) {
  to.resize(below(40));
  for (char& c : to) c = static_cast<char>(next());
}

MutableByteView RandomContent::bytes() {
  std::vector<std::byte>& bytes = owned_.emplace_back(below(300));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(next());
  return bytes;
}

}  // namespace ottla::protocol
