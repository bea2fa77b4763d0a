#include "controller/election.h"

#include <algorithm>

namespace ottla::controller {
namespace {

Candidate candidate_of(std::span<const Candidate> candidates, BrokerId broker) {
  for (const Candidate& candidate : candidates) {
    if (candidate.broker == broker) return candidate;
  }
  return {.broker = broker};  // Not a replica any more.
}

std::vector<BrokerId> with_standing(std::span<const Candidate> candidates,
                                    const std::vector<BrokerId>& among, Standing wanted) {
  std::vector<BrokerId> found;
  for (const BrokerId broker : among) {
    if (candidate_of(candidates, broker).standing == wanted) found.push_back(broker);
  }
  return found;
}

BrokerId first_in_assignment(std::span<const Candidate> candidates,
                             const std::vector<BrokerId>& among) {
  for (const Candidate& candidate : candidates) {
    if (cluster::contains(among, candidate.broker)) return candidate.broker;
  }
  return among.front();
}

/// The leader stays if it can. A slow one hands over before its ISR has to shrink (KIP-501), but
/// only to somebody who is not slow as well.
BrokerId leader_among(const std::vector<BrokerId>& isr, BrokerId current,
                      std::span<const Candidate> candidates) {
  std::vector<BrokerId> quick = isr;
  std::erase_if(quick, [&](BrokerId broker) { return candidate_of(candidates, broker).is_slow; });
  const std::vector<BrokerId>& among = quick.empty() ? isr : quick;
  return cluster::contains(among, current) ? current : first_in_assignment(candidates, among);
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

/// Whether a leader commits records with this ISR.
bool commits(const cluster::PartitionState& state, std::span<const Candidate> candidates,
             std::int32_t min_insync_replicas) {
  const auto needed =
      std::min(static_cast<std::size_t>(std::max(min_insync_replicas, 1)), candidates.size());
  return state.isr.size() >= needed;
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
  bool member_in_doubt = false;
  bool all_gone = true;
  for (const BrokerId member : state.isr) {
    const Candidate candidate = candidate_of(candidates, member);
    member_in_doubt |= candidate.standing == Standing::InDoubt;
    // Only the end of the session counts as death when records will be lost for it, or the
    // broker's own word that it has no log.
    all_gone &= candidate.standing == Standing::Unregistered || candidate.is_offline;
  }
  const bool unclean = unclean_now || (rules.unclean_leader_election && all_gone);
  if (!member_in_doubt && !unclean) return verdict;
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
  const Candidate leader = candidate_of(candidates, state.leader);
  if (leader.standing == Standing::Silent && !leader.is_in_doubt && state.in_isr(state.leader)) {
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
  const bool is_led = after.leader != kNoBroker;
  if (is_led && commits(after, candidates, min_insync_replicas)) return {};
  Eligible eligible;
  for (const Candidate& candidate : candidates) {
    const BrokerId broker = candidate.broker;
    if (after.in_isr(broker)) {
      if (!is_led && candidate.is_in_doubt) eligible.last_known.push_back(broker);
    } else if (before.in_isr(broker) || before.is_eligible(broker)) {
      (candidate.is_in_doubt ? eligible.last_known : eligible.leaders).push_back(broker);
    } else if (before.is_last_known(broker)) {
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

cluster::PartitionState recovered_state(const cluster::PartitionState& state, BrokerId leader,
                                        std::span<const Candidate> candidates,
                                        std::int32_t min_insync_replicas) {
  cluster::PartitionState next = state;
  next.leader = leader;
  next.leader_epoch = state.leader_epoch.next();
  next.recovering = !state.in_isr(leader);
  next.isr = {leader};
  Eligible eligible;
  for (const Candidate& candidate : candidates) {
    const BrokerId broker = candidate.broker;
    if (broker == leader || commits(next, candidates, min_insync_replicas)) continue;
    if (state.may_hold_committed(broker)) eligible.last_known.push_back(broker);
  }
  std::ranges::sort(eligible.last_known);
  set_eligible(next, std::move(eligible));
  return next;
}

}  // namespace ottla::controller
