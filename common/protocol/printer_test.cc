#include "common/protocol/printer.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <sstream>
#include <string>

#include "common/protocol/messages/alter_user_scram_credentials.h"
#include "common/protocol/messages/create_delegation_token.h"
#include "common/protocol/messages/incremental_alter_configs.h"
#include "common/protocol/messages/metadata.h"
#include "common/protocol/messages/produce.h"
#include "common/protocol/messages/sasl_authenticate.h"

namespace ottla::protocol {
namespace {

constexpr std::string_view kSecret = "hunter2";

TEST(Printer, NamesEveryField) {
  MetadataRequest request{.allow_auto_topic_creation = false};
  request.topics.emplace().push_back({.name = "or\"ders\n"});
  EXPECT_EQ(
      to_string(request),
      "MetadataRequest{topics: [{topic_id: AAAAAAAAAAAAAAAAAAAAAA, name: \"or\\\"ders\\x0a\"}], "
      "allow_auto_topic_creation: false, include_cluster_authorized_operations: false, "
      "include_topic_authorized_operations: false}");
}

TEST(Printer, ShowsErrorCodesByName) {
  ProduceResponse response;
  auto& partitions = response.responses.emplace_back().partition_responses;
  partitions.push_back({.error_code = ErrorCode::NotLeaderOrFollower});
  partitions.push_back({.error_code = static_cast<ErrorCode>(999)});
  const std::string text = to_string(response);
  EXPECT_NE(text.find("error_code: NOT_LEADER_OR_FOLLOWER"), std::string::npos) << text;
  EXPECT_NE(text.find("error_code: 999"), std::string::npos) << text;
}

TEST(Printer, ShowsRecordsAsTheirSize) {
  std::array<std::byte, 7> bytes{};
  ProduceRequest request;
  request.topic_data.emplace_back().partition_data.push_back(
      {.records = Records(MutableByteView(bytes))});
  EXPECT_NE(to_string(request).find("records: <7 bytes of records>"), std::string::npos);
}

TEST(Printer, CutsLongArrays) {
  MetadataRequest request;
  request.topics.emplace(100);
  EXPECT_NE(to_string(request, 3).find("... 97 more]"), std::string::npos) << to_string(request, 3);
}

TEST(Printer, HidesSecrets) {
  std::ostringstream out;
  const ByteView secret = as_bytes(kSecret);
  out << SaslAuthenticateRequest{.auth_bytes = secret};
  AlterUserScramCredentialsRequest scram;
  scram.upsertions.push_back({.name = "u", .salt = secret, .salted_password = secret});
  out << scram << CreateDelegationTokenResponse{.hmac = secret};
  IncrementalAlterConfigsRequest configs;
  configs.resources.emplace_back().configs.push_back(
      {.name = "ssl.key.password", .value = std::string(kSecret)});
  out << configs;
  EXPECT_EQ(out.str().find(kSecret), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("value: <hidden>"), std::string::npos) << out.str();
}

}  // namespace
}  // namespace ottla::protocol
