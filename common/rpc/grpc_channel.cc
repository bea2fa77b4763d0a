#include "common/rpc/grpc_channel.h"

#include "common/rpc/callback_queue.h"

namespace ottla::rpc {
namespace {

/// Between two attempts to connect, at first and at most.
constexpr int kFirstReconnectMs = 20;
constexpr int kMaxReconnectMs = 500;
/// That an attempt may take (gRPC's name for it is another): on a busy machine a handshake with a
/// neighbour takes longer than the first pause.
constexpr int kConnectMs = 500;
/// A connection with calls under way on which nothing comes for so long is asked for a sign of
/// life, and given up when there is none: after a cut TCP would send again only as late as the cut
/// was long, and who gave up while the network was cut cannot tell its peer, which would wait for
/// ever. Answers may be queued behind megabytes of records, on slow networks.
constexpr int kAskAfterMs = 2000;
constexpr int kAnswerWithinMs = 5000;

}  // namespace

std::shared_ptr<grpc::Channel> make_channel(const std::string& endpoint) {
  prepare_callback_queue();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kAskAfterMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kAnswerWithinMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // no limit
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace ottla::rpc
