#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/random.h"
#include "common/metrics/registry.h"
#include "common/rpc/peer.h"
#include "common/zookeeper/client.h"
#include "common/zookeeper/store.h"
#include "controller/config.h"
#include "controller/controller_metrics.h"
#include "controller/office.h"
#include "controller/service.h"
#include "controller/term.h"

namespace ottla::controller {

/// A broker's controller: idle until it wins the office, see docs/controller.md. Everything happens
/// on one executor; whatever comes from outside is an event in its queue.
///
/// Constructed before the client is started, so that it hears of the first session; the client, the
/// executor and the others must outlive it. `stop`, then destroy it on the executor's thread or
/// after the executor has ended.
/// Thread: any, unless said otherwise.
class Controller final : public ControllerService, private zookeeper::ClientListener {
 public:
  struct World {
    zookeeper::Client& client;
    env::Executor& executor;
    env::Clock& clock;
    env::Random& random;
    rpc::Peers& peers;
    rpc::LivenessMonitor& liveness;
    metrics::Registry* metrics = nullptr;  ///< Null: nobody looks.
    rpc::Reach* reach = nullptr;           ///< Null: silence is believed.
    ToldStates told_states = {};           ///< None: nothing is known before it is read.
    ToldId told_id = {};                   ///< None: nothing is known but what is read.
  };

  Controller(ControllerConfig config, const World& world);
  ~Controller() override;

  /// From now on this broker may be elected: it is registered, or about to be. Sessions that were
  /// established before count.
  void start();
  /// Gives the office up, so that the next election need not wait for the session's end, and ends
  /// what is under way with NotController. `done` is called when nothing runs any more.
  void stop(Callback<> done);

  /// /config/topics/T changed (each broker watches /config/changes anyway).
  void topic_config_changed(std::string topic);
  /// The broker's defaults of the topic configs changed.
  void set_topic_defaults(TopicRules defaults);

  [[nodiscard]] bool is_controller() const override { return is_controller_.load(); }
  [[nodiscard]] std::optional<BrokerId> active_controller() const override;

  void create_topics(CreateTopicsRequest request,
                     Callback<std::vector<CreatedTopic>> done) override;
  void delete_topics(DeleteTopicsRequest request,
                     Callback<std::vector<DeletedTopic>> done) override;
  void create_partitions(CreatePartitionsRequest request,
                         Callback<std::vector<AddedPartitions>> done) override;
  void auto_create_topics(std::vector<NewTopic> topics, std::vector<cluster::Broker> live,
                          Callback<std::vector<CreatedTopic>> done) override;
  void elect_leaders(ElectLeadersRequest request, Callback<PartitionsReply> done) override;
  void alter_reassignments(AlterReassignmentsRequest request,
                           Callback<PartitionsReply> done) override;
  void list_reassignments(std::optional<std::vector<TopicPartition>> of,
                          Callback<ReassignmentsReply> done) override;
  void describe(Callback<ControllerDescription> done) override;
  void describe_health(std::vector<TopicPartition> partitions,
                       Callback<ControllerHealth> done) override;

  void alter_partition(rpc::AlterPartitionRequest request,
                       Callback<rpc::AlterPartitionReply> reply) override;
  void controlled_shutdown(rpc::ControlledShutdownRequest request,
                           Callback<rpc::ControlledShutdownReply> reply) override;
  void allocate_producer_ids(rpc::AllocateProducerIdsRequest request,
                             Callback<rpc::AllocateProducerIdsReply> reply) override;
  void report_slow_replicas(rpc::SlowReplicasReport report,
                            Callback<rpc::SlowReplicasReply> reply) override;

 private:
  void on_session(const zookeeper::SessionEvent& event) override;
  void on_watch(const zookeeper::WatchEvent& event) override;

  void session_event(const zookeeper::SessionEvent& event);
  void won(zookeeper::ControllerFence fence, std::optional<LivenessChanged> predecessor);
  void lost(const std::string& why);
  /// Runs `task` on the executor, unless this object is gone by then.
  template <class F>
  void run(F task);
  /// The term that serves requests; null when this broker is not controller, or still loading.
  [[nodiscard]] Term* serving() { return term_ && term_->is_loaded() ? term_.get() : nullptr; }

  ControllerConfig config_;
  World world_;
  std::unique_ptr<metrics::Registry> own_registry_;  ///< When nobody looks.
  std::shared_ptr<ControllerMetrics> metrics_;
  zookeeper::Store store_;
  bool started_ = false;
  std::int64_t session_ = 0;
  bool connected_ = false;  ///< To ZooKeeper, with the session alive as far as we know.
  env::MonotonicTime connected_since_{};  ///< Or disconnected; zero: since the start.
  std::unique_ptr<Office> office_;
  std::unique_ptr<Term> term_;
  std::atomic<bool> is_controller_ = false;
  std::atomic<std::int32_t> active_ = kNoBroker.value();
  Lifeline life_;
  metrics::Registry::Registration active_gauge_;  ///< Ends first: it looks at the others.
};

}  // namespace ottla::controller
