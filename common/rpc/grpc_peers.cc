#include "common/rpc/grpc_peers.h"

#include <utility>

#include "common/rpc/control_codec.h"
#include "common/rpc/grpc_call.h"
#include "common/rpc/grpc_channel.h"
#include "proto/ottla/control.grpc.pb.h"

namespace ottla::rpc {
namespace {

class GrpcPeer final : public Peer {
 public:
  explicit GrpcPeer(const std::string& endpoint)
      : stub_(proto::Control::NewStub(make_channel(endpoint))) {}

  void update_cluster(ClusterUpdate update, env::Duration timeout,
                      Callback<Result<ClusterUpdateReply>> done) override {
    call(update, timeout, std::move(done), &Async::UpdateCluster);
  }
  void query_replica_logs(ReplicaLogQuery query, env::Duration timeout,
                          Callback<Result<ReplicaLogAnswer>> done) override {
    call(query, timeout, std::move(done), &Async::QueryReplicaLogs);
  }
  void alter_partition(AlterPartitionRequest request, env::Duration timeout,
                       Callback<Result<AlterPartitionReply>> done) override {
    call(request, timeout, std::move(done), &Async::AlterPartition);
  }
  void controlled_shutdown(ControlledShutdownRequest request, env::Duration timeout,
                           Callback<Result<ControlledShutdownReply>> done) override {
    call(request, timeout, std::move(done), &Async::ControlledShutdown);
  }
  void allocate_producer_ids(AllocateProducerIdsRequest request, env::Duration timeout,
                             Callback<Result<AllocateProducerIdsReply>> done) override {
    call(request, timeout, std::move(done), &Async::AllocateProducerIds);
  }
  void report_slow_replicas(SlowReplicasReport report, env::Duration timeout,
                            Callback<Result<SlowReplicasReply>> done) override {
    call(report, timeout, std::move(done), &Async::ReportSlowReplicas);
  }

 private:
  using Async = proto::Control::StubInterface::async_interface;

  template <class Request, class RequestMessage, class ReplyMessage, class Reply>
  void call(const Request& request, env::Duration timeout, Callback<Result<Reply>> done,
            void (Async::*method)(grpc::ClientContext*, const RequestMessage*, ReplyMessage*,
                                  std::function<void(grpc::Status)>)) {
    RequestMessage message;
    encode(request, message);
    call_unary<Async>(*stub_->async(), std::move(message), timeout, method,
                      [done = std::move(done)](Result<ReplyMessage*> answered) mutable {
                        if (!answered) return std::move(done)(fail(std::move(answered).error()));
                        Reply reply;
                        decode(**answered, reply);
                        std::move(done)(std::move(reply));
                      });
  }

  std::unique_ptr<proto::Control::Stub> stub_;
};

}  // namespace

std::shared_ptr<Peer> GrpcPeers::connect(const cluster::Broker& broker) {
  if (!broker.grpc_endpoint) return nullptr;
  return std::make_shared<GrpcPeer>(*broker.grpc_endpoint);
}

}  // namespace ottla::rpc
