#pragma once

#include "broker/storage/log_types.h"
#include "common/cluster/broker.h"

namespace ottla::broker {

/// How the last process ended, as the registration tells it.
[[nodiscard]] constexpr cluster::LastStop last_stop_of(storage::ShutdownKind kind) {
  switch (kind) {
    case storage::ShutdownKind::Clean:
      return cluster::LastStop::Clean;
    case storage::ShutdownKind::ProcessCrash:
      return cluster::LastStop::ProcessCrash;
    case storage::ShutdownKind::HostCrash:
      return cluster::LastStop::HostCrash;
  }
  return cluster::LastStop::HostCrash;
}

}  // namespace ottla::broker
