#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/status/sources.h"
#include "common/base/id.h"
#include "common/base/mutex.h"
#include "common/base/task.h"
#include "common/base/topic_partition.h"
#include "controller/service.h"

namespace ottla::status {

/// A group that this broker coordinates.
struct GroupStatus {
  struct Place {
    TopicPartition partition;
    Offset committed;
    /// The high watermark, of the leader if it answers, else of the replica here; nullopt if
    /// neither is there.
    std::optional<Offset> end;

    [[nodiscard]] std::optional<std::int64_t> lag() const {
      if (!end) return std::nullopt;
      return std::max<std::int64_t>(0, end->value() - committed.value());
    }
  };
  std::string name;
  std::string state;
  std::string protocol_type;
  std::size_t members = 0;
  std::vector<Place> places{};
};

/// What belongs to other threads than the one that looks: asked for when somebody looks, and kept
/// for those that look before the next answer.
struct Snapshot {
  controller::ControllerDescription controller{};
  std::vector<GroupStatus> groups{};
};

/// Thread: any (mutex_).
class Snapshots : public std::enable_shared_from_this<Snapshots> {
 public:
  /// Never null.
  [[nodiscard]] std::shared_ptr<const Snapshot> last() const OTTLA_EXCLUDES(mutex_);
  /// Asks the parts; `done` is called once both have answered, on a thread of theirs: it posts and
  /// returns.
  void refresh(const Sources& sources, Task done);
  /// Nothing runs any more.
  void forget() OTTLA_EXCLUDES(mutex_);

 private:
  struct Asking;

  static void ask_groups(const Sources& sources, const std::shared_ptr<Asking>& asking);
  static void ask_leaders(const Sources& sources, const std::shared_ptr<Asking>& asking);
  void publish(Snapshot snapshot) OTTLA_EXCLUDES(mutex_);

  mutable Mutex mutex_{LockRank::Leaf};
  std::shared_ptr<const Snapshot> last_ OTTLA_GUARDED_BY(mutex_) =
      std::make_shared<const Snapshot>();
};

}  // namespace ottla::status
