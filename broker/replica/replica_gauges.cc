#include "broker/replica/replica_gauges.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

#include "broker/replica/log_moves.h"
#include "broker/storage/cold_reads.h"
#include "common/metrics/ottla_metrics.h"
#include "common/metrics/replica_metrics.h"
#include "common/metrics/server_metrics.h"

namespace ottla::replica {
namespace {

/// Gauges that are asked one after the other belong to one scrape.
constexpr env::Duration kOneLook = std::chrono::milliseconds(100);
/// The names that Kafka's beans have for what replicates.
constexpr const char* kFetcherId = "Replica";

}  // namespace

ReplicaGauges::ReplicaGauges(const Replicas& replicas, const env::Clock& clock,
                             metrics::Registry& registry)
    : replicas_(replicas), clock_(clock) {
  show_counts(registry);
  show_partitions(registry);
  show_replication(registry);
}

std::shared_ptr<const ReplicaGauges::Looks> ReplicaGauges::look() {
  const MutexLock lock(mutex_);
  const env::MonotonicTime now = clock_.now();
  if (last_ && now - looked_ < kOneLook) return last_;
  auto looks = std::make_shared<Looks>();
  for (const std::shared_ptr<Partition>& each : replicas_.partitions()) {
    Look& look = looks->emplace_back(Look{each->name(), each->view()});
    look.behind_leader = each->behind_leader();
    if (!look.is_leader()) continue;
    PartitionHealth health = each->health();
    look.min_isr = health.min_isr;
    look.followers = std::move(health.followers);
  }
  last_ = std::move(looks);
  looked_ = now;
  return last_;
}

void ReplicaGauges::show_counts(metrics::Registry& registry) {
  const auto count = [&](const metrics::Metric& metric, auto predicate) {
    gauges_.push_back(registry.gauge(metric, [this, predicate] {
      const auto looks = look();
      return static_cast<double>(std::count_if(looks->begin(), looks->end(), predicate));
    }));
  };
  count(metrics::kPartitionCount, [](const Look&) { return true; });
  count(metrics::kLeaderCount, [](const Look& it) { return it.is_leader(); });
  count(metrics::kOfflineReplicaCount,
        [](const Look& it) { return it.view.role == PartitionRole::Offline; });
  count(metrics::kUnderReplicatedPartitions,
        [](const Look& it) { return it.is_under_replicated(); });
  count(metrics::kUnderMinIsrPartitionCount,
        [](const Look& it) { return it.is_leader() && it.spare() < 0; });
  count(metrics::kAtMinIsrPartitionCount,
        [](const Look& it) { return it.is_leader() && it.spare() == 0; });

  gauges_.push_back(registry.gauge(metrics::kReadableRecordsCut, [this] {
    return static_cast<double>(replicas_.readable_records_cut());
  }));
}

void ReplicaGauges::show_partitions(metrics::Registry& registry) {
  const auto show = [&](const metrics::Metric& metric, auto value) {
    gauges_.push_back(registry.gauges(metric, [this, value](metrics::GaugeSink& sink) {
      for (const Look& each : *look()) {
        sink.add({each.name.topic, std::to_string(each.name.partition)},
                 static_cast<double>(value(each)));
      }
    }));
  };
  show(metrics::kPartitionUnderReplicated,
       [](const Look& it) { return it.is_under_replicated() ? 1 : 0; });
  show(metrics::kPartitionUnderMinIsr,
       [](const Look& it) { return it.is_leader() && it.spare() < 0 ? 1 : 0; });
  show(metrics::kPartitionAtMinIsr,
       [](const Look& it) { return it.is_leader() && it.spare() == 0 ? 1 : 0; });
  show(metrics::kPartitionInSyncReplicasCount, [](const Look& it) { return it.view.isr.size(); });
  show(metrics::kPartitionReplicasCount,
       [](const Look& it) { return it.is_leader() ? it.view.replication_factor() : 0; });

  gauges_.push_back(registry.gauges(metrics::kLeaderEpoch, [this](metrics::GaugeSink& sink) {
    for (const Look& each : *look()) {
      if (!each.is_leader()) continue;
      sink.add({each.name.topic, std::to_string(each.name.partition)},
               static_cast<double>(each.view.leader_epoch.value()));
    }
  }));
  gauges_.push_back(registry.gauges(metrics::kFollowerBehind, [this](metrics::GaugeSink& sink) {
    for (const Look& each : *look()) {
      if (!each.view.log) continue;
      const std::int64_t end = each.view.log->log_end_offset().value();
      for (const FollowerHealth& follower : each.followers) {
        if (follower.log_end_offset == kUnknownOffset) continue;  // it has not told yet
        sink.add(
            {each.name.topic, std::to_string(each.name.partition),
             std::to_string(follower.broker.value())},
            static_cast<double>(std::max<std::int64_t>(0, end - follower.log_end_offset.value())));
      }
    }
  }));
}

/// Pushes for a partition that a second brings, from the leader that brings the fewest.
double ReplicaGauges::slowest_leader() {
  std::optional<double> fewest;
  const double now = std::chrono::duration<double>(clock_.now().time_since_epoch()).count();
  for (const auto& [leader, messages] : replicas_.messages_from_leaders()) {
    const double rate = rates_[leader].of(static_cast<double>(messages), now);
    fewest = std::min(fewest.value_or(rate), rate);
  }
  return fewest.value_or(0);
}

void ReplicaGauges::show_replication(metrics::Registry& registry) {
  const auto total = [&](const metrics::Metric& metric,
                         std::atomic<std::int64_t> ReplicationTotals::* number,
                         const metrics::LabelValues& labels = {}) {
    gauges_.push_back(registry.gauge(
        metric, [this, number] { return static_cast<double>((replicas_.totals().*number).load()); },
        labels));
  };
  total(metrics::kReplicationBytesIn, &ReplicationTotals::bytes_in);
  total(metrics::kReplicationBytesOut, &ReplicationTotals::bytes_out);
  total(metrics::kReassignmentBytesIn, &ReplicationTotals::reassignment_bytes_in);
  total(metrics::kReassignmentBytesOut, &ReplicationTotals::reassignment_bytes_out);
  total(metrics::kInvalidMagicNumberRecords, &ReplicationTotals::refused_magic);
  total(metrics::kInvalidMessageCrcRecords, &ReplicationTotals::refused_checksum);
  total(metrics::kInvalidOffsetOrSequenceRecords, &ReplicationTotals::refused_offset_or_sequence);
  total(metrics::kNoKeyCompactedTopicRecords, &ReplicationTotals::refused_without_key);
  total(metrics::kDelayedFetchExpires, &ReplicationTotals::fetches_expired, {"consumer"});
  total(metrics::kIsrExpands, &ReplicationTotals::isr_expands);
  total(metrics::kIsrShrinks, &ReplicationTotals::isr_shrinks);
  total(metrics::kFailedIsrUpdates, &ReplicationTotals::failed_isr_updates);
  total(metrics::kNumDelayedOperations, &ReplicationTotals::appends, {"Produce"});
  total(metrics::kNumDelayedOperations, &ReplicationTotals::fetches, {"Fetch"});
  total(metrics::kNumDelayedOperations, &ReplicationTotals::deletions, {"DeleteRecords"});
  total(metrics::kPurgatorySize, &ReplicationTotals::append_watches, {"Produce"});
  total(metrics::kPurgatorySize, &ReplicationTotals::fetch_watches, {"Fetch"});
  total(metrics::kPurgatorySize, &ReplicationTotals::deletion_watches, {"DeleteRecords"});

  gauges_.push_back(registry.gauges(metrics::kFollowerLag, [this](metrics::GaugeSink& sink) {
    for (const Look& each : *look()) {
      if (!each.behind_leader) continue;
      sink.add({"ReplicaFetcherThread-0-" + std::to_string(each.view.leader.value()),
                each.name.topic, std::to_string(each.name.partition)},
               static_cast<double>(*each.behind_leader));
    }
  }));
  gauges_.push_back(registry.gauge(metrics::kReplicaMaxLag,
                                   [this] {
                                     std::int64_t most = 0;
                                     for (const Look& each : *look())
                                       most = std::max(most, each.behind_leader.value_or(0));
                                     return static_cast<double>(most);
                                   },
                                   {kFetcherId}));
  gauges_.push_back(registry.gauge(metrics::kReplicaMinFetchRate,
                                   [this] { return slowest_leader(); }, {kFetcherId}));
  gauges_.push_back(
      registry.gauge(metrics::kFailedPartitionsCount, [] { return 0.0; }, {kFetcherId}));

  gauges_.push_back(registry.gauges(metrics::kStreamInFlightBytes, [this](
                                                                       metrics::GaugeSink& sink) {
    for (const Replicas::Stream& each : replicas_.streams()) {
      sink.add({std::to_string(each.follower.value())}, static_cast<double>(each.in_flight_bytes));
    }
  }));
  gauges_.push_back(registry.gauges(metrics::kStreamPartitions, [this](metrics::GaugeSink& sink) {
    for (const Replicas::Stream& each : replicas_.streams()) {
      sink.add({std::to_string(each.follower.value())}, static_cast<double>(each.partitions));
    }
  }));
  show_cold_reads(registry);
  show_log_moves(registry);
  gauges_.push_back(registry.gauge(metrics::kLeaderReplicationByteRate,
                                   [this] { return replicas_.leader_throttled_byte_rate(); }));
  gauges_.push_back(registry.gauge(metrics::kFollowerReplicationByteRate,
                                   [this] { return replicas_.follower_throttled_byte_rate(); }));
}

void ReplicaGauges::show_cold_reads(metrics::Registry& registry) {
  const auto show = [&](const metrics::Metric& metric, auto value) {
    gauges_.push_back(registry.gauge(metric, [&cold = replicas_.cold_reads(), value] {
      return static_cast<double>(value(cold));
    }));
  };
  using Of = const storage::ColdReads&;
  show(metrics::kColdReadBytes, [](Of cold) { return cold.bytes_read(); });
  show(metrics::kColdReadBytesDropped, [](Of cold) { return cold.bytes_dropped(); });
  show(metrics::kColdReadersWaiting, [](Of cold) { return cold.readers_waiting(); });
  gauges_.push_back(registry.gauge(
      metrics::kColdReadersHeldBack,
      [&quota = replicas_.cold_read_quota()] { return static_cast<double>(quota.held_back()); }));
}

void ReplicaGauges::show_log_moves(metrics::Registry& registry) {
  gauges_.push_back(registry.gauge(metrics::kLogMoveMaxLag,
                                   [this] { return static_cast<double>(replicas_.log_move_lag()); },
                                   {"ReplicaAlterLogDirs"}));
  const LogMoveCounts& counts = replicas_.log_move_counts();
  const auto show = [&](const metrics::Metric& metric, const std::atomic<std::int64_t>& count) {
    gauges_.push_back(
        registry.gauge(metric, [&count] { return static_cast<double>(count.load()); }));
  };
  show(metrics::kLogMovesUnderWay, counts.under_way);
  show(metrics::kLogMovesCompleted, counts.completed);
  show(metrics::kLogMoveBytes, counts.bytes_copied);
  show(metrics::kLogMoveFailures, counts.failures);
}

}  // namespace ottla::replica
