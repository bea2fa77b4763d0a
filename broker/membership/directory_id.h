#pragma once

#include <string>

#include "common/base/error.h"
#include "common/base/uuid.h"
#include "common/env/file_system.h"
#include "common/env/random.h"

namespace ottla::membership {

/// Beside Kafka's meta.properties, whose version 0 has no place for it; Kafka ignores the file.
inline constexpr const char* kDirectoryIdFile = "ottla.directory.id";

/// The log directory's own name, made up at its first use. It stands in the broker's registration:
/// who holds the directory's lock knows that the registration's process is gone. Called with the
/// lock held.
Result<Uuid> directory_id(env::FileSystem& files, env::Random& random,
                          const std::string& log_directory);

}  // namespace ottla::membership
