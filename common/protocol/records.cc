#include "common/protocol/records.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace ottla::protocol {
namespace {

/// All bytes in one place, or nothing if some of them are in a file.
std::optional<std::vector<std::byte>> gathered(const Records& records) {
  std::vector<std::byte> bytes;
  if (const Payload* payload = records.payload()) {
    for (const PayloadPiece& piece : payload->pieces()) {
      const auto* memory = std::get_if<MemoryRange>(&piece);
      if (memory == nullptr) return std::nullopt;
      bytes.insert(bytes.end(), memory->bytes.begin(), memory->bytes.end());
    }
  } else {
    bytes.assign(records.bytes().begin(), records.bytes().end());
  }
  return bytes;
}

bool same_range(const PayloadPiece& a, const PayloadPiece& b) {
  const auto* left = std::get_if<FileRange>(&a);
  const auto* right = std::get_if<FileRange>(&b);
  if (left != nullptr && right != nullptr) {
    return left->fd == right->fd && left->position == right->position &&
           left->length == right->length;
  }
  if (left != nullptr || right != nullptr) return false;
  return std::ranges::equal(std::get<MemoryRange>(a).bytes, std::get<MemoryRange>(b).bytes);
}

}  // namespace

std::uint64_t Records::size() const {
  if (const Payload* out = payload()) return out->size();
  return bytes().size();
}

MutableByteView Records::bytes() const {
  const auto* view = std::get_if<MutableByteView>(&held_);
  return view != nullptr ? *view : MutableByteView{};
}

bool operator==(const Records& a, const Records& b) {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  if (a.size() != b.size()) return false;
  if (const auto left = gathered(a), right = gathered(b); left && right) return left == right;
  if (a.payload() == nullptr || b.payload() == nullptr) return false;
  return std::ranges::equal(a.payload()->pieces(), b.payload()->pieces(), same_range);
}

}  // namespace ottla::protocol
