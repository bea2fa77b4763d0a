// `ottla features`: what kafka-features does.
#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "cli/bootstrap_controller.h"
#include "cli/broker_client.h"
#include "cli/tool.h"
#include "common/protocol/messages/api_versions.h"
#include "common/protocol/messages/update_features.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kBootstrapControllerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "feature",
     .value = "name=level",
     .doc = "upgrade, downgrade: to this level; disable: the name alone",
     .repeated = true},
    {.name = "metadata",
     .value = "version",
     .doc = "refused: metadata.version is a feature of KRaft; see inter.broker.protocol.version"},
    {.name = "unsafe", .doc = "downgrade, disable: even if metadata is lost"},
    {.name = "dry-run", .doc = "only say whether it would be done"},
};

struct Feature {
  std::int16_t lowest = 0;
  std::int16_t highest = 0;
  std::int16_t level = 0;  ///< 0: not finalized.
};

Result<> describe(BrokerClient& client, bool as_json, Console& console) {
  OTTLA_TRY(const auto response,
            client.ask<protocol::ApiVersionsResponse>(api_versions_request(kToolSoftwareName)));
  if (response.error_code != ErrorCode::None) return fail(response.error_code);
  std::map<std::string, Feature> features;
  for (const auto& supported : response.supported_features) {
    features[supported.name] = {supported.min_version, supported.max_version};
  }
  for (const auto& finalized : response.finalized_features) {
    features[finalized.name].level = finalized.max_version_level;
  }
  json::array all;
  for (const auto& [name, feature] : features) {
    all.push_back({{"feature", name},
                   {"supportedMinVersion", feature.lowest},
                   {"supportedMaxVersion", feature.highest},
                   {"finalizedVersionLevel", feature.level},
                   {"epoch", response.finalized_features_epoch}});
    if (as_json) continue;
    console.out << "Feature: " << name << "\tSupportedMinVersion: " << feature.lowest
                << "\tSupportedMaxVersion: " << feature.highest
                << "\tFinalizedVersionLevel: " << feature.level
                << "\tEpoch: " << response.finalized_features_epoch << "\n";
  }
  if (as_json) console.out << json::serialize(all) << "\n";
  return {};
}

/// What the words upgrade, downgrade and disable are on the wire (KIP-778).
enum class UpgradeType : std::int8_t { Upgrade = 1, SafeDowngrade = 2, UnsafeDowngrade = 3 };

Result<protocol::UpdateFeaturesRequest> request_of(const std::string& verb,
                                                   const Arguments& arguments, bool has_types) {
  if (arguments.has("metadata")) {
    return fail(ErrorCode::InvalidRequest,
                "--metadata: metadata.version is a feature of KRaft; with ZooKeeper the brokers' "
                "inter.broker.protocol.version takes its place");
  }
  const bool is_disabled = verb == "disable";
  if (verb == "upgrade" && arguments.has("unsafe")) {
    return fail(ErrorCode::InvalidRequest, "--unsafe is only for downgrade and disable");
  }
  protocol::UpdateFeaturesRequest request;
  if (arguments.has("dry-run")) {
    if (!has_types) return fail(ErrorCode::UnsupportedVersion, "--dry-run: these brokers cannot");
    request.validate_only = true;
  }
  const auto type = verb == "upgrade"         ? UpgradeType::Upgrade
                    : arguments.has("unsafe") ? UpgradeType::UnsafeDowngrade
                                              : UpgradeType::SafeDowngrade;
  for (const std::string& text : arguments.values("feature")) {
    const std::size_t equals = text.find('=');
    std::int16_t level = 0;
    if (!is_disabled) {
      const std::string_view digits =
          equals == text.npos ? std::string_view() : std::string_view(text).substr(equals + 1);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), level);
      if (error != std::errc() || end != digits.data() + digits.size() || level < 0) {
        return fail(ErrorCode::InvalidRequest, "--feature " + text + ": must be name=level");
      }
    }
    auto& update = request.feature_updates.emplace_back();
    update.feature = text.substr(0, equals);
    update.max_version_level = level;
    if (has_types) {
      update.upgrade_type = static_cast<std::int8_t>(type);
    } else {
      update.allow_downgrade = type != UpgradeType::Upgrade;
    }
  }
  if (request.feature_updates.empty()) {
    return fail(ErrorCode::InvalidRequest, "say which: --feature, at least once, for " + verb);
  }
  return request;
}

/// `Could not upgrade a to 1.`, `Can not disable a.` of a dry run; and what was done.
std::string outcome_text(const std::string& verb, bool is_dry, bool is_done,
                         const protocol::UpdateFeaturesRequest::FeatureUpdate& update) {
  const std::string what =
      update.feature + (verb == "disable" ? "" : " to " + std::to_string(update.max_version_level));
  if (!is_done) return (is_dry ? "Can not " : "Could not ") + verb + " " + what + ".";
  if (is_dry) return update.feature + " can be " + verb + "d" + what.substr(update.feature.size());
  return update.feature + " was " + verb + "d" + what.substr(update.feature.size()) + ".";
}

Result<> update(BrokerClient& client, const std::string& verb, const Arguments& arguments,
                Console& console) {
  OTTLA_TRY(const auto request,
            request_of(verb, arguments, client.serves(protocol::ApiKey::UpdateFeatures, 1)));
  if (!client.serves(protocol::ApiKey::UpdateFeatures)) {
    return fail(ErrorCode::UnsupportedVersion, "these brokers change no features");
  }
  OTTLA_TRY(const auto response, client.ask_controller<protocol::UpdateFeaturesResponse>(request));
  if (response.error_code != ErrorCode::None) {
    return fail(response.error_code, response.error_message.value_or(""));
  }
  std::map<std::string, std::string> refusals;
  for (const auto& result : response.results) {
    if (result.error_code == ErrorCode::None) continue;
    refusals[result.feature] =
        result.error_message.value_or(std::string(text_of(result.error_code)));
  }
  std::size_t failed = 0;
  json::array all;
  for (const auto& one : request.feature_updates) {
    const auto refused = refusals.find(one.feature);
    const bool is_done = refused == refusals.end();
    const std::string why = is_done ? "" : refused->second;
    failed += is_done ? 0 : 1;
    all.push_back({{"feature", one.feature},
                   {"level", one.max_version_level},
                   {"done", is_done},
                   {"error", why}});
    if (arguments.has("json")) continue;
    console.out << outcome_text(verb, arguments.has("dry-run"), is_done, one)
                << (why.empty() ? "" : " " + why) << "\n";
  }
  if (arguments.has("json")) console.out << json::serialize(all) << "\n";
  if (failed == 0) return {};
  return fail(ErrorCode::InvalidRequest, std::to_string(failed) + " out of " +
                                             std::to_string(request.feature_updates.size()) +
                                             " operation(s) failed.");
}

Result<> run_features(const Arguments& arguments, Console& console) {
  const std::vector<std::string>& words = arguments.words();
  const std::string verb = words.size() == 1 ? words.front() : "";
  if (verb != "describe" && verb != "upgrade" && verb != "downgrade" && verb != "disable") {
    return fail(ErrorCode::InvalidRequest,
                "say what to do, in one word: describe, upgrade, downgrade or disable");
  }
  OTTLA_TRY_VOID(refuse_bootstrap_controller(arguments));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  if (verb == "describe") return describe(client, arguments.has("json"), console);
  return update(client, verb, arguments, console);
}

}  // namespace

const Tool kFeaturesTool{.name = "features",
                         .summary = "show features and their levels; change them where it can be",
                         .flags = kFlags,
                         .words = "describe | upgrade | downgrade | disable",
                         .run = run_features};

}  // namespace ottla::cli
