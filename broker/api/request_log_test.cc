#include "broker/api/request_log.h"

#include <gtest/gtest.h>

#include <chrono>

#include <boost/json.hpp>

#include "broker/api/log_levels.h"
#include "common/protocol/api.h"

namespace ottla::api {
namespace {

protocol::RequestFrame produce_of(std::string client_id) {
  protocol::RequestFrame header;
  header.api_key = 0;
  header.info = protocol::find_api(header.api_key);
  header.version = protocol::ApiVersion(9);
  header.correlation_id = 7;
  header.client_id = std::move(client_id);
  return header;
}

class RequestLog : public ::testing::Test {
 protected:
  ~RequestLog() override { reset_log_level(kRequestLogger); }
  network::ConnectionInfo connection_;
};

TEST_F(RequestLog, IsOffUnlessSomebodyTurnsItOn) {
  EXPECT_EQ(RequestLogEntry::begin(produce_of("a"), connection_), nullptr);
  set_log_level(kRequestLogger, "INFO");
  EXPECT_EQ(RequestLogEntry::begin(produce_of("a"), connection_), nullptr);
  set_log_level(kRequestLogger, "DEBUG");
  EXPECT_NE(RequestLogEntry::begin(produce_of("a"), connection_), nullptr);
}

TEST_F(RequestLog, TellsWhoAskedWhatAndWhereItsTimeWent) {
  set_log_level(kRequestLogger, "DEBUG");
  connection_.client_host = "10.0.0.9";
  connection_.listener = "EXTERNAL";
  connection_.principal = "User:ANONYMOUS";
  connection_.software_name = "librdkafka";
  const auto entry = RequestLogEntry::begin(produce_of("a \"quoted\"\nname"), connection_);
  entry->asked("Produce{acks=-1}");
  EXPECT_FALSE(entry->wants_answer());
  const std::string text = entry->text(
      {.remote = std::chrono::milliseconds(20), .total = std::chrono::milliseconds(25)});
  constexpr std::string_view kHead = "Completed request:";
  ASSERT_TRUE(text.starts_with(kHead)) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << "one line, whatever a client calls itself";
  const boost::json::value line = boost::json::parse(text.substr(kHead.size()));
  EXPECT_EQ(line.at("requestHeader").at("requestApiKeyName"), "Produce");
  EXPECT_EQ(line.at("requestHeader").at("clientId"), "a \"quoted\"\nname");
  EXPECT_EQ(line.at("request"), "Produce{acks=-1}");
  EXPECT_EQ(line.at("remoteTimeMs").to_number<double>(), 20);
  EXPECT_EQ(line.at("totalTimeMs").to_number<double>(), 25);
  EXPECT_EQ(line.at("connection"), "10.0.0.9");
  EXPECT_EQ(line.at("listener"), "EXTERNAL");
  EXPECT_EQ(line.at("clientInformation").at("softwareName"), "librdkafka");
  EXPECT_FALSE(line.as_object().contains("response"));
}

TEST_F(RequestLog, TellsAnswersAtTrace) {
  set_log_level(kRequestLogger, "TRACE");
  const auto entry = RequestLogEntry::begin(produce_of("a"), connection_);
  EXPECT_TRUE(entry->wants_answer());
  entry->answered("ProduceResponse{}");
  EXPECT_NE(entry->text({}).find(R"("response":"ProduceResponse{}")"), std::string::npos);
}

}  // namespace
}  // namespace ottla::api
