#pragma once

#include "common/record/record_batch.h"
#include "common/record/validation.h"

namespace ottla::record {

/// Reads all records of `batches` (formats 0 and 1, or one batch of format 2), checks each against
/// the topic's rules, and writes them as one new v2 batch in `target` codec with offsets from 0.
/// Producer state of a v2 batch is kept; format 0 has no timestamps, so its records get
/// kNoTimestamp.
///
/// The batches' own checksums have been verified; those of messages inside a wrapper are here.
[[nodiscard]] tl::expected<ValidatedRecords, ValidationFailure> rebuild_records(
    ByteView batches, Codec target, const ValidationOptions& options);

}  // namespace ottla::record
