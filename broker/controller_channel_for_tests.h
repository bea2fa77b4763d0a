#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "broker/controller_channel.h"
#include "common/rpc/peer.h"
#include "controller/service.h"

/// A broker's way to a controller that answers when the test says so. For tests only.
namespace ottla::broker {

/// A broker that is not in office itself, and knows who is.
class Elsewhere final : public controller::ControllerService {
 public:
  std::optional<BrokerId> in_office = BrokerId(2);

  bool is_controller() const override { return false; }
  std::optional<BrokerId> active_controller() const override { return in_office; }
  void create_topics(controller::CreateTopicsRequest,
                     Callback<std::vector<controller::CreatedTopic>>) override {}
  void delete_topics(controller::DeleteTopicsRequest,
                     Callback<std::vector<controller::DeletedTopic>>) override {}
  void create_partitions(controller::CreatePartitionsRequest,
                         Callback<std::vector<controller::AddedPartitions>>) override {}
  void auto_create_topics(std::vector<controller::NewTopic>, std::vector<cluster::Broker>,
                          Callback<std::vector<controller::CreatedTopic>>) override {}
  void elect_leaders(controller::ElectLeadersRequest,
                     Callback<controller::PartitionsReply>) override {}
  void alter_reassignments(controller::AlterReassignmentsRequest,
                           Callback<controller::PartitionsReply>) override {}
  void list_reassignments(std::optional<std::vector<TopicPartition>>,
                          Callback<controller::ReassignmentsReply>) override {}
  void describe(Callback<controller::ControllerDescription>) override {}
  void describe_health(std::vector<TopicPartition>,
                       Callback<controller::ControllerHealth>) override {}
  void alter_partition(rpc::AlterPartitionRequest, Callback<rpc::AlterPartitionReply>) override {}
  void controlled_shutdown(rpc::ControlledShutdownRequest,
                           Callback<rpc::ControlledShutdownReply>) override {}
  void allocate_producer_ids(rpc::AllocateProducerIdsRequest,
                             Callback<rpc::AllocateProducerIdsReply>) override {}
};

/// Takes requests, and answers when the test says so: a process may sleep.
class SleepyPeers final : public rpc::Peers {
 public:
  struct Report {
    rpc::SlowReplicasReport said;
    Callback<Result<rpc::SlowReplicasReply>> done;
  };
  std::vector<Callback<Result<rpc::AlterPartitionReply>>> taken;
  std::vector<Report> reports;
  std::vector<Callback<Result<rpc::ControlledShutdownReply>>> shutdowns;

  std::shared_ptr<rpc::Peer> connect(const cluster::Broker& /*broker*/) override {
    return std::make_shared<SleepyPeer>(*this);
  }

 private:
  class SleepyPeer final : public rpc::Peer {
   public:
    explicit SleepyPeer(SleepyPeers& peers) : peers_(peers) {}
    void update_cluster(rpc::ClusterUpdate, env::Duration,
                        Callback<Result<rpc::ClusterUpdateReply>>) override {}
    void query_replica_logs(rpc::ReplicaLogQuery, env::Duration,
                            Callback<Result<rpc::ReplicaLogAnswer>>) override {}
    void alter_partition(rpc::AlterPartitionRequest, env::Duration,
                         Callback<Result<rpc::AlterPartitionReply>> done) override {
      peers_.taken.push_back(std::move(done));
    }
    void controlled_shutdown(rpc::ControlledShutdownRequest, env::Duration,
                             Callback<Result<rpc::ControlledShutdownReply>> done) override {
      peers_.shutdowns.push_back(std::move(done));
    }
    void allocate_producer_ids(rpc::AllocateProducerIdsRequest, env::Duration,
                               Callback<Result<rpc::AllocateProducerIdsReply>>) override {}
    void report_slow_replicas(rpc::SlowReplicasReport report, env::Duration,
                              Callback<Result<rpc::SlowReplicasReply>> done) override {
      peers_.reports.push_back({std::move(report), std::move(done)});
    }

   private:
    SleepyPeers& peers_;
  };
};

}  // namespace ottla::broker
