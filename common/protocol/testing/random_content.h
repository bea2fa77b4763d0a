#pragma once

#include <concepts>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/uuid.h"
#include "common/protocol/records.h"

namespace ottla::protocol {

/// Random values for fields, the same ones for the same seed. Owns the bytes behind views.
class RandomContent {
 public:
  explicit RandomContent(std::uint64_t seed) : engine_(seed) {}

  [[nodiscard]] std::uint64_t next() { return engine_(); }
  [[nodiscard]] std::size_t below(std::size_t limit) { return next() % limit; }
  /// True now and then, if allowed.
  [[nodiscard]] bool chance(bool allowed) { return allowed && below(4) == 0; }

  void fill(bool& to) { to = below(2) == 1; }
  template <std::integral T>
  void fill(T& to) {
    to = static_cast<T>(next() >> below(64));
  }
  template <class Tag, class Rep>
  void fill(Id<Tag, Rep>& to) {
    Rep value{};
    fill(value);
    to = Id<Tag, Rep>(value);
  }
  void fill(double& to) { to = static_cast<double>(next() % 100000) / 8; }
  void fill(ErrorCode& to) { to = static_cast<ErrorCode>(static_cast<std::int16_t>(next())); }
  void fill(Uuid& to);
  void fill(std::string& to);
  void fill(ByteView& to) { to = bytes(); }
  void fill(Records& to) { to = chance(true) ? Records() : Records(bytes()); }
  template <class T>
  void fill_nullable(std::optional<T>& to, bool allowed) {
    to.reset();
    if (!chance(allowed)) fill(to.emplace());
  }
  template <class T>
  [[nodiscard]] bool fill_array(std::vector<T>& to) {
    to.clear();
    to.resize(below(4));
    return !to.empty();
  }
  template <class T>
  [[nodiscard]] bool fill_array(std::optional<std::vector<T>>& to, bool allowed) {
    to.reset();
    return !chance(allowed) && fill_array(to.emplace());
  }

 private:
  [[nodiscard]] MutableByteView bytes();

  std::mt19937_64 engine_;
  std::deque<std::vector<std::byte>> owned_;
};

}  // namespace ottla::protocol
