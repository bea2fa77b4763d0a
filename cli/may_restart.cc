#include "cli/may_restart.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "cli/cluster_facts.h"
#include "cli/loss_check.h"
#include "cli/replica_explanation.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

Result<std::vector<BrokerId>> brokers_of(const Arguments& arguments) {
  OTTLA_TRY_VOID(arguments.require("broker"));
  const std::string text = *arguments.value("broker");
  const auto wrong = [&] {
    return fail(ErrorCode::InvalidRequest,
                "--broker " + text + ": must be a broker's id, or several with commas between");
  };
  std::vector<BrokerId> brokers;
  const char* at = text.data();
  const char* const last = text.data() + text.size();
  while (true) {
    std::int32_t id = -1;
    const auto [end, error] = std::from_chars(at, last, id);
    if (error != std::errc() || id < 0) return wrong();
    if (!is_in(brokers, BrokerId(id))) brokers.emplace_back(id);
    if (end == last) return brokers;
    if (*end != ',') return wrong();
    at = end + 1;
  }
}

struct Load {
  std::size_t leads = 0;
  std::size_t replicas = 0;  ///< Partitions that have one of the brokers.
};

Load load_of(const std::vector<BrokerId>& brokers, const ClusterView& view) {
  Load load;
  for (const PartitionView& partition : view.partitions) {
    if (is_in(brokers, partition.leader)) ++load.leads;
    if (count_in(partition.replicas, brokers) > 0) ++load.replicas;
  }
  return load;
}

/// "broker 1", "brokers 1, 4".
std::string name_of(const std::vector<BrokerId>& brokers) {
  std::string name = brokers.size() == 1 ? "broker" : "brokers";
  for (const BrokerId broker : brokers) {
    name += (broker == brokers.front() ? " " : ", ") + std::to_string(broker.value());
  }
  return name;
}

json::object json_of(const std::vector<BrokerId>& brokers, const ClusterView& view,
                     const std::vector<Objecting>& objections) {
  const Load load = load_of(brokers, view);
  return json::object{{"brokers", cli::json_of(brokers)},
                      {"mayRestart", objections.empty()},
                      {"controller", is_in(brokers, view.controller)},
                      {"leads", load.leads},
                      {"replicas", load.replicas},
                      {"objections", cli::json_of(objections)}};
}

}  // namespace

Result<> answer_may_restart(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const std::vector<BrokerId> brokers, brokers_of(arguments));
  // Only what the brokers have replicas of: what is wrong elsewhere is not made worse (N11).
  OTTLA_TRY(const ClusterFacts facts,
            gather_facts(arguments, [&](const TopicPartition&, const std::vector<BrokerId>& held) {
              return count_in(held, brokers) > 0;
            }));
  const ClusterView view = view_of(facts);
  const auto objections = objections_to_loss_of(brokers, view, true);
  const std::string name = name_of(brokers);
  if (arguments.has("json")) {
    console.out << json::serialize(json_of(brokers, view, objections)) << '\n';
  } else if (objections.empty()) {
    const Load load = load_of(brokers, view);
    const bool is_one = brokers.size() == 1;
    console.out << name << " may be restarted" << (is_one ? ": it leads " : " together: they lead ")
                << load.leads << " of " << (is_one ? "its " : "their ") << load.replicas
                << " partitions, and each has others in sync to take over"
                << (!is_in(brokers, view.controller) ? "\n"
                    : is_one                         ? "; it is the controller\n"
                                                     : "; one is the controller\n");
  }
  if (objections.empty()) return {};
  return fail(ErrorCode::InvalidRequest,
              name + " should not be restarted now:" + text_of(objections));
}

}  // namespace ottla::cli
