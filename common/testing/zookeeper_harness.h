#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/random.h"
#include "common/zookeeper/client.h"

namespace ottla::testing {

/// A ZooKeeper for tests that run the same on the simulated ensemble and on a real server.
class ZooKeeperHarness {
 public:
  virtual ~ZooKeeperHarness() = default;

  /// A client whose connection `cut`, `heal` and `drop` concern.
  virtual std::unique_ptr<zookeeper::Client> make_client(const std::string& name) = 0;
  virtual std::unique_ptr<env::Executor> make_loop() = 0;
  [[nodiscard]] virtual env::Clock& clock() = 0;
  [[nodiscard]] virtual env::Random& random() = 0;

  /// Lets things happen until the condition is true; false when it did not come true in time. The
  /// condition looks only at what is safe to be read beside the client's thread.
  virtual bool wait(const std::function<bool()>& condition) = 0;

  /// No connection for this client until `heal`; real servers cut all clients of the harness.
  virtual void cut(const std::string& client) = 0;
  virtual void heal(const std::string& client) = 0;
  virtual void drop(const std::string& client) = 0;
  /// The session of a client that is cut ends.
  virtual void let_session_end() = 0;
};

[[nodiscard]] std::unique_ptr<ZooKeeperHarness> simulated_zookeeper_harness(std::uint64_t seed);
/// Null unless the test runs under integration-tests/with_zookeeper.py.
[[nodiscard]] std::unique_ptr<ZooKeeperHarness> real_zookeeper_harness();

}  // namespace ottla::testing
