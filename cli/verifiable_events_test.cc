#include "cli/verifiable_events.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ottla::cli {
namespace {

using testing::MatchesRegex;

TEST(VerifiableEvents, AreOneObjectALine) {
  std::ostringstream out;
  VerifiableEvents events(out);
  events.tell("startup_complete");
  events.tell("producer_send_success", {{"key", nullptr}, {"value", "7.0"}, {"offset", 3}});
  events.tell("tool_data", {{"sent", 5}}, "avg_throughput", 10.5);
  EXPECT_THAT(out.str(), MatchesRegex("\\{\"timestamp\":[0-9]+,\"name\":\"startup_complete\"\\}\n"
                                      "\\{\"timestamp\":[0-9]+,\"name\":\"producer_send_success\","
                                      "\"key\":null,\"value\":\"7.0\",\"offset\":3\\}\n"
                                      "\\{\"timestamp\":[0-9]+,\"name\":\"tool_data\",\"sent\":5,"
                                      "\"avg_throughput\":10.5\\}\n"));
}

TEST(VerifiableEvents, WriteDecimalsWithoutExponent) {
  EXPECT_EQ(decimal_text(0), "0.0");
  EXPECT_EQ(decimal_text(10), "10.0");
  EXPECT_EQ(decimal_text(9.46969696969697), "9.46969696969697");
  EXPECT_EQ(decimal_text(120000), "120000.0");
}

TEST(VerifiableEvents, NameTheExceptionsOfJavasClient) {
  const std::string package = "org.apache.kafka.common.errors.";
  EXPECT_EQ(java_exception_of(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS),
            package + "NotEnoughReplicasException");
  EXPECT_EQ(java_exception_of(RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION),
            package + "InvalidTopicException");
  EXPECT_EQ(java_exception_of(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION),
            package + "NotLeaderOrFollowerException");
  EXPECT_EQ(java_exception_of(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE),
            package + "RecordTooLargeException");
  EXPECT_EQ(java_exception_of(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT), package + "TimeoutException");
  EXPECT_EQ(java_exception_of(RD_KAFKA_RESP_ERR__BAD_MSG),
            "org.apache.kafka.common.KafkaException");
}

}  // namespace
}  // namespace ottla::cli
