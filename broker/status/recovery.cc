#include "broker/status/recovery.h"

#include <boost/json.hpp>

namespace ottla::status {

namespace json = boost::json;

Reason why_starting(BrokerState state, const std::vector<storage::LoadProgress>& loading) {
  if (loading.empty()) {
    return {"not_running", "the broker is " + std::string(name_of(state))};
  }
  std::size_t logs = 0;
  std::size_t left = 0;
  for (const storage::LoadProgress& each : loading) {
    logs += each.logs;
    left += each.logs_left;
  }
  return {"recovering_logs",
          "recovering logs: " + std::to_string(left) + " of " + std::to_string(logs) + " left"};
}

std::string recovery_document(BrokerState state,
                              const std::vector<storage::LoadProgress>& loading) {
  const Reason reason = why_starting(state, loading);
  json::array recovery;
  for (const storage::LoadProgress& each : loading) {
    recovery.push_back({{"directory", each.directory},
                        {"logs", each.logs},
                        {"logs_left", each.logs_left},
                        {"bytes", each.bytes},
                        {"bytes_left", each.bytes_left},
                        {"segments_left", json::value_from(each.segments_left)}});
  }
  return json::serialize(json::object{{"ready", false},
                                      {"state", name_of(state)},
                                      {"why", reason.text},
                                      {"recovery", std::move(recovery)}}) +
         '\n';
}

}  // namespace ottla::status
