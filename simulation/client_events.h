#pragma once

#include <string>
#include <vector>

#include "common/base/id.h"
#include "simulation/logged_records.h"
#include "simulation/picture.h"

namespace ottla::simulation {

/// Hears what clients were told.
class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  /// A broker answers, this moment, that the records from `base_offset` on are committed: under
  /// acks=all and min.insync.replicas=2. They need not have reached the client yet.
  virtual void on_acknowledged(BrokerId by, const PartitionKey& key, Offset base_offset,
                               const std::vector<Value>& values) = 0;
  /// A broker handed these out below its high watermark.
  virtual void on_read(BrokerId by, const PartitionKey& key,
                       const std::vector<LoggedRecord>& records) = 0;
  /// The leader in office did not know what it should about an idempotent producer, or its producer
  /// about the log: records are missing.
  virtual void on_sequence_error(BrokerId by, const PartitionKey& key, const std::string& what) = 0;
};

}  // namespace ottla::simulation
