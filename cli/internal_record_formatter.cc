#include "cli/internal_record_formatter.h"

#include <cstdint>

#include <boost/json.hpp>

#include "cli/group_record_text.h"
#include "cli/transaction_record_text.h"
#include "common/base/bytes.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

constexpr std::int16_t kGroupKey = 2;

std::optional<ByteView> bytes_of(const std::optional<std::string_view>& text) {
  if (!text) return std::nullopt;
  return as_bytes(*text);
}

/// The words of Java and Scala.
std::string text_of(const json::value& value) {
  if (value.is_null()) return "null";
  if (const auto* text = value.if_string()) return std::string(*text);
  return json::serialize(value);
}
std::string option_of(const json::value& value) {
  return value.is_null() ? "None" : "Some(" + text_of(value) + ")";
}

const json::value& member(const json::object& object, std::string_view name) {
  static const json::value kNull;
  const auto* const found = object.if_contains(name);
  return found == nullptr ? kNull : *found;
}

/// `[g,orders,0]::OffsetAndMetadata(offset=2, leaderEpoch=Optional[0], ..)`
std::string old_offset_text(const json::object& key, const json::object* value) {
  const std::string name = "[" + text_of(member(key, "group")) + "," +
                           text_of(member(key, "topic")) + "," + text_of(member(key, "partition")) +
                           "]::";
  if (value == nullptr) return name + "NULL";
  const json::value& epoch = member(*value, "leaderEpoch");
  const bool has_epoch = epoch.is_int64() && epoch.get_int64() >= 0;
  const json::value& expires = member(*value, "expireTimestamp");
  const bool does_expire = expires.is_int64() && expires.get_int64() >= 0;
  return name + "OffsetAndMetadata(offset=" + text_of(member(*value, "offset")) +
         ", leaderEpoch=" + (has_epoch ? "Optional[" + text_of(epoch) + "]" : "Optional.empty") +
         ", metadata=" + text_of(member(*value, "metadata")) +
         ", commitTimestamp=" + text_of(member(*value, "commitTimestamp")) +
         ", expireTimestamp=" + (does_expire ? option_of(expires) : "None") + ")";
}

std::string old_member_text(const json::object& member_of_group, const json::value& protocol) {
  const std::string id = text_of(member(member_of_group, "memberId"));
  const json::value& session = member(member_of_group, "sessionTimeout");
  const json::value& rebalance = member(member_of_group, "rebalanceTimeout");
  return id + " -> MemberMetadata(memberId=" + id +
         ", groupInstanceId=" + option_of(member(member_of_group, "groupInstanceId")) +
         ", clientId=" + text_of(member(member_of_group, "clientId")) +
         ", clientHost=" + text_of(member(member_of_group, "clientHost")) +
         ", sessionTimeoutMs=" + text_of(session) +
         ", rebalanceTimeoutMs=" + text_of(rebalance.is_null() ? session : rebalance) +
         ", supportedProtocols=List(" + text_of(protocol) + "))";
}

/// `g::GroupMetadata(groupId=g, generation=1, .., members=HashMap(id -> MemberMetadata(..)))`
std::string old_group_text(const json::object& key, const json::object* value) {
  const std::string group = text_of(member(key, "group"));
  if (value == nullptr) return group + "::NULL";
  std::string members;
  for (const auto& one : member(*value, "members").as_array()) {
    members += (members.empty() ? "" : ", ") +
               old_member_text(one.as_object(), member(*value, "protocol"));
  }
  const json::value& type = member(*value, "protocolType");
  const bool has_type = type.is_string() && !type.get_string().empty();
  return group + "::GroupMetadata(groupId=" + group +
         ", generation=" + text_of(member(*value, "generation")) +
         ", protocolType=" + (has_type ? option_of(type) : "None") +
         ", currentState=" + (members.empty() ? "Empty" : "Stable") + ", members=HashMap(" +
         members + "))";
}

/// The data of {"version", "data"}; null for a tombstone, and for what is not understood.
const json::object* data_of(const json::value& versioned) {
  const auto* const object = versioned.if_object();
  return object == nullptr ? nullptr : object->at("data").if_object();
}

}  // namespace

std::optional<InternalRecordFormatter> InternalRecordFormatter::named(std::string_view java_class) {
  const bool is_old = java_class.starts_with("kafka.");
  const std::string_view name = java_class.substr(java_class.find_last_of(".$") + 1);
  if (name == "OffsetsMessageFormatter") return InternalRecordFormatter(Kind::Offsets, is_old);
  if (name == "GroupMetadataMessageFormatter") return InternalRecordFormatter(Kind::Groups, is_old);
  if (name == "TransactionLogMessageFormatter") {
    return InternalRecordFormatter(Kind::Transactions, is_old);
  }
  return std::nullopt;
}

std::optional<json::object> InternalRecordFormatter::json(const ConsumedRecord& record) const {
  if (kind_ == Kind::Transactions) {
    return transaction_record_json(bytes_of(record.key), bytes_of(record.value));
  }
  auto decoded = group_record_json(bytes_of(record.key), bytes_of(record.value));
  if (!decoded) return std::nullopt;
  // Offsets that have ended, which are Ottla's own, stand among the offsets.
  if ((decoded->type == kGroupKey) != (kind_ == Kind::Groups)) return std::nullopt;
  return json::object{{"key", std::move(decoded->key)}, {"value", std::move(decoded->value)}};
}

std::optional<std::string> InternalRecordFormatter::line(const ConsumedRecord& record) const {
  const auto decoded = json(record);
  if (!decoded) return std::nullopt;
  if (!is_old_) return boost::json::serialize(*decoded);
  const json::object* const key = data_of(decoded->at("key"));
  const json::object* const value = data_of(decoded->at("value"));
  const bool is_tombstone = decoded->at("value").is_null();
  if (key == nullptr || (value == nullptr && !is_tombstone)) return std::nullopt;
  switch (kind_) {
    case Kind::Offsets:
      // Of before, and so without what has ended.
      if (decoded->at("key").at("version").to_number<int>() >= kGroupKey) return std::nullopt;
      return old_offset_text(*key, value);
    case Kind::Groups:
      return old_group_text(*key, value);
    case Kind::Transactions:
      return transaction_record_old_text(*key, value);
  }
  return std::nullopt;
}

}  // namespace ottla::cli
