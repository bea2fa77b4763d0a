#include "broker/storage/log_dir_gauges.h"

#include <memory>
#include <string>

#include "broker/storage/log.h"
#include "common/metrics/log_metrics.h"

namespace ottla::storage {
namespace {

constexpr double kOffline = 3;

}  // namespace

LogDirGauges::LogDirGauges(const LogStore& logs, metrics::Registry& registry)
    : offline_count_(registry.gauge(
          metrics::kOfflineLogDirectoryCount,
          [&logs] { return static_cast<double>(logs.offline_directories().size()); })),
      offline_(registry.gauges(metrics::kLogDirectoryOffline,
                               [&logs](metrics::GaugeSink& sink) {
                                 for (const DirectoryState& each : logs.directory_states()) {
                                   sink.add({each.path}, each.is_online ? 0 : 1);
                                 }
                               })),
      state_(registry.gauges(
          metrics::kLogDirectoryState,
          [&logs](metrics::GaugeSink& sink) {
            for (const DirectoryState& each : logs.directory_states()) {
              sink.add({each.path}, each.is_online ? static_cast<double>(each.space) : kOffline);
            }
          })),
      free_bytes_(registry.gauges(metrics::kLogDirectoryFreeBytes,
                                  [&logs](metrics::GaugeSink& sink) {
                                    for (const DirectoryState& each : logs.directory_states()) {
                                      if (!each.is_online || !each.usable_bytes) continue;
                                      sink.add({each.path},
                                               static_cast<double>(*each.usable_bytes));
                                    }
                                  })),
      total_bytes_(registry.gauges(metrics::kLogDirectoryTotalBytes,
                                   [&logs](metrics::GaugeSink& sink) {
                                     for (const DirectoryState& each : logs.directory_states()) {
                                       if (!each.is_online || !each.usable_bytes) continue;
                                       sink.add({each.path}, static_cast<double>(each.total_bytes));
                                     }
                                   })),
      slow_(registry.gauges(metrics::kLogDirectorySlow,
                            [&logs](metrics::GaugeSink& sink) {
                              for (const DirectoryState& each : logs.directory_states()) {
                                sink.add({each.path}, each.is_slow ? 1 : 0);
                              }
                            })),
      logs_to_recover_(registry.gauges(metrics::kRemainingLogsToRecover,
                                       [&logs](metrics::GaugeSink& sink) {
                                         for (const LoadProgress& each : logs.loading()) {
                                           sink.add({each.directory},
                                                    static_cast<double>(each.logs_left));
                                         }
                                       })),
      segments_to_recover_(registry.gauges(
          metrics::kRemainingSegmentsToRecover,
          [&logs](metrics::GaugeSink& sink) {
            for (const LoadProgress& each : logs.loading()) {
              for (std::size_t thread = 0; thread < each.segments_left.size(); ++thread) {
                sink.add({each.directory, std::to_string(thread)},
                         static_cast<double>(each.segments_left[thread]));
              }
            }
          })),
      bytes_to_recover_(
          registry.gauges(metrics::kRemainingBytesToRecover, [&logs](metrics::GaugeSink& sink) {
            for (const LoadProgress& each : logs.loading()) {
              sink.add({each.directory}, static_cast<double>(each.bytes_left));
            }
          })) {}

LogGauges::LogGauges(const LogStore& logs, metrics::Registry& registry) {
  const auto show = [&](const metrics::Metric& metric, auto value) {
    gauges_.push_back(registry.gauges(metric, [&logs, value](metrics::GaugeSink& sink) {
      for (const std::shared_ptr<Log>& log : logs.logs()) {
        const TopicPartition& name = log->partition();
        sink.add({name.topic, std::to_string(name.partition)}, static_cast<double>(value(*log)));
      }
    }));
  };
  show(metrics::kLogEndOffset, [](const Log& log) { return log.log_end_offset().value(); });
  show(metrics::kLogStartOffset, [](const Log& log) { return log.log_start_offset().value(); });
  show(metrics::kLogSegments, [](const Log& log) { return log.segment_count(); });
  show(metrics::kLogSize, [](const Log& log) { return log.size_bytes(); });
}

}  // namespace ottla::storage
