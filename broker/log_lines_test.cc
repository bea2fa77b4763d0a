#include "broker/log_lines.h"

#include <gtest/gtest.h>

namespace ottla::broker {
namespace {

TEST(LogLines, HaveTheNamesOfKafkasLoggers) {
  EXPECT_EQ(logger_of("state_change_log.cc"), "state.change.logger");
  EXPECT_EQ(logger_of("request_log.cc"), "kafka.request.logger");
  EXPECT_EQ(logger_of("term.cc"), "kafka.controller.KafkaController");
  EXPECT_EQ(logger_of("log_cleaner.cc"), "kafka.log.LogCleaner");
  EXPECT_EQ(logger_of("log_store_load.cc"), "kafka.log.LogManager");
  EXPECT_EQ(logger_of("partition_isr.cc"), "kafka.cluster.Partition");
  EXPECT_EQ(logger_of("partition_load.cc"), "kafka.coordinator.group.GroupCoordinator");
  EXPECT_EQ(logger_of("http_status.cc"), "ottla");
}

}  // namespace
}  // namespace ottla::broker
