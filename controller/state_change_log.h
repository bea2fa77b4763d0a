#pragma once

#include "controller/decide.h"
#include "controller/model.h"

namespace ottla::controller {

/// Says what a write that is committed changed, before the model learns of it. In a file of its
/// own: its lines are those of Kafka's state.change.logger (broker/log_lines.h).
void log_change(const ClusterModel& model, const WriteOutcome& outcome);

}  // namespace ottla::controller
