#include "broker/replica/leadership_questions.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ottla::replica {
namespace {

/// The newest question that a member has confirmed. One that this leader has no state of: none.
std::uint64_t confirmed_by(BrokerId member, std::span<const FollowerState> followers) {
  const auto found = std::ranges::find(followers, member, &FollowerState::broker);
  return found == followers.end() ? 0 : found->confirmed;
}

}  // namespace

void LeadershipQuestions::forget(const CommitWaiter* waiter) {
  std::erase_if(askers_, [&](const auto& asked) { return asked.second.waiter.get() == waiter; });
}

std::vector<LeadershipQuestions::Asker> LeadershipQuestions::take_confirmed(
    const Isr& isr, BrokerId self, std::span<const FollowerState> followers, std::int32_t min_isr) {
  std::vector<Asker> taken;
  if (askers_.empty()) return taken;
  std::uint64_t confirmed = std::numeric_limits<std::uint64_t>::max();
  const auto count = [&](const std::vector<BrokerId>& members) {
    for (const BrokerId member : members) {
      if (member != self) confirmed = std::min(confirmed, confirmed_by(member, followers));
    }
  };
  count(isr.committed());
  if (isr.is_pending()) count(isr.proposed());
  const bool is_certain = static_cast<std::int32_t>(isr.committed().size()) >= min_isr;
  for (auto asked = askers_.begin(); asked != askers_.end() && asked->first <= confirmed;) {
    if (asked->second.must_be_certain && !is_certain) {
      ++asked;
      continue;
    }
    taken.push_back(std::move(asked->second));
    asked = askers_.erase(asked);
  }
  return taken;
}

std::vector<LeadershipQuestions::Asker> LeadershipQuestions::take_all() {
  std::vector<Asker> taken;
  for (auto& [number, asker] : askers_) taken.push_back(std::move(asker));
  askers_.clear();
  return taken;
}

}  // namespace ottla::replica
