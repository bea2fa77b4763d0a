#include "common/testing/zookeeper_harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include <glog/logging.h>

#include "common/testing/simulated_world.h"
#include "common/testing/simulated_zookeeper.h"
#include "common/zookeeper/c_client.h"

namespace ottla::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SimulatedHarness final : public ZooKeeperHarness {
 public:
  explicit SimulatedHarness(std::uint64_t seed) : world_(seed), ensemble_(world_) {}

  std::unique_ptr<zookeeper::Client> make_client(const std::string& name) override {
    return ensemble_.make_client(name);
  }
  std::unique_ptr<env::Executor> make_loop() override { return world_.make_executor(); }
  [[nodiscard]] env::Clock& clock() override { return world_.clock(); }
  [[nodiscard]] env::Random& random() override { return world_.random(); }
  bool wait(const std::function<bool()>& condition) override {
    return world_.run_until_true(condition, seconds(120));
  }
  void cut(const std::string& client) override { ensemble_.cut(client); }
  void heal(const std::string& client) override { ensemble_.heal(client); }
  void drop(const std::string& client) override { ensemble_.drop_connection(client); }
  void let_session_end() override { world_.run_for(seconds(10)); }

 private:
  SimulatedWorld world_;
  SimulatedZooKeeper ensemble_;
};

/// Below a chroot of its own, so that tests do not meet.
class RealHarness final : public ZooKeeperHarness {
 public:
  RealHarness(std::string proxy, int control_port)
      : connect_(std::move(proxy) + "/ottla-test/" + random_.uuid().to_hex()),
        control_(connect_to(control_port)) {}
  ~RealHarness() override { ::close(control_); }

  std::unique_ptr<zookeeper::Client> make_client(const std::string&) override {
    auto client =
        zookeeper::make_c_client({.connect = connect_, .session_timeout = milliseconds(1000)});
    CHECK(client.has_value()) << client.error();
    return *std::move(client);
  }
  std::unique_ptr<env::Executor> make_loop() override {
    return std::make_unique<env::EventLoop>("test-loop");
  }
  [[nodiscard]] env::Clock& clock() override { return clock_; }
  [[nodiscard]] env::Random& random() override { return random_; }
  bool wait(const std::function<bool()>& condition) override {
    const env::MonotonicTime end = clock_.now() + seconds(20);
    while (!condition()) {
      if (clock_.now() > end) return condition();
      std::this_thread::sleep_for(milliseconds(1));
    }
    return true;
  }
  void cut(const std::string&) override { command("cut\n"); }
  void heal(const std::string&) override { command("heal\n"); }
  void drop(const std::string&) override { command("drop\n"); }
  void let_session_end() override {
    // Nothing tells it from this side: the server forgets after the timeout, rounded up to ticks.
    std::this_thread::sleep_for(milliseconds(1500));
  }

 private:
  static int connect_to(int port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    PCHECK(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return descriptor;
  }
  void command(const std::string& line) {
    PCHECK(::write(control_, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    char answer[3];
    for (std::size_t got = 0; got < sizeof answer;) {
      const ssize_t n = ::read(control_, answer + got, sizeof answer - got);
      PCHECK(n > 0);
      got += static_cast<std::size_t>(n);
    }
  }

  env::SystemClock clock_;
  env::SystemRandom random_;
  std::string connect_;
  int control_;
};

}  // namespace

std::unique_ptr<ZooKeeperHarness> simulated_zookeeper_harness(std::uint64_t seed) {
  return std::make_unique<SimulatedHarness>(seed);
}

std::unique_ptr<ZooKeeperHarness> real_zookeeper_harness() {
  const char* proxy = std::getenv("OTTLA_TEST_ZOOKEEPER_PROXY");
  const char* control = std::getenv("OTTLA_TEST_ZOOKEEPER_CONTROL");
  if (proxy == nullptr || control == nullptr) return nullptr;
  return std::make_unique<RealHarness>(proxy, std::atoi(control));
}

}  // namespace ottla::testing
