// How explanations are printed: for people, and as JSON.
#include <algorithm>
#include <sstream>

#include <boost/json.hpp>

#include "cli/explanation.h"
#include "cli/reassignment_plan.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kWidest = 100;
constexpr std::size_t kPartitionsShown = 8;

/// Breaks the text between words, `indent` blanks before each line but the first.
void print_wrapped(const Page& page, const std::string& first, const std::string& text) {
  const std::size_t width = std::min(kWidest, page.columns.value_or(kWidest));
  const std::string indent(first.size(), ' ');
  std::string line = first;
  bool empty = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!empty && line.size() + 1 + word.size() > width) {
      page.out << line << '\n';
      line = indent;
      empty = true;
    }
    line += (empty ? "" : " ") + word;
    empty = false;
    at = end + 1;
  }
  page.out << line << '\n';
}

void print(const Page& page, const ReasonFound& finding) {
  print_wrapped(page, "- ", finding.text);
  for (const std::string& next : finding.next) print_wrapped(page, "    -> ", next);
}

json::array ids(const std::vector<BrokerId>& brokers) {
  json::array array;
  for (const BrokerId broker : brokers) array.emplace_back(broker.value());
  return array;
}

json::object to_json(const ReasonFound& finding) {
  json::object object{{"reason", name_of(finding.reason)}};
  if (finding.broker != kNoBroker) object["broker"] = finding.broker.value();
  if (finding.since_ms) object["sinceMs"] = *finding.since_ms;
  for (const auto& [name, value] : finding.numbers) object[name] = value;
  object["text"] = finding.text;
  json::array next;
  for (const std::string& one : finding.next) next.emplace_back(one);
  object["next"] = std::move(next);
  return object;
}

json::array to_json(const std::vector<ReasonFound>& findings) {
  json::array array;
  for (const ReasonFound& finding : findings) array.push_back(to_json(finding));
  return array;
}

std::string_view text_of(Condition condition) {
  switch (condition) {
    case Condition::Healthy:
      return "healthy";
    case Condition::UnderReplicated:
      return "under-replicated";
    case Condition::BelowMinIsr:
      return "below min.insync.replicas";
    case Condition::Offline:
      return "offline: it has no leader";
  }
  return "";
}

}  // namespace

void print(const Page& page, const PartitionFacts& partition,
           const PartitionExplanation& explanation) {
  std::ostringstream out;
  out << partition.name << " is " << text_of(explanation.condition) << "\n  leader ";
  if (partition.leader == kNoBroker)
    out << "none";
  else
    out << partition.leader;
  out << ", leader epoch " << partition.leader_epoch << ", replicas " << joined(partition.replicas)
      << ", isr " << joined(partition.isr);
  if (!partition.eligible_leaders.empty()) {
    out << ", eligible leaders " << joined(partition.eligible_leaders);
  }
  if (partition.min_insync_replicas) {
    out << ", min.insync.replicas " << *partition.min_insync_replicas;
  }
  out << '\n';
  if (partition.decision && partition.decision->since_ms >= 0) {
    out << "  so for " << duration_text(partition.decision->since_ms) << '\n';
  }
  print_lines(page, out.view());
  for (const ReasonFound& finding : explanation.findings) print(page, finding);
}

void print(const Page& page, const ClusterFacts& facts, BrokerId broker,
           const BrokerExplanation& explanation) {
  std::ostringstream out;
  const auto known = facts.brokers.find(broker);
  out << "broker " << broker;
  if (known != facts.brokers.end() && !known->second.address.empty()) {
    out << " at " << known->second.address;
  }
  out << ": " << explanation.replicas << " replicas, leads " << explanation.leads
      << (facts.controller == broker ? ", controller" : "") << '\n';
  print_lines(page, out.view());
  for (const ReasonFound& finding : explanation.findings) print(page, finding);
  std::size_t missing = 0;
  for (const MissingFrom& group : explanation.missing) missing += group.partitions.size();
  if (missing > 0)
    page.out << "Not in the ISR, or without a leader: " << missing << " partitions\n";
  for (const MissingFrom& group : explanation.missing) {
    std::string names;
    for (std::size_t i = 0; i < std::min(kPartitionsShown, group.partitions.size()); ++i) {
      names += (i == 0 ? "" : " ") + group.partitions[i].to_string();
    }
    if (group.partitions.size() > kPartitionsShown) {
      names += " and " + std::to_string(group.partitions.size() - kPartitionsShown) + " more";
    }
    const bool is_told = std::ranges::any_of(explanation.findings, [&](const ReasonFound& finding) {
      return finding.reason == group.finding.reason && finding.text == group.finding.text;
    });
    print_wrapped(page, "  ", names + (is_told ? ", for the reason above" : ":"));
    if (!is_told) print(page, group.finding);
  }
  if (explanation.findings.empty() && missing == 0) page.out << "It is well.\n";
}

json::object to_json(const PartitionFacts& partition, const PartitionExplanation& explanation) {
  json::object object{{"topic", partition.name.topic},
                      {"partition", partition.name.partition},
                      {"condition", name_of(explanation.condition)},
                      {"leader", partition.leader.value()},
                      {"leaderEpoch", partition.leader_epoch.value()},
                      {"replicas", ids(partition.replicas)},
                      {"isr", ids(partition.isr)},
                      {"eligibleLeaders", ids(partition.eligible_leaders)}};
  if (partition.min_insync_replicas) object["minInsyncReplicas"] = *partition.min_insync_replicas;
  if (partition.decision && partition.decision->since_ms >= 0) {
    object["sinceMs"] = partition.decision->since_ms;
  }
  object["reasons"] = to_json(explanation.findings);
  return object;
}

json::object to_json(const ClusterFacts& facts, BrokerId broker,
                     const BrokerExplanation& explanation) {
  json::object object{{"broker", broker.value()},
                      {"controller", facts.controller == broker},
                      {"replicas", explanation.replicas},
                      {"leads", explanation.leads},
                      {"reasons", to_json(explanation.findings)}};
  json::array missing;
  for (const MissingFrom& group : explanation.missing) {
    json::array names;
    for (const TopicPartition& name : group.partitions) names.emplace_back(name.to_string());
    json::object one = to_json(group.finding);
    one["partitions"] = std::move(names);
    missing.push_back(std::move(one));
  }
  object["notInSync"] = std::move(missing);
  return object;
}

}  // namespace ottla::cli
