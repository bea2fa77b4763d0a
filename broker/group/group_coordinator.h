#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/group/group_config.h"
#include "broker/group/group_service.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/surroundings.h"
#include "broker/replica/transaction_markers.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/file_system.h"
#include "common/env/random.h"
#include "common/metrics/registry.h"

namespace ottla::replica {
class Replicas;
}  // namespace ottla::replica

namespace ottla::group {

/// The group coordinator as it runs in a broker: CoordinatorCore on a loop of its own, appends to
/// the partitions of __consumer_offsets that this broker leads, and the reading of their logs on
/// the I/O pool, one partition beside the other and without holding up those that are loaded.
///
/// Snapshots beside the logs, kept by leaders and followers, make loads short (SnapshotKeeper).
///
/// A partition serves once all that its log held at the election is committed, too: an offset that
/// was shown once is not lost with the next leader.
///
/// Thread: any; the core lives on `loop`.
class GroupCoordinator final : public GroupService,
                               public replica::LeadershipListener,
                               public replica::TransactionEndListener {
 public:
  struct Dependencies {
    env::Clock& clock;
    env::Random& random;
    env::Executor& loop;  ///< Tasks in order.
    env::Executor& io_pool;
    metadata::MetadataCache& metadata;
    metrics::Registry* metrics = nullptr;  ///< Null: nobody looks.
    env::FileSystem* files = nullptr;      ///< Null: no snapshots beside the logs.
  };

  GroupCoordinator(GroupConfig config, Dependencies dependencies);
  ~GroupCoordinator() override;

  /// Before the first leadership: the replicas need their listener first.
  void start(replica::Replicas& replicas);
  /// Drops what waits, without an answer. The loop runs its last tasks before it ends.
  void stop();

  // replica::LeadershipListener, for partitions of __consumer_offsets.
  void on_leader(const TopicPartition& partition, LeaderEpoch epoch) override;
  void on_not_leader(const TopicPartition& partition, LeaderEpoch epoch) override;

  // replica::TransactionEndListener: a transaction's offsets count from then on.
  void on_transaction_ended(const TopicPartition& partition, ProducerId producer, bool is_commit,
                            Offset marker_offset) override;

  // GroupService.
  void join(JoinCaller caller, protocol::JoinGroupRequest request, JoinReply reply) override;
  void sync(protocol::SyncGroupRequest request, SyncReply reply) override;
  void heartbeat(protocol::HeartbeatRequest request, Callback<ErrorCode> done) override;
  void leave(std::string group, std::vector<protocol::LeaveGroupRequest::Member> members,
             Callback<protocol::LeaveGroupResponse> done) override;
  void commit(CommitRequest request, Callback<std::vector<ErrorCode>> done) override;
  void fetch(std::vector<FetchQuery> queries, bool require_stable,
             Callback<std::vector<FetchedOffsets>> done) override;
  void delete_offsets(std::string group, std::vector<TopicPartition> partitions,
                      Callback<DeletedOffsets> done) override;
  void explain(std::string group, Callback<const GroupAccount&> done) override;
  void describe(std::vector<std::string> groups,
                Callback<std::vector<GroupDescription>> done) override;
  void list(std::vector<std::string> states, Callback<GroupList> done) override;
  void delete_groups(std::vector<std::string> groups,
                     Callback<std::vector<ErrorCode>> done) override;

 private:
  class Inner;
  /// Runs `work` with the core on the loop.
  template <class F>
  void on_loop(F work);

  std::shared_ptr<Inner> inner_;
};

}  // namespace ottla::group
