#pragma once

#include <set>
#include <string>

#include "broker/metadata/metadata_image.h"

namespace ottla::group {

/// Topics of `before` that are gone in `after`, or were made again there under another id. A topic
/// that only got its id, in a cluster that is being upgraded from a Kafka without topic ids, is
/// the same.
[[nodiscard]] std::set<std::string> deleted_topics(const metadata::MetadataImage& before,
                                                   const metadata::MetadataImage& after);

}  // namespace ottla::group
