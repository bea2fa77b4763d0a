#pragma once

#include <cstdint>
#include <string_view>

namespace ottla::controller {

/// A partition's life. The names are Kafka's; docs/controller.md has the picture.
enum class PartitionPhase : std::uint8_t {
  NonExistent,  ///< Not there, or its znodes are being erased.
  New,          ///< Assigned, but without a state znode: no replica is alive yet.
  Online,       ///< Has a leader.
  Offline,      ///< Has had a leader, and has none.
};

/// A topic's life.
enum class TopicPhase : std::uint8_t {
  Live,
  LeadersOff,        ///< Deletion was asked for: the states go to leader -1.
  StoppingReplicas,  ///< Live replicas are told to delete their logs.
  Erasing,           ///< The znodes are being deleted, bottom up.
  Gone,
};

/// A replica's life, derived from the model.
enum class ReplicaPhase : std::uint8_t {
  Online,   ///< Its broker is alive and its log dir too.
  Offline,  ///< Its broker is not, or its log dir has failed.
  Deleting,
  Deleted,
};

[[nodiscard]] bool is_legal(PartitionPhase from, PartitionPhase to);
[[nodiscard]] bool is_legal(TopicPhase from, TopicPhase to);
[[nodiscard]] bool is_legal(ReplicaPhase from, ReplicaPhase to);

[[nodiscard]] std::string_view name_of(PartitionPhase phase);
[[nodiscard]] std::string_view name_of(TopicPhase phase);
[[nodiscard]] std::string_view name_of(ReplicaPhase phase);

/// Moves along the table; an illegal step is a broken invariant and ends the process.
void advance(PartitionPhase& phase, PartitionPhase to);
void advance(TopicPhase& phase, TopicPhase to);

}  // namespace ottla::controller
