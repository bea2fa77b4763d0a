#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/task.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/random.h"
#include "common/rpc/peer.h"
#include "common/rpc/reach.h"
#include "common/zookeeper/layout.h"
#include "common/zookeeper/store.h"
#include "controller/command_sender.h"
#include "controller/config.h"
#include "controller/controller_metrics.h"
#include "controller/decide.h"
#include "controller/lifeline.h"
#include "controller/model.h"
#include "controller/service.h"
#include "controller/state_writer.h"

namespace ottla::controller {

class TopicRequests;

/// The states of the topic's partitions, by number, as this broker was told them last; none of a
/// topic with another id. Thread: controller.
using ToldStates =
    std::function<std::vector<std::optional<cluster::PartitionState>>(const cluster::Topic& topic)>;

/// The id of the topic of this name as this broker was told it last; zero: it knows none.
/// Thread: controller.
using ToldId = std::function<TopicId(const std::string& topic)>;

/// One term in office: the model and all that keeps it true. It begins with reading everything and
/// ends, with everything it knew, when the office is lost (W12).
/// Events come from ZooKeeper (watches are hints, reads are truth: W18), from brokers' requests and
/// answers, from liveness watches and timers; each goes through `decide`, and what that wants done
/// goes to the StateWriter, the CommandSender and the waiting callers. Nothing here blocks (W15).
/// Thread: controller.
class Term {
 public:
  struct World {
    const ControllerConfig& config;
    zookeeper::Store& store;
    env::Executor& executor;
    env::Clock& clock;
    env::Random& random;
    rpc::Peers& peers;
    rpc::LivenessMonitor& liveness;
    ControllerMetrics& metrics;
    rpc::Reach* reach = nullptr;  ///< Null: silence is believed.
    ToldStates told_states;       ///< None: nothing is known before it is read.
    ToldId told_id;               ///< None: nothing is known but what is read.
  };

  /// `ready` is called once everything is read and requests are served, `deposed` when a write or a
  /// command was refused for an old epoch (it must not end the term at once).
  Term(const World& world, zookeeper::ControllerFence fence,
       std::optional<LivenessChanged> predecessor, std::function<void()> ready,
       std::function<void(std::string)> deposed);
  ~Term();
  Term(const Term&) = delete;
  Term& operator=(const Term&) = delete;

  void on_watch(const zookeeper::layout::Location& location);
  /// Reads everything again and compares: after a reconnection, and from time to time.
  void audit();
  void topic_config_changed(const std::string& topic);
  /// `World::config` has other topic defaults now.
  void topic_defaults_changed();

  void alter_partition(rpc::AlterPartitionRequest request,
                       Callback<rpc::AlterPartitionReply> reply);
  void controlled_shutdown(rpc::ControlledShutdownRequest request,
                           Callback<rpc::ControlledShutdownReply> reply);
  void allocate_producer_ids(rpc::AllocateProducerIdsRequest request,
                             Callback<rpc::AllocateProducerIdsReply> reply);
  void report_slow_replicas(rpc::SlowReplicasReport report, Callback<rpc::SlowReplicasReply> reply);
  void elect_leaders(ElectLeadersRequest request, Callback<PartitionsReply> done);
  void alter_reassignments(AlterReassignmentsRequest request, Callback<PartitionsReply> done);
  [[nodiscard]] std::vector<ReassigningPartition> reassigning(
      const std::optional<std::vector<TopicPartition>>& of) const;
  [[nodiscard]] TopicRequests& topics() { return *topic_requests_; }
  void describe(ControllerDescription& description) const;
  void describe_health(const std::vector<TopicPartition>& partitions,
                       ControllerHealth& health) const;

  // For TopicRequests.
  [[nodiscard]] const ClusterModel& model() const { return model_; }
  [[nodiscard]] const CommandSender& sender() const { return sender_; }
  [[nodiscard]] const zookeeper::ControllerFence& fence() const { return fence_; }
  [[nodiscard]] bool is_loaded() const { return loaded_; }
  void refresh_topics() { refresh(topics_refresh_, &Term::read_topics); }
  /// The topic's own znode was written.
  void topic_may_have_changed(const std::string& name) {
    changed_topics_.insert(name);
    refresh_topics();
  }
  void refresh_deletions() { refresh(deletions_refresh_, &Term::read_deletions); }
  void deposed(const std::string& why);

 private:
  /// One read of a kind is under way at a time; a hint that comes meanwhile asks for another.
  struct Refresh {
    bool running = false;
    bool again = false;
  };

  void load();
  void load_states();
  void load_again(zookeeper::StoreError error);
  void outlined(const zookeeper::ClusterNodes& nodes);
  void loaded(zookeeper::ClusterNodes nodes);
  void handle(const Event& event);
  void handle(const Event& event, TimedWork kind);  ///< And counts it.
  [[nodiscard]] Callback<PartitionsReply> timed(TimedWork kind, Callback<PartitionsReply> done);
  [[nodiscard]] std::vector<ReassigningPartition> find_reassigning(
      const std::optional<std::vector<TopicPartition>>& of) const;
  void note_beginning(const std::vector<Write>& writes, env::MonotonicTime now);
  void measure(const WriteOutcome& outcome);
  void answer(Answer answer);
  void decided(RequestId id, rpc::ControlledShutdownReply outcome);
  void answer_shutdowns();
  void answer_shutdown(RequestId id);
  void set_timer(std::optional<env::MonotonicTime> wake_at);
  void follow_liveness();
  void judge(const LivenessChanged& verdict);

  void refresh(Refresh& what, void (Term::*read)());
  void end_refresh(Refresh& what, void (Term::*read)(), bool failed);
  void read_brokers();
  void read_topics();
  void topics_listed(std::vector<std::string> names);
  void topics_read(std::vector<std::string> all, std::vector<zookeeper::TopicNodes> nodes);
  void read_topic_configs(std::shared_ptr<TopicsRead> event);
  void read_deletions();
  void read_log_dir_events();
  void read_isr_changes();
  void read_rules(const std::string& topic, std::function<void(std::optional<TopicRules>)> done);
  [[nodiscard]] TopicRules rules_of(const zookeeper::ConfigMap& config) const;
  [[nodiscard]] TopicId lost_id(const TopicRead& read) const;
  [[nodiscard]] TopicRead topic_read(zookeeper::TopicNodes nodes, TopicRules rules);
  [[nodiscard]] TopicRead topic_read(zookeeper::TopicNodes nodes,
                                     const zookeeper::ClusterNodes& all);
  void read_preferred_election();
  void read_reassignments();
  void schedule_audit();
  void schedule_balancing();

  World world_;
  zookeeper::ControllerFence fence_;
  std::optional<LivenessChanged> predecessor_;
  std::function<void()> ready_;
  std::function<void(std::string)> deposed_;
  ClusterModel model_;
  StateWriter writer_;
  CommandSender sender_;
  bool outlined_ = false;
  std::optional<zookeeper::ClusterNodes> outline_;  ///< Its states wait to be read.
  bool loaded_ = false;

  std::uint64_t last_request_ = 0;
  std::map<RequestId, Callback<rpc::AlterPartitionReply>> alters_;
  struct Shutdown {
    Callback<rpc::ControlledShutdownReply> reply;
    std::optional<rpc::ControlledShutdownReply> outcome;  ///< Set: decided and written.
    std::uint64_t announced = 0;                          ///< By when it was.
    env::TimerHandle longest_wait;
  };
  std::map<RequestId, Shutdown> shutdowns_;
  std::map<RequestId, Callback<PartitionsReply>> partition_requests_;

  struct Watched {
    BrokerEpoch epoch;
    std::unique_ptr<rpc::LivenessWatch> watch;
    rpc::Liveness verdict = rpc::Liveness::Alive;
    env::TimerHandle ask_again;
  };
  std::map<BrokerId, Watched> watched_;

  Refresh brokers_refresh_;
  Refresh topics_refresh_;
  Refresh deletions_refresh_;
  Refresh log_dirs_refresh_;
  Refresh isr_changes_refresh_;
  Refresh preferred_election_refresh_;
  Refresh reassignments_refresh_;
  std::set<std::string> changed_topics_;
  bool read_all_topics_ = false;

  /// When what asked for these writes came; for a deletion, under partition -1. Those under way.
  std::map<TopicPartition, env::MonotonicTime> write_began_;

  env::TimerHandle timer_;
  env::TimerHandle audit_timer_;
  env::TimerHandle balancing_timer_;
  env::TimerHandle load_timer_;
  env::TimerHandle hold_timer_;
  std::unique_ptr<TopicRequests> topic_requests_;
  Lifeline life_;
};

}  // namespace ottla::controller
