#pragma once

#include <string>

#include "common/record/record_batch_builder.h"

namespace ottla::micro {

/// A batch of `records` values of that size, of words, so that they compress.
inline SharedBuffer make_batch(int records, std::size_t value_size,
                               record::Codec codec = record::Codec::None) {
  record::RecordBatchBuilder builder({.codec = codec});
  std::uint32_t state = 1;
  for (int i = 0; i < records; ++i) {
    std::string value;
    while (value.size() < value_size) {
      state = state * 1664525U + 1013904223U;
      value += std::to_string((state >> 22) * 7919) + ' ';  // one of a thousand words
    }
    value.resize(value_size);
    builder.append(1'700'000'000'000 + i, std::nullopt, as_bytes(value));
  }
  return builder.build().value();
}

}  // namespace ottla::micro
