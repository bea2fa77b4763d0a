// The API layer behind real sockets, and what happens to bad input.
#include "broker/api/api_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <memory>
#include <optional>

#include "broker/api/api_table.h"
#include "broker/api/testing/api_fixture.h"
#include "broker/network/network.h"
#include "common/protocol/messages/api_versions.h"
#include "common/protocol/messages/metadata.h"
#include "common/protocol/testing/any_message.h"

namespace ottla::api {
namespace {

using protocol::ApiKey;
using protocol::ApiVersion;

class ApiServerTest : public ApiFixture {};

TEST(ApiTable, ServesNoVersionThatKafkaOrTheProtocolDoesNotKnow) {
  std::int16_t last_key = -1;
  for (const ServedApi& api : served_apis()) {
    EXPECT_GT(static_cast<std::int16_t>(api.key), last_key) << "sorted by key";
    last_key = static_cast<std::int16_t>(api.key);
    const protocol::ApiInfo& known = protocol::info_of(api.key);
    EXPECT_GE(api.versions.first, known.versions.first) << known.name;
    EXPECT_LE(api.versions.last, known.versions.last) << known.name;
    if (!known.kafka_serves.empty()) {
      EXPECT_EQ(api.versions.first, known.kafka_serves.first) << known.name;
      EXPECT_GE(api.versions.last, known.kafka_serves.last) << known.name;
    }
  }
}

/// A request with random content in this version.
std::vector<std::byte> random_request(const ServedApi& api, std::int16_t version,
                                      protocol::RandomContent& random) {
  const auto* const type = protocol::find_message(api.key, protocol::Direction::Request);
  const auto message = type->make();
  message->fill(random, ApiVersion(version));
  auto frame = protocol::FrameWriter::request(api.key, ApiVersion(version), 42, "fuzz");
  EXPECT_TRUE(message->encode(frame.body(), ApiVersion(version)).has_value());
  const auto payload = frame.finish();
  EXPECT_TRUE(payload.has_value());
  const SharedBuffer flat = flatten(*payload);
  return {flat->data() + 4, flat->data() + flat->size()};
}

TEST_F(ApiServerTest, EveryServedVersionIsAnsweredAndTheAnswerIsWellFormed) {
  for (const ServedApi& api : served_apis()) {
    for (std::int16_t version = api.versions.first; version <= api.versions.last; ++version) {
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        protocol::RandomContent content(seed);
        const auto frame = random_request(api, version, content);
        const auto outcome = send_bytes(frame);
        io_pool.run();
        loop.run();
        if (api.key == ApiKey::Produce && outcome->kind != Outcome::Kind::Answered) continue;
        ASSERT_EQ(outcome->kind, Outcome::Kind::Answered)
            << protocol::name_of(api.key) << " v" << version << " seed " << seed;
        const auto response = protocol::parse_response(outcome->frame->bytes().subspan(4), api.key,
                                                       ApiVersion(version));
        ASSERT_TRUE(response.has_value());
        const auto decoded = protocol::find_message(api.key, protocol::Direction::Response)->make();
        protocol::Reader reader(response->body);
        ASSERT_TRUE(decoded->decode(reader, ApiVersion(version)).has_value())
            << protocol::name_of(api.key) << " v" << version;
        EXPECT_EQ(reader.remaining(), 0U) << protocol::name_of(api.key) << " v" << version;
      }
    }
  }
}

TEST_F(ApiServerTest, CutRequestsAreClosedAndNothingElse) {
  for (const ServedApi& api : served_apis()) {
    protocol::RandomContent content(3);
    const auto frame = random_request(api, api.versions.last, content);
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const auto outcome = send_bytes(ByteView(frame).first(size));
      io_pool.run();
      loop.run();
      EXPECT_NE(outcome->kind, Outcome::Kind::Waiting) << protocol::name_of(api.key);
      if (size < 10) {
        EXPECT_EQ(outcome->kind, Outcome::Kind::Closed) << protocol::name_of(api.key);
      }
    }
  }
}

TEST_F(ApiServerTest, DamagedRequestsEndOneWayOrTheOther) {
  env::SeededRandom damage(5);
  for (const ServedApi& api : served_apis()) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      protocol::RandomContent content(seed);
      auto frame = random_request(api, api.versions.last, content);
      for (int flips = 0; flips < 4; ++flips) {
        frame[damage.below(frame.size())] = static_cast<std::byte>(damage.below(256));
      }
      const auto outcome = send_bytes(frame);
      io_pool.run();
      loop.run();
      EXPECT_NE(outcome->kind, Outcome::Kind::Waiting) << protocol::name_of(api.key);
    }
  }
}

TEST_F(ApiServerTest, ClosesOnApisAndVersionsThatAreNotServed) {
  const std::vector<std::pair<std::int16_t, std::int16_t>> unknown = {
      {99, 0}, {-1, 0}, {1, 18}, {0, -1}, {3, 13}, {52, 0}, {32'767, 32'767}};
  for (const auto& [key, version] : unknown) {
    std::vector<std::byte> frame(16);
    store_big_endian(frame.data(), key);
    store_big_endian(frame.data() + 2, version);
    EXPECT_EQ(send_bytes(frame)->kind, Outcome::Kind::Closed) << key << " v" << version;
  }
  EXPECT_EQ(send_bytes({})->kind, Outcome::Kind::Closed);
}

/// A blocking client on loopback.
class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval timeout{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(ByteView bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// A whole frame with its size; nullopt when the broker closed.
  std::optional<SharedBuffer> receive() {
    std::byte size[4];
    if (!receive_into(size)) return std::nullopt;
    auto frame =
        std::make_shared<Buffer>(4 + static_cast<std::size_t>(load_big_endian<std::int32_t>(size)));
    std::copy(std::begin(size), std::end(size), frame->data());
    if (!receive_into(frame->bytes().subspan(4))) return std::nullopt;
    return frame;
  }

 private:
  bool receive_into(MutableByteView into) {
    for (std::size_t have = 0; have < into.size();) {
      const ssize_t got = ::recv(fd_, into.data() + have, into.size() - have, 0);
      if (got <= 0) return false;
      have += static_cast<std::size_t>(got);
    }
    return true;
  }

  int fd_;
};

class LoopbackTest : public ApiFixture {
 protected:
  LoopbackTest() : network_({.network_threads = 2}, pool_) {
    EXPECT_TRUE(network_.bind({{.name = "PLAINTEXT", .host = "127.0.0.1", .port = 0}}));
    port_ = network_.listeners().front().port;
    network_.start(server());
  }
  ~LoopbackTest() override { network_.stop(env::Duration::zero()); }

  template <class Request>
  static SharedBuffer frame_of(const Request& request, std::int16_t version) {
    const auto frame = protocol::encode_request(request, ApiVersion(version), 42, "test");
    EXPECT_TRUE(frame.has_value());
    return flatten(*frame);
  }

  env::ThreadPool pool_{"io", 1};
  network::Network network_;
  std::uint16_t port_ = 0;
};

TEST_F(LoopbackTest, ClientsAreServedOverSockets) {
  Client client(port_);
  client.send(frame_of(protocol::ApiVersionsRequest{"kcat", "1.7"}, 3)->bytes());
  client.send(frame_of(protocol::MetadataRequest{}, 12)->bytes());
  const auto versions = client.receive();
  ASSERT_TRUE(versions.has_value());
  const auto brokers = client.receive();
  ASSERT_TRUE(brokers.has_value());
  Outcome outcome{Outcome::Kind::Answered, *brokers};
  EXPECT_EQ(read<protocol::MetadataResponse>(outcome, 12).brokers.size(), 2U);
}

TEST_F(LoopbackTest, GarbageClosesItsConnectionOnly) {
  Client good(port_);
  for (const std::string& garbage :
       {std::string(300, '\xff'), std::string("GET / HTTP/1.0\r\n\r\n"),
        std::string("\x00\x00\x00\x00", 4), std::string("\x00\x00\x00\x08zzzzzzzz", 12)}) {
    Client bad(port_);
    bad.send(as_bytes(garbage));
    EXPECT_EQ(bad.receive(), std::nullopt);
  }
  good.send(frame_of(protocol::MetadataRequest{}, 9)->bytes());
  EXPECT_TRUE(good.receive().has_value());
}

}  // namespace
}  // namespace ottla::api
