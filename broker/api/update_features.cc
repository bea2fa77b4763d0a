#include <map>
#include <string>

#include "broker/api/features.h"
#include "broker/api/handlers.h"
#include "common/protocol/messages/update_features.h"

namespace ottla::api {
namespace {

using protocol::UpdateFeaturesRequest;

/// With ZooKeeper no level changes by request (KIP-584): Kafka 3.9 knows no feature there.
std::string refusal(const UpdateFeaturesRequest::FeatureUpdate& update) {
  if (update.feature == kTransactionVersion) {
    return "The level of transaction.version is set by ottla.transaction.version in the brokers' "
           "configs.";
  }
  if (update.max_version_level < 1) return "There is no such feature whose level could be dropped.";
  return "The brokers have no such feature.";
}

}  // namespace

void handle_update_features(Call call, Services& /*services*/) {
  const auto request = decode_or_close<UpdateFeaturesRequest>(call);
  if (!request) return;
  std::map<std::string, std::string> refusals;  // of a feature that is named twice: one
  for (const auto& update : request->feature_updates) {
    refusals.try_emplace(update.feature, refusal(update));
  }
  protocol::UpdateFeaturesResponse response;
  response.error_message = std::nullopt;
  for (auto& [feature, reason] : refusals) {
    response.results.push_back({feature, ErrorCode::InvalidRequest, std::move(reason)});
  }
  answer(call, response);
}

}  // namespace ottla::api
