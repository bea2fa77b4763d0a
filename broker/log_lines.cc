// Debian's glog has it; its header shows it on request only.
#define GLOG_CUSTOM_PREFIX_SUPPORT

#include "broker/log_lines.h"

#include <glog/logging.h>

#include <iomanip>
#include <ostream>

namespace ottla::broker {
namespace {

struct Logger {
  std::string_view files;  ///< How the names of its files begin.
  std::string_view name;
};

/// The first that fits counts.
constexpr Logger kLoggers[] = {
    {"state_change_log.cc", "state.change.logger"},
    {"request_log.cc", "kafka.request.logger"},
    {"controller.cc", "kafka.controller.KafkaController"},
    {"term.cc", "kafka.controller.KafkaController"},
    {"office.cc", "kafka.controller.KafkaController"},
    {"command_sender.cc", "kafka.controller.KafkaController"},
    {"state_writer.cc", "kafka.controller.KafkaController"},
    {"log_cleaner.cc", "kafka.log.LogCleaner"},
    {"compaction", "kafka.log.LogCleaner"},
    {"coordinator_core.cc", "kafka.coordinator.group.GroupCoordinator"},
    {"group_", "kafka.coordinator.group.GroupCoordinator"},
    {"membership.cc", "kafka.coordinator.group.GroupCoordinator"},
    {"offsets.cc", "kafka.coordinator.group.GroupCoordinator"},
    {"ended_offsets.cc", "kafka.coordinator.group.GroupCoordinator"},
    {"partition_load.cc", "kafka.coordinator.group.GroupCoordinator"},
    {"rebalance.cc", "kafka.coordinator.group.GroupCoordinator"},
    {"snapshot_keeper.cc", "kafka.coordinator.group.GroupCoordinator"},
    {"transaction_", "kafka.coordinator.transaction.TransactionCoordinator"},
    {"steps.cc", "kafka.coordinator.transaction.TransactionCoordinator"},
    {"marker_sender.cc", "kafka.coordinator.transaction.TransactionCoordinator"},
    {"fetcher.cc", "kafka.server.ReplicaFetcherThread"},
    {"replicas.cc", "kafka.server.ReplicaManager"},
    {"feed.cc", "kafka.server.ReplicaManager"},
    {"log_move", "kafka.server.ReplicaManager"},
    {"coordinator_load.cc", "kafka.server.ReplicaManager"},
    {"partition", "kafka.cluster.Partition"},
    {"log_", "kafka.log.LogManager"},
    {"checkpoint.cc", "kafka.log.LogManager"},
    {"cut_records.cc", "kafka.log.LogManager"},
    {"deferred_deletion.cc", "kafka.log.LogManager"},
    {"segment.cc", "kafka.log.LogManager"},
    {"disk_", "kafka.log.LogManager"},
    {"network.cc", "kafka.network.SocketServer"},
    {"acceptor.cc", "kafka.network.SocketServer"},
    {"connection", "kafka.network.SocketServer"},
    {"c_client.cc", "kafka.zookeeper.ZooKeeperClient"},
    {"store.cc", "kafka.zookeeper.ZooKeeperClient"},
    {"broker.cc", "kafka.server.KafkaServer"},
    {"main.cc", "kafka.server.KafkaServer"},
    {"registration.cc", "kafka.server.KafkaServer"},
    {"cluster_entry.cc", "kafka.server.KafkaServer"},
    {"live_configs.cc", "kafka.server.KafkaServer"},
    {"topic_configs.cc", "kafka.server.KafkaServer"},
    {"failure_notice.cc", "kafka.server.KafkaServer"},
    {"directory_id.cc", "kafka.server.KafkaServer"},
};

void write_head(std::ostream& out, const google::LogMessageInfo& line, void* /*data*/) {
  const auto& time = line.time;
  out << line.severity[0] << std::setfill('0') << std::setw(4) << 1900 + time.year() << std::setw(2)
      << 1 + time.month() << std::setw(2) << time.day() << ' ' << std::setw(2) << time.hour() << ':'
      << std::setw(2) << time.min() << ':' << std::setw(2) << time.sec() << '.' << std::setw(6)
      << time.usec() << ' ' << std::setfill(' ') << std::setw(5) << line.thread_id << ' '
      << line.filename << ':' << line.line_number << ' ' << logger_of(line.filename) << ']';
}

}  // namespace

std::string_view logger_of(std::string_view file) {
  for (const Logger& logger : kLoggers) {
    if (file.starts_with(logger.files)) return logger.name;
  }
  return "ottla";
}

void start_logging(const char* program) {
  google::InitGoogleLogging(program, &write_head);
}

}  // namespace ottla::broker
