#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/env/clock.h"
#include "common/metrics/counter.h"
#include "common/metrics/histogram.h"
#include "common/zookeeper/client.h"

namespace ottla::zookeeper {

/// zookeeper.connect taken apart: "h1:2181,h2:2181/kafka" has the chroot "/kafka" (or none: "").
struct ConnectString {
  std::string servers;
  std::string chroot;
};
Result<ConnectString> parse_connect_string(std::string_view text);

struct ClientSettings {
  std::string connect;                                       ///< zookeeper.connect
  env::Duration session_timeout = std::chrono::seconds(18);  ///< zookeeper.session.timeout.ms
  /// Without a connection for this long a warning is logged, again and again; the client tries for
  /// ever (zookeeper.connection.timeout.ms).
  env::Duration connection_timeout = std::chrono::seconds(18);
  /// zookeeper.max.in.flight.requests: of writes; of reads twenty times as many.
  std::size_t max_in_flight = 10;
  /// Microseconds until the server's answer. Null: nobody looks; so with the failures.
  std::shared_ptr<metrics::Histogram> latency_us = nullptr;
  std::shared_ptr<metrics::Counter> auth_failures = nullptr;
};

/// A client over ZooKeeper's C library. It makes the chroot's nodes if they are missing.
/// Errors: InvalidConfig, with what is wrong with `connect`.
Result<std::unique_ptr<Client>> make_c_client(ClientSettings settings);

}  // namespace ottla::zookeeper
