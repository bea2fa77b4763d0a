#include "broker/network/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"

namespace ottla::network {
namespace {

using namespace std::chrono_literals;

std::string frame_of(std::string_view body) {
  std::string frame(4, '\0');
  store_big_endian(reinterpret_cast<std::byte*>(frame.data()),
                   static_cast<std::int32_t>(body.size()));
  return frame.append(body);
}

Payload bytes_payload(std::string_view text) {
  const SharedBuffer copy = Buffer::copy_of(as_bytes(text));
  Payload payload;
  payload.append(MemoryRange{copy, copy->bytes()});
  return payload;
}

Payload frame_payload(std::string_view body) {
  return bytes_payload(frame_of(body));
}

/// A blocking client socket; every wait has a deadline of ten seconds.
class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval timeout{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  bool send_frame(std::string_view body) { return send(frame_of(body)); }
  std::optional<std::string> receive(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t have = 0; have < size;) {
      const ssize_t got = ::recv(fd_, bytes.data() + have, size - have, 0);
      if (got <= 0) return std::nullopt;
      have += static_cast<std::size_t>(got);
    }
    return bytes;
  }
  std::optional<std::string> receive_frame() {
    const auto size = receive(4);
    if (!size) return std::nullopt;
    return receive(static_cast<std::size_t>(
        load_big_endian<std::int32_t>(reinterpret_cast<const std::byte*>(size->data()))));
  }
  /// Whether the other side closed, within the deadline.
  bool closed_by_peer() {
    char byte = 0;
    const ssize_t got = ::recv(fd_, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }
  /// Bytes that are there without waiting.
  bool has_input() {
    char byte = 0;
    return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

 private:
  int fd_;
  bool connected_ = false;
};

/// Answers with what a test wants; echoes by default. Keeps requests when told to.
class TestHandler final : public RequestHandler {
 public:
  using Handle = std::function<void(Request, Responder)>;

  TestHandler()
      : handle_([](Request request, Responder responder) {
          responder.respond(frame_payload(as_text(request.frame->bytes())));
        }) {}
  explicit TestHandler(Handle handle) : handle_(std::move(handle)) {}

  void handle(Request request, Responder responder) override {
    handle_(std::move(request), std::move(responder));
  }

 private:
  Handle handle_;
};

/// Requests that wait until the test answers them.
class Held {
 public:
  void add(Request request, Responder responder) {
    {
      MutexLock lock(mutex_);
      held_.emplace_back(as_text(request.frame->bytes()), std::move(responder));
    }
    changed_.notify_all();
  }
  bool wait_for(std::size_t count) OTTLA_NO_THREAD_SAFETY_ANALYSIS {
    MutexLock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return held_.size() >= count; });
  }
  std::size_t size() {
    MutexLock lock(mutex_);
    return held_.size();
  }
  std::string body(std::size_t i) {
    MutexLock lock(mutex_);
    return held_[i].first;
  }
  Responder take(std::size_t i) {
    MutexLock lock(mutex_);
    return std::move(held_[i].second);
  }

 private:
  Mutex mutex_{LockRank::Leaf};
  std::condition_variable_any changed_;
  std::vector<std::pair<std::string, Responder>> held_ OTTLA_GUARDED_BY(mutex_);
};

struct Server {
  explicit Server(RequestHandler& handler, NetworkOptions options = {},
                  const std::string& host = "127.0.0.1")
      : network(
            [&] {
              options.network_threads = 2;
              return options;
            }(),
            pool) {
    if (network.bind({{.host = host, .port = 0}})) port = network.listeners().front().port;
    network.start(handler);
  }

  env::ThreadPool pool{"io", 1};
  Network network;
  std::uint16_t port = 0;
};

bool eventually(const std::function<bool()>& holds) {
  env::SystemClock clock;
  const auto deadline = clock.now() + 10s;
  while (!holds()) {
    if (clock.now() > deadline) return false;
    ::usleep(500);
  }
  return true;
}

TEST(Network, AnswersEachFrame) {
  TestHandler echo;
  Server server(echo);
  Client client(server.port);
  for (const std::string& body : {std::string("a"), std::string(5'000, 'b'), std::string()}) {
    ASSERT_TRUE(client.send_frame(body));
    EXPECT_EQ(client.receive_frame(), body);
  }
}

TEST(Network, AnswersManyRequestsSentAtOnceInOrder) {
  TestHandler echo;
  Server server(echo);
  Client client(server.port);
  std::string all;
  for (int i = 0; i < 1'000; ++i) all += frame_of("request " + std::to_string(i));
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(client.receive_frame(), "request " + std::to_string(i));
  }
}

TEST(Network, TakesTheNextRequestOnlyAfterTheAnswer) {
  Held held;
  TestHandler holding([&](Request q, Responder r) { held.add(std::move(q), std::move(r)); });
  Server server(holding);
  Client client(server.port);
  Client other(server.port);
  client.send(frame_of("first") + frame_of("second"));
  ASSERT_TRUE(held.wait_for(1));
  other.send_frame("of another connection");
  ASSERT_TRUE(held.wait_for(2));
  EXPECT_EQ(held.body(1), "of another connection");

  held.take(0).respond(frame_payload("answer"));
  ASSERT_TRUE(held.wait_for(3));
  EXPECT_EQ(held.body(2), "second");
  EXPECT_EQ(client.receive_frame(), "answer");
}

TEST(Network, RequestsThatWereLetInAreAnsweredInTheirOrder) {
  Held held;
  TestHandler holding([&](Request q, Responder r) {
    r.next_permit()();
    held.add(std::move(q), std::move(r));
  });
  Server server(holding);
  Client client(server.port);
  client.send(frame_of("0") + frame_of("1") + frame_of("2"));
  ASSERT_TRUE(held.wait_for(3));
  held.take(2).respond(frame_payload("two"));
  held.take(1).respond_nothing();
  EXPECT_FALSE(client.has_input());
  held.take(0).respond(frame_payload("zero"));
  EXPECT_EQ(client.receive_frame(), "zero");
  EXPECT_EQ(client.receive_frame(), "two");
}

TEST(Network, BoundsTheRequestsThatAreLetIn) {
  Held held;
  TestHandler holding([&](Request q, Responder r) {
    r.next_permit()();
    held.add(std::move(q), std::move(r));
  });
  Server server(holding);
  Client client(server.port);
  for (int i = 0; i < 100; ++i) client.send_frame("x");
  ASSERT_TRUE(held.wait_for(32));
  EXPECT_EQ(held.size(), 32U);
  held.take(0).respond(frame_payload("y"));
  EXPECT_TRUE(held.wait_for(33));
}

TEST(Network, SendsFilesBetweenMemory) {
  char path[] = "/tmp/ottla-network-XXXXXX";
  const int fd = ::mkstemp(path);
  ASSERT_GE(fd, 0);
  ::unlink(path);
  std::string content(3 * 1024 * 1024 + 100, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i >> 7);
  ASSERT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
  ASSERT_EQ(::fsync(fd), 0);
  const auto owner = std::shared_ptr<void>(nullptr, [fd](void*) { ::close(fd); });

  for (const bool cold : {false, true}) {
    TestHandler files([&](Request, Responder responder) {
      Payload payload = bytes_payload(std::string("\x00\x2d\xc6\xce", 4) + "head");
      payload.append(FileRange{owner, fd, 5, 1'000'000});
      payload.append(bytes_payload("middle"));
      payload.append(bytes_payload("more"));
      payload.append(FileRange{owner, fd, 1'000'100, 2'000'000});
      responder.respond(std::move(payload));
    });
    Server server(files);
    Client client(server.port);
    if (cold) ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ASSERT_TRUE(client.send(frame_of("a") + frame_of("b")));
    const std::string expected =
        "head" + content.substr(5, 1'000'000) + "middlemore" + content.substr(1'000'100, 2'000'000);
    EXPECT_TRUE(client.receive_frame() == expected);
    EXPECT_TRUE(client.receive_frame() == expected);
  }
}

TEST(Network, ClosesWhenAFileIsShorterThanPromised) {
  char path[] = "/tmp/ottla-network-XXXXXX";
  const int fd = ::mkstemp(path);
  ::unlink(path);
  const auto owner = std::shared_ptr<void>(nullptr, [fd](void*) { ::close(fd); });
  TestHandler files([&](Request, Responder responder) {
    Payload payload = bytes_payload(std::string("\x00\x00\x03\xe8", 4));
    payload.append(FileRange{owner, fd, 0, 1'000});
    responder.respond(std::move(payload));
  });
  Server server(files);
  Client client(server.port);
  client.send_frame("a");
  EXPECT_EQ(client.receive_frame(), std::nullopt);
}

TEST(Network, ClosesOnSizesThatNoFrameMayHave) {
  TestHandler echo;
  Server server(echo);
  for (const std::string& bytes :
       {std::string("\xff\xff\xff\xff", 4), std::string("\x7f\xff\xff\xff", 4),
        std::string("GET / HTTP/1.1\r\n\r\n")}) {
    Client client(server.port);
    client.send(bytes);
    EXPECT_TRUE(client.closed_by_peer());
  }
  Client client(server.port);
  client.send_frame("still here");
  EXPECT_EQ(client.receive_frame(), "still here");
}

TEST(Network, ClosesWhenTheHandlerSaysSoOrForgetsTheRequest) {
  TestHandler closing([&](Request request, Responder responder) {
    if (as_text(request.frame->bytes()) == "close") responder.close_connection();
  });
  Server server(closing);
  for (const char* const body : {"close", "forget"}) {
    Client client(server.port);
    client.send_frame(body);
    EXPECT_TRUE(client.closed_by_peer()) << body;
  }
}

TEST(Network, StopsReadingFromAClientThatDoesNotRead) {
  std::atomic<int> handled{0};
  TestHandler large([&](Request, Responder responder) {
    ++handled;
    responder.respond(frame_payload(std::string(1024 * 1024, 'x')));
  });
  Server server(large);
  Client client(server.port);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client.send_frame("more"));
  ASSERT_TRUE(eventually([&] { return handled >= 4; }));
  Client other(server.port);
  other.send_frame("x");
  EXPECT_TRUE(other.receive_frame().has_value());
  // 4 MiB may wait, and the kernel's buffers on both sides take some more.
  EXPECT_LE(handled, 20);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client.receive_frame().has_value());
}

TEST(Network, RefusesConnectionsBeyondTheLimitPerAddress) {
  TestHandler echo;
  Server server(echo, {.limits = {.most_per_ip = 2}});
  Client first(server.port);
  auto second = std::make_unique<Client>(server.port);
  for (Client* const client : {&first, second.get()}) {
    client->send_frame("in");
    ASSERT_EQ(client->receive_frame(), "in");
  }
  EXPECT_TRUE(Client(server.port).closed_by_peer());
  EXPECT_EQ(server.network.counts().refused_connections, 1);
  second.reset();
  ASSERT_TRUE(eventually([&] { return server.network.counts().open_connections == 1; }));
  Client third(server.port);
  third.send_frame("in");
  EXPECT_EQ(third.receive_frame(), "in");
}

// The default listener, `PLAINTEXT://:9092`, takes both: an IPv4 client is known by its own
// address.
TEST(Network, KnowsIpv4ClientsByTheirAddressOnASocketForBoth) {
  TestHandler handler([](Request request, Responder responder) {
    responder.respond(frame_payload(request.connection->client_host));
  });
  Server server(handler, {.limits = {.most_per_ip = 0, .per_ip_overrides = {{"127.0.0.1", 1}}}},
                "");
  Client client(server.port);
  client.send_frame("who am I");
  EXPECT_EQ(client.receive_frame(), "127.0.0.1");
}

TEST(Network, LetsConnectionsWaitAtTheLimitOfTheBroker) {
  TestHandler echo;
  Server server(echo, {.limits = {.all = {.most = 1}}});
  auto first = std::make_unique<Client>(server.port);
  first->send_frame("a");
  ASSERT_TRUE(first->receive_frame().has_value());
  // An accept that was under way lets one more in; after that they wait in the backlog.
  Client second(server.port);
  Client third(server.port);
  third.send_frame("c");
  EXPECT_LE(server.network.counts().open_connections, 2);
  first.reset();
  server.network.set_connection_limits({});
  EXPECT_EQ(third.receive_frame(), "c");
}

TEST(Network, ClosesIdleConnectionsButNotBusyOnes) {
  Held held;
  TestHandler holding([&](Request q, Responder r) { held.add(std::move(q), std::move(r)); });
  Server server(holding, {.max_idle = 30ms});
  Client busy(server.port);
  busy.send_frame("wait");
  ASSERT_TRUE(held.wait_for(1));
  EXPECT_TRUE(Client(server.port).closed_by_peer());
  EXPECT_TRUE(eventually([&] { return server.network.counts().open_connections == 1; }));
  EXPECT_EQ(server.network.counts().expired_connections, 1);
  held.take(0).respond(frame_payload("late"));
  EXPECT_EQ(busy.receive_frame(), "late");
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(Network, AThousandHalfOpenConnectionsWithHugeSizesCostLittle) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 2'100) GTEST_SKIP() << "needs 2100 descriptors";

  TestHandler echo;
  Server server(echo, {.listen_backlog = 1'024});
  const std::size_t before = resident_bytes();
  std::vector<std::unique_ptr<Client>> half_open;
  for (int i = 0; i < 1'000; ++i) {
    half_open.push_back(std::make_unique<Client>(server.port));
    ASSERT_TRUE(half_open.back()->connected());
    // A frame of 100 MB is announced; a few bytes of it come.
    ASSERT_TRUE(half_open.back()->send(std::string("\x06\x00\x00\x00garbage", 11)));
  }
  ASSERT_TRUE(eventually([&] { return server.network.counts().open_connections == 1'000; }));
  Client client(server.port);
  client.send_frame("served");
  EXPECT_EQ(client.receive_frame(), "served");
  EXPECT_LT(resident_bytes() - before, 64U * 1024 * 1024);
}

TEST(Network, StopAnswersWhatIsUnderWay) {
  Held held;
  TestHandler holding([&](Request q, Responder r) { held.add(std::move(q), std::move(r)); });
  Server server(holding);
  Client busy(server.port);
  Client idle(server.port);
  busy.send_frame("last");
  ASSERT_TRUE(held.wait_for(1));
  env::EventLoop stopper("stopper");
  stopper.post([&] { server.network.stop(10s); });
  EXPECT_TRUE(idle.closed_by_peer());
  held.take(0).respond(frame_payload("answered"));
  EXPECT_EQ(busy.receive_frame(), "answered");
  EXPECT_TRUE(busy.closed_by_peer());
  stopper.stop();
  EXPECT_FALSE(Client(server.port).connected());
}

TEST(Network, AnswersAfterStopAreDropped) {
  Held held;
  TestHandler holding([&](Request q, Responder r) { held.add(std::move(q), std::move(r)); });
  {
    Server server(holding);
    Client client(server.port);
    client.send_frame("x");
    ASSERT_TRUE(held.wait_for(1));
  }
  held.take(0).respond(frame_payload("too late"));
}

TEST(Network, LoopsRunTasksAndTimers) {
  env::ThreadPool pool("io", 1);
  Network network({.network_threads = 1}, pool);
  env::Executor& loop = *network.loops().front();
  Held done;
  auto cancelled = loop.post_after(1ms, [&] { done.add({Buffer::copy_of({}), nullptr}, {}); });
  cancelled->cancel();
  loop.post([&] { done.add({Buffer::copy_of(as_bytes("task")), nullptr}, {}); });
  auto timer =
      loop.post_after(5ms, [&] { done.add({Buffer::copy_of(as_bytes("timer")), nullptr}, {}); });
  ASSERT_TRUE(done.wait_for(2));
  EXPECT_EQ(done.body(0), "task");
  EXPECT_EQ(done.body(1), "timer");
}

/// Where each of so many new connections is served, by a request of each.
std::set<const env::Executor*> homes_of(const std::vector<std::unique_ptr<Client>>& clients,
                                        Held& held, std::vector<const env::Executor*>& homes) {
  const std::size_t before = held.size();
  for (const auto& client : clients) EXPECT_TRUE(client->send_frame("x"));
  EXPECT_TRUE(held.wait_for(before + clients.size()));
  for (std::size_t i = 0; i < clients.size(); ++i) {
    held.take(before + i).respond(frame_payload("answered"));
  }
  for (const auto& client : clients) EXPECT_EQ(client->receive_frame(), "answered");
  return {homes.begin() + static_cast<std::ptrdiff_t>(before), homes.end()};
}

std::vector<std::unique_ptr<Client>> connect(std::uint16_t port, int count) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < count; ++i) clients.push_back(std::make_unique<Client>(port));
  return clients;
}

TEST(Network, MoreLoopsTakeConnectionsAndFewerOnceAsked) {
  Held held;
  Mutex mutex{LockRank::Leaf};
  std::vector<const env::Executor*> homes;
  TestHandler noting([&](Request request, Responder responder) {
    {
      const MutexLock lock(mutex);
      homes.push_back(request.connection->loop.get());
    }
    held.add(std::move(request), std::move(responder));
  });
  Server server(noting);
  const auto first = connect(server.port, 8);
  EXPECT_EQ(homes_of(first, held, homes).size(), 2U);
  EXPECT_EQ(server.network.loop_times().size(), 2U);

  server.network.set_threads(4);
  const auto second = connect(server.port, 8);
  EXPECT_EQ(homes_of(second, held, homes).size(), 4U);
  EXPECT_EQ(homes_of(first, held, homes).size(), 2U) << "a connection stays where it is";
  EXPECT_EQ(server.network.loop_times().size(), 4U);

  // Of the loops that go, those that are idle are closed; who waits for an answer gets it first.
  const std::size_t before = held.size();
  for (const auto& client : second) ASSERT_TRUE(client->send_frame("y"));
  ASSERT_TRUE(held.wait_for(before + second.size()));
  server.network.set_threads(1);
  EXPECT_TRUE(eventually([&] { return server.network.counts().open_connections < 16; }));
  for (std::size_t i = 0; i < second.size(); ++i) {
    held.take(before + i).respond(frame_payload("last"));
  }
  for (const auto& client : second) EXPECT_EQ(client->receive_frame(), "last");
  EXPECT_TRUE(eventually([&] { return server.network.counts().open_connections == 6; }))
      << "four of the first and two of the second were on the loop that stays, but there are "
      << server.network.counts().open_connections;
  const auto third = connect(server.port, 3);
  EXPECT_EQ(homes_of(third, held, homes).size(), 1U);
  EXPECT_EQ(server.network.loop_times().size(), 1U);

  server.network.set_threads(3);
  const auto fourth = connect(server.port, 6);
  EXPECT_EQ(homes_of(fourth, held, homes).size(), 3U);
}

// Clients that come back when they are closed, as Kafka's do, lose no request.
TEST(Network, TheNumberOfLoopsChangesUnderLoad) {
  TestHandler echo;
  Server server(echo);
  std::atomic<bool> is_over = false;
  std::atomic<int> answered = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::unique_ptr<env::EventLoop>> threads;
  for (int i = 0; i < 4; ++i) {
    threads.push_back(std::make_unique<env::EventLoop>("client"));
    threads.back()->post([&] {
      while (!is_over) {
        Client client(server.port);
        while (!is_over && client.send_frame("ping")) {
          const auto answer = client.receive_frame();
          if (!answer) break;  // closed before it was read: it was not carried out
          if (*answer != "ping") ++wrong;
          ++answered;
        }
      }
    });
  }
  for (const int count : {5, 1, 3, 2, 6, 1}) {
    server.network.set_threads(count);
    const int before = answered;
    EXPECT_TRUE(eventually([&] { return answered > before + 200; })) << count << " loops";
  }
  is_over = true;
  for (const auto& thread : threads) thread->stop();
  EXPECT_EQ(wrong, 0);
}

class ChangedListeners : public testing::Test {
 protected:
  static ListenerOptions listener(const std::string& name, std::uint16_t port = 0) {
    return {.name = name, .host = "127.0.0.1", .port = port};
  }
  std::uint16_t port_of(const std::string& name) {
    for (const BoundListener& at : server.network.listeners()) {
      if (at.name == name) return at.port;
    }
    return 0;
  }
  static bool is_served(Client& client) {
    return client.send_frame("hello") && client.receive_frame() == "hello";
  }

  TestHandler handler;
  Server server{handler};
  const ListenerOptions first = listener("PLAINTEXT");
};

TEST_F(ChangedListeners, OneComesAndGoesAndTheOtherIsNotTouched) {
  Client before(server.port);
  ASSERT_TRUE(is_served(before));
  ASSERT_TRUE(server.network.set_listeners({first, listener("SECOND")}));
  EXPECT_EQ(port_of("PLAINTEXT"), server.port);
  Client on_second(port_of("SECOND"));
  ASSERT_TRUE(is_served(on_second));
  EXPECT_EQ(server.network.listener_counts()["SECOND"].accepted, 1);

  const std::uint16_t left = port_of("SECOND");
  ASSERT_TRUE(server.network.set_listeners({first}));
  EXPECT_TRUE(on_second.closed_by_peer());
  EXPECT_FALSE(Client(left).connected());
  EXPECT_TRUE(is_served(before));
  EXPECT_TRUE(eventually([&] { return server.network.listener_counts()["SECOND"].closed == 1; }));
}

TEST_F(ChangedListeners, WhoWaitsForAnAnswerOnOneThatGoesGetsIt) {
  Held held;
  TestHandler holding([&](Request request, Responder responder) {
    held.add(std::move(request), std::move(responder));
  });
  Server two(holding);
  ASSERT_TRUE(two.network.set_listeners({first, listener("SECOND")}));
  Client client(two.network.listeners().back().port);
  ASSERT_TRUE(client.send_frame("late"));
  ASSERT_TRUE(held.wait_for(1));
  ASSERT_TRUE(two.network.set_listeners({first}));
  held.take(0).respond(frame_payload("answer"));
  EXPECT_EQ(client.receive_frame(), "answer");
  EXPECT_TRUE(client.closed_by_peer());
}

TEST_F(ChangedListeners, OneMovesAndItsConnectionsStay) {
  Client before(server.port);
  ASSERT_TRUE(is_served(before));
  ListenerOptions moved = first;
  moved.host = "127.0.0.2";
  ASSERT_TRUE(server.network.set_listeners({moved}));
  EXPECT_FALSE(Client(server.port).connected());
  EXPECT_EQ(server.network.listeners().front().host, "127.0.0.2");
  EXPECT_TRUE(is_served(before));
}

TEST_F(ChangedListeners, TwoMayChangePorts) {
  ASSERT_TRUE(server.network.set_listeners({first, listener("SECOND")}));
  const auto one = port_of("PLAINTEXT");
  const auto other = port_of("SECOND");
  const std::vector<ListenerOptions> crossed = {listener("PLAINTEXT", other),
                                                listener("SECOND", one)};
  EXPECT_TRUE(server.network.check_listeners(crossed));
  ASSERT_TRUE(server.network.set_listeners(crossed));
  EXPECT_EQ(port_of("PLAINTEXT"), other);
  EXPECT_EQ(port_of("SECOND"), one);
}

TEST_F(ChangedListeners, WhatCannotMoveStays) {
  Server other(handler);
  const std::vector<ListenerOptions> onto_another = {listener("PLAINTEXT", other.port),
                                                     listener("SECOND")};
  const auto checked = server.network.check_listeners(onto_another);
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message().find("Address already in use"), std::string::npos);
  ASSERT_FALSE(server.network.set_listeners(onto_another));
  Client client(port_of("PLAINTEXT"));
  EXPECT_TRUE(is_served(client));
  Client on_second(port_of("SECOND"));
  EXPECT_TRUE(is_served(on_second)) << "what can be opened is";
  EXPECT_FALSE(server.network.check_listeners({{.name = "S", .security_protocol = "SSL"}}));
}

TEST(Network, TellsWhyAListenerCannotBeBound) {
  env::ThreadPool pool("io", 1);
  Network network({.network_threads = 1}, pool);
  const auto tls = network.bind({{.name = "S", .security_protocol = "SSL"}});
  EXPECT_EQ(tls.error().code(), ErrorCode::InvalidConfig);
  ASSERT_TRUE(network.bind({{.host = "127.0.0.1", .port = 0}}));
  Network second({.network_threads = 1}, pool);
  EXPECT_FALSE(second.bind({{.host = "192.0.2.1", .port = 0}}).has_value());
}

}  // namespace
}  // namespace ottla::network
