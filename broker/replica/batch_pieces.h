#pragma once

#include <span>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/payload.h"

namespace ottla::replica {

/// Record batches as a log takes them: each piece holds whole batches.
struct BatchPieces {
  std::vector<ByteView> pieces;
  std::vector<SharedBuffer> copies;  ///< Batches that the network had cut; owned here.
};

/// Regroups received bytes, which are cut anywhere, into pieces of whole batches. Only a batch that
/// lies across a cut is copied. Looks at lengths only. Errors: CorruptMessage for a length that
/// cannot be, or bytes that end inside a batch.
[[nodiscard]] Result<BatchPieces> whole_batches(std::span<const MemoryRange> received);

}  // namespace ottla::replica
