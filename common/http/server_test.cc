#include "common/http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

namespace ottla::http {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

/// A plain socket to the server.
class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(fd_); }

  void send(const std::string& text) {
    // A closed connection shows when it is read.
    (void)::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// Everything until the server closes, or until `end` has come.
  std::string receive(const std::string& end = "") {
    std::string all;
    char buffer[4096];
    while (end.empty() || all.find(end) == std::string::npos) {
      const ssize_t count = recv(fd_, buffer, sizeof(buffer), 0);
      if (count <= 0) break;
      all.append(buffer, static_cast<std::size_t>(count));
    }
    return all;
  }

 private:
  int fd_;
};

class Echo final : public Handler {
 public:
  void handle(Request request, Callback<Response> done) override {
    if (request.path == "/never") return;
    if (request.path == "/later") {
      later = std::move(done);
      waiting.set_value();
      return;
    }
    std::string text = request.path;
    for (const auto& [name, value] : request.query) text += '|' + name + '=' + value;
    if (request.path == "/large") text.assign(8 << 20, 'x');
    std::move(done)(Response::text(200, text, "text/plain"));
  }

  Callback<Response> later;
  std::promise<void> waiting;
};

class ServerTest : public testing::Test {
 protected:
  std::uint16_t start(Options options = {}) {
    server_ = std::make_unique<Server>(std::move(options), echo_);
    const auto port = server_->start();
    EXPECT_TRUE(port);
    return *port;
  }

  Echo echo_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersManyRequestsOnOneConnection) {
  Client client(start());
  client.send("GET /a?x=1&y=a%20b HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.receive("|y=a b"), HasSubstr("/a|x=1|y=a b"));
  client.send("GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, AHeadHasTheLengthAndNoBody) {
  Client client(start());
  client.send("HEAD /abc HTTP/1.0\r\n\r\n");
  const std::string answer = client.receive();
  EXPECT_THAT(answer, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(ServerTest, RefusesWhatIsNoGet) {
  const std::uint16_t port = start();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "405"},
      {"GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "413"},
      {"GET /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "413"},
      {"\x16\x03\x01\x02 this is TLS\r\n\r\n", "400"},
      {"GET /%zz HTTP/1.1\r\n\r\n", "400"},
      {"GET http://elsewhere/ HTTP/1.1\r\n\r\n", "400"},
      {"GET /a HTTP/1.1\r\nX: " + std::string(9000, 'x') + "\r\n\r\n", "431"}};
  for (const auto& [request, status] : cases) {
    Client client(port);
    client.send(request);
    EXPECT_THAT(client.receive("\r\n\r\n"), StartsWith("HTTP/1.1 " + status))
        << request.substr(0, 60);
  }
}

TEST_F(ServerTest, ClosesWhoIsTooSlow) {
  Options options;
  options.request_timeout = milliseconds(50);
  options.answer_timeout = milliseconds(50);
  options.idle_timeout = milliseconds(50);
  const std::uint16_t port = start(options);
  Client silent(port);
  Client slow(port);
  slow.send("GET / HT");
  Client unanswered(port);
  unanswered.send("GET /never HTTP/1.1\r\n\r\n");
  Client deaf(port);
  deaf.send("GET /large HTTP/1.1\r\n\r\n");
  EXPECT_EQ(silent.receive(), "");
  EXPECT_EQ(slow.receive(), "");
  EXPECT_EQ(unanswered.receive(), "");
}

TEST_F(ServerTest, ANewConnectionTakesThePlaceOfTheOneThatWaitedLongest) {
  Options options;
  options.max_connections = 2;
  const std::uint16_t port = start(options);
  Client first(port);
  Client second(port);
  Client third(port);
  third.send("GET /third HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(third.receive(), HasSubstr("/third"));
  EXPECT_EQ(first.receive(), "");
  second.send("GET /second HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(second.receive(), HasSubstr("/second"));
}

TEST_F(ServerTest, AnswersFromAnotherThreadAndNotAfterItsEnd) {
  const std::uint16_t port = start();
  Client client(port);
  client.send("GET /later HTTP/1.1\r\nConnection: close\r\n\r\n");
  echo_.waiting.get_future().wait();
  std::move(echo_.later)(Response::text(200, "done", "text/plain"));
  EXPECT_THAT(client.receive(), HasSubstr("done"));

  echo_.waiting = {};
  Client late(port);
  late.send("GET /later HTTP/1.1\r\n\r\n");
  echo_.waiting.get_future().wait();
  server_->stop();
  std::move(echo_.later)(Response::text(200, "done", "text/plain"));
  EXPECT_EQ(late.receive(), "");
}

TEST_F(ServerTest, APortThatIsTakenIsAnError) {
  Options options;
  options.port = start();
  Server other(options, echo_);
  const auto port = other.start();
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error().message(), HasSubstr("127.0.0.1:"));
}

TEST(ParseTarget, DecodesPathAndQuery) {
  const auto request = parse_target("/a%2Fb?q=1%262&empty&x=a+b&x=c#part");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->path, "/a/b");
  const std::map<std::string, std::string> query = {{"q", "1&2"}, {"empty", ""}, {"x", "c"}};
  EXPECT_EQ(request->query, query);
  EXPECT_FALSE(parse_target("/%2"));
  EXPECT_FALSE(parse_target(""));
  EXPECT_FALSE(parse_target("*"));
}

}  // namespace
}  // namespace ottla::http
