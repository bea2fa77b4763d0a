// `ottla explain group NAME`: who is in the group, who left it and why, how long rebalances took.
#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/explain.h"
#include "cli/explanation.h"
#include "cli/moment_text.h"
#include "common/protocol/messages/describe_health.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;
using Told = protocol::DescribeHealthResponse::Group;

/// By their numbers on the wire.
constexpr std::string_view kKinds[] = {
    "joined",          "left",       "refused",      "rebalance began",
    "rebalance ended", "moved away", "offsets ended"};
constexpr std::int8_t kRebalanceBegan = 3;
constexpr std::int8_t kRebalanceEnded = 4;

std::string_view name_of_kind(std::int8_t kind) {
  const auto number = static_cast<std::size_t>(kind);
  return kind >= 0 && number < std::size(kKinds) ? kKinds[number] : "something newer";
}

struct Event {
  BrokerId broker;
  Told::Event told;
};

struct Account {
  BrokerId coordinator = kNoBroker;
  Told of_coordinator;
  std::vector<Event> events;  ///< Of all brokers, by time.
  std::vector<std::string> silent_brokers;
};

/// Also brokers that coordinated the group before are asked.
Result<Account> gather(BrokerClient& client, const std::string& group) {
  OTTLA_TRY(const auto metadata, client.metadata(std::vector<std::string>{}));
  Account account;
  protocol::DescribeHealthRequest request;
  request.groups = {group};
  for (const auto& broker : metadata.brokers) {
    auto response = client.ask<protocol::DescribeHealthResponse>(broker.node_id, request);
    if (!response) {
      account.silent_brokers.push_back("broker " + std::to_string(broker.node_id.value()) + ": " +
                                       response.error().describe());
      continue;
    }
    if (response->groups.empty()) continue;
    Told& told = response->groups.front();
    for (auto& event : told.events) account.events.push_back({broker.node_id, event});
    if (told.error_code == ErrorCode::NotCoordinator) continue;
    account.coordinator = broker.node_id;
    account.of_coordinator = std::move(told);
  }
  std::ranges::stable_sort(account.events, {}, [](const Event& event) { return event.told.at_ms; });
  return account;
}

std::string event_text(const Event& event) {
  const auto& told = event.told;
  std::string text(name_of_kind(told.kind));
  if (!told.member_id.empty()) text += " " + std::string(told.member_id);
  if (!told.client.empty()) text += " (" + std::string(told.client) + ")";
  if (!told.why.empty()) text += ": " + std::string(told.why);
  if (told.took_ms >= 0) text += ", took " + duration_text(told.took_ms);
  if (told.kind == kRebalanceEnded) text += ", " + std::to_string(told.members) + " members";
  if (told.times > 1) text += " (" + std::to_string(told.times) + " times)";
  return text;
}

/// Neither there now nor remembered by any broker.
bool is_nowhere(const Account& account) {
  const auto& is = account.of_coordinator;
  return account.coordinator != kNoBroker && is.error_code == ErrorCode::None &&
         is.state == "Dead" && is.ended_offsets.empty() && account.events.empty() &&
         account.silent_brokers.empty();
}

void print_state(std::ostream& out, const std::string& group, const Account& account) {
  const auto& is = account.of_coordinator;
  out << "Group " << group << ": ";
  if (account.coordinator == kNoBroker) {
    out << "no broker that answers coordinates it\n";
    return;
  }
  if (is.error_code != ErrorCode::None) {
    out << "its coordinator, broker " << account.coordinator << ", answers "
        << text_of(is.error_code) << '\n';
    return;
  }
  out << is.state << ", generation " << is.generation << ", " << is.members.size()
      << " members, protocol " << (is.protocol.empty() ? "-" : is.protocol) << '\n'
      << "Coordinator: broker " << account.coordinator << " since "
      << moment_text(is.coordinator_since_ms) << ", leader epoch " << is.leader_epoch << '\n';
  if (is.rebalance_began_ms >= 0) {
    const auto waits = std::ranges::count_if(
        is.members, [](const Told::Member& m) { return !m.waits_to_join && !m.waits_to_sync; });
    out << "A rebalance has been under way for " << duration_text(is.now_ms - is.rebalance_began_ms)
        << "; " << waits << " members are still to come, or wait for nothing\n";
  }
}

void print_members(std::ostream& out, const Told& is) {
  if (is.members.empty()) return;
  out << "\nMembers\n";
  for (const auto& member : is.members) {
    out << "  " << member.member_id << " (" << member.client_id << ", " << member.client_host
        << ')';
    if (member.group_instance_id) out << ", static as " << *member.group_instance_id;
    if (member.member_id == is.leader) out << ", leader";
    if (member.waits_to_join) {
      out << ", has joined and waits for the others";
    } else if (member.waits_to_sync) {
      out << ", waits for its assignment";
    } else if (member.silent_ms >= 0) {
      out << ", last heard of " << duration_text(member.silent_ms) << " ago (session timeout "
          << duration_text(member.session_timeout_ms) << ')';
    }
    out << '\n';
  }
}

/// So that reasons can be counted.
std::string without_ids(std::string why, const std::set<std::string>& ids) {
  for (const std::string& id : ids) {
    if (const auto at = why.find(id); at != std::string::npos) why.replace(at, id.size(), "...");
  }
  return why;
}

void print_rebalances(std::ostream& out, const std::vector<Event>& events) {
  std::map<std::string, std::int64_t> reasons;
  std::set<std::string> ids;
  for (const Event& event : events) {
    if (!event.told.member_id.empty()) ids.insert(std::string(event.told.member_id));
  }
  std::int64_t count = 0;
  std::int64_t sum = 0;
  std::int64_t longest = 0;
  for (const Event& event : events) {
    if (event.told.kind == kRebalanceBegan) {
      reasons[without_ids(event.told.why, ids)] += event.told.times;
    }
    if (event.told.kind != kRebalanceEnded || event.told.took_ms < 0) continue;
    ++count;
    sum += event.told.took_ms;
    longest = std::max(longest, event.told.took_ms);
  }
  if (count == 0 && reasons.empty()) return;
  out << "\nRebalances that are still remembered: " << count << " ended";
  if (count > 0) {
    out << ", " << duration_text(sum / count) << " on average, the longest took "
        << duration_text(longest);
  }
  out << '\n';
  std::vector<std::pair<std::string, std::int64_t>> by_count(reasons.begin(), reasons.end());
  std::ranges::stable_sort(by_count, std::greater<>(),
                           [](const auto& item) { return item.second; });
  for (const auto& [why, times] : by_count) out << "  " << times << " x " << why << '\n';
}

void print_ended_offsets(std::ostream& out, const std::string& group, const Told& is) {
  if (is.ended_offsets.empty()) return;
  const auto first = std::ranges::min(is.ended_offsets, {},
                                      [](const auto& offset) { return offset.kept_until_ms; });
  out << "\n"
      << is.ended_offsets.size() << " offsets have ended and can be brought back, the first until "
      << moment_text(first.kept_until_ms)
      << ":\n  ottla consumer-groups --undelete-offsets --group " << group << '\n';
}

void print_events(std::ostream& out, const std::vector<Event>& events) {
  out << "\nHistory\n";
  if (events.empty()) out << "  nothing has happened since its coordinator began\n";
  for (const Event& event : events) {
    out << "  " << moment_text(event.told.at_ms) << "  broker " << event.broker << "  generation "
        << event.told.generation << "  " << event_text(event) << '\n';
  }
}

json::value json_of(const std::string& group, const Account& account) {
  const auto& is = account.of_coordinator;
  json::array members;
  for (const auto& member : is.members) {
    members.push_back({{"id", std::string(member.member_id)},
                       {"instanceId", std::string(member.group_instance_id.value_or(""))},
                       {"clientId", std::string(member.client_id)},
                       {"host", std::string(member.client_host)},
                       {"sessionTimeoutMs", member.session_timeout_ms},
                       {"silentMs", member.silent_ms},
                       {"waitsToJoin", member.waits_to_join},
                       {"waitsToSync", member.waits_to_sync}});
  }
  json::array events;
  for (const Event& event : account.events) {
    events.push_back({{"atMs", event.told.at_ms},
                      {"broker", event.broker.value()},
                      {"kind", std::string(name_of_kind(event.told.kind))},
                      {"member", std::string(event.told.member_id)},
                      {"client", std::string(event.told.client)},
                      {"why", std::string(event.told.why)},
                      {"generation", event.told.generation},
                      {"members", event.told.members},
                      {"tookMs", event.told.took_ms},
                      {"times", event.told.times}});
  }
  return {{"group", group},
          {"coordinator", account.coordinator.value()},
          {"error", std::string(name_of(is.error_code))},
          {"state", std::string(is.state)},
          {"generation", is.generation},
          {"coordinatorSinceMs", is.coordinator_since_ms},
          {"rebalanceBeganMs", is.rebalance_began_ms},
          {"endedOffsets", is.ended_offsets.size()},
          {"members", std::move(members)},
          {"events", std::move(events)}};
}

Result<> run(const std::string& group, const Arguments& arguments, Console& console) {
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const Account account, gather(client, group));
  if (is_nowhere(account)) {
    return fail(ErrorCode::GroupIdNotFound,
                "there is no group " + group + ": its coordinator, broker " +
                    std::to_string(account.coordinator.value()) + ", knows nothing of it");
  }
  if (arguments.has("json")) {
    console.out << json::serialize(json_of(group, account)) << '\n';
    return {};
  }
  std::ostringstream lines;
  print_state(lines, group, account);
  print_members(lines, account.of_coordinator);
  print_ended_offsets(lines, group, account.of_coordinator);
  print_rebalances(lines, account.events);
  print_events(lines, account.events);
  for (const std::string& broker : account.silent_brokers) {
    lines << "\nNot asked: " << broker << '\n';
  }
  print_lines(console.page(), lines.view());
  return {};
}

}  // namespace

const ExplainSubject kExplainGroup{
    .name = "group",
    .object = "NAME",
    .summary = "who is in it, who left and why, how long rebalances took",
    .is_meant_by = nullptr,
    .run = run,
};

}  // namespace ottla::cli
