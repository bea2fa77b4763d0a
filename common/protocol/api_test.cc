#include "common/protocol/api.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ottla::protocol {
namespace {

TEST(ApiTable, IsSortedByKey) {
  EXPECT_TRUE(std::ranges::is_sorted(all_apis(), {}, &ApiInfo::key));
}

TEST(ApiTable, KnowsTheServedVersionsOfKafka) {
  EXPECT_EQ(info_of(ApiKey::Produce).kafka_serves, (VersionRange{0, 11}));
  EXPECT_EQ(info_of(ApiKey::Fetch).kafka_serves, (VersionRange{0, 17}));
  EXPECT_TRUE(info_of(ApiKey::DescribeTopicPartitions).kafka_serves.empty());
  EXPECT_EQ(info_of(ApiKey::SaslHandshake).first_flexible, kNeverFlexible);
}

TEST(ApiTable, HasNoEntryForUnknownKeys) {
  EXPECT_EQ(find_api(-1), nullptr);
  EXPECT_EQ(find_api(52), nullptr);
  EXPECT_EQ(find_api(1000), nullptr);
  EXPECT_EQ(name_of(static_cast<ApiKey>(1000)), "Unknown");
}

TEST(HeaderVersion, FollowsTheFlexibleVersions) {
  EXPECT_EQ(request_header_version(ApiKey::Produce, ApiVersion(8)), ApiVersion(1));
  EXPECT_EQ(request_header_version(ApiKey::Produce, ApiVersion(9)), ApiVersion(2));
  EXPECT_EQ(response_header_version(ApiKey::Produce, ApiVersion(8)), ApiVersion(0));
  EXPECT_EQ(response_header_version(ApiKey::Produce, ApiVersion(9)), ApiVersion(1));
}

TEST(HeaderVersion, OfControlledShutdownV0IsZero) {
  EXPECT_EQ(request_header_version(ApiKey::ControlledShutdown, ApiVersion(0)), ApiVersion(0));
  EXPECT_EQ(request_header_version(ApiKey::ControlledShutdown, ApiVersion(1)), ApiVersion(1));
}

TEST(HeaderVersion, OfAnApiVersionsResponseIsAlwaysZero) {
  EXPECT_EQ(request_header_version(ApiKey::ApiVersions, ApiVersion(4)), ApiVersion(2));
  EXPECT_EQ(response_header_version(ApiKey::ApiVersions, ApiVersion(4)), ApiVersion(0));
}

}  // namespace
}  // namespace ottla::protocol
