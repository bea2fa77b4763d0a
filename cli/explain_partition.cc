// `ottla explain partition TOPIC-PARTITION`: why it is offline or under-replicated.
#include <charconv>

#include <boost/json.hpp>

#include "cli/explain.h"
#include "cli/explanation.h"

namespace ottla::cli {
namespace {

std::optional<TopicPartition> parse_partition(const std::string& text) {
  const std::size_t dash = text.rfind('-');
  if (dash == std::string::npos || dash == 0 || dash + 1 == text.size()) return std::nullopt;
  std::int32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + dash + 1, end, number);
  if (error != std::errc() || stop != end || number < 0) return std::nullopt;
  return TopicPartition{text.substr(0, dash), number};
}

bool names_partition(const std::string& object) {
  return parse_partition(object).has_value();
}

Result<> run(const std::string& object, const Arguments& arguments, Console& console) {
  const auto wanted = parse_partition(object);
  if (!wanted) {
    return fail(ErrorCode::InvalidRequest,
                "\"" + object + "\": a partition is named TOPIC-NUMBER, as in orders-3");
  }
  OTTLA_TRY(const ClusterFacts facts,
            gather_facts(arguments,
                         [&](const TopicPartition& name, const auto&) { return name == *wanted; }));
  const auto found = facts.partitions.find(*wanted);
  if (found == facts.partitions.end()) {
    if (!facts.any_broker_answers) {
      return fail(ErrorCode::BrokerNotAvailable, "no broker answers, and ZooKeeper lists " +
                                                     object +
                                                     " neither as offline nor as under-replicated");
    }
    return fail(ErrorCode::UnknownTopicOrPartition, "there is no partition " + object);
  }
  const PartitionExplanation explanation = explain(facts, found->second);
  if (arguments.has("json")) {
    console.out << boost::json::serialize(to_json(found->second, explanation)) << '\n';
  } else {
    print(console.page(), found->second, explanation);
  }
  return {};
}

}  // namespace

const ExplainSubject kExplainPartition{
    .name = "partition",
    .object = "TOPIC-PARTITION",
    .summary = "why it has no leader, or too few replicas in sync",
    .is_meant_by = names_partition,
    .run = run,
};

}  // namespace ottla::cli
