#pragma once

#include <string>
#include <vector>

#include "broker/status/lifecycle.h"
#include "broker/status/readiness.h"
#include "broker/storage/log_store.h"

namespace ottla::status {

/// Why a broker that is still starting is not ready: how far the recovery of its logs is, if that
/// is what it is at.
[[nodiscard]] Reason why_starting(BrokerState state,
                                  const std::vector<storage::LoadProgress>& loading);

/// /status.json until there is more to show than that.
[[nodiscard]] std::string recovery_document(BrokerState state,
                                            const std::vector<storage::LoadProgress>& loading);

}  // namespace ottla::status
