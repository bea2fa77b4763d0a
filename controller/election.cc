#include "controller/election.h"

#include <glog/logging.h>

#include <algorithm>
#include <tuple>

namespace ottla::controller {
namespace {

bool contains(const std::vector<BrokerId>& brokers, BrokerId broker) {
  return std::find(brokers.begin(), brokers.end(), broker) != brokers.end();
}

Standing standing_of(std::span<const Candidate> candidates, BrokerId broker) {
  for (const Candidate& candidate : candidates) {
    if (candidate.broker == broker) return candidate.standing;
  }
  return Standing::Unregistered;  // Not a replica any more.
}

std::vector<BrokerId> with_standing(std::span<const Candidate> candidates,
                                    const std::vector<BrokerId>& among, Standing wanted) {
  std::vector<BrokerId> found;
  for (const BrokerId broker : among) {
    if (standing_of(candidates, broker) == wanted) found.push_back(broker);
  }
  return found;
}

bool is_slow(std::span<const Candidate> candidates, BrokerId broker) {
  return std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
    return candidate.broker == broker && candidate.is_slow;
  });
}

BrokerId first_in_assignment(std::span<const Candidate> candidates,
                             const std::vector<BrokerId>& among) {
  for (const Candidate& candidate : candidates) {
    if (contains(among, candidate.broker)) return candidate.broker;
  }
  return among.front();
}

/// The leader stays if it can. A slow one hands over before its ISR has to shrink (KIP-501), but
/// only to somebody who is not slow as well.
BrokerId leader_among(const std::vector<BrokerId>& isr, BrokerId current,
                      std::span<const Candidate> candidates) {
  std::vector<BrokerId> quick = isr;
  std::erase_if(quick, [&](BrokerId broker) { return is_slow(candidates, broker); });
  const std::vector<BrokerId>& among = quick.empty() ? isr : quick;
  return contains(among, current) ? current : first_in_assignment(candidates, among);
}

/// One of these stays or becomes leader, and they are the ISR.
std::optional<cluster::PartitionState> settle_on(const cluster::PartitionState& state,
                                                 std::span<const Candidate> candidates,
                                                 std::vector<BrokerId> isr, Standing tier) {
  const BrokerId leader = leader_among(isr, state.leader, candidates);
  // A leader that was started again needs an epoch of its own: what it appended last may be cut.
  if (leader == state.leader && isr == state.isr && tier != Standing::Restarted) {
    return std::nullopt;
  }
  cluster::PartitionState next = state;
  next.leader = leader;
  next.isr = std::move(isr);
  next.leader_epoch = state.leader_epoch.next();
  return next;
}

std::optional<cluster::PartitionState> without_leader(const cluster::PartitionState& state) {
  if (state.leader == kNoBroker) return std::nullopt;
  cluster::PartitionState next = state;
  next.leader = kNoBroker;
  next.leader_epoch = state.leader_epoch.next();
  return next;
}

bool can_answer(Standing standing) {
  return standing != Standing::Silent && standing != Standing::ProcessDead &&
         standing != Standing::Unregistered;
}

/// Nobody may lead without a look at the logs.
Verdict give_up(const cluster::PartitionState& state, std::span<const Candidate> candidates,
                const TopicRules& rules, bool unclean_now) {
  Verdict verdict;
  verdict.state = without_leader(state);
  bool crashed_member = false;
  bool all_unregistered = true;
  for (const BrokerId member : state.isr) {
    const Standing standing = standing_of(candidates, member);
    crashed_member |= standing == Standing::HostCrash;
    all_unregistered &= standing == Standing::Unregistered;
  }
  // Only the end of the session counts as death when records will be lost for it.
  const bool unclean = unclean_now || (rules.unclean_leader_election && all_unregistered);
  if (!crashed_member && !unclean) return verdict;
  for (const Candidate& candidate : candidates) {
    if (can_answer(candidate.standing)) {
      verdict.ask_logs.push_back(candidate.broker);
    } else {
      verdict.await_missing = !unclean;
    }
  }
  return verdict;
}

Verdict choose(const cluster::PartitionState& state, std::span<const Candidate> candidates,
               const TopicRules& rules, bool unclean_now) {
  for (const Standing tier : {Standing::Good, Standing::Restarted, Standing::ShuttingDown}) {
    std::vector<BrokerId> isr = with_standing(candidates, state.isr, tier);
    if (isr.empty()) continue;
    return {settle_on(state, candidates, std::move(isr), tier), {}, false};
  }
  const std::vector<BrokerId> eligible =
      with_standing(candidates, state.eligible_leaders, Standing::Good);
  if (!eligible.empty()) {
    const BrokerId leader = first_in_assignment(candidates, eligible);
    return {settle_on(state, candidates, {leader}, Standing::Good), {}, false};
  }
  // Silence alone is no reason to stop a leader that nobody can replace.
  const auto leader = std::ranges::find(candidates, state.leader, &Candidate::broker);
  if (leader != candidates.end() && leader->standing == Standing::Silent && !leader->is_doubted &&
      state.in_isr(state.leader)) {
    return {};
  }
  return give_up(state, candidates, rules, unclean_now);
}

}  // namespace

Verdict elect(const cluster::PartitionState& state, std::span<const Candidate> candidates,
              const TopicRules& rules, bool unclean_now) {
  Verdict verdict = choose(state, candidates, rules, unclean_now);
  Eligible eligible = eligible_after(state, verdict.state ? *verdict.state : state, candidates,
                                     rules.min_insync_replicas);
  const bool is_other = eligible.leaders != state.eligible_leaders ||
                        eligible.last_known != state.last_known_eligible_leaders;
  if (is_other && !verdict.state) verdict.state = state;
  if (verdict.state) set_eligible(*verdict.state, std::move(eligible));
  return verdict;
}

std::optional<cluster::PartitionState> first_state(std::span<const Candidate> candidates,
                                                   ControllerEpoch controller_epoch) {
  cluster::PartitionState state;
  for (const Standing tier : {Standing::Good, Standing::ShuttingDown}) {
    for (const Candidate& candidate : candidates) {
      if (candidate.standing == tier) state.isr.push_back(candidate.broker);
    }
    if (!state.isr.empty()) break;
  }
  if (state.isr.empty()) return std::nullopt;
  state.leader = leader_among(state.isr, state.isr.front(), candidates);
  state.controller_epoch = controller_epoch;
  return state;
}

Eligible eligible_after(const cluster::PartitionState& before, const cluster::PartitionState& after,
                        std::span<const Candidate> candidates, std::int32_t min_insync_replicas) {
  const auto needed =
      std::min(static_cast<std::size_t>(std::max(min_insync_replicas, 1)), candidates.size());
  if (after.leader != kNoBroker && after.isr.size() >= needed) return {};
  Eligible eligible;
  for (const Candidate& candidate : candidates) {
    const BrokerId broker = candidate.broker;
    if (after.in_isr(broker)) continue;
    if (before.in_isr(broker) || contains(before.eligible_leaders, broker)) {
      const bool is_doubted = candidate.is_doubted || candidate.standing == Standing::HostCrash;
      (is_doubted ? eligible.last_known : eligible.leaders).push_back(broker);
    } else if (contains(before.last_known_eligible_leaders, broker)) {
      eligible.last_known.push_back(broker);
    }
  }
  std::ranges::sort(eligible.leaders);
  std::ranges::sort(eligible.last_known);
  return eligible;
}

void set_eligible(cluster::PartitionState& state, Eligible eligible) {
  state.eligible_leaders = std::move(eligible.leaders);
  state.last_known_eligible_leaders = std::move(eligible.last_known);
}

BrokerId longest_log(std::span<const LogEnd> logs) {
  CHECK(!logs.empty());
  const auto longest = std::max_element(logs.begin(), logs.end(), [](const auto& a, const auto& b) {
    return std::tie(a.last_epoch, a.log_end_offset) < std::tie(b.last_epoch, b.log_end_offset);
  });
  return longest->broker;
}

cluster::PartitionState recovered_state(const cluster::PartitionState& state, BrokerId leader) {
  cluster::PartitionState next = state;
  next.leader = leader;
  next.leader_epoch = state.leader_epoch.next();
  next.recovering = !state.in_isr(leader);
  next.isr = {leader};
  set_eligible(next, {});
  return next;
}

}  // namespace ottla::controller
