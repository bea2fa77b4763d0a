#include "broker/replica/batch_pieces.h"

#include <gtest/gtest.h>

#include <random>

#include "common/record/record_batch_builder.h"

namespace ottla::replica {
namespace {

std::vector<std::byte> batches(int count) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < count; ++i) {
    record::RecordBatchBuilder builder({.base_offset = Offset(i)});
    builder.append(1000 + i, as_bytes("key"),
                   as_bytes(std::string(static_cast<std::size_t>(i) * 37, 'x')));
    const SharedBuffer batch = builder.build().value();
    bytes.insert(bytes.end(), batch->bytes().begin(), batch->bytes().end());
  }
  return bytes;
}

std::vector<std::byte> join(const BatchPieces& pieces) {
  std::vector<std::byte> bytes;
  for (const ByteView piece : pieces.pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
  return bytes;
}

TEST(BatchPieces, OnePieceIsNotCopied) {
  const std::vector<std::byte> bytes = batches(5);
  const std::vector<MemoryRange> received{{nullptr, bytes}};
  const BatchPieces pieces = whole_batches(received).value();
  ASSERT_EQ(pieces.pieces.size(), 1U);
  EXPECT_EQ(pieces.pieces[0].data(), bytes.data());
  EXPECT_EQ(pieces.pieces[0].size(), bytes.size());
  EXPECT_TRUE(pieces.copies.empty());
}

TEST(BatchPieces, AnyCutsGiveTheSameBytesInWholeBatches) {
  const std::vector<std::byte> bytes = batches(8);
  std::mt19937 random(3);
  for (int run = 0; run < 2'000; ++run) {
    std::vector<std::vector<std::byte>> parts;
    std::vector<MemoryRange> received;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = std::min<std::size_t>(random() % 400, bytes.size() - at);
      parts.emplace_back(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                         bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
      at += size;
    }
    for (const auto& part : parts) received.push_back({nullptr, part});
    const auto pieces = whole_batches(received);
    ASSERT_TRUE(pieces);
    ASSERT_EQ(join(*pieces), bytes);
    for (const ByteView piece : pieces->pieces) {
      record::BatchIterator iterator(piece);
      while (iterator.next().value()) {
      }
      ASSERT_EQ(iterator.position(), piece.size());
    }
  }
}

TEST(BatchPieces, BytesThatEndInsideABatchAreRefused) {
  const std::vector<std::byte> bytes = batches(2);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const std::vector<MemoryRange> received{{nullptr, ByteView(bytes).first(size)}};
    record::BatchIterator iterator(ByteView(bytes).first(size));
    while (iterator.next().value()) {
    }
    EXPECT_EQ(whole_batches(received).has_value(), iterator.position() == size) << size;
  }
}

TEST(BatchPieces, AHostileLengthIsRefused) {
  std::vector<std::byte> bytes = batches(1);
  for (const std::int32_t length : {-1, 0, INT32_MIN, INT32_MAX}) {
    store_big_endian(bytes.data() + 8, length);
    const std::vector<MemoryRange> received{{nullptr, bytes}};
    EXPECT_FALSE(whole_batches(received));
  }
}

}  // namespace
}  // namespace ottla::replica
