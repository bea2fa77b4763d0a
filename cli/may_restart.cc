#include "cli/may_restart.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <boost/json.hpp>

#include "cli/cluster_facts.h"
#include "cli/loss_check.h"
#include "cli/replica_explanation.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

/// A follower in sync gets within a moment what its leader has.
constexpr std::chrono::milliseconds kReplicationTime{2000};
constexpr std::chrono::milliseconds kPause{100};

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

/// What there is to know of the brokers' partitions: what is wrong elsewhere is not made worse
/// (N11).
Result<ClusterView> look(const Arguments& arguments, const std::vector<BrokerId>& brokers) {
  OTTLA_TRY(const ClusterFacts facts,
            gather_facts(arguments, [&](const TopicPartition&, const std::vector<BrokerId>& held) {
              return count_in(held, brokers) > 0;
            }));
  ClusterView view = view_of(facts);
  add_log_ends(view, facts);
  return view;
}

/// Whether followers that stay lack records of a leader that goes.
bool has_records_on_the_way(const std::vector<BrokerId>& brokers, const ClusterView& view) {
  return std::ranges::any_of(view.partitions, [&](const PartitionView& partition) {
    return count_in(partition.isr, brokers) < static_cast<std::int64_t>(partition.isr.size()) &&
           records_on_none_but(brokers, partition).value_or(0) > 0;
  });
}

/// Of records that followers lack at first those do not count that they have a moment later.
Result<ClusterView> view_for(const Arguments& arguments, const std::vector<BrokerId>& brokers) {
  OTTLA_TRY(ClusterView view, look(arguments, brokers));
  const auto deadline = std::chrono::steady_clock::now() + kReplicationTime;
  while (has_records_on_the_way(brokers, view) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kPause);
    OTTLA_TRY(ClusterView later, look(arguments, brokers));
    keep_leader_ends(later, view);
    view = std::move(later);
  }
  return view;
}

/// The partitions whose records are at stake, with how many; null: the brokers do not tell.
json::value records_at_stake(const std::vector<BrokerId>& brokers, const ClusterView& view) {
  json::array rows;
  for (const PartitionView& partition : view.partitions) {
    const auto records = records_on_none_but(brokers, partition);
    if (!records) return nullptr;
    if (*records == 0) continue;
    rows.push_back({{"topic", partition.name.topic},
                    {"partition", partition.name.partition},
                    {"records", *records}});
  }
  return rows;
}

json::object json_of(const std::vector<BrokerId>& brokers, const ClusterView& view,
                     const std::vector<Objecting>& objections) {
  const Load load = load_of(brokers, view);
  return json::object{{"brokers", cli::json_of(brokers)},
                      {"mayRestart", objections.empty()},
                      {"controller", is_in(brokers, view.controller)},
                      {"leads", load.leads},
                      {"replicas", load.replicas},
                      {"onlyThere", records_at_stake(brokers, view)},
                      {"objections", cli::json_of(objections)}};
}

}  // namespace

Result<> answer_may_restart(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const std::vector<BrokerId> brokers, brokers_of(arguments));
  OTTLA_TRY(const ClusterView view, view_for(arguments, brokers));
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
