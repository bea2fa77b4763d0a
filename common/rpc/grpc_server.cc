#include "common/rpc/grpc_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "common/rpc/callback_queue.h"
#include "common/rpc/control_codec.h"
#include "common/rpc/grpc_high_watermarks.h"
#include "common/rpc/grpc_transaction_service.h"
#include "common/rpc/pending_reply.h"
#include "proto/ottla/control.grpc.pb.h"

namespace ottla::rpc {
namespace {

/// A cluster of 200,000 partitions fits into one full update.
constexpr int kMaxMessageBytes = 256 * 1024 * 1024;
constexpr std::chrono::milliseconds kStopGrace{100};

/// Answers each ping until the watcher goes, unless this broker does not serve.
class PongReactor final : public grpc::ServerBidiReactor<proto::Ping, proto::Pong> {
 public:
  explicit PongReactor(const GrpcServer::Options& options) : options_(options) {
    pong_.set_start_nonce(options.start_nonce);
    StartRead(&ping_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return finish();
    if (options_.serves && !options_.serves()) return StartRead(&ping_);
    pong_.set_number(ping_.number());
    StartWrite(&pong_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return finish();
    StartRead(&ping_);
  }
  void OnCancel() override {}
  void OnDone() override { delete this; }

 private:
  void finish() { Finish(grpc::Status::OK); }

  const GrpcServer::Options& options_;
  proto::Ping ping_;
  proto::Pong pong_;
};

}  // namespace

class GrpcServer::ControlService final : public proto::Control::CallbackService {
 public:
  /// `options` outlive it.
  ControlService(BrokerControl& broker, ControllerControl& controller, const Options& options)
      : broker_(broker), controller_(controller), options_(options) {}

  grpc::ServerUnaryReactor* UpdateCluster(grpc::CallbackServerContext* context,
                                          const proto::ClusterUpdate* request,
                                          proto::ClusterUpdateReply* reply) override {
    return answer<ClusterUpdate, ClusterUpdateReply>(context, *request, reply, broker_,
                                                     &BrokerControl::update_cluster);
  }
  grpc::ServerUnaryReactor* QueryReplicaLogs(grpc::CallbackServerContext* context,
                                             const proto::ReplicaLogQuery* request,
                                             proto::ReplicaLogAnswer* reply) override {
    return answer<ReplicaLogQuery, ReplicaLogAnswer>(context, *request, reply, broker_,
                                                     &BrokerControl::query_replica_logs);
  }
  grpc::ServerUnaryReactor* AlterPartition(grpc::CallbackServerContext* context,
                                           const proto::AlterPartitionRequest* request,
                                           proto::AlterPartitionReply* reply) override {
    return answer<AlterPartitionRequest, AlterPartitionReply>(context, *request, reply, controller_,
                                                              &ControllerControl::alter_partition);
  }
  grpc::ServerUnaryReactor* ControlledShutdown(grpc::CallbackServerContext* context,
                                               const proto::ControlledShutdownRequest* request,
                                               proto::ControlledShutdownReply* reply) override {
    return answer<ControlledShutdownRequest, ControlledShutdownReply>(
        context, *request, reply, controller_, &ControllerControl::controlled_shutdown);
  }
  grpc::ServerUnaryReactor* AllocateProducerIds(grpc::CallbackServerContext* context,
                                                const proto::AllocateProducerIdsRequest* request,
                                                proto::AllocateProducerIdsReply* reply) override {
    return answer<AllocateProducerIdsRequest, AllocateProducerIdsReply>(
        context, *request, reply, controller_, &ControllerControl::allocate_producer_ids);
  }
  grpc::ServerUnaryReactor* ReportSlowReplicas(grpc::CallbackServerContext* context,
                                               const proto::SlowReplicasReport* request,
                                               proto::SlowReplicasReply* reply) override {
    return answer<SlowReplicasReport, SlowReplicasReply>(context, *request, reply, controller_,
                                                         &ControllerControl::report_slow_replicas);
  }
  grpc::ServerBidiReactor<proto::Ping, proto::Pong>* Watch(grpc::CallbackServerContext*) override {
    return new PongReactor(options_);  // deletes itself in OnDone
  }

 private:
  template <class Request, class Reply, class RequestMessage, class ReplyMessage, class Service,
            class Method>
  static grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext* context,
                                          const RequestMessage& message, ReplyMessage* reply,
                                          Service& service, Method method) {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    Request request;
    decode(message, request);
    (service.*method)(std::move(request), PendingReply<Reply, ReplyMessage>(reactor, reply));
    return reactor;
  }

  BrokerControl& broker_;
  ControllerControl& controller_;
  const Options& options_;
};

struct GrpcServer::State {
  State(Options chosen, BrokerControl& broker, ControllerControl& controller,
        grpc::CallbackGenericService* stream_service, TransactionControl* transaction_control,
        const HighWatermarkSource* high_watermark_source)
      : options(std::move(chosen)), control(broker, controller, options), streams(stream_service) {
    if (transaction_control != nullptr) {
      transactions = make_transaction_service(*transaction_control);
    }
    if (high_watermark_source != nullptr) {
      high_watermarks = make_high_watermark_service(*high_watermark_source);
    }
  }

  Options options;
  ControlService control;
  grpc::CallbackGenericService* streams;
  std::unique_ptr<grpc::Service> transactions;
  std::unique_ptr<grpc::Service> high_watermarks;
  std::unique_ptr<grpc::Server> server;
};

GrpcServer::GrpcServer(Options options, BrokerControl& broker, ControllerControl& controller,
                       grpc::CallbackGenericService* streams, TransactionControl* transactions,
                       const HighWatermarkSource* high_watermarks)
    : state_(std::make_unique<State>(std::move(options), broker, controller, streams, transactions,
                                     high_watermarks)) {}

GrpcServer::~GrpcServer() {
  stop();
}

Result<std::int32_t> GrpcServer::start() {
  prepare_callback_queue();
  const std::string host = state_->options.host.empty() ? "0.0.0.0" : state_->options.host;
  const std::string address = host + ":" + std::to_string(state_->options.port);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&state_->control);
  if (state_->transactions) builder.RegisterService(state_->transactions.get());
  if (state_->high_watermarks) builder.RegisterService(state_->high_watermarks.get());
  if (state_->streams != nullptr) builder.RegisterCallbackGenericService(state_->streams);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // Two brokers must never share a port by SO_REUSEPORT.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 100);
  state_->server = builder.BuildAndStart();
  if (!state_->server || port == 0) {
    return fail(ErrorCode::BrokerNotAvailable,
                "ottla.grpc.listener: cannot bind " + address + ": is it in use?");
  }
  return port;
}

void GrpcServer::stop() {
  if (!state_->server) return;
  state_->server->Shutdown(std::chrono::system_clock::now() + kStopGrace);
  state_->server->Wait();
  state_->server.reset();
}

}  // namespace ottla::rpc
