#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/env/file_system.h"

namespace ottla::storage {

/// A batch that cannot be read, between others that can.
struct DamagedBatch {
  Offset offset;  ///< As the framing says.
  std::string file{};
  std::uint64_t position = 0;
  std::uint64_t bytes = 0;
  std::string cause{};
};

/// How many bytes the damaged batch at `position` takes, if its framing (offset and length, which
/// no checksum covers) can be believed: the offset lies in [least, limit), and behind the batch
/// there is `end`, a sound batch of a later offset, or another damaged one of which the same holds.
/// Nullopt: nobody can tell where the next batch begins. `vouched_to` is how far this was found out
/// before, 0 at first. Errors: KafkaStorageError.
[[nodiscard]] Result<std::optional<DamagedBatch>> measure_damaged_batch(const env::File& file,
                                                                        std::uint64_t position,
                                                                        std::uint64_t end,
                                                                        Offset least, Offset limit,
                                                                        std::uint64_t& vouched_to);

}  // namespace ottla::storage
