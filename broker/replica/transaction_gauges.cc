#include "broker/replica/transaction_gauges.h"

#include <algorithm>
#include <optional>

#include "broker/replica/partition.h"
#include "broker/storage/log.h"
#include "common/metrics/replica_metrics.h"

namespace ottla::replica {
namespace {

/// After its timeout a coordinator has this long to end a transaction (Kafka's allowance).
constexpr std::chrono::minutes kTimeToEnd{5};

/// The last sign of life of the oldest open transaction; nullopt: none is open.
std::optional<env::WallTimeMs> oldest_transaction(const Partition& partition) {
  const Partition::View view = partition.view();
  if (view.role != Partition::Role::Leader || !view.log) return std::nullopt;
  if (view.log->last_stable_offset(view.high_watermark) == view.high_watermark) {
    return std::nullopt;
  }
  std::optional<storage::ActiveProducer> oldest;
  for (const storage::ActiveProducer& producer : view.log->active_producers()) {
    if (producer.transaction_start_offset == kUnknownOffset) continue;
    if (!oldest || producer.transaction_start_offset < oldest->transaction_start_offset) {
      oldest = producer;
    }
  }
  if (!oldest) return std::nullopt;
  return oldest->last_timestamp;
}

double count_late(const Replicas& replicas, env::WallTimeMs now,
                  std::chrono::milliseconds longest_transaction) {
  const std::chrono::milliseconds allowed = longest_transaction + kTimeToEnd;
  const auto all = replicas.partitions();
  return static_cast<double>(
      std::count_if(all.begin(), all.end(), [&](const std::shared_ptr<Partition>& each) {
        const auto since = oldest_transaction(*each);
        return since && now - *since > allowed.count();
      }));
}

double oldest_age(const Replicas& replicas, env::WallTimeMs now) {
  env::WallTimeMs age = 0;
  for (const std::shared_ptr<Partition>& partition : replicas.partitions()) {
    if (const auto since = oldest_transaction(*partition)) age = std::max(age, now - *since);
  }
  return static_cast<double>(age);
}

void collect_lag(const Replicas& replicas, metrics::GaugeSink& sink) {
  for (const std::shared_ptr<Partition>& partition : replicas.partitions()) {
    const Partition::View view = partition->view();
    if (view.role != Partition::Role::Leader || !view.log) continue;
    const Offset stable = view.log->last_stable_offset(view.high_watermark);
    if (stable == view.high_watermark) continue;
    sink.add({partition->name().topic, std::to_string(partition->name().partition)},
             static_cast<double>(view.high_watermark - stable));
  }
}

double count_producers(const Replicas& replicas) {
  std::size_t count = 0;
  for (const std::shared_ptr<Partition>& partition : replicas.partitions()) {
    if (const auto log = partition->view().log) count += log->producer_count();
  }
  return static_cast<double>(count);
}

}  // namespace

TransactionGauges::TransactionGauges(const Replicas& replicas, env::Clock& clock,
                                     std::chrono::milliseconds longest_transaction,
                                     metrics::Registry& registry)
    : late_(registry.gauge(metrics::kPartitionsWithLateTransactionsCount,
                           [&replicas, &clock, longest_transaction] {
                             return count_late(replicas, clock.wall_now_ms(), longest_transaction);
                           })),
      oldest_(registry.gauge(
          metrics::kOldestOpenTransactionAgeMs,
          [&replicas, &clock] { return oldest_age(replicas, clock.wall_now_ms()); })),
      lag_(registry.gauges(metrics::kPartitionLastStableOffsetLag,
                           [&replicas](metrics::GaugeSink& sink) { collect_lag(replicas, sink); })),
      producers_(registry.gauge(metrics::kProducerIdCount,
                                [&replicas] { return count_producers(replicas); })) {}

}  // namespace ottla::replica
