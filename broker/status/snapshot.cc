#include "broker/status/snapshot.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include "broker/group/group_service.h"
#include "broker/group/group_state.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replicas.h"
#include "broker/status/leader_high_watermarks.h"

namespace ottla::status {

/// One refresh under way; each of the two parts writes its own half.
struct Snapshots::Asking {
  Asking(std::shared_ptr<Snapshots> asked_by, Task when_done)
      : owner(std::move(asked_by)), done(std::move(when_done)) {}

  void answered() {
    if (--left > 0) return;
    owner->publish(std::move(snapshot));
    std::move(done)();
  }

  const std::shared_ptr<Snapshots> owner;
  Task done;
  Snapshot snapshot;
  std::atomic<int> left = 2;
};

namespace {

std::vector<std::string> names_of(const std::vector<GroupStatus>& groups) {
  std::vector<std::string> names;
  names.reserve(groups.size());
  for (const GroupStatus& group : groups) names.push_back(group.name);
  return names;
}

std::vector<group::FetchQuery> all_offsets_of(const std::vector<GroupStatus>& groups) {
  std::vector<group::FetchQuery> queries;
  queries.reserve(groups.size());
  for (const GroupStatus& group : groups) queries.push_back({.group = group.name});
  return queries;
}

void fill_places(GroupStatus& group, const group::FetchedOffsets& fetched) {
  for (const group::FetchedOffset& offset : fetched.offsets) {
    if (offset.error != ErrorCode::None || offset.committed.offset == kUnknownOffset) continue;
    group.places.push_back({offset.partition, offset.committed.offset, std::nullopt});
  }
  std::sort(group.places.begin(), group.places.end(),
            [](const auto& a, const auto& b) { return a.partition < b.partition; });
}

std::set<TopicPartition> led_elsewhere(const std::vector<GroupStatus>& groups,
                                       const metadata::MetadataImage& image, BrokerId self) {
  std::set<TopicPartition> result;
  for (const GroupStatus& group : groups) {
    for (const auto& [place, committed, end] : group.places) {
      const metadata::PartitionMetadata* const known =
          image.partition(place.topic, place.partition);
      if (known != nullptr && known->state.leader != self) result.insert(place);
    }
  }
  return result;
}

/// A replica that follows is behind its leader, so the leader's word comes first.
void fill_ends(std::vector<GroupStatus>& groups, const rpc::HighWatermarks& of_leaders,
               const replica::Replicas& replicas) {
  for (GroupStatus& group : groups) {
    for (auto& [place, committed, end] : group.places) {
      const auto told = of_leaders.find(place);
      end = told != of_leaders.end() ? std::optional(told->second) : replicas.high_watermark(place);
    }
  }
}

}  // namespace

std::shared_ptr<const Snapshot> Snapshots::last() const {
  const MutexLock lock(mutex_);
  return last_;
}

void Snapshots::publish(Snapshot snapshot) {
  auto next = std::make_shared<const Snapshot>(std::move(snapshot));
  const MutexLock lock(mutex_);
  last_ = std::move(next);
}

void Snapshots::forget() {
  publish({});
}

void Snapshots::refresh(const Sources& sources, Task done) {
  auto asking = std::make_shared<Asking>(shared_from_this(), std::move(done));
  sources.controller.describe([asking](controller::ControllerDescription description) {
    asking->snapshot.controller = std::move(description);
    asking->answered();
  });
  ask_groups(sources, asking);
}

/// The groups, their members, their offsets: three questions, one after the other; then the leaders
/// of what they consume.
void Snapshots::ask_groups(const Sources& sources, const std::shared_ptr<Asking>& asking) {
  sources.groups.list({}, [&sources, asking](group::GroupList list) {
    auto& groups = asking->snapshot.groups;
    for (group::ListedGroup& each : list.groups) {
      groups.push_back({.name = std::move(each.group),
                        .state = std::string(name_of(each.state)),
                        .protocol_type = std::move(each.protocol_type)});
    }
    sources.groups.describe(
        names_of(groups), [&sources, asking](std::vector<group::GroupDescription> described) {
          auto& found = asking->snapshot.groups;
          for (std::size_t i = 0; i < std::min(found.size(), described.size()); ++i) {
            found[i].members = described[i].members.size();
          }
          sources.groups.fetch(all_offsets_of(found), false,
                               [&sources, asking](std::vector<group::FetchedOffsets> fetched) {
                                 auto& all = asking->snapshot.groups;
                                 for (std::size_t i = 0; i < std::min(all.size(), fetched.size());
                                      ++i) {
                                   fill_places(all[i], fetched[i]);
                                 }
                                 ask_leaders(sources, asking);
                               });
        });
  });
}

void Snapshots::ask_leaders(const Sources& sources, const std::shared_ptr<Asking>& asking) {
  const auto image = sources.metadata.image();
  sources.high_watermarks.ask(*image,
                              led_elsewhere(asking->snapshot.groups, *image, sources.broker),
                              [&sources, asking](const rpc::HighWatermarks& told) {
                                fill_ends(asking->snapshot.groups, told, sources.replicas);
                                asking->answered();
                              });
}

}  // namespace ottla::status
