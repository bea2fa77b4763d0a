#include "simulation/checkers_of_records.h"

#include <algorithm>

#include "simulation/checkers_of_epochs.h"
#include "simulation/topic_catalog.h"
#include "simulation/workload_names.h"

namespace ottla::simulation {
namespace {

std::string text(const ReplicaPicture& replica, const LoggedRecord* record) {
  std::string text = "broker " + std::to_string(replica.broker.value()) + " (leader epoch " +
                     std::to_string(replica.leader_epoch.value()) + ", high watermark " +
                     std::to_string(replica.high_watermark.value()) + ", " +
                     std::to_string(replica.records->size()) + " records) has ";
  if (record == nullptr) return text + "nothing";
  return text + record->value.to_string() + " of epoch " +
         std::to_string(record->leader_epoch.value());
}

std::string at(const Picture& picture, const ReplicaPicture& replica, Offset offset) {
  return picture.name_of(replica.key) + ", offset " + std::to_string(offset.value()) + ": ";
}

}  // namespace

std::string CommittedPrefixKept::check(const Picture& picture, const CommittedRecords& committed) {
  for (const ReplicaPicture& replica : picture.replicas()) {
    const auto state = picture.states().find(replica.key);
    if (!replica.is_leader || state == picture.states().end()) continue;
    // An older leader may lack what was committed after it.
    if (state->second.state.leader_epoch != replica.leader_epoch) continue;
    const auto promised = committed.partitions().find(replica.key);
    if (promised == committed.partitions().end()) continue;
    for (const auto& [offset, entry] : promised->second) {
      const LoggedRecord* const record = replica.record(offset);
      if (record != nullptr && record->value == entry.value) continue;
      return at(picture, replica, offset) + entry.value.to_string() + " was committed, leader " +
             text(replica, record);
    }
  }
  return {};
}

std::string ReplicasEqualBelowHighWatermark::check(const Picture& picture,
                                                   const CommittedRecords& committed) {
  const auto& replicas = picture.replicas();
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    if (!TopicCatalog::is_safe(replicas[i].name.topic)) continue;
    if (committed.has_excuses(replicas[i].key)) continue;
    for (std::size_t j = i + 1; j < replicas.size(); ++j) {
      const ReplicaPicture& a = replicas[i];
      const ReplicaPicture& b = replicas[j];
      if (a.key != b.key) continue;
      const Offset end = std::min(a.high_watermark, b.high_watermark);
      std::size_t number = 0;
      while (true) {
        const bool in_a = number < a.records->size() && (*a.records)[number].offset < end;
        const bool in_b = number < b.records->size() && (*b.records)[number].offset < end;
        if (!in_a && !in_b) break;
        const LoggedRecord* const ra = in_a ? &(*a.records)[number] : nullptr;
        const LoggedRecord* const rb = in_b ? &(*b.records)[number] : nullptr;
        if (ra == nullptr || rb == nullptr || *ra != *rb) {
          return at(picture, a, (ra != nullptr ? ra : rb)->offset) + text(a, ra) + ", " +
                 text(b, rb);
        }
        ++number;
      }
    }
  }
  return {};
}

std::string LogEpochsRise::check(const Picture& picture, const CommittedRecords&) {
  for (const ReplicaPicture& replica : picture.replicas()) {
    LeaderEpoch last = kUnknownLeaderEpoch;
    Offset expected{0};
    for (const LoggedRecord& record : *replica.records) {
      if (record.leader_epoch < last || record.offset != expected) {
        return at(picture, replica, record.offset) + text(replica, &record) + " after epoch " +
               std::to_string(last.value()) + ", expected offset " +
               std::to_string(expected.value());
      }
      last = record.leader_epoch;
      expected = record.offset.next();
    }
    if (last > replica.leader_epoch && replica.leader_epoch != kUnknownLeaderEpoch) {
      return picture.name_of(replica.key) + ": " + text(replica, &replica.records->back());
    }
  }
  return {};
}

std::string NoDuplicates::check(const Picture& picture, const CommittedRecords& committed) {
  for (const ReplicaPicture& replica : picture.replicas()) {
    if (!replica.is_leader || !TopicCatalog::is_safe(replica.name.topic)) continue;
    if (committed.has_excuses(replica.key)) continue;
    // A leader that does not know of its successor takes any sequence of a producer new to it.
    const auto state = picture.states().find(replica.key);
    if (state == picture.states().end() ||
        state->second.state.leader_epoch != replica.leader_epoch) {
      continue;
    }
    std::map<std::int32_t, std::int64_t> last_of;
    for (const LoggedRecord& record : *replica.records) {
      if (!is_idempotent_producer(record.value.producer)) continue;
      const auto [last, is_first] = last_of.try_emplace(record.value.producer, -1);
      if (record.value.number != last->second + 1) {
        return at(picture, replica, record.offset) + text(replica, &record) + " after #" +
               std::to_string(last->second);
      }
      last->second = record.value.number;
    }
  }
  return {};
}

std::string HighWatermarkNeverFalls::check(const Picture& picture,
                                           const CommittedRecords& committed) {
  for (const ReplicaPicture& replica : picture.replicas()) {
    if (!TopicCatalog::is_safe(replica.name.topic)) continue;
    auto& [incarnation, known] = known_[{replica.broker, replica.key}];
    const bool fell = incarnation == replica.incarnation && replica.high_watermark < known;
    if (fell && !committed.has_excuses(replica.key)) {
      return at(picture, replica, replica.high_watermark) + "broker " +
             std::to_string(replica.broker.value()) + " had a high watermark of " +
             std::to_string(known.value());
    }
    incarnation = replica.incarnation;
    known = replica.high_watermark;
  }
  return {};
}

namespace {

/// How often it may have lost something of that log.
std::uint64_t losses_of(const Picture& picture, BrokerId broker, const TopicPartition& name) {
  const auto& losses = picture.cluster().losses();
  return static_cast<std::uint64_t>(std::ranges::count_if(
      losses, [&](const Cluster::Loss& loss) { return loss.concerns(broker, name); }));
}

}  // namespace

std::string IsrHoldsWhatIsCommitted::check(const Picture& picture,
                                           const CommittedRecords& committed) {
  for (const StateChange& change : picture.changes()) {
    auto& [isr, epoch, trusted] = trusted_[change.key];
    std::erase_if(trusted, [&](const auto& member) { return !change.state.in_isr(member.first); });
    // A leader that asks for a new member has seen its log: the leader epoch stays. Who gets in
    // with an election may have lost something that the controller does not know of yet.
    const bool is_asked_for =
        epoch == change.state.leader_epoch && change.state.leader != kNoBroker;
    for (const BrokerId member : change.state.isr) {
      const bool is_new = std::find(isr.begin(), isr.end(), member) == isr.end();
      if (epoch != kUnknownLeaderEpoch && !(is_asked_for && is_new)) continue;
      trusted.try_emplace(member, losses_of(picture, member, change.name));
    }
    isr = change.state.isr;
    epoch = change.state.leader_epoch;
  }
  for (const ReplicaPicture& replica : picture.replicas()) {
    const auto promised = committed.partitions().find(replica.key);
    const auto trusted = trusted_.find(replica.key);
    if (promised == committed.partitions().end() || trusted == trusted_.end()) continue;
    const auto member = trusted->second.members.find(replica.broker);
    if (member == trusted->second.members.end()) continue;
    // What it lost since it joined is for the controller to find out.
    if (member->second != losses_of(picture, replica.broker, replica.name)) continue;
    for (const auto& [offset, entry] : promised->second) {
      const LoggedRecord* const record = replica.record(offset);
      if (record != nullptr && record->value == entry.value) continue;
      return at(picture, replica, offset) + entry.value.to_string() +
             " was committed, member of the isr " + text(replica, record);
    }
  }
  return {};
}

std::vector<std::unique_ptr<Checker>> make_checkers() {
  std::vector<std::unique_ptr<Checker>> checkers;
  checkers.push_back(std::make_unique<OneLeaderPerEpoch>());
  checkers.push_back(std::make_unique<EpochsNeverGoBack>());
  checkers.push_back(std::make_unique<LeaderInIsr>());
  checkers.push_back(std::make_unique<LeadersAreElected>());
  checkers.push_back(std::make_unique<CommittedPrefixKept>());
  checkers.push_back(std::make_unique<ReplicasEqualBelowHighWatermark>());
  checkers.push_back(std::make_unique<LogEpochsRise>());
  checkers.push_back(std::make_unique<NoDuplicates>());
  checkers.push_back(std::make_unique<HighWatermarkNeverFalls>());
  checkers.push_back(std::make_unique<IsrHoldsWhatIsCommitted>());
  return checkers;
}

}  // namespace ottla::simulation
