#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/decide.h"
#include "controller/election.h"
#include "controller/health.h"
#include "controller/model.h"

namespace ottla::controller {

/// One event being decided: the methods behind `decide`, one file for each family of events.
class Decider {
 public:
  Decider(ClusterModel& model, env::MonotonicTime now) : model_(model), now_(now) {}

  // decide_beginning.cc
  void on(const ClusterOutlined& event);
  void on(const ClusterRead& event);
  // decide_brokers.cc
  void on(const BrokersRead& event);
  void on(const LivenessChanged& event);
  void on(const CommandDone& event);
  // decide_slow.cc
  void on(const SlowReplicasReported& event);
  // decide_topics.cc
  void on(const TopicsRead& event);
  void on(const TopicRulesRead& event);
  void on(const DeletionRequested& event);
  // decide_balance.cc
  void on(const PreferredLeadersWanted& event);
  void on(const LeadersToBeBalanced& event);
  void on(const ElectionRequested& event);
  // decide_reassignment.cc
  void on(const ReassignmentRequested& event);
  void on(const ReassignmentsRead& event);
  // decide_requests.cc
  void on(const AlterPartitionRequested& event);
  void on(const ShutdownRequested& event);
  // decide_logs.cc
  void on(const LogsAnswered& event);
  void on(const Tick& event);
  // decide_writes.cc
  void on(const WritesDone& event);

  [[nodiscard]] Decision finish() &&;

 private:
  struct Place {
    TopicEntry& topic;
    std::int32_t number;
    PartitionEntry& partition;

    [[nodiscard]] TopicPartition name() const { return {topic.name, number}; }
  };

  // decide.cc: from what is known to what is to be written
  void reconcile(Place place, const char* cause);
  void replace_dead_leader(Place place, const char* cause);
  void reconcile_topic(TopicEntry& topic, const char* cause);
  void reconcile_all(const char* cause);
  void wake_at(env::MonotonicTime time);
  [[nodiscard]] std::vector<Candidate> candidates(const Place& place) const;
  [[nodiscard]] std::vector<Candidate> candidates(const Place& place,
                                                  const std::vector<BrokerId>& among) const;
  [[nodiscard]] Standing standing(const Place& place, BrokerId broker) const {
    return standing_of(model_, place.name(), place.partition, broker);
  }
  [[nodiscard]] bool is_slow(const Place& place, BrokerId broker) const;
  void write_state(Place place, cluster::PartitionState next, const char* cause,
                   std::optional<RequestId> request = std::nullopt);
  /// Takes a state that ZooKeeper holds into the model and tells the brokers.
  void adopt_state(Place place, const cluster::PartitionState& state, bool is_new);

  // decide_beginning.cc
  void go_on_with(const TopicEntry& told);

  // decide_brokers.cc
  bool replace_registrations(const std::vector<cluster::Broker>& brokers);
  void registered(const cluster::Broker& broker, bool was_known);
  void tell_anew(BrokerId broker);
  void doubt_replicas_of(BrokerId broker);
  static void doubt(PartitionEntry& partition, BrokerId broker);
  void note_restart_of(BrokerId broker, bool was_known);
  void forget_offline_replicas_of(BrokerId broker);
  void forget_slow_replicas_of(BrokerId broker);
  void find_replicas_online_again(const CommandDone& event);
  void go_on_with_moves();

  // decide_topics.cc
  void take_topic(const TopicRead& read);
  void add_topic(const TopicRead& read);
  void update_topic(TopicEntry& topic, const TopicRead& read);
  void keep_topic_id(TopicEntry& topic, const TopicRead& read, TopicId id, const char* cause);
  void drop_topic(const std::string& name);
  void continue_deletions();
  void continue_deletion(TopicEntry& topic);
  bool take_leaders_off(TopicEntry& topic);
  void stop_replicas(TopicEntry& topic);
  void resend_stop_replicas(BrokerId broker);

  // decide_balance.cc
  void prefer_leader(Place place);
  [[nodiscard]] std::optional<ErrorCode> begin_election(ElectionKind kind, Place place);
  [[nodiscard]] std::optional<ErrorCode> election_outcome(ElectionKind kind, Place place);
  void election_progress(const TopicPartition& tp);

  // decide_pending.cc
  PendingPartitions& begin_pending(RequestId request, std::optional<ElectionKind> election,
                                   env::MonotonicTime deadline);
  void answer_partition(RequestId request, PartitionAnswer answer);
  void answer_if_complete(RequestId request);
  void end_expired_requests();
  void end_requests_of(Place place);

  // decide_reassignment.cc
  /// Bytes of the topics' znodes, with what a request has added to them so far.
  using NodeRoom = std::map<const TopicEntry*, std::size_t>;
  [[nodiscard]] Result<> check_wanted(const WantedReplicas& wanted, NodeRoom& room) const;
  [[nodiscard]] Result<> check_node_room(const Place& place, const std::vector<BrokerId>& target,
                                         NodeRoom& room) const;
  void want(const WantedReplicas& wanted, std::optional<RequestId> request);
  [[nodiscard]] std::optional<cluster::Assignment> next_assignment(const Place& place) const;
  void move_replicas(Place place);
  [[nodiscard]] bool may_move(const Place& place, const cluster::Assignment& next) const;
  [[nodiscard]] bool is_sure_of(BrokerId broker) const;
  void write_assignments(TopicEntry& topic);
  void write_reassignments();
  void assignments_written(TopicEntry& topic, const Write& write);
  void take_assignment(Place place, const cluster::Assignment& next, bool ours);
  void end_wanted(Place place, ErrorCode error, std::string message);
  void forget_reassignment(const TopicPartition& tp);
  void reassignments_written(const WriteOutcome& outcome);

  // decide_requests.cc
  [[nodiscard]] ErrorCode check_alter(const rpc::AlterPartition& alter, BrokerId from,
                                      bool& already_so) const;
  [[nodiscard]] ErrorCode check_new_isr(const Place& place, const rpc::AlterPartition& alter) const;
  void answer_alter(RequestId request, rpc::AlterPartitionOutcome outcome);
  void shutdown_progress(const TopicPartition& tp);
  void answer_shutdown(RequestId request, BrokerId broker);

  // decide_logs.cc
  void ask_logs(Place place, const Verdict& verdict);
  void send_queries(Place place, const std::vector<BrokerId>& brokers);
  void remember_longer_logs(Place place);
  void try_to_choose(Place place, const Verdict& verdict);
  void end_query(Place place);

  // decide_writes.cc
  void state_written(const WriteOutcome& outcome);
  void topic_written(const WriteOutcome& outcome);

  ClusterModel& model_;
  env::MonotonicTime now_;
  Decision out_;
  std::vector<Write> urgent_;  ///< Partitions without a leader that lives come first.
  std::vector<Write> other_;
  Announce announce_;
  Announce announce_new_;
  Announce announce_leaders_;
  std::map<BrokerId, std::vector<rpc::ReplicaLogQuery::Partition>> queries_;
  std::map<BrokerId, StopReplicas> stops_;
  std::set<std::string> topics_to_write_;
  bool brokers_changed_ = false;
  bool reassignments_changed_ = false;  ///< /admin/reassign_partitions is to be written.
};

}  // namespace ottla::controller
