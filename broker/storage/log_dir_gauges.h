#pragma once

#include <vector>

#include "broker/storage/log_store.h"
#include "common/metrics/registry.h"

namespace ottla::storage {

/// Shows the log dirs among the metrics. Thread: any; the store and the registry outlive it.
class LogDirGauges {
 public:
  LogDirGauges(const LogStore& logs, metrics::Registry& registry);

 private:
  metrics::Registry::Registration offline_count_;
  metrics::Registry::Registration offline_;
  metrics::Registry::Registration state_;
  metrics::Registry::Registration free_bytes_;
  metrics::Registry::Registration total_bytes_;
  metrics::Registry::Registration slow_;
  metrics::Registry::Registration logs_to_recover_;
  metrics::Registry::Registration segments_to_recover_;
  metrics::Registry::Registration bytes_to_recover_;
};

/// Shows the logs among the metrics. Thread: any; the store and the registry outlive it.
class LogGauges {
 public:
  LogGauges(const LogStore& logs, metrics::Registry& registry);

 private:
  std::vector<metrics::Registry::Registration> gauges_;
};

}  // namespace ottla::storage
