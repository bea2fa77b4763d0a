#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/payload.h"
#include "common/base/uuid.h"
#include "common/protocol/records.h"
#include "common/protocol/version.h"

namespace ottla::protocol {

/// Writes Kafka's primitive types into a Payload: chunks of memory of its own, and between them
/// the pieces of records, which are not copied. After the first failure `status` tells it and what
/// was written is of no use.
class Writer {
 public:
  explicit Writer(std::size_t first_chunk = kFirstChunk) : next_chunk_(first_chunk) {}
  Writer(Writer&&) = default;
  Writer& operator=(Writer&&) = default;

  /// Compact lengths (unsigned varint of the length plus one) and tagged fields, KIP-482.
  void set_flexible(bool flexible) { flexible_ = flexible; }
  [[nodiscard]] bool flexible() const { return flexible_; }

  void write(bool value) { write(static_cast<std::int8_t>(value ? 1 : 0)); }
  template <std::integral T>
  void write(T value) {
    store_big_endian(extend(sizeof(T)), value);
  }
  template <class Tag, class Rep>
  void write(Id<Tag, Rep> value) {
    write(value.value());
  }
  void write(ErrorCode code) { write(static_cast<std::int16_t>(code)); }
  void write(double value) { write(std::bit_cast<std::uint64_t>(value)); }
  void write(const Uuid& value) { value.store(extend(16)); }
  void write(const std::string& value) { write(std::string_view(value)); }
  void write(std::string_view value);
  void write(ByteView value);
  void write(const Records& value);
  /// `allowed`: whether the version knows null here.
  void write_nullable(const std::optional<std::string>& value, bool allowed);
  void write_nullable(const std::optional<ByteView>& value, bool allowed);
  /// With an int16 length even in flexible versions (client id of the request header).
  void write_classic(const std::optional<std::string>& value);

  /// Writes an array's count; the caller writes the elements. False: none to write.
  template <class T>
  [[nodiscard]] bool begin_array(const std::vector<T>& array) {
    write_length(static_cast<std::int64_t>(array.size()));
    return !array.empty();
  }
  template <class T>
  [[nodiscard]] bool begin_array(const std::optional<std::vector<T>>& array, bool allowed) {
    if (array) return begin_array(*array);
    write_null_length(allowed);
    return false;
  }
  /// Writes whether a struct that may be null is there; returns `present`.
  [[nodiscard]] bool begin_struct(bool present, bool allowed);

  void write_unsigned_varint(std::uint32_t value);
  void write_varint(std::int32_t value);
  void write_varlong(std::int64_t value);
  /// Bytes as they are, without a length.
  void write_raw(ByteView bytes);
  /// Room for a number that is known later; the place stays valid until `finish`.
  [[nodiscard]] std::byte* reserve(std::size_t size) { return extend(size); }

  /// The end of a struct without tagged fields; nothing in versions that are not flexible.
  void write_no_tagged_fields() {
    if (flexible_) write_unsigned_varint(0);
  }
  /// A writer for the content of a tagged field, which is preceded by its size.
  [[nodiscard]] Writer nested() const;
  void write_tagged(std::uint32_t tag, Writer field);

  [[nodiscard]] std::uint64_t size() const {
    return payload_.size() + static_cast<std::uint64_t>(at_ - unsent_);
  }

  void fail_unsupported(std::string_view field, std::int16_t version);
  void fail(ErrorCode code, std::string message);
  [[nodiscard]] Result<> status() const;

  /// What was written. The writer is empty then.
  [[nodiscard]] Payload finish();

 private:
  static constexpr std::size_t kFirstChunk = 256;
  static constexpr std::size_t kLargestChunk = 65536;

  /// Place for `size` bytes in one piece.
  [[nodiscard]] std::byte* extend(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) new_chunk(size);
    std::byte* at = at_;
    at_ += size;
    return at;
  }
  void new_chunk(std::size_t least);
  /// Moves what the chunk has got so far to the payload.
  void flush();
  void write_length(std::int64_t length);
  void write_null_length(bool allowed);

  Payload payload_;
  SharedBuffer chunk_;
  std::byte* unsent_ = nullptr;  // what is between here and at_ is not yet in the payload
  std::byte* at_ = nullptr;
  std::byte* end_ = nullptr;
  std::size_t next_chunk_;
  std::optional<Error> error_;
  bool flexible_ = false;
};

}  // namespace ottla::protocol
