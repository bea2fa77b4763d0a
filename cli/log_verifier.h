#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/env/file_system.h"

namespace ottla::cli {

/// Something in a log dir that is not as it should be.
struct Finding {
  enum class Severity : std::uint8_t {
    Note,   ///< What a start repairs without loss, or what is only unusual.
    Damage  ///< Records, or what is needed to serve them, are not what was written.
  };
  Severity severity = Severity::Damage;
  std::string file;
  std::optional<std::uint64_t> position;  ///< In bytes, where the file has such a place.
  std::string problem;
};

/// What was looked at, and what was found.
struct Verification {
  std::size_t partitions = 0;
  std::size_t segments = 0;
  std::size_t batches = 0;
  std::uint64_t bytes = 0;  ///< Of .log files.
  /// Called now and then, if it is there: `bytes` tells how far it is.
  std::function<void(const Verification& so_far)> watcher{};
  std::vector<Finding> findings;

  void damage(std::string file, std::string problem,
              std::optional<std::uint64_t> position = std::nullopt) {
    findings.push_back({Finding::Severity::Damage, std::move(file), position, std::move(problem)});
  }
  void note(std::string file, std::string problem,
            std::optional<std::uint64_t> position = std::nullopt) {
    findings.push_back({Finding::Severity::Note, std::move(file), position, std::move(problem)});
  }
  [[nodiscard]] std::size_t count(Finding::Severity severity) const;
};

/// What is known of a partition from outside of its directory.
struct PartitionContext {
  Offset log_start;                      ///< Records below it are deleted, though still there.
  bool ended_cleanly = false;            ///< Else the tail, and indexes there, may be unfinished.
  std::optional<Offset> recovery_point;  ///< Below it all is flushed.
  std::optional<Offset> cleaner_point;   ///< Below it compaction may have left gaps.
};

/// Where the segments of a partition begin and end (exclusive).
struct PartitionEnds {
  Offset first;
  Offset end;
};

/// Reads a partition's directory as a whole: every batch (structure, CRC, offsets, leader epochs),
/// indexes against their segment, producer snapshots, the leader epoch checkpoint, the topic id.
/// Nothing is changed; the broker should not run. Errors: of the disk. What is damaged is found.
Result<PartitionEnds> verify_partition(env::FileSystem& files, const std::string& directory,
                                       const PartitionContext& context, Verification& found);

/// Verifies one partition's directory, or a log dir with all its partitions, its checkpoints and
/// meta.properties. Errors: InvalidRequest if it is neither; those of the disk.
Result<> verify_directory(env::FileSystem& files, const std::string& directory,
                          Verification& found);

}  // namespace ottla::cli
