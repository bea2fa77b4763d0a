// `ottla broker-api-versions`: what kafka-broker-api-versions does.
#include <algorithm>
#include <map>
#include <string>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/tool.h"
#include "common/protocol/messages/api_versions.h"

namespace ottla::cli {
namespace {

constexpr Flag kFlags[] = {kBootstrapServerFlag, kCommandConfigFlag, kJsonFlag};

using Served = std::map<std::int16_t, protocol::VersionRange>;

Result<Served> ask(BrokerClient& client, BrokerId broker) {
  OTTLA_TRY(const auto response, client.ask<protocol::ApiVersionsResponse>(
                                     broker, api_versions_request(kToolSoftwareName)));
  if (response.error_code != ErrorCode::None) return fail(response.error_code);
  Served served;
  for (const auto& api : response.api_keys) {
    served[api.api_key] = {api.min_version, api.max_version};
  }
  return served;
}

/// `Produce(0): 0 to 11 [usable: 11]`
std::string line_of(std::int16_t key, const protocol::VersionRange& range) {
  const protocol::ApiInfo* const known = protocol::find_api(key);
  std::string line = (known == nullptr ? "UNKNOWN" : std::string(known->name)) + '(' +
                     std::to_string(key) + "): " + std::to_string(range.first) +
                     (range.first == range.last ? "" : " to " + std::to_string(range.last));
  if (known == nullptr) return line;
  const auto newest = std::min(known->versions.last, range.last);
  if (newest < range.first) return line + " [unusable: node too new]";
  if (newest < known->versions.first) return line + " [unusable: node too old]";
  return line + " [usable: " + std::to_string(newest) + ']';
}

void print(const protocol::MetadataResponse::Broker& broker, const Served& served,
           Console& console) {
  console.out << broker.host << ':' << broker.port << " (id: " << broker.node_id
              << " rack: " << broker.rack.value_or("null") << ") -> (\n";
  std::map<std::int16_t, std::string> lines;
  for (const protocol::ApiInfo& api : protocol::all_apis()) {
    if (protocol::is_own_api(api.key)) continue;
    const auto key = static_cast<std::int16_t>(api.key);
    lines[key] = std::string(api.name) + '(' + std::to_string(key) + "): UNSUPPORTED";
  }
  for (const auto& [key, range] : served) lines[key] = line_of(key, range);
  std::size_t left = lines.size();
  for (const auto& [key, line] : lines) {
    console.out << '\t' << line << (--left > 0 ? ",\n" : "\n");
  }
  console.out << ")\n";
}

boost::json::object to_json(const protocol::MetadataResponse::Broker& broker,
                            const Served& served) {
  boost::json::array apis;
  for (const auto& [key, range] : served) {
    const protocol::ApiInfo* const known = protocol::find_api(key);
    boost::json::object api{{"key", key}, {"min", range.first}, {"max", range.last}};
    if (known != nullptr) api["name"] = known->name;
    apis.push_back(std::move(api));
  }
  return {{"id", broker.node_id.value()},
          {"host", broker.host},
          {"port", broker.port},
          {"apis", std::move(apis)}};
}

Result<> run_broker_api_versions(const Arguments& arguments, Console& console) {
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const auto metadata, client.metadata());
  boost::json::array all;
  std::string failures;
  for (const auto& broker : metadata.brokers) {
    const auto served = ask(client, broker.node_id);
    if (!served) {
      failures += (failures.empty() ? "" : "; ") + std::string("broker ") +
                  std::to_string(broker.node_id.value()) + ": " + served.error().describe();
      if (!arguments.has("json")) {
        console.out << broker.host << ':' << broker.port << " (id: " << broker.node_id
                    << " rack: " << broker.rack.value_or("null")
                    << ") -> ERROR: " << served.error().describe() << '\n';
      }
      continue;
    }
    if (arguments.has("json")) {
      all.push_back(to_json(broker, *served));
    } else {
      print(broker, *served, console);
    }
  }
  if (arguments.has("json")) console.out << boost::json::serialize(all) << '\n';
  if (!failures.empty()) return fail(ErrorCode::BrokerNotAvailable, failures);
  return {};
}

}  // namespace

const Tool kBrokerApiVersionsTool{.name = "broker-api-versions",
                                  .summary = "show which APIs, and versions, each broker serves",
                                  .flags = kFlags,
                                  .run = run_broker_api_versions};

}  // namespace ottla::cli
