#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/storage/damaged_batch.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"

namespace ottla::storage {

class Log;

/// Which logs the cleaner could not clean, and when it tries again: after 30 s, then after twice as
/// long each time, up to half an hour; and which batches it left as they are in the others (N20).
/// A log that was made anew under the same name is another one. Pure. Thread: one.
class UncleanableLogs {
 public:
  static constexpr std::chrono::seconds kFirstRetry{30};
  static constexpr std::chrono::minutes kLastRetry{30};

  struct Entry {
    TopicPartition partition;
    std::string reason;
    std::string directory;    ///< The log dir.
    std::uint64_t bytes = 0;  ///< That wait for the cleaner.
    std::int32_t attempts = 0;
    env::MonotonicTime retry_at{};
  };

  /// The attempt failed; `seen` says why, of what. Returns the entry with the time of the next one.
  const Entry& failed(const std::shared_ptr<Log>& log, Entry seen, env::MonotonicTime now);
  /// Whether its time has not come yet. `waiting_bytes` is what is shown of it.
  [[nodiscard]] bool must_wait(const std::shared_ptr<Log>& log, std::uint64_t waiting_bytes,
                               env::MonotonicTime now);
  /// It was cleaned, but for these batches. Returns those that were not known, and whether the log
  /// had been set apart.
  struct News {
    bool is_back = false;
    std::vector<DamagedBatch> damaged;
  };
  News cleaned(const std::shared_ptr<Log>& log, const std::string& directory,
               const std::map<Offset, DamagedBatch>& damaged);

  [[nodiscard]] std::vector<Entry> entries() const;
  /// Of all logs in each log dir.
  [[nodiscard]] std::map<std::string, std::size_t> damaged_batches() const;

 private:
  struct Damage {
    std::string directory;
    std::map<Offset, DamagedBatch> batches;
  };
  template <class T>
  using ByLog = std::map<std::weak_ptr<Log>, T, std::owner_less<>>;

  /// Logs that are gone.
  void forget_gone();

  ByLog<Entry> entries_;
  ByLog<Damage> damage_;
};

}  // namespace ottla::storage
