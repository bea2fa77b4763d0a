#include "broker/group/group_history.h"

#include <utility>

namespace ottla::group {
namespace {

bool is_again(const GroupEvent& last, const GroupEvent& event) {
  return last.kind == event.kind && last.member == event.member && last.why == event.why &&
         last.generation == event.generation;
}

}  // namespace

void GroupHistory::note(const std::string& group, GroupEvent event) {
  for (std::string* const text : {&event.member, &event.client, &event.why}) {
    if (text->size() > kLongestText) text->resize(kLongestText);
  }
  auto found = groups_.find(group);
  if (found == groups_.end()) {
    if (groups_.size() == kGroups) {
      groups_.erase(by_age_.front());
      by_age_.pop_front();
    }
    found = groups_.emplace(group, Events{{}, by_age_.insert(by_age_.end(), group)}).first;
  }
  by_age_.splice(by_age_.end(), by_age_, found->second.place);
  std::deque<GroupEvent>& events = found->second.events;
  if (!events.empty() && is_again(events.back(), event)) {
    event.times = events.back().times + 1;
    events.back() = std::move(event);
    return;
  }
  events.push_back(std::move(event));
  if (events.size() > kEventsOfAGroup) events.pop_front();
}

std::vector<GroupEvent> GroupHistory::of(const std::string& group) const {
  const auto found = groups_.find(group);
  if (found == groups_.end()) return {};
  return {found->second.events.begin(), found->second.events.end()};
}

}  // namespace ottla::group
