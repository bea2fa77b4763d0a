#pragma once

#include "common/metrics/metric.h"

namespace ottla::metrics {

inline constexpr Metric kActiveControllerCount{.domain = "kafka.controller",
                                               .type = "KafkaController",
                                               .name = "ActiveControllerCount",
                                               .kind = Kind::Gauge,
                                               .doc = "1 on the controller, else 0."};
inline constexpr Metric kActiveBrokerCount{.domain = "kafka.controller",
                                           .type = "KafkaController",
                                           .name = "ActiveBrokerCount",
                                           .kind = Kind::Gauge,
                                           .doc = "Living brokers."};
inline constexpr Metric kGlobalTopicCount{.domain = "kafka.controller",
                                          .type = "KafkaController",
                                          .name = "GlobalTopicCount",
                                          .kind = Kind::Gauge,
                                          .doc = "Topics of the cluster."};
inline constexpr Metric kGlobalPartitionCount{.domain = "kafka.controller",
                                              .type = "KafkaController",
                                              .name = "GlobalPartitionCount",
                                              .kind = Kind::Gauge,
                                              .doc = "Partitions of the cluster."};
inline constexpr Metric kOfflinePartitionsCount{.domain = "kafka.controller",
                                                .type = "KafkaController",
                                                .name = "OfflinePartitionsCount",
                                                .kind = Kind::Gauge,
                                                .doc = "Partitions without a leader."};
inline constexpr Metric kPreferredReplicaImbalanceCount{
    .domain = "kafka.controller",
    .type = "KafkaController",
    .name = "PreferredReplicaImbalanceCount",
    .kind = Kind::Gauge,
    .doc = "Partitions whose leader is not the preferred one."};
inline constexpr Metric kTopicsToDeleteCount{.domain = "kafka.controller",
                                             .type = "KafkaController",
                                             .name = "TopicsToDeleteCount",
                                             .kind = Kind::Gauge,
                                             .doc = "Topics being deleted."};
inline constexpr Metric kReplicasToDeleteCount{.domain = "kafka.controller",
                                               .type = "KafkaController",
                                               .name = "ReplicasToDeleteCount",
                                               .kind = Kind::Gauge,
                                               .doc = "Replicas of topics being deleted."};
inline constexpr Metric kTopicsIneligibleToDeleteCount{.domain = "kafka.controller",
                                                       .type = "KafkaController",
                                                       .name = "TopicsIneligibleToDeleteCount",
                                                       .kind = Kind::Gauge,
                                                       .doc = "0: no deletion waits for a broker."};
inline constexpr Metric kReplicasIneligibleToDeleteCount{
    .domain = "kafka.controller",
    .type = "KafkaController",
    .name = "ReplicasIneligibleToDeleteCount",
    .kind = Kind::Gauge,
    .doc = "0: no deletion waits for a broker."};
inline constexpr Metric kControllerState{
    .domain = "kafka.controller",
    .type = "KafkaController",
    .name = "ControllerState",
    .kind = Kind::Gauge,
    .doc = "What the controller is doing, as Kafka numbers it; 0 is nothing."};
inline constexpr Metric kControllerEventQueueSize{.domain = "kafka.controller",
                                                  .type = "ControllerEventManager",
                                                  .name = "EventQueueSize",
                                                  .kind = Kind::Gauge,
                                                  .doc = "Events that wait for the controller."};
inline constexpr Metric kControllerEventQueueTimeMs{.domain = "kafka.controller",
                                                    .type = "ControllerEventManager",
                                                    .name = "EventQueueTimeMs",
                                                    .kind = Kind::Histogram,
                                                    .doc = "How long events wait.",
                                                    .scale = 1000};
inline constexpr Metric kControllerQueueSize{.domain = "kafka.controller",
                                             .type = "ControllerChannelManager",
                                             .name = "TotalQueueSize",
                                             .kind = Kind::Gauge,
                                             .doc = "Commands on their way to brokers."};
inline constexpr Metric kLeaderElectionMs{.domain = "kafka.controller",
                                          .type = "ControllerStats",
                                          .name = "LeaderElectionRateAndTimeMs",
                                          .kind = Kind::Histogram,
                                          .doc = "Elections after a broker was lost.",
                                          .scale = 1000};
inline constexpr Metric kUncleanLeaderElections{
    .domain = "kafka.controller",
    .type = "ControllerStats",
    .name = "UncleanLeaderElectionsPerSec",
    .kind = Kind::Counter,
    .doc = "Leaders that were not in sync: records were lost."};
inline constexpr Metric kControllerChangeMs{.domain = "kafka.controller",
                                            .type = "ControllerStats",
                                            .name = "ControllerChangeRateAndTimeMs",
                                            .kind = Kind::Histogram,
                                            .doc = "Taking the office of the controller.",
                                            .scale = 1000};
inline constexpr Metric kControlledShutdownMs{
    .domain = "kafka.controller",
    .type = "ControllerStats",
    .name = "ControlledShutdownRateAndTimeMs",
    .kind = Kind::Histogram,
    .doc = "Handing over the leaders of a broker that stops.",
    .scale = 1000};
inline constexpr Metric kIsrChangeMs{.domain = "kafka.controller",
                                     .type = "ControllerStats",
                                     .name = "IsrChangeRateAndTimeMs",
                                     .kind = Kind::Histogram,
                                     .doc = "Changes of an ISR.",
                                     .scale = 1000};
inline constexpr Metric kTopicChangeMs{.domain = "kafka.controller",
                                       .type = "ControllerStats",
                                       .name = "TopicChangeRateAndTimeMs",
                                       .kind = Kind::Histogram,
                                       .doc = "New topics.",
                                       .scale = 1000};
inline constexpr Metric kTopicDeletionMs{.domain = "kafka.controller",
                                         .type = "ControllerStats",
                                         .name = "TopicDeletionRateAndTimeMs",
                                         .kind = Kind::Histogram,
                                         .doc = "Deleted topics.",
                                         .scale = 1000};
inline constexpr Metric kAutoLeaderBalanceMs{
    .domain = "kafka.controller",
    .type = "ControllerStats",
    .name = "AutoLeaderBalanceRateAndTimeMs",
    .kind = Kind::Histogram,
    .doc = "Looking for leaders to be given back to those that are preferred.",
    .scale = 1000};
inline constexpr Metric kManualLeaderBalanceMs{
    .domain = "kafka.controller",
    .type = "ControllerStats",
    .name = "ManualLeaderBalanceRateAndTimeMs",
    .kind = Kind::Histogram,
    .doc = "Elections that somebody asked for, from the request to its answer.",
    .scale = 1000};
inline constexpr Metric kPartitionReassignmentMs{
    .domain = "kafka.controller",
    .type = "ControllerStats",
    .name = "PartitionReassignmentRateAndTimeMs",
    .kind = Kind::Histogram,
    .doc = "Requests to reassign partitions, until the topics' znodes say so.",
    .scale = 1000};
inline constexpr Metric kListPartitionReassignmentMs{
    .domain = "kafka.controller",
    .type = "ControllerStats",
    .name = "ListPartitionReassignmentRateAndTimeMs",
    .kind = Kind::Histogram,
    .doc = "Lists of what is being reassigned.",
    .scale = 1000};
inline constexpr Metric kLogDirChangeMs{
    .domain = "kafka.controller",
    .type = "ControllerStats",
    .name = "LogDirChangeRateAndTimeMs",
    .kind = Kind::Histogram,
    .doc = "Taking up what brokers report about failed log dirs.",
    .scale = 1000};
inline constexpr Metric kUncleanElectionEnableMs{
    .domain = "kafka.controller",
    .type = "ControllerStats",
    .name = "UncleanLeaderElectionEnableRateAndTimeMs",
    .kind = Kind::Histogram,
    .doc = "Unclean elections were allowed for all topics: looking at each.",
    .scale = 1000};
inline constexpr Metric kTopicUncleanElectionEnableMs{
    .domain = "kafka.controller",
    .type = "ControllerStats",
    .name = "TopicUncleanLeaderElectionEnableRateAndTimeMs",
    .kind = Kind::Histogram,
    .doc = "Unclean elections were allowed for a topic: looking at it.",
    .scale = 1000};
inline constexpr Metric kLeaderAndIsrResponseMs{.domain = "kafka.controller",
                                                .type = "ControllerStats",
                                                .name = "LeaderAndIsrResponseReceivedRateAndTimeMs",
                                                .kind = Kind::Histogram,
                                                .doc = "Taking up what brokers answer to commands.",
                                                .scale = 1000};
inline constexpr Metric kControllerShutdownMs{.domain = "kafka.controller",
                                              .type = "ControllerStats",
                                              .name = "ControllerShutdownRateAndTimeMs",
                                              .kind = Kind::Histogram,
                                              .doc = "Leaving the office of the controller.",
                                              .scale = 1000};
inline constexpr Metric kControllerBrokerQueueSize{
    .domain = "kafka.controller",
    .type = "ControllerChannelManager",
    .name = "QueueSize",
    .kind = Kind::Gauge,
    .labels = {"broker-id"},
    .doc = "Commands on their way to a broker: one, and one that takes up all that waits for it."};
inline constexpr Metric kControllerRequestQueueMs{
    .domain = "kafka.controller",
    .type = "ControllerChannelManager",
    .name = "RequestRateAndQueueTimeMs",
    .kind = Kind::Histogram,
    .labels = {"broker-id"},
    .doc = "How long commands to a broker wait before they are sent.",
    .scale = 1000};

inline constexpr Metric kFencedBrokerCount{
    .domain = "kafka.controller",
    .type = "KafkaController",
    .name = "FencedBrokerCount",
    .kind = Kind::Gauge,
    .doc = "Brokers that are registered but silent or dead by evidence: they lead nothing."};

inline constexpr const Metric* kControllerMetrics[] = {
    &kActiveControllerCount,
    &kActiveBrokerCount,
    &kGlobalTopicCount,
    &kGlobalPartitionCount,
    &kOfflinePartitionsCount,
    &kPreferredReplicaImbalanceCount,
    &kTopicsToDeleteCount,
    &kReplicasToDeleteCount,
    &kTopicsIneligibleToDeleteCount,
    &kReplicasIneligibleToDeleteCount,
    &kControllerState,
    &kControllerEventQueueSize,
    &kControllerEventQueueTimeMs,
    &kControllerQueueSize,
    &kLeaderElectionMs,
    &kUncleanLeaderElections,
    &kControllerChangeMs,
    &kControlledShutdownMs,
    &kIsrChangeMs,
    &kTopicChangeMs,
    &kTopicDeletionMs,
    &kFencedBrokerCount,
    &kAutoLeaderBalanceMs,
    &kManualLeaderBalanceMs,
    &kPartitionReassignmentMs,
    &kListPartitionReassignmentMs,
    &kLogDirChangeMs,
    &kUncleanElectionEnableMs,
    &kTopicUncleanElectionEnableMs,
    &kLeaderAndIsrResponseMs,
    &kControllerShutdownMs,
    &kControllerBrokerQueueSize,
    &kControllerRequestQueueMs,
};

}  // namespace ottla::metrics
