#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/status/elections.h"
#include "broker/status/lifecycle.h"
#include "broker/status/readiness.h"
#include "broker/status/snapshot.h"
#include "broker/status/sources.h"
#include "common/metrics/registry.h"

namespace ottla::status {

// The JSON of the HTTP listener. What could be long is cut, and the document says how much is
// left out: a page with 200,000 partitions helps nobody.

/// /health/ready and /health/live.
[[nodiscard]] std::string health_document(const std::string& question, bool is_well,
                                          BrokerState state, const std::vector<Reason>& reasons);

/// /status.json: what the status page shows.
[[nodiscard]] std::string status_document(const Sources& sources, const Snapshot& snapshot,
                                          BrokerState state, const std::vector<Reason>& reasons,
                                          const Elections& elections, env::WallTimeMs now,
                                          const metrics::Registry& registry);

/// /topic.json?name=T: its partitions. Nullopt: there is no such topic.
[[nodiscard]] std::optional<std::string> topic_document(const Sources& sources,
                                                        const std::string& topic);

/// /configs.json: this broker's configuration, without secrets.
[[nodiscard]] std::string configs_document(const config::BrokerConfig& config);

}  // namespace ottla::status
