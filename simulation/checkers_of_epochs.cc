#include "simulation/checkers_of_epochs.h"

#include <algorithm>

namespace ottla::simulation {
namespace {

std::string text(BrokerId broker) {
  return "broker " + std::to_string(broker.value());
}
std::string text(LeaderEpoch epoch) {
  return "leader epoch " + std::to_string(epoch.value());
}

}  // namespace

std::string OneLeaderPerEpoch::check(const Picture& picture, const CommittedRecords&) {
  for (const StateChange& change : picture.changes()) {
    if (change.state.leader == kNoBroker) continue;
    if (auto wrong = note(picture, change.key, change.state.leader_epoch, change.state.leader);
        !wrong.empty()) {
      return wrong;
    }
  }
  for (const ReplicaPicture& replica : picture.replicas()) {
    if (!replica.is_leader) continue;
    if (auto wrong = note(picture, replica.key, replica.leader_epoch, replica.broker);
        !wrong.empty()) {
      return wrong;
    }
  }
  return {};
}

std::string OneLeaderPerEpoch::note(const Picture& picture, const PartitionKey& key,
                                    LeaderEpoch epoch, BrokerId broker) {
  const auto [known, is_new] = leaders_.try_emplace({key, epoch}, broker);
  if (is_new || known->second == broker) return {};
  return picture.name_of(key) + ": " + text(known->second) + " and " + text(broker) +
         " both lead in " + text(epoch);
}

std::string EpochsNeverGoBack::check(const Picture& picture, const CommittedRecords&) {
  for (const StateChange& change : picture.changes()) {
    Epochs& known = in_zookeeper_[change.key];
    const Epochs now{change.state.leader_epoch, change.state.controller_epoch};
    if (now.leader < known.leader) {
      return picture.name_of(change.key) + " in ZooKeeper: " + text(known.leader) + " -> " +
             text(now.leader);
    }
    if (now.controller < known.controller) {
      return picture.name_of(change.key) + " in ZooKeeper: controller epoch " +
             std::to_string(known.controller.value()) + " -> " +
             std::to_string(now.controller.value());
    }
    known = now;
  }
  for (const ReplicaPicture& replica : picture.replicas()) {
    auto& [incarnation, epoch] = in_memory_[{replica.broker, replica.key}];
    if (incarnation == replica.incarnation && replica.leader_epoch < epoch) {
      return picture.name_of(replica.key) + " on " + text(replica.broker) + ": " + text(epoch) +
             " -> " + text(replica.leader_epoch);
    }
    incarnation = replica.incarnation;
    epoch = replica.leader_epoch;
  }
  return {};
}

std::string LeaderInIsr::check(const Picture& picture, const CommittedRecords&) {
  for (const StateChange& change : picture.changes()) {
    const cluster::PartitionState& state = change.state;
    if (state.isr.empty()) return picture.name_of(change.key) + ": the isr is empty";
    if (state.leader != kNoBroker && !state.in_isr(state.leader)) {
      return picture.name_of(change.key) + ": the leader, " + text(state.leader) +
             ", is not in the isr in " + text(state.leader_epoch);
    }
    for (const BrokerId member : state.isr) {
      if (std::find(change.replicas.begin(), change.replicas.end(), member) ==
          change.replicas.end()) {
        return picture.name_of(change.key) + ": " + text(member) +
               " is in the isr and no replica, in " + text(state.leader_epoch);
      }
    }
  }
  return {};
}

std::string LeadersAreElected::check(const Picture& picture, const CommittedRecords&) {
  for (const StateChange& change : picture.changes()) {
    if (change.state.leader == kNoBroker) continue;
    elected_.insert({change.key, change.state.leader_epoch, change.state.leader});
  }
  for (const ReplicaPicture& replica : picture.replicas()) {
    if (!replica.is_leader) continue;
    if (!elected_.contains({replica.key, replica.leader_epoch, replica.broker})) {
      return picture.name_of(replica.key) + ": " + text(replica.broker) + " leads in " +
             text(replica.leader_epoch) + " and ZooKeeper never said so";
    }
  }
  return {};
}

}  // namespace ottla::simulation
