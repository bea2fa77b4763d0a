#include "cli/may_restart.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "cli/cluster_facts.h"
#include "cli/loss_check.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

Result<BrokerId> broker_of(const Arguments& arguments) {
  OTTLA_TRY_VOID(arguments.require("broker"));
  const std::string text = *arguments.value("broker");
  std::int32_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0) {
    return fail(ErrorCode::InvalidRequest, "--broker " + text + ": must be a broker's id");
  }
  return BrokerId(id);
}

struct Load {
  std::size_t leads = 0;
  std::size_t replicas = 0;
};

Load load_of(BrokerId broker, const ClusterView& view) {
  Load load;
  for (const PartitionView& partition : view.partitions) {
    if (partition.leader == broker) ++load.leads;
    if (std::ranges::find(partition.replicas, broker) != partition.replicas.end()) ++load.replicas;
  }
  return load;
}

json::object json_of(BrokerId broker, const ClusterView& view,
                     const std::vector<Objecting>& objections) {
  json::array rows;
  for (const Objecting& one : objections) {
    json::array partitions;
    for (const TopicPartition& name : one.partitions) {
      partitions.push_back(json::object{{"topic", name.topic}, {"partition", name.partition}});
    }
    rows.push_back(json::object{{"objection", std::string(name_of(one.objection))},
                                {"text", std::string(text_of(one.objection))},
                                {"partitions", std::move(partitions)}});
  }
  const Load load = load_of(broker, view);
  return json::object{{"broker", broker.value()},
                      {"mayRestart", objections.empty()},
                      {"controller", view.controller == broker},
                      {"leads", load.leads},
                      {"replicas", load.replicas},
                      {"objections", std::move(rows)}};
}

}  // namespace

Result<> answer_may_restart(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const BrokerId broker, broker_of(arguments));
  // Only what the broker has a replica of: what is wrong elsewhere is not made worse (N11).
  OTTLA_TRY(const ClusterFacts facts,
            gather_facts(arguments, [&](const TopicPartition&, const std::vector<BrokerId>& held) {
              return std::ranges::find(held, broker) != held.end();
            }));
  const ClusterView view = view_of(facts);
  const auto objections = objections_to_loss_of(broker, view, true);
  const std::string name = "broker " + std::to_string(broker.value());
  if (arguments.has("json")) {
    console.out << json::serialize(json_of(broker, view, objections)) << '\n';
  } else if (objections.empty()) {
    const Load load = load_of(broker, view);
    console.out << name << " may be restarted: it leads " << load.leads << " of its "
                << load.replicas << " partitions, and each has others in sync to take over"
                << (view.controller == broker ? "; it is the controller\n" : "\n");
  }
  if (objections.empty()) return {};
  return fail(ErrorCode::InvalidRequest,
              name + " should not be restarted now:" + text_of(objections));
}

}  // namespace ottla::cli
