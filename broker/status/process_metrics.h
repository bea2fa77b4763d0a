#pragma once

#include <string>

namespace ottla::status {

/// What every Prometheus client tells of its process (`process_*`), as the kernel counts it, in
/// Prometheus' text format. With `jvm_*` for dashboards that ask Kafka's JVM: memory and threads
/// are this process's; of garbage collections there were none, which is the truth too.
[[nodiscard]] std::string process_text();

/// Bytes that this process made the kernel read from disks, and write to them; -1: not told.
struct DiskBytes {
  double read = -1;
  double written = -1;
};
[[nodiscard]] DiskBytes disk_bytes();

}  // namespace ottla::status
