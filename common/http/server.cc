#include "common/http/server.h"

#include <glog/logging.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <list>
#include <optional>
#include <utility>

#include "common/base/mutex.h"
#include "common/env/executor.h"

namespace ottla::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

/// Of this process' other threads none is meant to wait for this one.
constexpr int kNice = 10;
constexpr std::chrono::milliseconds kAcceptPause{100};

class Session;

/// What sessions need of the server.
/// Thread: the server's, except `post`.
class Host {
 public:
  virtual ~Host() = default;
  virtual void post(Task task) = 0;
  virtual void handle(Request request, Callback<Response> done) = 0;
  virtual void ended(Session& session) = 0;
  [[nodiscard]] virtual const Options& options() const = 0;
};

/// One connection.
class Session final : public std::enable_shared_from_this<Session> {
 public:
  Session(Host& host, tcp::socket socket)
      : host_(host), stream_(std::in_place, std::move(socket)) {}

  void start() { read(); }
  /// Of no use to anybody at the moment: its request is not there yet.
  [[nodiscard]] bool is_waiting() const { return is_waiting_; }
  void close() {
    if (!stream_) return;
    stream_->close();
    stream_.reset();
    host_.ended(*this);
  }

 private:
  using Parser = beast::http::request_parser<beast::http::empty_body>;

  void read() {
    is_waiting_ = true;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(host_.options().max_header_bytes));
    parser_->body_limit(boost::none);  // Refused below, after what is said of the method.
    // A byte of the request may come late; once there is one the rest has less time.
    stream_->expires_after(buffer_.size() > 0 ? host_.options().request_timeout
                                              : host_.options().idle_timeout);
    if (buffer_.size() > 0) return read_header();
    stream_->async_read_some(
        buffer_.prepare(1),
        [self = shared_from_this()](const beast::error_code& error, std::size_t count) {
          if (error || !self->stream_) return self->close();
          self->buffer_.commit(count);
          self->stream_->expires_after(self->host_.options().request_timeout);
          self->read_header();
        });
  }

  void read_header() {
    beast::http::async_read_header(
        *stream_, buffer_, *parser_,
        [self = shared_from_this()](const beast::error_code& error, std::size_t) {
          self->on_header(error);
        });
  }

  void on_header(const beast::error_code& error) {
    if (!stream_) return;
    is_waiting_ = false;
    if (error == beast::http::error::end_of_stream || error == beast::error::timeout ||
        error == asio::error::operation_aborted || error == asio::error::connection_reset) {
      return close();
    }
    keeps_alive_ = false;
    if (error == beast::http::error::header_limit) return refuse(431, "the header is too long");
    if (error) return refuse(400, "this is no HTTP request");
    const auto& header = parser_->get();
    is_head_ = header.method() == beast::http::verb::head;
    if (!is_head_ && header.method() != beast::http::verb::get) {
      return refuse(405, "GET and HEAD only");
    }
    if (!parser_->is_done()) return refuse(413, "no body is taken");
    keeps_alive_ = header.keep_alive();
    const std::string_view target(header.target().data(), header.target().size());
    auto request = parse_target(target);
    if (!request) return refuse(400, request.error().message());
    stream_->expires_never();
    answer_timer_.emplace(stream_->get_executor(), host_.options().answer_timeout);
    answer_timer_->async_wait([weak = weak_from_this()](const beast::error_code& cancelled) {
      const auto self = weak.lock();
      if (!cancelled && self) self->close();
    });
    host_.handle(*std::move(request),
                 [weak = weak_from_this(), &host = host_](Response response) mutable {
                   host.post([weak = std::move(weak), response = std::move(response)]() mutable {
                     if (const auto self = weak.lock()) self->answer(std::move(response));
                   });
                 });
  }

  void refuse(unsigned status, const std::string& why) {
    answer(Response::text(status, why + "\n", "text/plain; charset=utf-8"));
  }

  void answer(Response response) {
    if (!stream_) return;
    answer_timer_.reset();
    response_ = std::move(response);
    head_ = "HTTP/1.1 " + std::to_string(response_.status) + ' ';
    const auto reason =
        beast::http::obsolete_reason(static_cast<beast::http::status>(response_.status));
    head_.append(reason.data(), reason.size());
    head_ += "\r\nContent-Type: " + response_.content_type +
             "\r\nContent-Length: " + std::to_string(response_.body->size()) +
             "\r\nX-Content-Type-Options: nosniff\r\n";
    for (const auto& [name, value] : response_.headers) head_ += name + ": " + value + "\r\n";
    head_ += keeps_alive_ ? "\r\n" : "Connection: close\r\n\r\n";
    stream_->expires_after(host_.options().answer_timeout);
    const std::array<asio::const_buffer, 2> buffers = {
        asio::buffer(head_), is_head_ ? asio::const_buffer() : asio::buffer(*response_.body)};
    asio::async_write(*stream_, buffers,
                      [self = shared_from_this()](const beast::error_code& error, std::size_t) {
                        if (!self->stream_) return;
                        self->response_ = {};
                        if (error || !self->keeps_alive_) return self->close();
                        self->read();
                      });
  }

  Host& host_;  ///< Lives while there is a stream.
  std::optional<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_{64 * 1024};
  std::optional<Parser> parser_;
  std::optional<asio::steady_timer> answer_timer_;
  Response response_;
  std::string head_;
  bool is_waiting_ = true;
  bool is_head_ = false;
  bool keeps_alive_ = false;
};

}  // namespace

Response Response::text(unsigned status, std::string body, std::string content_type) {
  return {.status = status,
          .content_type = std::move(content_type),
          .body = std::make_shared<const std::string>(std::move(body))};
}

/// Thread: the server's, except `post` (mutex_), `start` and `stop`.
class Server::State final : public Host, public std::enable_shared_from_this<State> {
 public:
  State(Options options, Handler& handler)
      : options_(std::move(options)),
        handler_(handler),
        context_(std::in_place, 1),
        work_(context_->get_executor()) {}

  Result<std::uint16_t> start() {
    OTTLA_TRY(const std::uint16_t port, listen());
    thread_.emplace("http");
    thread_->post([this] {
      if (setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice) != 0) {
        PLOG(WARNING) << "[http] keeps its priority";
      }
      accept();
      context_->run();
    });
    return port;
  }

  void stop() {
    {
      MutexLock lock(mutex_);
      if (stopped_) return;
      stopped_ = true;
    }
    work_.reset();
    context_->stop();
    if (thread_) thread_->stop();
    for (const auto& session : std::list(sessions_)) session->close();
    acceptor_.reset();
    accept_pause_.reset();
    context_.reset();
  }

  void post(Task task) override {
    MutexLock lock(mutex_);
    if (stopped_) return;
    asio::post(*context_, [task = std::move(task)]() mutable { std::move(task)(); });
  }
  void post_after(std::chrono::milliseconds delay, Task task) {
    MutexLock lock(mutex_);
    if (stopped_) return;
    auto timer = std::make_shared<asio::steady_timer>(*context_, delay);
    asio::post(*context_, [timer, task = std::move(task)]() mutable {
      auto& waits = *timer;
      waits.async_wait([timer = std::move(timer),
                        task = std::move(task)](const beast::error_code& cancelled) mutable {
        if (!cancelled) std::move(task)();
      });
    });
  }
  void handle(Request request, Callback<Response> done) override {
    // A late answer finds this object, and that it has stopped.
    handler_.handle(std::move(request),
                    [self = shared_from_this(), done = std::move(done)](Response response) mutable {
                      std::move(done)(std::move(response));
                    });
  }
  void ended(Session& session) override {
    sessions_.remove_if([&](const auto& each) { return each.get() == &session; });
  }
  [[nodiscard]] const Options& options() const override { return options_; }

 private:
  Result<std::uint16_t> listen() {
    const std::string place = options_.host + ":" + std::to_string(options_.port);
    beast::error_code error;
    tcp::endpoint endpoint(tcp::v4(), options_.port);
    if (!options_.host.empty()) {
      tcp::resolver resolver(*context_);
      const auto found =
          resolver.resolve(options_.host, std::to_string(options_.port),
                           tcp::resolver::passive | tcp::resolver::numeric_service, error);
      if (error || found.empty()) {
        return fail(ErrorCode::InvalidConfig, place + ": " + error.message());
      }
      endpoint = found.begin()->endpoint();
    }
    acceptor_.emplace(*context_);
    (void)acceptor_->open(endpoint.protocol(), error);
    if (!error) (void)acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) (void)acceptor_->bind(endpoint, error);
    if (!error) (void)acceptor_->listen(tcp::acceptor::max_listen_connections, error);
    if (error) return fail(ErrorCode::InvalidConfig, place + ": " + error.message());
    return acceptor_->local_endpoint().port();
  }

  void accept() {
    acceptor_->async_accept([this](const beast::error_code& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return accept_later();  // out of file descriptors, most likely
      take_in(std::move(socket));
      accept();
    });
  }

  void accept_later() {
    accept_pause_.emplace(*context_, kAcceptPause);
    accept_pause_->async_wait([this](const beast::error_code& cancelled) {
      if (!cancelled) accept();
    });
  }

  void take_in(tcp::socket socket) {
    if (sessions_.size() >= options_.max_connections) {
      for (const auto& session : sessions_) {
        if (!session->is_waiting()) continue;
        const auto held = session;
        held->close();
        break;
      }
    }
    if (sessions_.size() >= options_.max_connections) return;  // all are being answered
    sessions_.push_back(std::make_shared<Session>(*this, std::move(socket)));
    const auto held = sessions_.back();
    held->start();
  }

  const Options options_;
  Handler& handler_;
  std::optional<asio::io_context> context_;  // empty after stop
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> accept_pause_;
  std::list<std::shared_ptr<Session>> sessions_;  ///< From the oldest on.
  std::optional<env::EventLoop> thread_;
  Mutex mutex_{LockRank::Network};
  bool stopped_ OTTLA_GUARDED_BY(mutex_) = false;
};

Server::Server(Options options, Handler& handler)
    : state_(std::make_shared<State>(std::move(options), handler)) {}

Server::~Server() {
  stop();
}

Result<std::uint16_t> Server::start() {
  return state_->start();
}

void Server::stop() {
  state_->stop();
}

void Server::post(Task task) {
  state_->post(std::move(task));
}

void Server::post_after(std::chrono::milliseconds delay, Task task) {
  state_->post_after(delay, std::move(task));
}

}  // namespace ottla::http
