#pragma once

#include <cstdint>
#include <string>

#include "common/env/clock.h"

namespace ottla::rpc {

/// What a plain TCP connect says of an endpoint. Refused: the host answers and nobody listens
/// there, so the process that listened is gone.
enum class ConnectOutcome : std::uint8_t { Accepted, Refused, Unknown };

/// Tries `endpoint` (host:port) once, for at most `timeout`. Blocks. Thread: I/O pool.
[[nodiscard]] ConnectOutcome probe_connect(const std::string& endpoint, env::Duration timeout);

}  // namespace ottla::rpc
