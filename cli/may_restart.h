#pragma once

#include "cli/flags.h"
#include "cli/tool.h"
#include "common/base/error.h"

namespace ottla::cli {

/// `ottla cluster may-restart --broker ID,..`: whether taking these brokers down now, all at the
/// same time, would make partitions unavailable, lose records that only they have (acks=1, or an
/// unclean election), block acks=all, or leave fewer copies than there should be (N10). What none
/// of them has a part in does not count (N11). Prints the answer. Errors: InvalidRequest when
/// something speaks against it, with each objection and its partitions.
[[nodiscard]] Result<> answer_may_restart(const Arguments& arguments, Console& console);

}  // namespace ottla::cli
