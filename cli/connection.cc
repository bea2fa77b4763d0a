#include "cli/connection.h"

#include <array>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio.hpp>

namespace ottla::cli {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::int32_t kLargestFrame = 512 * 1024 * 1024;

}  // namespace

struct Connection::Socket {
  asio::io_context context;
  asio::ip::tcp::socket socket{context};
  std::string address;

  /// Runs what was started until it is done or the time is over.
  [[nodiscard]] bool run(std::chrono::milliseconds timeout) {
    context.restart();
    context.run_for(timeout);
    if (context.stopped()) return true;
    error_code ignored;
    socket.close(ignored);
    context.run();
    return false;
  }
  [[nodiscard]] tl::unexpected<Error> broken(const error_code& error) const {
    return fail(ErrorCode::NetworkException, address + ": " + error.message());
  }
  [[nodiscard]] tl::unexpected<Error> late(std::chrono::milliseconds timeout) const {
    return fail(ErrorCode::RequestTimedOut,
                address + ": no answer within " + std::to_string(timeout.count()) + " ms");
  }
};

Connection::Connection(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::open(const std::string& host, std::uint16_t port,
                                                     std::chrono::milliseconds timeout) {
  auto socket = std::make_unique<Socket>();
  socket->address = host + ":" + std::to_string(port);
  asio::ip::tcp::resolver resolver(socket->context);
  error_code error;
  const auto addresses = resolver.resolve(host, std::to_string(port), error);
  if (error) return socket->broken(error);
  asio::async_connect(socket->socket, addresses,
                      [&](const error_code& result, const auto&) { error = result; });
  if (!socket->run(timeout)) return socket->late(timeout);
  if (error) return socket->broken(error);
  socket->socket.set_option(asio::ip::tcp::no_delay(true), error);
  return std::unique_ptr<Connection>(new Connection(std::move(socket)));
}

Result<SharedBuffer> Connection::exchange(const Payload& frame, std::chrono::milliseconds timeout) {
  std::vector<asio::const_buffer> pieces;
  for (const auto& piece : frame.pieces()) {
    const auto* memory = std::get_if<MemoryRange>(&piece);
    if (memory == nullptr) return fail(ErrorCode::InvalidRequest, "a frame must be in memory");
    pieces.emplace_back(memory->bytes.data(), memory->bytes.size());
  }
  auto& socket = socket_->socket;
  error_code error;
  std::array<std::byte, 4> size_bytes{};
  asio::async_write(socket, pieces, [&](const error_code& written, std::size_t) {
    error = written;
    if (error) return;
    asio::async_read(socket, asio::buffer(size_bytes),
                     [&](const error_code& read, std::size_t) { error = read; });
  });
  if (!socket_->run(timeout)) return socket_->late(timeout);
  if (error) return socket_->broken(error);

  const auto size = load_big_endian<std::int32_t>(size_bytes.data());
  if (size < 0 || size > kLargestFrame) {
    return fail(
        ErrorCode::NetworkException,
        socket_->address + ": the answer is no Kafka frame (size " + std::to_string(size) + ")");
  }
  auto buffer = std::make_shared<Buffer>(static_cast<std::size_t>(size));
  asio::async_read(socket, asio::buffer(buffer->data(), buffer->size()),
                   [&](const error_code& read, std::size_t) { error = read; });
  if (!socket_->run(timeout)) return socket_->late(timeout);
  if (error) return socket_->broken(error);
  return buffer;
}

}  // namespace ottla::cli
