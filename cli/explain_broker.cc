// `ottla explain broker ID`: how the broker is, and why it is missing in ISRs.
#include <algorithm>
#include <charconv>

#include <boost/json.hpp>

#include "cli/explain.h"
#include "cli/explanation.h"

namespace ottla::cli {
namespace {

std::optional<BrokerId> parse_broker(const std::string& text) {
  std::int32_t id = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || stop != end || id < 0) return std::nullopt;
  return BrokerId(id);
}

bool names_broker(const std::string& object) {
  return parse_broker(object).has_value();
}

Result<> run(const std::string& object, const Arguments& arguments, Console& console) {
  const auto broker = parse_broker(object);
  if (!broker) return fail(ErrorCode::InvalidRequest, "\"" + object + "\": is no broker id");
  OTTLA_TRY(
      const ClusterFacts facts,
      gather_facts(arguments, [&](const TopicPartition&, const std::vector<BrokerId>& replicas) {
        return std::ranges::find(replicas, *broker) != replicas.end();
      }));
  const BrokerExplanation explanation = explain(facts, *broker);
  if (arguments.has("json")) {
    console.out << boost::json::serialize(to_json(facts, *broker, explanation)) << '\n';
  } else {
    print(console.page(), facts, *broker, explanation);
  }
  return {};
}

}  // namespace

const ExplainSubject kExplainBroker{
    .name = "broker",
    .object = "ID",
    .summary = "how it is, and why it is missing in ISRs",
    .is_meant_by = names_broker,
    .run = run,
};

}  // namespace ottla::cli
