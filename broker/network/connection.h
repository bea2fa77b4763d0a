#pragma once

// Private to broker/network: brings in Asio.

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

#include "broker/network/frame_reader.h"
#include "broker/network/output.h"
#include "broker/network/request.h"
#include "common/base/fifo.h"
#include "common/base/task.h"
#include "common/env/clock.h"

namespace ottla::network {

class Loop;

/// One client connection. Reads frames, hands one request at a time to the handler (more only
/// after Responder::allow_next), sends the answers in the order of the requests. While a request
/// is under way, or too much waits to be sent, nothing is read: the client's TCP window fills.
/// Thread: loop, except the ResponseSink.
class Connection final : public ResponseSink, public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  Connection(std::shared_ptr<Loop> loop, Socket socket, std::shared_ptr<ConnectionInfo> info,
             RequestHandler& handler, env::Executor& io_pool, const env::Clock& clock,
             std::int32_t max_request_bytes, std::atomic<std::int64_t>& unsent_answers,
             Task on_closed);
  ~Connection() override;

  void start();
  /// Takes no further request; closes once those under way are answered.
  void drain();
  void close();

  [[nodiscard]] const std::string& listener() const { return info_->listener; }
  /// Since when nothing came, nothing was sent and nothing is under way; empty when busy.
  [[nodiscard]] std::optional<env::MonotonicTime> idle_since() const;

  // ResponseSink.
  void respond(std::uint64_t slot, Payload response,
               std::shared_ptr<AnswerObserver> observer) override;
  void respond_nothing(std::uint64_t slot) override;
  void close_connection(std::uint64_t slot) override;
  void allow_next(std::uint64_t slot) override;

 private:
  /// Requests of one connection that were let in and are not answered.
  static constexpr std::size_t kMaxUnanswered = 32;
  /// Answers that wait to be sent, before reading pauses.
  static constexpr std::uint64_t kMaxPendingBytes = 4 * 1024 * 1024;
  /// And how many: a small one takes a kilobyte of memory, whatever its size.
  static constexpr std::size_t kMaxPendingAnswers = 1024;
  /// Requests handled before other connections of the loop get their turn.
  static constexpr int kRequestsPerTurn = 32;

  struct Waiting {};
  struct NoAnswer {};
  struct Ready {
    Payload response;
    std::shared_ptr<AnswerObserver> observer;
  };
  using Answer = std::variant<Waiting, NoAnswer, Ready>;

  [[nodiscard]] bool may_take_request() const;
  void take_requests();
  void dispatch(SharedBuffer frame);
  void receive();
  void on_received(const boost::system::error_code& error, std::size_t count);
  void settle(std::uint64_t slot, Answer answer);
  void send();
  void warm_up_and_send();
  void count_answers();
  void run_on_loop(Task task);

  const std::shared_ptr<Loop> loop_;
  std::optional<Socket> socket_;  ///< Empty once closed: a late Responder must not keep it.
  std::shared_ptr<ConnectionInfo> info_;
  RequestHandler& handler_;
  env::Executor& io_pool_;
  const env::Clock& clock_;
  std::atomic<std::int64_t>& unsent_answers_;  ///< Of all connections; this one counts its own.
  std::int64_t counted_answers_ = 0;
  Task on_closed_;
  FrameReader reader_;
  Output output_;

  Fifo<Answer> unanswered_;       ///< From the oldest request on that is not in `output_`.
  std::uint64_t first_slot_ = 0;  ///< The slot of `unanswered_.front()`.
  std::uint64_t next_slot_ = 0;
  bool next_allowed_ = true;  ///< The newest request is answered or said allow_next.
  bool receiving_ = false;
  bool taking_ = false;   ///< In take_requests: answers given inside `handle` do not reenter it.
  bool sending_ = false;  ///< Waits for the socket, the I/O pool or its next turn.
  bool draining_ = false;
  bool open_ = true;
  env::MonotonicTime last_active_;
  env::MonotonicTime received_;  ///< When something was read last.
};

}  // namespace ottla::network
