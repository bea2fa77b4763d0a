#include "controller/state_machines.h"

#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <utility>

namespace ottla::controller {
namespace {

template <class Phase>
using Step = std::pair<Phase, Phase>;

constexpr std::array kPartitionSteps = {
    Step<PartitionPhase>{PartitionPhase::NonExistent, PartitionPhase::New},
    Step<PartitionPhase>{PartitionPhase::New, PartitionPhase::Online},
    Step<PartitionPhase>{PartitionPhase::New, PartitionPhase::Offline},
    Step<PartitionPhase>{PartitionPhase::New, PartitionPhase::NonExistent},
    Step<PartitionPhase>{PartitionPhase::Online, PartitionPhase::Online},
    Step<PartitionPhase>{PartitionPhase::Online, PartitionPhase::Offline},
    Step<PartitionPhase>{PartitionPhase::Offline, PartitionPhase::Online},
    Step<PartitionPhase>{PartitionPhase::Offline, PartitionPhase::Offline},
    Step<PartitionPhase>{PartitionPhase::Offline, PartitionPhase::NonExistent},
};
constexpr std::array kTopicSteps = {
    Step<TopicPhase>{TopicPhase::Live, TopicPhase::LeadersOff},
    Step<TopicPhase>{TopicPhase::LeadersOff, TopicPhase::StoppingReplicas},
    Step<TopicPhase>{TopicPhase::StoppingReplicas, TopicPhase::Erasing},
    Step<TopicPhase>{TopicPhase::Erasing, TopicPhase::Gone},
};
constexpr std::array kReplicaSteps = {
    Step<ReplicaPhase>{ReplicaPhase::Online, ReplicaPhase::Offline},
    Step<ReplicaPhase>{ReplicaPhase::Offline, ReplicaPhase::Online},
    Step<ReplicaPhase>{ReplicaPhase::Online, ReplicaPhase::Deleting},
    Step<ReplicaPhase>{ReplicaPhase::Deleting, ReplicaPhase::Deleted},
    // A broker that is away counts as done: it finds its strays by their topic ids (W21).
    Step<ReplicaPhase>{ReplicaPhase::Offline, ReplicaPhase::Deleted},
};

template <class Table, class Phase>
bool in_table(const Table& table, Phase from, Phase to) {
  return std::find(table.begin(), table.end(), Step<Phase>{from, to}) != table.end();
}

}  // namespace

bool is_legal(PartitionPhase from, PartitionPhase to) {
  return in_table(kPartitionSteps, from, to);
}
bool is_legal(TopicPhase from, TopicPhase to) {
  return in_table(kTopicSteps, from, to);
}
bool is_legal(ReplicaPhase from, ReplicaPhase to) {
  return in_table(kReplicaSteps, from, to);
}

std::string_view name_of(PartitionPhase phase) {
  switch (phase) {
    case PartitionPhase::NonExistent:
      return "NonExistent";
    case PartitionPhase::New:
      return "New";
    case PartitionPhase::Online:
      return "Online";
    case PartitionPhase::Offline:
      return "Offline";
  }
  return "";
}

std::string_view name_of(TopicPhase phase) {
  switch (phase) {
    case TopicPhase::Live:
      return "Live";
    case TopicPhase::LeadersOff:
      return "LeadersOff";
    case TopicPhase::StoppingReplicas:
      return "StoppingReplicas";
    case TopicPhase::Erasing:
      return "Erasing";
    case TopicPhase::Gone:
      return "Gone";
  }
  return "";
}

std::string_view name_of(ReplicaPhase phase) {
  switch (phase) {
    case ReplicaPhase::Online:
      return "Online";
    case ReplicaPhase::Offline:
      return "Offline";
    case ReplicaPhase::Deleting:
      return "Deleting";
    case ReplicaPhase::Deleted:
      return "Deleted";
  }
  return "";
}

void advance(PartitionPhase& phase, PartitionPhase to) {
  CHECK(is_legal(phase, to)) << name_of(phase) << " -> " << name_of(to);
  phase = to;
}

void advance(TopicPhase& phase, TopicPhase to) {
  CHECK(is_legal(phase, to)) << name_of(phase) << " -> " << name_of(to);
  phase = to;
}

}  // namespace ottla::controller
