#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/uuid.h"
#include "common/protocol/records.h"
#include "common/protocol/version.h"

namespace ottla::protocol {

/// Reads Kafka's primitive types from a frame. After the first failure every read gives zero and
/// `failed` stays true, so that a decoder asks once at its end (and in loops), not at each field.
///
/// A length is believed only as far as the remaining bytes can hold it, and all arrays of a message
/// together take at most 64 MiB and four times the frame's size: an element of two bytes on the
/// wire may be a struct of 100 in memory.
class Reader {
 public:
  explicit Reader(MutableByteView bytes) : Reader(ByteView(bytes)) { writable_ = true; }
  /// For bytes that nobody may write to: messages with `records` cannot be read from them.
  explicit Reader(ByteView bytes)
      : begin_(bytes.data()),
        at_(bytes.data()),
        end_(bytes.data() + bytes.size()),
        array_room_(kFreeArrayRoom + 4 * bytes.size()) {}

  /// Compact lengths (unsigned varint of the length plus one) and tagged fields, KIP-482.
  void set_flexible(bool flexible) { flexible_ = flexible; }

  void read(bool& to) { to = read_integer<std::int8_t>() != 0; }
  template <std::integral T>
  void read(T& to) {
    to = read_integer<T>();
  }
  template <class Tag, class Rep>
  void read(Id<Tag, Rep>& to) {
    to = Id<Tag, Rep>(read_integer<Rep>());
  }
  void read(ErrorCode& to) { to = static_cast<ErrorCode>(read_integer<std::int16_t>()); }
  void read(double& to) { to = std::bit_cast<double>(read_integer<std::uint64_t>()); }
  void read(Uuid& to);
  void read(std::string& to);
  void read(ByteView& to);
  void read(Records& to);
  /// `allowed`: whether the version knows null here.
  void read_nullable(std::optional<std::string>& to, bool allowed);
  void read_nullable(std::optional<ByteView>& to, bool allowed);
  /// With an int16 length even in flexible versions (client id of the request header).
  void read_classic(std::optional<std::string>& to);

  /// Reads an array's count and makes room; the caller reads the elements. False: none to read.
  /// `smallest`: bytes that an element takes at least.
  template <class T>
  [[nodiscard]] bool begin_array(std::vector<T>& to, std::size_t smallest) {
    const std::int64_t count = array_count(smallest, sizeof(T));
    if (count < 0) fail("null for an array that cannot be null");
    to.clear();
    if (failed_) return false;
    to.resize(static_cast<std::size_t>(count));
    return count > 0;
  }
  template <class T>
  [[nodiscard]] bool begin_array(std::optional<std::vector<T>>& to, std::size_t smallest,
                                 bool allowed) {
    const std::int64_t count = array_count(smallest, sizeof(T));
    if (count < 0 && !allowed) fail("null for an array that cannot be null");
    to.reset();
    if (failed_ || count < 0) return false;
    to.emplace(static_cast<std::size_t>(count));
    return count > 0;
  }
  /// Reads whether a struct that may be null is there.
  [[nodiscard]] bool begin_struct(bool allowed);

  [[nodiscard]] std::uint32_t read_unsigned_varint();
  [[nodiscard]] std::int32_t read_varint();
  [[nodiscard]] std::int64_t read_varlong();

  /// Skips the tagged fields at the end of a struct; nothing in versions that are not flexible.
  void skip_tagged_fields();

  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }

  /// `reason` is a literal.
  void fail(const char* reason);
  [[nodiscard]] bool failed() const { return failed_; }
  /// What went wrong and at which byte. Only after a failure.
  [[nodiscard]] Error error(std::string_view message, ApiVersion version) const;

 private:
  friend class TaggedFields;

  /// Null if fewer than `size` bytes remain.
  [[nodiscard]] const std::byte* take(std::size_t size) {
    if (remaining() < size) {
      fail("the message ends too early");
      return nullptr;
    }
    const std::byte* at = at_;
    at_ += size;
    return at;
  }
  template <std::integral T>
  [[nodiscard]] T read_integer() {
    const std::byte* at = take(sizeof(T));
    return at != nullptr ? load_big_endian<T>(at) : T{};
  }
  /// -1 for null. `element` is what one takes in memory.
  [[nodiscard]] std::int64_t array_count(std::size_t smallest, std::size_t element);
  [[nodiscard]] std::int64_t string_length();
  [[nodiscard]] std::int64_t bytes_length();
  void take_string(std::string& to, std::int64_t length);

  static constexpr std::size_t kFreeArrayRoom = std::size_t{64} << 20;

  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  std::size_t array_room_;
  const char* reason_ = "";
  std::size_t failed_at_ = 0;
  bool flexible_ = false;
  bool writable_ = false;
  bool failed_ = false;
};

/// Walks over the tagged fields at the end of a struct:
///   for (TaggedFields tags(in); tags.next();) { switch (tags.tag()) {...; default: tags.skip();} }
/// The reader sees no further than the field; a field that is not read to its end is a failure.
class TaggedFields {
 public:
  explicit TaggedFields(Reader& in);
  [[nodiscard]] bool next();
  [[nodiscard]] std::uint32_t tag() const { return tag_; }
  void skip() { in_.at_ = in_.end_; }

 private:
  Reader& in_;
  const std::byte* end_;  // of the struct's surroundings
  std::uint32_t left_;
  std::uint32_t tag_ = 0;
  bool inside_ = false;
};

}  // namespace ottla::protocol
