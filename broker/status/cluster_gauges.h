#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/status/snapshot.h"
#include "broker/status/sources.h"
#include "common/metrics/registry.h"

namespace ottla::status {

/// What the controller counts, as Kafka does: 0 on a broker that is not the controller, so that
/// sums over brokers are right. Of the last snapshot.
class ControllerGauges {
 public:
  ControllerGauges(const std::shared_ptr<Snapshots>& snapshots, metrics::Registry& registry);

 private:
  std::vector<metrics::Registry::Registration> gauges_;
};

/// Partitions led here that are being reassigned.
[[nodiscard]] double led_and_reassigning(const Sources& sources);

/// The series of kafka_exporter (`kafka_consumergroup_lag` ...) in Prometheus' text format, so that
/// its dashboards need no exporter. Each broker tells of the groups that it coordinates and of the
/// partitions that it leads, the controller of what belongs to nobody else: over all brokers each
/// series is there once.
[[nodiscard]] std::string exporter_text(const Sources& sources, const Snapshot& snapshot);

}  // namespace ottla::status
