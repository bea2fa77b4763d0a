#include "broker/network/connection.h"

#include <glog/logging.h>

#include <utility>

#include "broker/network/loop.h"

namespace ottla::network {

namespace asio = boost::asio;

Connection::Connection(std::shared_ptr<Loop> loop, Socket socket,
                       std::shared_ptr<ConnectionInfo> info, RequestHandler& handler,
                       env::Executor& io_pool, const env::Clock& clock,
                       std::int32_t max_request_bytes, std::atomic<std::int64_t>& unsent_answers,
                       Task on_closed)
    : loop_(std::move(loop)),
      socket_(std::move(socket)),
      info_(std::move(info)),
      handler_(handler),
      io_pool_(io_pool),
      clock_(clock),
      unsent_answers_(unsent_answers),
      on_closed_(std::move(on_closed)),
      reader_(max_request_bytes),
      last_active_(clock_.now()) {}

Connection::~Connection() = default;

void Connection::start() {
  loop_->assert_current();
  take_requests();
}

bool Connection::may_take_request() const {
  return open_ && !draining_ && next_allowed_ && unanswered_.size() < kMaxUnanswered &&
         output_.pending_bytes() < kMaxPendingBytes && output_.size() < kMaxPendingAnswers;
}

void Connection::take_requests() {
  if (taking_ || receiving_) return;
  taking_ = true;
  for (int taken = 0; may_take_request(); ++taken) {
    if (taken == kRequestsPerTurn) {
      loop_->post([self = shared_from_this()] { self->take_requests(); });
      break;
    }
    auto frame = reader_.next();
    if (!frame) {
      VLOG(1) << "[" << info_->client_host << "] " << frame.error();
      close();
    } else if (!*frame) {
      receive();
      break;
    } else {
      dispatch(**std::move(frame));
    }
  }
  taking_ = false;
}

void Connection::dispatch(SharedBuffer frame) {
  const std::uint64_t slot = next_slot_++;
  unanswered_.push_back(Waiting{});
  next_allowed_ = false;
  handler_.handle({std::move(frame), info_, received_}, Responder(shared_from_this(), slot));
}

void Connection::receive() {
  receiving_ = true;
  const MutableByteView space = reader_.space();
  socket_->async_read_some(
      asio::buffer(space.data(), space.size()),
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t count) {
        self->on_received(error, count);
      });
}

void Connection::on_received(const boost::system::error_code& error, std::size_t count) {
  receiving_ = false;
  if (!open_) return;
  if (error) return close();
  received_ = last_active_ = clock_.now();
  reader_.received(count);
  take_requests();
}

/// Adds what changed to the count over all connections.
void Connection::count_answers() {
  const auto now = open_ ? static_cast<std::int64_t>(output_.size()) : 0;
  if (now == counted_answers_) return;
  unsent_answers_.fetch_add(now - counted_answers_, std::memory_order_relaxed);
  counted_answers_ = now;
}

void Connection::run_on_loop(Task task) {
  if (loop_->is_current()) {
    std::move(task)();
  } else {
    loop_->post(std::move(task));
  }
}

void Connection::respond(std::uint64_t slot, Payload response,
                         std::shared_ptr<AnswerObserver> observer) {
  run_on_loop([self = shared_from_this(), slot,
               ready = Ready{std::move(response), std::move(observer)}]() mutable {
    self->settle(slot, std::move(ready));
  });
}

void Connection::respond_nothing(std::uint64_t slot) {
  run_on_loop([self = shared_from_this(), slot] { self->settle(slot, NoAnswer{}); });
}

void Connection::close_connection(std::uint64_t) {
  run_on_loop([self = shared_from_this()] { self->close(); });
}

void Connection::allow_next(std::uint64_t slot) {
  run_on_loop([self = shared_from_this(), slot] {
    if (slot + 1 != self->next_slot_) return;
    self->next_allowed_ = true;
    self->take_requests();
  });
}

/// Answers leave in the order of their requests: one that comes early waits for those before it.
void Connection::settle(std::uint64_t slot, Answer answer) {
  if (!open_) return;
  unanswered_[slot - first_slot_] = std::move(answer);
  if (slot + 1 == next_slot_) next_allowed_ = true;
  while (!unanswered_.empty() && !std::holds_alternative<Waiting>(unanswered_.front())) {
    Answer next = std::move(unanswered_.front());
    unanswered_.pop_front();
    ++first_slot_;
    auto* const ready = std::get_if<Ready>(&next);
    if (ready == nullptr) continue;
    if (ready->observer) ready->observer->in_turn();
    output_.add(std::move(ready->response), std::move(ready->observer));
  }
  last_active_ = clock_.now();
  if (!sending_) send();
  take_requests();
}

void Connection::send() {
  sending_ = false;
  if (!open_) return;
  const Output::Progress progress = output_.send(socket_->native_handle());
  count_answers();
  switch (progress) {
    case Output::Progress::Idle:
      if (draining_ && unanswered_.empty()) close();
      break;
    case Output::Progress::WouldBlock:
      sending_ = true;
      socket_->async_wait(Socket::wait_write,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                            if (error || !self->open_) return self->close();
                            self->last_active_ = self->clock_.now();
                            self->send();
                            self->take_requests();
                          });
      break;
    case Output::Progress::Yield:
      sending_ = true;
      loop_->post([self = shared_from_this()] {
        self->send();
        self->take_requests();
      });
      break;
    case Output::Progress::Cold:
      sending_ = true;
      warm_up_and_send();
      break;
    case Output::Progress::Broken:
      close();
      break;
  }
}

void Connection::warm_up_and_send() {
  io_pool_.post([self = shared_from_this(), range = output_.cold_range()] {
    read_into_page_cache(range);
    self->loop_->post([self] {
      if (!self->open_) return;
      self->output_.mark_warm();
      self->send();
      self->take_requests();
    });
  });
}

void Connection::drain() {
  draining_ = true;
  if (unanswered_.empty() && output_.empty()) close();
}

void Connection::close() {
  if (!open_) return;
  open_ = false;
  boost::system::error_code ignored;
  socket_->close(ignored);
  socket_.reset();
  unanswered_.clear();
  count_answers();
  std::move(on_closed_)();
}

std::optional<env::MonotonicTime> Connection::idle_since() const {
  if (!unanswered_.empty()) return std::nullopt;
  return last_active_;
}

}  // namespace ottla::network
