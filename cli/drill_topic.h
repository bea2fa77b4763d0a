#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/broker_client.h"
#include "cli/tool.h"
#include "common/base/error.h"

namespace ottla::cli {

/// Where a drill's probes go: the topic that the user named, or __ottla_drill, which has a
/// partition led by each broker and is deleted at the end.
class DrillTopic {
 public:
  /// Makes the topic if need be, and waits for leaders and full ISRs. Errors: those of the brokers;
  /// UnknownTopicOrPartition for a --topic or --partition that is not there.
  [[nodiscard]] static Result<DrillTopic> open(const Arguments& arguments, Console& console);
  ~DrillTopic();
  DrillTopic(DrillTopic&& other) noexcept;
  DrillTopic& operator=(DrillTopic&&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<std::int32_t>& partitions() const { return partitions_; }

 private:
  DrillTopic(const Arguments& arguments, Console& console)
      : arguments_(&arguments), console_(&console) {}
  [[nodiscard]] Result<> create(BrokerClient& client);
  [[nodiscard]] Result<> lead_by_preferred(BrokerClient& client) const;
  [[nodiscard]] Result<> await_leaders(BrokerClient& client);

  const Arguments* arguments_;
  Console* console_;
  std::string name_;
  std::vector<std::int32_t> partitions_;
  bool is_ours_ = false;  ///< Made for drills: to be deleted.
};

}  // namespace ottla::cli
