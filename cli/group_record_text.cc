#include "cli/group_record_text.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json.hpp>

#include "common/protocol/frame.h"
#include "common/protocol/messages/consumer_protocol.h"
#include "common/protocol/messages/group_log.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;
using protocol::ApiVersion;

constexpr std::int16_t kGroupKey = 2;
/// Ottla's own: an offset that has ended (group::EndedOffset).
constexpr std::int16_t kEndedOffsetKey = 20000;

std::string base64(ByteView bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < bytes.size() ? std::to_integer<std::uint32_t>(bytes[at]) : 0u;
    };
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (std::size_t digit = 0; digit < 4; ++digit) {
      const bool is_padding = i + digit > bytes.size();
      text += is_padding ? '=' : kDigits[group >> (18 - 6 * digit) & 63];
    }
  }
  return text;
}

json::value or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}
json::value or_null(const std::optional<ByteView>& bytes) {
  return bytes ? json::value(base64(*bytes)) : json::value(nullptr);
}

std::optional<std::int16_t> version_of(ByteView bytes) {
  if (bytes.size() < sizeof(std::int16_t)) return std::nullopt;
  return load_big_endian<std::int16_t>(bytes.data());
}

template <class M>
std::optional<M> decode(ByteView bytes, std::int16_t version) {
  auto decoded = protocol::decode<M>(bytes.subspan(sizeof(std::int16_t)), ApiVersion(version));
  if (!decoded) return std::nullopt;
  return *std::move(decoded);
}

/// A newer version is read as far as we know it.
template <class M>
std::optional<M> decode_known(ByteView bytes) {
  const auto version = version_of(bytes);
  if (!version || *version < 0) return std::nullopt;
  return decode<M>(bytes, std::min(*version, M::kVersions.last));
}

template <class Topics>
json::array topics_with_partitions(const Topics& topics) {
  json::array array;
  for (const auto& topic : topics) {
    array.push_back(
        {{"topic", topic.topic},
         {"partitions", json::array(topic.partitions.begin(), topic.partitions.end())}});
  }
  return array;
}

json::value subscription(ByteView bytes) {
  const auto decoded = decode_known<protocol::ConsumerProtocolSubscription>(bytes);
  if (!decoded) return json::value(base64(bytes));
  return {{"topics", json::array(decoded->topics.begin(), decoded->topics.end())},
          {"userData", or_null(decoded->user_data)},
          {"ownedPartitions", topics_with_partitions(decoded->owned_partitions)},
          {"generationId", decoded->generation_id},
          {"rackId", or_null(decoded->rack_id)}};
}

json::value assignment(ByteView bytes) {
  const auto decoded = decode_known<protocol::ConsumerProtocolAssignment>(bytes);
  if (!decoded) return json::value(base64(bytes));
  return {{"assignedPartitions", topics_with_partitions(decoded->assigned_partitions)},
          {"userData", or_null(decoded->user_data)}};
}

std::optional<json::object> offset_value(ByteView bytes, std::int16_t version) {
  const auto value = decode<protocol::OffsetCommitValue>(bytes, version);
  if (!value) return std::nullopt;
  json::object data{{"offset", value->offset.value()}};
  if (version >= 3) data["leaderEpoch"] = value->leader_epoch.value();
  data["metadata"] = value->metadata;
  data["commitTimestamp"] = value->commit_timestamp;
  if (version == 1) data["expireTimestamp"] = value->expire_timestamp;
  return data;
}

/// How members are shown.
enum class MembersAs { Decoded, Base64 };

std::optional<json::object> group_value(ByteView bytes, std::int16_t version, MembersAs as) {
  const auto value = decode<protocol::GroupMetadataValue>(bytes, version);
  if (!value) return std::nullopt;
  json::object data{{"protocolType", value->protocol_type},
                    {"generation", value->generation},
                    {"protocol", or_null(value->protocol)},
                    {"leader", or_null(value->leader)}};
  if (version >= 2) data["currentStateTimestamp"] = value->current_state_timestamp;
  json::array members;
  const bool consumers = value->protocol_type == "consumer" && as == MembersAs::Decoded;
  for (const auto& stored : value->members) {
    json::object member{{"memberId", stored.member_id}};
    if (version >= 3) member["groupInstanceId"] = or_null(stored.group_instance_id);
    member["clientId"] = stored.client_id;
    member["clientHost"] = stored.client_host;
    if (version >= 1) member["rebalanceTimeout"] = stored.rebalance_timeout;
    member["sessionTimeout"] = stored.session_timeout;
    member["subscription"] =
        consumers ? subscription(stored.subscription) : json::value(base64(stored.subscription));
    member["assignment"] =
        consumers ? assignment(stored.assignment) : json::value(base64(stored.assignment));
    members.push_back(std::move(member));
  }
  data["members"] = std::move(members);
  return data;
}

std::string_view name_of_end(std::int8_t why) {
  constexpr std::string_view kNames[] = {"expired", "deleted", "group deleted"};
  const auto number = static_cast<std::size_t>(why);
  return number < std::size(kNames) ? kNames[number] : "unknown";
}

std::optional<json::object> ended_offset_value(ByteView bytes, std::int16_t version) {
  const std::int16_t as = version == 0 ? kEndedOffsetKey : version;
  const auto value = decode<protocol::EndedOffsetValue>(bytes, as);
  if (!value) return std::nullopt;
  return json::object{{"offset", value->offset.value()},
                      {"leaderEpoch", value->leader_epoch.value()},
                      {"metadata", value->metadata},
                      {"commitTimestamp", value->commit_timestamp},
                      {"endedTimestamp", value->ended_timestamp},
                      {"why", std::string(name_of_end(value->why))}};
}

template <class Key>
std::optional<json::object> offset_key(ByteView key, std::int16_t type) {
  const auto decoded = decode<Key>(key, type);
  if (!decoded) return std::nullopt;
  return json::object{
      {"group", decoded->group}, {"topic", decoded->topic}, {"partition", decoded->partition}};
}

std::optional<json::object> key_data(ByteView key, std::int16_t type) {
  if (type == kGroupKey) {
    const auto decoded = decode<protocol::GroupMetadataKey>(key, type);
    if (!decoded) return std::nullopt;
    return json::object{{"group", decoded->group}};
  }
  if (type == kEndedOffsetKey) return offset_key<protocol::EndedOffsetKey>(key, type);
  return offset_key<protocol::OffsetCommitKey>(key, type);
}

std::optional<json::object> value_data(std::int16_t type, ByteView value, std::int16_t version,
                                       MembersAs as) {
  if (type == kGroupKey) return group_value(value, version, as);
  if (type == kEndedOffsetKey) return ended_offset_value(value, version);
  return offset_value(value, version);
}

std::string with_version(const char* name, std::int16_t version, std::optional<json::object> data) {
  json::object text{{name, std::to_string(version)}};
  text["data"] = data ? json::value(*std::move(data)) : json::value("unknown");
  return json::serialize(text);
}

}  // namespace

GroupRecordText group_record_text(std::optional<ByteView> key, std::optional<ByteView> value) {
  GroupRecordText text{.key = "<NULL>", .payload = "<DELETE>"};
  const auto type = key ? version_of(*key) : std::nullopt;
  if (type) text.key = with_version("type", *type, key_data(*key, *type));
  if (!value) return text;
  const auto version = version_of(*value);
  text.payload = "unknown";
  if (!type || !version) return text;
  text.payload =
      with_version("version", *version, value_data(*type, *value, *version, MembersAs::Decoded));
  return text;
}

std::optional<GroupRecordJson> group_record_json(std::optional<ByteView> key,
                                                 std::optional<ByteView> value) {
  const auto type = key ? version_of(*key) : std::nullopt;
  if (!type) return std::nullopt;
  GroupRecordJson record{.type = *type, .key = {}, .value = nullptr, .is_understood = true};
  const auto described = [&](std::int16_t version, std::optional<json::object> data) {
    if (!data) record.is_understood = false;
    return json::object{{"version", version},
                        {"data", data ? json::value(*std::move(data)) : json::value("unknown")}};
  };
  record.key = described(*type, key_data(*key, *type));
  if (!value) return record;
  const std::int16_t version = version_of(*value).value_or(-1);
  record.value = described(version, value_data(*type, *value, version, MembersAs::Base64));
  return record;
}

}  // namespace ottla::cli
